"""Stored balances as values: a person's points with the rule of when a stored balance may still be used.

Pure. The rule stands here once; the read, the redemption, the tickets and the tests take it from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

import orjson

from benefits.scoring.points import Points
from benefits.scoring.scheme import Timeline
from consent.kernel.instants import from_day_number, to_day_number


class Balance(NamedTuple):
    """A person's points, totals only. `valid_until` is the first day on which the total may differ by expiry."""

    total: int
    dimensions: tuple[dict[str, Any], ...]
    scheme_version: str
    as_of: date
    valid_until: date | None

    def measures(self) -> dict[str, int]:
        """The measures that conditions speak about: the total and each dimension."""
        return _measures(self.total, self.dimensions)


class StoredBalance(NamedTuple):
    """A row of the snapshot table; `epoch` is None where the person has none.

    `as_of` and `valid_until` are day numbers. Of the consents behind the balance, in microseconds: `covered_until` is
    the first end, `covered_from` the latest begin; None without any, and in a row of a version that stored none.
    """

    epoch: int | None
    scheme_version: str
    timeline_sha256: str
    total: int
    dimensions: str
    as_of: int
    valid_until: int | None
    covered_until: int | None
    covered_from: int | None

    def measures(self) -> dict[str, int]:
        """The measures that conditions speak about; only for a row that `is_usable`."""
        return _measures(self.total, orjson.loads(self.dimensions))

    def balance(self, today: date) -> Balance:
        """The points as of `today`; only for a row that `is_usable`."""
        return Balance(
            self.total,
            tuple(orjson.loads(self.dimensions)),
            self.scheme_version,
            today,
            None if self.valid_until is None else from_day_number(self.valid_until),
        )


def _measures(total: int, dimensions: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    measures = {row["dimension"]: row["points"] for row in dimensions}
    measures["total"] = total
    return measures


def is_usable(row: StoredBalance, epoch: int | None, timeline: Timeline, today: date, at: int) -> bool:
    """Report whether a stored balance is the person's points at the instant `at` (microseconds), civil day `today`.

    It must have been computed under the person's present consent epoch and the schemes in force, and not be dated in
    the future. No record and no consent behind it may have expired since, nor may a consent behind it begin later: it
    does where the clock was set back.
    """
    day = to_day_number(today)
    return (
        row.epoch is not None
        and row.epoch == epoch
        and row.timeline_sha256 == timeline.sha256
        and row.scheme_version == timeline.version_for(today.year).version
        and row.as_of <= day
        and (row.valid_until is None or row.valid_until > day)
        and (row.covered_until is None or row.covered_until > at)
        and (row.covered_from is None or row.covered_from <= at)
    )


def balance_from(computed: Points) -> Balance:
    """The totals of a computation, without its contributions."""
    return Balance(
        computed.total,
        tuple({"dimension": str(row.dimension), "points": row.points, "cap": row.cap} for row in computed.dimensions),
        computed.scheme_version,
        computed.as_of,
        computed.valid_until,
    )
