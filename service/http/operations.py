"""How a call is written down: reading and writing ones."""

from __future__ import annotations

from http import HTTPMethod

from pydantic import BaseModel

from service.auth.access_tokens import Audience
from service.http.endpoints import Endpoint, Handler, Key, Swift
from service.http.openapi import Operation, Parameter

PAGING = (
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 200}, description="how many at most"),
    Parameter("cursor", {"type": "string"}, description="next_cursor of the page before"),
)
Model = type[BaseModel] | None
Answers = type[BaseModel] | tuple[type[BaseModel], ...] | None


def get(
    audience: Audience | None,
    path: str,
    operation_id: str,
    summary: str,
    handle: Handler,
    answer: Model,
    *,
    query: tuple[Parameter, ...] = (),
    errors: tuple[str, ...] = (),
    writes: bool = False,
    media: str = "application/json",
    swift: Swift | None = None,
) -> Endpoint:
    """A reading call."""
    operation = Operation(
        method=HTTPMethod.GET,
        path=path,
        operation_id=operation_id,
        audience=audience,
        summary=summary,
        responses={200: answer},
        media=media,
        query=query,
        errors=errors,
        tags=(audience.value if audience else "public",),
    )
    return Endpoint(operation, handle, writes=writes, swift=swift)


def post(
    audience: Audience,
    path: str,
    operation_id: str,
    summary: str,
    handle: Handler,
    body: Model,
    answers: dict[int, Answers],
    *,
    key: Key = "none",
    errors: tuple[str, ...] = (),
    method: HTTPMethod = HTTPMethod.POST,
    raw: bool = False,
    swift: Swift | None = None,
    own_body: bool = False,
    also_accepts: tuple[str, ...] = (),
) -> Endpoint:
    """A writing call; one transaction unless `raw`. The handler reads an `own_body` itself."""
    operation = Operation(
        method=method,
        path=path,
        operation_id=operation_id,
        audience=audience,
        summary=summary,
        request=body,
        responses=answers,
        errors=errors,
        idempotency=key,
        also_accepts=also_accepts,
        tags=(audience.value,),
    )
    return Endpoint(operation, handle, writes=not raw, key=key, raw=raw or own_body, swift=swift)
