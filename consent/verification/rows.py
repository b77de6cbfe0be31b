"""Rows held against what happened: every consent says what its events say, every sealed field opens.

Part of the fsck. The chain of events is the truth; the consent table is what the gate reads, so that whoever edits it
to bring a withdrawn consent back is found here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise import Tortoise
from tortoise.models import Model

from consent import persons as people
from consent.crypto import vault
from consent.crypto.vault import Keyring, Place, SealBroken
from consent.database import queries
from consent.database.composite_key import key_columns
from consent.database.fields import Sealed
from consent.persons import Person

PAGE = 2_000
"""Rows read at once; memory stays flat whatever the table's size."""
CHECKED_BY_CHAIN = "event"
COMPARED = (
    "purpose", "counterpart", "counterpart_version", "notice_id", "notice_version", "notice_sha256", "state",
    "given_at", "expires_at", "ended_at", "previous_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class IntegrityFault:
    """The first thing that does not fit: in which log, chain or row, at which number, and what is wrong."""

    where: str
    number: int
    what: str


class ConsentHistory:
    """What the consents of one person must look like by their events."""

    def __init__(self) -> None:
        self.consents: dict[str, dict[str, Any]] = {}
        self.numbers: dict[str, int] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """Follow the next event; others than consent events change nothing."""
        room, _, state = event["kind"].partition(".")
        if room != "consent":
            return
        self.numbers[event["facts"]["consent_id"]] = event["number"]
        facts, at = event["facts"], queries.to_micros(datetime.fromisoformat(event["at"]))
        if state in ("given", "refused"):
            expires_at = at if state == "refused" else _micros(facts["expires_at"])
            self.consents[facts["consent_id"]] = {
                **{name: facts.get(name) for name in COMPARED},
                "state": state,
                "given_at": at,
                "expires_at": expires_at,
                "ended_at": at if state == "refused" else None,
            }
        else:
            one = self.consents[facts["consent_id"]]
            one["state"], one["ended_at"] = state, one["expires_at"] if state == "expired" else at

    async def compare(self, person_id: str) -> IntegrityFault | None:
        """The first consent that differs from its events, is missing, or has none."""
        stored = {
            row["consent_id"]: row
            for row in await queries.fetch_all("SELECT * FROM consent WHERE person_id = $1", person_id)
        }
        for consent_id in sorted(stored.keys() | self.consents.keys()):
            row, expected = stored.get(consent_id), self.consents.get(consent_id)
            where, number = f"consent {consent_id}", self.numbers.get(consent_id, 0)
            if row is None or expected is None:
                return IntegrityFault(where, number, "its row is missing" if row is None else "no event gave it")
            for name in COMPARED:
                if row[name] != expected[name]:
                    return IntegrityFault(where, number, f"its {name} is not what its events say")
        return None


async def check_sealed_columns(keyring: Keyring) -> tuple[int, IntegrityFault | None]:
    """Open every sealed field that models declare; how many opened, and the first that does not."""
    opened = 0
    for app in Tortoise.apps.values():
        for model in app.values():
            columns = {name: one for name, one in model._meta.fields_map.items() if isinstance(one, Sealed)}
            if columns and model._meta.db_table != CHECKED_BY_CHAIN:
                number, fault = await _table(keyring, model, columns)
                opened += number
                if fault is not None:
                    return opened, fault
    return opened, None


async def _table(
    keyring: Keyring, model: type[Model], columns: Mapping[str, Sealed[Any]]
) -> tuple[int, IntegrityFault | None]:
    table, key = model._meta.db_table, key_columns(model)
    columns_of_key, marks = ", ".join(key), ", ".join(f"${place}" for place in range(1, len(key) + 1))
    persons = _Persons(keyring)
    opened, after = 0, [""] * len(key)
    while page := await queries.fetch_all(
        f"SELECT * FROM {table} WHERE ({columns_of_key}) > ({marks}) ORDER BY {columns_of_key} LIMIT {PAGE}", *after
    ):
        await persons.know({row["person_id"] for row in page if "person_id" in row})
        for row in page:
            for column, one in columns.items():
                if row[column] is None:
                    continue
                opened += 1
                if not _opens(keyring, persons, one, table, column, row):
                    return opened, IntegrityFault(f"{table} {row[key[-1]]}", opened, f"{column} does not open")
        after = [page[-1][column] for column in key]
    return opened, None


def _opens(keyring: Keyring, persons: _Persons, one: Sealed[Any], table: str, column: str, row: queries.Row) -> bool:
    try:
        if one.use is not None:
            place = Place(table, column, "", row[one.row])
            vault.open_sealed(vault.service_cipher(keyring, one.use), place, bytes(row[column]))
        else:
            persons.of(row["person_id"]).open(table, column, row[one.row], bytes(row[column]))
    except (SealBroken, KeyError):
        return False
    return True


class _Persons:
    """The persons of one page of rows, with their keys."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring
        self.known: dict[str, Person] = {}

    async def know(self, person_ids: set[str]) -> None:
        """Keep the keys of these and of nobody else."""
        self.known = {one: person for one, person in self.known.items() if one in person_ids}
        missing = sorted(person_ids - self.known.keys())
        if not missing:
            return
        marks = ", ".join(f"${number}" for number in range(1, len(missing) + 1))
        for row in await queries.fetch_all(
            f"SELECT person_id, epoch, wrapped_key FROM person WHERE person_id IN ({marks})", *missing
        ):
            try:
                self.known[row["person_id"]] = people.from_row(self.keyring, row)
            except SealBroken:
                continue

    def of(self, person_id: str) -> Person:
        """KeyError when nobody, or nobody with a key that opens, is there."""
        return self.known[person_id]


def _micros(text: str) -> int:
    return queries.to_micros(datetime.fromisoformat(text))
