"""Texts, dates, numbers and amounts of the pages in one language, and the Jinja2 environment that uses them.

Sentences stand in the templates in English; `translations/zh_CN.po` has the Chinese ones. A test compares the two, so
that no sentence exists in one language only. Names of codes are in `labels`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, get_day_names
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension, i18n
from markupsafe import Markup, escape

from benefits.rules import opening_hours
from consent.documents.schema import HEADINGS, PLACEHOLDER
from service.http import problems
from service.i18n import findings
from service.i18n.message_texts import LOCALES
from service.web.i18n import labels

FEN_IN_YUAN = 100
CACHED_TEXTS_MAX = 8_192
"""Formatted days and numbers that stay in memory; Babel takes about 0.1 ms for each."""
PLURAL = re.compile(r"\[(\w+)\]")
"""The part of an English sentence that is left out when the amount is 1: `item[s]`."""
STATIC_SENTENCE = re.compile(r'(?<![\w.])_\("([^"{}%\\]*)"\)')
"""A template's sentence without values, printed or in an expression."""
PRINTED_LITERAL = re.compile(r'\{\{ "([^"{}%\\]*)" \}\}')
"""A text that a template prints without a filter."""
PRINTED = "\u3001-\u3011\u4e00-\u9fff\uff01-\uff5e“”"
"""Chinese characters and full-width punctuation, between which print has no spaces; for a class of a pattern."""
SPACE_BEFORE = re.compile(rf"(?<=[{PRINTED}]) (?=%\((\w+)\)s)")
SPACE_AFTER = re.compile(rf"%\((\w+)\)s (?=[{PRINTED}])")
BEGINS_PRINTED, ENDS_PRINTED = re.compile(rf"[{PRINTED}]"), re.compile(rf"[{PRINTED}]\Z")
"""A space of a Chinese sentence before or after a value, and a value that begins or ends with a Chinese character."""
FILTERS = (
    "name", "day", "month", "month_day", "day_of", "number", "amount", "moment", "clock", "hours", "open_days",
    "effect", "baseline", "register_text", "heading", "rule", "clause", "problem", "filled", "listed", "person",
)  # fmt: skip
"""Methods of `Localizer` that templates use as filters."""
UNBROKEN_FILTERS = ("day", "month", "day_of", "moment", "hours", "person")
"""Those of them whose text stays in one line: a date or an id is read as one word."""
UNBROKEN_MAX = 32
"""Characters of a text that stay in one line: a narrow phone shows about 40."""
PAGE_TEXTS, REGISTER_TEXTS = "zh_CN.po", "processing_register.zh_CN.po"


class Localizer:
    """Formats texts, codes, dates and amounts in one language and one time zone."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self.language, self.zone, self.locale = language, zone, LOCALES[language]
        chinese = language == "zh-CN"
        self._sentences = translations(PAGE_TEXTS) if chinese else {}
        self._register_sentences = translations(REGISTER_TEXTS) if chinese else {}
        self._register_markup: dict[str, Markup] = {}

    def text(self, english: str) -> str:
        """Translate a sentence of the templates."""
        return self._sentences.get(english, english)

    def plural_text(self, singular: str, plural: str, count: int) -> str:
        """Translate a sentence with a number. Chinese has a single form, stored under both English ones."""
        english = singular if count == 1 else plural
        return self._sentences.get(english, english)

    def filled_text(self, english: str, values: Mapping[str, Any]) -> Markup:
        """Translate a sentence of the templates and fill in its values, escaped.

        A Chinese sentence has spaces around a value, for numbers and Latin letters: they are left out where the value
        begins or ends with a Chinese character, as a day does.
        """
        text = self.text(english)
        if self.language != "en" and values:
            shown = {name: escape(value).striptags() for name, value in values.items()}
            text = SPACE_BEFORE.sub(lambda at: "" if BEGINS_PRINTED.match(shown[at[1]]) else " ", text)
            text = SPACE_AFTER.sub(lambda at: at[0].rstrip() if ENDS_PRINTED.search(shown[at[1]]) else at[0], text)
        return Markup(text) % values  # noqa: S704  # The sentences are ours; `%` escapes the values.

    def label(self, group: str, code: str) -> str:
        """Return the name of a code; the code itself if it has none, for example an id."""
        text = labels.LABELS[group].get(str(code))
        return str(code) if text is None else text.in_language(self.language)

    def options(self, choices: tuple[str, ...], group: str, chosen: Any) -> Markup:
        """Return the `<option>`s of a select, an empty one first; without a group, codes are their own names."""
        return _options(self, choices, group, str(chosen) if str(chosen) in choices else "")

    def register_text(self, english: str) -> Markup:
        """Translate and escape a text of the processing register or self-audit; names of jobs stay English."""
        markup = self._register_markup.get(english)
        if markup is None:
            markup = self._register_markup[english] = escape(self._register_sentences.get(english, english))
        return markup

    def problem(self, code: str) -> str:
        """Return the title of a problem code; the code itself if it is unknown."""
        texts = problems.TABLE.get(code)
        return code if texts is None else (texts.en if self.language == "en" else texts.zh)[0]

    def heading(self, clause: str) -> str:
        """Return the heading of a clause of a notice."""
        return HEADINGS[clause][self.language]

    def rule(self, rule: str) -> str:
        """Return a publication rule as a sentence; "" for an unknown rule."""
        return findings.RULES.get(rule, ("", ""))[self.language == "en"]

    def clause(self, rule: str) -> str:
        """Return the legal source of a publication rule; "" for an unknown rule."""
        return findings.CLAUSES.get(rule, ("", ""))[self.language == "en"]

    def name(self, localized: Mapping[str, str] | None) -> str:
        """Return a document's text in this language, else in Chinese, else ""."""
        texts = localized or {}
        return texts.get(self.language) or texts.get("zh-CN") or ""

    def number(self, count: int) -> str:
        """Format an integer with the language's grouping."""
        return _decimal(count, self.locale)

    def amount(self, count: int, kind: str) -> str:
        """Format a quantity of a kind of record with its unit."""
        return f"{self.number(count)} {self.label('unit_singular' if count == 1 else 'unit', kind)}"

    def money(self, fen: int) -> str:
        """Format an amount of fen as yuan."""
        yuan, rest = divmod(fen, FEN_IN_YUAN)
        return f"¥{self.number(yuan)}" + (f".{rest:02d}" if rest else "")

    def day(self, day: str | date | None) -> str:
        """Format a civil day, given as ISO text or date; "" for none."""
        if not day:
            return ""
        return _long_day(date.fromisoformat(day) if isinstance(day, str) else day, self.locale)

    def month(self, month: str) -> str:
        """Format a month, given as `2026-11`, with its year."""
        return format_skeleton("yMMM", date.fromisoformat(f"{month}-01"), locale=self.locale)

    def month_alone(self, month: str) -> str:
        """Format a month, given as `2026-11`, without its year, for the axis of a plot."""
        return format_skeleton("MMM", date.fromisoformat(f"{month}-01"), locale=self.locale)

    def month_day(self, day: str) -> str:
        """Format a civil day, given as ISO text, without its year, for the axis of a plot."""
        return format_skeleton("MMMd", date.fromisoformat(day), locale=self.locale)

    def moment(self, moment: str) -> str:
        """Format an ISO instant as day and minute in the city's zone."""
        local = datetime.fromisoformat(moment).astimezone(self.zone)
        return f"{self.day(local.date())} {local:%H:%M}"

    def clock(self, moment: str) -> str:
        """Format an ISO instant as the minute in the city's zone, without the day."""
        return f"{datetime.fromisoformat(moment).astimezone(self.zone):%H:%M}"

    def hours(self, moment: str) -> str:
        """Format the hour that begins at an ISO instant: the access log stores no minutes."""
        begins = datetime.fromisoformat(moment).astimezone(self.zone)
        if self.language == "en":
            return f"{self.day(begins.date())}, between {begins:%H:%M} and {begins.hour + 1:02d}:{begins:%M}"
        return f"{self.day(begins.date())} {begins.hour}–{begins.hour + 1} 点"

    def open_days(self, hours: str) -> list[tuple[str, str]]:
        """Return opening hours of the API as rows of (days, times)."""
        names, to = get_day_names("abbreviated", locale=self.locale), "–" if self.language == "en" else "至"
        rows = []
        for rule in opening_hours.parse(hours):
            days = (names[first] if first == last else f"{names[first]}{to}{names[last]}" for first, last in rule.days)
            rows.append((self.listed(days), self.listed(f"{start}–{end}" for start, end in rule.times)))
        return rows

    def day_of(self, moment: str) -> str:
        """Format the civil day of an ISO instant in the city's zone."""
        return self.day(datetime.fromisoformat(moment).astimezone(self.zone).date())

    def person(self, staff_id: str) -> str:
        """Return the id of a member of staff, or a name for the publication rules, which can suspend a benefit."""
        return self.label("actor", staff_id)

    def listed(self, names: Iterable[str]) -> str:
        """Join names with the language's comma."""
        return (", " if self.language == "en" else "、").join(names)

    def filled(self, text: str, name: str = "") -> str:
        """Replace the placeholder of a notice by the counterpart's name, or by a phrase for any counterpart."""
        return text.replace(PLACEHOLDER, name or labels.ANY_COUNTERPART.in_language(self.language))

    def effect(self, effect: Mapping[str, Any]) -> str:
        """Return a benefit's effect as a sentence."""
        amounts = {name: value for name, value in effect.items() if name != "kind"}
        pattern = _for_amount(labels.EFFECTS[effect["kind"]].in_language(self.language), [*amounts.values()])
        return pattern.format(
            **{name: self.money(value) if name.endswith("_fen") else value for name, value in amounts.items()}
        )

    def attribute(self, name: str, value: int | bool) -> str:
        """Return an attribute of a baseline as a sentence; "" if it is 0 or false and needs none."""
        if not value:
            text = labels.ATTRIBUTES_NONE.get(name)
            return "" if text is None else text.in_language(self.language)
        pattern = _for_amount(labels.ATTRIBUTES[name].in_language(self.language), [value])
        return pattern.format(self.money(value) if name.endswith("_fen") else value)

    def baseline(self, baseline: Any) -> list[str]:
        """Return a service's baseline as sentences. A draft's may be anything: what is not an attribute is left out."""
        if not isinstance(baseline, Mapping):
            return []
        sentences = [
            self.attribute(name, value)
            for name, value in baseline.items()
            if name in labels.ATTRIBUTES and isinstance(value, int)
        ]
        return [text for text in sentences if text] or [labels.ORDINARY_SERVICE.in_language(self.language)]


def _for_amount(pattern: str, amounts: list[Any]) -> str:
    return PLURAL.sub("" if amounts and amounts[0] == 1 else r"\1", pattern)


@lru_cache(maxsize=CACHED_TEXTS_MAX)
def _options(localizer: Localizer, choices: tuple[str, ...], group: str, chosen: str) -> Markup:
    lines = [Markup('<option value=""></option>')]
    for choice in choices:
        text = localizer.label(group, choice) if group else choice.replace("_", " ")
        selected = Markup(" selected") if choice == chosen else ""
        lines.append(Markup('<option value="{}"{}>{}</option>').format(choice, selected, text))
    return Markup().join(lines)


@lru_cache(maxsize=CACHED_TEXTS_MAX)
def _long_day(day: date, locale: str) -> str:
    return format_date(day, "long", locale=locale)


@lru_cache(maxsize=CACHED_TEXTS_MAX)
def _decimal(count: int, locale: str) -> str:
    return format_decimal(count, locale=locale)


@lru_cache(maxsize=2)
def translations(filename: str) -> dict[str, str]:
    """Return the Chinese texts of a catalogue in `translations/` by their English ones, singular and plural alike."""
    with (resources.files("service.web") / "translations" / filename).open("rb") as file:
        catalogue = read_po(file, locale="zh_Hans_CN")
    chinese: dict[str, str] = {}
    for message in catalogue:
        if not message.id:
            continue
        forms = message.id if isinstance(message.id, tuple | list) else (message.id,)
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        for index, form in enumerate(forms):
            chinese[form] = texts[min(index, len(texts) - 1)] or form
    return chinese


def template_environment(localizer: Localizer) -> Environment:
    """Return the Jinja2 environment of one language. Every value is escaped, and an undefined name is an error."""
    environment = Environment(
        loader=PackageLoader("service.web"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=[StaticTranslations, i18n],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        localizer.text, localizer.plural_text, newstyle=True
    )
    environment.globals["gettext"] = lambda sentence, /, **values: localizer.filled_text(sentence, values)
    environment.globals["ngettext"] = lambda singular, plural, number, /, **values: localizer.filled_text(
        singular if number == 1 else plural, {"num": number, **values}
    )
    environment.globals["localizer"] = localizer
    environment.globals["gap"] = " " if localizer.language == "en" else ""
    # A document shown as JSON is for people: Chinese characters, not escapes.
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    environment.filters.update({name: getattr(localizer, name) for name in FILTERS})
    environment.filters["unbroken"] = _unbroken(str)
    for name in UNBROKEN_FILTERS:
        environment.filters[name] = _unbroken(environment.filters[name])
    environment.filters["label"] = lambda code, group: localizer.label(group, code)
    return environment


def _unbroken(formatted: Callable[..., str]) -> Callable[..., str]:
    """Return a filter like the given one whose short texts do not break over two lines; long ones do, anywhere."""

    def filtered(*values: Any) -> str:
        text = formatted(*values)
        return Markup('<span class="nowrap">{}</span>').format(text) if 0 < len(text) <= UNBROKEN_MAX else text

    return filtered


class StaticTranslations(Extension):
    """Translates sentences without values when a template is compiled, instead of at every request."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        """Return the template's source with its static sentences in the environment's language."""
        localizer = self.environment.globals["localizer"]
        assert isinstance(localizer, Localizer)
        # No translation has a double quote or a backslash: a test reads all of them.
        literals = STATIC_SENTENCE.sub(lambda match: f'"{localizer.text(match[1])}"', source)
        return PRINTED_LITERAL.sub(lambda match: str(escape(match[1])), literals)
