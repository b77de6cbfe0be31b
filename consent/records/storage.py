"""Delivered records in the database: the content stored for their sources' ids, and the insertion of new ones.

SQL text: set-based, thousands of records in a fixed number of statements and COPY.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from consent import index_versions, persons
from consent.crypto import vault
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.records import source_ids

RECORD_INDEX_COLUMNS = ("source_id", "source_record_index", "person_id", "record_id", "index_version")
RECORD_COLUMNS = (
    "person_id", "record_id", "source_id", "sealed_source_record_id", "kind", "quantity", "occurred_on", "received_at",
)  # fmt: skip

Content = tuple[str, str | None, int | None, int | None]
"""Person, kind, quantity and day number of a stored record; all but the person are None for a retracted one."""


class NewRecord(NamedTuple):
    """A record to be stored: our id, the blind index of its source's id, that id, and its content."""

    record_id: str
    record_index: str
    source_record_id: str
    person_id: str
    kind: str
    quantity: int
    day: int


async def load_content(source_id: str, indexes: set[str]) -> dict[str, Content]:
    """Return the content of a source's stored records by the index of the source's id."""
    if not indexes:
        return {}
    keys = await queries.fetch_records(
        "SELECT source_record_index, person_id, record_id FROM record_index WHERE source_id = $1 AND "
        + queries.any_of("source_record_index", 2),
        source_id,
        queries.array_param(indexes),
    )
    if not keys:
        return {}
    rows = await queries.fetch_records(
        f"SELECT record_id, kind, quantity, occurred_on FROM record WHERE {queries.any_of('person_id', 1)}"
        f" AND {queries.any_of('record_id', 2)}",
        queries.array_param({row["person_id"] for row in keys}),
        queries.array_param(row["record_id"] for row in keys),
    )
    content = {row["record_id"]: (row["kind"], row["quantity"], row["occurred_on"]) for row in rows}
    return {
        row["source_record_index"]: (row["person_id"], *content.get(row["record_id"], (None, None, None)))
        for row in keys
    }


async def store(keyring: Keyring, source_id: str, new: Sequence[NewRecord], at: datetime) -> None:
    """Store new records with their source's ids sealed, and raise the epochs of their persons.

    Runs in the caller's transaction, with the persons' rows locked.

    Raises:
        RETRYABLE_ERRORS: another transaction stored one of the records first.
        IndexKeyMissing: as `index_versions.for_writing`.
    """
    if not new:
        return
    # The persons' keys come with the statement that raises their epochs.
    owners = await persons.raise_epochs(keyring, {record.person_id for record in new})
    sealed = vault.seal_many(
        source_ids.TABLE,
        source_ids.COLUMN,
        [
            (owners[record.person_id].cipher, record.person_id, record.record_id, record.source_record_id.encode())
            for record in new
        ],
    )
    received_at = queries.to_micros(at)
    keys, rows = [], []
    for (record_id, record_index, _, person_id, *content), sealed_id in zip(new, sealed, strict=True):
        keys.append((source_id, record_index, person_id, record_id, keyring.index_version))
        rows.append((person_id, record_id, source_id, sealed_id, *content, received_at))
    for each in await index_versions.for_writing(keyring):
        if each.index_version != keyring.index_version:
            index_of = source_ids.index_of(each, source_id)
            keys += [
                (source_id, index_of(record.source_record_id), record.person_id, record.record_id, each.index_version)
                for record in new
            ]
    await queries.copy_rows("record_index", RECORD_INDEX_COLUMNS, keys)
    await queries.copy_rows("record", RECORD_COLUMNS, rows)
