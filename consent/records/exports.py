"""Records as their person's export has them."""

from __future__ import annotations

from typing import Any

from consent.database import queries
from consent.models import StoredRecord
from consent.persons import Person
from consent.records import source_ids


def exported(person: Person, record: StoredRecord) -> dict[str, Any]:
    """Return a record, opened and ready for JSON."""
    return {
        "record_id": record.record_id,
        "source_id": record.source_id,
        "source_record_id": source_ids.open_id(person, record.record_id, record.sealed_source_record_id),
        "kind": record.kind,
        "quantity": record.quantity,
        "occurred_on": queries.from_day_number(record.occurred_on).isoformat(),
    }
