"""The withholding of records, while the database may be an older copy of itself whose tombstones are not replayed."""

from __future__ import annotations

from consent.database import queries
from consent.database.write_plan import Expect, Write
from consent.kernel.errors import require_not_withheld

WITHHELD_FLAG = "(SELECT withheld FROM log_head WHERE log = 'consent')"
"""SQL: 1 while nothing may be used (`RecordsWithheld`), else 0."""
WITHHELD = f"{WITHHELD_FLAG} AS withheld"
NOT_WITHHELD = Write(Expect(WITHHELD_FLAG), (0,))
"""The write that makes a plan a conflict while nothing may be used."""


async def require_usable() -> None:
    """Raise RecordsWithheld while nothing may be used: this copy of the database may lack the end of a consent."""
    head = await queries.fetch_one(f"SELECT {WITHHELD}")
    assert head is not None
    require_not_withheld(head["withheld"])
