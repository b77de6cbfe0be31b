"""The short code that proves an account at a source; shown to its resident alone, while it can still be typed.

The source's request reaches the code by a blind index; the resident reads a copy sealed under their own key. Both are
one row, deleted when the code is typed, replaced or stopped, or soon after it has expired.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consent.crypto.blind_index import IndexUse, blind_index, new_code
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.grants import LINK_CODE_LIFE
from consent.models import LinkCode
from consent.persons import Person


@dataclass(frozen=True, slots=True)
class PendingLink:
    """A link that waits for its code; only the resident may see the code."""

    link_id: str
    code: str
    code_expires_at: datetime


async def create(
    keyring: Keyring, person: Person, source_id: str, account_index: str, link_id: str, at: datetime
) -> PendingLink:
    """Make the code of a pending link; an earlier code of the same link stops working. Needs a transaction."""
    code, expires_at = new_code(), at + LINK_CODE_LIFE
    await LinkCode.filter(person_id=person.person_id, link_id=link_id).delete()
    await LinkCode.create(
        code_index=blind_index(keyring, IndexUse.LINK_CODE, source_id, code),
        source_id=source_id,
        account_index=account_index,
        person_id=person.person_id,
        link_id=link_id,
        expires_at=queries.to_micros(expires_at),
        sealed_code=person.seal("link_code", "sealed_code", link_id, code.encode()),
    )
    return PendingLink(link_id, code, expires_at)


async def list_for(person: Person, at: datetime) -> dict[str, PendingLink]:
    """Return the person's codes that can still be typed, by link id."""
    rows = await LinkCode.filter(
        person_id=person.person_id, expires_at__gt=queries.to_micros(at), sealed_code__isnull=False
    ).values("link_id", "expires_at", "sealed_code")
    return {
        row["link_id"]: PendingLink(
            row["link_id"],
            person.open("link_code", "sealed_code", row["link_id"], row["sealed_code"]).decode(),
            queries.from_micros(row["expires_at"]),
        )
        for row in rows
    }


async def delete_expired(at: datetime) -> int:
    """Delete the codes that nobody typed in time; return their number."""
    return await LinkCode.filter(expires_at__lt=queries.to_micros(at)).delete()
