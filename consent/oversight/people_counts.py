"""Exact counts of consents and objections, to which `benefits.statistics.releases` adds noise before they leave.

SQL text: the state of consents at an instant is computed by set, and window functions bound what a person adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from consent.database import queries
from consent.domain.complaints import COUNTED_DAYS as COMPLAINT_DAYS
from consent.domain.complaints import COUNTED_PER_PERSON as COMPLAINTS_PER_PERSON
from consent.domain.exact_counts import ExactCounts
from consent.domain.grants import State
from consent.domain.objections import COUNTED_PER_PERSON as OBJECTIONS_PER_PERSON
from consent.domain.objections import ObjectionState, Reason
from consent.domain.recipients import end_sql

COUNTED_PER_PERSON = 3
"""Consents of one person that an officer's count counts: more would need more noise for everybody."""
COUNTED_DAYS = 366
"""Days that an officer's count covers: a consent lives at most twelve months."""
MICROS_A_DAY = 86_400_000_000
CONSENT_STATE = (
    "CASE WHEN c.state = 'refused' THEN 'refused' WHEN c.ended_at IS NOT NULL AND c.ended_at <= $1 THEN c.state"
    f" WHEN {end_sql('c')} > $1 THEN 'given' WHEN {end_sql('c')} < c.expires_at THEN 'terminated' ELSE 'expired' END"
)
"""SQL expression: the state of a consent at the instant `$1`, without anything that happened later."""


@dataclass(frozen=True, slots=True)
class ConsentFilters:
    """The consents to count or sample; None filters nothing."""

    purpose: str | None = None
    counterpart: str | None = None
    notice_version: int | None = None
    state: str | None = None


async def count_consents(filters: ConsentFilters, on: date, zone: tzinfo, at: datetime) -> ExactCounts:
    """Count consents given in the COUNTED_DAYS up to civil day `on`, in their state at its end or now, if that is past.

    Cells: each state by itself, and `yyyy-mm-dd|state` for the day on which they were given. The first
    COUNTED_PER_PERSON consents of a person that fit are counted. `filters.state` is not read: choose among the cells.
    """
    instant = min(_end_of(on, zone), at)
    where, values = where_sql(filters, 3)
    offset = int((instant.astimezone(zone).utcoffset() or timedelta()).total_seconds()) * 1_000_000
    last = (queries.to_micros(instant) + offset) // MICROS_A_DAY
    rows = await queries.fetch_all(
        "SELECT day, state, count(*) AS counted FROM (SELECT day, state,"
        " row_number() OVER (PARTITION BY person_id ORDER BY consent_id) AS number FROM ("
        f"SELECT c.person_id, c.consent_id, (c.given_at + $2) / {MICROS_A_DAY} AS day, {CONSENT_STATE} AS state"
        f" FROM consent c WHERE c.given_at <= $1{where}) fitting WHERE day > {last - COUNTED_DAYS}) numbered"
        f" WHERE number <= {COUNTED_PER_PERSON} GROUP BY day, state",
        queries.to_micros(instant),
        offset,
        *values,
    )
    first_day = queries.START_OF_1970.date()
    days = [(first_day + timedelta(days=day)).isoformat() for day in range(last - COUNTED_DAYS + 1, last + 1)]
    cells = dict.fromkeys(map(str, State), 0) | {f"{day}|{state}": 0 for day in days for state in State}
    for row in rows:
        cells[row["state"]] += row["counted"]
        cells[f"{first_day + timedelta(days=int(row['day']))}|{row['state']}"] += row["counted"]
    return ExactCounts(cells, COUNTED_PER_PERSON * 2)


async def count_objections(source_ids: Sequence[str]) -> ExactCounts:
    """Count objections in cells `source|reason|state`; about a missing record or another source, the source is empty.

    The first COUNTED_PER_PERSON objections of a person are counted.
    """
    rows = await queries.fetch_all(
        "SELECT source_id, reason_code, state, count(*) AS counted FROM (SELECT source_id, reason_code, state,"
        " row_number() OVER (PARTITION BY person_id ORDER BY opened_at, objection_id) AS number"
        f" FROM objection) numbered WHERE number <= {OBJECTIONS_PER_PERSON} GROUP BY source_id, reason_code, state"
    )
    cells = {
        f"{source_id}|{reason}|{state}": 0
        for source_id in ("", *source_ids)
        for reason in Reason
        for state in ObjectionState
    }
    for row in rows:
        source_id = row["source_id"] if row["source_id"] in source_ids else ""
        reason = row["reason_code"] if row["reason_code"] in set(Reason) else Reason.OTHER
        cells[f"{source_id}|{reason}|{row['state']}"] += row["counted"]
    return ExactCounts(cells, OBJECTIONS_PER_PERSON)


async def count_complaints(provider_ids: Sequence[str], at: datetime) -> ExactCounts:
    """Count the people whose latest complaint of the last COUNTED_DAYS is about each provider, by provider."""
    rows = await queries.fetch_all(
        "SELECT provider_id, count(*) AS counted FROM (SELECT provider_id,"
        " row_number() OVER (PARTITION BY person_id ORDER BY opened_at DESC, complaint_id DESC) AS number"
        " FROM complaint WHERE opened_at >= $1) numbered WHERE number = 1 GROUP BY provider_id",
        queries.to_micros(at - timedelta(days=COMPLAINT_DAYS)),
    )
    counted = {row["provider_id"]: int(row["counted"]) for row in rows}
    return ExactCounts({name: counted.get(name, 0) for name in provider_ids}, COMPLAINTS_PER_PERSON)


def where_sql(filters: ConsentFilters, first: int) -> tuple[str, list[object]]:
    """Return the filters but the state as SQL, ` AND c.… = $first` and so on, with the values of its parameters."""
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
