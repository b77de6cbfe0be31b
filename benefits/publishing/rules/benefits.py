"""Rules for benefits: effects that add, suit their service and can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from benefits.catalogue.model import has_commitment
from benefits.publishing.rules import baselines, capacity, division_rules, ladders
from benefits.publishing.rules.context import ADVICE, FLAGGED, REFUSED, PublicationContext
from benefits.rules import conditions, effects, lints
from benefits.rules.vocabulary import RESTRICTED_SERVICES, EffectKind, ServiceKind
from consent.domain.document_kinds import Body, Finding
from consent.kernel.faults import Values

LINT_DETAILS = MappingProxyType(
    {
        "out_of_reach": "nobody can have so many points under the scheme's caps",
        "said_twice": "the same is said before",
        "implied": "another part asks for this already",
        "dead_branch": "whoever meets this meets another part, too",
    }
)
"""The detail of the finding for each lint code of a condition."""


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about a benefit against its service, its neighbours and the scheme in force."""
    assert context.service is not None
    effect, baseline = effects.parse(body["effect"]), context.service["baseline"]
    if not effects.improves(effect, baseline):
        detail = "the effect must be strictly better than the baseline in one attribute and worse in none"
        yield Finding("no_improvement", "R3", "/effect", REFUSED, detail)
    yield from _suitability(effect.kind, ServiceKind(context.service["kind"]))
    for finding in baselines.worsened(baselines.comparable(context.service), context, "/service_id", REFUSED):
        yield Finding(finding.code, finding.rule, "/service_id", REFUSED, finding.detail)
        break
    yield from capacity.check(body, context)
    yield from ladders.check(body, context)
    yield from division_rules.check_benefit(body, context)
    yield from _within_reach(body, context)
    if has_commitment(body):
        detail = "a privacy officer reads what residents would promise"
        yield Finding("commitment_stated", "R18", "/commitment", FLAGGED, detail)


def _suitability(effect_kind: EffectKind, service_kind: ServiceKind) -> Iterator[Finding]:
    """An effect that the kind of service is not among: refused for RESTRICTED_SERVICES, else flagged."""
    suited = effects.suited_to(service_kind)
    if effect_kind in suited:
        return
    values: Values = {"allowed": tuple(str(kind) for kind in sorted(suited))}
    if service_kind in RESTRICTED_SERVICES:
        detail = f"on this kind of service only: {', '.join(sorted(suited))}"
        yield Finding("effect_not_of_service", "R5", "/effect/kind", REFUSED, detail, values)
    else:
        detail = f"effects that suit this kind of service: {', '.join(sorted(suited))}"
        yield Finding("effect_unsuited", "R5", "/effect/kind", FLAGGED, detail, values)


def _within_reach(body: Body, context: PublicationContext) -> Iterator[Finding]:
    if context.caps:
        for lint in lints.lint(conditions.parse(body["condition"]), context.caps):
            detail = LINT_DETAILS[lint.code]
            yield Finding(f"condition_{lint.code}", "R2", f"/condition{lint.pointer}", ADVICE, detail)
    condition = conditions.parse(body["condition"])
    if context.gentle_caps and not lints.reachable(condition, context.gentle_caps):
        detail = "people who cannot ride, walk far or lift cannot earn so many points in a year"
        yield Finding("condition_strenuous", "R16", "/condition", FLAGGED, detail)
