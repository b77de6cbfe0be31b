"""Places of a document for people: what each is called, which field is nearest to it, how its value reads. Pure.

The gate and the differences name places by JSON pointers; nobody should have to read one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from consent.domain.records import Dimension
from service.web.forms import fields
from service.web.forms.fields import Field, Pair
from service.web.forms.parse import value_at
from service.web.i18n.formatting import Localizer

WHOLE: Pair = ("整份文件", "The whole document")
PARTS: Mapping[str, Pair] = {
    "/name": ("名称", "Name"),
    "/title": ("名称", "Title"),
    "/description": ("说明", "Description"),
    "/terms": ("条款", "Terms"),
    "/need_based_alternative": ("不看积分的困难帮扶", "Help without points"),
    "/offline_path": ("没有手机怎么办", "Without a telephone"),
    "/quota": ("次数上限", "How often"),
    "/quota/per_resident": ("每人次数上限", "Times for one person"),
    "/quota/total": ("总次数上限", "Times for all together"),
    "/valid": ("有效期", "When it is valid"),
    "/baseline": ("人人享有的基准", "What everybody gets"),
    "/onboarding": ("来源的声明", "What the source declares"),
    "/languages": ("告知书正文", "Text of the notice"),
    "/languages/zh-CN": ("告知书正文（中文）", "Text of the notice (Chinese)"),
    "/languages/en": ("告知书正文（英文）", "Text of the notice (English)"),
    "/dimensions": ("维度", "Dimensions"),
    "/indicators": ("指标", "Indicators"),
    "/effect/kind": ("增加什么", "What it adds"),
}
"""What the parts of documents are called that are no single field."""
INDICATOR: Pair = ("指标 {}", "Indicator {}")
STEPS: Pair = ("各档", "steps")
UNKNOWN: Pair = ("其他：{}", "Something else: {}")
AMOUNT: Pair = ("增加多少", "How much it adds")
AT_LEAST: Pair = ("{}至少 {}", "{}: at least {}")
BETWEEN: Mapping[str, Pair] = {"all": (" 且 ", " and "), "any": (" 或 ", " or ")}
ROW = re.compile(r"/condition/(?:all|any)/([0-9]{1,2})(?:/.*)?")


def label(words: Localizer, kind: str, pointer: str, document: Mapping[str, Any]) -> str:
    """What the place is called: the longest part of its pointer that has a name."""
    english = words.language == "en"
    if not pointer:
        return WHOLE[english]
    if pointer.startswith("/effect/") and pointer != "/effect/kind":
        return AMOUNT[english]
    named = {one.pointer: one.label for one in fields.fields_of(kind, document)} | dict(PARTS)
    for part in _upwards(pointer):
        member = re.fullmatch(r"/(indicators|dimensions)/([0-9]{1,3})((?:/.*)?)", part)
        if member is not None:
            return _member(words, member, named.get(part), document)
        if part in named:
            return named[part][english]
    return UNKNOWN[english].format(pointer.lstrip("/").replace("/", " › "))


def section(words: Localizer, at: str, document: Mapping[str, Any]) -> str:
    """What a section of the form is called: a dimension or an indicator, by what it is about."""
    english, (group, place) = words.language == "en", at.split("/")[1:3]
    if group == "dimensions":
        found = value_at(document, f"{at}/dimension")
        return words.label("measure", str(found or list(Dimension)[int(place) % len(Dimension)]))
    text, about = INDICATOR[english].format(int(place) + 1), value_at(document, f"{at}/kind")
    return f"{text} · {words.label('kind', str(about))}" if about else text


def _member(words: Localizer, member: re.Match[str], named: Pair | None, document: Mapping[str, Any]) -> str:
    english = words.language == "en"
    about = section(words, f"/{member[1]}/{member[2]}", document)
    if named is not None:
        return f"{about} · {named[english]}"
    return f"{about} · {STEPS[english]}" if member[3].startswith("/tiers") else about


def anchor(kind: str, pointer: str, document: Mapping[str, Any]) -> str:
    """The id of the field in the editor that is nearest to a place; the form itself where none is near."""
    if row := ROW.fullmatch(pointer):
        return f"at-/condition/{row[1]}"
    if pointer.startswith("/condition/"):
        return "at-/condition/0"
    if pointer.startswith("/effect/"):
        return "at-/effect/kind" if pointer == "/effect/kind" else "at-/effect/amount"
    known = [one.pointer for one in fields.fields_of(kind, document)]
    for part in _upwards(pointer):
        near = next((one for one in known if one == part or one.startswith(f"{part}/")), None)
        if near is not None:
            return f"at-{near}"
    return "editor"


def said(words: Localizer, kind: str, pointer: str, value: Any, document: Mapping[str, Any]) -> str:
    """A value as people read it: closed words by their names, conditions as sentences, anything deeper as it is."""
    field = next((one for one in fields.fields_of(kind, document) if one.pointer == pointer), None)
    if isinstance(value, bool):
        return words.label("answer", str(value).lower())
    if isinstance(value, int):
        return str(value) if pointer.endswith("_year") else words.number(value)
    if isinstance(value, str):
        return _word(words, field, pointer, value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return words.listed([_word(words, field, pointer, one) for one in value])
    if pointer == "/effect" and isinstance(value, Mapping):
        with suppress(KeyError, TypeError, ValueError):  # a draft may have anything there
            return words.effect(value)
    if pointer.startswith("/condition") and (sentence := _condition(words, value)):
        return sentence
    return json.dumps(value, ensure_ascii=False)


def _word(words: Localizer, field: Field | None, pointer: str, value: str) -> str:
    if pointer == "/effect/kind":
        return words.label("effect_kind", value)
    if pointer.endswith("/measure"):
        return words.label("measure", value)
    if field is not None and field.type in ("choice", "choices") and field.group:
        return words.label(field.group, value)
    if field is not None and field.type == "day":
        with suppress(ValueError):
            return words.day(value)
    return words.filled(value)


def _condition(words: Localizer, value: Any) -> str:
    """A condition in words; nothing for what is none."""
    if not isinstance(value, Mapping):
        return ""
    english = words.language == "en"
    if set(value) == {"measure", "at_least"}:
        return AT_LEAST[english].format(words.label("measure", str(value["measure"])), value["at_least"])
    for word, between in BETWEEN.items():
        parts = value.get(word)
        if set(value) == {word} and isinstance(parts, list) and parts:
            found = [_condition(words, one) for one in parts]
            return between[english].join(found) if all(found) else ""
    return ""


def _upwards(pointer: str) -> Iterator[str]:
    """A pointer, and those of everything that it lies in, innermost first."""
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]
