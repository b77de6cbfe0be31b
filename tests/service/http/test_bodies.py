"""Bodies: their size, and the time in which they must arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from service.http import bodies, json_io
from service.http.problems import Problem


def body_in(pieces: list[bytes], *, ended: bool = True) -> Request:
    """A request whose body comes in these pieces, and then no more or nobody."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request"} if ended else {"type": "http.disconnect"})

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}, receive)


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_a_body_is_the_same_in_however_many_pieces(pieces: list[bytes]) -> None:
    assert asyncio.run(bodies.read_body(body_in(pieces))) == b"".join(pieces)


def test_a_body_without_a_length_is_refused_where_it_exceeds_the_limit() -> None:
    piece = b" " * (bodies.BODY_BYTES_MAX // 2)
    assert len(asyncio.run(bodies.read_body(body_in([piece, piece])))) == bodies.BODY_BYTES_MAX
    with pytest.raises(Problem, match="body_too_large"):
        asyncio.run(bodies.read_body(body_in([piece, piece, b" "])))


def test_an_interrupted_body_is_no_body() -> None:
    with pytest.raises(ClientDisconnect):
        asyncio.run(bodies.read_body(body_in([b"{"], ended=False)))


def stopping_after(pieces: list[bytes]) -> Request:
    """A request whose client sends these pieces and then nothing, with the connection open."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]

    async def receive() -> MutableMapping[str, Any]:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}, receive)


async def pieces_of(stream: AsyncIterator[bytes]) -> list[bytes]:
    """The pieces that arrive before the stream is given up."""
    got = []
    try:
        async for piece in stream:
            got.append(piece)
    except Problem as slow:
        assert (slow.code, slow.headers) == ("body_too_slow", {"Connection": "close"})
        return got
    raise AssertionError("the stream ended")


def test_a_client_that_stops_in_the_middle_of_its_body_is_answered_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)
    with pytest.raises(Problem, match="body_too_slow") as slow:
        asyncio.run(bodies.read_body(stopping_after([b"{"])))
    assert (slow.value.status, slow.value.headers) == (408, {"Connection": "close"})
    assert asyncio.run(pieces_of(bodies.stream_body(stopping_after([b"a", b"b"])))) == [b"a", b"b"]


def test_every_byte_that_arrives_gives_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed: list[float | None] = []
    timeout = asyncio.timeout

    def recorded(delay: float | None) -> asyncio.Timeout:
        allowed.append(delay)
        return timeout(delay)

    monkeypatch.setattr(bodies, "timeout", recorded)
    second = b" " * bodies.BODY_BYTES_PER_SECOND_MIN
    asyncio.run(bodies.read_body(body_in([second, second])))
    assert [round(delay or 0, 1) for delay in allowed] == [10.0, 11.0, 12.0]


@pytest.mark.parametrize("text", [b'{"a":[' + b"{}," * 330_000 + b"{}]}", b"[" + b"1," * 500_000])
def test_a_body_of_very_many_values_is_refused_before_it_is_parsed(text: bytes) -> None:
    assert len(text) <= bodies.BODY_BYTES_MAX
    with pytest.raises(Problem, match="body_too_large"):
        json_io.check_json(text)


def test_a_body_of_very_many_brackets_is_too_deep() -> None:
    with pytest.raises(Problem, match="too_deep"):
        json_io.check_json(b"[" * 1_000_000)


def test_a_delivery_of_a_thousand_records_is_far_below_the_limit_of_values() -> None:
    record = b'{"record_id":"r","account":"a","kind":"bike_trip","quantity":1,"occurred_on":"2025-06-01"}'
    json_io.check_json(b'{"records":[' + b",".join([record] * 1_000) + b"]}")
