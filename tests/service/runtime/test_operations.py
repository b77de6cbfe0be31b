"""The operations address: metrics and probes on a listener of their own, and none of it on the public address."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from prometheus_client import Counter, Gauge
from prometheus_client.samples import Sample

from service.api.resident.routes import RESIDENT
from service.jobs.measuring import Measuring
from service.observability import metrics
from service.runtime.exit_codes import ExitCode
from service.runtime.operations import OperationsListener, operations_app
from service.runtime.server import OPTIONS
from tests.support import servers
from tests.support.city import City
from tests.support.command_line import run_command
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.deployments import deployed
from tests.support.environment import settings_environment

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def operations_of(town: City) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application of the operations address."""
    transport = httpx2.ASGITransport(app=operations_app(town.app_context))
    async with httpx2.AsyncClient(transport=transport, base_url="http://operations") as client:
        yield client


async def test_metrics_are_not_on_the_public_address(town: City) -> None:
    assert (await town.client.get("/metrics")).status_code == 404
    assert (await town.client.get("/healthz")).status_code == 200
    assert (await town.client.get("/readyz")).status_code == 200


async def test_the_operations_address_has_metrics_and_probes_and_nothing_else(town: City) -> None:
    async with operations_of(town) as operations:
        assert (await operations.get("/healthz")).json() == {"status": "ok"}
        assert (await operations.get("/readyz")).json()["status"] == "ready"
        assert (await operations.get("/metrics")).text.startswith("# HELP")
        for path in ("/", "/v1/public/notices", "/v1/me/points", "/openapi.json", "/docs"):
            assert (await operations.get(path)).status_code == 404, path


async def test_a_listener_answers_on_a_socket_of_its_own_and_stops(town: City) -> None:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    address = "http://{}:{}".format(*bound.getsockname())
    listener = OperationsListener(town.app_context, bound, OPTIONS)
    await listener.start()
    async with httpx2.AsyncClient() as client:
        assert (await client.get(address + "/metrics")).status_code == 200
    await listener.stop()
    async with httpx2.AsyncClient() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(address + "/metrics")


def samples(metric: Counter | Gauge) -> list[Sample]:
    """The samples of one metric."""
    return [sample for family in metric.collect() for sample in family.samples]


def requests_by_status(operation: str) -> dict[str, float]:
    """The counts of an operation by class of status."""
    return {
        sample.labels["status"]: sample.value
        for sample in samples(metrics.REQUESTS)
        if sample.name.endswith("_total") and sample.labels["operation"] == operation
    }


async def test_a_withdrawal_is_counted_like_every_other_act_of_a_resident(town: City) -> None:
    before = requests_by_status("residents_acts").get("2xx", 0)
    wang = town.resident("wang")
    consent = await wang.consent_to_source("green-travel", "bike-607")
    assert (await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")).status_code == 200
    assert requests_by_status("residents_acts")["2xx"] > before
    named = {sample.labels.get("operation") for sample in samples(metrics.REQUESTS)}
    assert not named & metrics.RESIDENT_ACTS


async def test_pages_of_residents_are_counted_together(town: City) -> None:
    assert (await town.client.get("/me/leave")).status_code == 303
    named = {str(sample.labels.get("operation")) for sample in samples(metrics.REQUESTS)}
    assert "residents_pages" in named
    assert not [name for name in named if name.startswith(metrics.RESIDENT_PAGES)]


def test_every_act_of_a_resident_has_the_common_label() -> None:
    acts = {endpoint.operation.operation_id for endpoint in RESIDENT if endpoint.operation.method != "GET"}
    assert acts == metrics.RESIDENT_ACTS


async def test_a_measurement_sets_the_metrics(town: City) -> None:
    Measuring().measure(town.app_context)
    text = metrics.text().decode()
    assert "credit_easy_database_available 1.0" in text
    assert "credit_easy_log_folder_free_bytes" in text
    (free,) = (sample.value for sample in samples(metrics.LOG_FOLDER_FREE))
    assert free > 0


async def test_a_refusal_by_rate_is_counted_by_the_name_of_the_rate(town: City) -> None:
    town.app_context.limiter.rates["resident"] = 1
    wang = town.resident("somebody")
    assert (await wang.get("/v1/me/consents")).status_code == 200
    assert (await wang.get("/v1/me/consents")).status_code == 429
    counts = {
        sample.labels["rate"]: sample.value
        for sample in samples(metrics.RATE_LIMITED)
        if sample.name.endswith("_total")
    }
    assert counts["resident"] >= 1


@pytest.mark.processes
async def test_workers_share_the_operations_address_and_survive_a_replacement(
    postgres: servers.Postgres, seeded_postgres: str, tmp_path: Path, demo_folder: Path
) -> None:
    url = postgres.create(seeded_postgres)
    with deployed(tmp_path, demo_folder, url, workers=2) as service:

        async def answer(address: str) -> httpx2.Response:
            # A new connection each time, so that any worker may answer.
            async with httpx2.AsyncClient(timeout=WAIT_SECONDS) as client:
                return await client.get(address)

        async def metrics_with(line: str) -> str:
            async with asyncio.timeout(WAIT_SECONDS):
                while line not in (text := (await answer(service.operations + "/metrics")).text):  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)
            return text

        await metrics_with("credit_easy_pool_connections_max 20.0")  # both workers have measured
        for _ in range(6):
            assert (await answer(service.base + "/v1/public/benefits")).status_code == 200
        for path in ("/healthz", "/readyz"):
            assert (await answer(service.operations + path)).status_code == 200
        assert (await answer(service.base + "/metrics")).status_code == 404
        counted = 'credit_easy_requests_total{operation="listBenefits",status="2xx"} 6.0'
        assert counted in (await answer(service.operations + "/metrics")).text
        victim = service.workers[0]
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        assert counted in (await answer(service.operations + "/metrics")).text


@pytest.mark.processes
def test_an_operations_port_in_use_ends_the_start_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        url = f"sqlite://{tmp_path / 'city.sqlite3'}"
        settings = settings_environment(tmp_path, DATABASE_URL=url, OPS_ADDRESS=address)
        refused = run_command("serve", "--port", "0", env=settings)
    assert refused.returncode == ExitCode.ADDRESS
    (line,) = refused.stderr.strip().splitlines()
    assert "in use by another program" in line
    assert "CREDIT_EASY_OPS_ADDRESS" in line
