"""Refusals that the publication rules gave for drafts and previews, counted by member of staff and civil day.

A refused submission is a refused attempt of its own (`ledger.record_refused_attempt`); these counts tell
officers which members of staff try to get around a rule before they submit anything. SQL text: the count is an upsert.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from consent.database import queries
from consent.domain.document_kinds import Finding, Severity
from consent.kernel.faults import FORM
from consent.models import DraftRefusal
from consent.oversight.officers import RETENTION

DAYS_SHOWN = 90
"""Days that officers read: a quarter, in which a habit shows."""


@dataclass(frozen=True, slots=True)
class RefusalsOfDay:
    """The refusals of one rule that a member of staff met on a civil day in drafts and previews, by finding code."""

    day: date
    staff_id: str
    rule: str
    code: str
    refusals: int


async def count(staff_id: str, findings: Iterable[Finding], today: date) -> None:
    """Count each rule and code that refuses a document once, but no faults of form. Needs a transaction."""
    refused = {(finding.rule, finding.code) for finding in findings if finding.severity is Severity.REFUSED}
    for rule, code in sorted(refused):
        if rule != FORM:
            await queries.execute(
                "INSERT INTO draft_refusal (staff_id, day, rule, code, refusals) VALUES ($1, $2, $3, $4, 1)"
                " ON CONFLICT (staff_id, day, rule, code) DO UPDATE SET refusals = draft_refusal.refusals + 1",
                staff_id,
                queries.to_day_number(today),
                rule,
                code,
            )


async def latest(today: date) -> list[RefusalsOfDay]:
    """Return the counts of the last DAYS_SHOWN days, newest day first, then by member of staff."""
    first = queries.to_day_number(date.fromordinal(today.toordinal() - DAYS_SHOWN))
    rows = await DraftRefusal.filter(day__gt=first).order_by("-day", "staff_id", "rule", "code")
    return [
        RefusalsOfDay(queries.from_day_number(row.day), row.staff_id, row.rule, row.code, row.refusals) for row in rows
    ]


async def delete_old(at: datetime) -> int:
    """Delete counts older than officers' cases stay; return their number."""
    return await DraftRefusal.filter(day__lt=queries.to_day_number((at - RETENTION).date())).delete()
