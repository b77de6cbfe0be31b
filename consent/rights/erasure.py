"""Everything held about a person, and the end of it.

Erasure deletes the person's rows, events and key. What stays names nobody: that an erasure happened, and of each event
its leaf hash, kind and day, so that the public log still has something behind every leaf. Sources are told through
their feed of ended links.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from consent import persons
from consent.consents import account_links, register
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.events import ledger, messages
from consent.oversight import objections
from consent.persons import Person
from consent.rights import access_log

PAGE = 1_000
"""Rows read at once for an export."""
PERSONAL_TABLES = (
    "presentation",
    "consent",
    "linked_account",
    "link_code",
    "record_key",
    "record",
    "message",
    "objection",
)


async def export(person: Person) -> dict[str, Any]:
    """Everything this room holds about the person, opened: JSON-ready."""
    return {
        "subject": await persons.subject_of(person),
        "consents": [
            {
                "consent_id": one.grant.consent_id,
                "purpose": one.grant.purpose,
                "counterpart": one.grant.counterpart,
                "state": one.grant.state,
                "given_at": one.grant.given_at.isoformat(),
                "expires_at": one.grant.expires_at.isoformat(),
                "notice_id": one.notice_id,
                "notice_version": one.notice_version,
                "notice_sha256": one.notice_sha256,
            }
            for one in await register.list_for(person, None, None)
        ],
        "accounts": await _accounts(person),
        "records": [
            {**row, "occurred_on": queries.from_day_number(row["occurred_on"]).isoformat()}
            for row in await queries.fetch_all(
                "SELECT record_id, source_id, source_record_id, kind, quantity, occurred_on FROM record"
                " WHERE person_id = $1 ORDER BY occurred_on, record_id",
                person.person_id,
            )
        ],
        "events": [
            {"event": one.event, "salt": one.salt, "leaf_hash": one.leaf_hash} for one in await _all_events(person)
        ],
        "uses_for_all": [
            {"event": one.event, "salt": one.salt, "leaf_hash": one.leaf_hash}
            for one in await access_log.openings_for_all(person)
        ],
        "messages": [
            {"kind": one.kind, "at": one.at.isoformat(), "facts": one.facts} for one in await _all_messages(person)
        ],
        "objections": await objections.export(person),
    }


async def erase(keyring: Keyring, person: Person, at: datetime) -> str:
    """End every consent, then delete the person's rows and key; the hash of the leaf that says so.

    In the caller's transaction, with the other rooms'.
    """
    await register.withdraw_all(person, at)
    await account_links.record_link_ending(keyring, person)
    leaf_hash = await _leave_leaves(person, at)
    index = persons.subject_index(keyring, await persons.subject_of(person))
    for table in PERSONAL_TABLES:
        await queries.execute(
            f"DELETE FROM {table} WHERE person_id = $1",
            person.person_id,
        )
    await queries.execute("DELETE FROM account_link WHERE person_id = $1", person.person_id)
    await queries.execute("DELETE FROM subject WHERE subject_index = $1", index)
    await queries.execute("DELETE FROM person WHERE person_id = $1", person.person_id)
    await queries.execute("DELETE FROM event WHERE person_id = $1", person.person_id)
    return leaf_hash


async def _leave_leaves(person: Person, at: datetime) -> str:
    """Keep what an auditor needs of every event, without the person; the erasure's own event counts them."""
    found = await _all_events(person)
    kept = []
    for one in found:
        day = queries.to_day_number(datetime.fromisoformat(one.event["at"]).date())
        kept.append((one.leaf_hash, one.event["kind"], day, one.event["facts"].get("notice_version")))
    leaf_hash = await ledger.append(person, "person.erased", {"events": len(found)}, at)
    (last,) = await ledger.openings_of(person, len(found), 1)
    await queries.execute(
        "INSERT INTO erasure (leaf_hash, event, salt) VALUES ($1, $2, $3)",
        leaf_hash,
        json.dumps(last.event),
        last.salt,
    )
    kept.append((leaf_hash, "person.erased", queries.to_day_number(at.date()), None))
    await queries.execute_many(
        "INSERT INTO erased_leaf (leaf_hash, kind, day, notice_version) VALUES ($1, $2, $3, $4)", sorted(kept)
    )
    return leaf_hash


async def _accounts(person: Person) -> list[dict[str, str]]:
    found = await queries.fetch_all(
        "SELECT link_id, source_id, state, sealed_account FROM account_link WHERE person_id = $1", person.person_id
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
        for row in found
    ]


async def _all_events(person: Person) -> list[ledger.Opening]:
    found: list[ledger.Opening] = []
    while page := await ledger.openings_of(person, found[-1].event["number"] if found else 0, PAGE):
        found += page
    return found


async def _all_messages(person: Person) -> list[messages.Message]:
    found: list[messages.Message] = []
    last: tuple[int, str] | None = None
    while page := await messages.list_for(person, last, PAGE):
        found += page
        last = queries.to_micros(page[-1].at), page[-1].message_id
    return found
