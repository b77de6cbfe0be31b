"""The comparison with peer services: its goals, its load, and the check that all services do the same work."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from loadtests.benchmarks.peers import load, report, services
from loadtests.benchmarks.peers.kinds import NO, READ, YES
from loadtests.benchmarks.peers.services import OURS, ROOT

REQUEST = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


def figures(full_us: int, **more: Any) -> dict[str, Any]:
    return {"full_us": full_us, "half_to_full": 1.2, **more}


def kind(*, valid: bool = True, **by_service: dict[str, Any]) -> dict[str, Any]:
    return {"services": {name.replace("_", "-"): row for name, row in by_service.items()}, "valid": valid}


def test_goals_compare_peers_and_the_kinds_of_our_own_requests() -> None:
    measured = {
        "kinds": {
            READ: kind(credit_easy=figures(300), django=figures(3_300, ratio=11.0), fastify=figures(180, ratio=0.6)),
            YES: kind(valid=False, credit_easy=figures(700), django=figures(9_800, ratio=14.0)),
            NO: kind(credit_easy=figures(1_400)),
        }
    }
    goals = {goal.name: goal for goal in report.goals(measured)}
    assert {name: goal.reached for name, goal in goals.items()} == {
        "Django + DRF, read my points": False,
        'Django + DRF, redeem: "yes"': True,
        "Node + Fastify, lean, read my points": True,
        'ours, redeem: "no", too few points, to a "yes"': False,
        "ours, read my points, half load to full": True,
        'ours, redeem: "yes", half load to full': True,
    }
    assert not goals['Django + DRF, redeem: "yes"'].valid
    assert goals['ours, redeem: "no", too few points, to a "yes"'].measured == 2.0
    assert OURS == "credit-easy"


@asynccontextmanager
async def answering(status: int, delay: float = 0.0, most: int = 1_000) -> AsyncIterator[int]:
    """A server that answers at most so many requests of a connection, then closes it."""
    answers: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            for _ in range(most):
                if not await reader.read(1024):
                    break
                await asyncio.sleep(delay)
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok".encode())
            writer.close()
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers.add(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await asyncio.sleep(0.1)  # connections that wait to be accepted
        server.close()
        await asyncio.wait(answers)


async def driven(status: int, requests: int, rate: float | None, **server: Any) -> load.Driven:
    async with answering(status, **server) as port:
        if rate is None:
            return await asyncio.to_thread(load.full, port, [REQUEST] * requests, 200)
        return await asyncio.to_thread(load.paced, port, [REQUEST] * requests, 200, rate)


def test_a_paced_load_has_the_latency_of_every_request() -> None:
    result = asyncio.run(driven(200, 100, 500.0, delay=0.02))
    assert len(result.latencies) == 100
    assert min(result.latencies) >= 0.02
    assert result.seconds > 0.1


@pytest.mark.parametrize("rate", [None, 500.0])
def test_an_unexpected_answer_ends_the_load(rate: float | None) -> None:
    with pytest.raises(load.UnexpectedAnswer, match="429"):
        asyncio.run(driven(429, 100, rate))


@pytest.mark.parametrize("rate", [None, 500.0])
def test_a_closed_connection_is_opened_again(rate: float | None) -> None:
    assert asyncio.run(driven(200, 200, rate, most=3)).seconds > 0


def test_a_server_that_closes_without_an_answer_ends_the_load() -> None:
    with pytest.raises(load.UnexpectedAnswer, match="closed a connection twice"):
        asyncio.run(driven(200, 5, None, most=0))


@pytest.mark.campaign
def test_all_installed_services_do_the_same_work() -> None:
    names = [service.name for service in services.SERVICES if service.installed()]
    if names == [OURS]:
        pytest.skip("no peer service is installed")
    command = [sys.executable, "-m", "loadtests.benchmarks.peers", "--check", "--residents", "20", "--services", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(": checked") == len(names)
