"""Persons: the row with the blind index of their `sub`, their epoch and their wrapped data key; lock, read, create.

SQL text: `find_by_index`, `lock` and `read` are on the path of every request, the locks need FOR UPDATE, `raise_epoch`
and `raise_epochs` need RETURNING, lists of thousands of ids need `queries.any_of`. The rest are QuerySets.

Every change of what may be used raises the person's epoch under the row lock. A result computed under an older epoch is
refused when it is written and ignored when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tortoise.expressions import RawSQL
from tortoise.functions import Count
from tortoise.models import Model

from consent import index_versions
from consent.crypto import vault
from consent.crypto.blind_index import new_id, subject_index_under
from consent.crypto.vault import CellAddress, Keyring
from consent.database import queries
from consent.kernel.errors import Conflict, NotFound
from consent.models import StoredEvent, StoredPerson, Subject

REWRAPPED_AT_ONCE = 1_000
"""Persons read at once when keys are rotated; bounds memory and the length of each read."""


@dataclass(frozen=True, slots=True)
class Person:
    """A known resident: `epoch` as of the read, `cipher` over the data key, unwrapped for this request only."""

    person_id: str
    epoch: int
    cipher: AESGCM = field(repr=False)

    def seal(self, table: str, column: str, row_id: str, plain: bytes) -> bytes:
        """Encrypt `plain` for one column of one row; it opens nowhere else."""
        return vault.seal(self.cipher, CellAddress(table, column, self.person_id, row_id), plain)

    def open(self, table: str, column: str, row_id: str, sealed: bytes) -> bytes:
        """Decrypt the value of a column; vault.SealBroken if it was changed or belongs to another cell."""
        return vault.open_sealed(self.cipher, CellAddress(table, column, self.person_id, row_id), sealed)


@dataclass(frozen=True, slots=True)
class ActingPerson:
    """A person in a request of theirs, the service's keyring, the time of the request and its civil day in the city."""

    person: Person
    keyring: Keyring
    at: datetime
    today: date


def from_row(keyring: Keyring, row: Mapping[str, Any]) -> Person:
    """Build the person of a row with person_id, epoch and wrapped_key; vault.SealBroken if the key does not open."""
    person_id = row["person_id"]
    return Person(person_id, row["epoch"], AESGCM(vault.unwrap(keyring, person_id, bytes(row["wrapped_key"]))))


def decoy(keyring: Keyring) -> Person:
    """Return a person who does not exist, made with the work of a stored one's, to write for nobody as for somebody."""
    version = keyring.current
    decoy_id, wrapped = _decoy_row(version, keyring.encryption_keys[version], keyring.index_key)
    return from_row(keyring, {"person_id": decoy_id, "epoch": 0, "wrapped_key": wrapped})


@lru_cache(maxsize=4)
def _decoy_row(version: int, encryption_key: bytes, index_key: bytes) -> tuple[str, bytes]:
    decoy_id = new_id()
    return decoy_id, vault.new_data_key(Keyring({version: encryption_key}, version, index_key), decoy_id)


def subject_index(keyring: Keyring, subject: str) -> str:
    """Return the keyed index (32 hex digits) of a token's `sub`."""
    return subject_index_under(keyring.index_key, subject)


async def find_by_index(keyring: Keyring, index: str) -> tuple[Person, datetime] | None:
    """Return the person of a subject's index and the time they became known, or None."""
    # Two statements, since the tables are distributed by different columns: a join would visit every server.
    known = await queries.fetch_one("SELECT person_id FROM subject WHERE subject_index = $1", index)
    row = known and await queries.fetch_one(
        "SELECT person_id, epoch, wrapped_key, created_at FROM person WHERE person_id = $1", known["person_id"]
    )
    return (from_row(keyring, row), queries.from_micros(row["created_at"])) if row else None


async def find(keyring: Keyring, subject: str) -> Person | None:
    """Return the person of a token's `sub`, or None for somebody who never gave a consent here."""
    person = await find_by_index(keyring, subject_index(keyring, subject))
    return person[0] if person else None


async def known_among(person_ids: Sequence[str]) -> list[str]:
    """Return those among thousands of ids whose persons are known."""
    return await _read_where_any(StoredPerson, "person_id", "person_id", person_ids)


async def with_leaves(leaf_hashes: Sequence[str]) -> list[str]:
    """Return the ids of the persons of events with these leaf hashes."""
    return await _read_where_any(StoredEvent, "person_id", "leaf_hash", leaf_hashes)


async def indexes_among(indexes: Sequence[str]) -> set[str]:
    """Return those among thousands of keyed indexes of subjects whose persons are known."""
    return {*await _read_where_any(Subject, "subject_index", "subject_index", indexes)}


async def _read_where_any(model: type[Model], column: str, condition: str, values: Sequence[str]) -> list[str]:
    """Return the different values of `column` in rows whose column `condition` is one of thousands of values."""
    if not values:
        return []
    rows = await queries.fetch_all(
        f"SELECT DISTINCT {column} FROM {model._meta.db_table} WHERE {queries.any_of(condition, 1)}",
        queries.array_param(values),
    )
    return [row[column] for row in rows]


async def lock_many(person_ids: Iterable[str]) -> None:
    """Lock the rows of many persons in the order of their ids; ids that were erased meanwhile are skipped."""
    condition = queries.any_of("person_id", 1)
    if queries.is_citus():
        # FOR UPDATE reaches one server; an update that changes nothing takes the same locks on all.
        await queries.execute(f"UPDATE person SET events = events WHERE {condition}", queries.array_param(person_ids))
    else:
        await queries.fetch_one(
            "SELECT count(*) AS locked FROM"
            f" (SELECT 1 FROM person WHERE {condition} ORDER BY person_id FOR UPDATE) AS locked_rows",
            queries.array_param(person_ids),
        )


async def get_or_create(keyring: Keyring, subject: str, at: datetime) -> Person:
    """Return the person of `sub`, created on their first consent, with the row locked until the transaction ends."""
    person_id, index = new_id(), subject_index(keyring, subject)
    known = await Subject.get_or_none(subject_index=index)
    if known is None and not await _claim_subject(keyring, subject, person_id):
        known = await Subject.get(subject_index=index)
    if known is not None:
        return await lock(keyring, known.person_id)
    wrapped = vault.new_data_key(keyring, person_id)
    person = Person(person_id, 0, AESGCM(vault.unwrap(keyring, person_id, wrapped)))
    await StoredPerson.create(
        person_id=person_id,
        epoch=0,
        events=0,
        last_leaf="",
        wrapped_key=wrapped,
        sealed_subject=_seal_subject(person, subject),
        created_at=queries.to_micros(at),
    )
    return person


async def lock(keyring: Keyring, person_id: str) -> Person:
    """Return the person with the row locked until the transaction ends, so that acts on one person are serial.

    Raises:
        NotFound: the person was erased meanwhile.
    """
    row = await queries.fetch_one(
        "SELECT person_id, epoch, wrapped_key FROM person WHERE person_id = $1 FOR UPDATE", person_id
    )
    if row is None:
        raise NotFound("nobody of this id is known (any more)")
    return from_row(keyring, row)


async def read(keyring: Keyring, person_id: str) -> Person:
    """Return the person without a lock; NotFound when there is none (any more)."""
    row = await queries.fetch_one("SELECT person_id, epoch, wrapped_key FROM person WHERE person_id = $1", person_id)
    if row is None:
        raise NotFound("nobody of this id is known (any more)")
    return from_row(keyring, row)


async def subject_of(person: Person) -> str:
    """Return the token's `sub` of a person, decrypted."""
    row = await StoredPerson.get(person_id=person.person_id)
    return subject_in(person, row.sealed_subject)


def subject_in(person: Person, sealed_subject: bytes) -> str:
    """Decrypt the column `sealed_subject` of the person's row."""
    return person.open("person", "sealed_subject", person.person_id, bytes(sealed_subject)).decode()


async def keyring_fault(keyring: Keyring) -> int | None:
    """Compare a keyring with the persons at both ends of the table; return None where it opens and finds them.

    Returns the version of a key-encryption key that is missing or opens nothing, 0 for the index key.
    """
    rows = [*await StoredPerson.all().order_by("person_id").limit(1)]
    rows += await StoredPerson.all().order_by("-person_id").limit(1)
    for row in rows:
        wrapped = bytes(row.wrapped_key)
        try:
            cipher = AESGCM(vault.unwrap(keyring, row.person_id, wrapped))
        except vault.SealBroken:
            return vault.key_version(wrapped)
        subject = subject_in(Person(row.person_id, row.epoch, cipher), row.sealed_subject)
        if not await Subject.exists(subject_index=subject_index(keyring, subject), person_id=row.person_id):
            return 0
    return None


async def change_subject(keyring: Keyring, old: str, new: str) -> None:
    """Move a person from one token `sub` to another, for an identity provider that changed its ids.

    Raises:
        NotFound: no person has the old subject.
        Conflict: somebody has the new subject already.
    """
    known = await find(keyring, old)
    if known is None:
        raise NotFound("nobody is known by the old subject")
    person = await lock(keyring, known.person_id)
    if not await _claim_subject(keyring, new, person.person_id):
        raise Conflict("somebody is known by the new subject already")
    await delete_subject(keyring, old)
    await StoredPerson.filter(person_id=person.person_id).update(sealed_subject=_seal_subject(person, new))


async def raise_epoch(person_id: str) -> int:
    """Raise the person's epoch and return it; results of earlier epochs are void once the transaction commits."""
    row = await queries.fetch_one("UPDATE person SET epoch = epoch + 1 WHERE person_id = $1 RETURNING epoch", person_id)
    assert row is not None
    return int(row["epoch"])


async def raise_epochs(keyring: Keyring, person_ids: Iterable[str]) -> dict[str, Person]:
    """Raise the epochs of many persons as `raise_epoch` does; return the persons by id, with their keys unwrapped."""
    rows = await queries.fetch_records(
        f"UPDATE person SET epoch = epoch + 1 WHERE {queries.any_of('person_id', 1)}"
        " RETURNING person_id, epoch, wrapped_key",
        queries.array_param(person_ids),
    )
    return {row["person_id"]: from_row(keyring, row) for row in rows}


async def rewrap(keyring: Keyring, after: str, limit: int) -> tuple[str, int]:
    """Wrap the data keys of the next `limit` persons under the current key-encryption key.

    Returns the id of the last person read (empty at the end) and the number of keys wrapped. Sealed columns stay: only
    the wrapping of their keys changes.
    """
    rows = (
        await StoredPerson.filter(person_id__gt=after)
        .order_by("person_id")
        .limit(limit)
        .values("person_id", "wrapped_key")
    )
    changed = 0
    for row in rows:
        wrapped = bytes(row["wrapped_key"])
        if vault.key_version(wrapped) == keyring.current:
            continue
        data_key = vault.unwrap(keyring, row["person_id"], wrapped)
        # The old bytes are part of the condition: another process may rotate at the same time.
        changed += await StoredPerson.filter(person_id=row["person_id"], wrapped_key=wrapped).update(
            wrapped_key=vault.wrap(keyring, row["person_id"], data_key)
        )
    return (rows[-1]["person_id"] if rows else ""), changed


async def rewrap_all(keyring: Keyring) -> int:
    """Wrap every data key under the current key-encryption key, while the service runs; return the number changed."""
    rewrapped, after = 0, ""
    while True:
        after, changed = await rewrap(keyring, after, REWRAPPED_AT_ONCE)
        rewrapped += changed
        if not after:
            return rewrapped


async def count_by_key_version() -> dict[int, int]:
    """Return the number of persons by the version of the key-encryption key that wraps their data key."""
    by_header = StoredPerson.annotate(header=RawSQL("substr(wrapped_key, 1, 3)"), persons=Count("person_id"))
    rows = await by_header.group_by("header").values("header", "persons")
    return {vault.key_version(bytes(row["header"])): row["persons"] for row in rows}


async def delete_subject(keyring: Keyring, subject: str) -> None:
    """Delete the rows that map a subject to its person, under every index key."""
    indexes = [subject_index(each, subject) for each in keyring.each()]
    await Subject.filter(subject_index__in=indexes).delete()


async def _claim_subject(keyring: Keyring, subject: str, person_id: str) -> bool:
    """Map a subject to a person under every index key; False when it is taken. Two first consents may arrive at once.

    Raises:
        IndexKeyMissing: as `index_versions.for_writing`.
    """
    written: list[str] = []
    for each in await index_versions.for_writing(keyring):
        index = subject_index(each, subject)
        row = Subject(subject_index=index, person_id=person_id, index_version=each.index_version)
        if not await row.insert_if_absent():
            await Subject.filter(subject_index__in=written).delete()
            return False
        written.append(index)
    return True


def _seal_subject(person: Person, subject: str) -> bytes:
    return person.seal("person", "sealed_subject", person.person_id, subject.encode())
