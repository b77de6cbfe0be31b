"""The privacy officer's work: counts, random samples, single consents under a case, reviews.

SQL text remains where the state of consents at an instant is computed by set (counts and samples) and where tables are
joined or united.

An officer cannot list rows by place and time, nor search for a person. Every access leaves a leaf in the consent log;
an access to one consent is an event in that person's own chain as well, where they can read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from tortoise.functions import Count

from consent import persons
from consent.consents import register
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.domain import small_cells
from consent.domain.liveness import expired_sql
from consent.events import ledger
from consent.events.ledger import Opening
from consent.kernel.errors import NotFound
from consent.models import (
    LinkReview,
    OfficerCase,
    RefusedAttempt,
    SourceChange,
    StoredConsent,
    StoredObjection,
)

SAMPLE_MAX = 200
"""Consents in one sample: enough for an audit, too few to copy the register."""
PROPAGATION_DAYS = 7
"""Days within which a source must acknowledge an ended link or a correction."""
RETENTION = timedelta(days=3 * 366)
"""Time for which cases and decided reviews stay: three years, as long as processing records by PIPL 56."""
CONSENT_STATE = (
    "CASE WHEN c.state = 'refused' THEN 'refused' WHEN c.ended_at IS NOT NULL AND c.ended_at <= $1 THEN c.state"
    f" WHEN {expired_sql('$1', 'c')} THEN 'expired' ELSE 'given' END"
)
"""SQL expression: the state of a consent at the instant `$1`, without anything that happened later."""


@dataclass(frozen=True, slots=True)
class ConsentFilters:
    """The consents to count or sample; None filters nothing."""

    purpose: str | None = None
    counterpart: str | None = None
    notice_version: int | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """The consents of one civil day and state; `count` is rounded, or None where it is too small to publish."""

    day: date
    state: str
    count: int | None


@dataclass(frozen=True, slots=True)
class ConsentForOfficer:
    """A consent as an officer sees it: no identity, `state` at the instant that was asked for."""

    consent_id: str
    purpose: str
    counterpart: str
    state: str
    notice_id: str
    notice_version: int
    given_at: datetime
    expires_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Case:
    """The reason for which an officer reads single consents."""

    case_id: str
    reason_code: str
    text: str
    opened_at: datetime


async def delete_old(at: datetime) -> int:
    """Delete cases, decided reviews and counts of changes that are older than RETENTION; return their number."""
    limit = queries.to_micros(at - RETENTION)
    await SourceChange.filter(day__lt=queries.to_day_number((at - RETENTION).date())).delete()
    cases = await OfficerCase.filter(opened_at__lt=limit).delete()
    return cases + await LinkReview.filter(opened_at__lt=limit, state="decided").delete()


async def open_case(staff_id: str, reason_code: str, text: str, at: datetime) -> str:
    """Open a case and record it in the consent log; return its id, which later accesses name."""
    case_id = new_id()
    await OfficerCase.create(
        case_id=case_id, staff_id=staff_id, reason_code=reason_code, text=text, opened_at=queries.to_micros(at)
    )
    await ledger.record_officer_read(staff_id, case_id, "case.opened", at)
    return case_id


async def require_case(case_id: str, staff_id: str) -> Case:
    """Return the officer's own case of this id, or raise NotFound."""
    case = await OfficerCase.get_or_none(case_id=case_id, staff_id=staff_id)
    if case is None:
        raise NotFound("there is no case of yours of this id")
    return _case(case)


async def cases_of(staff_id: str, before: Cursor | None, limit: int) -> list[Case]:
    """Return the officer's own cases, newest first, after the cursor (opened at, case id)."""
    cases = (
        await OfficerCase.filter(paging.older_than(before, "opened_at", "case_id"), staff_id=staff_id)
        .order_by("-opened_at", "-case_id")
        .limit(limit)
    )
    return [_case(case) for case in cases]


def _case(case: OfficerCase) -> Case:
    return Case(case.case_id, case.reason_code, case.text, queries.from_micros(case.opened_at))


async def count_consents(filters: ConsentFilters, on: date, zone: tzinfo, at: datetime) -> list[Cell]:
    """Count consents by the civil day on which they were given and their state at the end of civil day `on`.

    Small cells are suppressed. The answer is of now for a day that has not ended.
    """
    instant = min(_end_of(on, zone), at)
    where, values = _where(filters, 3)
    offset = int((instant.astimezone(zone).utcoffset() or timedelta()).total_seconds()) * 1_000_000
    rows = await queries.fetch_all(
        f"SELECT (c.given_at + $2) / 86400000000 AS day, {CONSENT_STATE} AS state, count(*) AS counted FROM consent c"
        f" WHERE c.given_at <= $1{where} GROUP BY 1, 2 ORDER BY 1, 2",
        queries.to_micros(instant),
        offset,
        *values,
    )
    cells = [row for row in rows if filters.state in (None, row["state"])]
    epoch = queries.EPOCH.date()
    return [
        Cell(epoch + timedelta(days=int(row["day"])), str(row["state"]), count)
        for row, count in zip(cells, small_cells.suppress([int(row["counted"]) for row in cells]), strict=True)
    ]


async def sample_consents(filters: ConsentFilters, size: int, at: datetime) -> list[ConsentForOfficer]:
    """Return up to `size` random consents in their state at `at`; none when fewer than CELL_MIN fit the filters."""
    where, values = _where(filters, 2)
    fitting = f"SELECT c.*, {CONSENT_STATE} AS state_then FROM consent c WHERE c.given_at <= $1{where}"
    if filters.state is not None:
        values.append(filters.state)
        fitting = f"SELECT * FROM ({fitting}) f WHERE f.state_then = ${len(values) + 1}"
    instant = queries.to_micros(at)
    counted = await queries.fetch_one(f"SELECT count(*) AS fitting FROM ({fitting}) s", instant, *values)
    if counted is None or counted["fitting"] < small_cells.CELL_MIN:
        return []
    rows = await queries.fetch_all(
        f"SELECT * FROM ({fitting}) s ORDER BY random() LIMIT ${len(values) + 2}", instant, *values, size
    )
    return [
        ConsentForOfficer(
            row["consent_id"],
            row["purpose"],
            row["counterpart"],
            row["state_then"],
            row["notice_id"],
            row["notice_version"],
            queries.from_micros(row["given_at"]),
            queries.from_micros(row["expires_at"]),
            None if row["ended_at"] is None else queries.from_micros(row["ended_at"]),
        )
        for row in rows
    ]


async def read_consent(
    keyring: Keyring, consent_id: str, case_id: str, staff_id: str, at: datetime
) -> tuple[ConsentForOfficer, list[Opening]]:
    """Return one consent and its events, under a case that was checked before.

    Locks the person's row and writes `officer.looked` into their chain and the access into the consent log.
    """
    row = await StoredConsent.filter(consent_id=consent_id).first()
    if row is None:
        raise NotFound("there is no such consent")
    person = await persons.lock(keyring, row.person_id)
    await ledger.append(
        person,
        "officer.looked",
        {
            "organisation": "privacy-office",
            "purpose": "oversight",
            "what": "consent",
            "outcome": "looked",
            "consent_id": consent_id,
            "case_id": case_id,
        },
        at,
        to_the_hour=True,
    )
    await ledger.record_officer_read(staff_id, case_id, "consent.read", at)
    grant = register.grant_from_row(row)
    consent = ConsentForOfficer(
        consent_id,
        row.purpose,
        row.counterpart,
        grant.state_at(at),
        row.notice_id,
        row.notice_version,
        grant.given_at,
        grant.expires_at,
        grant.ended_at,
    )
    return consent, await ledger.about_consent(person, consent_id)


async def refused_attempts(after: Cursor | None, limit: int) -> list[queries.Row]:
    """Return refused attempts, newest first, after the cursor (at, attempt id).

    A row has attempt_id, at, actor, code, audience (as `door`) and `what`: the act, then a space and the document.
    """
    rows: list[queries.Row] = (
        await RefusedAttempt.filter(paging.older_than(after, "at", "attempt_id"))
        .order_by("-at", "-attempt_id")
        .limit(limit)
        .values("attempt_id", "at", "actor", "code", "what", door="audience")
    )
    return rows


async def unacknowledged(after: Cursor | None, limit: int) -> list[queries.Row]:
    """Return ended links and corrections not acknowledged, and records asked for and not answered, oldest first.

    A row has kind, id, source_id, since and answer_by (of a record asked for, else NULL); no account and no person. The
    cursor is (since, id).
    """
    since, waiting_id = after or paging.OLDEST
    return await queries.fetch_all(
        "SELECT * FROM (SELECT 'ended_link' AS kind, link_id AS id, source_id, since,"
        " CAST(NULL AS INTEGER) AS answer_by FROM account_link WHERE state = 'ended' AND acknowledged_at IS NULL"
        " UNION ALL"
        " SELECT 'ended_link', link_id, source_id, since, NULL FROM farewell WHERE acknowledged_at IS NULL UNION ALL"
        " SELECT 'correction', correction_id, source_id, since, NULL FROM correction WHERE acknowledged_at IS NULL"
        " UNION ALL SELECT 'asked_record', objection_id, source_id, asked_at, answer_by FROM objection"
        " WHERE asked_at IS NOT NULL AND answered_at IS NULL) waiting"
        " WHERE since > $1 OR (since = $1 AND id > $2) ORDER BY since, id LIMIT $3",
        since,
        waiting_id,
        limit,
    )


async def objection_statistics() -> list[queries.Row]:
    """Count objections by source_id, reason_code and state; `counted` is exact, so suppress it before publishing."""
    rows: list[queries.Row] = (
        await StoredObjection.annotate(counted=Count("objection_id"))
        .group_by("source_id", "reason_code", "state")
        .order_by("source_id", "reason_code", "state")
        .values("source_id", "reason_code", "state", "counted")
    )
    return rows


def _where(filters: ConsentFilters, first: int) -> tuple[str, list[object]]:
    conditions = ""
    values: list[object] = []
    for column, value in (
        ("purpose", filters.purpose),
        ("counterpart", filters.counterpart),
        ("notice_version", filters.notice_version),
    ):
        if value is not None:
            conditions += f" AND c.{column} = ${first + len(values)}"
            values.append(value)
    return conditions, values


def _end_of(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=1) - timedelta(microseconds=1)
