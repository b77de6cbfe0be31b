"""Share of ordinary sentences that are marked by mistake, and of harmful ones that are marked: measured and printed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from benefits.publishing.rules import marked_words
from consent.domain.document_kinds import DocumentKind, Finding, Severity

DATA = Path(__file__).parents[2] / "data"
HARMLESS = tomllib.loads((DATA / "harmless_texts.toml").read_text(encoding="utf-8"))
HARMFUL = tomllib.loads((DATA / "harmful_texts.toml").read_text(encoding="utf-8"))
UNSEEN = HARMFUL.pop("unseen")["texts"]
HARMLESS_MIN, HARMFUL_MIN = 150, 125
MARKED_BY_MISTAKE_PERCENT_MAX = 6
"""Ordinary sentences that may be flagged: those that name a public body as a place, for example."""
MARKED_PERCENT_MIN, UNSEEN_MARKED_PERCENT_MIN = 85, 15
"""Harmful sentences that are marked at least, of those that the list was made with and of those it was not made with.
docs/policy.md names the measured shares: the list is advice, and misses much of what nobody thought of."""


def findings(member: str, text: str) -> list[Finding]:
    """Return the findings about a text in a member of a benefit, or in a provider's name."""
    if member == "name":
        return list(marked_words.check(DocumentKind.PROVIDERS, {"provider_id": "any", "name": {"en": text}}))
    return list(marked_words.check(DocumentKind.BENEFITS, {"benefit_id": "any", member: {"en": text}}))


def severities(member: str, text: str) -> set[Severity]:
    return {finding.severity for finding in findings(member, text)}


def test_no_ordinary_sentence_is_refused_and_few_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    corpus = [(member, text) for member, listed in HARMLESS.items() for text in listed]
    assert len(corpus) >= HARMLESS_MIN
    refused = [(member, text) for member, text in corpus if Severity.REFUSED in severities(member, text)]
    flagged = [(member, text) for member, text in corpus if Severity.FLAGGED in severities(member, text)]
    advised = [(member, text) for member, text in corpus if severities(member, text) == {Severity.ADVICE}]
    with capsys.disabled():
        print(
            f"\n{len(corpus)} ordinary sentences: {len(refused)} refused, {len(flagged)} flagged, "
            f"{len(advised)} with advice"
        )
        for member, text in (*refused, *flagged, *advised):
            print(f"  {member}: {text}: {[[mark.text for mark in row.marks] for row in findings(member, text)]}")
    assert refused == []
    assert len(flagged) * 100 <= len(corpus) * MARKED_BY_MISTAKE_PERCENT_MAX


def test_harmful_sentences_that_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    known = [text for listed in HARMFUL.values() for text in listed]
    assert len(known) >= HARMFUL_MIN
    for name, corpus, percent_min in (
        ("that the list was made with", known, MARKED_PERCENT_MIN),
        ("that it was not made with", UNSEEN, UNSEEN_MARKED_PERCENT_MIN),
    ):
        missed = [text for text in corpus if not findings("terms", text)]
        marked = len(corpus) - len(missed)
        with capsys.disabled():
            print(f"\n{len(corpus)} harmful sentences {name}: {marked} marked")
            for text in missed:
                print(f"  not marked: {text}")
        assert marked * 100 >= len(corpus) * percent_min
