"""Self-audit checks over this package's tables: rows that a deadline or a rule says must not exist.

SQL text: the checks that compare two tables or groups of rows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from consent.database import queries
from consent.domain.grants import UNDO_LIFE, State
from consent.domain.objections import RETRACTION_OBJECTION_DAYS
from consent.models import (
    AccountLink,
    LinkCode,
    Outbox,
    Oversight,
    Presentation,
    StoredComplaint,
    StoredConsent,
    StoredDocument,
    StoredObjection,
    WithdrawalCopy,
)

DAY_MICROS = 86_400_000_000
OFFICER_READS_A_DAY_MAX = 200
"""Nobody reads more than this in a day with attention, so more is examined. Lists of what waits for an officer, and
pages that name nobody, do not count."""


@dataclass(frozen=True, slots=True)
class RetentionCheck:
    """A check: `count` returns the rows that violate it and are older than a time in microseconds.

    `age` is subtracted from now to get that time; `name` is published in the self-audit and translated.
    """

    name: str
    age: timedelta
    count: Callable[[int], Awaitable[int]]


def _counting(sql: str) -> Callable[[int], Awaitable[int]]:
    async def count(before: int) -> int:
        row = await queries.fetch_one(f"SELECT count(*) AS violations FROM {sql}", before)
        assert row is not None
        return int(row["violations"])

    return count


PRESENTATIONS = RetentionCheck(
    "presentations kept too long",
    timedelta(days=2),
    lambda before: Presentation.filter(expires_at__lt=before).count(),
)
LINK_CODES = RetentionCheck(
    "link codes kept too long", timedelta(hours=1), lambda before: LinkCode.filter(expires_at__lt=before).count()
)
EXPIRED_CONSENTS = RetentionCheck(
    "expired consents not written down",
    timedelta(days=1),
    lambda before: StoredConsent.filter(state=State.GIVEN, expires_at__lt=before).count(),
)
CHANGED_RECIPIENTS = RetentionCheck(
    "changes of a recipient not carried out for everybody",
    timedelta(days=1),
    lambda before: StoredDocument.filter(
        recipient__isnull=False, recipient_applied_at__isnull=True, in_force_from__lt=before
    ).count(),
)
ENDED_LINKS = RetentionCheck(
    "ended links not acknowledged in time",
    timedelta(days=7),
    lambda before: AccountLink.filter(state="ended", acknowledged_at__isnull=True, since__lt=before).count(),
)
ANSWER_MARGIN = timedelta(days=1)
"""Time after the last day for an answer before it counts as overdue: the check knows no zone, and no day is longer."""


async def _overdue_answers(before: int) -> int:
    return await StoredObjection.filter(
        asked_at__isnull=False,
        answered_at__isnull=True,
        answer_by__lt=_day_number(before),
    ).count()


async def _overdue_decisions(before: int) -> int:
    return await StoredObjection.filter(state="open", decide_by__lt=_day_number(before)).count()


def _day_number(micros: int) -> int:
    return queries.to_day_number(queries.from_micros(micros).date())


OVERDUE_ANSWERS = RetentionCheck("records that sources were asked for and are overdue", ANSWER_MARGIN, _overdue_answers)
OVERDUE_DECISIONS = RetentionCheck("objections not decided in time", ANSWER_MARGIN, _overdue_decisions)
UNANSWERED_COMPLAINTS = RetentionCheck(
    "complaints not answered in time",
    ANSWER_MARGIN,
    lambda before: StoredComplaint.filter(state="open", answer_by__lt=_day_number(before)).count(),
)
OLD_COPIES = RetentionCheck(
    "copies of changed records kept too long",
    timedelta(days=RETRACTION_OBJECTION_DAYS + 1),
    _counting(
        "replaced_record c WHERE c.changed_at < $1 AND NOT EXISTS (SELECT 1 FROM objection o"
        " WHERE o.person_id = c.person_id AND o.record_id = c.record_id AND o.state = 'open')"
    ),
)
WITHDRAWAL_COPIES = RetentionCheck(
    "copies of withdrawn records kept too long",
    UNDO_LIFE + timedelta(hours=1),
    lambda before: WithdrawalCopy.filter(ended_at__lt=before).count(),
)
LATE_LEAVES = RetentionCheck(
    "leaves that wait too long", timedelta(seconds=60), lambda before: Outbox.filter(put_at__lt=before).count()
)
UNCOVERED_RECORDS = RetentionCheck(
    "records without a live consent",
    timedelta(0),
    _counting(
        "record r WHERE r.received_at < $1 AND NOT EXISTS (SELECT 1 FROM consent c"
        " WHERE c.person_id = r.person_id AND c.counterpart = r.source_id AND c.purpose = 'points.compute'"
        " AND c.state = 'given')"
    ),
)
# Events of uses carry their time rounded down to the hour, so the consent may have been given within that hour.
UNCOVERED_USES = RetentionCheck(
    "uses of points that no consent covered",
    timedelta(0),
    _counting(
        "event e WHERE e.at < $1 AND e.kind IN ('ticket.issued', 'binding.requested', 'slip.issued', 'pass.issued',"
        " 'benefit.checked', 'benefit.redeemed')"
        " AND NOT EXISTS (SELECT 1 FROM consent c WHERE c.person_id = e.person_id AND c.purpose = 'benefit.check'"
        " AND c.given_at < e.at + 3600000000 AND c.expires_at > e.at"
        " AND (c.ended_at IS NULL OR c.ended_at >= e.at))"
    ),
)
BUSY_OFFICERS = RetentionCheck(
    "officers who looked unusually often in a day",
    timedelta(0),
    _counting(
        "(SELECT staff_id FROM oversight WHERE at < $1 AND what NOT LIKE '%.listed'"
        " AND what NOT IN ('self-audit.read', 'register.read', 'statistics.read')"
        f" GROUP BY staff_id, at / {DAY_MICROS} HAVING count(*) > {OFFICER_READS_A_DAY_MAX}) busy"
    ),
)
READS_WITHOUT_CASE = RetentionCheck(
    "officers' looks without a case",
    timedelta(0),
    lambda before: Oversight.filter(at__lt=before, case_id__isnull=True, what__startswith="consent").count(),
)
