"""Texts in 简体中文 and English, read from TOML files that lie next to the code that uses them.

A text is a TOML table of exactly two members, `"zh-CN"` and `en`. A file with a text that lacks a language, or is blank
in it, stops the import of the module that reads it, so no process can start with half of a text.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

LANGUAGES = ("zh-CN", "en")
"""The languages of every text, in the order of a `Pair`."""
Pair = tuple[str, str]
"""A text: (简体中文, English)."""


class TextIncomplete(ValueError):
    """A text lacks a language; the message names the file or table and the text."""


def load(package: str, name: str) -> Mapping[str, Any]:
    """Read the TOML file `name` of a package, as its tables."""
    return tomllib.loads((resources.files(package) / name).read_text(encoding="utf-8"))


def pair(text: Mapping[str, Any], where: str) -> Pair:
    """Return a text as (简体中文, English). Raises TextIncomplete, which names `where`."""
    if set(text) != set(LANGUAGES) or not all(isinstance(text[name], str) and text[name].strip() for name in LANGUAGES):
        raise TextIncomplete(f"{where} needs a text in each of {', '.join(LANGUAGES)} and nothing else")
    return text["zh-CN"], text["en"]


def pairs(table: Mapping[str, Any], where: str) -> Mapping[str, Pair]:
    """Return a table of texts by code, each as (简体中文, English). Raises TextIncomplete."""
    return MappingProxyType({code: pair(text, f"{where}.{code}") for code, text in table.items()})


def by_language(table: Mapping[str, Any], where: str) -> Mapping[str, Mapping[str, str]]:
    """Return a table of texts by code, each by language. Raises TextIncomplete."""
    return MappingProxyType(
        {code: MappingProxyType(dict(zip(LANGUAGES, text, strict=True))) for code, text in pairs(table, where).items()}
    )
