"""OTLP messages (protobuf) of spans and metrics. Needs the extra `telemetry`; imported only where an endpoint is set.

Metrics are those of `/metrics`, read from the same registry: one definition, two formats.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2
from prometheus_client.metrics_core import Metric

from service.observability.tracing import Span

SERVICE = "credit-easy"
STATUS = "credit_easy.status"
"""The only attribute of a span: the class of its status, as in the metrics."""
UNITS = {"_seconds": "s", "_bytes": "By"}
_CUMULATIVE = pb.AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_SCOPE = InstrumentationScope(name=SERVICE)


@dataclass(frozen=True, slots=True)
class Sender:
    """This `serve`: its version, a random id, and the start of its counts in nanoseconds since 1970."""

    version: str
    instance: str
    started_ns: int

    def resource(self) -> Resource:
        """Return the resource of every message: no host, no user, no command line."""
        return Resource(
            attributes=_attributes(
                {"service.name": SERVICE, "service.version": self.version, "service.instance.id": self.instance}
            )
        )


class Times(NamedTuple):
    """The interval of a measurement: beginning of the counts, and now, in nanoseconds since 1970."""

    started_ns: int
    now_ns: int


def traces(sender: Sender, spans: Iterable[Span]) -> bytes:
    """Return the message for `/v1/traces`."""
    encoded = [
        trace_pb2.Span(
            trace_id=span.trace_id,
            span_id=span.span_id,
            parent_span_id=span.parent_id,
            name=span.name,
            kind=trace_pb2.Span.SpanKind.SPAN_KIND_SERVER,
            start_time_unix_nano=span.began_ns,
            end_time_unix_nano=span.ended_ns,
            attributes=_attributes({STATUS: span.status}),
            status=trace_pb2.Status(code=_code(span.status)),
        )
        for span in spans
    ]
    scope = trace_pb2.ScopeSpans(scope=_SCOPE, spans=encoded)
    whole = trace_pb2.ResourceSpans(resource=sender.resource(), scope_spans=[scope])
    message: bytes = ExportTraceServiceRequest(resource_spans=[whole]).SerializeToString()
    return message


def measurements(sender: Sender, families: Iterable[Metric], now_ns: int) -> bytes:
    """Return the message for `/v1/metrics`: every family with all its series at `now_ns`."""
    times = Times(sender.started_ns, now_ns)
    encoded = [_metric(family, times) for family in families]
    scope = pb.ScopeMetrics(scope=_SCOPE, metrics=encoded)
    whole = pb.ResourceMetrics(resource=sender.resource(), scope_metrics=[scope])
    message: bytes = ExportMetricsServiceRequest(resource_metrics=[whole]).SerializeToString()
    return message


def _metric(family: Metric, times: Times) -> pb.Metric:
    unit = next((unit for ending, unit in UNITS.items() if family.name.endswith(ending)), "")
    metric = pb.Metric(name=family.name, description=family.documentation, unit=unit)
    if family.type == "histogram":
        points = _histogram_points(family, times)
        metric.histogram.CopyFrom(pb.Histogram(data_points=points, aggregation_temporality=_CUMULATIVE))
        return metric
    ending = "_total" if family.type == "counter" else ""
    numbers = [
        pb.NumberDataPoint(
            attributes=_attributes(sample.labels),
            as_double=sample.value,
            start_time_unix_nano=times.started_ns,
            time_unix_nano=times.now_ns,
        )
        for sample in family.samples
        if sample.name == family.name + ending
    ]
    if family.type == "counter":
        metric.sum.CopyFrom(pb.Sum(data_points=numbers, aggregation_temporality=_CUMULATIVE, is_monotonic=True))
    else:
        metric.gauge.CopyFrom(pb.Gauge(data_points=numbers))
    return metric


def _histogram_points(family: Metric, times: Times) -> list[pb.HistogramDataPoint]:
    """Return a point for each series; Prometheus counts all values up to a bucket's end, OTLP those in the bucket."""
    ends: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            ends.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    points = []
    for labels, unsorted in ends.items():
        buckets = sorted(unsorted)
        upto = [0.0, *(value for _, value in buckets)]
        points.append(
            pb.HistogramDataPoint(
                attributes=_attributes(dict(labels)),
                count=int(upto[-1]),
                sum=sums.get(labels, 0.0),
                explicit_bounds=[end for end, _ in buckets[:-1]],
                bucket_counts=[int(after - before) for before, after in itertools.pairwise(upto)],
                start_time_unix_nano=times.started_ns,
                time_unix_nano=times.now_ns,
            )
        )
    return points


def _attributes(values: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in values.items()]


def _code(status: str) -> trace_pb2.Status.StatusCode.ValueType:
    codes = trace_pb2.Status.StatusCode
    return codes.STATUS_CODE_ERROR if status.startswith("5") else codes.STATUS_CODE_UNSET
