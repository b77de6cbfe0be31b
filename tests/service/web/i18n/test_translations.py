"""Both languages say everything: each sentence of the templates, each code, each question of the self-audit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jinja2.ext import babel_extract

from benefits.redemption.reversal import ReversalReason
from benefits.rules.effects import EFFECTS
from benefits.rules.vocabulary import Attribute, CommitmentKind, EffectKind, Period, Scene
from consent.documents import versions
from consent.domain.complaints import ComplaintReason, ComplaintState
from consent.domain.document_kinds import DocumentKind
from consent.domain.grants import State
from consent.domain.objections import ObjectionState, Reason
from consent.domain.purposes import Purpose
from consent.domain.records import Dimension, RecordKind, SourceCategory
from consent.transparency.logs import Log
from service.api.routes import OPERATIONS
from service.auth.access_tokens import CITY_ZONE, Audience
from service.compliance import processing_register
from service.http.endpoints import RECORDED
from service.i18n import findings
from service.web import icons
from service.web.i18n import formatting, labels

ROOT = Path(__file__).parents[4]
TEMPLATES = Path(str(resources.files("service.web") / "templates"))
OPTIONS = {"extensions": "jinja2.ext.i18n", "trim_blocks": "true", "newstyle_gettext": "true"}


def sentences() -> set[str]:
    """Every sentence of every template, each form of it."""
    texts = set()
    for path in TEMPLATES.rglob("*.html"):
        with path.open("rb") as file:
            for _line, _function, message, _comments in babel_extract(file, ["_", "ngettext"], [], OPTIONS):
                texts |= {text for text in (message if isinstance(message, tuple) else (message,)) if text}
    return texts


@pytest.mark.slow
def test_every_sentence_has_a_chinese_translation_and_none_is_unused() -> None:
    translated = formatting.translations(formatting.PAGE_TEXTS)
    assert not (missing := sentences() - set(translated)), f"add to service/web/translations/zh_CN.po: {missing}"
    assert not (unused := set(translated) - sentences()), f"remove from service/web/translations/zh_CN.po: {unused}"
    assert all(text.strip() for text in translated.values())


def test_both_languages_name_the_same_values() -> None:
    for english, chinese in formatting.translations(formatting.PAGE_TEXTS).items():
        expected = set(re.findall(r"%\((\w+)\)s", english))
        assert set(re.findall(r"%\((\w+)\)s", chinese)) <= expected, english
        # A plural's number may be in the other form alone.
        assert expected - set(re.findall(r"%\((\w+)\)s", chinese)) <= {"count"}, english


def bilingual(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (English, Chinese) of every text of a table, whether it is a pair or has a member for each language."""
    if isinstance(value, dict) and {"zh-CN", "en"} <= value.keys() and isinstance(value["en"], str):
        yield value["en"], value["zh-CN"]
    elif isinstance(value, list) and len(value) == 2 and all(isinstance(text, str) for text in value):
        yield (value[0], value[1]) if re.search(r"[\u4e00-\u9fff]", value[1]) else (value[1], value[0])
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from bilingual(inner)


def test_an_effect_is_never_called_a_benefit_in_chinese() -> None:
    """权益 is a benefit and 权益内容 its effect, on pages and in messages as in the glossary."""
    texts = list(formatting.translations(formatting.PAGE_TEXTS).items())
    for package in ("consent", "benefits", "service"):
        for path in (ROOT / package).rglob("*.toml"):
            texts += bilingual(tomllib.loads(path.read_text(encoding="utf-8")))
    assert len(texts) > 1_000
    wrong = []
    for english, chinese in texts:
        plain = re.sub(r"\{[^}]*\}|%\(\w+\)s|(?:takes?|taken|took|taking|in) effect", "", english)
        names_effect = re.search(r"\beffects?\b", plain, re.IGNORECASE) is not None
        called = "权益" in chinese.replace("权益内容", "")
        if names_effect and called and "benefit" not in plain.lower():
            wrong.append((english, chinese))
        if "权益内容" in chinese and not names_effect and "only these are possible" not in english:
            wrong.append((english, chinese))
    assert wrong == []


def test_chinese_translations_are_written_in_chinese() -> None:
    for english, chinese in formatting.translations(formatting.PAGE_TEXTS).items():
        assert re.search(r"[\u4e00-\u9fff]", chinese) or not re.search(
            r"[A-Za-z]{3}", re.sub(r"%\(\w+\)s", "", english)
        )


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("measure", ["total", *Dimension]),
        ("kind", RecordKind),
        ("unit", RecordKind),
        ("unit_singular", RecordKind),
        ("event", [f"consent.{state}" for state in State]),
        ("scene", Scene),
        ("purpose", Purpose),
        (
            "state",
            [
                *versions.STATES,
                *ObjectionState,
                *ComplaintState,
                "given",
                "refused",
                "withdrawn",
                "expired",
                "terminated",
            ],
        ),
        ("documents", DocumentKind),
        ("reason", [*Reason, *ReversalReason, *ComplaintReason]),
        ("complaint", ComplaintReason),
        ("period", Period),
        ("commitment", CommitmentKind),
        ("log", Log),
        ("audit_check", processing_register.CHECKS),
        ("category", SourceCategory),
        ("audience", [*Audience, "public"]),
        ("document", [*DocumentKind, "barred_use", "key"]),
        (
            "operation",
            ["door", *(operation.operation_id for operation in OPERATIONS if RECORDED & set(operation.errors))],
        ),
        ("event", ["consent.given", "consent.refused", "consent.withdrawn", "consent.expired", "consent.terminated"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_code_has_a_name(group: str, codes: Iterable[str]) -> None:
    missing = {str(code) for code in codes} - set(labels.LABELS[group])
    assert not missing


def test_every_effect_and_attribute_has_a_sentence() -> None:
    assert set(labels.EFFECTS) == set(EffectKind) == set(EFFECTS)
    assert set(labels.ATTRIBUTES) == set(Attribute)
    for language in ("zh-CN", "en"):
        localizer = formatting.Localizer(language, CITY_ZONE)
        assert "100" in localizer.effect({"kind": "deposit_waiver", "up_to_fen": 10_000})
        assert localizer.money(199_50) == "¥199.50"
        assert localizer.baseline({"delivery": True, "items": 5})


def test_empty_values_have_no_sentence() -> None:
    english, chinese = formatting.Localizer("en", CITY_ZONE), formatting.Localizer("zh-CN", CITY_ZONE)
    baseline = {"price_fen": 0, "deposit_fen": 10_000, "free_minutes": 0, "gift_fen": 0, "delivery": False, "items": 1}
    assert english.baseline(baseline) == ["Free of charge", "Deposit ¥100", "1 item"]
    assert chinese.baseline(baseline) == ["免费", "押金 ¥100", "1 件"]
    assert english.baseline({"pay_within_days": 0}) == ["The service as it is"]
    assert english.effect({"kind": "longer_period", "days": 1}) == "1 more day"
    assert english.effect({"kind": "longer_period", "days": 7}) == "7 more days"
    assert (english.listed(["a", "b"]), chinese.listed(["甲", "乙"])) == ("a, b", "甲、乙")


def test_a_notice_for_anybody_names_no_placeholder() -> None:
    assert formatting.Localizer("en", CITY_ZONE).filled("From {counterpart}.") == "From the organisation you choose."
    assert formatting.Localizer("zh-CN", CITY_ZONE).filled("来自{counterpart}", "市图书馆") == "来自市图书馆"


def test_every_rule_names_its_clause() -> None:
    assert set(findings.CLAUSES) == set(findings.RULES)


def test_the_processing_register_is_translated() -> None:
    texts = set()
    for entry in processing_register.REGISTER.values():
        texts |= {entry.purpose, entry.basis, entry.retention}
    assert texts <= set(formatting.translations(formatting.REGISTER_TEXTS))


def test_counts_of_one_use_the_singular() -> None:
    english = formatting.Localizer("en", CITY_ZONE)
    assert (english.amount(1, "bike_trip"), english.amount(1_200, "bike_trip")) == ("1 trip", "1,200 trips")


def test_sentences_and_icons_without_values_are_written_when_a_template_is_compiled() -> None:
    environment = formatting.template_environment(formatting.Localizer("zh-CN", CITY_ZONE))
    environment.add_extension(icons.StaticIcons)
    source = """{% for text in [_("Benefits")] %}{{ text }}{{ icon("gift") }}{{ icon("gift", "big") }}{% endfor %}"""
    environment.globals.pop("gettext")
    environment.globals.pop("_")
    assert environment.from_string(source).render() == f"权益{icons.icon('gift')}{icons.icon('gift', 'big')}"
    # A translation stands in a template as a text between double quotes.
    assert [text for text in formatting.translations(formatting.PAGE_TEXTS).values() if set(text) & set('"\\')] == []


UNITS = {"minute": 60, "hour": 3_600, "day": 86_400, "分钟": 60, "小时": 3_600, "天": 86_400}


@pytest.mark.parametrize(
    ("language", "figure"),
    [("en", r"(?<!in )\b(\d+|an?) (minute|hour|day)s?\b"), ("zh-CN", r"(\d+) ?(分钟|小时|天)")],
)
def test_the_texts_of_the_self_audit_state_the_limits_of_its_checks(language: str, figure: str) -> None:
    localizer = formatting.Localizer(language, CITY_ZONE)
    stated = {
        name: int(shown[1] if shown[1].isdecimal() else 1) * UNITS[shown[2]]
        for name in processing_register.CHECKS
        if (shown := re.search(figure, localizer.label("audit_check", name)))
    }
    assert len(stated) >= 11
    assert stated == {name: processing_register.CHECKS[name].age.total_seconds() for name in stated}
