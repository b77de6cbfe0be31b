"""The record of processing (PIPL 55, 56) and the self-audit, generated from the tables so that neither can be outdated.

Purpose, legal basis, retention and the removing job of each table are in `processing_register.toml`; the fields come
from the models.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from tortoise import Tortoise

from benefits import ticket_retention
from consent.database import queries
from consent.kernel import bilingual
from consent.oversight import source_analysis
from consent.verification import retention
from consent.verification.retention import RetentionCheck
from service.models import StoredAnswer


@dataclass(frozen=True, slots=True)
class TableProcessing:
    """The purpose of a table, its legal basis, the time its rows stay, and the job that removes them."""

    purpose: str
    basis: str
    retention: str
    removed_by: str


REGISTER: Mapping[str, TableProcessing] = MappingProxyType(
    {
        table: TableProcessing(**members)
        for table, members in bilingual.load("service.compliance", "processing_register.toml").items()
    }
)
"""By table, from `processing_register.toml`; a table that is missing there stops the register with a KeyError."""


def register() -> list[dict[str, Any]]:
    """Return the register by table. Raises KeyError for a table without an entry in `processing_register.toml`."""
    tables = []
    for app in Tortoise.apps.values():
        for model in app.values():
            table = model._meta.db_table
            entry = REGISTER[table]
            tables.append(
                {
                    "table": table,
                    "what": inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
                    "purpose": entry.purpose,
                    "basis": entry.basis,
                    "kept": entry.retention,
                    "removed_by": entry.removed_by,
                    "fields": [
                        {"name": name, "protection": _protection(table, name)}
                        for name in model._meta.fields_db_projection.values()
                    ],
                }
            )
    return sorted(tables, key=lambda row: str(row["table"]))


def _protection(table: str, field: str) -> str:
    if table in ("farewell", "stored_answer") and field.startswith("sealed"):
        return "sealed under a key of the service"
    if field.startswith("sealed"):
        return "sealed under the person's key"
    if field.startswith("wrapped"):
        return "wrapped by a key outside the database"
    if field.endswith("_index") or field in ("scope", "quota_key"):
        return "keyed hash"
    if field == "person_id":
        return "random pseudonym"
    return "plain"


RESPONSES = RetentionCheck(
    "answers kept too long",
    timedelta(hours=49),
    lambda before: StoredAnswer.filter(created_at__lt=before).count(),
)
CHECKS: Mapping[str, RetentionCheck] = MappingProxyType(
    {
        check.name: check
        for check in (
            retention.PRESENTATIONS,
            retention.LINK_CODES,
            RESPONSES,
            ticket_retention.TICKETS,
            ticket_retention.LASTING_TICKETS,
            ticket_retention.BOOKINGS,
            ticket_retention.PASSES,
            ticket_retention.RECOGNISED_USES,
            retention.EXPIRED_CONSENTS,
            retention.CHANGED_RECIPIENTS,
            retention.ENDED_LINKS,
            retention.OVERDUE_DECISIONS,
            retention.OVERDUE_ANSWERS,
            retention.UNANSWERED_COMPLAINTS,
            source_analysis.UNUSUAL_SOURCES,
            retention.OLD_COPIES,
            retention.WITHDRAWAL_COPIES,
            retention.LATE_LEAVES,
            retention.UNCOVERED_RECORDS,
            retention.UNCOVERED_USES,
            retention.BUSY_OFFICERS,
            retention.READS_WITHOUT_CASE,
        )
    }
)
"""Every check of the self-audit by its published name, in the order of the answer."""


async def self_audit(at: datetime) -> list[tuple[str, int]]:
    """Run each check as of `at` and return its name with the number of rows that violate it."""
    return [(name, await check.count(queries.to_micros(at - check.age))) for name, check in CHECKS.items()]
