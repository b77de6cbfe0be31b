"""The doors, asked from within the process: a page sends the same request that any other client would send.

Nothing here knows more or may do more than a client with the same token: the guard verifies it, the handler reads
and writes, the answer is the API's own JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.types import ASGIApp, Message, Scope

Query = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a door answered: status, headers (lower case), and the body as JSON where it is."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The JSON value, or None without one."""
        return orjson.loads(self.raw) if self.raw else None

    @property
    def went_well(self) -> bool:
        """Whether it is an answer and no problem."""
        return self.status < 400


@dataclass(frozen=True, slots=True)
class InProcessApiClient:
    """Asks the doors of `app`; one for the process."""

    app: ASGIApp

    async def call(
        self,
        outer: Scope,
        method: str,
        path: str,
        *,
        token: str | None = None,
        language: str = "zh-CN",
        query: Query | None = None,
        body: Any = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request on behalf of the browser behind `outer`; `key` is its Idempotency-Key."""
        raw = b"" if body is None else orjson.dumps(body)
        sent = {"accept-language": language, "content-length": str(len(raw)), **(headers or {})}
        if body is not None:
            sent["content-type"] = "application/json"
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        if key is not None:
            sent["idempotency-key"] = key
        asked = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        scope: Scope = {
            "type": "http",
            "asgi": outer.get("asgi", {"version": "3.0"}),
            "http_version": "1.1",
            "method": method,
            "scheme": outer.get("scheme", "http"),
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": urlencode(asked).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": outer.get("client"),
            "server": outer.get("server"),
            "state": {"request_id": outer.get("state", {}).get("request_id", "")},
        }
        answered = _Answered()
        await self.app(scope, _Sent(raw).receive, answered.send)
        return Reply(answered.status, answered.headers, b"".join(answered.parts))


class _Sent:
    """The body of a request, at once."""

    def __init__(self, raw: bytes) -> None:
        self.messages: list[Message] = [
            {"type": "http.disconnect"},
            {"type": "http.request", "body": raw, "more_body": False},
        ]

    async def receive(self) -> Message:
        return self.messages.pop() if len(self.messages) > 1 else self.messages[0]


class _Answered:
    """Gathers the parts of an answer."""

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
