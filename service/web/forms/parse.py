"""Catalogue documents as forms, and forms as documents. Pure; what a document must be is the gate's business alone.

A field's name says its type and its place in the document: `n:/baseline/deposit_fen` is a number, `t:` a text, `f:`
yes or no, `c:` one of several choices. What is left empty is left out, so that the gate finds it missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benefits.rules import effects
from benefits.rules.vocabulary import EffectKind

ROWS = 4
"""Rows of the condition builder, two more than anybody uses."""
NUMBER_DIGITS = 16
NAME = re.compile(r"[a-z]:(?:/[^/]{1,64}){1,8}", re.DOTALL)
"""A field's name: nothing in a document lies deeper, and no member is called longer."""
NAME_MAX = 2 + 8 * 65
PLACE_DIGITS = 3
"""Digits of a place in a list; no list of a document has a thousand members."""


def value_at(document: Any, pointer: str) -> Any:
    """What stands at a place of a document, or None."""
    found = document
    for part in pointer.split("/")[1:]:
        if isinstance(found, Mapping):
            found = found.get(part)
        elif isinstance(found, list | tuple) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def to_document(sent: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The document that a form's fields say. Numbers that are none stay as they were typed: the gate says so."""
    document: dict[str, Any] = {}
    fields = list(sent)
    for name, text in fields:
        type_, _, pointer = name.partition(":")
        if not _places(name) or not text.strip():
            continue
        if type_ == "c":
            _put(document, f"{pointer}/{len(value_at(document, pointer) or ())}", text)
        elif type_ == "n":
            _put(document, pointer, _number(text.strip()))
        elif type_ == "f":
            _put(document, pointer, text == "yes")
        else:
            _put(document, pointer, text.strip())
    if condition := _condition(fields):
        document["condition"] = condition
    if effect := _effect(dict(fields)):
        document["effect"] = effect
    _drop_idle(document)
    return {name: _lists(inner) for name, inner in document.items()}


def _places(name: str) -> bool:
    """Whether a field's name is one that a form of ours could have; anything else is nobody's, and is passed over."""
    if len(name) > NAME_MAX or not NAME.fullmatch(name):
        return False
    return all(len(part) <= PLACE_DIGITS for part in name.split("/")[1:] if part.isdecimal())


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS else text


def _put(document: dict[str, Any], pointer: str, value: Any) -> None:
    *way, last = pointer.split("/")[1:]
    place = document
    for part in way:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        place = inner
    place[last] = value


def _lists(value: Any) -> Any:
    """Members named by numbers are a list; gaps close up."""
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _lists(inner) for name, inner in value.items()}


def _drop_idle(document: dict[str, Any]) -> None:
    """A period without a count is no quota; an indicator without a kind is no indicator."""
    quota = _members(document.get("quota"))
    for name in [name for name, one in quota.items() if "count" not in _members(one)]:
        del quota[name]
    if not quota:
        document.pop("quota", None)
    indicators = _members(document.get("indicators"))
    for place in [place for place, one in indicators.items() if "kind" not in _members(one)]:
        del indicators[place]


def _members(value: Any) -> dict[str, Any]:
    """The members of what has some; whoever forges a form may have put anything anywhere."""
    return value if isinstance(value, dict) else {}


@dataclass(slots=True)
class Builder:
    """A condition as the builder shows it: all or any of some rows, or, where it is deeper, its own text."""

    mode: str = "all"
    rows: list[tuple[str, str]] = field(default_factory=list)
    deep: Any = None


def builder(condition: Any) -> Builder:
    """The builder of a condition; empty rows at its end are for more."""
    made = Builder()
    if condition is not None and not isinstance(condition, Mapping):
        made.deep = condition
    if isinstance(condition, Mapping):
        mode = next((word for word in ("all", "any") if word in condition), None)
        rows = [condition] if mode is None else condition[mode]
        flat = isinstance(rows, list) and len(rows) <= ROWS
        if flat and all(isinstance(one, Mapping) and "measure" in one for one in rows):
            made.mode = mode or "all"
            made.rows = [(str(one["measure"]), str(one.get("at_least", ""))) for one in rows]
        else:
            made.deep = condition
    made.rows += [("total", "")] * (ROWS - len(made.rows))
    return made


def _condition(sent: list[tuple[str, str]]) -> dict[str, Any] | None:
    """One row is a condition of its own; several are all or any of them."""
    measures = [text for name, text in sent if name == "condition_measure"]
    thresholds = [text.strip() for name, text in sent if name == "condition_at_least"]
    rows = [
        {"measure": measure, "at_least": _number(text)}
        for measure, text in zip(measures, thresholds, strict=False)
        if text
    ]
    if not rows:
        return None
    mode = next((text for name, text in sent if name == "condition_mode"), "all")
    return rows[0] if len(rows) == 1 else {mode if mode == "any" else "all": rows}


def _effect(sent: Mapping[str, str]) -> dict[str, Any] | None:
    kind, text = sent.get("effect_kind", ""), sent.get("effect_amount", "").strip()
    if kind not in list(EffectKind):
        return None
    names = effects.amount_names(effects.EFFECTS[EffectKind(kind)])
    return {"kind": kind, **{name: _number(text) for name in names if text}}


def effect_amount(effect: Any) -> str:
    """The one amount of an effect, as it was typed."""
    found = [value for name, value in effect.items() if name != "kind"] if isinstance(effect, Mapping) else []
    return str(found[0]) if found else ""
