"""The OpenAPI 3.1 document, generated from the operations and their pydantic models. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPMethod
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from consent.domain.document_kinds import DocumentKind
from consent.transparency.logs import Log
from service.auth.access_tokens import Audience
from service.http.json_io import OptionalBody
from service.http.problems import TABLE

REF = "#/components/schemas/{model}"
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details. `code` is stable; what was sent is never repeated.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "additionalProperties": False,
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
                "additionalProperties": False,
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                    "line": {"type": "integer", "description": "of a catalogue in YAML, from 1"},
                    "rule": {"type": "string", "description": "the guardrail's number"},
                    "severity": {"type": "string", "description": "of a finding of the publication rules"},
                    "marks": {
                        "type": "array",
                        "description": "the words of the text that the error is about",
                        "items": {
                            "type": "object",
                            "required": ["start", "end", "text"],
                            "additionalProperties": False,
                            "properties": {
                                "start": {"type": "integer"},
                                "end": {"type": "integer"},
                                "text": {"type": "string"},
                            },
                        },
                    },
                },
            },
        },
        "more_errors": {"type": "boolean", "description": "true when only the first errors are listed"},
        "notice": {
            "type": "object",
            "additionalProperties": True,
            "description": "with `notice_changed`: the new notice, ready to be shown",
        },
        "reasons": {
            "type": "array",
            "description": "with `benefit_not_available`: each line of the condition with the caller's points",
            "items": {
                "type": "object",
                "required": ["measure", "at_least", "have", "met"],
                "additionalProperties": False,
                "properties": {
                    "measure": {"type": "string"},
                    "at_least": {"type": "integer"},
                    "have": {"type": "integer"},
                    "met": {"type": "boolean"},
                },
            },
        },
        "quota_used": {"type": "boolean", "description": "with `benefit_not_available`: only the quota is used up"},
    },
}
"""Every member that a problem may have; the last three belong to one code each."""
PATH_SCHEMAS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "kind": {"type": "string", "enum": [str(kind) for kind in DocumentKind]},
        "name": {"type": "string", "enum": [str(log) for log in Log]},
    }
)
"""Schemas of path parameters with a closed list of values, by name; every other one is an id."""
STATUS_DESCRIPTIONS = {
    200: "Done",
    201: "Made",
    304: "Nothing has changed",
    400: "It cannot be read",
    401: "No token, or none that is accepted",
    403: "Not for this caller",
    404: "There is nothing of this name, or it is another person's",
    408: "The body did not arrive in time",
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
    media: str = "application/json"
    also_accepts: tuple[str, ...] = field(default=())
    """Media types that the body may have instead of JSON."""
    also_answers: tuple[str, ...] = field(default=())
    """Media types that a successful answer may have instead of `media`."""


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Return the whole document, JSON-ready; ValueError when two schemas have one name."""
    requests = {operation.request for operation in operations if operation.request}
    answers = {
        model for operation in operations for answer in operation.responses.values() for model in _models(answer)
    }
    _, definitions = models_json_schema(
        [
            *((model, "validation") for model in _named(requests)),
            *((model, "serialization") for model in _named(answers)),
        ],
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


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.operation_id,
        "summary": operation.summary,
        "tags": list(operation.tags),
        "parameters": _parameters(operation),
        "responses": {
            str(status): _answer(status, answer, (operation.media, *operation.also_answers))
            for status, answer in operation.responses.items()
        },
        "security": [{operation.audience.value: []}] if operation.audience else [],
    }
    if operation.request is not None:
        content: dict[str, Any] = {"application/json": {"schema": _schema(operation.request)}}
        content.update(_other_media(operation.also_accepts, _schema(operation.request)))
        required = not issubclass(operation.request, OptionalBody)
        described["requestBody"] = {"required": required, "content": content}
    for status, codes in _problems(operation).items():
        also = described["responses"].get(str(status), {}).get("content", {})
        described["responses"][str(status)] = {
            "description": f"{STATUS_DESCRIPTIONS.get(status, 'Refused')}: {', '.join(codes)}",
            "content": {"application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}}, **also},
        }
    if not described["parameters"]:
        del described["parameters"]
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": PATH_SCHEMAS.get(name, {"type": "string"})}
        for name in re.findall(r"{(\w+)(?::path)?}", operation.path)
    ]
    if operation.idempotency != "none":
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": operation.idempotency == "required",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
                "description": "of your own making; the same one when you retry",
            }
        )
    parameters.extend(
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "schema": dict(parameter.schema),
            **({"description": parameter.description} if parameter.description else {}),
        }
        for parameter in operation.query
    )
    return parameters


def _answer(
    status: int, answer: type[BaseModel] | tuple[type[BaseModel], ...] | None, media: tuple[str, ...]
) -> dict[str, Any]:
    models = _models(answer)
    if not models:
        schema: dict[str, Any] = {"type": "object"} if media[0] == "application/json" else {"type": "string"}
    elif len(models) == 1:
        schema = _schema(models[0])
    else:
        schema = {"oneOf": [_schema(model) for model in models]}
    content = {media[0]: {"schema": schema}, **_other_media(media[1:], schema)}
    return {"description": STATUS_DESCRIPTIONS[status], "content": content}


def _other_media(media: Sequence[str], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the content of other media types than JSON: YAML has the same members, everything else is text."""
    return {name: {"schema": schema if name.endswith("yaml") else {"type": "string"}} for name in media}


def _problems(operation: Operation) -> dict[int, list[str]]:
    codes = set(operation.errors)
    codes |= {"rate_limited", "unavailable", "outcome_unknown"}
    if operation.audience is not None:
        codes |= {"token_missing", "token_invalid", "wrong_role", "keys_unavailable"}
    if operation.audience is Audience.RESIDENT:
        codes |= {"birthdate_required", "adults_only"}
    if operation.request is not None:
        codes |= {
            "malformed_json",
            "duplicate_key",
            "too_deep",
            "not_json",
            "body_too_large",
            "body_too_slow",
            "body_invalid",
        }
    if operation.idempotency != "none":
        codes |= {"idempotency_key_required", "idempotency_key_reused"}
    if {parameter.name for parameter in operation.query} & {"limit", "cursor"}:
        codes |= {"bad_limit", "bad_cursor"}
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(TABLE[code].status, []).append(code)
    return {status: by_status[status] for status in sorted(by_status)}


def _models(answer: type[BaseModel] | tuple[type[BaseModel], ...] | None) -> tuple[type[BaseModel], ...]:
    if answer is None:
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


def _named(models: set[type[BaseModel]]) -> list[type[BaseModel]]:
    if len({model.__name__ for model in models}) != len(models):
        raise ValueError("two models of one name would be one schema")
    return sorted(models, key=lambda model: model.__name__)


def _schema(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}
