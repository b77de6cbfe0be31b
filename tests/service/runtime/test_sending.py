"""Answers leave in one piece; what is streamed or large leaves whole and in order, and closes after its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from service.runtime import sending
from service.runtime import server as serving
from tests.support.processes import free_port

pytestmark = pytest.mark.anyio

PART = b"0123456789abcdef" * 1_000


async def small(_: Request) -> Response:
    return Response(b"small")


async def streamed(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(40):
            yield PART
            if number % 10 == 0:
                await asyncio.sleep(0)

    return StreamingResponse(parts())


async def large(_: Request) -> Response:
    return Response(PART * 400)


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    app = Starlette(routes=[Route("/small", small), Route("/streamed", streamed), Route("/large", large)])
    port = free_port()
    options: Any = {**serving.OPTIONS, "loop": "none"}
    server = uvicorn.Server(uvicorn.Config(app, port=port, **options))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await task


async def ask(port: int, *paths: str) -> bytes:
    """Everything that is answered to requests sent at once on one connection, until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for place, path in enumerate(paths):
        close = "Connection: close\r\n" if place == len(paths) - 1 else ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{close}\r\n".encode())
    answered = await reader.read()
    writer.close()
    return answered


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each write to a connection had."""
    sizes: list[int] = []
    original: Callable[[sending.Gathering], None] = sending.Gathering.flush

    def flush(self: sending.Gathering) -> None:
        if self.parts:
            sizes.append(self.size)
        original(self)

    monkeypatch.setattr(sending.Gathering, "flush", flush)
    return sizes


async def test_head_and_body_are_one_write(written: list[int]) -> None:
    async with served() as port:
        answered = await ask(port, "/small")
    assert answered.endswith(b"\r\n\r\nsmall")
    assert written == [len(answered)]


async def test_requests_sent_at_once_are_answered_in_order_and_whole() -> None:
    async with served() as port:
        answered = await ask(port, "/large", "/small", "/streamed", "/small")
    assert answered.count(b"HTTP/1.1 200 OK") == 4
    assert answered.count(PART) >= 400
    assert answered.endswith(b"\r\n\r\nsmall")


async def test_what_waits_is_bounded(written: list[int]) -> None:
    async with served() as port:
        answered = await ask(port, "/streamed")
    assert answered.replace(b"3e80\r\n", b"").replace(b"\r\n", b"").count(PART) == 40
    assert max(written) <= sending.GATHERED_MAX + len(PART) + 16
    assert len(written) >= 40 * len(PART) // (sending.GATHERED_MAX + len(PART))
