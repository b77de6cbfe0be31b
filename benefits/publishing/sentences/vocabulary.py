"""The vocabulary of closed sentences, read from sentences.toml. Pure.

A process does not start with a vocabulary that is empty or has a sentence that lacks a language, names an unknown fact
or unit, states different facts in its two languages, or stands in a text that must name a venue without naming one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from benefits.publishing.sentences.facts import FACT_NAMES, BenefitFacts
from benefits.publishing.sentences.values import Value, Words, load_words
from benefits.rules.vocabulary import EffectKind, ServiceKind
from consent.kernel import bilingual

MEMBERS = ("title", "description", "terms", "need_based_alternative", "offline_path")
"""Members of a benefit that are made of closed sentences."""
MEMBERS_WITH_VENUE = frozenset({"need_based_alternative", "offline_path"})
"""Members in which every sentence names a venue, so that help without points or a phone is somewhere (R14)."""
PLACEHOLDER = re.compile(r"\{([a-z_.]+)(?::([a-z_]+))?\}")
"""A place of a sentence: a fact and, for a number, its unit."""
OPTIONS = frozenset(
    {"id", "members", "group", "effects", "services", "not_services", "needs", "zero", "positive", *bilingual.LANGUAGES}
)


class VocabularyInvalid(ValueError):
    """The vocabulary has a fault; the message names the sentence."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with placeholders for facts, and the benefits that it suits."""

    sentence_id: str
    members: frozenset[str]
    text: Mapping[str, str]
    """By language tag, with the placeholders as written in the vocabulary."""
    group: str
    """Of the suitable sentences of a group the first is recommended; none of the group "" is."""
    effects: frozenset[EffectKind]
    services: frozenset[ServiceKind]
    needs: frozenset[str]
    """Facts that the benefit must have, those of the placeholders included."""
    zero: frozenset[str]
    positive: frozenset[str]

    @property
    def placeholders(self) -> tuple[tuple[str, str], ...]:
        """The facts of the sentence, each with its unit or "", in the order of the English text."""
        return tuple((match[1], match[2] or "") for match in PLACEHOLDER.finditer(self.text["en"]))

    @property
    def names_venue(self) -> bool:
        """True if the sentence has a placeholder for a venue of the provider."""
        return any(fact == "venue" for fact, _ in self.placeholders)

    def suits(self, facts: BenefitFacts) -> bool:
        """Return True if the sentence is about such a benefit, and true of it."""
        if facts.effect_kind not in self.effects or facts.service_kind not in self.services:
            return False
        values = facts.values
        return (
            all(name in values or (name == "venue" and facts.venues) for name in self.needs)
            and all(values[name] == 0 for name in self.zero)
            and all(isinstance(value := values[name], int) and value > 0 for name in self.positive)
        )


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All sentences in the order of the file, and the words that they share."""

    sentences: tuple[Sentence, ...]
    words: Words

    def render(self, sentence: Sentence, values: Mapping[str, Value], language: str) -> str:
        """Return a sentence in a language with its placeholders filled.

        Raises:
            ValueUnsuited: a value cannot be written at its placeholder.
        """
        return PLACEHOLDER.sub(
            lambda match: self.words.text(values[match[1]], match[2] or "", language), sentence.text[language]
        )


def load(tables: Mapping[str, Any]) -> Vocabulary:
    """Return the vocabulary from the tables of sentences.toml.

    Raises:
        VocabularyInvalid: it is empty or a sentence has a fault.
        TextIncomplete: a text lacks a language.
    """
    words = load_words(tables)
    sentences = tuple(_sentence(table, words) for table in tables.get("sentence", ()))
    if not sentences:
        raise VocabularyInvalid("there is no sentence: every text of every benefit would wait for an officer")
    identifiers = [sentence.sentence_id for sentence in sentences]
    for sentence_id in identifiers:
        if identifiers.count(sentence_id) > 1:
            raise VocabularyInvalid(f"{sentence_id} is the id of two sentences")
    return Vocabulary(sentences, words)


def _sentence(table: Mapping[str, Any], words: Words) -> Sentence:
    where = str(table.get("id", "a sentence without id"))
    if unknown := set(table) - OPTIONS:
        raise VocabularyInvalid(f"{where} has unknown options: {', '.join(sorted(unknown))}")
    zh_cn, en = bilingual.pair({language: table.get(language) for language in bilingual.LANGUAGES}, where)
    excluded = {ServiceKind(kind) for kind in table.get("not_services", ())}
    zero, positive = frozenset(table.get("zero", ())), frozenset(table.get("positive", ()))
    placeholders = {language: PLACEHOLDER.findall(text) for language, text in (("zh-CN", zh_cn), ("en", en))}
    named = {fact for fact, _ in placeholders["en"]}
    sentence = Sentence(
        where,
        frozenset(table["members"]),
        {"zh-CN": zh_cn, "en": en},
        table.get("group", ""),
        frozenset(EffectKind(kind) for kind in table.get("effects", EffectKind)),
        frozenset(ServiceKind(kind) for kind in table.get("services", ServiceKind)) - excluded,
        frozenset(table.get("needs", ())) | zero | positive | named,
        zero,
        positive,
    )
    _require_sound(sentence, placeholders, words)
    return sentence


def _require_sound(sentence: Sentence, placeholders: Mapping[str, list[tuple[str, str]]], words: Words) -> None:
    where = sentence.sentence_id
    if {fact for fact, _ in placeholders["zh-CN"]} != {fact for fact, _ in placeholders["en"]}:
        raise VocabularyInvalid(f"{where} states different facts in its two languages")
    if unknown := sentence.needs - FACT_NAMES:
        raise VocabularyInvalid(
            f"{where} names unknown facts: {', '.join(sorted(unknown))}. FACT_NAMES in"
            " benefits/publishing/sentences/facts.py has them all; an amount is one if its effect is in `Effect`"
            " (benefits/rules/effects.py)"
        )
    if unknown := frozenset(unit for _, unit in (*placeholders["zh-CN"], *placeholders["en"]) if unit) - set(
        words.units
    ):
        raise VocabularyInvalid(f"{where} names unknown units: {', '.join(sorted(unknown))}")
    if not sentence.members or not sentence.members <= set(MEMBERS):
        raise VocabularyInvalid(f"{where} stands in no member, or in an unknown one")
    if sentence.members & MEMBERS_WITH_VENUE and not sentence.names_venue:
        raise VocabularyInvalid(f"{where} offers help or a path without naming a venue")
    if not sentence.services or not sentence.effects:
        raise VocabularyInvalid(f"{where} suits no benefit")


_TABLES = bilingual.load("benefits.publishing.sentences", "sentences.toml")
VOCABULARY = load(_TABLES)
"""The vocabulary of this version."""
CONTACT_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {language: tuple(_TABLES["contacts"][language]) for language in bilingual.LANGUAGES}
)
"""Words for somebody to turn to, by language: a free text about a way without the app has one, or a venue's name."""
