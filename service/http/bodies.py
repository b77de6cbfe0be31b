"""Bodies of requests: size, and the time in which they must arrive.

A body is read before any transaction begins, so that a client that stops in the middle holds up nobody.
"""

from __future__ import annotations

import time
from asyncio import timeout
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Scope

from service.http.problems import Problem

BODY_BYTES_MAX = 1024 * 1024
"""Bytes of one JSON body. A thousand records are about 150 kB; larger deliveries are sent as NDJSON."""
BODY_SECONDS = 10
"""Time a client has to send a body, and more with each byte that has arrived: see BODY_BYTES_PER_SECOND_MIN."""
BODY_BYTES_PER_SECOND_MIN = 16 * 1024
"""Slowest sending after BODY_SECONDS. A weak mobile connection sends four times as much."""
FORM = "application/x-www-form-urlencoded"
"""Media type of a posted form."""
BODY_READ = "credit_easy.body"
"""The place in a request's scope of the body that was read."""
BODY_ARRIVED = "credit_easy.body_arrived"
"""The place in a request's scope where the server notes that the whole body is there."""


@dataclass(slots=True)
class Arrival:
    """Bytes that have arrived of a body and the seconds that the service has waited for them.

    Time in which the service is busy with what it has read does not count against the client.
    """

    received: int = 0
    waited: float = 0.0

    async def receive(self, request: Request) -> tuple[bytes, bool]:
        """Return the next piece of the body, and whether more follows.

        Raises:
            Problem: body_too_slow.
            ClientDisconnect: the client has gone.
        """
        if BODY_ARRIVED in request.scope:  # nothing to wait for: a timer would be a fiftieth of a redemption
            message = await request.receive()
        else:
            message = await self._receive_in_time(request)
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        self.received += len(part)
        return part, message.get("more_body", False)

    async def _receive_in_time(self, request: Request) -> Message:
        began = time.monotonic()
        try:
            async with timeout(BODY_SECONDS + self.received / BODY_BYTES_PER_SECOND_MIN - self.waited):
                message = await request.receive()
        except TimeoutError:
            # Without `close` the client could continue with this body on the connection that it holds.
            raise Problem("body_too_slow", headers={"Connection": "close"}) from None
        self.waited += time.monotonic() - began
        return message


async def read_body(request: Request, most: int = BODY_BYTES_MAX) -> bytes:
    """Read the whole body, at most `most` bytes.

    A handler that reads it itself may run again after a lost connection, and then gets the same bytes.

    Problems: body_too_large at the first byte beyond, body_too_slow.
    """
    read: bytes | None = request.scope.get(BODY_READ)
    if read is not None:
        return read
    check_content_length(request, most)
    parts: list[bytes] = []
    arrival, more = Arrival(), True
    while more:
        part, more = await arrival.receive(request)
        if arrival.received > most:
            raise Problem("body_too_large")
        parts.append(part)
    read = parts[0] if len(parts) == 1 else b"".join(parts)
    request.scope[BODY_READ] = read
    return read


async def stream_body(request: Request) -> AsyncIterator[bytes]:
    """Yield the pieces of a body as they arrive, without a limit of size; Problem body_too_slow."""
    arrival, more = Arrival(), True
    while more:
        part, more = await arrival.receive(request)
        yield part


def check_content_length(request: Request, most: int) -> None:
    """Raise Problem body_too_large when Content-Length is more than `most` bytes. Reads nothing."""
    announced = header(request.scope, b"content-length") or "0"
    if announced.isascii() and announced.isdecimal() and int(announced[:20]) > most:
        raise Problem("body_too_large")


def header(scope: Scope, name: bytes) -> str:
    """Return the first header of a name in lower case, or "". A loop over the scope: no object a request is made."""
    for header_name, value in scope["headers"]:
        if header_name == name:
            return str(value, "latin-1")
    return ""


def media_type(request: Request) -> str:
    """Return the media type of the body in lower case without parameters, or ""."""
    return header(request.scope, b"content-type").partition(";")[0].strip().lower()
