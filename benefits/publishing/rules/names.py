"""Rules about whom people agree with: name, owner and client of a provider or source; kind, client, provider (R9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from benefits.publishing.rules import division_rules
from benefits.publishing.rules.context import FLAGGED, REFUSED, PublicationContext
from consent.domain.document_kinds import Body, Finding

CODE_OF_MEMBER: Mapping[str, str] = MappingProxyType(
    {"name": "name_changed", "owner_id": "owner_changed", "client_id": "client_changed"}
)
"""The members of a provider or source that tell people whom they agree with, each with the code of its change."""


def asks_for_recipient(findings: Iterable[Finding]) -> bool:
    """Report whether an officer must decide if a version is another recipient or only spelled otherwise."""
    return any(finding.rule == "R9" and finding.code in CODE_OF_MEMBER.values() for finding in findings)


def check_recipient(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield a finding for each change in what people agreed to, against every version that they can agree to before.

    An officer decides whether only the spelling changed, or somebody else would receive what people agreed to.
    """
    for member, code in CODE_OF_MEMBER.items():
        if any(before.get(member) != body.get(member) for before in context.predecessors):
            detail = "people agreed to this name, owner and client; an officer decides if it is another recipient"
            yield Finding(code, "R9", f"/{member}", FLAGGED, detail)


def check_provider(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about a provider: its name and owner, and its kind, which decides what it may offer."""
    yield from check_recipient(body, context)
    if any(before["kind"] != body["kind"] for before in context.predecessors):
        detail = "what this provider may offer depends on its kind; another kind is another provider"
        yield Finding("provider_changed", "R5", "/kind", REFUSED, detail)
    yield from division_rules.check_provider(body, context)


def check_venue(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about a venue: its client and its provider."""
    yield from check_client(body, context)
    yield from division_rules.check_venue(body, context)
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
