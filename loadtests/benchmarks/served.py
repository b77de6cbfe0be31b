"""Servers as processes of their own, driven in turns: the cost of a request in each of them.

The measure is the server's CPU time a request; wall-clock rates are printed too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.benchmarks import turns

CLIENTS = 16
READY_SECONDS = 120
"""Until a server answers; only one that hangs takes so long."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process and port."""

    name: str
    pid: int
    port: int
    ready_seconds: float

    @property
    def resident_mib(self) -> int:
        """Its resident memory now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024


@contextlib.contextmanager
def running(name: str, command: Sequence[str], port: int) -> Iterator[Server]:
    """A server in a process of its own, ready to answer; stopped at the end."""
    process = subprocess.Popen([sys.executable, *command, str(port)], stderr=subprocess.DEVNULL)
    try:
        began = time.monotonic()
        deadline = began + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                asyncio.run(_send(port, get("/plain", "-")))
                break
            except OSError:
                time.sleep(0.02)
        else:
            raise RuntimeError(f"{name} did not become ready")
        yield Server(name, process.pid, port, time.monotonic() - began)
    finally:
        process.terminate()
        process.wait(READY_SECONDS)


def get(path: str, token: str) -> bytes:
    """The bytes of a GET."""
    return (
        f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\naccept: application/json\r\n\r\n"
    ).encode()


def post(path: str, token: str, body: bytes, key: str) -> bytes:
    """The bytes of a POST with an Idempotency-Key."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\naccept: application/json\r\n"
        f"content-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return (await _exchange(reader, writer, request))[0]
    finally:
        writer.close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head[9:12]), await reader.readexactly(length)


async def drive(port: int, requests: Sequence[bytes], expected: int) -> None:
    """Send every request once over CLIENTS connections; each must answer with the expected status."""
    left = iter(requests)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            status, body = await _exchange(reader, writer, request)
            assert status == expected, body
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


def measured(server: Server, requests: Sequence[bytes], expected: int) -> tuple[float, float]:
    """The server's CPU microseconds a request, and requests a second."""
    before, began = cpu_seconds(server.pid), time.perf_counter()
    asyncio.run(drive(server.port, requests, expected))
    took = time.perf_counter() - began
    return (cpu_seconds(server.pid) - before) / len(requests) * 1e6, len(requests) / took


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(
    rounds: int, servers: Sequence[Server], requests: Callable[[], Sequence[bytes]], expected: int, slices: int = 1
) -> dict[str, Any]:
    """Median CPU time and rate of servers over rounds in turns, and the ratio of each other one's to the first's.

    `requests` makes those of a turn. A round has so many turns of each server, one after the other, and counts their
    mean: where a turn is short, a moment in which the machine is slow would be a whole round.
    """
    for server in servers:
        measured(server, requests(), expected)
    for cpu in turns.tries():
        rate = turns.Turns()
        for _ in range(rounds):
            seen: dict[str, list[tuple[float, float]]] = {server.name: [] for server in servers}
            for _ in range(slices):
                for server in servers:
                    seen[server.name].append(measured(server, requests(), expected))
            for name, figures in seen.items():
                cpu.add(name, statistics.fmean(micros for micros, _ in figures))
                rate.add(name, statistics.fmean(speed for _, speed in figures))
    ours, *others = (cpu.median(server.name) for server in servers)
    ratios = {server.name: round(limit / ours, 2) for server, limit in zip(servers[1:], others, strict=True)}
    return {
        "cpu_us": {server.name: round(cpu.median(server.name)) for server in servers},
        "requests_a_second": {server.name: round(rate.median(server.name)) for server in servers},
        "ratio": next(iter(ratios.values())),
        "ratios": ratios,
        **cpu.verdict(),
    }
