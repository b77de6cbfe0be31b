"""Answers of the OpenAPI document: bodies, headers and problems by status. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from service.auth.access_tokens import Audience
from service.http.openapi.operation import Operation
from service.http.openapi.schemas import REF, reference_to
from service.http.problems import TABLE

STATUS_DESCRIPTIONS: Final = {
    200: "Done.",
    201: "Created.",
    304: "Nothing has changed since the answer with this ETag. No body.",
    400: "The request cannot be read.",
    401: "There is no token, or none that is accepted.",
    403: "The caller may not do this.",
    404: "It does not exist, or belongs to somebody else: the answer is the same.",
    408: "The body did not arrive in time.",
    409: "The present state does not allow it.",
    410: "It is too late.",
    412: "`If-Match` names a version that is not the newest.",
    413: "The body is too large.",
    415: "The body has another media type.",
    422: "The body does not fit.",
    428: "`If-Match` is missing.",
    429: "Too many requests. Wait for `Retry-After` seconds.",
    503: "A dependency is away. Wait for `Retry-After` seconds, then send the same request again.",
}
HEADER_COMPONENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "X-Request-Id": {
        "description": "The id of this request in the service's log; name it when you ask for help.",
        "schema": {"type": "string", "examples": ["9f2c4b7d1e6a8035"]},
    },
    "ETag": {
        "description": "The version of this answer, for `If-None-Match`, or of a document, for `If-Match`.",
        "schema": {"type": "string", "examples": ['"0d5c4f7a9b1e2c3d4e5f60718293a4b5"']},
    },
    "Retry-After": {
        "description": "Seconds to wait before the request is sent again.",
        "schema": {"type": "integer", "minimum": 0, "examples": [5]},
    },
    "RateLimit": {
        "description": "The rate's name, the requests left (`r`) and the seconds until there are more (`t`).",
        "schema": {"type": "string", "examples": ['"resident";r=297;t=41']},
    },
    "RateLimit-Policy": {
        "description": "The rate's name, its requests (`q`) and their window in seconds (`w`).",
        "schema": {"type": "string", "examples": ['"resident";q=300;w=60']},
    },
    "Location": {
        "description": "The address of what was created.",
        "schema": {
            "type": "string",
            "format": "uri-reference",
            "examples": ["/v1/me/consents/f163cb40cddb22befcb1183b76a2ef64"],
        },
    },
    "Deprecation": {
        "description": "The time at which the call was deprecated (RFC 9745).",
        "schema": {"type": "string", "examples": ["@1798761600"]},
    },
    "Sunset": {
        "description": "The time from which the call may be gone (RFC 8594).",
        "schema": {"type": "string", "examples": ["Fri, 31 Dec 2027 23:59:59 GMT"]},
    },
    "Link": {
        "description": 'The page about the deprecation, with `rel="deprecation"` (RFC 9745).',
        "schema": {"type": "string", "examples": ['</docs#readNew>; rel="deprecation"']},
    },
    "Idempotency-Replayed": {
        "description": "`true` where this is the stored answer to an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Content-Language": {
        "description": "The language of `title` and `detail`.",
        "schema": {"type": "string", "enum": ["zh-CN", "en"]},
    },
    "WWW-Authenticate": {
        "description": "The scheme `Bearer`, and `error` where a token was refused (RFC 6750).",
        "schema": {"type": "string", "examples": ['Bearer error="invalid_token"']},
    },
}
"""Headers of answers, by name."""
BODY_CODES: Final = (
    "malformed_json",
    "duplicate_key",
    "too_deep",
    "not_json",
    "body_too_large",
    "body_too_slow",
    "body_invalid",
)
SCHEMAS_WITHOUT_MODEL: Final[Mapping[str, Mapping[str, Any]]] = {
    "application/json": {"type": "object", "description": "A JSON object whose members depend on what is read."},
    "application/octet-stream": {"type": "string", "format": "binary"},
    "application/pdf": {"type": "string", "format": "binary"},
}
"""Schemas of answers without a model, by media type; text otherwise."""
Answer = type[BaseModel] | tuple[type[BaseModel], ...] | None


def responses(operation: Operation) -> dict[str, Any]:
    """Return the operation's answers by status: those of success, then its problems with their codes."""
    described = {str(status): _success(operation, status, answer) for status, answer in operation.responses.items()}
    if operation.revalidates:
        headers = _headers(*_common(operation), "ETag")
        described["304"] = {"description": STATUS_DESCRIPTIONS[304], "headers": headers}
    for status, codes in problem_codes(operation).items():
        also = described.get(str(status), {}).get("content", {})
        described[str(status)] = _problem(operation, status, codes, also)
    return dict(sorted(described.items()))


def problem_codes(operation: Operation) -> dict[int, list[str]]:
    """Return the codes of every problem that the operation may answer with, by status."""
    codes = {*operation.errors, "rate_limited", "unavailable", "outcome_unknown", "unknown_parameter"}
    if operation.query:
        codes |= {"repeated_parameter"}
    if operation.audience is not None:
        codes |= {"token_missing", "token_invalid", "wrong_role", "keys_unavailable"}
    if operation.audience is Audience.RESIDENT:
        codes |= {"birthdate_required", "adults_only"}
    if operation.audience in (Audience.ADMINISTRATOR, Audience.PRIVACY):
        codes |= {"suspended"}
    if operation.request is not None:
        codes |= {*BODY_CODES}
    if operation.idempotency != "none":
        codes |= {"idempotency_key_required", "idempotency_key_reused"}
    if {parameter.name for parameter in operation.query} & {"limit", "cursor"}:
        codes |= {"bad_limit", "bad_cursor"}
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(TABLE[code].status, []).append(code)
    return {status: by_status[status] for status in sorted(by_status)}


def models_of(answer: Answer) -> tuple[type[BaseModel], ...]:
    """Return the models of an answer, of which one is sent; none where it is no JSON."""
    if answer is None:
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


def other_media(media: Sequence[str]) -> dict[str, Any]:
    """Return the content of media types other than JSON, as text."""
    return {name: {"schema": {"type": "string", "description": MEDIA_DESCRIPTIONS[name]}} for name in media}


MEDIA_DESCRIPTIONS: Final = {
    "application/x-ndjson": "One JSON text a line, of any length: records in a request, results in an answer.",
    "application/yaml": "The same members as in JSON, written in YAML without anchors and tags.",
    "text/html": "A page for people.",
    "text/plain": "A C2SP signed note.",
}
SAME_MEMBERS: Final = frozenset({"application/yaml"})
"""Media types in which an answer has the members of JSON. A schema describes what a YAML means, not its text.

The body of a request stays a text: openapi-python-client chooses the encoding by the body's type, so that two media
types with one type would both be encoded.
"""


def _success(operation: Operation, status: int, answer: Answer) -> dict[str, Any]:
    models = models_of(answer)
    if not models:
        schema: dict[str, Any] = dict(SCHEMAS_WITHOUT_MODEL.get(operation.media, {"type": "string"}))
    elif len(models) == 1:
        schema = dict(reference_to(models[0]))
    else:
        schema = {"oneOf": [reference_to(model) for model in models]}
    names = _common(operation)
    if status == 201 and operation.location:
        names.append("Location")
    if operation.deprecated:
        names += ["Deprecation", "Sunset", "Link"]
    if operation.revalidates or operation.etag != "none":
        names.append("ETag")
    if operation.idempotency != "none":
        names.append("Idempotency-Replayed")
    content = {operation.media: {"schema": schema}, **other_media(operation.also_answers)}
    content |= {name: {"schema": schema} for name in operation.also_answers if name in SAME_MEMBERS}
    return {
        "description": _success_description(status, models),
        "headers": _headers(*names),
        "content": content,
    }


def _success_description(status: int, models: Sequence[type[BaseModel]]) -> str:
    """Return the first lines of the models' docstrings, or the status's text where there is no model."""
    lines = [inspect.getdoc(model) or "" for model in models]
    return " Or: ".join(line.partition("\n")[0] for line in lines) or STATUS_DESCRIPTIONS[status]


def _common(operation: Operation) -> list[str]:
    return ["X-Request-Id", *(["RateLimit", "RateLimit-Policy"] if operation.audience else [])]


def _problem(operation: Operation, status: int, codes: Sequence[str], also: Mapping[str, Any]) -> dict[str, Any]:
    # A request without an accepted token is not counted for anybody.
    names = ["X-Request-Id"] if status == 401 else _common(operation)
    names.append("Content-Language")
    if status in (429, 503):
        names.append("Retry-After")
    if status == 401:
        names.append("WWW-Authenticate")
    lines = [f"- `{code}`: {TABLE[code].en[0]}" for code in codes]
    return {
        "description": "\n".join([f"{STATUS_DESCRIPTIONS.get(status, 'Refused.')} The problem's `code`:", "", *lines]),
        "headers": _headers(*names),
        "content": {"application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}}, **also},
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
