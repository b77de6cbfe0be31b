"""Rules about free texts of every kind of document (R13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benefits.publishing import wording
from benefits.publishing.rules.context import FLAGGED, REFUSED, Body
from consent.domain.document_kinds import DocumentKind, Finding

CLOSED_MEMBERS = ("kind", "kinds", "category", "scene", "measure", "dimension", "version", "reference")
"""Members without free text, and references to the law, which may name the uses that it forbids."""


def check(kind: DocumentKind, body: Body) -> Iterator[Finding]:
    """Yield the findings about every free text but those of notices, which an officer always reads."""
    if kind is DocumentKind.NOTICES:
        return
    for pointer, text in _strings(body, ""):
        member = pointer.split("/")[1]
        domain = wording.prohibited_domain(text, leniently=member not in ("title", "name"))
        if domain is not None:
            prominent = member in ("title", "name", "description")
            detail = f"this speaks of a use that points may never have ({domain})"
            severity = REFUSED if prominent else FLAGGED
            yield Finding("prohibited_domain", "R13", pointer, severity, detail, {"domain": domain})
        elif wording.excludes_people(text):
            detail = "this tells some people that they may not; a benefit only adds"
            yield Finding("people_shut_out", "R13", pointer, FLAGGED, detail)
        if wording.labels_people(text):
            detail = "marking people in public shames those without the mark"
            yield Finding("public_labelling", "R13", pointer, FLAGGED, detail)


def _strings(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inside in value.items():
            if not str(name).endswith("_id") and name not in CLOSED_MEMBERS:
                yield from _strings(inside, f"{pointer}/{name}")
    elif isinstance(value, list | tuple):
        for place, inside in enumerate(value):
            yield from _strings(inside, f"{pointer}/{place}")
    elif isinstance(value, str):
        yield pointer, value
