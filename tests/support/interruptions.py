"""Deaths of a process at a commit, as far as its database can tell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint


class Stopped(Exception):
    """The end of a process, as far as the database can tell."""


@contextmanager
def stopped_at_commit(number: int) -> Iterator[None]:
    """Raise Stopped before the commit of this number."""
    commits = itertools.count(1)

    def stop(point: FaultPoint) -> None:
        if point is FaultPoint.BEFORE_COMMIT and next(commits) == number:
            raise Stopped

    fault_points.arm(stop)
    try:
        yield
    finally:
        fault_points.arm(None)
