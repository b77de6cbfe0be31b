"""Schema of problems, which are no pydantic model. Pure."""

from __future__ import annotations

from typing import Any, Final

from service.http.openapi.schemas import REF


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _list(description: str, model: str) -> dict[str, Any]:
    return {"type": "array", "description": description, "items": {"$ref": REF.format(model=model)}}


PROBLEM_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457 problem details. Programs compare `code`, which is stable; no value that was sent is "
        "repeated. More members and codes may be added: treat a code you do not know by the HTTP status.",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": _text(
                "The address of a page about the code.",
                format="uri-reference",
                examples=["/v1/public/errors/not_found"],
            ),
            "title": _text("The problem in a few words, in the language of the request.", examples=["Not found"]),
            "status": {"type": "integer", "description": "The HTTP status.", "examples": [404]},
            "detail": _text("The next step, in the language of the request.", examples=["Check the id."]),
            "code": _text(
                "The problem for programs. `GET /v1/public/errors` lists every code.",
                pattern="^[a-z][a-z0-9_]*$",
                examples=["not_found"],
            ),
            "request_id": _text("The id of the request, as in `X-Request-Id`.", examples=["9f2c4b7d1e6a8035"]),
            "errors": _list("The faults of the body, document or query, at most the first twenty.", "Fault"),
            "more_errors": {"type": "boolean", "description": "True where only the first errors are listed."},
            "notice": {
                "description": "With `notice_changed`: the new notice, ready to be shown.",
                "$ref": REF.format(model="ShownAnswer"),
            },
            "reasons": _list(
                "With `benefit_not_available`: each line of the condition with the caller's points.", "ConditionAnswer"
            ),
            "quota_used": {
                "type": "boolean",
                "description": "With `benefit_not_available`: true where only the quota is used up.",
            },
        },
    },
    "Fault": {
        "type": "object",
        "description": "A fault at one place of the body, or of the query.",
        "required": ["pointer", "code", "detail"],
        "properties": {
            "pointer": _text(
                "The place in the body, as a JSON pointer (RFC 6901); empty for a fault of the query.",
                examples=["/records/0/quantity"],
            ),
            "parameter": _text("The query parameter that the call does not have.", examples=["pagesize"]),
            "code": _text("The fault for programs.", examples=["required"]),
            "detail": _text("The fault for people.", examples=["Field required"]),
            "line": {"type": "integer", "description": "The line of a catalogue in YAML, from 1.", "minimum": 1},
            "rule": _text("The number of the publication rule in the policy.", examples=["R3"]),
            "severity": _text("The severity of a finding of the publication rules: `refused`, `flagged`, `advice`."),
            "marks": _list("The words of the text that the fault is about.", "MarkedWords"),
        },
    },
}
"""The members of a problem; `notice`, `reasons` and `quota_used` belong to one code each."""
