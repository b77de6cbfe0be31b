"""Traces and metrics at a real collector: what is sent, what never is, and a collector that is away."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import uvicorn
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from service import settings as service_settings
from service.auth.access_tokens import Audience
from service.observability import metrics, telemetry
from service.observability.log_events import LogEvent
from service.observability.logging import OURS, JsonLines
from service.observability.metrics import BUCKETS, RESIDENT_ACTS
from service.observability.telemetry import Telemetry
from service.runtime.exit_codes import ExitCode
from service.runtime.server import OPTIONS
from service.runtime.trusted_traces import trust_traces
from service.settings import Settings, SettingsInvalid
from tests.support import city, servers
from tests.support.city import City
from tests.support.collectors import Collector, collecting
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.deployments import deployed
from tests.support.environment import settings_environment
from tests.support.processes import ROOT

pytestmark = pytest.mark.anyio
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ON_SQLITE = pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that takes everything."""
    with collecting() as running:
        yield running


@pytest.fixture
async def traced(city_settings: Settings, demo_folder: Path, collector: Collector) -> AsyncIterator[City]:
    """A city that traces every request."""
    chosen = replace(city_settings, telemetry=service_settings.Collector(collector.endpoint, 1.0))
    async with city.running_city(chosen, demo_folder) as town:
        yield town


def sender(town: City) -> Telemetry:
    assert town.app_context.telemetry is not None
    return town.app_context.telemetry


def attributes(values: list[KeyValue]) -> dict[str, str]:
    return {value.key: value.value.string_value for value in values}


@ON_SQLITE
async def test_all_acts_of_residents_have_equal_spans_and_so_have_their_pages(
    traced: City, collector: Collector
) -> None:
    wang = traced.resident("canary-wang")
    consent = await wang.consent_to_source("green-travel", "canary-bike")
    await wang.consent_to_provider("city-library")
    await sender(traced).send_spans()
    ordinary = [span for span in collector.spans() if span.name == "residents_acts"]
    collector.traces.clear()
    shown = await wang.request_notice(purpose="points.compute", source_id="volunteer-service", account="canary-2")
    assert (await wang.post("/v1/me/refusals", {"ticket": shown["ticket"]})).status_code < 300
    assert (await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")).status_code == 200
    assert (await wang.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    assert (await wang.delete("/v1/me")).status_code == 200
    await sender(traced).send_spans()
    leaving = collector.spans()
    assert (len(ordinary), len(leaving)) == (4, 5)
    alike = set()
    for span in [*ordinary, *leaving]:
        seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
        assert seconds in BUCKETS
        assert span.start_time_unix_nano % 60_000_000_000 == 0
        for own in ("trace_id", "span_id", "start_time_unix_nano", "end_time_unix_nano"):
            span.ClearField(own)
        alike.add(span.SerializeToString(deterministic=True))
    assert len(alike) == 1
    for path in ("/me", "/me/leave", "/me/consents"):
        await traced.client.get(path)
    collector.traces.clear()
    await sender(traced).send_spans()
    assert {span.name for span in collector.spans()} == {"residents_pages"}


@ON_SQLITE
async def test_a_span_has_a_label_and_a_class_of_status_and_nothing_of_the_request(
    traced: City, collector: Collector
) -> None:
    await traced.client.get("/v1/public/benefits?q=canary-query", headers={"User-Agent": "canary-agent"})
    await traced.client.get("/v1/me/consents/canary-path", headers={"Authorization": "Bearer canary-token"})
    await traced.resident("canary-person").link("green-travel", "canary-bike")
    await traced.client.request("X-CANARY", "/canary")
    await sender(traced).stop()
    assert collector.spans()
    for span in collector.spans():
        assert span.name in {"listBenefits", "readConsent", "residents_acts", "confirmLink", "unmatched", "resident"}
        ((key, value),) = attributes(list(span.attributes)).items()
        assert (key, value) in {("credit_easy.status", f"{number}xx") for number in (2, 3, 4, 5)}
        assert not span.events
        assert not span.links
    for resource in collector.resources():
        assert set(attributes(list(resource.attributes))) == {"service.name", "service.version", "service.instance.id"}
    assert b"canary" not in b"".join(collector.raw).lower()


def through_uvicorn(town: City, peer: str, trusted: str) -> httpx2.AsyncClient:
    """Return a client whose requests reach the application through uvicorn, sent by `peer`."""
    app = town.client._transport.app  # type: ignore[attr-defined]
    config = uvicorn.Config(app, forwarded_allow_ips=trusted, lifespan="off", **OPTIONS)  # type: ignore[arg-type]
    config.load()
    trust_traces(config)
    transport = httpx2.ASGITransport(app=config.loaded_app, client=(peer, 50_000))
    return httpx2.AsyncClient(transport=transport, base_url="http://city.test")


@ON_SQLITE
@pytest.mark.parametrize(("peer", "believed"), [("192.0.2.1", True), ("192.0.2.2", False)])
async def test_traceparent_is_believed_from_a_trusted_proxy_alone(
    traced: City, collector: Collector, peer: str, believed: bool
) -> None:
    _, trace_id, parent_id, _ = TRACEPARENT.split("-")
    async with through_uvicorn(traced, peer, "192.0.2.1") as client:
        forwarded = {"X-Forwarded-For": "192.0.2.1", "traceparent": TRACEPARENT}
        assert (await client.get("/v1/public/benefits", headers=forwarded)).status_code == 200
        twice = [("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)]
        assert (await client.get("/v1/public/scheme", headers=twice)).status_code == 200
    await sender(traced).send_spans()
    first, second = collector.spans()
    assert (first.trace_id.hex() == trace_id) is believed
    assert first.parent_span_id.hex() == (parent_id if believed else "")
    assert second.trace_id.hex() != trace_id


@ON_SQLITE
async def test_the_log_lines_of_a_request_have_its_trace_id(
    traced: City, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, OURS)
    assert (await traced.client.get("/v1/me/points", headers={"Authorization": "Bearer x.y.z"})).status_code == 401
    await sender(traced).send_spans()
    (span,) = collector.spans()
    lines = [JsonLines().format(record) for record in caplog.records if record.name == OURS]
    assert len(lines) == 2
    assert all(f'"trace_id":"{span.trace_id.hex()}"' in line for line in lines)


@ON_SQLITE
async def test_a_collector_that_fails_harms_no_request_and_gets_the_spans_later(
    traced: City, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 503
    for _ in range(30):
        assert (await traced.client.get("/v1/public/benefits")).status_code == 200
        await sender(traced).send_spans()
    assert collector.spans() == []
    lines = [JsonLines().format(record) for record in caplog.records if record.name == OURS]
    assert 0 < len([line for line in lines if "telemetry_not_sent" in line]) < 30
    collector.status = 200
    await sender(traced).send_spans()
    assert [span.name for span in collector.spans()] == ["listBenefits"] * 30


@ON_SQLITE
async def test_spans_that_a_collector_refuses_are_lost_and_counted(traced: City, collector: Collector) -> None:
    before = metrics.SPANS_LOST._value.get()
    collector.status = 400
    await traced.client.get("/v1/public/benefits")
    await sender(traced).send_spans()
    assert metrics.SPANS_LOST._value.get() - before == 1


@ON_SQLITE
async def test_a_collector_that_answers_nobody_holds_up_neither_requests_nor_the_stop(
    traced: City, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "STOP_SECONDS", 0.05)
    collector.released.clear()
    sending = asyncio.create_task(sender(traced).keep_sending(every_seconds=0))
    for _ in range(20):
        assert (await traced.client.get("/v1/public/benefits")).status_code == 200
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    async with asyncio.timeout(WAIT_SECONDS):
        await sender(traced).stop()


@ON_SQLITE
async def test_a_collector_that_is_away_ends_no_sending(
    traced: City, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sender(traced), "_endpoint", "http://127.0.0.1:9")
    sending = asyncio.create_task(sender(traced).keep_sending(every_seconds=0.001))
    assert (await traced.client.get("/v1/public/benefits")).status_code == 200
    async with asyncio.timeout(WAIT_SECONDS):
        while [record.msg for record in caplog.records].count(LogEvent.TELEMETRY_NOT_SENT) < 2:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
    assert not sending.done()
    sending.cancel()


@ON_SQLITE
async def test_the_collector_has_the_metrics_of_the_operations_address(traced: City, collector: Collector) -> None:
    await traced.client.get("/v1/public/benefits")
    await sender(traced).send_metrics()
    sent, families = collector.families(), {family.name: family for family in metrics.REGISTRY.collect()}
    assert sent.keys() == families.keys()
    for name, family in families.items():
        points = sent[name].histogram.data_points or sent[name].sum.data_points or sent[name].gauge.data_points
        labels = {frozenset(attributes(list(point.attributes)).items()) for point in points}
        assert labels == {
            frozenset((key, value) for key, value in sample.labels.items() if key != "le")
            for sample in family.samples
            if not sample.name.endswith("_created")
        }, name
    counted = {
        frozenset(attributes(list(point.attributes)).items()): point.as_double
        for point in sent["credit_easy_requests"].sum.data_points
    }
    assert counted == {
        frozenset(sample.labels.items()): sample.value
        for sample in families["credit_easy_requests"].samples
        if sample.name.endswith("_total")
    }
    assert sent["credit_easy_requests"].sum.is_monotonic
    for point in sent["credit_easy_request_seconds"].histogram.data_points:
        assert tuple(point.explicit_bounds) == BUCKETS
        assert sum(point.bucket_counts) == point.count
        assert 0 < point.start_time_unix_nano <= point.time_unix_nano
    assert not {value for labels in counted for _, value in labels} & RESIDENT_ACTS


@pytest.mark.slow
def test_an_endpoint_without_the_extra_ends_the_start_with_one_line(tmp_path: Path) -> None:
    environment = settings_environment(
        tmp_path, DATABASE_URL=f"sqlite://{tmp_path / 'city.sqlite3'}", OTLP_ENDPOINT="http://127.0.0.1:4318"
    )
    command = (
        "import sys; sys.modules['opentelemetry'] = None; sys.argv = ['credit-easy', 'serve', '--port', '0'];"
        " from service.cli.main import main; main()"
    )
    refused = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert refused.returncode == ExitCode.UNUSABLE
    (line,) = refused.stderr.strip().splitlines()
    assert "CREDIT_EASY_OTLP_ENDPOINT" in line
    assert "credit-easy-plus[telemetry]" in line


@pytest.mark.slow
def test_without_an_endpoint_nothing_of_the_extra_is_imported() -> None:
    command = (
        "import sys; sys.modules['opentelemetry'] = sys.modules['google.protobuf'] = None;"
        " import service.app, service.runtime.server, service.cli.serving"
    )
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True, timeout=WAIT_SECONDS)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"OTLP_ENDPOINT": "http://collector.example:4318"}, "OTLP_ENDPOINT"),
        ({"OTLP_ENDPOINT": "127.0.0.1:4318"}, "OTLP_ENDPOINT"),
        *(
            ({"OTLP_ENDPOINT": "https://collector.example", "TRACE_RATIO": ratio}, "TRACE_RATIO")
            for ratio in ("2", "1.1", "-1", "nan", "half", "1e-3", "0,1")
        ),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"CREDIT_EASY_{named}"):
        service_settings.read(settings_environment(tmp_path, **changes))


def test_settings_are_read(tmp_path: Path) -> None:
    assert service_settings.read(settings_environment(tmp_path)).telemetry is None
    read = service_settings.read(settings_environment(tmp_path, OTLP_ENDPOINT="https://collector.example/otlp"))
    assert read.telemetry == service_settings.Collector("https://collector.example/otlp", 0.1)


@pytest.mark.processes
async def test_workers_send_what_is_left_at_the_stop_and_their_metrics_once(
    postgres: servers.Postgres, seeded_postgres: str, tmp_path: Path, demo_folder: Path, collector: Collector
) -> None:
    url = postgres.create(seeded_postgres)
    endpoint = {"CREDIT_EASY_OTLP_ENDPOINT": collector.endpoint, "CREDIT_EASY_TRACE_RATIO": "1"}
    with deployed(tmp_path, demo_folder, url, workers=2, **endpoint) as service:
        for _ in range(6):
            async with httpx2.AsyncClient(timeout=WAIT_SECONDS) as client:
                assert (await client.get(service.base + "/v1/public/benefits")).status_code == 200
    assert [span.name for span in collector.spans()].count("listBenefits") == 6
    (counted,) = [
        point.as_double
        for point in collector.families()["credit_easy_requests"].sum.data_points
        if attributes(list(point.attributes)) == {"operation": "listBenefits", "status": "2xx"}
    ]
    assert counted == 6
    instances = {attributes(list(resource.attributes))["service.instance.id"] for resource in collector.resources()}
    assert len(instances) == 1
    assert Audience.RESIDENT not in str(instances)
