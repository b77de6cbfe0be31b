"""Rules for services: kinds that the provider may offer, complete and lawful baselines."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules import baselines
from benefits.publishing.rules.context import FLAGGED, REFUSED, PublicationContext
from benefits.rules.vocabulary import ATTRIBUTES_OF_SERVICE, SERVICES_OF_PROVIDER, ProviderKind, ServiceKind
from consent.domain.document_kinds import Body, Finding
from consent.kernel.faults import Values


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about a service: its kind, its baseline and its history."""
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
    yield from baselines.worsened(baselines.comparable(body), context, "/baseline", FLAGGED)
    yield from baselines.improved(body, context)
    yield from baselines.related(body, context)
    moved = context.before is not None and any(
        context.before[member] != body[member] for member in ("provider_id", "kind")
    )
    if moved:
        detail = "the service is given another provider or kind; its evidence is another one"
        yield Finding("service_moved", "R4", "/provider_id", FLAGGED, detail)
    if context.other_names:
        detail = "the provider has this kind of service under another name; its history goes with it"
        yield Finding("same_kind_another_name", "R4", "/service_id", FLAGGED, detail)
