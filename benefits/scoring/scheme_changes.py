"""Differences between two versions of the scheme, by kind of deed and by dimension, for everybody to read.

Points that an earlier version gave stay until their announced expiry (R1): a difference concerns deeds of the later
version's civil years only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from benefits.scoring.scheme import Indicator, Scheme
from consent.domain.records import STRENUOUS_KINDS, Dimension, RecordKind

WAYS_MIN = 2
"""Kinds without riding, walking far or lifting in each dimension: a single one would depend on one source (R16)."""
VALIDITY_MONTHS_MIN = 12
"""Points count at least a year, so that everybody can use what a season of deeds gave (R16)."""


class PointsChange(StrEnum):
    """The comparison of a kind's points under two versions, over every sum of a civil year."""

    ADDED = "added"
    REMOVED = "removed"
    MORE = "more"
    LESS = "less"
    MIXED = "mixed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class IndicatorChange:
    """A kind whose worth differs; the months are None where a version does not have the kind."""

    kind: RecordKind
    dimension: Dimension
    points: PointsChange
    months_before: int | None
    months_after: int | None


@dataclass(frozen=True, slots=True)
class CapChange:
    """A dimension whose cap in points differs."""

    dimension: Dimension
    before: int
    after: int


def indicator_changes(before: Scheme, after: Scheme) -> list[IndicatorChange]:
    """Return the kinds whose points or months differ, in the order of `RecordKind`."""
    changes = []
    for kind in RecordKind:
        old, new = before.indicators.get(kind), after.indicators.get(kind)
        named = new or old
        if named is None:
            continue
        points = _points_change(old, new)
        months_before = None if old is None else old.validity_months
        months_after = None if new is None else new.validity_months
        moved = old is not None and new is not None and old.dimension != new.dimension
        if points is not PointsChange.SAME or months_before != months_after or moved:
            changes.append(IndicatorChange(kind, named.dimension, points, months_before, months_after))
    return changes


def cap_changes(before: Scheme, after: Scheme) -> list[CapChange]:
    """Return the dimensions whose cap differs, in the order of `Dimension`."""
    return [
        CapChange(dimension, before.caps[dimension], after.caps[dimension])
        for dimension in Dimension
        if before.caps[dimension] != after.caps[dimension]
    ]


def gentle_kinds(scheme: Scheme, dimension: Dimension) -> frozenset[RecordKind]:
    """Return the kinds of a dimension that need no riding, walking far or lifting (R16)."""
    return frozenset(
        kind
        for kind, indicator in scheme.indicators.items()
        if indicator.dimension is dimension and kind not in STRENUOUS_KINDS
    )


def gentle_cap(scheme: Scheme, dimension: Dimension) -> int:
    """Return the points of a dimension that its gentle kinds give in a civil year, at most its cap (R16)."""
    yearly = sum(scheme.indicators[kind].yearly_cap for kind in gentle_kinds(scheme, dimension))
    return min(scheme.caps[dimension], yearly)


def gives_less(before: Scheme, after: Scheme) -> list[RecordKind | Dimension]:
    """Return the kinds that earn less, for a shorter time or elsewhere, and the dimensions whose cap falls."""
    less = (PointsChange.REMOVED, PointsChange.LESS, PointsChange.MIXED)
    kinds = []
    for change in indicator_changes(before, after):
        old, new = before.indicators.get(change.kind), after.indicators.get(change.kind)
        shorter = old is not None and new is not None and new.validity_months < old.validity_months
        moved = old is not None and new is not None and new.dimension is not old.dimension
        if change.points in less or shorter or moved:
            kinds.append(change.kind)
    return [*kinds, *(change.dimension for change in cap_changes(before, after) if change.after < change.before)]


def _points_change(old: Indicator | None, new: Indicator | None) -> PointsChange:
    if old is None or new is None:
        return PointsChange.ADDED if old is None else PointsChange.REMOVED
    # Both are steps that rise only at these sums, so a comparison there is a comparison everywhere.
    steps = {indicator.least_for(points) for indicator in (old, new) for points in range(1, indicator.yearly_cap + 1)}
    gains = {new.points_of(units) - old.points_of(units) for units in steps}
    rises, falls = any(gain > 0 for gain in gains), any(gain < 0 for gain in gains)
    if rises and falls:
        return PointsChange.MIXED
    if rises or falls:
        return PointsChange.MORE if rises else PointsChange.LESS
    return PointsChange.SAME
