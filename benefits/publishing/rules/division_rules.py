"""The rules for divisions: a benefit and a venue lie within their provider's division (R15)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules.context import ADVICE, FLAGGED, REFUSED, PublicationContext
from consent.domain import divisions
from consent.domain.document_kinds import Body, Finding


def check_benefit(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Refuse a benefit of places that its provider does not serve; advise where it names a wider division."""
    own = _provider_division(context)
    if not divisions.overlap(own, body["division"]):
        detail = "the benefit's division lies outside of its provider's"
        yield Finding("division_outside", "R15", "/division", REFUSED, detail, {"division": own})
    elif not divisions.contains(own, body["division"]):
        detail = "the benefit's division is wider than its provider's; it is offered at the provider's venues alone"
        yield Finding("division_wider", "R15", "/division", ADVICE, detail, {"division": own})


def check_provider(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Let an officer read a provider that moves to another division: its venues and benefits may lie outside."""
    if context.before is not None and context.before["division"] != body["division"]:
        detail = "venues and benefits outside of the new division would no longer be offered"
        yield Finding("division_changed", "R15", "/division", FLAGGED, detail)


def check_venue(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Refuse a venue outside of its provider's division."""
    own = _provider_division(context)
    if not divisions.contains(own, body["division"]):
        detail = "the venue's division lies outside of its provider's"
        yield Finding("division_outside", "R15", "/division", REFUSED, detail, {"division": own})


def _provider_division(context: PublicationContext) -> str:
    """Return the division of the context's provider; "" for none, which contains every division."""
    return "" if context.provider is None else str(context.provider["division"])
