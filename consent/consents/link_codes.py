"""The short code that proves an account at a source: for the resident's eyes only, as long as it can be typed.

The source's side finds it by a blind index; the resident reads it from a copy that is sealed under their own key. Both
go together: when it is typed, replaced or stopped, or soon after its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consent.crypto.blind_index import IndexUse, blind_index, new_code
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.grants import LINK_CODE_LIFE
from consent.persons import Person


@dataclass(frozen=True, slots=True)
class PendingLink:
    """A link waiting for its code; the code is for the resident's eyes only."""

    link_id: str
    code: str
    code_expires_at: datetime


async def create(
    keyring: Keyring, person: Person, source_id: str, account_index: str, link_id: str, at: datetime
) -> PendingLink:
    """Make the code of a pending link; an earlier one of the same link is no longer good."""
    code, expires_at = new_code(), at + LINK_CODE_LIFE
    await queries.execute("DELETE FROM link_code WHERE person_id = $1 AND link_id = $2", person.person_id, link_id)
    await queries.execute(
        "INSERT INTO link_code (code_index, source_id, account_index, person_id, link_id, expires_at, sealed_code)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        blind_index(keyring, IndexUse.LINK_CODE, source_id, code),
        source_id,
        account_index,
        person.person_id,
        link_id,
        queries.to_micros(expires_at),
        person.seal("link_code", "sealed_code", link_id, code.encode()),
    )
    return PendingLink(link_id, code, expires_at)


async def list_for(person: Person, at: datetime) -> dict[str, PendingLink]:
    """The person's codes that can still be typed, by the link that waits for each."""
    found = await queries.fetch_all(
        "SELECT link_id, expires_at, sealed_code FROM link_code WHERE person_id = $1 AND expires_at > $2"
        " AND sealed_code IS NOT NULL",
        person.person_id,
        queries.to_micros(at),
    )
    return {
        row["link_id"]: PendingLink(
            row["link_id"],
            person.open("link_code", "sealed_code", row["link_id"], bytes(row["sealed_code"])).decode(),
            queries.from_micros(row["expires_at"]),
        )
        for row in found
    }


async def delete_expired(at: datetime) -> int:
    """Drop codes that nobody typed in time; how many."""
    return await queries.execute("DELETE FROM link_code WHERE expires_at < $1", queries.to_micros(at))
