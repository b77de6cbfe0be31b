"""Scan catalogue texts for words that matter to the officer who reads them and to the author.

`scan` returns every word of the list that stands in a text, in any spelling, with its place in the original text
and with how strongly the sentence denies it. `benefits.publishing.rules.marked_words` decides what that means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from benefits.publishing import folding, grammar, patterns
from benefits.publishing.grammar import Denial
from benefits.publishing.word_list import MASK, Entry, word_list

EXCLUSION = "exclusion"
"""The topic of people named by something that they did not do or do not have."""
SHUTTING_OUT = "shutting_out"
"""The topic of phrases that tell some people that they may not."""
SOCIAL_PROTECTION = "social_protection"
"""The domain whose words also name people in need."""
PERSONAL_LIMITS = "personal_limits"
"""The topic of limits by sex, age, origin and other traits of persons."""
CONTEXT_MAX = 120
"""Characters of the clause that are read on each side of a word; a sentence that denies a word is shorter."""
MARKS_OF_A_WORD_MAX = 10
"""Places of one word with one kind of denial that are returned: a text may repeat a word a thousand times."""
TEXT_CACHE_MAX = 256
"""Scanned texts in the cache: an editor's page checks the same document at every change."""


@dataclass(frozen=True, slots=True)
class Match:
    """A word of the list in a text."""

    topic: str
    word: str
    """The word as the list has it."""
    start: int
    """Index of its first character in the original text, counted in characters (code points)."""
    end: int
    """Index after its last character in the original text."""
    prohibits: bool
    """True for the name of a use that no benefit may have."""
    in_pinyin: bool
    denial: Denial


def scan(text: str) -> Sequence[Match]:
    """Return the words of the list in a text, by place.

    Of two words of one topic of which one contains the other, only the longer is returned.
    """
    return _scan(text, False)


def scan_id(document_id: str) -> Sequence[Match]:
    """Return the words of the list in an id, split at marks; long words also inside of longer ones."""
    return _scan(document_id, True)


def fold(text: str) -> str:
    """Return a text in the form in which words are compared, on one line; see `benefits.publishing.folding`."""
    return folding.fold(text).text.replace("\n", " ")


def is_placeholder(text: str) -> bool:
    """Return True if a text only fills a required field."""
    squeezed = fold(text).replace(" ", "")
    return squeezed in word_list().placeholders or len(squeezed) < 2


@lru_cache(maxsize=TEXT_CACHE_MAX)
def _scan(text: str, joined: bool) -> Sequence[Match]:
    folded = folding.fold(text)
    if not folded.text:
        return ()
    readable = _without_innocent(folded)
    matches = []
    for entry in patterns.candidates(folded, word_list().entries):
        marks: Counter[Denial] = Counter()
        for start, end, in_pinyin in patterns.occurrences(readable, entry, joined):
            if marks[Denial.NONE] == MARKS_OF_A_WORD_MAX:
                break
            denial = _denial(folded.text, start, end, entry)
            if denial is None or marks[denial] == MARKS_OF_A_WORD_MAX:
                continue
            marks[denial] += 1
            span = folded.original_span(start, end)
            matches.append(Match(entry.topic, entry.word, *span, entry.prohibits, in_pinyin, denial))
    matches.sort(key=lambda match: (match.start, -match.end))
    return tuple(match for match in matches if not any(_contains(other, match) for other in matches))


def _without_innocent(folded: folding.Folded) -> str:
    text = folded.text
    for entry in patterns.candidates(folded, word_list().innocent):
        for start, end, _ in patterns.occurrences(text, entry):
            text = text[:start] + MASK * (end - start) + text[end:]
    return text


def _denial(text: str, start: int, end: int, entry: Entry) -> Denial | None:
    """Return how strongly the clause denies the word; None if it names people in need by it."""
    near = text[max(0, start - CONTEXT_MAX) : start], text[end : end + CONTEXT_MAX]
    before = near[0].rpartition("\n")[2]
    after, _, rest = near[1].partition("\n")
    if entry.topic == EXCLUSION:
        return grammar.fault_denial(before, text[start:end], after, rest.partition("\n")[0])
    if entry.topic == PERSONAL_LIMITS:
        return grammar.trait_denial(before)
    if entry.topic == SHUTTING_OUT:
        return grammar.exclusion_denial(before)
    if entry.topic == SOCIAL_PROTECTION and grammar.speaks_of_the_needy(before, after):
        return None
    return grammar.denial(before, after)


def _contains(outer: Match, inner: Match) -> bool:
    """Return True if another match of the topic covers this one and more, or comes first at the same place."""
    if outer is inner or outer.topic != inner.topic or not (outer.start <= inner.start and inner.end <= outer.end):
        return False
    wider = outer.end - outer.start > inner.end - inner.start
    return wider or (outer.prohibits, outer.word) > (inner.prohibits, inner.word)
