"""Prometheus metrics: requests by method, route pattern and status. No label names a person, id or organisation."""

from __future__ import annotations

import os
from functools import lru_cache

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response

from service.observability import shared_counts

REGISTRY = CollectorRegistry()
REQUESTS = Counter("credit_easy_requests", "Requests answered", ("method", "route", "status"), registry=REGISTRY)
SECONDS = Histogram("credit_easy_request_seconds", "Time to answer", ("route",), registry=REGISTRY)
LOG_FROZEN = Gauge(
    "credit_easy_log_frozen",
    "Whether a transparency log is frozen",
    ("log",),
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
OVERDUE = Gauge(
    "credit_easy_overdue",
    "Objections not decided in time, and records that sources were asked for and are overdue",
    ("kind",),
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request and its seconds. Unknown methods share one label, so that no caller can add series.

    A count that cannot be stored is lost: a request never fails because of it.
    """
    try:
        _requests(method if method in METHODS else "OTHER", route, status).inc()
        _seconds(route).observe(seconds)
    except OSError:
        return


@lru_cache(maxsize=4096)
def _requests(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, str(status))


@lru_cache(maxsize=512)
def _seconds(route: str) -> Histogram:
    return SECONDS.labels(route)


async def exposition(_: Request) -> Response:
    """Answer `GET /metrics` in Prometheus' text format, summed over the processes that share a port."""
    registry = REGISTRY
    if shared_counts.FOLDER_VARIABLE in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
