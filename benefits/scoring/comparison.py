"""Comparison of the points of two sets of records, day by day."""

from __future__ import annotations

from datetime import date

from benefits.scoring import points
from benefits.scoring.scheme import Timeline
from consent.domain.records import Released


def first_loss(before: Released, after: Released, timeline: Timeline, on: date) -> date | None:
    """Return the first civil day from `on` on which `after` gives fewer points than `before`, or None.

    The total and each dimension are compared, on `on` and on every later day on which a record of either expires;
    between those days nothing changes but by a new scheme version, which has the same records to score.
    """
    days = {on} | {
        given.expires_on
        for released in (before, after)
        for given in points.compute(released, timeline, on).contributions
    }
    for day in sorted(days):
        had, has = (points.measures(points.compute(released, timeline, day)) for released in (before, after))
        if any(has[measure] < had[measure] for measure in had):
            return day
    return None
