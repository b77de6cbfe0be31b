"""The OpenAPI 3.1 document, written from the operations and their pydantic models: nothing in it is typed twice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPMethod
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.auth.access_tokens import Audience
from service.http.problems import TABLE

REF = "#/components/schemas/{model}"
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details. `code` is stable; what was sent is never repeated.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(TABLE)},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                    "rule": {"type": "string", "description": "the guardrail's number"},
                },
            },
        },
    },
}
STATUS_DESCRIPTIONS = {
    200: "Done",
    201: "Made",
    304: "Nothing has changed",
    400: "It cannot be read",
    401: "No token, or none that is accepted",
    403: "Not for this caller",
    404: "There is nothing of this name, or it is another person's",
    409: "The state does not allow it",
    410: "Too late",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "The body does not fit",
    429: "Too many requests; see Retry-After",
    503: "A dependency is away; see Retry-After",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter and its JSON schema."""

    name: str
    schema: Mapping[str, Any]
    required: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: where, behind which door, what goes in, what comes out, and which problems of its own it has."""

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
    media: str = "application/json"
    also_accepts: tuple[str, ...] = field(default=())
    """Media types beside JSON, a JSON document a line."""


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """The whole document, JSON-ready."""
    requests = {one.request for one in operations if one.request}
    answers = {model for one in operations for made in one.responses.values() for model in _models(made)}
    _, definitions = models_json_schema(
        [*((model, "validation") for model in _named(requests)), *((one, "serialization") for one in _named(answers))],
        ref_template=REF,
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path.replace(":path}", "}"), {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Credit-Easy+ 信易+",
            "version": version,
            "summary": "Personal credit points that can only ever add",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted({**definitions.get("$defs", {}), "Problem": PROBLEM}.items())),
            "securitySchemes": {
                audience.value: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "RFC 9068 access token",
                    "description": f"A token for the {audience.value} door; it opens no other.",
                }
                for audience in Audience
            },
        },
    }


def _operation(one: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": one.operation_id,
        "summary": one.summary,
        "tags": list(one.tags),
        "parameters": _parameters(one),
        "responses": {str(status): _answer(status, made, one.media) for status, made in one.responses.items()},
        "security": [{one.audience.value: []}] if one.audience else [],
    }
    if one.request is not None:
        content: dict[str, Any] = {"application/json": {"schema": _schema(one.request)}}
        content.update({media: {"schema": {"type": "string"}} for media in one.also_accepts})
        described["requestBody"] = {"required": True, "content": content}
    for status, codes in _problems(one).items():
        described["responses"][str(status)] = {
            "description": f"{STATUS_DESCRIPTIONS.get(status, 'Refused')}: {', '.join(codes)}",
            "content": {"application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}}},
        }
    if not described["parameters"]:
        del described["parameters"]
    return described


def _parameters(one: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)(?::path)?}", one.path)
    ]
    if one.idempotency != "none":
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": one.idempotency == "required",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
                "description": "of your own making; the same one when you retry",
            }
        )
    found.extend(
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "schema": dict(parameter.schema),
            **({"description": parameter.description} if parameter.description else {}),
        }
        for parameter in one.query
    )
    return found


def _answer(status: int, made: type[BaseModel] | tuple[type[BaseModel], ...] | None, media: str) -> dict[str, Any]:
    models = _models(made)
    if not models:
        schema: dict[str, Any] = {"type": "object"} if media == "application/json" else {"type": "string"}
    elif len(models) == 1:
        schema = _schema(models[0])
    else:
        schema = {"oneOf": [_schema(model) for model in models]}
    return {"description": STATUS_DESCRIPTIONS[status], "content": {media: {"schema": schema}}}


def _problems(one: Operation) -> dict[int, list[str]]:
    codes = set(one.errors)
    codes |= {"rate_limited", "unavailable"}
    if one.audience is not None:
        codes |= {"token_missing", "token_invalid", "wrong_role", "keys_unavailable"}
    if one.audience is Audience.RESIDENT:
        codes |= {"birthdate_required", "adults_only"}
    if one.request is not None:
        codes |= {"malformed_json", "duplicate_key", "too_deep", "not_json", "body_too_large", "body_invalid"}
    if one.idempotency != "none":
        codes |= {"idempotency_key_required", "idempotency_key_reused"}
    if {parameter.name for parameter in one.query} & {"limit", "cursor"}:
        codes |= {"bad_limit", "bad_cursor"}
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(TABLE[code].status, []).append(code)
    return {status: by_status[status] for status in sorted(by_status)}


def _models(made: type[BaseModel] | tuple[type[BaseModel], ...] | None) -> tuple[type[BaseModel], ...]:
    if made is None:
        return ()
    return made if isinstance(made, tuple) else (made,)


def _named(models: set[type[BaseModel]]) -> list[type[BaseModel]]:
    if len({model.__name__ for model in models}) != len(models):
        raise ValueError("two models of one name would be one schema")
    return sorted(models, key=lambda model: model.__name__)


def _schema(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}
