"""Traces of requests: W3C trace context, sampling, and spans that wait to be sent.

A span has the operation's label of the metrics as its name, and the class of its status; nothing else of a request. So
all acts of residents have equal spans, and so have all their pages. Theirs also begin on a whole minute and last as
long as the bucket of the histogram: a time to the microsecond could be matched with an event in the database.
"""

from __future__ import annotations

import bisect
import os
import re
import time
from collections import deque
from collections.abc import Iterable, MutableMapping
from typing import Any, Final, NamedTuple

from service.observability import metrics

SPANS_MAX = 4_096
"""Spans that wait to be sent; about a megabyte. Beyond it the oldest are lost, and counted."""
TRUSTED_TRACEPARENT = "traceparent"
"""Key of a request's state under which the server stores the header of a trusted proxy, and of nobody else."""
NANOSECONDS = 1_000_000_000
RESIDENT_STEP_NANOSECONDS = 60 * NANOSECONDS
"""Beginnings of residents' spans are given in whole minutes, as waits of the logs are."""

_TRACEPARENT: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 1


class TraceContext(NamedTuple):
    """A place in a trace: id of the trace (16 bytes), of the caller's span (8 bytes, or none), and the decision."""

    trace_id: bytes
    parent_id: bytes
    sampled: bool


class RequestTrace(NamedTuple):
    """A request that is being answered: its place in a trace, and the time of its beginning in nanoseconds."""

    context: TraceContext
    began_ns: int


class Span(NamedTuple):
    """An answered request. Times in nanoseconds since 1970; `status` is a class such as `2xx`."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    began_ns: int
    ended_ns: int
    status: str


def parse_traceparent(header: bytes) -> TraceContext | None:
    """Return the caller's place in a trace from a `traceparent` header (W3C); None for a malformed one."""
    match = _TRACEPARENT.fullmatch(header)
    if match is None or match[1] == b"ff" or (match[1] == b"00" and match[5] is not None):
        return None
    trace_id, parent_id = bytes.fromhex(match[2].decode()), bytes.fromhex(match[3].decode())
    if not any(trace_id) or not any(parent_id):
        return None
    return TraceContext(trace_id, parent_id, bool(int(match[4], 16) & _SAMPLED))


class Tracer:
    """Begins and ends the traces of requests; one for the process, used from its event loop alone.

    `ratio`: share of the requests without a trusted `traceparent` whose spans are sent, from 0 to 1.
    """

    def __init__(self, ratio: float) -> None:
        self.spans: deque[Span] = deque()
        self.lost = 0
        """Spans that were lost since `take_lost`."""
        self._threshold = int(ratio * 2**64)

    def begin(self, state: MutableMapping[str, Any]) -> RequestTrace:
        """Begin a request's trace, or continue that of its trusted proxy; store `trace_id` in the request's state."""
        header = state.get(TRUSTED_TRACEPARENT)
        context = parse_traceparent(header) if header is not None else None
        if context is None:
            trace_id = os.urandom(16)
            context = TraceContext(trace_id, b"", int.from_bytes(trace_id[8:]) < self._threshold)
        state["trace_id"] = context.trace_id.hex()
        return RequestTrace(context, time.time_ns())

    def end(self, trace: RequestTrace, operation: str, status: int, seconds: float) -> None:
        """Store the span of a sampled request that took so many seconds."""
        if not trace.context.sampled:
            return
        name, began_ns = metrics.operation_label(operation), trace.began_ns
        if name in metrics.RESIDENT_LABELS:
            began_ns -= began_ns % RESIDENT_STEP_NANOSECONDS
            seconds = bucket_of(seconds)
        ended_ns = began_ns + int(seconds * NANOSECONDS)
        trace_id, parent_id, _ = trace.context
        self.put_back([Span(trace_id, os.urandom(8), parent_id, name, began_ns, ended_ns, f"{status // 100}xx")])

    def put_back(self, spans: Iterable[Span]) -> None:
        """Add spans to those that wait; the oldest beyond SPANS_MAX are lost."""
        self.spans.extend(spans)
        while len(self.spans) > SPANS_MAX:
            self.spans.popleft()
            self.lost += 1

    def take(self, most: int) -> list[Span]:
        """Take at most so many spans out, the oldest first."""
        return [self.spans.popleft() for _ in range(min(most, len(self.spans)))]

    def take_lost(self) -> int:
        """Return how many spans were lost since the last call."""
        lost, self.lost = self.lost, 0
        return lost


def bucket_of(seconds: float) -> float:
    """Return the upper end of the histogram's bucket in which a time lies; the last end for longer ones."""
    index = bisect.bisect_left(metrics.BUCKETS, seconds)
    return metrics.BUCKETS[min(index, len(metrics.BUCKETS) - 1)]
