"""Check documents against the publication rules, and suspend live benefits on a service that got worse.

Reads the context of a document from the catalogue; the rules themselves are in `benefits.publishing.rules`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta

from benefits.catalogue import in_force as catalogue
from benefits.catalogue import schema
from benefits.publishing.rules.context import Body, Neighbour, PublicationContext
from benefits.publishing.rules.evaluation import evaluate
from benefits.rules.vocabulary import BASELINE_DAYS
from benefits.scoring.scheme import Scheme, SchemeInvalid
from consent.database import queries
from consent.documents import bodies, lifecycle
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import DocumentKind, Finding, Severity
from consent.kernel.errors import Prohibited
from consent.kernel.faults import DocumentInvalid, Fault, Values

REFERENCES = {
    DocumentKind.VENUES: {"provider_id": DocumentKind.PROVIDERS},
    DocumentKind.SERVICES: {"provider_id": DocumentKind.PROVIDERS},
    DocumentKind.BENEFITS: {"service_id": DocumentKind.SERVICES},
}
"""Members that name another document, which must be in force first."""
FORM = "form"
"""Stands in a finding's `rule` for a fault of form: no rule can be applied before it is corrected."""
DELIBERATE_FAULTS = frozenset({
    "enum", "unknown_field", "out_of_range", "greater_than_equal", "less_than_equal", "condition_unknown",
    "measure_unknown", "effect_unknown",
})  # fmt: skip
"""Codes of faults that are written on purpose and not by mistake: values outside the closed lists and limits."""
LANGUAGE_FAULTS = DELIBERATE_FAULTS | {
    "too_deep",
    "too_many_parts",
    "integer_expected",
    "empty",
    "list_expected",
    "object_expected",
}
"""Further codes for conditions and effects: values that are not of their language at all."""
ABSENT_FAULTS = frozenset({"missing", "blank", "null_forbidden", "baseline_empty", "model_type"})
"""Codes of faults of a member that is left out or empty."""
RULE_OF_FAULT: Sequence[tuple[DocumentKind, str, str, frozenset[str]]] = (
    (DocumentKind.BENEFITS, "/condition", "R2", LANGUAGE_FAULTS),
    (DocumentKind.BENEFITS, "/effect", "R3", LANGUAGE_FAULTS),
    (DocumentKind.BENEFITS, "/service_id", "R4", ABSENT_FAULTS),
    (DocumentKind.BENEFITS, "/offline", "R14", ABSENT_FAULTS),
    (DocumentKind.BENEFITS, "/need_based", "R14", ABSENT_FAULTS),
    (DocumentKind.PROVIDERS, "/kind", "R5", DELIBERATE_FAULTS),
    (DocumentKind.SERVICES, "/kind", "R5", DELIBERATE_FAULTS),
    (DocumentKind.SERVICES, "/baseline", "R4", DELIBERATE_FAULTS | ABSENT_FAULTS),
    (DocumentKind.SERVICES, "/evidence", "R4", ABSENT_FAULTS),
    (DocumentKind.SOURCES, "/kind", "R11", DELIBERATE_FAULTS | {"kind_outside_category"}),
    (DocumentKind.SOURCES, "/category", "R11", DELIBERATE_FAULTS),
    (DocumentKind.SOURCES, "/onboarding", "R11", ABSENT_FAULTS),
    (DocumentKind.NOTICES, "/languages", "R9", ABSENT_FAULTS | {"refusal_must_cost_nothing", "unknown_field"}),
    (DocumentKind.NOTICES, "/purpose", "R9", DELIBERATE_FAULTS),
    (DocumentKind.NOTICES, "", "R9", frozenset({"unknown_field"})),
    (DocumentKind.SCHEMES, "/indicators", "R1", DELIBERATE_FAULTS),
    (DocumentKind.SCHEMES, "/dimensions", "R1", DELIBERATE_FAULTS),
)
"""(kind, prefix of the pointer, rule, codes that break it); every other fault is a fault of form."""


async def check(kind: DocumentKind, body: Body, at: datetime, today: date) -> Sequence[Finding]:
    """Return the findings of a document: of its schema; else of a reference; else of the publication rules.

    `today` is the city's civil day at `at`, which decides the year of a scheme. Reads the catalogue and writes nothing.
    """
    faults = shape_faults(kind, body)
    if faults:
        return [
            Finding(fault.code, _rule_of(kind, fault), fault.pointer, Severity.REFUSED, fault.detail, fault.values)
            for fault in faults
        ]
    for member, named_kind in REFERENCES.get(kind, {}).items():
        if await lifecycle.in_force(named_kind, body[member], at) is None:
            detail = f"there is no {member} of this name in force"
            return [Finding("not_in_force", "R4", f"/{member}", Severity.REFUSED, detail)]
    findings = evaluate(kind, body, await _context(kind, body, at, today))
    return [*findings, *await _would_stop(body, at, today)] if kind is DocumentKind.SERVICES else findings


async def require_passed(version: Version, at: datetime, today: date) -> None:
    """Check a version against the catalogue at `at`. Raises Prohibited with every refusal."""
    findings = await check(version.kind, version.body, at, today)
    refused = [asdict(finding) for finding in findings if finding.severity is Severity.REFUSED]
    if refused:
        raise Prohibited(refused)


async def resume(version: Version, staff_id: str, at: datetime, today: date) -> tuple[Version, bool]:
    """Ask to resume a suspended version, or resume it as the second person; return it and True if it was resumed.

    Needs the caller's transaction.

    Raises:
        Prohibited: the publication rules refuse the version against the catalogue at `at`.
    """
    await require_passed(version, at, today)
    return await lifecycle.resume(version.kind, version.document_id, version.version, staff_id, at)


def shape_faults(kind: DocumentKind, body: Body) -> Sequence[Fault]:
    """Return the faults of a document against the schema of its kind; empty when it fits."""
    try:
        if kind is DocumentKind.SCHEMES:
            Scheme.from_document(body)
        else:
            schema.read(kind, body)
    except DocumentInvalid as error:
        return error.faults
    except SchemeInvalid as error:
        return [Fault("", "scheme_invalid", str(error))]
    return []


async def suspend_refused_benefits(version: Version, at: datetime, today: date) -> list[str]:
    """Suspend every benefit, live or scheduled, that the rules refuse on its service's new version; return their ids.

    Call it after the approval of `version`, in the same transaction. Each suspended benefit is listed as a review for a
    privacy officer. Does nothing for kinds other than services.
    """
    if version.kind is not DocumentKind.SERVICES:
        return []
    suspended = []
    for benefit in await _benefits_on(version.document_id, at):
        findings = await check(DocumentKind.BENEFITS, benefit.body, at, today)
        if any(finding.severity is Severity.REFUSED for finding in findings):
            await lifecycle.suspend_version(benefit, lifecycle.SYSTEM_ACTOR, at)
            suspended.append(benefit.document_id)
    return sorted(set(suspended))


async def _benefits_on(service_id: str, at: datetime) -> list[Version]:
    """Versions of benefits on a service, live or scheduled."""
    known = (
        *await lifecycle.all_in_force(DocumentKind.BENEFITS, at),
        *await lifecycle.scheduled(DocumentKind.BENEFITS, at),
    )
    return [version for version in known if version.body["service_id"] == service_id]


async def _would_stop(service: Body, at: datetime, today: date) -> list[Finding]:
    """Name the benefits that `suspend_refused_benefits` would suspend if this version of a service were approved."""
    advice = []
    for benefit in await _benefits_on(service["service_id"], at):
        context = await _benefit_context(benefit.body, service, at, today)
        findings = evaluate(DocumentKind.BENEFITS, benefit.body, context)
        if any(finding.severity is Severity.REFUSED for finding in findings):
            detail = "a live benefit would be suspended on approval"
            values: Values = {"benefit": benefit.document_id}
            advice.append(Finding("benefit_would_stop", "R4", "/baseline", Severity.ADVICE, detail, values))
    return advice


def _rule_of(kind: DocumentKind, fault: Fault) -> str:
    """The rule that a fault of the schema breaks; FORM for a fault that only has to be corrected."""
    if fault.code == "invisible_character":
        return "R13"
    for of_kind, prefix, rule, codes in RULE_OF_FAULT:
        if of_kind is kind and fault.pointer.startswith(prefix):
            return rule if fault.code in codes else FORM
    return FORM


async def _context(kind: DocumentKind, body: Body, at: datetime, today: date) -> PublicationContext:
    if kind is DocumentKind.SERVICES:
        provider = await lifecycle.in_force(DocumentKind.PROVIDERS, body["provider_id"], at)
        past = await _services_like(body, at)
        names = sorted({document_id for document_id, _ in past} - {body["service_id"]})
        before = await lifecycle.in_force(DocumentKind.SERVICES, body["service_id"], at)
        return PublicationContext(
            None if provider is None else provider.body,
            None,
            [baseline for _, baseline in past],
            names,
            before=None if before is None else before.body,
        )
    if kind is DocumentKind.BENEFITS:
        service = await lifecycle.in_force(DocumentKind.SERVICES, body["service_id"], at)
        assert service is not None
        return await _benefit_context(body, service.body, at, today)
    if kind is DocumentKind.SCHEMES:
        schemes = await bodies.ever_approved(DocumentKind.SCHEMES)
        return PublicationContext(scheme_years=[scheme.body["from_year"] for scheme in schemes], this_year=today.year)
    document_id = body[schema.ID_MEMBER[kind]]
    shown = await lifecycle.in_force(kind, document_id, at)
    others = await bodies.live_or_pending(kind, document_id)
    clients = [other["client_id"] for other in others.values() if "client_id" in other]
    return PublicationContext(before=None if shown is None else shown.body, clients=clients)


async def _benefit_context(body: Body, service: Body, at: datetime, today: date) -> PublicationContext:
    past = await _services_like(service, at)
    caps: dict[str, int] = {}
    if await lifecycle.all_in_force(DocumentKind.SCHEMES, at):
        scheme = (await catalogue.timeline(at)).version_for(today.year)
        caps = {str(dimension): cap for dimension, cap in scheme.caps.items()}
    baselines, neighbours = [baseline for _, baseline in past], await _neighbours(body["benefit_id"], at)
    return PublicationContext(None, service, baselines, (), neighbours, caps)


async def _services_like(service: Body, at: datetime) -> list[tuple[str, Body]]:
    """Return (id, baseline) of the provider's services of this kind in force in the last 180 days, oldest first.

    A new id does not hide a worse baseline: services count by provider and kind.
    """
    since = queries.to_micros(at - timedelta(days=BASELINE_DAYS))
    past: list[tuple[int, str, Body]] = []
    ended: dict[str, int] = {}
    for document_id, in_force_from, body in await bodies.ever_approved(DocumentKind.SERVICES, at):
        until = ended.get(document_id)
        ended[document_id] = in_force_from
        same_kind = body["provider_id"] == service["provider_id"] and body["kind"] == service["kind"]
        # The service's own history counts as well: a changed provider or kind must not hide a worse baseline.
        alike = same_kind or document_id == service["service_id"]
        if alike and (until is None or until > since):
            past.append((in_force_from, document_id, body["baseline"]))
    return [(name, baseline) for _, name, baseline in sorted(past, key=lambda service: service[:2])]


async def _neighbours(benefit_id: str, at: datetime) -> list[Neighbour]:
    """Return the newest version of every other benefit that is live or pending, where its service is in force."""
    services = {
        service.document_id: service.body for service in await lifecycle.all_in_force(DocumentKind.SERVICES, at)
    }
    return [
        Neighbour(name, body["service_id"], services[body["service_id"]]["provider_id"], body)
        for name, body in (await bodies.live_or_pending(DocumentKind.BENEFITS, benefit_id)).items()
        if body["service_id"] in services
    ]
