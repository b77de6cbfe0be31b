"""The fields of catalogue documents: where each stands, how it is typed, what it is called. Pure.

What a document must be is the gate's business alone; here is only what a form of it looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from benefits.rules.vocabulary import Attribute, Period, ProviderKind, Scene, ServiceKind
from benefits.scoring.scheme import TIERS_MAX
from consent.documents.schema import HEADINGS
from consent.domain.purposes import Purpose
from consent.domain.records import Dimension, RecordKind, SourceCategory

INDICATORS_MAX = 30
"""Of one form; there are seven kinds of records."""
SHAPES_MAX = 64
"""Forms of schemes kept as they are; another has other numbers of indicators and steps."""
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it stands in the document, how it is typed, what it is called, what can be chosen."""

    pointer: str
    type: str
    label: Pair
    choices: tuple[str, ...] = ()
    group: str = ""
    """The group of labels that the choices' names are in; of a document, the kind it is chosen from."""
    section: str = ""
    """The part of the form that it stands in: the place of a list's member, or nothing."""

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


def _one_of(pointer: str, zh: str, en: str, kind: str) -> Field:
    return Field(pointer, "document", (zh, en), (), kind)


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
        _choice("/kind", "种类", "Kind", ProviderKind, "provider_kind"),
        *_both("/name", "名称", "Name"),
        DIVISION,
    ),
    "venues": (
        _text("/venue_id", "场所编号", "Venue id"),
        _one_of("/provider_id", "所属机构", "Provider", "providers"),
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
        _one_of("/provider_id", "所属机构", "Provider", "providers"),
        _choice("/kind", "种类", "Kind", ServiceKind, "service_kind"),
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
        _one_of("/service_id", "改善哪项服务", "The service it improves", "services"),
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
    """The fields of a document of this kind; of a scheme, all its indicators and steps and one more of each."""
    if kind != "schemes":
        return FIELDS[kind]
    indicators = document.get("indicators")
    found = indicators[:INDICATORS_MAX] if isinstance(indicators, list | tuple) else []
    return _scheme_fields((*(_steps(one) for one in found), 0))


def _steps(indicator: Any) -> int:
    tiers = indicator.get("tiers") if isinstance(indicator, Mapping) else None
    return min(len(tiers), TIERS_MAX) if isinstance(tiers, list | tuple) else 0


@lru_cache(maxsize=SHAPES_MAX)
def _scheme_fields(steps: tuple[int, ...]) -> tuple[Field, ...]:
    found = [
        _text("/version", "版本", "Version"),
        Field("/from_year", "number", ("起始年度（1 月 1 日起）", "From 1 January of")),
        Field("/reference", "prose", ("依据", "Reference")),
        *_both("/title", "标题", "Title"),
    ]
    for place in range(len(Dimension)):
        at = f"/dimensions/{place}"
        found += [
            replace(_choice(f"{at}/dimension", "维度", "Dimension", Dimension, "measure"), section=at),
            Field(f"{at}/cap", "number", ("维度上限", "Most in this dimension"), section=at),
        ]
    for place, count in enumerate(steps):
        found += [replace(one, section=f"/indicators/{place}") for one in _indicator(f"/indicators/{place}", count)]
    return tuple(found)


def _indicator(at: str, steps: int) -> Iterator[Field]:
    yield _choice(f"{at}/kind", "记录种类", "Kind of record", RecordKind, "kind")
    yield _choice(f"{at}/dimension", "计入维度", "Counts for", Dimension, "measure")
    yield Field(f"{at}/yearly_cap", "number", ("每年上限", "Most in a year"))
    yield Field(f"{at}/validity_months", "number", ("有效月数", "Months it counts"))
    yield _text(f"{at}/reference", "依据", "Reference")
    yield from _both(f"{at}/unit", "单位", "Unit")
    for tier in range(min(steps + 1, TIERS_MAX)):
        zh, en = f"第 {tier + 1} 档", f"step {tier + 1}"
        yield Field(f"{at}/tiers/{tier}/up_to", "number", (f"{zh}：至全年", f"{en}: up to (year)"))
        yield Field(f"{at}/tiers/{tier}/units", "number", (f"{zh}：每", f"{en}: for every"))
        yield Field(f"{at}/tiers/{tier}/points", "number", (f"{zh}：得分", f"{en}: points"))
