"""Descriptions of calls: the values that the OpenAPI document and the routes are made from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from http import HTTPMethod
from typing import Literal

from pydantic import BaseModel

from service.auth.access_tokens import Audience

JSON = "application/json"
Etag = Literal["none", "sent", "required"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter and its JSON schema."""

    name: str
    schema: Mapping[str, object]
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Deprecated:
    """A call that clients should leave: since this day, until it may be gone, and the path of the page about it.

    `until` is at least twelve months after `since` (docs/api.md).
    """

    since: date
    until: date
    page: str = "/docs"

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link`, of days in UTC."""
        since, until = (datetime.combine(day, time(), UTC) for day in (self.since, self.until))
        return (
            (b"deprecation", f"@{int(since.timestamp())}".encode()),
            (b"sunset", format_datetime(until, usegmt=True).encode()),
            (b"link", f'<{self.page}>; rel="deprecation"'.encode()),
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: method, path, audience (None: public), schemas of body and answers, and its own problem codes.

    `responses` maps a status to one schema, to several of which one is sent, or to None for no JSON schema.
    """

    method: HTTPMethod
    path: str
    operation_id: str
    audience: Audience | None
    summary: str
    responses: Mapping[int, type[BaseModel] | tuple[type[BaseModel], ...] | None]
    request: type[BaseModel] | None = None
    errors: tuple[str, ...] = ()
    query: tuple[Parameter, ...] = ()
    idempotency: Literal["required", "optional", "none"] = "none"
    tags: tuple[str, ...] = ()
    media: str = JSON
    also_accepts: tuple[str, ...] = field(default=())
    """Media types that the body may have instead of JSON."""
    also_answers: tuple[str, ...] = field(default=())
    """Media types that a successful answer may have instead of `media`."""
    revalidates: bool = False
    """The answer has an ETag, and `If-None-Match` with it is answered by 304."""
    etag: Etag = "none"
    """`sent`: the answer has the ETag of a version; `required`: `If-Match` must name the one that was read."""
    location: str = ""
    """The path of what a 201 has created, with members of the answer and of the path in braces; sent as `Location`."""
    deprecated: Deprecated | None = None


def template(operation: Operation) -> str:
    """Return the operation's path as the document writes it."""
    return operation.path.replace(":path}", "}")
