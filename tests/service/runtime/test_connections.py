"""Deadlines, sizes and counts of connections, over real sockets, with limits short enough for a test."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from service.http.bodies import BODY_ARRIVED
from service.http.middleware import SECURITY_HEADERS
from service.runtime import connections, server
from service.runtime.connections import LimitedConnection, network_of
from tests.support.deadlines import WAIT_SECONDS

pytestmark = pytest.mark.anyio
GET = b"GET / HTTP/1.1\r\nHost: city\r\n\r\n"
PROXY, CLIENT = "127.0.0.1", "127.0.0.2"
"""Addresses of this machine; uvicorn trusts the first one as a proxy by default."""


@dataclass
class Application:
    """Answers `/` at once, `/body` after its body, `/wait` when `released`, `/large` with 16 MiB, `/unread` unread."""

    released: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0
    ended: list[str] = field(default_factory=list)
    fields: list[bytes] = field(default_factory=list)
    """Names of the last request's headers, as they are when its body has arrived."""
    arrived: list[bool] = field(default_factory=list)
    """For each request whether its whole body was noted to be there when it began."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        content = b"ok"
        self.running += 1
        self.arrived.append(BODY_ARRIVED in scope)
        try:
            if scope["path"] == "/wait":
                await self.released.wait()
            elif scope["path"] == "/large":
                content = b"x" * (16 * 1024 * 1024)
            elif scope["path"] == "/body":
                message = await receive()
                while message.get("more_body"):
                    message = await receive()
                if message["type"] == "http.disconnect":
                    self.ended.append("disconnect")
                    return
                self.fields = [name for name, _ in scope["headers"]]
            length = (b"content-length", str(len(content)).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [length]})
            for start in range(0, len(content), 65_536):
                await send({"type": "http.response.body", "body": content[start : start + 65_536], "more_body": True})
            await send({"type": "http.response.body"})
            self.ended.append(scope["path"])
        finally:
            self.running -= 1


@dataclass
class Listening:
    """A server on a free port, and what it runs."""

    port: int
    state: ServerState
    application: Application
    clients: list[Client] = field(default_factory=list)

    async def connect(self, source: str = CLIENT) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def until(self, *, connections: int | None = None, running: int | None = None) -> None:
        """Wait until this many connections are open, or this many requests run."""
        async with asyncio.timeout(WAIT_SECONDS):
            while connections not in (None, len(self.state.connections)) or (  # noqa: ASYNC110
                running not in (None, self.application.running)
            ):
                await asyncio.sleep(0.005)


@dataclass
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def send_endlessly(self, piece: bytes, times: int) -> int:
        """Send a piece again and again; return how often before the server broke the connection, or `times`."""
        for sent in range(times):
            try:
                await self.send(piece)
            except ConnectionError:
                return sent
        return times

    async def answer(self) -> tuple[int, bytes]:
        """Read one answer with a Content-Length; return its status and body."""
        async with asyncio.timeout(WAIT_SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            return int(head.split()[1]), await self.reader.readexactly(int(length.split()[1]))

    async def is_closed(self) -> bool:
        """Wait for the end of the connection."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await self.reader.read() == b""
        except ConnectionError:
            return True

    async def refusal(self) -> tuple[int, str]:
        """Read an answer, and the end after it; return its status and code."""
        status, body = await self.answer()
        assert await self.is_closed()
        return status, json.loads(body)["code"]


@asynccontextmanager
async def listening(**options: object) -> AsyncIterator[Listening]:
    application, state = Application(), ServerState()
    config = uvicorn.Config(application, lifespan="off", **{**server.OPTIONS, **options})  # type: ignore[arg-type]
    config.load()
    assert config.http_protocol_class is LimitedConnection
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: LimitedConnection(config, state, {}), "127.0.0.1", 0)
    service = Listening(listener.sockets[0].getsockname()[1], state, application)
    try:
        yield service
    finally:
        for client in service.clients:
            client.writer.transport.abort()
        application.released.set()
        listener.close()
        for connection in list(state.connections):
            connection.transport.abort()
        async with asyncio.timeout(WAIT_SECONDS):
            await asyncio.gather(*state.tasks)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that pass at once."""
    for name in ("HEAD_SECONDS", "WRITE_SECONDS", "LINGER_SECONDS", "SWEEP_SECONDS"):
        monkeypatch.setattr(connections, name, 0.02)


def with_header(size: int) -> bytes:
    """A request whose line and headers have this many bytes."""
    return GET[:-2] + b"X: " + b"a" * (size - len(GET) - 5) + b"\r\n\r\n"


async def test_a_head_of_64_kb_is_answered_and_a_larger_one_is_not() -> None:
    async with listening() as service:
        client = await service.connect()
        for _ in range(2):  # each request has its own count
            await client.send(with_header(connections.HEAD_BYTES_MAX - 1))
            assert (await client.answer())[0] == 200
        await client.send(with_header(connections.HEAD_BYTES_MAX + 2))
        assert await client.refusal() == (431, "head_too_large")
        for line in (b"GET /" + b"a" * 70_000, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 12_000):
            client = await service.connect()
            await client.send(line)
            assert await client.refusal() == (431, "head_too_large")
        assert service.application.ended == ["/", "/"]


async def test_a_head_of_100_mb_is_cut_off_and_costs_no_memory() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(b"GET / HTTP/1.1\r\nX: ")
        assert await client.send_endlessly(b"a" * 1_000_000, 100) < 60
        await service.until(connections=0)


async def test_a_body_is_no_part_of_the_head() -> None:
    async with listening() as service:
        client = await service.connect()
        body = b"a" * (3 * connections.HEAD_BYTES_MAX)
        for _ in range(2):
            await client.send(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert await client.answer() == (200, b"ok")


CHUNKED = b"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"


async def test_fields_after_a_body_are_ignored() -> None:
    async with listening() as service:
        client = await service.connect()
        for _ in range(2):
            await client.send(CHUNKED + b"Authorization: Bearer x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
            assert await client.answer() == (200, b"ok")
            assert service.application.fields == [b"host", b"transfer-encoding"]


async def test_a_body_is_noted_as_arrived_once_its_end_is_there() -> None:
    head = b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
    async with listening() as service:
        client = await service.connect()
        await client.send(head + b"{}")
        assert await client.answer() == (200, b"ok")
        await client.send(head + b"{")
        await service.until(running=1)
        await client.send(b"}")
        assert await client.answer() == (200, b"ok")
        assert service.application.arrived == [True, False]


@pytest.mark.parametrize("piece", [b"a: b\r\n" * 10_000, b"a" * 100_000], ids=["many", "long"])
async def test_fields_after_a_body_cost_no_memory(piece: bytes) -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(CHUNKED + b"X: ")
        assert await client.send_endlessly(piece, 1_000) < 600
        await service.until(connections=0)
        assert service.application.ended == ["disconnect"]


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n", b"\r\n", b"POST /body HTTP/1.1\r\n\r"]
)
async def test_a_head_that_does_not_end_ends_the_connection(short: None, sent: bytes) -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(sent)
        assert await client.is_closed()
        await service.until(connections=0)


@pytest.mark.parametrize("sent", [b"\r\n", b"GET / H"])
async def test_a_second_head_that_does_not_end_ends_the_connection(short: None, sent: bytes) -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(GET)
        assert await client.answer() == (200, b"ok")
        await client.send(sent)
        assert await client.is_closed()


async def test_an_idle_connection_stays_longer_than_a_head_may_take(short: None) -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(GET)
        assert await client.answer() == (200, b"ok")
        other = await service.connect()
        assert await other.is_closed()  # the deadlines of heads have passed
        await client.send(GET)
        assert await client.answer() == (200, b"ok")
    assert server.OPTIONS["timeout_keep_alive"] == server.KEEP_ALIVE_SECONDS > 60
    async with listening(timeout_keep_alive=0) as service:
        client = await service.connect()
        await client.send(GET)
        assert await client.answer() == (200, b"ok")
        assert await client.is_closed()


async def test_a_request_being_answered_has_no_deadline_here(short: None) -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(GET.replace(b"/ ", b"/wait ", 1))
        other = await service.connect()
        assert await other.is_closed()
        service.application.released.set()
        assert await client.answer() == (200, b"ok")


async def test_a_client_that_does_not_read_its_answer_loses_the_connection(short: None) -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(GET.replace(b"/ ", b"/large ", 1))
        await service.until(connections=0)
        assert not service.state.connections


async def test_a_client_that_reads_slowly_gets_its_answer() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(GET.replace(b"/ ", b"/large ", 1))
        status, body = await client.answer()
        assert (status, len(body)) == (200, 16 * 1024 * 1024)


async def test_an_address_with_too_many_connections_loses_the_oldest_unused_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_PER_ADDRESS_MAX", 3)
    async with listening() as service:
        busy = await service.connect()
        await busy.send(GET.replace(b"/ ", b"/wait ", 1))
        unused = [await service.connect() for _ in range(2)]
        await unused[0].send(b"GET / HT")
        neighbours = [await service.connect("127.0.0.3") for _ in range(3)]
        new = await service.connect()
        await new.send(GET)
        assert await new.answer() == (200, b"ok")
        assert await unused[0].is_closed()
        await unused[1].send(GET)
        assert await unused[1].answer() == (200, b"ok")
        service.application.released.set()
        assert await busy.answer() == (200, b"ok")
        for neighbour in neighbours:
            await neighbour.send(GET)
            assert await neighbour.answer() == (200, b"ok")


async def test_an_address_whose_connections_are_all_in_use_has_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_PER_ADDRESS_MAX", 2)
    async with listening() as service:
        busy = [await service.connect() for _ in range(2)]
        for client in busy:
            await client.send(GET.replace(b"/ ", b"/wait ", 1))
        await service.until(running=2)
        assert await (await service.connect()).refusal() == (429, "rate_limited")
        proxied = [await service.connect(PROXY) for _ in range(5)]  # a trusted proxy has no limit of its own
        for client in proxied:
            await client.send(GET)
            assert await client.answer() == (200, b"ok")
        await busy[0].writer.drain()
        busy[0].writer.close()
        await service.until(connections=6)
        again = await service.connect()
        await again.send(GET)
        assert await again.answer() == (200, b"ok")


async def test_a_body_that_does_not_come_gives_way_to_a_new_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_PER_ADDRESS_MAX", 2)
    async with listening() as service:
        for _ in range(2):
            await (await service.connect()).send(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        await service.until(running=2)
        new = await service.connect()
        await new.send(GET)
        assert await new.answer() == (200, b"ok")


async def test_a_full_server_closes_an_unused_connection_or_answers_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 2)
    async with listening() as service:
        unused = await service.connect(PROXY)
        busy = await service.connect(PROXY)
        await busy.send(GET.replace(b"/ ", b"/wait ", 1))
        await service.until(running=1)
        new = await service.connect()
        assert await unused.is_closed()
        await new.send(GET.replace(b"/ ", b"/wait ", 1))
        await service.until(running=2)
        assert await (await service.connect()).refusal() == (503, "unavailable")


async def test_an_open_connection_is_answered_once_more_after_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "DRAIN_SECONDS", WAIT_SECONDS)
    async with listening() as service:
        idle, in_head, running = [await service.connect() for _ in range(3)]
        await idle.send(GET)
        assert (await idle.answer())[0] == 200
        await in_head.send(GET[:9])
        await running.send(GET.replace(b"/", b"/wait", 1))
        await service.until(connections=3, running=1)
        for connection in list(service.state.connections):
            connection.shutdown()
        await idle.send(GET)
        await in_head.send(GET[9:])
        service.application.released.set()
        for client in (idle, in_head, running):
            assert b"connection: close" in (await client.reader.readuntil(b"\r\n\r\n"))
            assert await client.reader.readexactly(2) == b"ok"
            assert await client.is_closed()


async def test_a_connection_without_a_further_request_is_closed_after_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "DRAIN_SECONDS", 0.02)
    async with listening() as service:
        idle, unused, running = [await service.connect() for _ in range(3)]
        await idle.send(GET)
        assert (await idle.answer())[0] == 200
        await running.send(GET.replace(b"/", b"/wait", 1))
        await service.until(connections=3, running=1)
        for connection in list(service.state.connections):
            connection.shutdown()
        assert await idle.is_closed()
        assert await unused.is_closed()
        service.application.released.set()
        assert (await running.answer())[0] == 200
        assert await running.is_closed()


async def test_a_request_that_is_not_http_is_answered_as_a_problem() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(b"\x16\x03\x01 not http\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"content-type: application/problem+json" in head
        for name, value in SECURITY_HEADERS.items():
            assert f"{name}: {value}\r\n".encode() in head
        assert await client.reader.readexactly(1) == b"{"


async def test_a_broken_chunk_ends_the_request() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(b"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert await client.refusal() == (400, "bad_header")
        await service.until(running=0)
        assert service.application.ended == ["disconnect"]


async def test_the_rest_of_an_answered_request_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "DISCARDED_BYTES_MAX", 300_000)
    async with listening() as service:
        client = await service.connect()
        head = b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
        await client.send(head % 200_000)
        assert await client.answer() == (200, b"ok")
        await client.send(b"a" * 200_000 + GET)
        assert await client.answer() == (200, b"ok")
        await client.send(head % 10_000_000)
        assert await client.answer() == (200, b"ok")
        assert await client.send_endlessly(b"a" * 100_000, 100) < 100


async def test_requests_sent_at_once_are_answered_in_order_and_an_upgrade_is_not_offered() -> None:
    async with listening() as service:
        client = await service.connect()
        await client.send(GET.replace(b"/ ", b"/wait ", 1) + GET * 2)
        service.application.released.set()
        for _ in range(3):
            assert await client.answer() == (200, b"ok")
        await client.send(GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert await client.answer() == (200, b"ok")
        assert await client.is_closed()


@given(st.ip_addresses())
def test_addresses_are_counted_by_ipv4_address_or_ipv6_network(address: object) -> None:
    text = str(address)
    counted = network_of(text)
    assert counted == text if ":" not in text else counted.endswith("/64") or ":" not in counted


def test_an_ipv6_customer_is_one_client() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert network_of("fe80::1%eth0") == "fe80::/64"


@pytest.mark.processes
@pytest.mark.parametrize(("files", "expected"), [("300", "100 300"), ("50", "20 50"), ("5000", "2000 5000")])
def test_connections_fit_into_the_files_of_the_process(files: str, expected: str) -> None:
    program = (
        "import resource; from service.runtime.file_limit import files_for;"
        " print(files_for(2000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    command = f'ulimit -n {files}; ulimit -Sn 40; exec "$0" -c "$1"'
    ran = subprocess.run(["bash", "-c", command, sys.executable, program], capture_output=True, text=True, check=True)
    most, soft = expected.split()
    assert ran.stdout.split() == [most, str(min(int(soft), 2_200))]
