"""What a privacy officer may see and settle: counts, random samples, single consents under a case, reviews.

Never rows by place and time, never a lookup by identity. Every look leaves a leaf in the consent log; a look at one
consent also stands in that person's own chain, where they read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.documents.lifecycle import SYSTEM_ACTOR
from consent.events import ledger
from consent.events.ledger import Opening
from consent.kernel.errors import Conflict, NotFound

SAMPLE_MAX = 200
CELL_MIN = 20
"""Fewer than this are not counted out: a small cell is a person."""
ROUND_TO = 10
"""Counts are rounded, so that two of them side by side tell nothing of one person."""
PROPAGATION_DAYS = 7
"""Within how many days a source acknowledges an ended link or a correction."""
CONSENT_STATE = (
    "CASE WHEN c.state = 'refused' THEN 'refused' WHEN c.ended_at IS NOT NULL AND c.ended_at <= $1 THEN c.state"
    " WHEN c.expires_at <= $1 THEN 'expired' ELSE 'given' END"
)
"""The state of a consent at the instant `$1`, whatever came later."""


@dataclass(frozen=True, slots=True)
class ConsentFilters:
    """Which consents; None for all."""

    purpose: str | None = None
    counterpart: str | None = None
    notice_version: int | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """Consents of one day and state; `count` is rounded to tens, or None where it is too small to say."""

    day: date
    state: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Review:
    """Something that waits for an officer."""

    review_id: str
    kind: str
    about: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """Why an officer looks."""

    case_id: str
    reason_code: str
    text: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a review: approved or refused, why, by whom."""

    decision: str
    reason: str
    staff_id: str
    decided_at: datetime


RETENTION = timedelta(days=3 * 366)


async def delete_old(at: datetime) -> int:
    """Drop cases, and reviews that are decided, of more than three years ago; how many."""
    long_ago = queries.to_micros(at - RETENTION)
    dropped = await queries.execute("DELETE FROM officer_case WHERE opened_at < $1", long_ago)
    return dropped + await queries.execute(
        "DELETE FROM link_review WHERE opened_at < $1 AND state = 'decided'", long_ago
    )


async def open_case(staff_id: str, reason_code: str, text: str, at: datetime) -> str:
    """Open a case; its id. Whatever is looked at later names it."""
    case_id = new_id()
    await queries.execute(
        "INSERT INTO officer_case (case_id, staff_id, reason_code, text, opened_at) VALUES ($1, $2, $3, $4, $5)",
        case_id,
        staff_id,
        reason_code,
        text,
        queries.to_micros(at),
    )
    await ledger.record_officer_read(staff_id, case_id, "case.opened", at)
    return case_id


async def require_case(case_id: str, staff_id: str) -> Case:
    """The officer's own case of this id, or NotFound."""
    found = await queries.fetch_one(
        "SELECT * FROM officer_case WHERE case_id = $1 AND staff_id = $2", case_id, staff_id
    )
    if found is None:
        raise NotFound("there is no case of yours of this id")
    return _case(found)


async def cases_of(staff_id: str, before: tuple[int, str] | None, limit: int) -> list[Case]:
    """The officer's own cases, newest first; `before` is (opened at, id) of the last one seen."""
    at, case_id = before or (2**62, "")
    found = await queries.fetch_all(
        "SELECT * FROM officer_case WHERE staff_id = $1 AND (opened_at < $2 OR (opened_at = $2 AND case_id < $3))"
        " ORDER BY opened_at DESC, case_id DESC LIMIT $4",
        staff_id,
        at,
        case_id,
        limit,
    )
    return [_case(row) for row in found]


def _case(row: queries.Row) -> Case:
    return Case(row["case_id"], row["reason_code"], row["text"], queries.from_micros(row["opened_at"]))


async def count_consents(filters: ConsentFilters, on: date, zone: tzinfo, at: datetime) -> list[Cell]:
    """Consents by the day they were decided and the state at the end of civil day `on`; small cells suppressed."""
    instant = min(_end_of(on, zone), at)
    where, values = _where(filters, 3)
    offset = int((instant.astimezone(zone).utcoffset() or timedelta()).total_seconds()) * 1_000_000
    found = await queries.fetch_all(
        f"SELECT (c.given_at + $2) / 86400000000 AS day, {CONSENT_STATE} AS state, count(*) AS counted FROM consent c"
        f" WHERE c.given_at <= $1{where} GROUP BY 1, 2 ORDER BY 1, 2",
        queries.to_micros(instant),
        offset,
        *values,
    )
    epoch = queries.EPOCH.date()
    rows = [
        (epoch + timedelta(days=int(row["day"])), str(row["state"]), int(row["counted"]))
        for row in found
        if filters.state in (None, row["state"])
    ]
    shown = suppress_small_cells([counted for _, _, counted in rows])
    return [Cell(day, state, count) for (day, state, _), count in zip(rows, shown, strict=True)]


def suppress_small_cells(cells: Sequence[int]) -> list[int | None]:
    """Counts rounded to tens; those under CELL_MIN are left out, and a second one with a single small cell.

    Otherwise the one that is missing could be had from a total.
    """
    hidden = {place for place, count in enumerate(cells) if count < CELL_MIN}
    if len(hidden) == 1 and len(cells) > 1:
        hidden.add(min((place for place in range(len(cells)) if place not in hidden), key=lambda place: cells[place]))
    return [
        None if place in hidden else (count + ROUND_TO // 2) // ROUND_TO * ROUND_TO for place, count in enumerate(cells)
    ]


async def sample_consents(filters: ConsentFilters, size: int, at: datetime) -> list[queries.Row]:
    """Up to `size` consents at random; none when fewer than CELL_MIN fit the filters."""
    where, values = _where(filters, 2)
    fitting = f"SELECT c.*, {CONSENT_STATE} AS state_then FROM consent c WHERE c.given_at <= $1{where}"
    if filters.state is not None:
        values.append(filters.state)
        fitting = f"SELECT * FROM ({fitting}) f WHERE f.state_then = ${len(values) + 1}"
    instant = queries.to_micros(at)
    counted = await queries.fetch_one(f"SELECT count(*) AS fitting FROM ({fitting}) s", instant, *values)
    if counted is None or counted["fitting"] < CELL_MIN:
        return []
    return await queries.fetch_all(
        f"SELECT * FROM ({fitting}) s ORDER BY random() LIMIT ${len(values) + 2}", instant, *values, size
    )


async def read_consent(
    keyring: Keyring, consent_id: str, case_id: str, staff_id: str, at: datetime
) -> tuple[Any, list[Opening]]:
    """One consent with its events, under a case. The person's own chain says that somebody looked."""
    row = await queries.fetch_one("SELECT * FROM consent WHERE consent_id = $1", consent_id)
    if row is None:
        raise NotFound("there is no such consent")
    person = await persons.lock(keyring, row["person_id"])
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
    )
    await ledger.record_officer_read(staff_id, case_id, "consent.read", at)
    return row, await ledger.about_consent(person, consent_id)


async def refused_attempts(after: tuple[int, str] | None, limit: int) -> list[queries.Row]:
    """What was tried and refused, newest first."""
    at, attempt_id = after or (2**62, "")
    return await queries.fetch_all(
        "SELECT attempt_id, at, door, actor, code, what FROM refused_attempt"
        " WHERE at < $1 OR (at = $1 AND attempt_id < $2) ORDER BY at DESC, attempt_id DESC LIMIT $3",
        at,
        attempt_id,
        limit,
    )


async def unacknowledged(after: tuple[int, str] | None, limit: int) -> list[queries.Row]:
    """Ended links and corrections that their source has not dealt with, oldest first; no account, no person."""
    since, waiting_id = after or (-1, "")
    return await queries.fetch_all(
        "SELECT * FROM (SELECT 'ended_link' AS kind, link_id AS id, source_id, since FROM account_link"
        " WHERE state = 'ended' AND acknowledged_at IS NULL UNION ALL"
        " SELECT 'ended_link', link_id, source_id, since FROM farewell WHERE acknowledged_at IS NULL UNION ALL"
        " SELECT 'correction', correction_id, source_id, since FROM correction WHERE acknowledged_at IS NULL) waiting"
        " WHERE since > $1 OR (since = $1 AND id > $2) ORDER BY since, id LIMIT $3",
        since,
        waiting_id,
        limit,
    )


async def open_reviews() -> list[Review]:
    """What waits for an officer, oldest first: contested links, flagged documents, what the gate has stopped."""
    contested = await queries.fetch_all("SELECT review_id, source_id, opened_at FROM link_review WHERE state = 'open'")
    waiting = await queries.fetch_all(
        "SELECT kind, document_id, version, created_at FROM document WHERE state = 'in_review'"
    )
    stopped = await queries.fetch_all(
        "SELECT d.kind, d.document_id, d.version, max(s.at) AS at FROM document d JOIN document_step s"
        " ON s.kind = d.kind AND s.document_id = d.document_id AND s.version = d.version"
        " WHERE d.state = 'suspended' AND s.act = 'suspend' AND s.staff_id = $1"
        " GROUP BY d.kind, d.document_id, d.version",
        SYSTEM_ACTOR,
    )
    found = [_contested(row) for row in contested]
    found += [_about_document(row, "document", row["created_at"]) for row in waiting]
    found += [_about_document(row, "stopped_document", row["at"]) for row in stopped]
    return sorted(found, key=lambda review: (review.opened_at, review.review_id))


async def closed_review(review_id: str, about: tuple[str, str, int] | None) -> Review:
    """A review that no longer waits: of a version (kind, id, number), or of two claims. NotFound when it is gone."""
    if about is None:
        row = await queries.fetch_one(
            "SELECT review_id, source_id, opened_at FROM link_review WHERE review_id = $1", review_id
        )
    else:
        row = await queries.fetch_one(
            "SELECT d.kind, d.document_id, d.version, d.created_at, max(s.at) AS stopped_at FROM document d"
            " LEFT JOIN document_step s ON s.kind = d.kind AND s.document_id = d.document_id AND s.version = d.version"
            " AND s.act = 'suspend' AND s.staff_id = $4 WHERE d.kind = $1 AND d.document_id = $2 AND d.version = $3"
            " GROUP BY d.kind, d.document_id, d.version, d.created_at",
            *about,
            SYSTEM_ACTOR,
        )
    if row is None:
        raise NotFound("there is no such review")
    if about is None:
        return _contested(row)
    if row["stopped_at"] is None:
        return _about_document(row, "document", row["created_at"])
    return _about_document(row, "stopped_document", row["stopped_at"])


def _contested(row: queries.Row) -> Review:
    return Review(row["review_id"], "contested_link", row["source_id"], queries.from_micros(row["opened_at"]))


def _about_document(row: queries.Row, kind: str, since: int) -> Review:
    return Review(
        f"{row['kind']}.{row['document_id']}.{row['version']}",
        kind,
        f"{row['kind']}/{row['document_id']}",
        queries.from_micros(since),
    )


async def record_decision(review_id: str, staff_id: str, decision: str, reason: str, at: datetime) -> None:
    """Write a decision down among the looks: every decision is one."""
    await ledger.record_officer_read(staff_id, None, f"review.{decision}d {review_id}: {reason}", at)


async def decision_of(review_id: str) -> Decision | None:
    """The last decision on a review, or None; a document that was changed and flagged anew is decided anew."""
    found: list[Decision] = []
    for decision in ("approve", "refuse"):
        mark = f"review.{decision}d {review_id}: "
        rows = await queries.fetch_all(
            "SELECT staff_id, what, at FROM oversight WHERE substr(what, 1, $1) = $2 ORDER BY at DESC LIMIT 1",
            len(mark),
            mark,
        )
        found += [
            Decision(decision, row["what"].removeprefix(mark), row["staff_id"], queries.from_micros(row["at"]))
            for row in rows
        ]
    return max(found, key=lambda one: one.decided_at, default=None)


async def decide_contested(review_id: str, staff_id: str, approve: bool, reason: str, at: datetime) -> queries.Row:
    """Close the review of a contested link; its row. Conflict when it is decided already."""
    row = await queries.fetch_one("SELECT * FROM link_review WHERE review_id = $1", review_id)
    if row is None:
        raise NotFound("there is no such review")
    changed = await queries.execute(
        "UPDATE link_review SET state = 'decided', decision = $2, reason = $3, decided_at = $4, decided_by = $5"
        " WHERE review_id = $1 AND state = 'open'",
        review_id,
        "approve" if approve else "refuse",
        reason,
        queries.to_micros(at),
        staff_id,
    )
    if not changed:
        raise Conflict("the review is decided")
    return row


async def objection_statistics() -> list[queries.Row]:
    """Objections by source, reason and state; the counts are raw and must be suppressed before anybody sees them."""
    return await queries.fetch_all(
        "SELECT source_id, reason_code, state, count(*) AS counted FROM objection GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )


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
