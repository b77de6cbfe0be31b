"""Texts in both languages, loaded from TOML files in the package of the code that uses them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import NamedTuple


class BilingualText(NamedTuple):
    """A text in simplified Chinese and in English."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the English text for `en`, the Chinese text for any other language tag."""
        return self.en if language == "en" else self.zh


Texts = Mapping[str, BilingualText]


def load_groups(package: str, filename: str) -> Mapping[str, Texts]:
    """Read a TOML file of tables `[group]` with entries `key = { zh = "…", en = "…" }`.

    Raises:
        ValueError: an entry does not have exactly these two texts; the message names file, group and key.
    """
    groups = tomllib.loads((resources.files(package) / filename).read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            group: MappingProxyType(
                {key: _bilingual(value, f"{filename}: [{group}] {key}") for key, value in entries.items()}
            )
            for group, entries in groups.items()
        }
    )


def _bilingual(value: object, place: str) -> BilingualText:
    if not isinstance(value, dict) or set(value) != {"zh", "en"}:
        raise ValueError(f"{place} needs the texts zh and en, and nothing else")
    return BilingualText(str(value["zh"]), str(value["en"]))
