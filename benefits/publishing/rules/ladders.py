"""The rule against ladders of thresholds, which would let an organisation read the points (R6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benefits.publishing.rules.context import FLAGGED, PublicationContext
from benefits.rules import conditions
from benefits.rules.vocabulary import THRESHOLDS_MAX
from consent.domain.document_kinds import Body, Finding


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield a finding if all benefits of a provider, of its owner and of its clients have too many thresholds.

    Counted over all kinds of effect: distinct thresholds of each measure, and distinct conditions, each of which is a
    threshold between those to whom a benefit applies and the others. Versions of the last months count, too: regulars
    who scan each week would tell their points to a single benefit whose threshold changes each week.
    """
    here = [body["condition"]] + [
        other.body["condition"]
        for other in (*context.neighbours, *context.recent)
        if other.provider_id in context.organisation
    ]
    if count_thresholds(here) > THRESHOLDS_MAX:
        detail = f"more than {THRESHOLDS_MAX} thresholds at one organisation tell the score"
        yield Finding("threshold_ladder", "R6", "/condition", FLAGGED, detail, {"most": THRESHOLDS_MAX})


def count_thresholds(documents: list[Any]) -> int:
    """Return the number of distinct conditions, or of distinct thresholds of a measure where there are more.

    `documents` are conditions as JSON values.
    """
    distinct = {conditions.parse(document) for document in documents}
    thresholds_of: dict[str, set[int]] = {}
    for condition in distinct:
        for leaf in conditions.leaves(condition):
            thresholds_of.setdefault(leaf.measure, set()).add(leaf.at_least)
    return max([len(distinct), *(len(thresholds) for thresholds in thresholds_of.values())])
