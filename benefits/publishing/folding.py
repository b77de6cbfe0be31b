"""Fold catalogue texts so that a word is the same in every spelling, with the place of each folded character.

Folded away: width, case, accents, invisible characters, confusable letters (Unicode TR39), traditional characters and
their regional variants (OpenCC), marks between letters. Each folded character remembers its original character.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import opencc

IDEOGRAPHS = (("\u3400", "\u9fff"), ("\U00020000", "\U000323af"))
"""First and last character of the blocks of Chinese characters."""
CHARACTER_CACHE_MAX = 8_192
"""Folded characters in the cache: more than the characters of the national standard's first two levels (6,763)."""
CLAUSE_MARKS = frozenset(",;:!?\n\r。؟")
"""Marks that end a clause, after width is folded. A full stop does before a space or at the end."""
LETTER_IN_NAME = re.compile(r"(?:LATIN|REGIONAL INDICATOR SYMBOL).* ([A-Z])$")
"""Matches the name of a character that is drawn as one Latin letter."""
LETTER_SIGNS = frozenset("@$!|")
"""Marks that stand for a letter inside a word, as in `b@nned`; see LETTER_SUBSTITUTES."""
SIGNS_BEFORE_A_WORD = frozenset("@$")
"""Those that also stand for the first or the last letter of a word."""
LETTER_SUBSTITUTES: Mapping[str, str] = MappingProxyType(
    {"o": "0", "i": "1!|", "l": "1!|", "e": "3", "a": "4@", "s": "5$", "t": "7", "b": "8", "g": "9", "z": "2"}
)
"""Digits and marks that stand for a letter inside a word."""
_SKELETON = str.maketrans(
    {sign: "i" if letter == "l" else letter for letter, signs in LETTER_SUBSTITUTES.items() for sign in signs}
    | {"l": "i", "1": "i", "!": "i", "|": "i", " ": ""}
)


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text: clauses on lines of their own, single spaces, lower case."""

    text: str
    origins: Sequence[int]
    """The index in the original text of every character of `text`."""
    skeleton: str
    """`text` as `skeleton` returns it: a word whose skeleton is not in it is not in the text in any spelling."""

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return start and end in the original text of `text[start:end]`, which must not be empty."""
        return self.origins[start], self.origins[end - 1] + 1


def fold(text: str) -> Folded:
    """Return the folded text with its origins."""
    clauses: list[list[tuple[str, int]]] = []
    alone = False
    for clause in _clauses(text):
        # Single characters between marks are the letters of one word: 黑。名。单
        single = len(clause) == 1 and clause[0][0].isalpha()
        if clauses and (single or alone):
            clauses[-1] += clause
        elif clause:
            clauses.append(clause)
        alone = single
    folded = [pair for clause in clauses for pair in (("\n", clause[0][1]), *clause)][1:]
    characters = "".join(character for character, _ in folded)
    return Folded(characters, tuple(origin for _, origin in folded), skeleton(characters))


def skeleton(folded: str) -> str:
    """Return a folded text without spaces, its digits and marks as the letters that they stand for, l as i."""
    return folded.translate(_SKELETON)


def is_ideograph(character: str) -> bool:
    """Return True for a Chinese character."""
    return any(first <= character <= last for first, last in IDEOGRAPHS)


def _clauses(text: str) -> Iterable[list[tuple[str, int]]]:
    """Yield the clauses of a text: folded characters with their origins, without spaces at either end."""
    clause: list[tuple[str, int]] = []
    for index, character in enumerate(text):
        before, after = text[index - 1 : index], text[index + 1 : index + 2]
        for folded in fold_character(character):
            if folded.isalnum() or _is_letter_sign(folded, before, after):
                clause.append((folded, index))
            elif folded in CLAUSE_MARKS or (folded == "." and (not after or after.isspace())):
                yield _without_last_space(clause)
                clause = []
            elif clause and clause[-1][0] != " ":
                clause.append((" ", index))
    yield _without_last_space(clause)


def _without_last_space(clause: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return clause[:-1] if clause and clause[-1][0] == " " else clause


def _is_letter_sign(mark: str, before: str, after: str) -> bool:
    if mark not in LETTER_SIGNS:
        return False
    letters = [near.isascii() and near.isalpha() for near in (before, after)]
    return any(letters) if mark in SIGNS_BEFORE_A_WORD else all(letters)


@lru_cache(maxsize=CHARACTER_CACHE_MAX)
def fold_character(character: str) -> str:
    """Return the folded form of one character: none, one or several characters."""
    folded = ""
    for part in _without_marks(character):
        alike = part if part.isascii() else _confusables().get(part) or _named_letter(part) or part
        folded += "".join(_simplified(letter) for letter in _without_marks(alike.casefold()))
    return folded


def _without_marks(text: str) -> str:
    """A text in compatibility form, without accents and invisible characters."""
    return "".join(
        part for part in unicodedata.normalize("NFKD", text) if unicodedata.category(part) not in ("Mn", "Me", "Cf")
    )


@lru_cache(maxsize=1)
def _confusables() -> Mapping[str, str]:
    """Characters of other scripts, each with the Latin letter or Chinese character that it is confused with."""
    table = resources.files("confusable_homoglyphs") / "confusables.json"
    known = json.loads(table.read_text(encoding="utf-8"))
    alike = {}
    for character, others in known.items():
        if len(character) != 1 or character.isascii() or not character.isalnum() or is_ideograph(character):
            continue
        for other in others:
            plain = _without_marks(other["c"])
            if plain and all((part.isascii() and part.isalnum()) or is_ideograph(part) for part in plain):
                alike[character] = plain
                break
    return alike


def _named_letter(character: str) -> str | None:
    """The Latin letter in a character's name, for emblems such as NEGATIVE SQUARED LATIN CAPITAL LETTER B, or None."""
    named = LETTER_IN_NAME.search(unicodedata.name(character, ""))
    return None if named is None else named[1]


@lru_cache(maxsize=1)
def _converters() -> Sequence[opencc.OpenCC]:
    """Converters to simplified characters: of the standard spelling, then of variants in Hong Kong and Taiwan."""
    # Imported here: its dictionaries take 7 MiB and 25 ms, which the start of a server does not need.
    import opencc

    return opencc.OpenCC("t2s"), opencc.OpenCC("hk2s"), opencc.OpenCC("tw2s")


def _simplified(character: str) -> str:
    # Character by character: OpenCC's phrases depend on the neighbours, and lengths may change.
    if not is_ideograph(character):
        return character
    for converter in _converters():
        simple: str = converter.convert(character)
        if simple != character:
            return simple
    return character
