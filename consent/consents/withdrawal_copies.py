"""Sealed copies of what a withdrawal deleted, for the day in which its person may undo it.

The rows themselves are deleted at once, so nothing can use them: no query of points, statistics or venues knows this
table. Only `register.undo` opens a copy. The cleanup deletes it after UNDO_LIFE, an erasure at once.
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
from consent.models import AccountLink, RecordKey, ReplacedRecord, StoredConsent, StoredRecord, WithdrawalCopy
from consent.persons import Person
from consent.records import source_ids

COPIED: tuple[type[Model], ...] = (StoredRecord, RecordKey, ReplacedRecord)
"""Tables of records that came through a person's link at a source."""
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
    content = json.loads(person.open("withdrawal_copy", "sealed", consent_id, copy.sealed))
    rows = {table: [_from_json(row) for row in copied] for table, copied in content["rows"].items()}
    await StoredRecord.bulk_create([StoredRecord(**row) for row in rows["record"]])
    await ReplacedRecord.bulk_create([ReplacedRecord(**row) for row in rows["replaced_record"]])
    await _restore_keys(keyring, person, rows["record_index"], rows["record"])
    await WithdrawalCopy.filter(person_id=person.person_id, consent_id=consent_id).delete()
    account: str | None = content["pending_account"]
    return account


async def _restore_keys(
    keyring: Keyring, person: Person, keys: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]
) -> None:
    """Insert the rows of the index under every present key: the index key may have been replaced meanwhile."""
    sealed = {row["record_id"]: row["sealed_source_record_id"] for row in records}
    first = {row["record_id"]: row for row in keys}
    for each in await index_versions.for_writing(keyring):
        restored = []
        for record_id, row in first.items():
            if record_id in sealed:
                source_record_id = source_ids.open_id(person, record_id, sealed[record_id])
            else:
                source_record_id = source_ids.open_retracted(person, record_id, row["sealed_source_record_id"])
            index = source_ids.index_of(each, row["source_id"])(source_record_id)
            restored.append(RecordKey(**{**row, "source_record_index": index, "index_version": each.index_version}))
        await RecordKey.bulk_create(restored)


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
