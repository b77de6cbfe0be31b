"""Points of a person as a pure function of released records, scheme versions and a civil day.

Within an indicator and civil year, ordered by day and id, a record gives the increase of the floored, capped running
sum. Expiry drops the points of that record and changes no other's. A record that had expired when it came in gives
nothing and is left out of the sum: otherwise a source could take points away by delivering very old deeds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from benefits.scoring.scheme import Indicator, Timeline
from consent.domain.records import Dimension, Record, RecordKind, Released

FEBRUARY, LEAP_DAY, MONTHS = 2, 29, 12


@dataclass(frozen=True, slots=True)
class Contribution:
    """The points that one record gives. `expires_on` is the first civil day on which it no longer counts."""

    record_id: str
    source_id: str
    kind: RecordKind
    dimension: Dimension
    occurred_on: date
    quantity: int
    unit: Mapping[str, str]
    points: int
    expires_on: date


@dataclass(frozen=True, slots=True)
class DimensionPoints:
    """A dimension's points: the sum of its contributions less `capped_off`, never above `cap`."""

    dimension: Dimension
    points: int
    cap: int
    capped_off: int


@dataclass(frozen=True, slots=True)
class Points:
    """Points as of a civil day. They are the same on every day before `valid_until` if nothing else happens."""

    total: int
    dimensions: tuple[DimensionPoints, ...]
    scheme_version: str
    as_of: date
    valid_until: date | None
    contributions: tuple[Contribution, ...]


def compute(released: Released, timeline: Timeline, on: date) -> Points:
    """Return the points of the released records on a civil day.

    Raises:
        LookupError: no scheme is in force in the year of `on`.
    """
    scheme = timeline.version_for(on.year)
    live = tuple(
        sorted(
            (given for given in _contributions(released.records, timeline, on) if given.expires_on > on),
            key=lambda given: (given.occurred_on, given.record_id),
        )
    )
    dimensions = _capped(live, timeline, on)
    return Points(
        sum(part.points for part in dimensions),
        dimensions,
        scheme.version,
        on,
        _first_change(live, timeline, on),
        live,
    )


def supposing(released: Released, deeds: Sequence[tuple[RecordKind, int]], timeline: Timeline, on: date) -> Points:
    """Return the points with further deeds (kind and quantity) done on the day `on`. Nothing is stored."""
    more = tuple(Record(f"~{number}", "~", kind, quantity, on) for number, (kind, quantity) in enumerate(deeds))
    return compute(replace(released, records=(*released.records, *more)), timeline, on)


def measures(computed: Points) -> dict[str, int]:
    """Return points by the measures that conditions read: the total and each dimension."""
    return {"total": computed.total, **{str(part.dimension): part.points for part in computed.dimensions}}


def expiry_of(occurred_on: date, validity_months: int) -> date:
    """Return the first civil day on which a deed no longer counts: the same date `validity_months` later.

    29 February counts as 1 March; a date that the later month lacks becomes the first of the month after.
    """
    day = occurred_on
    if (day.month, day.day) == (FEBRUARY, LEAP_DAY):
        day = date(day.year, FEBRUARY + 1, 1)
    index = day.year * MONTHS + day.month - 1 + validity_months
    try:
        return date(index // MONTHS, index % MONTHS + 1, day.day)
    except ValueError:
        index += 1
        return date(index // MONTHS, index % MONTHS + 1, 1)


def last_expired(on: date, validity_months: int) -> date:
    """Return the last civil day whose deeds no longer count on `on`.

    A binary search is enough: `expiry_of` never falls from one day to the next (a property test).
    """
    days = range(1, on.toordinal() + 1)
    return date.fromordinal(bisect_right(days, on, key=lambda day: expiry_of(date.fromordinal(day), validity_months)))


def _contributions(records: Sequence[Record], timeline: Timeline, on: date) -> Iterator[Contribution]:
    """The points of each record up to `on`, expired or not: tiers and caps of a year apply to all of its records."""
    groups: dict[tuple[int, RecordKind], list[Record]] = defaultdict(list)
    for record in records:
        if record.occurred_on <= on:
            groups[record.occurred_on.year, record.kind].append(record)
    for (year, kind), group in groups.items():
        scheme = timeline.scoring(year)
        indicator = None if scheme is None else scheme.indicators.get(kind)
        if indicator is not None:
            yield from _of_year(group, indicator)


def _of_year(group: list[Record], indicator: Indicator) -> Iterator[Contribution]:
    running = given = 0
    for record in sorted(group, key=lambda record: (record.occurred_on, record.record_id)):
        expires_on = expiry_of(record.occurred_on, indicator.validity_months)
        if record.received_on is not None and record.received_on >= expires_on:
            continue
        running += record.quantity
        now = indicator.points_of(running)
        yield Contribution(
            record.record_id,
            record.source_id,
            record.kind,
            indicator.dimension,
            record.occurred_on,
            record.quantity,
            indicator.unit,
            now - given,
            expires_on,
        )
        given = now


def _capped(live: Sequence[Contribution], timeline: Timeline, on: date) -> tuple[DimensionPoints, ...]:
    """Sums by dimension under their caps.

    The cap is the largest of the version in force and of those that scored a record which still counts, so that a
    later version with a lower cap takes nothing back.
    """
    sums: dict[Dimension, int] = defaultdict(int)
    bound_by: dict[Dimension, set[int]] = defaultdict(set)
    for given in live:
        sums[given.dimension] += given.points
        bound_by[given.dimension].add(given.occurred_on.year)
    dimensions = []
    for dimension in Dimension:
        schemes = [timeline.version_for(on.year), *(timeline.version_for(year) for year in bound_by[dimension])]
        cap = max(scheme.caps[dimension] for scheme in schemes)
        points = min(sums[dimension], cap)
        dimensions.append(DimensionPoints(dimension, points, cap, sums[dimension] - points))
    return tuple(dimensions)


def _first_change(live: Sequence[Contribution], timeline: Timeline, on: date) -> date | None:
    """The first later day on which expiry or a version's beginning may give other points; None when nothing will.

    The rule of `sql.scoring`, so that both store the same day: the earliest expiry among the records of a kind and
    civil year that give points together, or the beginning of the next version. A cap may hide the change.
    """
    groups: dict[tuple[int, RecordKind], list[Contribution]] = defaultdict(list)
    for given in live:
        groups[given.occurred_on.year, given.kind].append(given)
    days = [
        min(given.expires_on for given in group) for group in groups.values() if any(given.points for given in group)
    ]
    if live:
        days += [date(scheme.from_year, 1, 1) for scheme in timeline.schemes if scheme.from_year > on.year]
    return min(days, default=None)
