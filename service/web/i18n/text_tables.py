"""Texts in both languages with a choice by language tag, for tables that are read from TOML files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from consent.kernel import bilingual


class BilingualText(NamedTuple):
    """A text in simplified Chinese and in English."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the English text for `en`, the Chinese text for any other language tag."""
        return self.en if language == "en" else self.zh


Texts = Mapping[str, BilingualText]


def load_groups(package: str, filename: str) -> Mapping[str, Texts]:
    """Read a TOML file of tables `[group]` with entries `key = { "zh-CN" = "…", en = "…" }`.

    Raises:
        TextIncomplete: an entry does not have exactly these two texts; the message names file, group and key.
    """
    return MappingProxyType(
        {
            group: MappingProxyType(
                {key: BilingualText(*pair) for key, pair in bilingual.pairs(table, f"{filename}: {group}").items()}
            )
            for group, table in bilingual.load(package, filename).items()
        }
    )
