"""Sealed copies of what a withdrawal deleted, for the day in which its person may undo it.

The rows themselves are deleted at once, so nothing can use them: no query of points, statistics or venues knows this
table. Only `register.undo` and the person's own export open a copy. The cleanup deletes it after UNDO_LIFE, an erasure
at once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tortoise.models import Model

from consent import index_versions
from consent.consents import account_links
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.grants import UNDO_LIFE, Grant, State
from consent.domain.purposes import Purpose
from consent.kernel.instants import rfc3339
from consent.models import AccountLink, RecordKey, ReplacedRecord, StoredConsent, StoredRecord, WithdrawalCopy
from consent.persons import Person
from consent.records import exports, restoration, source_ids

COPIED: tuple[type[Model], ...] = (StoredRecord, RecordKey, ReplacedRecord)
"""Tables of records that came through a person's link at a source."""
AT_ONCE = 1_000
"""Rows of one statement."""
BYTES = "base64:"
"""Marks a column of bytes in the JSON of a copy."""


async def store(person: Person, grant: Grant, at: datetime) -> None:
    """Copy the rows that the withdrawal of a consent for a source is about to delete; no effect for other consents.

    Runs in the caller's transaction, before the rows are deleted.
    """
    if grant.purpose is not Purpose.POINTS_COMPUTE:
        return
    rows = {
        model._meta.db_table: [
            _to_json(row)
            for row in await model.filter(person_id=person.person_id, source_id=grant.counterpart).values()
        ]
        for model in COPIED
    }
    waiting = AccountLink.filter(person_id=person.person_id, consent_id=grant.consent_id, state="pending")
    pending = await account_links.account_of(person, grant.consent_id) if await waiting.exists() else None
    content = json.dumps({"rows": rows, "pending_account": pending}).encode()
    await WithdrawalCopy.create(
        person_id=person.person_id,
        consent_id=grant.consent_id,
        ended_at=queries.to_micros(at),
        sealed=person.seal("withdrawal_copy", "sealed", grant.consent_id, content),
    )


async def restore_rows(keyring: Keyring, person: Person, consent_id: str) -> str | None:
    """Insert the copied rows again and delete the copy; return the account that waited for its code, if one did.

    Runs in the caller's transaction. No effect where there is no copy.
    """
    copy = await WithdrawalCopy.get_or_none(person_id=person.person_id, consent_id=consent_id)
    if copy is None:
        return None
    rows, account = _opened(person, copy)
    keys = _keys_again(await index_versions.for_writing(keyring), person, rows["record_index"], rows["record"])
    # The source may have delivered one of these ids for somebody else since: such a record stays away.
    taken = await _taken(keys)
    keys = [key for key in keys if key.record_id not in taken]
    await StoredRecord.bulk_create([StoredRecord(**row) for row in rows["record"] if row["record_id"] not in taken])
    await ReplacedRecord.bulk_create(
        [ReplacedRecord(**row) for row in rows["replaced_record"] if row["record_id"] not in taken]
    )
    await RecordKey.bulk_create(keys, batch_size=AT_ONCE)
    await WithdrawalCopy.filter(person_id=person.person_id, consent_id=consent_id).delete()
    return account


async def export(person: Person) -> list[dict[str, Any]]:
    """Return the copies that are stored of the person's withdrawn records, opened and ready for JSON."""
    copies = []
    for copy in await WithdrawalCopy.filter(person_id=person.person_id).order_by("ended_at", "consent_id"):
        rows, account = _opened(person, copy)
        ended_at = queries.from_micros(copy.ended_at)
        copies.append(
            {
                "consent_id": copy.consent_id,
                "withdrawn_at": rfc3339(ended_at),
                "deleted_after": rfc3339(ended_at + UNDO_LIFE),
                "account": account,
                "records": [exports.exported(person, StoredRecord(**row)) for row in rows["record"]],
                "replaced_records": [
                    restoration.exported(person, ReplacedRecord(**row)) for row in rows["replaced_record"]
                ],
            }
        )
    return copies


def _opened(person: Person, copy: WithdrawalCopy) -> tuple[dict[str, list[dict[str, Any]]], str | None]:
    """Return the rows of a copy by table, and the account that waited for its code."""
    content = json.loads(person.open("withdrawal_copy", "sealed", copy.consent_id, copy.sealed))
    rows = {table: [_from_json(row) for row in copied] for table, copied in content["rows"].items()}
    return rows, content["pending_account"]


def _keys_again(
    keyrings: Sequence[Keyring],
    person: Person,
    keys: Sequence[Mapping[str, Any]],
    records: Sequence[Mapping[str, Any]],
) -> list[RecordKey]:
    """Return the rows of the index under every present key: the index key may have been replaced meanwhile.

    The id of a record that was retracted before version 0.3.0 is known by its row alone, under the key of its time.
    """
    sealed = {row["record_id"]: row["sealed_source_record_id"] for row in records}
    present = {each.index_version for each in keyrings}
    again = []
    for record_id, row in {row["record_id"]: row for row in keys}.items():
        if record_id in sealed:
            source_record_id = source_ids.open_id(person, record_id, sealed[record_id])
        elif row["sealed_source_record_id"] is not None:
            source_record_id = source_ids.open_retracted(person, record_id, row["sealed_source_record_id"])
        else:
            again += [RecordKey(**row)] if row["index_version"] in present else []
            continue
        for each in keyrings:
            index = source_ids.index_of(each, row["source_id"])(source_record_id)
            again.append(RecordKey(**{**row, "source_record_index": index, "index_version": each.index_version}))
    return again


async def _taken(keys: Sequence[RecordKey]) -> set[str]:
    """Return the record ids of the keys whose source's id has another row now."""
    indexes = {key.source_record_index: key for key in keys}
    taken, every = set(), [*indexes]
    for start in range(0, len(every), AT_ONCE):
        batch = every[start : start + AT_ONCE]
        rows = await RecordKey.filter(source_id=keys[0].source_id, source_record_index__in=batch)
        taken |= {indexes[row.source_record_index].record_id for row in rows}
    return taken


async def delete_for(person: Person, purpose: Purpose, counterpart: str) -> None:
    """Delete the copies of the person's earlier consents of this kind: a new consent begins without their rows."""
    earlier = await StoredConsent.filter(
        person_id=person.person_id, purpose=purpose, counterpart=counterpart, state=State.WITHDRAWN
    ).values_list("consent_id", flat=True)
    if earlier:
        await WithdrawalCopy.filter(person_id=person.person_id, consent_id__in=[*earlier]).delete()


async def delete_old(at: datetime) -> int:
    """Delete the copies of withdrawals that can no longer be undone; return their number."""
    return await WithdrawalCopy.filter(ended_at__lte=queries.to_micros(at - UNDO_LIFE)).delete()


def _to_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: BYTES + base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in row.items()
    }


def _from_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64decode(value.removeprefix(BYTES))
        if isinstance(value, str) and value.startswith(BYTES)
        else value
        for name, value in row.items()
    }
