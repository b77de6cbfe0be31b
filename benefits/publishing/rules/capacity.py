"""Rules for places added to a service's capacity (R10)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules.context import REFUSED, Body, PublicationContext
from benefits.rules.vocabulary import CAPACITY_SHARE_PERCENT_MAX, EffectKind
from consent.domain.document_kinds import Finding


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield a finding if the added places of a service, over all its benefits, pass their share of its capacity."""
    effect = body["effect"]
    if effect["kind"] != EffectKind.EXTRA_WINDOW:
        return
    assert context.service is not None
    taken = effect["extra_capacity"] + sum(
        other.body["effect"]["extra_capacity"]
        for other in context.neighbours
        if other.service_id == body["service_id"] and other.body["effect"]["kind"] == EffectKind.EXTRA_WINDOW
    )
    if taken * 100 > context.service["baseline"].get("capacity", 0) * CAPACITY_SHARE_PERCENT_MAX:
        detail = f"all benefits of a service together take at most {CAPACITY_SHARE_PERCENT_MAX} % of its capacity"
        values = {"most": CAPACITY_SHARE_PERCENT_MAX}
        yield Finding("capacity_share", "R10", "/effect/extra_capacity", REFUSED, detail, values)
