"""Query parameters that several calls share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from benefits.rules.vocabulary import Scene
from consent.documents.schema import DIVISION_PATTERN, DOCUMENT_ID_PATTERN
from consent.domain.records import RecordKind
from consent.kernel.ascii_text import is_printable_ascii
from service.http.openapi.operation import Parameter
from service.http.problems import Problem

CIVIL_DAY: Final[dict[str, Any]] = {"type": "string", "format": "date"}
DOCUMENT_ID: Final[dict[str, Any]] = {"type": "string", "pattern": f"^{DOCUMENT_ID_PATTERN}$"}
SCENE = Parameter("scene", {"type": "string", "enum": [str(scene) for scene in Scene]}, "Benefits of this scene alone.")
DIVISION = Parameter(
    "division",
    {"type": "string", "pattern": f"^$|{DIVISION_PATTERN}"},
    "Benefits of this division, of those above it and of those below: a GB/T 2260 code by prefix. "
    "Empty: benefits of every division.",
)

RECORD_KIND = Parameter("kind", {"type": "string", "enum": [str(kind) for kind in RecordKind]}, "Records of this kind.")


def read_record_kind(query: Mapping[str, str]) -> RecordKind | None:
    """Return `?kind=`, or None without it; Problem bad_query for a kind that does not exist."""
    kind = query.get("kind")
    if kind is not None and kind not in list(RecordKind):
        raise Problem("bad_query")
    return None if kind is None else RecordKind(kind)


def read_scene(query: Mapping[str, str]) -> str | None:
    """Return `?scene=`, or None without it; Problem bad_query for a scene that does not exist."""
    scene = query.get("scene")
    if scene is not None and scene not in list(Scene):
        raise Problem("bad_query")
    return scene


def read_document_id(query: Mapping[str, str], name: str) -> str | None:
    """Return a query parameter as the id of a catalogue document, or None without it; Problem bad_query otherwise."""
    document_id = query.get(name)
    if document_id is not None and re.fullmatch(DOCUMENT_ID_PATTERN, document_id) is None:
        raise Problem("bad_query")
    return document_id


def read_case(query: Mapping[str, str]) -> str | None:
    """Return `?case=`, or None without it; Problem bad_query for text that is no id, such as NUL."""
    case_id = query.get("case")
    if case_id is not None and not (case_id and is_printable_ascii(case_id)):
        raise Problem("bad_query")
    return case_id


def read_division(query: Mapping[str, str]) -> str:
    """Return `?division=`, or "" without it; Problem bad_query for anything but a code."""
    division = query.get("division", "")
    if division and re.fullmatch(DIVISION_PATTERN, division, re.ASCII) is None:
        raise Problem("bad_query")
    return division
