"""The campaign itself: a short run is clean, leaves nothing behind, and its oracle notices what is wrong."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from consent.database import queries
from service.storage import database
from tests.campaign import faults, oracle
from tests.campaign.city import Machine, Process, machine
from tests.campaign.scene import Scene
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.processes import ROOT, free_port

pytestmark = pytest.mark.processes


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.campaign", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_short_run_loses_and_doubles_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    chosen = "kill,kill at after commit,kill at leaves moved"
    run = command(tmp_path, "--seed", "5", "--rounds", "4", "--faults", chosen)
    printed, _ = run.communicate(timeout=WAIT_SECONDS)
    assert run.returncode == 0, printed
    total = next(line for line in printed.splitlines() if line.startswith("| all "))
    _, _, runs, acknowledged, lost, doubled, *_ = [cell.strip() for cell in total.split("|")]
    assert (runs, lost, doubled) == ("4", "0", "0")
    assert int(acknowledged.replace(",", "")) >= 4 * 12
    assert list(tmp_path.iterdir()) == []


def test_a_fault_that_was_asked_for_and_never_run_is_an_error(tmp_path: Path) -> None:
    run = command(tmp_path, "--seed", "7", "--minutes", "0", "--faults", "kill,kill at*,none*")
    printed, _ = run.communicate(timeout=WAIT_SECONDS)
    assert run.returncode == 1
    assert "not run: kill\n" in printed
    assert printed.endswith("".join(f"asked for and never run: {name}\n" for name in ("kill", "kill at*", "none*")))
    assert "| kill" not in printed


def test_a_killed_campaign_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    run = command(tmp_path, "--seed", "1", "--faults", "kill", "--verbose")
    assert run.stdout is not None
    run.stdout.readline()  # a fault has struck, so that processes and folders are there
    family = psutil.Process(run.pid).children(recursive=True)
    assert len(family) >= 2
    run.send_signal(signal.SIGKILL)
    run.communicate()
    deadline = time.monotonic() + WAIT_SECONDS
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family) or list(
        tmp_path.iterdir()
    ):
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)


@pytest.fixture(scope="module")
def shared() -> Iterator[Machine]:
    with machine("sqlite") as prepared:
        yield prepared


async def tampered(scene: Scene, statement: str) -> None:
    await database.open_database(scene.city.database_url)
    try:
        await queries.execute(statement)
    finally:
        await database.close_database()


def test_the_oracle_notices_what_is_lost_doubled_and_broken(shared: Machine, tmp_path: Path) -> None:
    async def run() -> None:
        scene = Scene(shared, 3, 1, tmp_path, 1)
        try:
            await scene.begin()
            for client in scene.clients:
                await client.redeem()
            assert (await scene.check()).all == []
            first = scene.clients[0]
            await tampered(scene, "DELETE FROM record WHERE source_id = 'green-travel'")
            assert any(first.subject in text for text in (await scene.check()).lost)
            first.expected.records.pop("volunteer-service")
            findings = await scene.check()
            assert any(first.subject in text for text in findings.doubled)
            assert any("a replay gives" in text for text in findings.broken)
            await tampered(scene, "UPDATE quota_use SET taken = taken + 1")
            assert "a quota counts other than was redeemed" in (await scene.check()).broken
            await tampered(scene, "DELETE FROM outbox")
            await tampered(scene, "UPDATE log_head SET size = size + 1 WHERE log = 'consent'")
            assert any("verify-log" in text for text in (await scene.check()).broken)
            scene.city.output.write_text(f"a line with {first.subject}")
            assert any("log lines contain" in text for text in (await scene.check()).broken)
        finally:
            await scene.close()

    asyncio.run(run())


def test_the_metrics_of_a_process_that_does_not_listen_yet_are_waited_for(tmp_path: Path) -> None:
    starting = Process(os.getpid(), free_port(), free_port(), tmp_path / "output")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncount 1")
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with httpx2.AsyncClient(timeout=WAIT_SECONDS) as http:
            reading = asyncio.create_task(oracle.metrics_of(starting, http))
            await asyncio.wait([reading], timeout=4 * POLL_SECONDS)
            async with await asyncio.start_server(answer, "127.0.0.1", starting.operations_port):
                assert await reading == "count 1"

    asyncio.run(run())


def test_a_seed_repeats_the_faults_and_the_choices() -> None:
    def drawn(seed: int) -> list[str]:
        chance = random.Random(seed)
        possible, _ = faults.of_engine("postgres", [], mounts=True)
        return [chance.choices(possible, [fault.weight for fault in possible])[0].name for _ in range(20)]

    assert drawn(5) == drawn(5) != drawn(6)
