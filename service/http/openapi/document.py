"""The OpenAPI 3.1 document: `build` puts the operations, their texts, schemas and examples together. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from service.auth.access_tokens import Audience
from service.http.json_io import OptionalBody
from service.http.openapi.operation import JSON, Operation, template
from service.http.openapi.parameters import parameters
from service.http.openapi.problem_schema import PROBLEM_SCHEMAS
from service.http.openapi.responses import HEADER_COMPONENTS, models_of, other_media, responses
from service.http.openapi.schemas import component_schemas, reference_to, used_names, used_schemas

ABOUT: Final = """\
Residents authorise records; the service turns exactly those into points; venues honour benefits that stand on them.

- JSON in UTF-8. Requests are closed: an unknown member is a fault. Answers are open: skip members you do not know.
- Times are RFC 3339 in UTC with `Z`; days are civil days of the city, `YYYY-MM-DD`; money is in fen; there is no float.
- A token opens the calls of one audience alone.
- What creates or spends needs an `Idempotency-Key`.
- Lists take `limit` (1 to 200, 50 unless given) and `cursor`; `next_cursor` is null on the last page.
- Errors are RFC 9457 problems; `GET /v1/public/errors` lists their codes.
"""
TAGS: Final[Mapping[str, str]] = {
    Audience.RESIDENT: "Calls of a resident, for a city app: consents, points, benefits, tickets, rights.",
    Audience.VENUE: "Calls of a point of sale: check and redeem a handle that a resident shows.",
    Audience.SOURCE: "Calls of a data source: confirm accounts, deliver and correct records.",
    Audience.ADMINISTRATOR: "Calls of administrators: the catalogue's documents and their life.",
    Audience.PRIVACY: "Calls of privacy officers: reviews, objections, samples, verification.",
    Audience.CITY_APP: "Calls of the city app's back end: who has something to read.",
    "public": "Calls without a token: scheme, benefits, sources, figures, logs, health.",
}


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts and examples by operation id; `examples` have `request` and answers by status."""

    descriptions: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def build(
    operations: Sequence[Operation], documents: Collection[type[BaseModel]], version: str, texts: Texts
) -> dict[str, Any]:
    """Return the whole document, JSON-ready; `documents` are the models of catalogue documents.

    Raises:
        ValueError: two schemas have one name.
    """
    requests = {operation.request for operation in operations if operation.request}
    answers = {
        model for operation in operations for answer in operation.responses.values() for model in models_of(answer)
    }
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(template(operation), {})[operation.method.lower()] = _operation(operation, texts)
    schemas = used_schemas(paths, {**component_schemas(requests, answers, documents), **PROBLEM_SCHEMAS})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Credit-Easy+",
            "version": version,
            "summary": "信易+: personal credit points that can only ever add",
            "description": ABOUT,
            "contact": {"name": "The office that runs the service in your city"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The host that serves this document."}],
        "tags": [{"name": str(name), "description": text} for name, text in TAGS.items()],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "headers": {name: HEADER_COMPONENTS[name] for name in sorted(used_names("headers", paths))},
            "securitySchemes": {audience.value: _security_scheme(audience) for audience in Audience},
        },
    }


def _security_scheme(audience: Audience) -> dict[str, Any]:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "RFC 9068 access token",
        "description": f"A token for the audience `{audience.value}`; it opens no other calls.",
    }


def _operation(operation: Operation, texts: Texts) -> dict[str, Any]:
    examples = texts.examples.get(operation.operation_id, {})
    described: dict[str, Any] = {
        "operationId": operation.operation_id,
        "summary": operation.summary,
        "description": texts.descriptions.get(operation.operation_id, f"{operation.summary}."),
        "tags": list(operation.tags),
        "parameters": parameters(operation),
    }
    if operation.request is not None:
        content: dict[str, Any] = {JSON: {"schema": reference_to(operation.request)}}
        if "request" in examples:
            content[JSON]["example"] = examples["request"]
        content.update(other_media(operation.also_accepts))
        required = not issubclass(operation.request, OptionalBody)
        described["requestBody"] = {"required": required, "content": content}
    if operation.deprecated is not None:
        described["deprecated"] = True
    described["responses"] = responses(operation)
    for status, example in examples.items():
        if status != "request":
            described["responses"][status]["content"][operation.media]["example"] = example
    described["security"] = [{operation.audience.value: []}] if operation.audience else []
    return described
