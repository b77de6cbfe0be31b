"""Prometheus metrics of a process. No label names a person, an id, an organisation or an address.

Nobody may learn from a metric that one person has withdrawn, refused or left: calls by which residents decide share one
label, statuses are counted by class, and waits of the logs are given in whole minutes.
docs/how-to/watch-a-city.md lists every metric; a test compares that table with this module.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response

from service.observability import shared_counts

REGISTRY = CollectorRegistry()
STARTED_NS = time.time_ns()
"""Beginning of the counts of this process, in nanoseconds since 1970."""
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends in seconds: reads take some milliseconds, a batch of records seconds; waits for the database end at 5."""
RESIDENT_ACTS = frozenset(
    {
        "requestConsent",
        "giveConsent",
        "refuseConsent",
        "renewLinkCode",
        "withdrawConsent",
        "undoWithdrawal",
        "withdrawAll",
        "supposePoints",
        "issueTicket",
        "chooseNotifications",
        "objectToMissing",
        "objectToRecord",
        "complain",
        "bookSession",
        "cancelBooking",
        "issuePasses",
        "issueSlip",
        "requestBinding",
        "stopBinding",
        "stopPasses",
        "stopSlip",
        "eraseMe",
    }
)
"""Calls of residents other than reads. Counted apart, each would tell when somebody withdrew, refused or left."""
RESIDENT_PAGES = "page:/me"
"""Beginning of the names of residents' pages, which are counted together for the same reason."""
RESIDENTS_ACTS = "residents_acts"
RESIDENTS_PAGES = "residents_pages"
RESIDENT_LABELS = frozenset({RESIDENTS_ACTS, RESIDENTS_PAGES})

REQUESTS = Counter(
    "credit_easy_requests", "Requests answered, by class of status", ("operation", "status"), registry=REGISTRY
)
SECONDS = Histogram(
    "credit_easy_request_seconds", "Time to answer a request", ("operation",), registry=REGISTRY, buckets=BUCKETS
)
RATE_LIMITED = Counter(
    "credit_easy_rate_limited", "Requests refused because a rate was used up", ("rate",), registry=REGISTRY
)
TOKENS_REFUSED = Counter(
    "credit_easy_tokens_refused", "Requests whose token was refused", ("audience", "reason"), registry=REGISTRY
)
POOL_WAITS = Counter("credit_easy_pool_waits", "Requests that waited for a database connection", registry=REGISTRY)
POOL_TIMEOUTS = Counter("credit_easy_pool_timeouts", "Waits for a connection that ended without one", registry=REGISTRY)
JOB_FAILURES = Counter("credit_easy_job_failures", "Background jobs that failed", ("job",), registry=REGISTRY)


def _gauge(name: str, text: str, labels: Iterable[str] = (), mode: str = "mostrecent") -> Gauge:
    return Gauge(name, text, labels, registry=REGISTRY, multiprocess_mode=mode)  # type: ignore[arg-type]


POOL_CONNECTIONS = _gauge("credit_easy_pool_connections", "Database connections by state", ("state",), "sum")
POOL_CONNECTIONS_MAX = _gauge("credit_easy_pool_connections_max", "Database connections allowed", mode="sum")
DATABASE_AVAILABLE = _gauge("credit_easy_database_available", "Whether the database answers and is prepared")
REDIS_AVAILABLE = _gauge("credit_easy_redis_available", "Whether Redis answers; absent without Redis")
TOKEN_KEYS_FETCHED = _gauge(
    "credit_easy_token_keys_fetched_timestamp_seconds", "Last successful fetch of an issuer's keys", ("audience",)
)
LOG_FROZEN = _gauge("credit_easy_log_frozen", "Whether a transparency log is frozen", ("log",))
LOG_EPOCH = _gauge("credit_easy_log_epoch", "Number of a log's running epoch, from 1 on", ("log",))
RECORDS_WITHHELD = _gauge("credit_easy_records_withheld", "Whether records are withheld until tombstones are replayed")
LOG_WAIT = _gauge(
    "credit_easy_log_wait_seconds", "Wait of a log's oldest leaf in the outbox, in whole minutes", ("log",)
)
LOGS_ADVANCED = _gauge(
    "credit_easy_logs_advanced_timestamp_seconds", "Last round in which this service advanced both logs"
)
TOMBSTONES_APPLIED = _gauge(
    "credit_easy_tombstones_applied_timestamp_seconds", "Last round in which this database had every tombstone"
)
CLEANUP_DONE = _gauge("credit_easy_cleanup_timestamp_seconds", "Last cleanup in which no job failed")
LOG_FOLDER_UNFIT = _gauge(
    "credit_easy_log_folder_unfit",
    "Whether a log folder is another one or lacks the last checkpoint",
    mode="max",
)
OVERDUE = _gauge(
    "credit_easy_overdue",
    "Objections not decided in time, and records that sources were asked for and are overdue",
    ("kind",),
)
LOG_FOLDER_FREE = _gauge("credit_easy_log_folder_free_bytes", "Free space where checkpoints and tombstones are stored")
LOG_FOLDER_SIZE = _gauge("credit_easy_log_folder_size_bytes", "All space where checkpoints and tombstones are stored")
VERSION_INFO = _gauge("credit_easy_version_info", "1 for the version that runs", ("version",))
CONNECTIONS = Counter(
    "credit_easy_connections_refused",
    "Connections that were refused or closed, by reason",
    ("reason",),
    registry=REGISTRY,
)


SPANS_LOST = Counter("credit_easy_spans_lost", "Spans that were not sent to the collector of traces", registry=REGISTRY)


def count(operation: str, status: int, seconds: float) -> None:
    """Count one answered request and its seconds.

    A count that cannot be stored is lost: a request never fails because of it.
    """
    with suppress(OSError):
        label = operation_label(operation)
        _requests(label, status // 100).inc()
        _seconds(label).observe(seconds)


def count_refusal(rate: str) -> None:
    """Count one request that was refused because a rate was used up."""
    with suppress(OSError):
        RATE_LIMITED.labels(rate).inc()


def count_connection(reason: str) -> None:
    """Count a connection that was refused (a problem's code) or closed (`displaced`, `too_slow`)."""
    with suppress(OSError):
        CONNECTIONS.labels(reason).inc()


def count_refused_token(audience: str, reason: str) -> None:
    """Count one request whose token was refused, for a reason of a closed list."""
    with suppress(OSError):
        TOKENS_REFUSED.labels(audience, reason).inc()


def count_lost_spans(lost: int) -> None:
    """Count spans that the collector of traces did not take in time."""
    with suppress(OSError):
        SPANS_LOST.inc(lost)


@lru_cache(maxsize=512)
def operation_label(operation: str) -> str:
    """Return the label of an operation or page by the name of its route; residents' decisions share one."""
    if operation in RESIDENT_ACTS:
        return RESIDENTS_ACTS
    return RESIDENTS_PAGES if operation.startswith(RESIDENT_PAGES) else operation


@lru_cache(maxsize=4096)
def _requests(label: str, status_class: int) -> Counter:
    return REQUESTS.labels(label, f"{status_class}xx")


@lru_cache(maxsize=512)
def _seconds(label: str) -> Histogram:
    return SECONDS.labels(label)


def registry() -> CollectorRegistry:
    """Return the registry of all metrics, summed over the processes that share a port; both exporters read it."""
    if shared_counts.FOLDER_VARIABLE not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


def text() -> bytes:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(registry())


async def exposition(_: Request) -> Response:
    """Answer `GET /metrics`."""
    return Response(text(), media_type=CONTENT_TYPE_LATEST)
