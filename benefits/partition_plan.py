"""The partitioning of the benefits package's tables."""

from __future__ import annotations

from consent.database.partition_plan import PERSON_KEY, PartitionPlan

PLAN = PartitionPlan(
    by_key={
        "snapshot": PERSON_KEY,
        "lasting_ticket": PERSON_KEY,
        "booking": PERSON_KEY,
        "ticket": "handle_index",
        "quota_use": "quota_key",
    }
)
