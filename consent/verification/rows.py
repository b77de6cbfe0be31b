"""Checks of stored rows: each consent equals what its events imply, each sealed column opens.

SQL text: `_check_table` pages through tables of any model by a row comparison over the key.

Part of `credit-easy verify-log`. The chain of events is the truth; the gate reads the consent table. Somebody who edits
that table to revive a withdrawn consent is detected here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tortoise import Tortoise
from tortoise.models import Model

from consent import index_versions
from consent.crypto import vault
from consent.crypto.vault import CellAddress, Keyring, SealBroken
from consent.database import queries
from consent.database.composite_key import key_columns
from consent.database.fields import Sealed
from consent.models import StoredConsent, StoredPerson
from consent.persons import Person, from_row

PAGE = 2_000
"""Rows read at once; bounds memory for tables of any size."""
AFTER_ROTATION = timedelta(days=3)
"""Time in which every host is restarted without the old key, and the last answers under it have ended."""
CHECKED_BY_CHAIN = "event"
"""The table whose sealed column `verification.logs` opens with each chain."""
COMPARED = (
    "purpose", "counterpart", "counterpart_version", "notice_id", "notice_version", "notice_sha256", "state",
    "given_at", "expires_at", "ended_at", "previous_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class IntegrityFault:
    """The first inconsistency: log, chain or row (`where`), number of the entry in it, and the error (`what`)."""

    where: str
    number: int
    what: str


class ConsentHistory:
    """The consents of one person as their events imply them."""

    def __init__(self) -> None:
        self.consents: dict[str, dict[str, Any]] = {}
        self.numbers: dict[str, int] = {}

    def follow(self, event: Mapping[str, Any]) -> None:
        """Apply the next event of the chain; only consent events change anything."""
        subject, _, state = event["kind"].partition(".")
        if subject != "consent":
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
            consent = self.consents[facts["consent_id"]]
            ended_at = _micros(facts["ended_at"]) if "ended_at" in facts else at
            consent["state"], consent["ended_at"] = state, consent["expires_at"] if state == "expired" else ended_at

    async def compare(self, person_id: str) -> IntegrityFault | None:
        """Return the fault of the first consent that differs from its events, is missing or has none; else None."""
        rows = await StoredConsent.filter(person_id=person_id).values("consent_id", *COMPARED)
        stored = {row["consent_id"]: row for row in rows}
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
    """Open every `Sealed` column of every model; return the number opened and the fault of the first that does not.

    For AFTER_ROTATION after a rotation of the index key, short-lived rows are not opened.
    """
    opened = 0
    rotated = await index_versions.changed_at() > await queries.now() - AFTER_ROTATION
    for app in Tortoise.apps.values():
        for model in app.values():
            columns = {
                name: field
                for name, field in model._meta.fields_map.items()
                if isinstance(field, Sealed) and not (rotated and field.short_lived)
            }
            if columns and model._meta.db_table != CHECKED_BY_CHAIN:
                number, fault = await _check_table(keyring, model, columns)
                opened += number
                if fault is not None:
                    return opened, fault
    return opened, None


async def _check_table(
    keyring: Keyring, model: type[Model], columns: Mapping[str, Sealed[Any]]
) -> tuple[int, IntegrityFault | None]:
    table, key = model._meta.db_table, key_columns(model)
    columns_of_key, marks = ", ".join(key), ", ".join(f"${number}" for number in range(1, len(key) + 1))
    persons = _Persons(keyring)
    opened, after = 0, [""] * len(key)
    while page := await queries.fetch_all(
        f"SELECT * FROM {table} WHERE ({columns_of_key}) > ({marks}) ORDER BY {columns_of_key} LIMIT {PAGE}", *after
    ):
        await persons.load({row["person_id"] for row in page if "person_id" in row})
        for row in page:
            for column, field in columns.items():
                if row[column] is None:
                    continue
                opened += 1
                if not _opens(persons, field, table, column, row):
                    return opened, IntegrityFault(f"{table} {row[key[-1]]}", opened, f"{column} does not open")
        after = [page[-1][column] for column in key]
    return opened, None


def _opens(persons: _Persons, field: Sealed[Any], table: str, column: str, row: queries.Row) -> bool:
    try:
        if field.use is not None:
            cell = CellAddress(table, column, "", row[field.row])
            vault.open_service(persons.keyring, field.use, cell, bytes(row[column]))
        else:
            persons.get(row["person_id"]).open(table, column, row[field.row], bytes(row[column]))
    except (SealBroken, KeyError):
        return False
    return True


class _Persons:
    """The persons of one page of rows, with their data keys."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring
        self.known: dict[str, Person] = {}

    async def load(self, person_ids: set[str]) -> None:
        """Load the keys of these persons and drop all others."""
        self.known = {person_id: person for person_id, person in self.known.items() if person_id in person_ids}
        missing = sorted(person_ids - self.known.keys())
        if not missing:
            return
        rows = await StoredPerson.filter(person_id__in=missing).values("person_id", "epoch", "wrapped_key")
        for row in rows:
            try:
                self.known[row["person_id"]] = from_row(self.keyring, row)
            except SealBroken:
                continue

    def get(self, person_id: str) -> Person:
        """Return a loaded person; KeyError when there is none, or none whose key opens."""
        return self.known[person_id]


def _micros(text: str) -> int:
    return queries.to_micros(datetime.fromisoformat(text))
