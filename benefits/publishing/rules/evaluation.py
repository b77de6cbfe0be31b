"""The one entry to the publication rules.

`evaluate` returns refusals that nobody can approve, flags that wait for a privacy officer, and advice. Rules that the
schema enforces are not here: see `benefits.rules.vocabulary`, `conditions` and `effects`, and
`benefits.catalogue.schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from benefits.publishing.rules import (
    benefits,
    closed_texts,
    issuers,
    marked_words,
    names,
    notices,
    schemes,
    services,
    sources,
)
from benefits.publishing.rules.context import FLAGGED, REFUSED, Body, PublicationContext
from consent.domain.document_kinds import DocumentKind, Finding

RULES_OF_KIND: Mapping[DocumentKind, Callable[[Body, PublicationContext], Iterable[Finding]]] = MappingProxyType(
    {
        DocumentKind.PROVIDERS: names.check_provider,
        DocumentKind.VENUES: names.check_venue,
        DocumentKind.SOURCES: sources.check,
        DocumentKind.SERVICES: services.check,
        DocumentKind.BENEFITS: benefits.check,
        DocumentKind.SCHEMES: schemes.check,
        DocumentKind.NOTICES: notices.check,
        DocumentKind.ISSUERS: issuers.check,
    }
)
"""The rules of each kind of document; `texts` and `closed_texts` read every kind."""


def evaluate(kind: DocumentKind, body: Body, context: PublicationContext) -> list[Finding]:
    """Return every finding about a document that fits its schema: refusals, then flags, then advice, by rule."""
    findings = [
        *marked_words.check(kind, body),
        *closed_texts.check(kind, body, context),
        *RULES_OF_KIND[kind](body, context),
    ]
    return sorted(
        findings,
        key=lambda finding: (
            finding.severity is not REFUSED,
            finding.severity is not FLAGGED,
            int(finding.rule[1:]),
        ),
    )
