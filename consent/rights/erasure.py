"""The export of everything stored about a person, and the erasure of it.

Erasure deletes the person's rows, events and key. Its trace names nobody: that an erasure happened, and of each event
its leaf hash, kind and day, so that every leaf of the public log still has a row behind it. Sources hear of it in their
feed of ended links.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tortoise.models import Model

from consent import persons
from consent.consents import register, source_links, withdrawal_copies
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.events import hints, ledger, messages
from consent.kernel.instants import rfc3339
from consent.models import (
    AccountLink,
    AppHint,
    ErasedLeaf,
    Erasure,
    LinkCode,
    LinkedAccount,
    Presentation,
    RecordKey,
    ReplacedRecord,
    StoredComplaint,
    StoredConsent,
    StoredEvent,
    StoredMessage,
    StoredObjection,
    StoredPerson,
    StoredRecord,
    WithdrawalCopy,
)
from consent.oversight import complaints, objections
from consent.persons import Person
from consent.records import exports, restoration
from consent.rights import access_log

PAGE = 1_000
"""Rows read at once for an export."""
DELETED_FIRST: tuple[type[Model], ...] = (
    Presentation, StoredConsent, LinkedAccount, LinkCode, RecordKey, StoredRecord, ReplacedRecord, StoredMessage,
    StoredObjection, StoredComplaint, AccountLink, WithdrawalCopy, AppHint,
)  # fmt: skip
"""Tables with rows of a person. The person and then the events go last: a trigger refuses to delete an event whose
person is there."""


EXPORTED_LISTS = (
    "consents", "accounts", "records", "events", "uses_for_all", "messages", "objections", "complaints",
    "replaced_records", "city_app_hints", "withdrawal_copies",
)  # fmt: skip
"""The lists of an export."""


def empty_export(subject: str) -> dict[str, Any]:
    """Return the export of somebody of whom nothing is stored: the members of `export`."""
    return {"subject": subject, **{name: [] for name in EXPORTED_LISTS}}


async def export(person: Person) -> dict[str, Any]:
    """Return everything this package stores about the person, decrypted, as JSON-ready values."""
    return {
        "subject": await persons.subject_of(person),
        "consents": [
            {
                "consent_id": consent.grant.consent_id,
                "purpose": consent.grant.purpose,
                "counterpart": consent.grant.counterpart,
                "state": consent.grant.state,
                "given_at": rfc3339(consent.grant.given_at),
                "expires_at": rfc3339(consent.grant.expires_at),
                "notice_id": consent.notice_id,
                "notice_version": consent.notice_version,
                "notice_sha256": consent.notice_sha256,
            }
            for consent in await register.list_for(person, None, None)
        ],
        "accounts": await _accounts(person),
        "records": [
            exports.exported(person, record)
            for record in await StoredRecord.filter(person_id=person.person_id).order_by("occurred_on", "record_id")
        ],
        "events": [_opened(opening) for opening in await _all_events(person)],
        "uses_for_all": [_opened(opening) for opening in await access_log.openings_for_all(person)],
        "messages": [
            {"kind": message.kind, "at": rfc3339(message.at), "facts": message.facts}
            for message in await _all_messages(person)
        ],
        "objections": await objections.export(person),
        "complaints": await complaints.export(person),
        "replaced_records": await restoration.export(person),
        "city_app_hints": [
            {"opted_in_at": rfc3339(opted_in_at)} for opted_in_at in (await hints.opted_in_at(person),) if opted_in_at
        ],
        "withdrawal_copies": await withdrawal_copies.export(person),
    }


async def erase(keyring: Keyring, person: Person, at: datetime) -> str:
    """End every consent, delete the person's rows and data key, and return the hash of the leaf that records it.

    Runs in the caller's transaction, which also erases the other packages' rows, and needs the person's row locked.
    """
    await register.withdraw_all(person, at)
    await source_links.record_link_ending(keyring, person)
    leaf_hash = await _leave_traces(person, at)
    subject = await persons.subject_of(person)
    for model in DELETED_FIRST:
        await model.filter(person_id=person.person_id).delete()
    await persons.delete_subject(keyring, subject)
    await StoredPerson.filter(person_id=person.person_id).delete()
    await StoredEvent.filter(person_id=person.person_id).delete()
    return leaf_hash


async def _leave_traces(person: Person, at: datetime) -> str:
    """Store the traces of the person's events and of the erasure; return the leaf hash of the erasure's event.

    That event states the number of traces, so that verification detects a missing one.
    """
    openings = await _all_events(person)
    traces = []
    for opening in openings:
        event = opening.event
        day = queries.to_day_number(datetime.fromisoformat(event["at"]).date())
        traces.append((opening.leaf_hash, event["kind"], day, event["facts"].get("notice_version")))
    leaf_hash = await ledger.append(person, "person.erased", {"events": len(openings)}, at)
    (last,) = await ledger.openings_of(person, len(openings), 1)
    await Erasure.create(leaf_hash=leaf_hash, event=json.dumps(last.event), salt=last.salt)
    traces.append((leaf_hash, "person.erased", queries.to_day_number(at.date()), None))
    # By hash: the order of the rows must not show the order of the person's events.
    await ErasedLeaf.bulk_create(
        [
            ErasedLeaf(leaf_hash=trace, kind=kind, day=day, notice_version=version)
            for trace, kind, day, version in sorted(traces)
        ],
        batch_size=PAGE,
    )
    return leaf_hash


def _opened(opening: ledger.Opening) -> dict[str, Any]:
    return {"event": opening.event, "salt": opening.salt, "leaf_hash": opening.leaf_hash}


async def _accounts(person: Person) -> list[dict[str, str]]:
    rows = await AccountLink.filter(person_id=person.person_id).values(
        "link_id", "source_id", "state", "sealed_account"
    )
    return [
        {
            "link_id": row["link_id"],
            "source_id": row["source_id"],
            "state": row["state"],
            "account": person.open(
                "account_link", "sealed_account", row["link_id"], bytes(row["sealed_account"])
            ).decode(),
        }
        for row in rows
    ]


async def _all_events(person: Person) -> list[ledger.Opening]:
    openings: list[ledger.Opening] = []
    while page := await ledger.openings_of(person, openings[-1].event["number"] if openings else 0, PAGE):
        openings += page
    return openings


async def _all_messages(person: Person) -> list[messages.Message]:
    every: list[messages.Message] = []
    last: tuple[int, str] | None = None
    while page := await messages.list_for(person, last, PAGE):
        every += page
        last = queries.to_micros(page[-1].at), page[-1].message_id
    return every
