"""The publish gate: every rule that looks beyond a document's own shape, in one place and without a database.

`judge` is given the document and its surroundings as they are and answers with findings: refusals that nobody can
approve, flags that wait for a privacy officer, advice. What could be made unwritable is not here: see `vocabulary`,
`conditions`, `effects` and `documents`.
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


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A benefit that is live or waits to be: the service it improves, its provider, and its document."""

    benefit_id: str
    service_id: str
    provider_id: str
    body: Body


@dataclass(frozen=True, slots=True)
class PublicationContext:
    """What a document is judged against; everything that it names, as it is in force.

    `baselines` are those of the same provider and service kind in force within the last 180 days, oldest first, under
    whatever name; `neighbours` are the other benefits that are live or pending; `scheme_years` are the years from which
    the schemes that were ever approved count; `before` is the version in force of the document itself; `clients` are
    those that speak for other documents of its kind.
    """

    provider: Body | None = None
    service: Body | None = None
    baselines: Sequence[Baseline] = ()
    other_names: Sequence[str] = ()
    neighbours: Sequence[Neighbour] = ()
    caps: Mapping[str, int] = field(default_factory=dict)
    scheme_years: Sequence[int] = ()
    this_year: int = 0
    before: Body | None = None
    clients: Collection[str] = ()


def evaluate(kind: DocumentKind, body: Body, around: PublicationContext) -> list[Finding]:
    """Every finding about a document whose shape was read before, in the order of its rules."""
    found = [*_texts(kind, body)]
    if kind is DocumentKind.SERVICES:
        found += _service(body, around)
    elif kind is DocumentKind.BENEFITS:
        found += _benefit(body, around)
    elif kind is DocumentKind.SOURCES:
        found += [*_source(body), *_client(body, around)]
    elif kind is DocumentKind.VENUES:
        found += [*_client(body, around), *_venue(body, around)]
    elif kind is DocumentKind.SCHEMES:
        found += _scheme(body, around)
    elif kind is DocumentKind.NOTICES:
        found += _notice(body, around)
    elif kind is DocumentKind.PROVIDERS and around.before is not None and around.before["kind"] != body["kind"]:
        detail = "what this provider may offer hangs on its kind; another kind is another provider"
        found.append(Finding("provider_changed", "R5", "/kind", REFUSED, detail))
    return sorted(found, key=lambda one: (one.severity is not REFUSED, one.severity is not FLAGGED, int(one.rule[1:])))


def _service(body: Body, around: PublicationContext) -> Iterator[Finding]:
    service_kind, baseline = ServiceKind(body["kind"]), body["baseline"]
    if around.provider is not None:
        allowed = SERVICES_OF_PROVIDER[ProviderKind(around.provider["kind"])]
        if service_kind not in allowed:
            detail = f"a {around.provider['kind']} offers: {', '.join(sorted(allowed))}"
            offers = tuple(str(one) for one in sorted(allowed))
            values: Values = {"provider": str(around.provider["kind"]), "offers": offers}
            yield Finding("service_not_of_provider", "R5", "/kind", REFUSED, detail, values)
    if service_kind is ServiceKind.ELECTIVE_OUTPATIENT and baseline.get("deposit_fen", 0) > 0:
        detail = "public hospitals may not ask for outpatient prepayment since 2025-03-31; nothing can be built on it"
        yield Finding("baseline_unlawful", "R4", "/baseline/deposit_fen", REFUSED, detail)
    for attribute in sorted(ATTRIBUTES_OF_SERVICE[service_kind] - set(baseline)):
        detail = "this attribute has a meaning for the kind; what everybody gets is stated, also when it is nothing"
        yield Finding("baseline_incomplete", "R4", f"/baseline/{attribute}", FLAGGED, detail)
    yield from _worse_than_before(baseline, around, "/baseline", FLAGGED)
    moved = around.before is not None and any(around.before[one] != body[one] for one in ("provider_id", "kind"))
    if moved:
        detail = "the service is given another provider or kind; its evidence is another one"
        yield Finding("service_moved", "R4", "/provider_id", FLAGGED, detail)
    if around.other_names:
        detail = "the provider has this kind of service under another name; its history goes with it"
        yield Finding("same_kind_another_name", "R4", "/service_id", FLAGGED, detail)


def _client(body: Body, around: PublicationContext) -> Iterator[Finding]:
    """One client speaks for one venue or source: else a new name would take over the calls of another."""
    if body["client_id"] in around.clients:
        detail = "this client speaks for another document of the kind already"
        yield Finding("client_taken", "R13", "/client_id", REFUSED, detail)


def _venue(body: Body, around: PublicationContext) -> Iterator[Finding]:
    if around.before is not None and any(around.before[one] != body[one] for one in ("client_id", "provider_id")):
        detail = "somebody else would scan here: another client or provider"
        yield Finding("venue_moved", "R13", "/client_id", FLAGGED, detail)


def _worse_than_before(
    baseline: Baseline, around: PublicationContext, pointer: str, severity: Severity
) -> Iterator[Finding]:
    worse = {one for before in around.baselines for one in effects.worsened(baseline, before)}
    for attribute in sorted(worse):
        detail = "what everybody gets was better within the last 180 days"
        yield Finding("baseline_worsened", "R4", f"{pointer}/{attribute}", severity, detail)


def _benefit(body: Body, around: PublicationContext) -> Iterator[Finding]:
    assert around.service is not None
    effect, baseline = effects.parse(body["effect"]), around.service["baseline"]
    if not effects.improves(effect, baseline):
        detail = "the effect must be strictly better than the baseline in one attribute and worse in none"
        yield Finding("no_improvement", "R3", "/effect", REFUSED, detail)
    yield from _suitability(effect.kind, ServiceKind(around.service["kind"]))
    for finding in _worse_than_before(baseline, around, "/service_id", REFUSED):
        yield Finding(finding.code, finding.rule, "/service_id", REFUSED, finding.detail)
        break
    yield from _capacity(body, around)
    yield from _ladder(body, around)
    yield from _within_reach(body, around)
    for member in ("offline_path", "need_based_alternative"):
        for language in ("zh-CN", "en"):
            if wording.is_placeholder(body[member][language]):
                detail = "say how it goes without the app, and what helps those in need without points"
                yield Finding("alternative_missing", "R14", f"/{member}/{language}", REFUSED, detail)


def _suitability(effect_kind: EffectKind, service_kind: ServiceKind) -> Iterator[Finding]:
    """An effect that the kind of service is not among: refused where the guardrails list the effects, else flagged."""
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


def _capacity(body: Body, around: PublicationContext) -> Iterator[Finding]:
    effect = body["effect"]
    if effect["kind"] != EffectKind.EXTRA_WINDOW:
        return
    assert around.service is not None
    taken = effect["extra_capacity"] + sum(
        one.body["effect"]["extra_capacity"]
        for one in around.neighbours
        if one.service_id == body["service_id"] and one.body["effect"]["kind"] == EffectKind.EXTRA_WINDOW
    )
    if taken * 100 > around.service["baseline"].get("capacity", 0) * CAPACITY_SHARE_PERCENT_MAX:
        detail = f"all benefits of a service together take at most {CAPACITY_SHARE_PERCENT_MAX} % of its capacity"
        values = {"most": CAPACITY_SHARE_PERCENT_MAX}
        yield Finding("capacity_share", "R10", "/effect/extra_capacity", REFUSED, detail, values)


def _ladder(body: Body, around: PublicationContext) -> Iterator[Finding]:
    """More than two thresholds for one effect at one provider let the venue read the score."""
    assert around.service is not None
    provider_id, effect_kind = around.service["provider_id"], body["effect"]["kind"]
    rungs: dict[str, set[int]] = {}
    conditions_here = [body["condition"]] + [
        one.body["condition"]
        for one in around.neighbours
        if one.provider_id == provider_id and one.body["effect"]["kind"] == effect_kind
    ]
    for condition in conditions_here:
        for leaf in conditions.leaves(conditions.parse(condition)):
            rungs.setdefault(leaf.measure, set()).add(leaf.at_least)
    if any(len(thresholds) > THRESHOLDS_MAX for thresholds in rungs.values()):
        detail = f"more than {THRESHOLDS_MAX} thresholds for one effect at one provider tell the score"
        yield Finding("threshold_ladder", "R6", "/condition", FLAGGED, detail, {"most": THRESHOLDS_MAX})


def _within_reach(body: Body, around: PublicationContext) -> Iterator[Finding]:
    if around.caps:
        for one in lints.lint(conditions.parse(body["condition"]), around.caps):
            yield Finding(f"condition_{one.code}", "R2", f"/condition{one.pointer}", ADVICE, LINT_DETAILS[one.code])


def _scheme(body: Body, around: PublicationContext) -> Iterator[Finding]:
    """Schemes work forward only: a year that has begun, or has its scheme, is scored as was announced."""
    if not around.scheme_years:
        return
    if body["from_year"] <= around.this_year:
        detail = "a scheme begins on a 1 January to come; what was announced for this year stays"
        values = {"least": around.this_year + 1}
        yield Finding("scheme_backwards", "R1", "/from_year", REFUSED, detail, values)
    elif body["from_year"] in around.scheme_years:
        detail = "another scheme was approved for this year already"
        yield Finding("scheme_overlap", "R1", "/from_year", REFUSED, detail)


DATA_CLAUSES = ("purposes", "method", "data_kinds", "recipients", "retention_period", "sensitive_data")
"""Clauses of a notice whose change asks anew, unless an officer finds that only the words changed (R9)."""


def _notice(body: Body, around: PublicationContext) -> Iterator[Finding]:
    if around.before is None or body["material"]:
        return
    for language in ("zh-CN", "en"):
        before, now = around.before["languages"][language], body["languages"][language]
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
"""Members whose words are not free, and references to the law, which may name what it forbids."""


def _texts(kind: DocumentKind, body: Body) -> Iterator[Finding]:
    """Scan every free text; notices say what a consent is about and are read by an officer anyway."""
    if kind is DocumentKind.NOTICES:
        return
    for pointer, text in _strings(body, ""):
        what = pointer.split("/")[1]
        domain = wording.prohibited_domain(text, leniently=what not in ("title", "name"))
        if domain is not None:
            named = what in ("title", "name", "description")
            detail = f"this speaks of a use that points may never have ({domain})"
            severity = REFUSED if named else FLAGGED
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
