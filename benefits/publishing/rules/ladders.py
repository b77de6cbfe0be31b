"""The rule against ladders of thresholds, which would let a venue infer the points (R6)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules.context import FLAGGED, Body, PublicationContext
from benefits.rules import conditions
from benefits.rules.vocabulary import THRESHOLDS_MAX
from consent.domain.document_kinds import Finding


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield a finding if one effect at one provider has too many thresholds.

    More than two thresholds for one effect at one provider let the venue infer the points (R6).
    """
    assert context.service is not None
    provider_id, effect_kind = context.service["provider_id"], body["effect"]["kind"]
    thresholds_of: dict[str, set[int]] = {}
    conditions_here = [body["condition"]] + [
        other.body["condition"]
        for other in context.neighbours
        if other.provider_id == provider_id and other.body["effect"]["kind"] == effect_kind
    ]
    for condition in conditions_here:
        for leaf in conditions.leaves(conditions.parse(condition)):
            thresholds_of.setdefault(leaf.measure, set()).add(leaf.at_least)
    if any(len(thresholds) > THRESHOLDS_MAX for thresholds in thresholds_of.values()):
        detail = f"more than {THRESHOLDS_MAX} thresholds for one effect at one provider tell the score"
        yield Finding("threshold_ladder", "R6", "/condition", FLAGGED, detail, {"most": THRESHOLDS_MAX})
