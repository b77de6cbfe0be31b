"""Rules that let only closed sentences and known names go live without an officer who read them (R13, R14).

| code | about | severity |
|---|---|---|
| `free_text` | a sentence that is not of the vocabulary, by member and language | flagged |
| `name_new` | the name of a provider, venue, source, service or issuer without a version in force | flagged |
| `name_changed` | the changed name of a venue, service or issuer; of a provider or source see `names` | flagged |
| `address_changed` | the changed address of a venue; that of a new venue is read with its name | flagged |
| `evidence_changed` | the evidence for a baseline reads otherwise | flagged |
| `alternative_missing` | a free path or alternative that names no place and nobody to turn to | refused |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benefits.publishing import wording
from benefits.publishing.rules.context import FLAGGED, REFUSED, PublicationContext
from benefits.publishing.sentences import facts, texts
from benefits.publishing.sentences.facts import BenefitFacts
from benefits.publishing.sentences.vocabulary import CONTACT_WORDS, MEMBERS, MEMBERS_WITH_VENUE
from consent.domain.document_kinds import Body, DocumentKind, Finding
from consent.kernel.bilingual import LANGUAGES

NAMED_KINDS = frozenset(
    {
        DocumentKind.PROVIDERS,
        DocumentKind.VENUES,
        DocumentKind.SOURCES,
        DocumentKind.SERVICES,
        DocumentKind.ISSUERS,
    }
)
"""Kinds with a name that people read in lists, notices and closed sentences."""
RENAMED_KINDS = frozenset({DocumentKind.VENUES, DocumentKind.SERVICES, DocumentKind.ISSUERS})
"""Kinds whose changed name is reported here; a provider's or source's is what people agreed to (R9)."""
SCHEME_TEXTS = frozenset({"title", "reference", "unit"})
"""Members of a scheme and its indicators with text."""


def check(kind: DocumentKind, body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about texts and names that nobody has read yet."""
    if kind is DocumentKind.BENEFITS:
        yield from _benefit(body, context)
    elif kind is DocumentKind.SCHEMES:
        yield from _scheme(body, context)
    elif kind in NAMED_KINDS:
        yield from _name(kind, body, context)
    if kind is DocumentKind.VENUES and context.before is not None:
        yield from _address(body, context.before)
    if kind is DocumentKind.SERVICES and context.before is not None and context.before["evidence"] != body["evidence"]:
        detail = "the evidence for the baseline reads otherwise"
        yield Finding("evidence_changed", "R4", "/evidence", FLAGGED, detail)


def is_about_text(finding: Finding) -> bool:
    """Report whether a finding is about the wording of a benefit, not about its effect on its service."""
    return finding.pointer.split("/")[1:2] != [] and finding.pointer.split("/")[1] in MEMBERS


def _name(kind: DocumentKind, body: Body, context: PublicationContext) -> Iterator[Finding]:
    if context.before is None:
        detail = "a new name is read by a privacy officer"
        yield Finding("name_new", "R9" if kind not in RENAMED_KINDS else "R13", "/name", FLAGGED, detail)
    elif kind in RENAMED_KINDS:
        for language in LANGUAGES:
            if context.before["name"][language] != body["name"][language]:
                detail = "a changed name is read by a privacy officer"
                yield Finding("name_changed", "R13", f"/name/{language}", FLAGGED, detail)


def _address(body: Body, before: Body) -> Iterator[Finding]:
    for language, text in body.get("address", {}).items():
        if before.get("address", {}).get(language) != text:
            detail = "a changed address is read by a privacy officer"
            yield Finding("address_changed", "R13", f"/address/{language}", FLAGGED, detail)


def _benefit(body: Body, context: PublicationContext) -> Iterator[Finding]:
    assert context.service is not None
    stated = facts.read(body, context.service, context.provider, context.venues)
    for member in MEMBERS:
        read = texts.recognise(member, body[member], stated)
        if isinstance(read, texts.ClosedText):
            continue
        for free in read:
            pointer = f"/{member}/{free.language}"
            detail = "a sentence that is not of the vocabulary waits for a privacy officer"
            yield Finding("free_text", "R13", pointer, FLAGGED, detail, {"sentence": free.sentence})
        if member in MEMBERS_WITH_VENUE:
            yield from _help_nowhere(member, body[member], stated)


def _help_nowhere(member: str, text: Mapping[str, str], stated: BenefitFacts) -> Iterator[Finding]:
    """A free path or alternative must name a venue of the provider, or a counter, staff or telephone line (R14)."""
    for language in LANGUAGES:
        folded = wording.fold(text[language])
        names = [wording.fold(name[language]) for _, name in stated.venues]
        if wording.is_placeholder(text[language]) or not any(
            word in folded for word in (*names, *CONTACT_WORDS[language])
        ):
            detail = "say where it goes without the app, and what helps those in need without points"
            yield Finding("alternative_missing", "R14", f"/{member}/{language}", REFUSED, detail)


def _scheme(body: Body, context: PublicationContext) -> Iterator[Finding]:
    for pointer, placed in _scheme_texts(body, "", ""):
        if placed not in context.known_texts:
            detail = "a text that no approved scheme has at this place waits for a privacy officer"
            yield Finding("free_text", "R13", pointer, FLAGGED, detail, {"sentence": 1})


def texts_of_scheme(body: Body) -> frozenset[tuple[str, str]]:
    """Return (path, text) of every text of a scheme; the path of an indicator's text names its kind of record."""
    return frozenset(placed for _, placed in _scheme_texts(body, "", ""))


def _scheme_texts(value: Any, pointer: str, path: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the pointer of each text, with its path and itself. A text at another kind would say something untrue."""
    if isinstance(value, Mapping):
        for name, inside in value.items():
            here, there = f"{pointer}/{name}", f"{path}/{name}"
            if name in SCHEME_TEXTS and isinstance(inside, str):
                yield here, (there, inside)
            elif name in SCHEME_TEXTS and isinstance(inside, Mapping):
                yield from (
                    (f"{here}/{language}", (f"{there}/{language}", str(text))) for language, text in inside.items()
                )
            else:
                yield from _scheme_texts(inside, here, there)
    elif isinstance(value, list | tuple):
        for index, inside in enumerate(value):
            kind = inside.get("kind", "") if isinstance(inside, Mapping) else ""
            yield from _scheme_texts(inside, f"{pointer}/{index}", f"{path}/{kind}")
