"""Named places at which a fault campaign may stop the process.

Inactive in production: no setting, request or environment variable arms a point; only code that calls `arm` does, and
the packages never call it (tests/structure/test_fault_points.py).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class FaultPoint(StrEnum):
    """A place between two steps of which the second must follow the first, or neither count."""

    BEFORE_COMMIT = "before commit"
    """Every write of a transaction is done and nothing is committed."""
    AFTER_COMMIT = "after commit"
    """A transaction is committed and its client has no answer yet."""
    PLAN_COMMITTED = "plan committed"
    """The one statement of a redemption or check is committed and its venue has no answer yet."""
    FILE_DRAFTED = "file drafted"
    """The draft of a checkpoint file is on disk and not yet renamed."""
    FILE_REPLACED = "file replaced"
    """A checkpoint file is on disk and the database does not know it yet."""
    EPOCH_BEGUN = "epoch begun"
    """The start of a log's next epoch is on disk and the database is unchanged."""
    LEAVES_MOVED = "leaves moved"
    """Leaves of the outbox are in the tree, in a transaction that is not committed."""
    ENDING_RECORDED = "ending recorded"
    """A withdrawal's or an erasure's tombstone is on disk and the database is unchanged."""
    ERASURE_BEGUN = "erasure begun"
    """Balance and tickets of an erased person are deleted, the person's own rows are not."""


_handler: Callable[[FaultPoint], None] | None = None


def arm(handler: Callable[[FaultPoint], None] | None) -> None:
    """Call `handler` at every point from now on in this process; None disarms."""
    global _handler
    _handler = handler


def reach(point: FaultPoint) -> None:
    """Tell the armed handler that the process is at a point; without one nothing happens."""
    if _handler is not None:
        _handler(point)
