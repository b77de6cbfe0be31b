"""Texts of closed sentences: compose them for a benefit, and recognise them. Pure.

A text is closed when both languages are the same sequence of sentences with the same values, and every value is the
benefit's or the catalogue's own. Recognition writes out each sentence that suits the benefit and compares characters:
nothing but these exact sentences is closed. Everything else is a free text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benefits.publishing.sentences.facts import BenefitFacts
from benefits.publishing.sentences.values import Value, ValueUnsuited
from benefits.publishing.sentences.vocabulary import VOCABULARY, Sentence, Vocabulary
from consent.documents.schema import NAME_MAX, TEXT_MAX
from consent.kernel.bilingual import LANGUAGES

SEPARATORS = {"zh-CN": "", "en": " "}
"""The text between two sentences."""
SENTENCES_MAX = 20
"""Sentences of one text: a text of all that are recommended has 7; a longer one is not read at a counter."""

Text = Mapping[str, str]
"""A text of a document by language tag."""


@dataclass(frozen=True, slots=True)
class ClosedSentence:
    """A sentence of the vocabulary with the values of one benefit."""

    key: str
    """The sentence's id; with `/` and the venue's id where it names a venue."""
    text: Text
    recommended: bool = False


@dataclass(frozen=True, slots=True)
class ClosedText:
    """A text of closed sentences alone."""

    sentences: tuple[ClosedSentence, ...]


@dataclass(frozen=True, slots=True)
class FreeText:
    """A text with a free sentence, in one language."""

    language: str
    sentence: int
    """The number of the first sentence that is not closed, counted from 1."""
    start: int
    """The character at which it begins, counted from 0."""


def sentences_for(member: str, facts: BenefitFacts, vocabulary: Vocabulary = VOCABULARY) -> list[ClosedSentence]:
    """Return every closed sentence that may stand in a member of a benefit, in the vocabulary's order."""
    taken_groups: set[str] = set()
    suitable: list[ClosedSentence] = []
    for sentence in vocabulary.sentences:
        if member not in sentence.members or not sentence.suits(facts):
            continue
        written = list(_written(sentence, facts, vocabulary, NAME_MAX if member == "title" else TEXT_MAX))
        recommended = bool(sentence.group) and sentence.group not in taken_groups
        for index, (key, text) in enumerate(written):
            suitable.append(ClosedSentence(key, text, recommended and index == 0))
        if written:
            taken_groups.add(sentence.group)
    return suitable


def compose(
    member: str, facts: BenefitFacts, keys: Collection[str] | None = None, vocabulary: Vocabulary = VOCABULARY
) -> dict[str, str] | None:
    """Return a member's text of the sentences with these keys, by default of the recommended ones.

    Returns None when no sentence has one of the keys. A title is its first sentence alone.
    """
    chosen = [
        sentence
        for sentence in sentences_for(member, facts, vocabulary)
        if (sentence.recommended if keys is None else sentence.key in keys)
    ]
    return join(chosen[:1] if member == "title" else chosen) if chosen else None


def join(sentences: Sequence[ClosedSentence]) -> dict[str, str]:
    """Return a text of closed sentences in both languages."""
    return {
        language: SEPARATORS[language].join(sentence.text[language] for sentence in sentences) for language in LANGUAGES
    }


def recognise(
    member: str, text: Text, facts: BenefitFacts, vocabulary: Vocabulary = VOCABULARY
) -> ClosedText | tuple[FreeText, ...]:
    """Return the closed sentences of a text, or its first free sentence in each language that has one.

    If each language is closed but they say different things, the English text counts as free from its start.
    """
    candidates = sentences_for(member, facts, vocabulary)
    most = 1 if member == "title" else SENTENCES_MAX
    sentences, _ = _parse(text, LANGUAGES, candidates, most)
    if sentences is not None:
        return ClosedText(tuple(sentences))
    free = []
    for language in LANGUAGES:
        alone, (position, count) = _parse(text, (language,), candidates, most)
        if alone is None:
            free.append(FreeText(language, count + 1, position))
    return tuple(free) or (FreeText("en", 1, 0),)


def _written(
    sentence: Sentence, facts: BenefitFacts, vocabulary: Vocabulary, characters_max: int
) -> Iterator[tuple[str, Text]]:
    """Yield (key, text) of a sentence, once or for each venue; nothing where it would be too long for its member."""
    venues = facts.venues if sentence.names_venue else [("", {})]
    for venue_id, name in venues:
        values: Mapping[str, Value] = {**facts.values, "venue": name}
        try:
            text = {language: vocabulary.render(sentence, values, language) for language in LANGUAGES}
        except ValueUnsuited:
            return
        if max(map(len, text.values())) <= characters_max:
            yield f"{sentence.sentence_id}/{venue_id}" if venue_id else sentence.sentence_id, text


def _parse(
    text: Text, languages: Sequence[str], candidates: Sequence[ClosedSentence], most: int
) -> tuple[list[ClosedSentence] | None, tuple[int, int]]:
    """Read a text as closed sentences in these languages at once, none of them twice.

    Returns the sentences or None, and the furthest (position in the first language, sentences before it).
    """
    furthest = (0, 0)
    tried: set[tuple[int, ...]] = set()

    def read_on(positions: tuple[int, ...], before: list[ClosedSentence]) -> list[ClosedSentence] | None:
        nonlocal furthest
        furthest = max(furthest, (positions[0], len(before)))
        if positions in tried or len(before) == most:
            return None
        tried.add(positions)
        for sentence in candidates:
            if sentence in before or any(
                not text[language].startswith(sentence.text[language], position)
                for language, position in zip(languages, positions, strict=True)
            ):
                continue
            ends = [
                position + len(sentence.text[language]) for language, position in zip(languages, positions, strict=True)
            ]
            rest = [text[language][end:] for language, end in zip(languages, ends, strict=True)]
            if not any(rest):
                return [*before, sentence]
            separators = [SEPARATORS[language] for language in languages]
            if all(part and part.startswith(separator) for part, separator in zip(rest, separators, strict=True)) and (
                sentences := read_on(_add(ends, separators), [*before, sentence])
            ):
                return sentences
        return None

    return read_on((0,) * len(languages), []), furthest


def _add(ends: Sequence[int], separators: Sequence[str]) -> tuple[int, ...]:
    return tuple(end + len(separator) for end, separator in zip(ends, separators, strict=True))
