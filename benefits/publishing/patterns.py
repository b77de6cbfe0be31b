"""Find the words of the list in a folded text: spaced, with digits for letters, in pinyin, half in pinyin. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from benefits.publishing.folding import LETTER_SUBSTITUTES, Folded
from benefits.publishing.word_list import GAP, NUMBER, OPEN_END, Entry

GAP_MAX = 16
"""Characters that a gap in a word stands for: about one short phrase."""
SPACED_LETTERS_MIN = 4
"""Latin words of fewer letters are not matched with spaces inside: `a cat` has no CT."""
JOINED_LETTERS_MIN = 6
"""Words of so many letters are matched inside of longer ones in an id, which may join words: laolaiblacklist."""
TOKEN_LETTERS_MAX = 64
"""Longer runs of letters are no words and are not divided into syllables."""
SYLLABLE_LETTERS_MAX = 6
"""The longest syllables of pinyin: zhuang, chuang, shuang."""
SYLLABLE = re.compile(
    r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?"
    r"(?:iang|uang|iong|ang|eng|ing|ong|ian|iao|uai|uan|ia|ie|iu|in|ua|uo|ui|un|ue|ve|ai|ei|ao|ou|an|en|er|[aoeiuv])"
)
"""A syllable of pinyin; it allows some that Chinese does not have."""
LETTERS = re.compile(r"[a-z]+")
MIXED_SCRIPTS = re.compile(r"[\u3400-\u9fff] ?[a-z]|[a-z] ?[\u3400-\u9fff]")
"""Matches a Chinese character next to a Latin letter."""
Occurrence = tuple[int, int, bool]
"""Start and end in the folded text, and True for a word in pinyin alone."""


def candidates(folded: Folded, entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield the words that may stand in a text: a substring search that rules out nearly all of them."""
    letters = "".join(LETTERS.findall(folded.text))
    mixed = MIXED_SCRIPTS.search(folded.text) is not None
    skeleton = folded.skeleton
    for entry in entries:
        # A loop, not `all`: this runs for a thousand words a text, and a generator for each takes half of the time.
        for part in entry.skeletons:
            if part not in skeleton:
                break
        else:
            yield entry
            continue
        if not (letters and entry.pinyin):
            continue
        in_pinyin = entry.pinyin_letters in letters or entry.pinyin_skeleton in skeleton
        if in_pinyin or (mixed and _may_be_mixed(folded.text, entry)):
            yield entry


def occurrences(text: str, entry: Entry, joined: bool = False) -> Iterator[Occurrence]:
    """Yield every place of a word in a folded text, of which some characters may be masked.

    With `joined`, long words also count inside of longer ones.
    """
    for hit in _pattern(entry.word, joined and len(entry.word) >= JOINED_LETTERS_MIN).finditer(text):
        if _is_spelled(hit[0], entry.word):
            yield hit.start(), hit.end(), False
    if entry.pinyin:
        inside = joined and len(entry.pinyin_letters) >= JOINED_LETTERS_MIN
        for hit in _pinyin_pattern(entry.pinyin).finditer(text):
            if inside or _divides_syllables(text, hit.start(), hit.end()):
                yield hit.start(), hit.end(), True
        for hit in _mixed_pattern(entry.word, entry.pinyin).finditer(text):
            if not hit[0].isascii() and LETTERS.search(hit[0]):
                yield hit.start(), hit.end(), False


def _may_be_mixed(text: str, entry: Entry) -> bool:
    """Return True if a text has every character of a word, or its pinyin, and at least one of the characters."""
    return any(character in text for character in entry.word) and all(
        character in text or syllable in text for character, syllable in zip(entry.word, entry.pinyin, strict=True)
    )


def _is_spelled(hit: str, word: str) -> bool:
    """Return False for a Latin word of which more than half is digits and marks, such as 101 for `lol`."""
    if not word.isascii() or NUMBER in word or any(character.isdigit() for character in word):
        return True
    letters = sum(character.isalpha() for character in hit)
    return letters * 2 >= sum(not character.isspace() for character in hit)


@lru_cache(maxsize=4_096)
def _pattern(word: str, joined: bool) -> re.Pattern[str]:
    """A pattern of a word of the list; Latin words are whole words, in singular or plural, unless `joined`."""
    open_end = word.endswith(OPEN_END)
    core = rf"[^\n]{{0,{GAP_MAX}}}?".join(
        r" ?(?:\d+|[一二三四五六七八九十百千两]+) ?".join(_spelled(piece) for piece in part.split(NUMBER))
        for part in word.removesuffix(OPEN_END).split(GAP)
    )
    if not word.isascii() and not word.replace(GAP, "").isascii():
        return re.compile(core)
    if joined:
        return re.compile(core)
    ending = "[a-z]*" if open_end else "(?: ?(?:s|es|ed|ing))?"
    return re.compile(rf"(?<![a-z0-9]){core}{ending}(?![a-z0-9])")


def _spelled(piece: str) -> str:
    letters = [letter for letter in piece if letter != " "]
    if piece.isascii() and len(letters) < SPACED_LETTERS_MIN:
        return "".join(_letter(letter) if letter != " " else " " for letter in piece)
    return " ?".join(_letter(letter) for letter in letters)


def _letter(letter: str) -> str:
    substitutes = LETTER_SUBSTITUTES.get(letter)
    return re.escape(letter) if substitutes is None else f"[{letter}{re.escape(substitutes)}]"


@lru_cache(maxsize=4_096)
def _pinyin_pattern(syllables: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern of syllables, joined or spaced, with or without the numbers of tones."""
    return re.compile(" ?".join("".join(map(_letter, syllable)) + "[1-5]?" for syllable in syllables))


def _divides_syllables(text: str, start: int, end: int) -> bool:
    """Return True if the letters before and after the place, up to the next mark, divide into syllables of pinyin."""
    before = re.search(r"[a-z]*$", text[max(0, start - TOKEN_LETTERS_MAX) : start])
    after = re.match(r"[a-z]*", text[end : end + TOKEN_LETTERS_MAX])
    assert before is not None
    assert after is not None
    return _is_pinyin(before[0]) and _is_pinyin(after[0])


@lru_cache(maxsize=256)
def _is_pinyin(letters: str) -> bool:
    """Return True if letters divide into syllables, in any way; also for none."""
    reached = {0}
    for start in range(len(letters)):
        if start in reached:
            ends = range(start + 1, min(start + SYLLABLE_LETTERS_MAX, len(letters)) + 1)
            reached |= {end for end in ends if SYLLABLE.fullmatch(letters, start, end)}
    return len(letters) in reached


@lru_cache(maxsize=4_096)
def _mixed_pattern(word: str, syllables: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern of a word of which some characters are written in pinyin."""
    alternatives = [f"(?:{character}|{syllable})" for character, syllable in zip(word, syllables, strict=True)]
    alternatives[0] = f"(?:{word[0]}|(?<![a-z]){syllables[0]})"
    alternatives[-1] = f"(?:{word[-1]}|{syllables[-1]}(?![a-z]))"
    return re.compile(" ?".join(alternatives))
