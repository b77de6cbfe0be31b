"""Call the HTTP API from inside the process, on behalf of a browser.

A page has no access to the database. It sends an ordinary API request to the same routes that other clients use, with
the signed-in person's access token, and reads the same JSON. Only the network is left out: token verification, rate
limits, idempotency and validation run as for any other client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.types import ASGIApp, Message, Scope

from service.observability.logging import request_fields

Query = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request to the API. `query` values that are None or "" are left out; `body` is sent as JSON unless None.

    A body of bytes is sent unchanged; `headers` then name its media type.
    """

    method: str
    path: str
    query: Query | None = None
    body: Any = None
    idempotency_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, names in lower case."""


@dataclass(frozen=True, slots=True)
class ApiReply:
    """An answer of the API: status, headers with names in lower case, and the body's bytes."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The body's JSON value, or None for an empty body."""
        return orjson.loads(self.raw) if self.raw else None

    @property
    def succeeded(self) -> bool:
        """True below status 400; otherwise the body is a problem document (RFC 9457)."""
        return self.status < HTTPStatus.BAD_REQUEST


class ApiProblem(Exception):
    """The API answered with an error that the page does not handle itself."""

    def __init__(self, reply: ApiReply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def body_or_raise(reply: ApiReply) -> Any:
    """Return the JSON body of a successful reply; raise ApiProblem for any other."""
    raw_or_raise(reply)
    return reply.body


def raw_or_raise(reply: ApiReply) -> bytes:
    """Return the bytes of a successful reply's body, not parsed; raise ApiProblem for any other reply."""
    if not reply.succeeded:
        raise ApiProblem(reply)
    return reply.raw


@dataclass(frozen=True, slots=True)
class InProcessApiClient:
    """Sends requests to an ASGI application that has the API's routes; one client for the process."""

    app: ASGIApp

    async def call(
        self, browser_scope: Scope, request: ApiRequest, *, token: str | None = None, language: str = "zh-CN"
    ) -> ApiReply:
        """Send one request and return the whole answer.

        Args:
            browser_scope: ASGI scope of the browser's request. Its client address is passed on, because rate limits
                count by address; its request id, so that log lines of page and API can be joined; and its host, by
                which passes of the demonstration name their issuer.
            request: the API request.
            token: access token of the signed-in person, sent as a Bearer token; None for public calls.
            language: language tag of the answer's texts.
        """
        raw = request.body if isinstance(request.body, bytes) else orjson.dumps(request.body)
        raw = b"" if request.body is None else raw
        headers = {"accept-language": language, "content-length": str(len(raw)), **request.headers}
        host = next((value.decode("latin-1") for name, value in browser_scope["headers"] if name == b"host"), None)
        if host is not None:
            headers["host"] = host
        if request.body is not None:
            headers.setdefault("content-type", "application/json")
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if request.idempotency_key is not None:
            headers["idempotency-key"] = request.idempotency_key
        query = {name: value for name, value in (request.query or {}).items() if value not in (None, "")}
        scope: Scope = {
            "type": "http",
            "asgi": browser_scope.get("asgi", {"version": "3.0"}),
            "http_version": "1.1",
            "method": request.method,
            "scheme": browser_scope.get("scheme", "http"),
            "path": request.path,
            "raw_path": request.path.encode(),
            "root_path": "",
            "query_string": urlencode(query).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": browser_scope.get("client"),
            "server": browser_scope.get("server"),
            "state": request_fields(browser_scope),
        }
        collector = _ResponseCollector()
        await self.app(scope, _RequestBody(raw).receive, collector.send)
        return ApiReply(collector.status, collector.headers, b"".join(collector.parts))


class _RequestBody:
    """ASGI `receive` for a body that is complete; every later call reports that the client has disconnected."""

    def __init__(self, raw: bytes) -> None:
        self.messages: list[Message] = [
            {"type": "http.disconnect"},
            {"type": "http.request", "body": raw, "more_body": False},
        ]

    async def receive(self) -> Message:
        return self.messages.pop() if len(self.messages) > 1 else self.messages[0]


class _ResponseCollector:
    """ASGI `send` that gathers status, headers and body."""

    def __init__(self) -> None:
        self.status, self.headers, self.parts = 500, dict[str, str](), list[bytes]()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
            }
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))
