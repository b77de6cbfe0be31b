"""An answer's head and body leave together.

uvicorn writes them one after the other, and every write is a call to the system, and a packet of its own. What is
written in one turn of the event loop is sent at its end.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

GATHERED_MAX = 65_536
"""Bytes that may wait for the end of a turn; of an answer in many parts the rest is sent as it comes."""


class Gathering:
    """A connection's transport that sends what was written to it once a turn, or when it is enough."""

    __slots__ = ("loop", "parts", "size", "transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport, self.loop = transport, loop
        self.parts: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> None:
        """Send it with whatever else this turn writes."""
        if not self.parts:
            self.loop.call_soon(self.flush)
        self.parts.append(data)
        self.size += len(data)
        if self.size > GATHERED_MAX:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if self.parts:
            data, self.parts, self.size = b"".join(self.parts), [], 0
            self.transport.write(data)

    def close(self) -> None:
        """Send what waits and close."""
        self.flush()
        self.transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP with such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn does it."""
        super().connection_made(cast(asyncio.Transport, Gathering(transport, self.loop)))
