"""Examples for clients to handle: the facts of every kind of message, and the further members of problems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from consent.domain.corrections import DecidedBy
from consent.events.ledger import Facts
from consent.events.messages import MessageKind

OBJECTION = {"objection_id": "0123456789abcdef0123456789abcdef"}
COMPLAINT = {"complaint_id": "89abcdef0123456789abcdef01234567"}
RECORD: Final[Facts] = MappingProxyType(
    {
        "source_id": "green-travel",
        "record_id": "fedcba9876543210fedcba9876543210",
        "kind": "bike_trip",
        "quantity": 8,
        "occurred_on": "2026-03-01",
    }
)
SOURCE_REASON: Final[Facts] = MappingProxyType(
    {"decided_by": DecidedBy.SOURCE, "reason_code": "counted_wrong", "object_until": "2027-01-31"}
)
MESSAGE_FACTS: Final[Mapping[MessageKind, Facts]] = MappingProxyType(
    {
        MessageKind.RECORD_CORRECTED: {
            **RECORD, **SOURCE_REASON, "quantity_before": 10, "occurred_on_before": "2026-03-01",
        },
        MessageKind.RECORD_RETRACTED: {**RECORD, **SOURCE_REASON},
        MessageKind.RECORD_RESTORED: {**RECORD, "decided_by": DecidedBy.OFFICER},
        MessageKind.RECORD_DELIVERED: {**OBJECTION, **RECORD},
        MessageKind.RECORD_NOT_AVAILABLE: {**OBJECTION, "source_id": "green-travel", "answer": "no_such_deed"},
        MessageKind.ACCOUNT_CLAIMED: {"source_id": "green-travel"},
        MessageKind.ACCOUNT_LINKED_ELSEWHERE: {"source_id": "green-travel"},
        MessageKind.CONSENT_ENDING: {"counterpart": "green-travel", "expires_on": "2027-01-31", "days": 30},
        MessageKind.RECIPIENT_CHANGED: {"counterpart": "city-library"},
        MessageKind.RECIPIENT_RESPELLED: {
            "counterpart": "city-library", "before_zh": "市立图书馆", "before_en": "The city library",
        },
        MessageKind.LINK_CONFIRMED: {"source_id": "green-travel"},
        MessageKind.LINK_RELEASED: {"source_id": "green-travel"},
        MessageKind.REDEMPTION_REVERSED: {"benefit_id": "library-deposit"},
        MessageKind.OBJECTION_OPENED: {**OBJECTION, "decide_by": "2027-01-31"},
        MessageKind.OBJECTION_ACKNOWLEDGED: OBJECTION,
        MessageKind.OBJECTION_DECIDED: {**OBJECTION, "state": "rejected", "reason": "The record is right."},
        MessageKind.OBJECTION_OVERDUE: {**OBJECTION, "due_on": "2027-01-31"},
        MessageKind.ANSWER_OVERDUE: {**OBJECTION, "source_id": "green-travel", "due_on": "2027-01-31"},
        MessageKind.COMPLAINT_OPENED: {**COMPLAINT, "reply_by": "2027-01-31"},
        MessageKind.COMPLAINT_ANSWERED: {**COMPLAINT, "reason": "The venue was reminded of the terms."},
        MessageKind.POINTS_EXPIRING: {"points": 7, "expires_on": "2027-01-31", "days": 30},
    }
)  # fmt: skip
"""The facts of an example of every message, with ids of the demonstration city."""
FAULT = {"pointer": "/records/0/quantity", "code": "required", "detail": "Field required"}
FINDING = {"code": "no_improvement", "rule": "R3", "pointer": "/effect", "severity": "refused"}


def problem_members(code: str) -> tuple[list[dict[str, Any]] | None, dict[str, Any]]:
    """Return the `errors` of an example of the problem, or None, and its further members."""
    if code == "body_invalid":
        return [FAULT], {}
    if code == "prohibited":
        return None, {"errors": [FINDING]}
    if code == "notice_changed":
        examples = json.loads((resources.files("service.api") / "examples.json").read_text(encoding="utf-8"))
        return None, {"notice": examples["requestConsent"]["201"]}
    if code == "benefit_not_available":
        reason = {"measure": "total", "at_least": 60, "have": 0, "met": False}
        return None, {"reasons": [reason], "quota_used": False}
    return None, {}
