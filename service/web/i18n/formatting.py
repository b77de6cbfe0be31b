"""Words, days and amounts as people read them, in both languages.

Sentences stand in the templates in English; translations/zh_CN.po has the Chinese ones. A test compares the two, so
that nothing is said in one language alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension, i18n
from markupsafe import Markup, escape

from consent.documents.schema import HEADINGS, PLACEHOLDER
from service.http import problems
from service.i18n import findings
from service.i18n.messages import LOCALES
from service.web.i18n import labels
from service.web.i18n.register_zh import CHINESE

FEN_IN_YUAN = 100
CACHED_TEXTS_MAX = 8_192
"""Days and numbers kept as they are written: Babel takes a tenth of a millisecond for each."""


MANY = re.compile(r"\[(\w+)\]")
"""What an English pattern says of any number but one: `item[s]`."""
PLAIN_SENTENCE = re.compile(r'\{\{ _\("([^"{}%\\]*)"\) \}\}')
"""A sentence of a template that stands for itself."""
FILTERS = (
    "name", "day", "day_of", "number", "amount", "moment", "hours",
    "effect", "baseline", "house", "heading", "rule", "clause", "problem", "filled", "listed",
)  # fmt: skip
"""What templates ask of the words."""


class Localizer:
    """One language's words."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self.language, self.zone, self.locale = language, zone, LOCALES[language]
        self.said = catalogue() if language == "zh-CN" else {}
        self.of_the_house: dict[str, Markup] = {}

    def text(self, english: str) -> str:
        """A sentence of the templates in this language."""
        return self.said.get(english, english)

    def several(self, one: str, many: str, count: int) -> str:
        """A sentence that depends on a number; Chinese has one form."""
        return self.said.get(one, one) if count == 1 else self.said.get(many, many)

    def label(self, group: str, code: str) -> str:
        """What a code is called; the code itself where it has no name (an id, a new word)."""
        found = labels.LABELS[group].get(str(code))
        return str(code) if found is None else found[self.language == "en"]

    def options(self, choices: tuple[str, ...], group: str, chosen: Any) -> Markup:
        """A list to choose from, with nothing first; a choice is its own name where it has no group of labels."""
        return _options(self, choices, group, str(chosen) if str(chosen) in choices else "")

    def house(self, english: str) -> Markup:
        """What the processing register and the self-audit say, escaped; jobs are named as they are called."""
        said = self.of_the_house.get(english)
        if said is None:
            said = escape(CHINESE.get(english, english) if self.language == "zh-CN" else english)
            self.of_the_house[english] = said
        return said

    def problem(self, code: str) -> str:
        """What a refusal's code says."""
        found = problems.TABLE.get(code)
        return code if found is None else (found.en if self.language == "en" else found.zh)[0]

    def heading(self, clause: str) -> str:
        """What a clause of a notice is called."""
        return HEADINGS[clause][self.language]

    def rule(self, rule: str) -> str:
        """A rule of the gate in one sentence; empty for what is none."""
        return findings.RULES.get(rule, ("", ""))[self.language == "en"]

    def clause(self, rule: str) -> str:
        """Where a rule of the gate comes from."""
        return findings.CLAUSES.get(rule, ("", ""))[self.language == "en"]

    def name(self, localized: Mapping[str, str] | None) -> str:
        """The text of a document in this language."""
        found = localized or {}
        return found.get(self.language) or found.get("zh-CN") or ""

    def number(self, count: int) -> str:
        """A whole number."""
        return _decimal(count, self.locale)

    def amount(self, count: int, kind: str) -> str:
        """How much of a deed's kind, in its unit."""
        return f"{self.number(count)} {self.label('one' if count == 1 else 'unit', kind)}"

    def money(self, fen: int) -> str:
        """An amount of fen in yuan."""
        yuan, rest = divmod(fen, FEN_IN_YUAN)
        return f"¥{self.number(yuan)}" + (f".{rest:02d}" if rest else "")

    def day(self, day: str | date | None) -> str:
        """A civil day."""
        if not day:
            return ""
        return _long_day(date.fromisoformat(day) if isinstance(day, str) else day, self.locale)

    def moment(self, moment: str) -> str:
        """An instant, in the city's time."""
        found = datetime.fromisoformat(moment).astimezone(self.zone)
        return f"{self.day(found.date())} {found:%H:%M}"

    def hours(self, moment: str) -> str:
        """The hour that begins with an instant, for what is kept no closer than that."""
        begins = datetime.fromisoformat(moment).astimezone(self.zone)
        if self.language == "en":
            return f"{self.day(begins.date())}, between {begins:%H:%M} and {begins.hour + 1:02d}:{begins:%M}"
        return f"{self.day(begins.date())} {begins.hour}–{begins.hour + 1} 点"

    def day_of(self, moment: str) -> str:
        """The civil day of an instant."""
        return self.day(datetime.fromisoformat(moment).astimezone(self.zone).date())

    def listed(self, names: Iterable[str]) -> str:
        """Names in a row, with the language's own comma."""
        return (", " if self.language == "en" else "、").join(names)

    def filled(self, text: str, name: str = "") -> str:
        """A text of a notice for this counterpart, or for any: the notice in force is the same for all of them."""
        return text.replace(PLACEHOLDER, name or labels.ANYBODY[self.language == "en"])

    def effect(self, effect: Mapping[str, Any]) -> str:
        """What a benefit adds, as a sentence."""
        amounts = {name: value for name, value in effect.items() if name != "kind"}
        pattern = _for(labels.EFFECTS[effect["kind"]][self.language == "en"], [*amounts.values()])
        return pattern.format(
            **{name: self.money(value) if name.endswith("_fen") else value for name, value in amounts.items()}
        )

    def attribute(self, name: str, value: int | bool) -> str:
        """What everybody gets of one attribute of a service; empty where that is nothing worth a word."""
        if not value:
            return labels.NOTHING.get(name, ("", ""))[self.language == "en"]
        pattern = _for(labels.ATTRIBUTES[name][self.language == "en"], [value])
        return pattern.format(self.money(value) if name.endswith("_fen") else value)

    def baseline(self, baseline: Any) -> list[str]:
        """What everybody gets, a line for each attribute that is something; of a draft, what of it can be read."""
        if not isinstance(baseline, Mapping):
            return []
        said = [
            self.attribute(name, value)
            for name, value in baseline.items()
            if name in labels.ATTRIBUTES and isinstance(value, int)
        ]
        return [one for one in said if one] or [labels.ORDINARY[self.language == "en"]]


def _for(pattern: str, amounts: list[Any]) -> str:
    """A pattern for these amounts: for one of something, without its plural."""
    return MANY.sub("" if amounts and amounts[0] == 1 else r"\1", pattern)


@lru_cache(maxsize=CACHED_TEXTS_MAX)
def _options(words: Localizer, choices: tuple[str, ...], group: str, chosen: str) -> Markup:
    lines = [Markup('<option value=""></option>')]
    for one in choices:
        text = words.label(group, one) if group else one.replace("_", " ")
        selected = Markup(" selected") if one == chosen else ""
        lines.append(Markup('<option value="{}"{}>{}</option>').format(one, selected, text))
    return Markup().join(lines)


@lru_cache(maxsize=CACHED_TEXTS_MAX)
def _long_day(day: date, locale: str) -> str:
    return format_date(day, "long", locale=locale)


@lru_cache(maxsize=CACHED_TEXTS_MAX)
def _decimal(count: int, locale: str) -> str:
    return format_decimal(count, locale=locale)


@lru_cache(maxsize=1)
def catalogue() -> dict[str, str]:
    """The Chinese sentences by their English ones, from the file that translators edit."""
    with (resources.files("service.web") / "translations" / "zh_CN.po").open("rb") as file:
        found = read_po(file, locale="zh_Hans_CN")
    said: dict[str, str] = {}
    for message in found:
        if not message.id:
            continue
        forms = message.id if isinstance(message.id, tuple | list) else (message.id,)
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        for place, form in enumerate(forms):
            said[form] = texts[min(place, len(texts) - 1)] or form
    return said


def environment(words: Localizer) -> Environment:
    """The templates in one language. Everything is escaped, and a name that is missing is an error."""
    made = Environment(
        loader=PackageLoader("service.web"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=[StaticTranslations, i18n],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.install_gettext_callables(words.text, words.several, newstyle=True)  # type: ignore[attr-defined]
    made.globals["words"] = words
    # Documents are read by people: as they were written, not as escapes.
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    made.filters.update({name: getattr(words, name) for name in FILTERS})
    made.filters["label"] = lambda code, group: words.label(group, code)
    return made


class StaticTranslations(Extension):
    """Puts sentences without values into a template when it is compiled: they are the same at every request."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        """The source with its plain sentences said in the environment's language."""
        words = self.environment.globals["words"]
        assert isinstance(words, Localizer)
        return PLAIN_SENTENCE.sub(lambda found: str(escape(words.text(found[1]))), source)
