"""The catalogue's change number, which rises with every act on any document and fences decisions by the catalogue.

SQL text: the number is part of statements of other modules, and nearly every request reads it.
"""

from __future__ import annotations

from consent.database import queries
from consent.database.write_plan import Expect, Write

CHANGES = "(SELECT changes FROM catalogue_state)"
"""SQL: the change number as of the statement's beginning."""
_STILL = Expect(CHANGES)
_STILL_AFTER_LOCKS = Expect("catalogue_changes()")
"""A volatile function: it reads the number when it is called, after the locks of the same statement are granted."""


async def read() -> int:
    """Return the change number."""
    row = await queries.fetch_one("SELECT changes FROM catalogue_state")
    assert row is not None
    return int(row["changes"])


def still_unchanged(changes: int) -> Write:
    """Return the write of a plan that stops it where the catalogue has changed since it had this number.

    The catalogue is not locked for it: every redemption in the city would wait there.
    """
    return Write(_STILL_AFTER_LOCKS if queries.supports_multi_table_writes() else _STILL, (changes,))
