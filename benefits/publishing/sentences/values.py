"""Values of a benefit as closed sentences write them: amounts with their nouns, days, names, conditions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from benefits.rules.conditions import All, AtLeast, Condition
from consent.kernel import bilingual

FEN_PER_YUAN = 100
ZH_DIGITS = "〇一二三四五六七八九"
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

Name = Mapping[str, str]
"""A name in both languages, by language tag."""
Value = int | str | date | Condition | Name
"""An amount, the code of a period, a civil day, a condition or a name."""


class ValueUnsuited(ValueError):
    """A value cannot be written with the unit of its place."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The forms of a number with its noun; `{}` is the number."""

    zh_cn: str
    en: str
    en_one: str
    en_two: str
    measures: str
    """`count`; `fen`, written in yuan; `percent_off`, in Chinese the tenths that remain to be paid."""

    def text(self, amount: int, language: str) -> str:
        """Return the amount with its noun."""
        if language == "en":
            form = {1: self.en_one, 2: self.en_two}.get(amount, self.en) if self.measures == "count" else self.en
            return form.format(_yuan(amount, ",") if self.measures == "fen" else f"{amount:,}")
        if self.measures == "percent_off":
            return self.zh_cn.format(_tenths_to_pay(amount))
        return self.zh_cn.format(_yuan(amount, "") if self.measures == "fen" else amount)


@dataclass(frozen=True, slots=True)
class Words:
    """The units, the names of periods and the parts of conditions, as sentences.toml has them."""

    units: Mapping[str, Unit]
    periods: Mapping[str, Name]
    measures: Mapping[str, Name]
    joints: Mapping[str, Name]

    def text(self, value: Value, unit: str, language: str) -> str:
        """Return a value in a language, with the unit if the place names one.

        Raises:
            ValueUnsuited: a number without a unit, a unit with anything else, a condition in more than two levels.
        """
        if isinstance(value, int) != bool(unit):
            raise ValueUnsuited(f"{value!r} with the unit {unit!r}")
        if isinstance(value, int):
            return self.units[unit].text(value, language)
        if isinstance(value, str):
            return self.periods[value][language]
        if isinstance(value, date):
            return _day(value, language)
        if isinstance(value, Mapping):
            return value[language]
        return self._condition(value, language)

    def _condition(self, condition: Condition, language: str) -> str:
        if isinstance(condition, AtLeast):
            points = self.units["points"].text(condition.at_least, language)
            return self.measures[condition.measure][language].format(points=points)
        if any(not isinstance(part, AtLeast) for part in condition.parts):
            raise ValueUnsuited("a condition within a condition is not put into one sentence")
        joint = self.joints["all" if isinstance(condition, All) else "any"][language]
        return joint.join(self._condition(part, language) for part in condition.parts)


def load_words(tables: Mapping[str, Any]) -> Words:
    """Read units, periods, measures and joints from the tables of sentences.toml. TextIncomplete without a language."""
    units = {}
    for name, forms in tables["units"].items():
        zh_cn, en = bilingual.pair({language: forms.get(language) for language in bilingual.LANGUAGES}, f"units.{name}")
        units[name] = Unit(zh_cn, en, forms.get("one", en), forms.get("two", en), forms.get("measures", "count"))
    return Words(
        MappingProxyType(units),
        *(bilingual.by_language(tables[name], name) for name in ("periods", "measures", "joints")),
    )


def _yuan(fen: int, separator: str) -> str:
    """Return an amount in yuan, with two decimals unless it is whole."""
    return f"{fen // FEN_PER_YUAN:{separator}}" + (f".{fen % FEN_PER_YUAN:02}" if fen % FEN_PER_YUAN else "")


def _tenths_to_pay(percent: int) -> str:
    """Return the share that is still paid as Chinese prices state it: 20 % off is 八, 25 % off is 七五."""
    tenths, rest = divmod(100 - percent, 10)
    return ZH_DIGITS[tenths] + (ZH_DIGITS[rest] if rest else "")


def _day(day: date, language: str) -> str:
    if language == "en":
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
    return f"{day.year} 年 {day.month} 月 {day.day} 日"
