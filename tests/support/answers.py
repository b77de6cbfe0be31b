"""Check an answer against the OpenAPI document: its status is documented, its body has the described members alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx2
import jsonschema_rs
import yaml

from service import app
from service.http.openapi.schemas import used_schemas

PER_REQUEST_HEADERS = frozenset({"x-request-id", "date", "ratelimit"})
"""Headers that differ between any two requests; `ratelimit` counts the caller's own requests, with any answer."""


@cache
def _operations() -> tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...]:
    """The described operations by a pattern of their path; first those with few parameters, then the long ones."""
    paths = sorted(app.document()["paths"].items(), key=lambda entry: (entry[0].count("{"), -len(entry[0])))
    return tuple((re.compile(re.sub(r"\{\w+\}", "[^/]+", path).replace(".", r"\.")), item) for path, item in paths)


@cache
def _closed_schemas() -> dict[str, dict[str, Any]]:
    """The schemas that answers share, by name; each refuses members it does not name."""
    schemas: dict[str, dict[str, Any]] = _closed(app.document()["components"]["schemas"])
    return schemas


@cache
def _validator(operation_id: str, status: str, media: str) -> jsonschema_rs.Draft202012Validator | None:
    """Compile the schema of an operation's answer with the schemas it uses: all of them take 20 times as long.

    None for an answer that is neither JSON nor YAML.
    """
    if not media.endswith(("json", "yaml")):
        return None
    (operation,) = [
        candidate
        for _, item in _operations()
        for candidate in item.values()
        if candidate["operationId"] == operation_id
    ]
    schema = operation["responses"][status]["content"][media]["schema"]
    components = {"schemas": used_schemas(schema, _closed_schemas())}
    return jsonschema_rs.Draft202012Validator({**schema, "components": components})


def _closed(schema: Any) -> Any:
    """Return a schema that refuses members it does not name: answers are open for clients, not for this project."""
    if isinstance(schema, list):
        return [_closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(inner) for name, inner in schema.items()}
    return {"additionalProperties": False, **closed} if isinstance(schema.get("properties"), dict) else closed


def _meaning(answer: httpx2.Response, media: str) -> Any:
    """Return what a JSON or YAML answer means."""
    return yaml.load(answer.content, yaml.CSafeLoader) if media.endswith("yaml") else answer.json()


def described(method: str, path: str) -> Mapping[str, Any] | None:
    """Return the description of an operation; None where the document has none for this method and path."""
    for pattern, item in _operations():
        if pattern.fullmatch(path) and method.lower() in item:
            operation: Mapping[str, Any] = item[method.lower()]
            return operation
    return None


def undescribed(answer: httpx2.Response) -> list[str]:
    """Return what an answer has that the document does not describe: its status, media type, members or values.

    Empty for an answer that is as described, and for an address that the document does not have.
    """
    operation = described(answer.request.method, answer.request.url.path)
    if operation is None:
        return []
    name, status = operation["operationId"], str(answer.status_code)
    if status not in operation["responses"]:
        return [f"{name}: status {status} is not described: {answer.text[:200]}"]
    content = operation["responses"][status].get("content", {})
    media = answer.headers.get("content-type", "").partition(";")[0]
    if media not in content and (media or content):
        return [f"{name}: {status} as {media or 'nothing'} is not described"]
    validator = _validator(name, status, media)
    faults = [] if validator is None else validator.iter_errors(_meaning(answer, media))
    return [f"{name} {status}: /{'/'.join(map(str, fault.instance_path))}: {fault.message[:200]}" for fault in faults]
