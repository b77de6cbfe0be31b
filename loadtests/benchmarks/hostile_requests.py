"""Hostile requests, each sent by a process of its own: `python -m loadtests.benchmarks.hostile_requests NAME PORT`.

The tokens come on standard input, one JSON object in one line. The process prints a line when it has composed what it
sends, and begins at the next line on standard input. It imports nothing of the service.
"""

from __future__ import annotations

import json
import socket
import sys
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress

ATTACKER = "127.0.0.2"
"""An address of this machine that the service does not trust as a proxy."""
MEGABYTE = 1024 * 1024
ANSWER_SECONDS = 60
HOLD_SECONDS = 3
"""Time for which sockets that wait are left open."""

Tokens = Mapping[str, str]
Attack = Callable[[int], None]


def request(path: str, token: str, media: str, body: bytes, *more: str) -> bytes:
    """Return a POST request with a body."""
    lines = (
        f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", f"Content-Type: {media}",
        f"Content-Length: {len(body)}", "Idempotency-Key: hostile", *more, "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode() + body


def connect(port: int) -> socket.socket:
    """Open a connection from the attacker's address."""
    return socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS, source_address=(ATTACKER, 0))


def sent(data: bytes) -> Attack:
    """Return an attack that sends bytes and waits for the answer."""

    def attack(port: int) -> None:
        with connect(port) as client, suppress(OSError):
            client.sendall(data)
            client.recv(65_536)

    return attack


def endless(head: bytes, piece: bytes, size: int) -> Attack:
    """Return an attack that sends a head and then `size` bytes of pieces, for as long as it may."""

    def attack(port: int) -> None:
        with connect(port) as client, suppress(OSError):
            client.sendall(head)
            for _ in range(size // len(piece)):
                client.sendall(piece)
            client.recv(65_536)

    return attack


def open_sockets(count: int, data: bytes) -> Attack:
    """Return an attack that opens sockets, sends the same bytes on each and waits."""

    def attack(port: int) -> None:
        with ExitStack() as stack:
            for _ in range(count):
                with suppress(OSError):
                    stack.enter_context(connect(port)).sendall(data)
            with suppress(OSError):
                last = stack.enter_context(connect(port))
                last.settimeout(HOLD_SECONDS)
                last.recv(1)

    return attack


def attacks(tokens: Tokens) -> dict[str, Attack]:
    """Return every attack by its name."""
    catalogue, admin, source = "/v1/admin/catalogue/import", tokens["administrator"], tokens["source"]
    objects = b'{"catalogue":{"benefits":[' + b",".join([b"{}"] * 330_000) + b"]}}"
    half = f"POST {catalogue} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {admin}\r\n".encode()
    chunked = half + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    slow = half + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    bomb = zlib.compress(b"[" * 100 * MEGABYTE, 9)
    documents = json.dumps({"catalogue": {"benefits": json.loads(tokens["documents"])}}, ensure_ascii=False).encode()
    wide = b"{" + b",".join(b'"k%d":1' % number for number in range(19_000)) + b"}"
    form = b"a=" + b"%E4%B8%80" * 29_000
    return {
        "import of 330,000 {}": sent(request(catalogue, admin, "application/json", objects)),
        "the same in YAML": sent(
            request(catalogue, admin, "application/yaml", b"catalogue:\n  benefits:\n" + b"  - {}\n" * 149_000)
        ),
        "YAML number in base 60, 1 MB": sent(request(catalogue, admin, "application/yaml", b"a: 1" + b":1" * 500_000)),
        "import of 600 documents with one fault": sent(request(catalogue, admin, "application/json", documents)),
        "19,000 unknown members": sent(request("/v1/source/records", source, "application/json", wide)),
        "100,000 levels of JSON": sent(request("/v1/source/records", source, "application/json", b"[" * 100_000)),
        "form of 256 kB, percent-encoded": sent(
            request("/admin/benefits/new", "", "application/x-www-form-urlencoded", form)
        ),
        "gzip of 100 MB": sent(
            request("/v1/source/records", source, "application/json", bomb, "Content-Encoding: gzip")
        ),
        "head of 64 kB": sent(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n"),
        "head of 100 MB": endless(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", b"a" * MEGABYTE, 100 * MEGABYTE),
        "body of 1 GB": endless(chunked, b"100000\r\n" + b" " * MEGABYTE + b"\r\n", 1024 * MEGABYTE),
        "300 half-open connections": open_sockets(300, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"),
        "2,300 half-open connections": open_sockets(2_300, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"),
        "200 bodies that never end": open_sockets(200, slow),
    }


NAMES = tuple(attacks({"administrator": "", "source": "", "documents": "[]"})) if __name__ != "__main__" else ()
"""The names of all attacks, in the order in which they are measured."""


if __name__ == "__main__":
    chosen = attacks(json.loads(sys.stdin.readline()))[sys.argv[1]]
    print("ready", flush=True)
    sys.stdin.readline()
    chosen(int(sys.argv[2]))
