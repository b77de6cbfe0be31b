"""Compose the texts of a benefit from closed sentences. Reads documents, writes nothing.

They are read as they are in force. The newest draft takes the place of one that is not, as with a new partner.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from benefits.publishing.context_reader import venues_of
from benefits.publishing.document_checks import shape_faults
from benefits.publishing.sentences import facts, texts
from benefits.publishing.sentences.facts import BenefitFacts
from benefits.publishing.sentences.texts import ClosedSentence, ClosedText
from benefits.publishing.sentences.vocabulary import MEMBERS, VOCABULARY
from consent.documents import lifecycle, versions
from consent.domain.document_kinds import Body, DocumentKind
from consent.kernel.errors import NotFound
from consent.kernel.faults import DocumentInvalid, Fault

REQUIRED = ("effect", "service_id")
"""Members of a benefit without which no sentence can be offered."""
OPTIONAL = ("condition", "quota", "valid")
"""Members that some sentences state; they must be of their form where they are given."""
WAITING = frozenset({"draft", "in_review", "submitted", "approved"})
"""States of a version that may come into force."""
Choice = Mapping[str, Sequence[str]]
"""Keys of chosen sentences by member. A member that is left out gets the recommended sentences."""


@dataclass(frozen=True, slots=True)
class OfferedSentences:
    """The sentences that suit a member of a benefit, and the keys of those that make up its text now."""

    sentences: Sequence[ClosedSentence]
    used: frozenset[str]


@dataclass(frozen=True, slots=True)
class Composition:
    """Texts by member, and the sentences offered for each member."""

    texts: Mapping[str, Mapping[str, str]]
    offered: Mapping[str, OfferedSentences]


async def compose(benefit: Body, chosen: Choice, at: datetime) -> Composition:
    """Compose the texts of a benefit from its structured part, its service, provider and venues.

    `benefit` is its document, of which `effect` and `service_id` are needed; texts that it has already show which
    sentences are in use. Chosen sentences that do not suit the benefit (any more) are left out; where none of a
    member's suit, it gets the recommended ones. A member for which nothing is chosen on purpose (an empty list), or for
    which no sentence suits, has no text.

    Raises:
        DocumentInvalid: the structured part has faults, its service is neither in force nor a whole draft, or a key is
            of no sentence; the pointers begin with `/document` or `/choose`.
    """
    faults = [*_structural_faults(benefit), *_unknown_choices(chosen)]
    service = None
    if not faults:
        service = await _in_force_or_draft(DocumentKind.SERVICES, benefit["service_id"], at)
        if service is None:
            faults = [Fault("/document/service_id", "not_in_force", "there is no service of this name in force")]
    if service is None:
        raise DocumentInvalid(tuple(faults))
    provider_id = service["provider_id"]
    provider = await _in_force_or_draft(DocumentKind.PROVIDERS, provider_id, at)
    venues = await venues_of(provider_id, at) or await _drafted_venues(provider_id)
    stated = facts.read(benefit, service, provider, venues)
    composed = {member: _text(member, stated, chosen) for member in MEMBERS}
    return Composition(
        {member: text for member, text in composed.items() if text is not None},
        {member: _offered(member, benefit, stated) for member in MEMBERS},
    )


async def _in_force_or_draft(kind: DocumentKind, document_id: str, at: datetime) -> Body | None:
    """Return the body in force or, where there is none, of the newest version, if that waits and is whole."""
    live = await lifecycle.in_force(kind, document_id, at)
    if live is not None:
        return live.body
    with contextlib.suppress(NotFound):
        newest = await versions.latest_version(kind, document_id)
        if newest.state in WAITING and not shape_faults(kind, newest.body):
            return newest.body
    return None


async def _drafted_venues(provider_id: str) -> list[Body]:
    return [
        venue.body
        for venue in await versions.latest_versions(DocumentKind.VENUES, "")
        if venue.state in WAITING
        and venue.body.get("provider_id") == provider_id
        and not shape_faults(DocumentKind.VENUES, venue.body)
    ]


def _text(member: str, stated: BenefitFacts, chosen: Choice) -> dict[str, str] | None:
    keys = chosen.get(member)
    if keys is None:
        return texts.compose(member, stated)
    return (texts.compose(member, stated, keys) or texts.compose(member, stated)) if keys else None


def _offered(member: str, benefit: Body, stated: BenefitFacts) -> OfferedSentences:
    text, used = benefit.get(member), frozenset[str]()
    if isinstance(text, Mapping) and all(isinstance(text.get(language), str) for language in texts.SEPARATORS):
        read = texts.recognise(member, text, stated)
        if isinstance(read, ClosedText):
            used = frozenset(sentence.key for sentence in read.sentences)
    return OfferedSentences(texts.sentences_for(member, stated), used)


def _structural_faults(benefit: Body) -> Iterator[Fault]:
    """Yield the schema's faults about the structured part; optional members may be missing."""
    for fault in shape_faults(DocumentKind.BENEFITS, benefit):
        member = fault.pointer.split("/")[1] if fault.pointer else ""
        missing = fault.code == "missing" and fault.pointer.count("/") == 1
        if member in REQUIRED or (member in OPTIONAL and not missing):
            yield Fault(f"/document{fault.pointer}", fault.code, fault.detail, fault.values)


def _unknown_choices(chosen: Choice) -> Iterator[Fault]:
    known = {sentence.sentence_id for sentence in VOCABULARY.sentences}
    for member, keys in chosen.items():
        if member not in MEMBERS:
            yield Fault(f"/choose/{member}", "unknown_field", "this member is not made of closed sentences")
            continue
        for index, key in enumerate(keys):
            if key.partition("/")[0] not in known:
                yield Fault(f"/choose/{member}/{index}", "enum", "no sentence of the vocabulary has this key")
