"""Rules about free texts, names and ids of every kind of document (R13): the words that matter, marked.

Prohibited uses are refused where a benefit's title or description or any name offers them. Everything else marks what
an officer and the author must read; a free text waits for an officer in any case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from benefits.catalogue.schema import ID_MEMBER
from benefits.publishing import wording
from benefits.publishing.grammar import Denial
from benefits.publishing.rules.context import ADVICE, FLAGGED, REFUSED
from benefits.publishing.wording import EXCLUSION, PERSONAL_LIMITS, SOCIAL_PROTECTION, Match
from consent.domain.document_kinds import Body, DocumentKind, Finding, Mark, Severity
from consent.kernel.faults import Values

CLOSED_MEMBERS = (
    "kind", "kinds", "category", "scene", "measure", "dimension", "version", "reference", "url", "vct", "keys_sha256",
)  # fmt: skip
"""Members without free text, and references to the law, which may name the uses that it forbids."""
REFERENCE_MEMBERS = ("assessment_id", "client_id", "owner_id", "url")
"""Ids and addresses that a document gives itself; they are read like its own. Ids of other documents are read where
those are."""
STRICT_MEMBERS = ("title", "name")
"""Short texts that everybody reads: a prohibited use is refused in them even where the words deny it."""
DESCRIPTION = "description"
ALTERNATIVE = "need_based_alternative"
ALTERNATIVE_TOPICS = frozenset({SOCIAL_PROTECTION, PERSONAL_LIMITS, "primary_care"})
"""Topics whose words name people in need: an alternative is for them, and may name them."""
KINDS_OF_TOPIC: Mapping[str, frozenset[DocumentKind]] = MappingProxyType(
    {
        "disguised_kinds": frozenset(
            {
                DocumentKind.PROVIDERS,
                DocumentKind.VENUES,
                DocumentKind.SOURCES,
                DocumentKind.SERVICES,
                DocumentKind.ISSUERS,
            }
        ),
        "loss_by_refusing": frozenset({DocumentKind.NOTICES}),
    }
)
"""Topics that matter in some kinds of document alone."""
NAME_TOPICS = frozenset({"disguised_kinds"})
"""Topics that matter in names and ids alone."""
DETAILS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "labelling": ("public_labelling", "marking people in public shames those without the mark"),
        "shutting_out": ("people_shut_out", "this tells some people that they may not; a benefit only adds"),
        "surcharge": ("surcharge_or_wait", "this speaks of paying more, of waiting or of coming last"),
        "forced_joining": ("forced_joining", "nobody may be made to join or to consent"),
        "public_posting": ("public_posting", "names and pictures of people are not shown to others"),
        "score_shown": ("score_shown", "nobody shows points or a score to staff"),
        "personal_limits": ("personal_limits", "this limits by sex, age, origin or another trait"),
        "disguised_kinds": ("kind_in_name", "the name speaks of a kind of body that takes no part"),
        "loss_by_refusing": ("notice_contradicts", "this reads as if refusing costs something"),
    }
)
"""Code and detail of the finding by topic; every other topic is a prohibited domain."""


def check(kind: DocumentKind, body: Body) -> Iterator[Finding]:
    """Yield the findings about a document's id and every free text, one for each text and topic.

    The document need not fit its schema: what is no text has no findings.
    """
    document_id = body.get(ID_MEMBER[kind]) if kind in ID_MEMBER else None
    if isinstance(document_id, str):
        yield from _findings(kind, f"/{ID_MEMBER[kind]}", document_id, wording.scan_id(document_id))
    onboarding = body.get("onboarding")
    for pointer, members in (("", body), ("/onboarding", onboarding if isinstance(onboarding, Mapping) else {})):
        for member in REFERENCE_MEMBERS:
            reference = members.get(member)
            if isinstance(reference, str):
                yield from _findings(kind, f"{pointer}/{member}", reference, wording.scan_id(reference))
    for pointer, text in _strings(body, ""):
        yield from _findings(kind, pointer, text, wording.scan(text))


def _findings(kind: DocumentKind, pointer: str, text: str, matches: Sequence[Match]) -> Iterator[Finding]:
    by_topic: dict[str, list[tuple[Match, Severity]]] = {}
    for match in matches:
        severity = _severity(kind, pointer, match)
        if severity is not None:
            by_topic.setdefault(match.topic, []).append((match, severity))
    for topic, weighed in by_topic.items():
        severities = {severity for _, severity in weighed}
        severity = next(severity for severity in Severity if severity in severities)
        marks = tuple(Mark(match.start, match.end, text[match.start : match.end]) for match, _ in weighed)
        code, detail, values = _words_about(topic)
        yield Finding(code, "R13", pointer, severity, detail, values, marks)


def _words_about(topic: str) -> tuple[str, str, Values]:
    if topic in DETAILS:
        return *DETAILS[topic], {}
    return "prohibited_domain", f"this speaks of a use that points may never have ({topic})", {"domain": topic}


def _severity(kind: DocumentKind, pointer: str, match: Match) -> Severity | None:
    """Return the severity of a word at a place of a document; None where it means nothing. The first line that fits:

    - A topic of KINDS_OF_TOPIC in a document of another kind, or of NAME_TOPICS outside of names and ids: none.
    - Need in the text of the alternative for people in need: none.
    - An id or a reference: flagged for a prohibited use, an exclusion or a topic of DETAILS, since ids are opaque.
    - A title or name: refused for a prohibited use or an exclusion, also where it is denied; flagged where only the
      pinyin reads so, which a harmless name can do by chance.
    - Denied for certain ("never …"): none.
    - The description of a benefit: refused for a prohibited use that is not denied, else flagged.
    - Perhaps denied, or a word that is no prohibited use, exclusion or topic of DETAILS: advice.
    - Everything else: flagged.
    """
    member = pointer.split("/")[1]
    is_id = pointer.rpartition("/")[2] in (ID_MEMBER.get(kind), *REFERENCE_MEMBERS)
    strict = member in STRICT_MEMBERS
    if kind not in KINDS_OF_TOPIC.get(match.topic, (kind,)) or (
        match.topic in NAME_TOPICS and not (is_id or member == "name")
    ):
        return None
    if member == ALTERNATIVE and match.topic in ALTERNATIVE_TOPICS:
        return None
    names_forbidden_use = match.prohibits or match.topic == EXCLUSION
    if is_id:
        return FLAGGED if names_forbidden_use or match.topic in DETAILS else None
    if strict and names_forbidden_use:
        return FLAGGED if match.in_pinyin else REFUSED
    if match.denial is Denial.STRONG:
        return None
    if member == DESCRIPTION and kind is DocumentKind.BENEFITS and match.prohibits:
        return REFUSED if match.denial is Denial.NONE and not match.in_pinyin else FLAGGED
    if match.denial is Denial.WEAK or not (names_forbidden_use or match.topic in DETAILS):
        return ADVICE
    return FLAGGED


def _strings(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inside in value.items():
            if not str(name).endswith("_id") and name not in CLOSED_MEMBERS:
                yield from _strings(inside, f"{pointer}/{name}")
    elif isinstance(value, list | tuple):
        for index, inside in enumerate(value):
            yield from _strings(inside, f"{pointer}/{index}")
    elif isinstance(value, str):
        yield pointer, value
