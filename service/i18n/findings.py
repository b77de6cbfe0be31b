"""What the gate says, in the languages of people: its rules, where each comes from, and a sentence for each code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from consent.domain.kinds import Finding
from service.i18n import names
from service.i18n.findings_text import FALLBACK_TEXT, FORM_TEXTS, RULE_TEXTS, Pair

PLACEHOLDER = re.compile(r"\{(\w+)\}")
YEARS_END = 9_999
"""Up to here a number may be a year, which has no thousands."""

RULES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "R1": ("积分只增不减；方案只对将来生效。", "Points only add; schemes work forward only."),
        "R2": ("条件只能是“至少”，只看出示者本人的积分。", 'Conditions are only "at least", about whoever presents.'),
        "R3": ("权益只能在基准之上增加，不得有任何一项变差。", "Effects only add to what everybody gets."),
        "R4": (
            "每项权益都建立在人人享有的基准之上，基准不得变差。",
            "A benefit stands on a baseline that got no worse.",
        ),
        "R5": ("机构和服务的种类是封闭清单，清单之外不可写入。", "Kinds of providers and services are closed lists."),
        "R6": ("场所只知道“适用”，不得推知积分。", "A venue learns that it applies, and nothing else."),
        "R9": ("同意须单独、自愿，不得作为任何事的前提。", "A consent is separate and free, and never required."),
        "R10": ("不得挤占他人：占用的容量有上限。", "Nobody is displaced: capacity taken has a limit."),
        "R11": ("记录种类是封闭且正面的；来源须自愿、独立。", "Records are positive, of closed kinds, freely given."),
        "R13": ("公开文字不得涉及被禁止的用途或给人贴标签。", "Texts speak of no barred use and label nobody."),
        "R14": ("每项权益都要有线下途径和不看积分的困难帮扶。", "An offline path and help without points are named."),
    }
)
"""The rules of the gate: (简体中文, English)."""
CLAUSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "R1": ("规划第六章第一节：不能用于失信联合惩戒", "Plan, ch. 6 s. 1: points serve no joint punishment"),
        "R2": ("规划第六章第一节；个人信息保护法第 24 条", "Plan, ch. 6 s. 1; PIPL 24: nobody is treated worse"),
        "R3": ("规划第六章第一节：不能限制享受基本公共服务", "Plan, ch. 6 s. 1: basic public services stay open"),
        "R4": ("规划第六章第一节：不能限制享受基本公共服务", "Plan, ch. 6 s. 1: basic public services stay open"),
        "R5": ("国办发〔2020〕49 号；规划第六章第一节", "State Council 2020 no. 49; plan, ch. 6 s. 1"),
        "R6": ("规划第六章第一节：原则上不公示", "Plan, ch. 6 s. 1: in principle not made public"),
        "R9": ("个人信息保护法第 14、15、16 条", "PIPL 14, 15, 16: free, as easily withdrawn, never required"),
        "R10": ("规划第六章第一节：不能限制享受基本公共服务", "Plan, ch. 6 s. 1: basic public services stay open"),
        "R11": ("规划第六章第一节；个人信息保护法第 6 条", "Plan, ch. 6 s. 1; PIPL 6: the least data, freely given"),
        "R13": ("规划第五章第三节：不用作约定以外的用途", "Plan, ch. 5 s. 3: for the agreed purpose alone"),
        "R14": ("国办发〔2020〕45 号：不得以扫码为唯一途径", "State Council 2020 no. 45: no code is the only way"),
    }
)
"""Where each rule comes from: (简体中文, English). docs/policy.md has the whole table."""
FORM_RULE = "form"
"""In a rule's place for what must be right before any rule can be looked at."""
LABELS_OF_VALUES: Mapping[str, Mapping[str, Pair]] = MappingProxyType(
    {
        "provider": names.PROVIDER_KINDS,
        "offers": names.SERVICE_KINDS,
        "allowed": names.EFFECT_KINDS,
        "domain": names.DOMAINS,
    }
)
"""Whose names the values of findings are, by the value's name."""


def localize(found: Finding | Mapping[str, Any], language: str) -> dict[str, str]:
    """A finding as it is answered: its detail is a whole sentence in the reader's language."""
    one = asdict(found) if isinstance(found, Finding) else found
    detail = detail_text(one["code"], one["pointer"], one.get("values", {}), language)
    return {**{name: one[name] for name in ("code", "rule", "pointer", "severity")}, "detail": detail}


def detail_text(code: str, pointer: str, values: Mapping[str, Any], language: str) -> str:
    """What is wrong, why, and what to do; of a code that is said of one member in particular, that."""
    english = language == "en"
    wanted = (f"{code}:{pointer.rpartition('/')[2]}", code)
    pair = next((table[one] for one in wanted for table in (RULE_TEXTS, FORM_TEXTS) if one in table), FALLBACK_TEXT)
    named = {name: _named(name, value, english) for name, value in values.items()}
    return PLACEHOLDER.sub(lambda place: named.get(place[1], ""), pair[english])


def _named(name: str, value: Any, english: bool) -> str:
    """A value as it is said: numbers with their thousands, closed words by their names."""
    if isinstance(value, int):
        return f"{value:,}" if value > YEARS_END else str(value)
    codes, table = (value,) if isinstance(value, str) else tuple(value), LABELS_OF_VALUES.get(name, {})
    return (", " if english else "、").join(table[one][english] if one in table else str(one) for one in codes)
