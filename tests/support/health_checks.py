"""The service's check of PostgreSQL in tests whose event loop stands still between two acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from service.storage import health_monitor
from tests.support.deadlines import WAIT_SECONDS


@contextmanager
def patient_health_checks() -> Iterator[None]:
    """Give each check in the block WAIT_SECONDS.

    A check that waits while the loop stands still reads its answer too late; two of them make the database unavailable.
    """
    with (
        patch.object(health_monitor, "HEALTHCHECK_WAIT_SECONDS", WAIT_SECONDS),
        patch.object(health_monitor, "HEALTHCHECK_CONNECT_SECONDS", WAIT_SECONDS),
    ):
        yield
