"""The publication rules: every rule that reads more than a document's own shape, in one place and without a database.

`evaluate` takes the document and its context and returns findings: refusals that nobody can approve, flags that wait
for a privacy officer, and advice. Rules that the schema enforces are not here: see `benefits.rules.vocabulary`,
`conditions` and `effects`, and `benefits.catalogue.schema`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from benefits.publishing import wording
from benefits.rules import conditions, effects, lints
from benefits.rules.effects import Baseline
from benefits.rules.vocabulary import (
    ATTRIBUTES_OF_SERVICE,
    CAPACITY_SHARE_PERCENT_MAX,
    RESTRICTED_SERVICES,
    SERVICES_OF_PROVIDER,
    THRESHOLDS_MAX,
    EffectKind,
    ProviderKind,
    ServiceKind,
)
from consent.domain.document_kinds import DocumentKind, Finding, Severity
from consent.kernel.faults import Values

Body = Mapping[str, Any]
REFUSED, FLAGGED, ADVICE = Severity.REFUSED, Severity.FLAGGED, Severity.ADVICE


LINT_DETAILS = MappingProxyType(
    {
        "out_of_reach": "nobody can have so many points under the scheme's caps",
        "said_twice": "the same is said before",
        "implied": "another part asks for this already",
        "dead_branch": "whoever meets this meets another part, too",
    }
)
"""The detail of the finding for each lint code of a condition."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another benefit that is live or pending, with its service, its provider and its document."""

    benefit_id: str
    service_id: str
    provider_id: str
    body: Body


@dataclass(frozen=True, slots=True)
class PublicationContext:
    """The documents in force that a document is evaluated against; `benefits.publishing.publish` reads them."""

    provider: Body | None = None
    """The provider that a service names."""
    service: Body | None = None
    """The service that a benefit names."""
    baselines: Sequence[Baseline] = ()
    """Baselines of the same provider and service kind in force within BASELINE_DAYS, oldest first, under any id."""
    other_names: Sequence[str] = ()
    """Ids of other services of the same provider and kind within that time."""
    neighbours: Sequence[Neighbour] = ()
    """Every other benefit that is live or pending."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """Points by dimension that the scheme in force allows at most; empty before the first scheme."""
    scheme_years: Sequence[int] = ()
    """First years of every scheme that was ever approved."""
    this_year: int = 0
    """The civil year in the city."""
    before: Body | None = None
    """The version in force of the document itself."""
    clients: Collection[str] = ()
    """Clients that other documents of the same kind name."""


def evaluate(kind: DocumentKind, body: Body, context: PublicationContext) -> list[Finding]:
    """Return every finding about a document that fits its schema: refusals, then flags, then advice, by rule."""
    findings = [*_texts(kind, body)]
    if kind is DocumentKind.SERVICES:
        findings += _service(body, context)
    elif kind is DocumentKind.BENEFITS:
        findings += _benefit(body, context)
    elif kind is DocumentKind.SOURCES:
        findings += [*_source(body), *_client(body, context)]
    elif kind is DocumentKind.VENUES:
        findings += [*_client(body, context), *_venue(body, context)]
    elif kind is DocumentKind.SCHEMES:
        findings += _scheme(body, context)
    elif kind is DocumentKind.NOTICES:
        findings += _notice(body, context)
    elif kind is DocumentKind.PROVIDERS and context.before is not None and context.before["kind"] != body["kind"]:
        detail = "what this provider may offer hangs on its kind; another kind is another provider"
        findings.append(Finding("provider_changed", "R5", "/kind", REFUSED, detail))
    return sorted(
        findings,
        key=lambda finding: (
            finding.severity is not REFUSED,
            finding.severity is not FLAGGED,
            int(finding.rule[1:]),
        ),
    )


def _service(body: Body, context: PublicationContext) -> Iterator[Finding]:
    service_kind, baseline = ServiceKind(body["kind"]), body["baseline"]
    if context.provider is not None:
        allowed = SERVICES_OF_PROVIDER[ProviderKind(context.provider["kind"])]
        if service_kind not in allowed:
            detail = f"a {context.provider['kind']} offers: {', '.join(sorted(allowed))}"
            offers = tuple(str(offered) for offered in sorted(allowed))
            values: Values = {"provider": str(context.provider["kind"]), "offers": offers}
            yield Finding("service_not_of_provider", "R5", "/kind", REFUSED, detail, values)
    if service_kind is ServiceKind.ELECTIVE_OUTPATIENT and baseline.get("deposit_fen", 0) > 0:
        detail = "public hospitals may not ask for outpatient prepayment since 2025-03-31; nothing can be built on it"
        yield Finding("baseline_unlawful", "R4", "/baseline/deposit_fen", REFUSED, detail)
    for attribute in sorted(ATTRIBUTES_OF_SERVICE[service_kind] - set(baseline)):
        detail = "this attribute has a meaning for the kind; what everybody gets is stated, also when it is nothing"
        yield Finding("baseline_incomplete", "R4", f"/baseline/{attribute}", FLAGGED, detail)
    yield from _worse_than_before(baseline, context, "/baseline", FLAGGED)
    moved = context.before is not None and any(
        context.before[member] != body[member] for member in ("provider_id", "kind")
    )
    if moved:
        detail = "the service is given another provider or kind; its evidence is another one"
        yield Finding("service_moved", "R4", "/provider_id", FLAGGED, detail)
    if context.other_names:
        detail = "the provider has this kind of service under another name; its history goes with it"
        yield Finding("same_kind_another_name", "R4", "/service_id", FLAGGED, detail)


def _client(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Each client speaks for one venue or source: otherwise a new document could take over another's calls."""
    if body["client_id"] in context.clients:
        detail = "this client speaks for another document of the kind already"
        yield Finding("client_taken", "R13", "/client_id", REFUSED, detail)


def _venue(body: Body, context: PublicationContext) -> Iterator[Finding]:
    if context.before is not None and any(
        context.before[member] != body[member] for member in ("client_id", "provider_id")
    ):
        detail = "somebody else would scan here: another client or provider"
        yield Finding("venue_moved", "R13", "/client_id", FLAGGED, detail)


def _worse_than_before(
    baseline: Baseline, context: PublicationContext, pointer: str, severity: Severity
) -> Iterator[Finding]:
    worse = {attribute for before in context.baselines for attribute in effects.worsened(baseline, before)}
    for attribute in sorted(worse):
        detail = "what everybody gets was better within the last 180 days"
        yield Finding("baseline_worsened", "R4", f"{pointer}/{attribute}", severity, detail)


def _benefit(body: Body, context: PublicationContext) -> Iterator[Finding]:
    assert context.service is not None
    effect, baseline = effects.parse(body["effect"]), context.service["baseline"]
    if not effects.improves(effect, baseline):
        detail = "the effect must be strictly better than the baseline in one attribute and worse in none"
        yield Finding("no_improvement", "R3", "/effect", REFUSED, detail)
    yield from _suitability(effect.kind, ServiceKind(context.service["kind"]))
    for finding in _worse_than_before(baseline, context, "/service_id", REFUSED):
        yield Finding(finding.code, finding.rule, "/service_id", REFUSED, finding.detail)
        break
    yield from _capacity(body, context)
    yield from _ladder(body, context)
    yield from _within_reach(body, context)
    for member in ("offline_path", "need_based_alternative"):
        for language in ("zh-CN", "en"):
            if wording.is_placeholder(body[member][language]):
                detail = "say how it goes without the app, and what helps those in need without points"
                yield Finding("alternative_missing", "R14", f"/{member}/{language}", REFUSED, detail)


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


def _capacity(body: Body, context: PublicationContext) -> Iterator[Finding]:
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


def _ladder(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """More than two thresholds for one effect at one provider let the venue infer the points (R6)."""
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


def _within_reach(body: Body, context: PublicationContext) -> Iterator[Finding]:
    if context.caps:
        for lint in lints.lint(conditions.parse(body["condition"]), context.caps):
            detail = LINT_DETAILS[lint.code]
            yield Finding(f"condition_{lint.code}", "R2", f"/condition{lint.pointer}", ADVICE, detail)


def _scheme(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Schemes work forward only: a year that has begun, or already has a scheme, is scored as announced (R1)."""
    if not context.scheme_years:
        return
    if body["from_year"] <= context.this_year:
        detail = "a scheme begins on a 1 January to come; what was announced for this year stays"
        values = {"least": context.this_year + 1}
        yield Finding("scheme_backwards", "R1", "/from_year", REFUSED, detail, values)
    elif body["from_year"] in context.scheme_years:
        detail = "another scheme was approved for this year already"
        yield Finding("scheme_overlap", "R1", "/from_year", REFUSED, detail)


DATA_CLAUSES = ("purposes", "method", "data_kinds", "recipients", "retention_period", "sensitive_data")
"""Clauses of a notice whose change asks everybody again, unless an officer finds that only words changed (R9)."""


def _notice(body: Body, context: PublicationContext) -> Iterator[Finding]:
    if context.before is None or body["material"]:
        return
    for language in ("zh-CN", "en"):
        before, now = context.before["languages"][language], body["languages"][language]
        for clause in DATA_CLAUSES:
            if before[clause] != now[clause]:
                detail = "what is done with data reads otherwise now, and nobody would be asked anew"
                yield Finding("change_not_material", "R9", f"/languages/{language}/{clause}", FLAGGED, detail)


def _source(body: Body) -> Iterator[Finding]:
    onboarding = body["onboarding"]
    for member, code in (
        ("voluntary", "not_voluntary"),
        ("independent_of_employer_landlord_school_penal", "not_independent"),
    ):
        if onboarding[member] is not True:
            detail = "deeds done under pressure are no good deeds: this waits for an officer"
            yield Finding(code, "R11", f"/onboarding/{member}", FLAGGED, detail)


CLOSED_MEMBERS = ("kind", "kinds", "category", "scene", "measure", "dimension", "version", "reference")
"""Members without free text, and references to the law, which may name the uses that it forbids."""


def _texts(kind: DocumentKind, body: Body) -> Iterator[Finding]:
    """Scan every free text but those of notices, which an officer always reads."""
    if kind is DocumentKind.NOTICES:
        return
    for pointer, text in _strings(body, ""):
        member = pointer.split("/")[1]
        domain = wording.prohibited_domain(text, leniently=member not in ("title", "name"))
        if domain is not None:
            prominent = member in ("title", "name", "description")
            detail = f"this speaks of a use that points may never have ({domain})"
            severity = REFUSED if prominent else FLAGGED
            yield Finding("prohibited_domain", "R13", pointer, severity, detail, {"domain": domain})
        elif wording.excludes_people(text):
            detail = "this tells some people that they may not; a benefit only adds"
            yield Finding("people_shut_out", "R13", pointer, FLAGGED, detail)
        if wording.labels_people(text):
            detail = "marking people in public shames those without the mark"
            yield Finding("public_labelling", "R13", pointer, FLAGGED, detail)


def _strings(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inside in value.items():
            if not str(name).endswith("_id") and name not in CLOSED_MEMBERS:
                yield from _strings(inside, f"{pointer}/{name}")
    elif isinstance(value, list | tuple):
        for place, inside in enumerate(value):
            yield from _strings(inside, f"{pointer}/{place}")
    elif isinstance(value, str):
        yield pointer, value
