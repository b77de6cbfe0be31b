"""The facts of a benefit that closed sentences may state: values of its document, its service and its catalogue. Pure.

| fact | value |
|---|---|
| `effect.<amount>` | the effect's amount |
| `before.<attribute>`, `after.<attribute>` | the improved attribute, for everybody and with the benefit |
| `unchanged.<attribute>` | every other attribute of the baseline |
| `quota.per_resident.count`, `.period`, `quota.total.count`, `.period` | the quota |
| `valid.from`, `valid.until` | its first and last civil day |
| `condition` | its condition |
| `service`, `provider`, `venue` | names in the catalogue; of `venue` there is one for each venue of the provider |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from types import MappingProxyType

from benefits.publishing.sentences.values import Name, Value
from benefits.rules import conditions, effects
from benefits.rules.vocabulary import Attribute, EffectKind, ServiceKind
from consent.domain.document_kinds import Body

FACT_NAMES = frozenset(
    {
        *(f"effect.{name}" for effect in effects.EFFECTS.values() for name in effects.amount_names(effect)),
        *(f"{when}.{attribute}" for when in ("before", "after", "unchanged") for attribute in Attribute),
        *(f"quota.{whose}.{member}" for whose in ("per_resident", "total") for member in ("count", "period")),
        *("valid.from", "valid.until", "condition", "service", "provider", "venue"),
    }
)
"""Every name that a sentence may use."""


@dataclass(frozen=True, slots=True)
class BenefitFacts:
    """Facts of one benefit: the kinds that decide which sentences suit, values by name, venues of its provider."""

    effect_kind: EffectKind
    service_kind: ServiceKind
    values: Mapping[str, Value]
    venues: Sequence[tuple[str, Name]] = ()
    """(id, name) of every venue of the provider, by id."""


def read(benefit: Body, service: Body, provider: Body | None, venues: Sequence[Body] = ()) -> BenefitFacts:
    """Return the facts of a benefit on a service.

    Needs the benefit's `effect`; quota, condition and days that it does not have (yet) are left out.

    Raises:
        EffectInvalid, ConditionInvalid: a member is not of its language.
    """
    effect, baseline = effects.parse(benefit["effect"]), service["baseline"]
    improved, after = effect.attribute, effects.apply(effect, baseline)
    values: dict[str, Value] = {f"effect.{name}": amount for name, amount in asdict(effect).items()}
    values[f"before.{improved}"] = int(baseline.get(improved, 0))
    values[f"after.{improved}"] = int(after.get(improved, 0))
    values |= {f"unchanged.{name}": int(amount) for name, amount in baseline.items() if name != improved}
    for whose, allowance in (benefit.get("quota") or {}).items():
        values |= {f"quota.{whose}.{member}": allowance[member] for member in ("count", "period")}
    if "valid" in benefit:
        values |= {f"valid.{member}": date.fromisoformat(benefit["valid"][member]) for member in ("from", "until")}
    if "condition" in benefit:
        values["condition"] = conditions.parse(benefit["condition"])
    values["service"] = service["name"]
    if provider is not None:
        values["provider"] = provider["name"]
    named = sorted((str(venue["venue_id"]), venue["name"]) for venue in venues)
    return BenefitFacts(effect.kind, ServiceKind(service["kind"]), MappingProxyType(values), named)
