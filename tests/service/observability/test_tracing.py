"""Trace context, sampling and the queue of spans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.observability import metrics, tracing
from service.observability.tracing import (
    NANOSECONDS,
    RESIDENT_STEP_NANOSECONDS,
    TRUSTED_TRACEPARENT,
    TraceContext,
    Tracer,
    bucket_of,
    parse_traceparent,
)

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"00-{TRACE}-{PARENT}-00", False),
        (f"00-{TRACE}-{PARENT}-03", True),
        (f"01-{TRACE}-{PARENT}-01-of a later version", True),
    ],
)
def test_a_traceparent_of_the_w3c_is_read(header: str, sampled: bool) -> None:
    assert parse_traceparent(header.encode()) == TraceContext(bytes.fromhex(TRACE), bytes.fromhex(PARENT), sampled)


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-01\n",
        f"00-{TRACE}x-{PARENT}-01",
    ],
)
def test_a_malformed_traceparent_begins_a_trace_of_our_own(header: str) -> None:
    assert parse_traceparent(header.encode()) is None
    state: dict[str, object] = {TRUSTED_TRACEPARENT: header.encode()}
    assert Tracer(1.0).begin(state).context.parent_id == b""
    assert state["trace_id"] != TRACE


@given(st.binary(max_size=80))
def test_any_bytes_are_a_context_or_none(header: bytes) -> None:
    context = parse_traceparent(header)
    assert context is None or (len(context.trace_id), len(context.parent_id)) == (16, 8)


@pytest.mark.parametrize(("ratio", "least", "most"), [(0.0, 0, 0), (1.0, 2_000, 2_000), (0.5, 800, 1_200)])
def test_the_ratio_is_the_share_of_traced_requests(ratio: float, least: int, most: int) -> None:
    tracer = Tracer(ratio)
    assert least <= sum(tracer.begin({}).context.sampled for _ in range(2_000)) <= most


def test_a_trusted_caller_decides_for_its_trace() -> None:
    for flag, sampled in (("01", True), ("00", False)):
        for ratio in (0.0, 1.0):
            header = f"00-{TRACE}-{PARENT}-{flag}".encode()
            tracer, state = Tracer(ratio), {TRUSTED_TRACEPARENT: header}
            tracer.end(tracer.begin(state), "listBenefits", 200, 0.1)
            assert [span.parent_id.hex() for span in tracer.take(2)] == [PARENT] * sampled
            assert state["trace_id"] == TRACE  # type: ignore[comparison-overlap]


def test_spans_beyond_the_limit_are_lost_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "SPANS_MAX", 3)
    tracer = Tracer(1.0)
    for number in range(5):
        tracer.end(tracer.begin({}), f"operation-{number}", 200, 0.1)
    assert (tracer.take_lost(), tracer.take_lost()) == (2, 0)
    assert [span.name for span in tracer.take(9)] == ["operation-2", "operation-3", "operation-4"]


@given(st.sampled_from(sorted(metrics.RESIDENT_ACTS)), st.floats(0, 100), st.sampled_from([200, 201]))
def test_times_of_residents_acts_are_as_coarse_as_in_the_metrics(act: str, seconds: float, status: int) -> None:
    tracer = Tracer(1.0)
    tracer.end(tracer.begin({}), act, status, seconds)
    (span,) = tracer.take(1)
    assert (span.name, span.status) == ("residents_acts", "2xx")
    assert span.began_ns % RESIDENT_STEP_NANOSECONDS == 0
    assert (span.ended_ns - span.began_ns) / NANOSECONDS in metrics.BUCKETS
    assert bucket_of(seconds) >= min(seconds, metrics.BUCKETS[-1])


def test_the_time_of_another_operation_is_exact() -> None:
    tracer = Tracer(1.0)
    trace = tracer.begin({})
    tracer.end(trace, "redeemBenefit", 200, 0.1234)
    (span,) = tracer.take(1)
    assert (span.began_ns, span.ended_ns - span.began_ns) == (trace.began_ns, 123_400_000)
