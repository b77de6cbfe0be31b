"""A background loop that sets the metrics of this process's surroundings: pool, Redis, key sets, disk."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass

from consent.database import queries
from service.http.context import AppContext
from service.observability import metrics
from service.observability.log_events import LogEvent
from service.observability.logging import log_event
from service.storage import pool_state
from service.storage.pool_state import PoolState
from service.version import VERSION

MEASURE_SECONDS = 5.0
"""Pause between two measurements: Prometheus asks every 15 seconds or more seldom."""


@dataclass(slots=True)
class Measuring:
    """Counts of the pool at the last measurement, since a counter is told what was added."""

    waits: int = 0
    timeouts: int = 0

    def measure(self, app_context: AppContext) -> None:
        """Set the metrics once. No query: a database that is away must not hold up the others."""
        metrics.VERSION_INFO.labels(VERSION).set(1)
        self._measure_pool(pool_state.read())
        redis = app_context.limiter.redis
        if redis is not None:
            metrics.REDIS_AVAILABLE.set(not redis.unavailable)
        for audience, seconds in app_context.verifier.key_ages().items():
            metrics.TOKEN_KEYS_FETCHED.labels(audience).set(time.time() - seconds)
        usage = shutil.disk_usage(app_context.settings.publisher.folder)
        metrics.LOG_FOLDER_FREE.set(usage.free)
        metrics.LOG_FOLDER_SIZE.set(usage.total)

    def _measure_pool(self, state: PoolState | None) -> None:
        metrics.DATABASE_AVAILABLE.set(queries.is_sqlite() if state is None else state.available)
        if state is None:
            return
        metrics.POOL_CONNECTIONS.labels("in_use").set(state.in_use)
        metrics.POOL_CONNECTIONS.labels("idle").set(state.idle)
        metrics.POOL_CONNECTIONS_MAX.set(state.size_max)
        metrics.POOL_WAITS.inc(state.waits - self.waits)
        metrics.POOL_TIMEOUTS.inc(state.timeouts - self.timeouts)
        self.waits, self.timeouts = state.waits, state.timeouts


async def measure_loop(app_context: AppContext) -> None:
    """Measure every MEASURE_SECONDS until cancelled."""
    measuring = Measuring()
    try:
        while True:
            try:
                measuring.measure(app_context)
            except Exception as error:  # a folder that was unmounted, a full disk of counts
                log_event(LogEvent.MEASURING_FAILED, error=type(error).__name__)
            await asyncio.sleep(MEASURE_SECONDS)
    finally:
        # Processes add up, and the numbers of one that has ended stay in its slot until another takes it.
        for gauge in (*map(metrics.POOL_CONNECTIONS.labels, ("in_use", "idle")), metrics.POOL_CONNECTIONS_MAX):
            gauge.set(0)
