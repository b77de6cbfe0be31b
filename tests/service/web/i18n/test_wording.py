"""Texts of the product avoid the words of tests/data/wording.toml; Chinese is set as in print."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import pytest

from service.auth.access_tokens import CITY_ZONE
from service.web.i18n import formatting
from service.web.i18n.formatting import Localizer
from tests.support.processes import ROOT

WORDING = tomllib.loads((ROOT / "tests/data/wording.toml").read_text(encoding="utf-8"))
# Package and file of every table of texts: docs/how-to/translate.md lists them.
TABLES = [
    ("service.web.i18n", "labels.toml"),
    ("service.web.forms", "labels.toml"),
    ("service.i18n", "messages.toml"),
    ("service.i18n", "findings.toml"),
    ("service.i18n", "names.toml"),
    ("service.http", "problems.toml"),
    ("consent.documents", "headings.toml"),
    ("benefits.publishing.sentences", "sentences.toml"),
]
NOTICES = ("service/demo/city/notices.yaml", "service/deployment/templates/starter-catalogue.yaml")
NAMED = {"how_to_withdraw": ("Stop", "Permissions"), "rights": ("Account",)}
"""Clauses of a notice, and the buttons and pages that each names."""
HAN = "\u4e00-\u9fff"
# Signs next to Chinese characters that print sets full-width.
HALF_WIDTH = re.compile(
    rf"[{HAN}”）][,;:?!]|[,;:?!][{HAN}“（]|[{HAN}]\.(?:$|[{HAN}\s])|[{HAN}]\([{HAN}]|[\"'][{HAN}]|[{HAN}][\"']"
)


def texts(language: str) -> Iterator[tuple[str, str]]:
    """Yield the place of each text of a language, and the text."""
    for english, chinese in formatting.translations(formatting.PAGE_TEXTS).items():
        yield f"page: {english}", english if language == "en" else chinese
    for package, name in TABLES:
        table = tomllib.loads((resources.files(package) / name).read_text(encoding="utf-8"))
        yield from members(table, language, f"{package}/{name}")


def members(table: Mapping[str, Any], language: str, place: str) -> Iterator[tuple[str, str]]:
    """Yield the texts of a language in a table, however deep, each with its place."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from members(value, language, f"{place}: {key}")
        elif key == language and isinstance(value, str):
            yield place, value


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_texts_use_the_words_of_the_product(language: str) -> None:
    refused = {re.compile(pattern): instead for pattern, instead in WORDING[language].items()}
    broken = [
        f"{place}: “{text}” has “{match[0]}”: say “{instead}”"
        for place, text in texts(language)
        for pattern, instead in refused.items()
        if (match := pattern.search(text))
    ]
    assert broken == []


def test_chinese_punctuation_is_full_width() -> None:
    broken = [f"{place}: {text}" for place, text in texts("zh-CN") if HALF_WIDTH.search(text)]
    assert broken == []


@pytest.mark.parametrize("file", NOTICES)
def test_notices_use_the_words_of_the_product_and_name_pages_as_they_are(file: str) -> None:
    clauses = re.findall(r"^ +(\w+): (.{20,})$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(clauses) > 40
    for clause, text in clauses:
        chinese = re.search(f"[{HAN}]", text) is not None
        instead_of = [instead for pattern, instead in WORDING["zh-CN"].items() if chinese and re.search(pattern, text)]
        assert not instead_of, (text, instead_of)
        spoken, quotes = Localizer("zh-CN" if chinese else "en", CITY_ZONE), "“{}”" if chinese else '"{}"'
        for name in NAMED.get(clause, ()):
            assert quotes.format(spoken.text(name)) in text, text


def test_the_check_reads_every_table() -> None:
    counted = {place.split(":")[0] for place, _text in texts("zh-CN")}
    assert counted == {"page", *(f"{package}/{name}" for package, name in TABLES)}


@pytest.mark.parametrize("text", ["授权,停止", "原因:没有", "你好.", "结束(今天)", '"授权"'])
def test_half_width_signs_are_reported(text: str) -> None:
    assert HALF_WIDTH.search(text)
