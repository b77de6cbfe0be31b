"""Rules about the organisation behind a provider, a venue or a source: its kind, its client, its provider."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules.context import FLAGGED, REFUSED, Body, PublicationContext
from consent.domain.document_kinds import Finding


def check_provider(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about a provider: its kind decides what it may offer."""
    if context.before is not None and context.before["kind"] != body["kind"]:
        detail = "what this provider may offer hangs on its kind; another kind is another provider"
        yield Finding("provider_changed", "R5", "/kind", REFUSED, detail)


def check_venue(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about a venue: its client and its provider."""
    yield from check_client(body, context)
    if context.before is not None and any(
        context.before[member] != body[member] for member in ("client_id", "provider_id")
    ):
        detail = "somebody else would scan here: another client or provider"
        yield Finding("venue_moved", "R13", "/client_id", FLAGGED, detail)


def check_client(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield a finding if another document has the client already.

    Each client speaks for one venue or source: otherwise a new document could take over another's calls.
    """
    if body["client_id"] in context.clients:
        detail = "this client speaks for another document of the kind already"
        yield Finding("client_taken", "R13", "/client_id", REFUSED, detail)
