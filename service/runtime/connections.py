"""Connections of clients that send slowly, too much, or nothing: deadlines, sizes and counts for each connection.

uvicorn's protocol for httptools has a time limit for idle connections alone. This one adds limits of the head, of the
time to send it, and of the number of connections. `service.http.bodies` has the limits of bodies. Of too many
connections those that wait for the rest of a request or for the next one are closed first, the oldest first: a new
client is served, and a client with hundreds of open sockets loses them.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

import httptools
from starlette.requests import Request
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from service.http.bodies import BODY_ARRIVED
from service.http.middleware import complete_headers
from service.http.problems import Problem, problem_response
from service.observability import metrics
from service.observability.log_events import LogEvent
from service.observability.logging import log_event
from service.runtime.file_limit import files_for
from service.runtime.trusted_traces import trusted_proxies

HEAD_BYTES_MAX = 64 * 1024
"""Bytes of one request's line and headers, and of the fields after a chunked body. The sessions of four audiences in
one browser, each of three full cookies, are 47 kB."""
HEAD_SECONDS = 10
"""Time to send a whole head, from the opening of the connection or the head's first byte on."""
WRITE_SECONDS = 30
"""Time in which a client must read 64 kB of an answer that waits for it."""
LINGER_SECONDS = 2
"""Time in which a refused client may read its answer. A connection that is closed while bytes arrive is reset, and the
client's system throws the answer away."""
DISCARDED_BYTES_MAX = 8 * 1024 * 1024
"""Bytes that are read and thrown away of a request that was answered or refused before it had arrived."""
CONNECTIONS_MAX = 2_000
"""Connections of one process, idle ones included; fewer where the system gives the process fewer open files."""
CONNECTIONS_PER_ADDRESS_MAX = 256
"""Connections from one address, or one IPv6 network of 64 bits. A browser opens six; an office or a carrier's gateway
may have hundreds of people behind one address, of whom few send at any moment. Trusted proxies are not counted."""
DRAIN_SECONDS = 2.0
"""Time in which an open connection may send one more request after the process was told to stop; its answer says
`Connection: close`. Were it closed at once, a request that a client or a proxy is sending would be lost."""
SWEEP_SECONDS = 1.0
"""Between two checks of all deadlines; each may end this much late. A timer for each request would cost it more."""
IPV6_NETWORK_BITS = 64
"""An IPv6 customer has at least this network, so a single address of it means nothing."""


class LimitedConnection(HttpToolsProtocol):
    """One connection of a client.

    `waits_since` is the loop's time at which it began to wait for a request: its opening, the end of the last answer,
    or the first byte of the head. None while a request is answered.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.table = table_of(server_state, config, self.loop)
        self.address: str | None = None
        """The address that the connection is counted for; None for a trusted proxy and a local socket."""
        self.waits_since: float | None = None
        self.idle = False
        """True from the end of an answer until the next byte."""
        self.in_head = True
        """True from the end of one request until the end of the next head."""
        self.head_bytes = 0
        self.parts = 0
        """Heads, pieces of bodies and ends of requests so far."""
        self.discarded_bytes = 0
        self.stalled_since: float | None = None
        """The loop's time since which the client has not read; None while it reads."""
        self.refused = False
        self.draining = False
        """True once the process was told to stop: the next answer ends the connection."""
        self.drained = False
        """True once the time for another request is over."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection; close an unused one in its favour, or refuse it."""
        super().connection_made(transport)
        self.waits_since = self.loop.time()
        problem = self.table.admit(self, self.client[0] if self.client else None)
        if problem is not None:
            note_connection(problem.code)
            self.refused = True
            self.transport.write(refusal(problem))
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.table.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, in pieces of no more than what the head may still have."""
        if self.idle:
            self.idle, self.waits_since = False, self.loop.time()
        self._unset_keepalive_if_required()
        if self._discards(len(data)):
            return
        start = 0
        while start < len(data) and not self.transport.is_closing() and not self.refused:
            left = HEAD_BYTES_MAX - self.head_bytes
            piece = data if start == 0 and len(data) <= left else data[start : start + left]
            start += len(piece)
            self._parse(piece)

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self.in_head, self.head_bytes, self.waits_since = False, 0, None
        self.parts += 1
        self.discarded_bytes = 0
        super().on_headers_complete()
        # The request has the list so far. Fields after a chunked body (RFC 9110, 6.5.1), which no proxy has checked, go
        # to one that nobody reads.
        self.headers = []
        if self.draining:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self.head_bytes = 0
        self.parts += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request's body; what follows is the next head."""
        self.in_head, self.head_bytes = True, 0
        self.parts += 1
        self.scope[BODY_ARRIVED] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there already."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.pipeline:
            # A body that is still arriving after its answer counts as the wait for the next head.
            self.idle, self.waits_since = True, self.loop.time()
            if self.drained:
                self.transport.close()

    def shutdown(self) -> None:
        """End the connection with its running request, or with one that arrives within DRAIN_SECONDS."""
        self.draining = True
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False
        grace = self.config.timeout_graceful_shutdown
        self.loop.call_later(DRAIN_SECONDS if grace is None else min(DRAIN_SECONDS, grace / 2), self._close_unused)

    def _close_unused(self) -> None:
        """Close the connection if it waits for a request; after a running one `on_response_complete` does."""
        self.drained = True
        if self.waits_since is not None:
            self.transport.close()

    def pause_writing(self) -> None:
        """Note since when the client has not read."""
        self.stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.stalled_since = None
        super().resume_writing()

    def refuse(self, problem: Problem) -> None:
        """Answer a request that cannot be read, and close once the client has had time to read the answer."""
        note_connection(problem.code)
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started or self.pipeline:
                self.transport.close()  # a part of another answer is sent
                return
            # The application may be waiting for the body; what it answers is not sent.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.refused, self.waits_since, self.idle = True, self.loop.time(), False
        self.transport.write(refusal(problem))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def is_unused(self) -> bool:
        """Report whether no complete request is being answered."""
        if self.waits_since is not None:
            return True
        return self.cycle.more_body and not self.cycle.response_started and not self.pipeline

    def is_overdue(self, now: float) -> bool:
        """Report whether a deadline has passed at `now`, in seconds of the loop's clock."""
        if self.stalled_since is not None and now - self.stalled_since > WRITE_SECONDS:
            return True
        if self.waits_since is None or self.idle:  # uvicorn's own timer ends idle connections
            return False
        return now - self.waits_since > (LINGER_SECONDS if self.refused else HEAD_SECONDS)

    def _discards(self, received: int) -> bool:
        """Throw away bytes of a refused request, and count those of one that was answered before it had arrived."""
        answered = self.waits_since is not None and not self.in_head
        if not (answered or self.refused):
            return False
        self.discarded_bytes += received
        if self.discarded_bytes > DISCARDED_BYTES_MAX:
            self.transport.abort()
            return True
        return self.refused

    def _parse(self, piece: bytes) -> None:
        parts = self.parts
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here. The parser takes nothing more on this connection.
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self.refuse(Problem("bad_header"))
            return
        if parts == self.parts:  # within a head, or the fields after a chunked body
            self.head_bytes += len(piece)
            if self.head_bytes >= HEAD_BYTES_MAX:
                self.refuse(Problem("head_too_large"))


def note_connection(reason: str) -> None:
    """Count a connection that was refused (a problem's code) or closed (`displaced`, `too_slow`), and log it."""
    metrics.count_connection(reason)
    log_event(LogEvent.CONNECTION_REFUSED, reason=reason)


def refusal(problem: Problem) -> bytes:
    """Return a whole answer for a request that no application sees."""
    response = problem_response(Request({"type": "http", "headers": [], "state": {}}), problem)
    headers = [*response.raw_headers, (b"connection", b"close")]
    complete_headers(headers, "")
    status = HTTPStatus(response.status_code)
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode()), *(b"%s: %s" % header for header in headers)]
    return b"\r\n".join((*lines, b"", bytes(response.body)))


@dataclass(slots=True)
class ConnectionTable:
    """The open connections of one server, and how many each address has."""

    connections: Collection[Any]
    """All connections; uvicorn adds and removes them."""
    trusted: Any
    """The addresses of trusted proxies, by `in`."""
    loop: asyncio.AbstractEventLoop
    most: int = field(default_factory=lambda: files_for(CONNECTIONS_MAX))
    by_address: dict[str, dict[LimitedConnection, None]] = field(default_factory=dict)
    """Connections of each address that is counted, in order of their opening."""
    sweeping: bool = False

    def admit(self, connection: LimitedConnection, host: str | None) -> Problem | None:
        """Count a new connection, and close an unused one where there are too many.

        Returns the problem to refuse it with when all others are in use.
        """
        if not self.sweeping:
            self.sweeping = True
            self.loop.call_later(SWEEP_SECONDS, self.sweep)
        if len(self.connections) > self.most and not self._displace_oldest(self.connections, connection):
            return Problem("unavailable")
        if host is None or host in self.trusted:
            return None
        connection.address = network_of(host)
        neighbours = self.by_address.setdefault(connection.address, {})
        neighbours[connection] = None
        if len(neighbours) > CONNECTIONS_PER_ADDRESS_MAX and not self._displace_oldest(neighbours, connection):
            return Problem("rate_limited", headers={"Retry-After": "1"})
        return None

    def remove(self, connection: LimitedConnection) -> None:
        """Forget a connection that was closed."""
        neighbours = self.by_address.get(connection.address or "")
        if neighbours is not None:
            neighbours.pop(connection, None)
            if not neighbours:
                del self.by_address[connection.address or ""]

    def sweep(self) -> None:
        """Close every connection whose deadline has passed; repeats itself after SWEEP_SECONDS while any is open."""
        now = self.loop.time()
        for connection in list(self.connections):
            if connection.is_overdue(now):
                note_connection("too_slow")
                connection.transport.abort()
        self.sweeping = bool(self.connections)
        if self.sweeping:
            self.loop.call_later(SWEEP_SECONDS, self.sweep)

    def _displace_oldest(self, among: Iterable[LimitedConnection], new: LimitedConnection) -> bool:
        """Close the connection that has waited longest for a request; False when all answer one.

        One whose head has arrived goes only where all others have one too.
        """
        unused = [other for other in among if other is not new and other.is_unused()]
        if not unused:
            return False
        oldest = min(unused, key=lambda other: other.waits_since or float("inf"))
        note_connection("displaced")
        # Not counted from here on, although the loop reports its end in its next turn.
        self.remove(oldest)
        oldest.transport.abort()
        return True


_tables: WeakKeyDictionary[ServerState, ConnectionTable] = WeakKeyDictionary()
"""One table for each server of this process."""


def table_of(server_state: ServerState, config: Config, loop: asyncio.AbstractEventLoop) -> ConnectionTable:
    """Return the table of a server, made for its first connection."""
    table = _tables.get(server_state)
    if table is None:
        table = _tables[server_state] = ConnectionTable(server_state.connections, trusted_proxies(config), loop)
    return table


def network_of(host: str) -> str:
    """Return what connections are counted by: an IPv4 address, or the network of an IPv6 address."""
    if ":" not in host:
        return host
    address = ipaddress.IPv6Address(host.partition("%")[0])
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, IPV6_NETWORK_BITS), strict=False))
