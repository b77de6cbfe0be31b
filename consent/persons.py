"""Residents as this room knows them: found by a blind index, fenced by an epoch, sealed by a key of their own.

Every change of what may be used bumps the person's epoch under the row lock; a result computed under an older epoch
is refused when it is written and disbelieved when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.crypto import vault
from consent.crypto.blind_index import IndexUse, blind_index, new_id, subject_index_under
from consent.crypto.vault import Keyring, Place
from consent.database import queries
from consent.kernel.errors import Conflict, NotFound

REWRAPPED_AT_ONCE = 1_000
"""Persons read at once when keys are rotated."""


@dataclass(frozen=True, slots=True)
class Person:
    """A known resident: `epoch` as read, `cipher` of their data key, unwrapped for this request only."""

    person_id: str
    epoch: int
    cipher: AESGCM = field(repr=False)

    def seal(self, table: str, column: str, row_id: str, plain: bytes) -> bytes:
        """Seal under this person's key at a place of theirs."""
        return vault.seal(self.cipher, Place(table, column, self.person_id, row_id), plain)

    def open(self, table: str, column: str, row_id: str, sealed: bytes) -> bytes:
        """Open what was sealed at that place, or vault.SealBroken."""
        return vault.open_sealed(self.cipher, Place(table, column, self.person_id, row_id), sealed)


@dataclass(frozen=True, slots=True)
class ActingPerson:
    """A person in a request of theirs, the service's keyring, the time of the request and its civil day in the city."""

    person: Person
    keyring: Keyring
    at: datetime
    today: date


def from_row(keyring: Keyring, row: queries.Row) -> Person:
    """The person of a row that has person_id, epoch and wrapped_key."""
    person_id = row["person_id"]
    return Person(person_id, row["epoch"], AESGCM(vault.unwrap(keyring, person_id, bytes(row["wrapped_key"]))))


def subject_index(keyring: Keyring, subject: str) -> str:
    """The keyed index of a token's `sub`."""
    return subject_index_under(keyring.index_key, subject)


async def find_by_index(keyring: Keyring, index: str) -> tuple[Person, datetime] | None:
    """The person of a subject's index and when they became known here, or None."""
    # One table a question: what is found by the subject lies elsewhere than what is found by the person.
    known = await queries.fetch_one("SELECT person_id FROM subject WHERE subject_index = $1", index)
    row = known and await queries.fetch_one(
        "SELECT person_id, epoch, wrapped_key, created_at FROM person WHERE person_id = $1", known["person_id"]
    )
    return (from_row(keyring, row), queries.from_micros(row["created_at"])) if row else None


async def find(keyring: Keyring, subject: str) -> Person | None:
    """The person behind a token's `sub`, or None when this service has never been asked to know them."""
    found = await find_by_index(keyring, subject_index(keyring, subject))
    return found[0] if found else None


async def lock_many(person_ids: Iterable[str]) -> None:
    """Lock the rows of many persons in one order; those who were erased in the meantime are passed over."""
    those = queries.any_of("person_id", 1)
    if queries.is_citus():
        # FOR UPDATE reaches one server; an update that changes nothing takes the same locks on all.
        await queries.execute(f"UPDATE person SET events = events WHERE {those}", queries.array_param(person_ids))
    else:
        await queries.fetch_one(
            f"SELECT count(*) AS locked FROM (SELECT 1 FROM person WHERE {those} ORDER BY person_id FOR UPDATE) AS one",
            queries.array_param(person_ids),
        )


async def get_or_create(keyring: Keyring, subject: str, at: datetime) -> Person:
    """The person behind `sub`, made known on the first act of consent, and locked until the transaction ends."""
    index = blind_index(keyring, IndexUse.SUBJECT, subject)
    person_id = new_id()
    claimed = await queries.execute(
        "INSERT INTO subject (subject_index, person_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", index, person_id
    )
    if claimed:
        wrapped = vault.new_data_key(keyring, person_id)
        person = Person(person_id, 0, AESGCM(vault.unwrap(keyring, person_id, wrapped)))
        await queries.execute(
            "INSERT INTO person (person_id, epoch, events, last_leaf, wrapped_key, sealed_subject, created_at)"
            " VALUES ($1, 0, 0, '', $2, $3, $4)",
            person_id,
            wrapped,
            person.seal("person", "sealed_subject", person_id, subject.encode()),
            queries.to_micros(at),
        )
        return person
    row = await queries.fetch_one("SELECT person_id FROM subject WHERE subject_index = $1", index)
    assert row is not None
    return await lock(keyring, row["person_id"])


async def lock(keyring: Keyring, person_id: str) -> Person:
    """The person with their row locked until the transaction ends; acts on one person happen one after another.

    NotFound when they were erased in the meantime.
    """
    row = await queries.fetch_one(
        "SELECT person_id, epoch, wrapped_key FROM person WHERE person_id = $1 FOR UPDATE", person_id
    )
    if row is None:
        raise NotFound("nobody of this id is known (any more)")
    return from_row(keyring, row)


async def read(keyring: Keyring, person_id: str) -> Person:
    """The person without a lock."""
    row = await queries.fetch_one("SELECT person_id, epoch, wrapped_key FROM person WHERE person_id = $1", person_id)
    if row is None:
        raise NotFound("nobody of this id is known (any more)")
    return from_row(keyring, row)


async def subject_of(person: Person) -> str:
    """The token's `sub` of a person, opened."""
    row = await queries.fetch_one("SELECT sealed_subject FROM person WHERE person_id = $1", person.person_id)
    assert row is not None
    return subject_in(person, row["sealed_subject"])


def subject_in(person: Person, sealed_subject: bytes) -> str:
    """The token's `sub` in what a person's row has sealed."""
    return person.open("person", "sealed_subject", person.person_id, bytes(sealed_subject)).decode()


async def change_subject(keyring: Keyring, old: str, new: str) -> None:
    """Find a person by another `sub` from now on. NotFound for an unknown old one, Conflict for a known new one."""
    found = await find(keyring, old)
    if found is None:
        raise NotFound("nobody is known by the old subject")
    person = await lock(keyring, found.person_id)
    index = subject_index(keyring, new)
    if not await queries.execute(
        "INSERT INTO subject (subject_index, person_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", index, person.person_id
    ):
        raise Conflict("somebody is known by the new subject already")
    await queries.execute("DELETE FROM subject WHERE subject_index = $1", subject_index(keyring, old))
    await queries.execute(
        "UPDATE person SET sealed_subject = $2 WHERE person_id = $1",
        person.person_id,
        person.seal("person", "sealed_subject", person.person_id, new.encode()),
    )


async def raise_epoch(person_id: str) -> int:
    """Raise the person's epoch: everything computed before is void from this transaction's commit on."""
    row = await queries.fetch_one("UPDATE person SET epoch = epoch + 1 WHERE person_id = $1 RETURNING epoch", person_id)
    assert row is not None
    return int(row["epoch"])


async def rewrap(keyring: Keyring, after: str, limit: int) -> tuple[str, int]:
    """Wrap the data keys of the next persons under the current key-encryption key.

    Returns the last person looked at (empty at the end) and how many keys were wrapped anew. Sealed fields stay as they
    are: only what wraps their keys changes.
    """
    found = await queries.fetch_all(
        "SELECT person_id, wrapped_key FROM person WHERE person_id > $1 ORDER BY person_id LIMIT $2", after, limit
    )
    changed = 0
    for row in found:
        wrapped = bytes(row["wrapped_key"])
        if vault.key_version(wrapped) == keyring.current:
            continue
        data_key = vault.unwrap(keyring, row["person_id"], wrapped)
        changed += await queries.execute(
            "UPDATE person SET wrapped_key = $2 WHERE person_id = $1 AND wrapped_key = $3",
            row["person_id"],
            vault.wrap(keyring, row["person_id"], data_key),
            wrapped,
        )
    return (found[-1]["person_id"] if found else ""), changed


async def rewrap_all(keyring: Keyring) -> int:
    """Wrap every data key under the current key-encryption key, while the service runs; how many were wrapped anew."""
    rewrapped, after = 0, ""
    while True:
        after, changed = await rewrap(keyring, after, REWRAPPED_AT_ONCE)
        rewrapped += changed
        if not after:
            return rewrapped
