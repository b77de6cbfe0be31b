"""Descriptions of calls for the route tables: `Calls.get` for a reading call, `Calls.post` for a writing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPMethod
from typing import TypedDict, Unpack

from pydantic import BaseModel

from service.auth.access_tokens import Audience
from service.http.endpoints import Endpoint, Handler, Key, Parse
from service.http.json_io import CURSOR_MAX, LIMIT_DEFAULT, LIMIT_MAX
from service.http.openapi.operation import Etag, Operation, Parameter

PAGING = (
    Parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
        "The number of rows of a page, at most.",
    ),
    Parameter("cursor", {"type": "string", "maxLength": CURSOR_MAX}, "`next_cursor` of the page before."),
)
Answers = type[BaseModel] | tuple[type[BaseModel], ...] | None
"""The schema of an answer, several of which one is sent, or none."""


class ReadOptions(TypedDict, total=False):
    """Options of `Calls.get`; each may be left out."""

    query: tuple[Parameter, ...]
    errors: tuple[str, ...]
    """Codes of problems beyond those that every call of the audience has."""
    writes: bool
    """Run in a transaction although the call reads: it records that somebody read."""
    further: Mapping[int, type[BaseModel]]
    """Answers with another status that are no problem."""
    media: str
    also_answers: tuple[str, ...]
    revalidates: bool
    """See `Operation.revalidates`."""
    etag: Etag
    """See `Operation.etag`."""
    own_clock: bool
    """See `Endpoint.own_clock`."""
    hot: bool
    """See `Endpoint.hot`."""


class WriteOptions(TypedDict, total=False):
    """Options of `Calls.post`; each may be left out."""

    key: Key
    query: tuple[Parameter, ...]
    errors: tuple[str, ...]
    method: HTTPMethod
    location: str
    """See `Operation.location`."""
    raw: bool
    """The handler reads the body and opens its transactions itself."""
    parse: Parse
    """See `Endpoint.parse`."""
    also_accepts: tuple[str, ...]
    also_answers: tuple[str, ...]
    etag: Etag
    """See `Operation.etag`."""
    own_clock: bool
    """See `Endpoint.own_clock`."""
    hot: bool
    """See `Endpoint.hot`."""


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one audience; None is the public, which sends no token. Its methods make a routes table's lines."""

    audience: Audience | None

    def get(
        self,
        path: str,
        operation_id: str,
        summary: str,
        handle: Handler,
        answer: type[BaseModel] | None,
        **options: Unpack[ReadOptions],
    ) -> Endpoint:
        """Describe a reading call; it answers 200 with `answer`, or with what the handler makes where that is None."""
        operation = Operation(
            method=HTTPMethod.GET,
            path=path,
            operation_id=operation_id,
            audience=self.audience,
            summary=summary,
            responses={200: answer, **options.get("further", {})},
            media=options.get("media", "application/json"),
            also_answers=options.get("also_answers", ()),
            revalidates=options.get("revalidates", False),
            etag=options.get("etag", "none"),
            query=options.get("query", ()),
            errors=options.get("errors", ()),
            tags=(self._tag,),
        )
        return Endpoint(
            operation,
            handle,
            writes=options.get("writes", False),
            own_clock=options.get("own_clock", False),
            hot=options.get("hot", False),
        )

    def post(
        self,
        path: str,
        operation_id: str,
        summary: str,
        handle: Handler,
        body: type[BaseModel] | None,
        answers: Mapping[int, Answers],
        **options: Unpack[WriteOptions],
    ) -> Endpoint:
        """Describe a writing call, one transaction unless `raw`; `method` may make it PUT or DELETE."""
        raw, key = options.get("raw", False), options.get("key", "none")
        operation = Operation(
            method=options.get("method", HTTPMethod.POST),
            path=path,
            operation_id=operation_id,
            audience=self.audience,
            summary=summary,
            request=body,
            responses=answers,
            query=options.get("query", ()),
            errors=options.get("errors", ()),
            idempotency=key,
            location=options.get("location", ""),
            also_accepts=options.get("also_accepts", ()),
            also_answers=options.get("also_answers", ()),
            etag=options.get("etag", "none"),
            tags=(self._tag,),
        )
        return Endpoint(
            operation,
            handle,
            writes=not raw,
            key=key,
            raw=raw,
            parse=options.get("parse"),
            own_clock=options.get("own_clock", False),
            hot=options.get("hot", False),
        )

    @property
    def _tag(self) -> str:
        return self.audience.value if self.audience else "public"
