"""Names of places in catalogue documents, and values in words. Pure.

Findings and differences name places by JSON pointers, which nobody should have to read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from benefits.catalogue.schema import ID_MEMBER
from consent.domain.records import Dimension
from consent.kernel.bilingual import LANGUAGES
from service.web.forms import fields
from service.web.forms.fields import LABELS, Field
from service.web.forms.parse import value_at
from service.web.i18n.formatting import Localizer

PARTS, PHRASES, HINTS = LABELS["parts"], LABELS["phrases"], LABELS["hints"]
OWN_IDS = frozenset(f"/{member}" for member in ID_MEMBER.values())
"""Places of a document's own id. A reference to another document has the same name but the type `document`."""
WHOLE_DOCUMENT, EFFECT_AMOUNT = "", "/effect/*"
"""Entries of PARTS for the empty pointer and for any amount of an effect."""
CONDITION_ROW = re.compile(r"/condition/(?:all|any)/([0-9]{1,2})(?:/.*)?")
LIST_MEMBER = re.compile(r"/(indicators|dimensions)/([0-9]{1,3})((?:/.*)?)")


def label(localizer: Localizer, kind: str, pointer: str, document: Mapping[str, Any]) -> str:
    """Return the name of a place: of the nearest enclosing place that has one."""
    language = localizer.language
    if not pointer:
        return PARTS[WHOLE_DOCUMENT].in_language(language)
    if pointer.startswith("/effect/") and pointer != "/effect/kind":
        return PARTS[EFFECT_AMOUNT].in_language(language)
    known = fields.by_pointer(kind, document)
    for ancestor in _ancestors(pointer):
        field = known.get(ancestor)
        text = PARTS.get(ancestor) or (field.label if field else None)
        if member := LIST_MEMBER.fullmatch(ancestor):
            about = section_label(localizer, f"/{member[1]}/{member[2]}", document)
            if text is not None:
                return f"{about} · {text.in_language(language)}"
            return f"{about} · {_phrase(localizer, 'steps')}" if member[3].startswith("/tiers") else about
        if text is not None:
            return text.in_language(language)
    return _phrase(localizer, "unknown_place").format(pointer.lstrip("/").replace("/", " › "))


def hint(field: Field, language: str) -> str:
    """Return the sentence that explains a field of the form, or "" for one that needs none."""
    text = HINTS.get("id" if field.type == "text" and field.pointer in OWN_IDS else field.pointer)
    return "" if text is None else text.in_language(language)


def optional(language: str) -> str:
    """Return the words behind the label of a field that may be left empty."""
    return PHRASES["optional"].in_language(language)


def section_label(localizer: Localizer, at: str, document: Mapping[str, Any]) -> str:
    """Return the title of a section of a scheme's form; `at` is the pointer of the dimension or indicator."""
    group, index = at.split("/")[1:3]
    if group == "dimensions":
        dimension = value_at(document, f"{at}/dimension")
        return localizer.label("measure", str(dimension or list(Dimension)[int(index) % len(Dimension)]))
    title, record_kind = _phrase(localizer, "indicator").format(int(index) + 1), value_at(document, f"{at}/kind")
    return f"{title} · {localizer.label('kind', str(record_kind))}" if record_kind else title


def anchor(kind: str, pointer: str, document: Mapping[str, Any]) -> str:
    """Return the HTML id of the editor's field nearest to a place; `editor`, the form's own id, if none is near."""
    if row := CONDITION_ROW.fullmatch(pointer):
        return f"at-/condition/{row[1]}"
    if pointer.startswith("/condition/"):
        return "at-/condition/0"
    if pointer.startswith("/effect/"):
        return "at-/effect/kind" if pointer == "/effect/kind" else "at-/effect/amount"
    known = fields.by_pointer(kind, document)
    for ancestor in _ancestors(pointer):
        nearest = next((field for field in known if field == ancestor or field.startswith(f"{ancestor}/")), None)
        if nearest is not None:
            return f"at-{nearest}"
    return "editor"


def value_text(localizer: Localizer, kind: str, pointer: str, value: Any, document: Mapping[str, Any]) -> str:
    """Return a value in words: codes by their names, effects and conditions as sentences, else JSON.

    A text in both languages is one line for each, the reader's own first.
    """
    field = fields.by_pointer(kind, document).get(pointer)
    if isinstance(value, bool):
        return localizer.label("answer", str(value).lower())
    if isinstance(value, int):
        if pointer.endswith("_fen"):
            return localizer.money(value)
        return str(value) if pointer.endswith("_year") else localizer.number(value)
    if isinstance(value, str):
        return _string_text(localizer, field, pointer, value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return localizer.listed([_string_text(localizer, field, pointer, item) for item in value])
    if pointer == "/effect" and isinstance(value, Mapping):
        # A draft may have anything there; then it is shown as JSON.
        with suppress(KeyError, TypeError, ValueError):
            return localizer.effect(value)
    if pointer.startswith("/condition") and (sentence := _condition_text(localizer, value)):
        return sentence
    is_text = isinstance(value, Mapping) and set(value) == set(LANGUAGES)
    if is_text and all(isinstance(text, str) for text in value.values()):
        return "\n".join(value[language] for language in sorted(LANGUAGES, key=lambda code: code != localizer.language))
    return json.dumps(value, ensure_ascii=False)


def _string_text(localizer: Localizer, field: Field | None, pointer: str, value: str) -> str:
    if pointer == "/effect/kind":
        return localizer.label("effect_kind", value)
    if pointer.endswith("/measure"):
        return localizer.label("measure", value)
    if field is not None and field.type in ("choice", "choices") and field.group:
        return localizer.label(field.group, value)
    if field is not None and field.type == "division":
        return localizer.label("division", value)
    if field is not None and field.type == "day":
        with suppress(ValueError):
            return localizer.day(value)
    return localizer.filled(value)


def _condition_text(localizer: Localizer, value: Any) -> str:
    """Return a condition as a sentence; "" if it is malformed."""
    if not isinstance(value, Mapping):
        return ""
    if set(value) == {"measure", "at_least"}:
        measure = localizer.label("measure", str(value["measure"]))
        return _phrase(localizer, "at_least").format(measure, value["at_least"])
    for operator in ("all", "any"):
        parts = value.get(operator)
        if set(value) == {operator} and isinstance(parts, list) and parts:
            sentences = [_condition_text(localizer, part) for part in parts]
            return _phrase(localizer, operator).join(sentences) if all(sentences) else ""
    return ""


def _phrase(localizer: Localizer, key: str) -> str:
    return PHRASES[key].in_language(localizer.language)


def _ancestors(pointer: str) -> Iterator[str]:
    """Yield the pointer and those of everything that encloses it, innermost first."""
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]
