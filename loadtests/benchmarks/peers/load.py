"""Load on one server from this machine: as fast as it answers, or at a given rate with latencies.

Every connection has a loopback address of its own, since requests are limited by address as well.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import uvloop

FULL_CLIENTS, HALF_CLIENTS = 16, 32
SEED = 20_261_128
HEAD_END = b"\r\n\r\n"


class UnexpectedAnswer(Exception):
    """An answer with another status than was expected."""


@dataclass(frozen=True, slots=True)
class Driven:
    """Seconds that a load took, and the latency of each request in seconds (empty at full load)."""

    seconds: float
    latencies: Sequence[float] = ()


class Client(asyncio.Protocol):
    """A keep-alive connection from an address of its own, with one request at a time.

    Calls `on_answer(self)` for each complete answer and sets `done` to an exception for an unexpected one. Servers
    close connections that were idle for some seconds: the client then opens another, and repeats a request that was
    under way once. Every request here may be repeated.
    """

    def __init__(self, port: int, number: int, expected: int, on_answer: Callable[[Client], None]) -> None:
        self.port, self.address = port, f"127.0.0.{2 + number}"
        self.expected, self.on_answer = f" {expected} ".encode(), on_answer
        self.request = self.received = b""
        self.began = 0.0
        self.repeated = False
        self.opening: asyncio.Task[None] | None = None

    async def open(self, done: asyncio.Future[None]) -> None:
        """Connect; `done` ends the whole load."""
        self.done = done
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_connection(
            lambda: self, "127.0.0.1", self.port, local_addr=(self.address, 0)
        )

    def send(self, request: bytes, began: float) -> None:
        """Send a request; its latency counts from `began`."""
        self.request, self.began, self.repeated = request, began, False
        if self.transport.is_closing():
            self._reopen()
        else:
            self.transport.write(request)

    async def close(self) -> None:
        """Close the connection, or the attempt to open it."""
        self.request = b""
        if self.opening is not None:
            self.opening.cancel()
            await asyncio.wait({self.opening})
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Collect an answer; complain about an unexpected status."""
        self.received += data
        head, separator, body = self.received.partition(HEAD_END)
        if not separator:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length or 0):
            return
        self.request = self.received = b""
        if head[8:13] != self.expected:
            self._fail(UnexpectedAnswer((head + HEAD_END + body).decode(errors="replace")))
            return
        self.on_answer(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Repeat a request that was under way."""
        self.received = b""
        if not self.request:
            return
        if self.repeated:
            self._fail(UnexpectedAnswer(f"the server closed a connection twice {exc or ''}"))
            return
        self.repeated = True
        self._reopen()

    def _reopen(self) -> None:
        self.opening = asyncio.get_running_loop().create_task(self._open_and_send())

    async def _open_and_send(self) -> None:
        try:
            await self.open(self.done)
        except OSError as error:
            self._fail(error)
            return
        self.transport.write(self.request)

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def full(port: int, requests: Sequence[bytes], expected: int) -> Driven:
    """Send every request once over FULL_CLIENTS connections, as fast as they are answered.

    Raises UnexpectedAnswer for any other status than `expected`.
    """
    return uvloop.run(_full(port, requests, expected))


def paced(port: int, requests: Sequence[bytes], expected: int, rate: float) -> Driven:
    """Send every request once at random moments, `rate` a second on average, however slow the answers."""
    # The plain event loop: its timers sleep a millisecond at least, where uvloop's would spin.
    return asyncio.run(_paced(port, requests, expected, rate))


async def _full(port: int, requests: Sequence[bytes], expected: int) -> Driven:
    left, done = iter(requests), asyncio.get_running_loop().create_future()
    outstanding = min(FULL_CLIENTS, len(requests))

    def next_request(client: Client) -> None:
        nonlocal outstanding
        request = next(left, None)
        if request is not None:
            client.send(request, 0.0)
            return
        outstanding -= 1
        if not outstanding and not done.done():
            done.set_result(None)

    clients = await _connect(port, outstanding, expected, next_request, done)
    began = time.perf_counter()
    for client in clients:
        next_request(client)
    try:
        await done
    finally:
        await _close(clients)
    return Driven(time.perf_counter() - began)


async def _paced(port: int, requests: Sequence[bytes], expected: int, rate: float) -> Driven:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    waiting: deque[tuple[bytes, float]] = deque()
    free: deque[Client] = deque()
    latencies: list[float] = []

    def answered(client: Client) -> None:
        latencies.append(time.perf_counter() - client.began)
        if waiting:
            client.send(*waiting.popleft())
        else:
            free.append(client)
        if len(latencies) == len(requests) and not done.done():
            done.set_result(None)

    clients = await _connect(port, HALF_CLIENTS, expected, answered, done)
    free.extend(clients)
    began = time.perf_counter()
    try:
        for moment, request in _arrivals(requests, rate):
            early = began + moment - time.perf_counter()
            if early > 0:
                await asyncio.sleep(early)
            if done.done():  # a failure
                break
            # A request that finds no free connection waits, and its latency counts from its own moment.
            now = time.perf_counter()
            if free:
                free.popleft().send(request, now)
            else:
                waiting.append((request, now))
        await done
    finally:
        await _close(clients)
    return Driven(time.perf_counter() - began, latencies)


def _arrivals(requests: Sequence[bytes], rate: float) -> Iterator[tuple[float, bytes]]:
    """Yield each request with its moment in seconds from the start: a Poisson process, the same in every run."""
    moment, chance = 0.0, random.Random(SEED)
    for request in requests:
        moment += chance.expovariate(rate)
        yield moment, request


async def _connect(
    port: int, count: int, expected: int, on_answer: Callable[[Client], None], done: asyncio.Future[None]
) -> list[Client]:
    clients = [Client(port, number, expected, on_answer) for number in range(count)]
    for client in clients:
        await client.open(done)
    return clients


async def _close(clients: Sequence[Client]) -> None:
    for client in clients:
        await client.close()
