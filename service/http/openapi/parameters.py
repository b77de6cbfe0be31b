"""Parameters of the OpenAPI document: parts of the path, headers and query. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from consent.documents.schema import DOCUMENT_ID_PATTERN, SCHEME_ID_PATTERN
from consent.domain.document_kinds import DocumentKind
from consent.transparency.logs import Log
from service.http.openapi.named import enumeration
from service.http.openapi.operation import Operation

KEY_MAX: Final = 255
"""Characters of an Idempotency-Key."""
Described = Mapping[str, Any]


def _id(thing: str, example: str = "b641595a92ee5139b9f3ba2b6205113f") -> dict[str, Any]:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": 64,
        "description": f"The id of {thing}.",
        "examples": [example],
    }


PATHS: Final[Mapping[str, Described]] = MappingProxyType(
    {
        "kind": enumeration([str(kind) for kind in DocumentKind], "The kind of catalogue document."),
        "name": enumeration([str(log) for log in Log], "The transparency log."),
        "id": {
            "type": "string",
            "pattern": f"^({DOCUMENT_ID_PATTERN}|{SCHEME_ID_PATTERN})$",
            "description": "The id of the catalogue document; of a scheme, its version.",
            "examples": ["library-deposit"],
        },
        "version": {
            "type": "integer",
            "minimum": 1,
            "maximum": 999_999_999,
            "description": "The number of the document's version, from 1.",
            "examples": [1],
        },
        "sha256": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "The SHA-256 of the document's canonical JSON, in hexadecimal.",
            "examples": ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        },
        "level": {
            "type": "string",
            "pattern": "^[0-9]{1,2}$",
            "description": "The level of the tile, from 0 for leaf hashes.",
            "examples": ["0"],
        },
        "index": {
            "type": "string",
            "description": "The tile's number in C2SP tile form, with `.p/` and a width for the last of its level.",
            "examples": ["000.p/3"],
        },
        "number": {
            "type": "string",
            "pattern": "^(0|[1-9][0-9]{0,8})$",
            "description": "The number of a status list, from the address in a pass.",
            "examples": ["83144"],
        },
        "epoch": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,5}$",
            "description": "The number of an epoch of the log, from 1.",
            "examples": ["1"],
        },
        "code": {
            "type": "string",
            "pattern": "^[a-z][a-z0-9_]*$",
            "description": "The code of a problem.",
            "examples": ["not_found"],
        },
        "consent_id": _id("the consent"),
        "request_id": _id("the request"),
        "record_id": _id("the record: for residents and officers this service's own, for a source its own", "ride-1"),
        "link_id": _id("the link"),
        "correction_id": _id("the correction"),
        "objection_id": _id("the objection"),
        "complaint_id": _id("the complaint"),
        "binding_id": _id("the binding"),
        "slip_id": _id("the slip"),
        "booking_id": _id("the booking"),
        "benefit_id": _id("the benefit", "library-deposit"),
        "redemption_id": _id("the redemption"),
        "ticket_id": _id("the ticket"),
        "case_id": _id("the case"),
        "package_id": _id("the package"),
        "review_id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "description": "The id of the review, from the list of reviews.",
            "examples": ["notices.points-notice.2"],
        },
    }
)
"""Schemas of path parameters by name."""
SCHEME_VERSION: Final[Described] = MappingProxyType(
    {"type": "string", "maxLength": 64, "description": "The version of the scheme.", "examples": ["2026.1"]}
)
HEADERS: Final[Mapping[str, Described]] = MappingProxyType(
    {
        "Idempotency-Key": {
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": KEY_MAX,
                "pattern": "^[\\x21-\\x7e]+$",
                "examples": ["5f0e7a1c-2b6d-4c7e-9d51-0a8a3f4f2c10"],
            },
            "description": "A random text of your own, new for every act and the same when you send it again. "
            "The same key with the same body gets the stored answer, with `Idempotency-Replayed: true`.",
        },
        "If-None-Match": {
            "schema": {"type": "string", "examples": ['"0d5c4f7a9b1e2c3d4e5f60718293a4b5"']},
            "description": "The ETag of the answer you have. 304 without a body while it is still current.",
        },
        "If-Match": {
            "schema": {"type": "string", "examples": ['"1-9f86d081884c7d659a2feaa0c55ad015"']},
            "description": "The ETag of the version you read, or `*`. 412 where somebody else was faster.",
        },
        "Accept-Language": {
            "schema": {"type": "string", "default": "zh-CN", "examples": ["en"]},
            "description": "The language of texts for people: `zh-CN` or `en`.",
        },
    }
)
"""Request headers by name."""


def parameters(operation: Operation) -> list[dict[str, Any]]:
    """Return the operation's parameters: path, headers, query."""
    described = [
        {"name": name, "in": "path", "required": True, **_split(_path_schema(operation, name))}
        for name in re.findall(r"{(\w+)(?::path)?}", operation.path)
    ]
    if operation.idempotency != "none":
        described.append(_header("Idempotency-Key", required=operation.idempotency == "required"))
    if operation.revalidates:
        described.append(_header("If-None-Match"))
    if operation.etag == "required":
        described.append(_header("If-Match", required=True))
    described.append(_header("Accept-Language"))
    return [
        *described,
        *(
            {
                "name": parameter.name,
                "in": "query",
                "required": parameter.required,
                "description": parameter.description,
                "schema": dict(parameter.schema),
            }
            for parameter in operation.query
        ),
    ]


def _path_schema(operation: Operation, name: str) -> Described:
    return SCHEME_VERSION if name == "version" and "/schemes/" in operation.path else PATHS[name]


def _header(name: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, **HEADERS[name]}


def _split(schema: Described) -> dict[str, Any]:
    """Return description and schema of a parameter; the description stands next to the schema."""
    described = dict(schema)
    return {"description": described.pop("description"), "schema": described}
