"""What catalogue texts must not say: prohibited domains, public labelling, and alternatives that are none.

Texts are folded before they are looked at: width, case, spaces, punctuation and traditional characters, so that a word
is found however it is spelt. The words are data, `words.toml`, for people to maintain.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

_WORDS = tomllib.loads((resources.files("benefits") / "words.toml").read_text(encoding="utf-8"))
TRADITIONAL = {ord(pair[0]): pair[1] for pair in _WORDS["traditional"].split()}
"""Traditional characters that occur in the words, each with its simplified one."""
DOMAINS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {one: tuple(words) for one, words in _WORDS["domains"].items()}
)
"""Uses that no benefit may have, each with the words that give it away."""
LABELLING = tuple(_WORDS["labelling"])
"""Marking people in public."""
NOTHING = frozenset(_WORDS["nothing"])
"""Texts that stand where an offline path or an alternative should."""
NEGATIONS = re.compile(r"不|无|無|免|没有|沒有|\b(?:no|not|never|without|none|neither|nor|free of)\b", re.I)
"""A clause with one of these says what is not so; titles are never read that leniently."""
CLAUSES = re.compile(r"[,.;:!?，。；：！？、\n]")


def fold(text: str) -> str:
    """A text as it is searched: compatibility forms, simplified, lower case, single spaces, no marks within words."""
    wide = unicodedata.normalize("NFKC", text).translate(TRADITIONAL).casefold()
    kept = re.sub(r"[^\w\s]+|_", " ", wide)
    return re.sub(r"\s+", " ", kept).strip()


def _squeezed(text: str) -> str:
    """The folded text without any space: for words of Chinese, and for letters that were spaced out."""
    return fold(text).replace(" ", "")


def found(text: str, words: tuple[str, ...]) -> str | None:
    """The first of the words that a text says, or None; Latin words as whole words, in singular or plural."""
    folded, squeezed = f" {fold(text)} ", _squeezed(text)
    for word in words:
        if word.isascii():
            if re.search(rf" {re.escape(word)}(?:s|es|ed|ing)? ", folded):
                return word
        elif word in squeezed:
            return word
    return None


def domain_of(text: str, *, leniently: bool = False) -> str | None:
    """The prohibited domain that a text is about, or None; `leniently` passes over clauses that say no."""
    clauses = [one for one in CLAUSES.split(text) if not NEGATIONS.search(one)] if leniently else [text]
    return next((domain for domain, words in DOMAINS.items() for clause in clauses if found(clause, words)), None)


def labels(text: str) -> bool:
    """Whether a text speaks of marking people in public."""
    return found(text, LABELLING) is not None


def says_nothing(text: str) -> bool:
    """Whether a text is only there because the field is required."""
    return _squeezed(text) in NOTHING or len(_squeezed(text)) < 2
