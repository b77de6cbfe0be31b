"""The words of `words.toml` with their pinyin, read at the first scan and not when the server starts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from benefits.publishing import folding

GAP = "…"
"""In a word: other characters of the clause stand between the parts; see GAP_MAX."""
NUMBER = "#"
"""In a word: a number stands here."""
OPEN_END = "*"
"""At the end of a word: further letters may follow."""
PINYIN_LETTERS_MIN = 5
"""Pinyin of fewer letters is not matched: English has too many words of four letters."""
MASK = "\u25a1"
"""Stands for each character of a phrase that is taken out, so that places stay the same."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One word of the list, in folded characters."""

    topic: str
    word: str
    prohibits: bool
    """True for the name of a use that no benefit may have; False for a word that only marks."""
    pinyin: tuple[str, ...] = ()
    """Its syllables without tones, with u for v; empty for words that are not all Chinese characters."""
    skeletons: tuple[str, ...] = ()
    """Parts that a text has in its skeleton if it contains the word."""
    pinyin_letters: str = ""
    """The syllables in one, empty if they are too few letters to be matched."""
    pinyin_skeleton: str = ""


@dataclass(frozen=True, slots=True)
class WordList:
    """The lists of `words.toml`, ready for matching."""

    entries: Sequence[Entry]
    domains: frozenset[str]
    """Topics that are uses which no benefit may have."""
    innocent: Sequence[Entry]
    placeholders: frozenset[str]
    needy_before: tuple[str, ...]
    needy_after: tuple[str, ...]
    false_denials: re.Pattern[str]

    def without_false_denials(self, folded: str) -> str:
        """Return a folded clause with MASK for every "no" that denies nothing."""
        return self.false_denials.sub(lambda phrase: MASK * len(phrase[0]), folded)


@lru_cache(maxsize=1)
def word_list() -> WordList:
    """Return the lists; the first call reads the files."""
    words, pinyin = _table("words.toml"), _table("pinyin.toml")
    topics = (*words["domains"].items(), *words["topics"].items())
    entries = [_entry(topic, word, topic in words["domains"], pinyin) for topic, listed in topics for word in listed]
    entries += [_entry(topic, word, False, pinyin) for topic, listed in words["mentions"].items() for word in listed]
    phrases = sorted(words["not_denying"], key=len, reverse=True)
    alternatives = "|".join(rf"\b{phrase}\b" if phrase.isascii() else phrase for phrase in phrases)
    return WordList(
        entries=entries,
        domains=frozenset(words["domains"]),
        innocent=[_entry("", word, False, {}) for word in words["innocent"]],
        placeholders=frozenset(words["nothing"]),
        needy_before=tuple(words["needy_before"]),
        needy_after=tuple(words["needy_after"]),
        false_denials=re.compile(alternatives),
    )


def chinese_words() -> Iterator[str]:
    """Yield every word of the topics that has two Chinese characters or more and nothing else: those with a pinyin."""
    words = _table("words.toml")
    for group in ("domains", "mentions", "topics"):
        for listed in words[group].values():
            yield from (word for word in listed if len(word) > 1 and all(map(folding.is_ideograph, word)))


def parts(word: str) -> list[str]:
    """Return the parts of a word that stand in a text as they are written here."""
    return [part for part in re.split(f"[{GAP}{NUMBER}{OPEN_END}]", word) if part]


def _entry(topic: str, word: str, prohibits: bool, pinyin: Mapping[str, str]) -> Entry:
    syllables = tuple(pinyin.get(word, "").replace("v", "u").split())
    letters = "".join(syllables)
    if len(letters) < PINYIN_LETTERS_MIN:
        syllables, letters = (), ""
    skeletons = tuple(folding.skeleton(part) for part in parts(word))
    return Entry(topic, word, prohibits, syllables, skeletons, letters, folding.skeleton(letters))


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("benefits.publishing") / name).read_text(encoding="utf-8"))
