"""Catalogue documents as form fields, and posted forms as documents. Pure.

A field's name has its type and its place in the document: `n:/baseline/items` is a number, `m:` an amount typed in yuan
and stored in fen, `t:` a text, `f:` yes or no, `c:` one of several choices. An empty field is left out of the document.
Nothing is validated here: a wrong or missing value is reported by the publication rules, which name its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benefits.rules import effects
from benefits.rules.vocabulary import EffectKind
from consent.kernel.ascii_text import parse_digits

CONDITION_ROWS = 4
"""Rows of the condition builder; conditions in use have two at most."""
NUMBER_DIGITS = 16
"""Digits of a number that is sent as one: more do not fit into 64 bits with a sign."""
FEN_IN_YUAN = 100
YUAN = re.compile(r"[0-9]+(?:\.[0-9]{1,2})?", re.ASCII)
"""A typed amount of yuan, with fen after the point."""
FIELD_NAME = re.compile(r"[a-z]:(?:/[^/]{1,64}){1,8}", re.DOTALL)
"""A field's name: no place of a document is deeper, no member has a longer name."""
FIELD_NAME_MAX = 2 + 8 * 65
MEMBER_DIGITS = 3
"""Digits of the number of a list's member: no list of a document has a thousand members."""


def whole_number(text: str, digits_max: int = NUMBER_DIGITS) -> int | str:
    """Return a typed number as an integer, anything else unchanged: the API then says what is wrong with it."""
    number = parse_digits(text, digits_max)
    return text if number is None else number


def fen_of(text: str) -> int | str:
    """Return a typed amount of yuan in fen, anything else unchanged: the API then says what is wrong with it."""
    plain = text.removeprefix("¥").replace(",", "").strip()
    if len(plain) > NUMBER_DIGITS or not YUAN.fullmatch(plain):
        return text
    yuan, _, rest = plain.partition(".")
    return int(yuan) * FEN_IN_YUAN + int(rest.ljust(2, "0") or 0)


def yuan_text(fen: Any) -> str:
    """Return an amount of fen as the form shows it, in yuan; anything else unchanged."""
    if isinstance(fen, bool) or not isinstance(fen, int) or fen < 0:
        return "" if fen is None else str(fen)
    yuan, rest = divmod(fen, FEN_IN_YUAN)
    return f"{yuan}.{rest:02d}" if rest else str(yuan)


def value_at(document: Any, pointer: str) -> Any:
    """Return the value at a JSON pointer, None if there is none."""
    value = document
    for part in pointer.split("/")[1:]:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list | tuple) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def to_document(posted: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Build a document from posted (name, text) pairs; fields that no form of ours has are ignored."""
    document: dict[str, Any] = {}
    fields = list(posted)
    for name, text in fields:
        type_, _, pointer = name.partition(":")
        if not _is_field_name(name) or not text.strip():
            continue
        if type_ == "c":
            _set_value(document, f"{pointer}/{len(value_at(document, pointer) or ())}", text)
        elif type_ == "n":
            _set_value(document, pointer, whole_number(text.strip()))
        elif type_ == "m":
            _set_value(document, pointer, fen_of(text.strip()))
        elif type_ == "f":
            _set_value(document, pointer, text == "yes")
        else:
            _set_value(document, pointer, text.strip())
    if condition := _condition(fields):
        document["condition"] = condition
    if effect := _effect(dict(fields)):
        document["effect"] = effect
    _drop_incomplete(document)
    return {name: _with_lists(value) for name, value in document.items()}


def _is_field_name(name: str) -> bool:
    if len(name) > FIELD_NAME_MAX or not FIELD_NAME.fullmatch(name):
        return False
    return all(len(part) <= MEMBER_DIGITS for part in name.split("/")[1:] if part.isdecimal())


def _set_value(document: dict[str, Any], pointer: str, value: Any) -> None:
    *parents, last = pointer.split("/")[1:]
    container = document
    for part in parents:
        inner = container.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        container = inner
    container[last] = value


def _with_lists(value: Any) -> Any:
    """Turn objects whose members all have numbers for names into lists, in order and without gaps."""
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_with_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _with_lists(inner) for name, inner in value.items()}


def _drop_incomplete(document: dict[str, Any]) -> None:
    """Remove quotas without a count, budgets without money, commitments and indicators without a kind.

    The form always has an empty one of each.
    """
    quota = _as_object(document.get("quota"))
    for name in [name for name, limit in quota.items() if "count" not in _as_object(limit)]:
        del quota[name]
    if not quota:
        document.pop("quota", None)
    for name, needed in (("budget", "monthly_fen"), ("commitment", "kind")):
        if name in document and needed not in _as_object(document[name]):
            del document[name]
    indicators = _as_object(document.get("indicators"))
    for number in [number for number, indicator in indicators.items() if "kind" not in _as_object(indicator)]:
        del indicators[number]


def _as_object(value: Any) -> dict[str, Any]:
    """Return an object, or an empty one for anything else: a forged form may put any value anywhere."""
    return value if isinstance(value, dict) else {}


@dataclass(slots=True)
class ConditionBuilder:
    """A condition as the form shows it: all or any of some rows (measure, threshold).

    `too_deep` is a condition that the rows cannot show.
    """

    mode: str = "all"
    rows: list[tuple[str, str]] = field(default_factory=list)
    too_deep: Any = None


def condition_builder(condition: Any) -> ConditionBuilder:
    """Return the builder of a condition, filled up with empty rows."""
    builder = ConditionBuilder()
    if condition is not None and not isinstance(condition, Mapping):
        builder.too_deep = condition
    if isinstance(condition, Mapping):
        mode = next((operator for operator in ("all", "any") if operator in condition), None)
        rows = [condition] if mode is None else condition[mode]
        flat = isinstance(rows, list) and len(rows) <= CONDITION_ROWS
        if flat and all(isinstance(row, Mapping) and "measure" in row for row in rows):
            builder.mode = mode or "all"
            builder.rows = [(str(row["measure"]), str(row.get("at_least", ""))) for row in rows]
        else:
            builder.too_deep = condition
    builder.rows += [("total", "")] * (CONDITION_ROWS - len(builder.rows))
    return builder


def _condition(posted: list[tuple[str, str]]) -> dict[str, Any] | None:
    """Return the posted rows as a condition: a single row as itself, several as all or any of them."""
    measures = [text for name, text in posted if name == "condition_measure"]
    thresholds = [text.strip() for name, text in posted if name == "condition_at_least"]
    rows = [
        {"measure": measure, "at_least": whole_number(text)}
        for measure, text in zip(measures, thresholds, strict=False)
        if text
    ]
    if not rows:
        return None
    mode = next((text for name, text in posted if name == "condition_mode"), "all")
    return rows[0] if len(rows) == 1 else {mode if mode == "any" else "all": rows}


def _effect(posted: Mapping[str, str]) -> dict[str, Any] | None:
    kind, text = posted.get("effect_kind", ""), posted.get("effect_amount", "").strip()
    if kind not in list(EffectKind):
        return None
    names = effects.amount_names(effects.EFFECTS[EffectKind(kind)])
    amounts = {name: fen_of(text) if name.endswith("_fen") else whole_number(text) for name in names if text}
    return {"kind": kind, **amounts}


def effect_amount(effect: Any) -> str:
    """Return an effect's single amount as text, "" if it has none."""
    amounts = [
        yuan_text(value) if name.endswith("_fen") else str(value)
        for name, value in (effect.items() if isinstance(effect, Mapping) else ())
        if name != "kind"
    ]
    return amounts[0] if amounts else ""
