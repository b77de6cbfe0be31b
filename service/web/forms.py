"""Catalogue documents as forms, and forms as documents. Pure; what a document must be is the gate's business alone.

A field's name says its type and its place in the document: `n:/baseline/deposit_fen` is a number, `t:` a text, `f:`
yes or no, `c:` one of several choices. What is left empty is left out, so that the gate finds it missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from benefits import effects
from benefits.vocabulary import Attribute, EffectKind, Period, ProviderKind, Scene, ServiceKind
from consent.documents_schema import HEADINGS
from consent.purposes import Purpose
from consent.records import Dimension, RecordKind, SourceCategory

ROWS = 4
"""Rows of the condition builder, two more than anybody uses."""
TIERS = 5
INDICATORS_MAX = 30
"""Of one form; there are seven kinds of records."""
NUMBER_DIGITS = 16
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it stands in the document, how it is typed, what it is called, what can be chosen."""

    pointer: str
    type: str
    label: Pair
    choices: tuple[str, ...] = ()
    group: str = ""
    """The group of labels that the choices' names are in; empty when a choice is its own name."""

    @property
    def name(self) -> str:
        """Its name in the form."""
        return f"{'n' if self.type == 'number' else 'f' if self.type == 'flag' else 't'}:{self.pointer}"


def _text(pointer: str, zh: str, en: str) -> Field:
    return Field(pointer, "text", (zh, en))


def _both(pointer: str, zh: str, en: str, kind: str = "text") -> tuple[Field, Field]:
    return (
        Field(f"{pointer}/zh-CN", kind, (f"{zh}（中文）", f"{en} (Chinese)")),
        Field(f"{pointer}/en", kind, (f"{zh}（英文）", f"{en} (English)")),
    )


def _choice(pointer: str, zh: str, en: str, choices: Iterable[str], group: str = "") -> Field:
    return Field(pointer, "choice", (zh, en), tuple(str(one) for one in choices), group)


BASELINE: Mapping[Attribute, Pair] = {
    Attribute.PRICE_FEN: ("价格（分）", "Price in fen"),
    Attribute.DEPOSIT_FEN: ("押金（分）", "Deposit in fen"),
    Attribute.PERIOD_DAYS: ("期限（天）", "Period in days"),
    Attribute.ITEMS: ("件数", "Items"),
    Attribute.FREE_MINUTES: ("免费时间（分钟）", "Free minutes"),
    Attribute.WAIT_MINUTES: ("等候时间（分钟）", "Wait in minutes"),
    Attribute.CAPACITY: ("名额", "Places"),
    Attribute.COUNTERS: ("窗口数", "Counters"),
    Attribute.PAY_WITHIN_DAYS: ("付款期限（天）", "Days to pay"),
    Attribute.DELIVERY: ("送达", "Delivery"),
    Attribute.GIFT_FEN: ("礼品价值（分）", "Gift in fen"),
    Attribute.PAPERS_WITHIN_DAYS: ("补交材料期限（天）", "Days to bring papers"),
}
DIVISION = _text("/division", "行政区划代码（GB/T 2260）", "Division (GB/T 2260)")
CLIENT = _text("/client_id", "客户端", "Client id")
ASSESSMENT = _text("/assessment_id", "个人信息保护影响评估编号", "Impact assessment")
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "providers": (
        _text("/provider_id", "机构编号", "Provider id"),
        _choice("/kind", "种类", "Kind", ProviderKind),
        *_both("/name", "名称", "Name"),
        DIVISION,
    ),
    "venues": (
        _text("/venue_id", "场所编号", "Venue id"),
        _text("/provider_id", "所属机构编号", "Provider id"),
        *_both("/name", "名称", "Name"),
        DIVISION,
        CLIENT,
    ),
    "sources": (
        _text("/source_id", "来源编号", "Source id"),
        *_both("/name", "名称", "Name"),
        _choice("/category", "类别", "Category", SourceCategory, "category"),
        Field("/kinds", "choices", ("记录种类", "Kinds of records"), tuple(RecordKind), "kind"),
        DIVISION,
        CLIENT,
        Field("/onboarding/legal_basis", "prose", ("法律依据", "Legal basis")),
        Field("/onboarding/voluntary", "flag", ("参与完全自愿", "Taking part is voluntary")),
        Field(
            "/onboarding/independent_of_employer_landlord_school_penal",
            "flag",
            ("独立于用人单位、房东、学校和矫正项目", "Independent of employers, landlords, schools, penal programmes"),
        ),
        _text("/onboarding/assessment_id", *ASSESSMENT.label),
    ),
    "services": (
        _text("/service_id", "服务编号", "Service id"),
        _text("/provider_id", "所属机构编号", "Provider id"),
        _choice("/kind", "种类", "Kind", ServiceKind),
        *_both("/name", "名称", "Name"),
        *(
            Field(f"/baseline/{name}", "flag" if name is Attribute.DELIVERY else "number", label)
            for name, label in BASELINE.items()
        ),
        Field("/evidence", "prose", ("依据：在何处可以查到", "Evidence: where it can be looked up")),
    ),
    "benefits": (
        _text("/benefit_id", "权益编号", "Benefit id"),
        _choice("/scene", "场景", "Scene", Scene, "scene"),
        *_both("/title", "名称", "Title"),
        *_both("/description", "说明", "Description", "prose"),
        _text("/service_id", "服务编号", "Service id"),
        DIVISION,
        Field("/condition", "condition", ("条件：至少", "Condition: at least")),
        Field("/effect", "effect", ("增加什么", "What it adds")),
        Field("/quota/per_resident/count", "number", ("每人次数上限", "Times for one person")),
        _choice("/quota/per_resident/period", "每人周期", "In each (one person)", Period, "period"),
        Field("/quota/total/count", "number", ("总次数上限", "Times for all together")),
        _choice("/quota/total/period", "总量周期", "In each (all together)", Period, "period"),
        Field("/valid/from", "day", ("自", "From")),
        Field("/valid/until", "day", ("至", "Until")),
        *_both("/terms", "条款", "Terms", "prose"),
        *_both("/need_based_alternative", "不看积分的困难帮扶", "Help without points", "prose"),
        *_both("/offline_path", "没有手机怎么办", "Without a telephone", "prose"),
        ASSESSMENT,
    ),
    "notices": (
        _text("/notice_id", "告知书编号", "Notice id"),
        _choice("/purpose", "目的", "Purpose", Purpose, "purpose"),
        _text("/counterpart", "适用机构（* 为全部）", "Counterpart (* for each)"),
        Field("/material", "flag", ("实质变更", "A material change")),
        *(
            Field(
                f"/languages/{language}/{clause}",
                "text" if clause in ("title", "controller_name") else "prose",
                (f"{heading['zh-CN']}（{said[0]}）", f"{heading['en']} ({said[1]})"),
            )
            for language, said in (("zh-CN", ("中文", "Chinese")), ("en", ("英文", "English")))
            for clause, heading in {"title": {"zh-CN": "标题", "en": "Title"}, **HEADINGS}.items()
            if clause != "counterpart"
        ),
    ),
}
"""The fields of each kind but schemes, which are as long as their indicators."""


def fields_of(kind: str, document: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields of a document of this kind."""
    if kind != "schemes":
        return FIELDS[kind]
    indicators = document.get("indicators")
    return _scheme_fields(min(len(indicators) if isinstance(indicators, list) else 0, INDICATORS_MAX) + 1)


@lru_cache(maxsize=INDICATORS_MAX + 1)
def _scheme_fields(indicators: int) -> tuple[Field, ...]:
    found = [
        _text("/version", "版本", "Version"),
        Field("/from_year", "number", ("起始年度（1 月 1 日起）", "From 1 January of")),
        Field("/reference", "prose", ("依据", "Reference")),
        *_both("/title", "标题", "Title"),
    ]
    for place, name in enumerate(Dimension):
        found += [
            _choice(f"/dimensions/{place}/dimension", "维度", "Dimension", [name], "measure"),
            Field(f"/dimensions/{place}/cap", "number", ("维度上限", "Most in this dimension")),
        ]
    for place in range(indicators):
        at = f"/indicators/{place}"
        found += [
            _choice(f"{at}/kind", "记录种类", "Kind of record", RecordKind, "kind"),
            _choice(f"{at}/dimension", "计入维度", "Counts for", Dimension, "measure"),
            Field(f"{at}/yearly_cap", "number", ("每年上限", "Most in a year")),
            Field(f"{at}/validity_months", "number", ("有效月数", "Months it counts")),
            _text(f"{at}/reference", "依据", "Reference"),
            *_both(f"{at}/unit", "单位", "Unit"),
        ]
        for tier in range(TIERS):
            step = (f"第 {tier + 1} 档", f"step {tier + 1}")
            found += [
                Field(f"{at}/tiers/{tier}/up_to", "number", (f"{step[0]}：至全年", f"{step[1]}: up to (year)")),
                Field(f"{at}/tiers/{tier}/units", "number", (f"{step[0]}：每", f"{step[1]}: for every")),
                Field(f"{at}/tiers/{tier}/points", "number", (f"{step[0]}：得分", f"{step[1]}: points")),
            ]
    return tuple(found)


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
        type_, colon, pointer = name.partition(":")
        if not colon or len(type_) != 1 or not pointer.startswith("/") or not text.strip():
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
    names = effects.parameters(effects.EFFECTS[EffectKind(kind)])
    return {"kind": kind, **{name: _number(text) for name in names if text}}


def effect_amount(effect: Any) -> str:
    """The one amount of an effect, as it was typed."""
    found = [value for name, value in effect.items() if name != "kind"] if isinstance(effect, Mapping) else []
    return str(found[0]) if found else ""
