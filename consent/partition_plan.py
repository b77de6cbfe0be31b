"""The partitioning of the consent package's tables."""

from __future__ import annotations

from consent.database.partition_plan import PERSON_KEY, MonthlyTable, PartitionPlan
from consent.events.ledger import USED_FOR_ALL

PLAN = PartitionPlan(
    by_key={
        # `person` first: the other tables of a person are colocated with it.
        "person": PERSON_KEY,
        "presentation": PERSON_KEY,
        "consent": PERSON_KEY,
        "event": PERSON_KEY,
        "account_link": PERSON_KEY,
        "record": PERSON_KEY,
        "replaced_record": PERSON_KEY,
        "withdrawal_copy": PERSON_KEY,
        "message": PERSON_KEY,
        "app_hint": PERSON_KEY,
        "objection": PERSON_KEY,
        "complaint": PERSON_KEY,
        "subject": "subject_index",
        "linked_account": "account_index",
        "record_index": "source_record_index",
    },
    monthly={
        "refused_attempt": MonthlyTable("attempt_id", "attempt.refused"),
        "oversight": MonthlyTable("look_id", "officer.looked"),
        "use_for_all": MonthlyTable("use_id", USED_FOR_ALL),
    },
    reference=("document", "catalogue_state", "log_head"),
)
