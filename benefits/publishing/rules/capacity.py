"""Rules for places added to a service's capacity: their share, and a quota that they suffice for (R10)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules import baselines
from benefits.publishing.rules.context import REFUSED, PublicationContext
from benefits.rules.effects import EFFECTS
from benefits.rules.vocabulary import CAPACITY_SHARE_PERCENT_MAX, Attribute, EffectKind
from consent.domain.document_kinds import Body, Finding


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about the places that a benefit adds to a service's capacity; nothing for other effects.

    All benefits of a service together stay within their share of the capacity, and nobody takes one of everybody's
    places: the benefit has a total quota of at most the added places, in the period of the capacity.
    """
    places = added_places(body)
    if not places:
        return
    assert context.service is not None
    others: dict[str, int] = {}
    for other in context.neighbours:
        if other.service_id == body["service_id"]:
            # Of a live and a pending version only one is in force at a time.
            others[other.benefit_id] = max(added_places(other.body), others.get(other.benefit_id, 0))
    taken = places + sum(others.values())
    if taken * 100 > context.service["baseline"].get("capacity", 0) * CAPACITY_SHARE_PERCENT_MAX:
        detail = f"all benefits of a service together take at most {CAPACITY_SHARE_PERCENT_MAX} % of its capacity"
        values = {"most": CAPACITY_SHARE_PERCENT_MAX}
        yield Finding("capacity_share", "R10", "/effect/extra_capacity", REFUSED, detail, values)
    period = baselines.period_of_capacity(context.service)
    total = body.get("quota", {}).get("total")
    if total is None or total["period"] != period or total["count"] > places:
        detail = f"a total quota of at most {places} in a {period}: the added places, and no place of everybody's"
        pointer = "/quota" if total is None else "/quota/total"
        yield Finding("quota_exceeds_places", "R10", pointer, REFUSED, detail, {"most": places})


def added_places(body: Body) -> int:
    """Return the places that a benefit's effect adds to the capacity of its service; 0 for any other effect."""
    effect = body["effect"]
    if EFFECTS[EffectKind(effect["kind"])].attribute is not Attribute.CAPACITY:
        return 0
    return int(effect["extra_capacity"])
