"""Rules about what everybody gets, compared with what everybody got before, and elsewhere (R4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from benefits.publishing.rules.context import FLAGGED, PublicationContext, Relation
from benefits.rules import effects
from benefits.rules.effects import Baseline
from benefits.rules.vocabulary import Attribute, Period, ServiceKind
from consent.domain.document_kinds import Body, Finding, Severity

CAPACITY_PERIOD = Period.WEEK
"""The period of a capacity that a service does not state: calendars of surgeries and halls repeat by the week."""
PERIODS_IN_A_YEAR: Mapping[Period, int] = MappingProxyType(
    {Period.DAY: 365, Period.WEEK: 52, Period.MONTH: 12, Period.YEAR: 1}
)
NEIGHBOURING_KINDS: tuple[frozenset[ServiceKind], ...] = (
    # A paid visit, tour or ride in a place that people come to see: one guided tour can be written as each of them.
    frozenset(
        {
            ServiceKind.PARK_EXTRA,
            ServiceKind.SCENIC_EXTRA,
            ServiceKind.MUSEUM_EXHIBITION,
            ServiceKind.SHOW_TICKET,
        }
    ),
    # A thing hired for hours or days against a deposit: a bicycle is equipment as well.
    frozenset({ServiceKind.BIKE_HIRE, ServiceKind.EQUIPMENT_HIRE}),
    # The same examination, booked as a check-up or as a visit to a doctor.
    frozenset({ServiceKind.ELECTIVE_CHECKUP, ServiceKind.ELECTIVE_OUTPATIENT}),
    # The same stay, paid before or after.
    frozenset({ServiceKind.ELECTIVE_OUTPATIENT, ServiceKind.ELECTIVE_INPATIENT_PREPAYMENT}),
    # A roof against a deposit, by the night or by the month.
    frozenset({ServiceKind.HOTEL_STAY, ServiceKind.TENANCY_DEPOSIT}),
    # A place for some hours under one roof, taken as a seat or as a session.
    frozenset({ServiceKind.READING_ROOM, ServiceKind.SPORTS_SESSION}),
    # A desk that takes papers and hands out papers.
    frozenset({ServiceKind.HOSPITAL_ADMIN_COUNTER, ServiceKind.APPROVAL_FILING, ServiceKind.PAPER_BILL}),
)
"""Kinds under which one and the same thing could be registered; they share the history of their baselines."""


def are_neighbours(kind: str, other: str) -> bool:
    """Report whether one thing could be registered under either of two different kinds of service."""
    return kind != other and any({kind, other} <= group for group in NEIGHBOURING_KINDS)


def period_of_capacity(service: Body) -> Period:
    """Return the civil period in which a service has its capacity."""
    return Period(service.get("capacity_period", CAPACITY_PERIOD))


def comparable(service: Body) -> Baseline:
    """Return a service's baseline with its capacity as places in a year, so that periods can be compared."""
    baseline = dict(service["baseline"])
    if Attribute.CAPACITY in baseline:
        baseline[str(Attribute.CAPACITY)] = (
            baseline[Attribute.CAPACITY] * PERIODS_IN_A_YEAR[period_of_capacity(service)]
        )
    return baseline


def worsened(baseline: Baseline, context: PublicationContext, pointer: str, severity: Severity) -> Iterator[Finding]:
    """Yield a finding for each attribute that was better within BASELINE_DAYS; `baseline` is a `comparable` one."""
    for attribute in sorted(_worse(baseline, context.baselines)):
        detail = "what everybody gets was better within the last 180 days"
        yield Finding("baseline_worsened", "R4", f"{pointer}/{attribute}", severity, detail)


def improved(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield a finding for each attribute of a service that gets better while it matters, and for old evidence.

    A number that only grows on paper would let an effect grow: it matters while a benefit is measured against the
    service. A capacity always matters, because the share for benefits is taken of it later.
    """
    if context.before is None:
        return
    better = effects.worsened(comparable(context.before), comparable(body))
    if not context.neighbours:
        better &= {Attribute.CAPACITY}
    for attribute in sorted(better):
        detail = "a better baseline under benefits needs evidence, and an officer who reads it"
        yield Finding("baseline_improved", "R4", f"/baseline/{attribute}", FLAGGED, detail)
    if better and context.before["evidence"].split() == body["evidence"].split():
        detail = "the baseline got better on the same evidence"
        yield Finding("baseline_improved", "R4", "/evidence", FLAGGED, detail)


def related(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about services that may be the same thing under another provider or kind.

    Nobody can tell for certain, so an officer decides; once decided, only another baseline is asked about again.
    """
    baseline = comparable(body)
    if context.before is not None and comparable(context.before) == baseline:
        return
    relations = {service.relation for service in context.related}
    if Relation.TWIN in relations:
        detail = "a provider with a like name, owner or client has this kind of service; its history counts here"
        yield Finding("provider_twin", "R4", "/provider_id", FLAGGED, detail)
    if Relation.NEIGHBOURING_KIND in relations:
        detail = "the same thing may be registered under a neighbouring kind; its history counts here"
        yield Finding("neighbouring_kind", "R4", "/kind", FLAGGED, detail)
    before_elsewhere = [service.baseline for service in context.related]
    for attribute in sorted(_worse(baseline, before_elsewhere) - _worse(baseline, context.baselines)):
        if attribute in baseline:
            detail = "a service that may be the same gave more within the last 180 days"
            yield Finding("baseline_worsened", "R4", f"/baseline/{attribute}", FLAGGED, detail)


def _worse(baseline: Baseline, before: Sequence[Baseline]) -> set[Attribute]:
    return {attribute for earlier in before for attribute in effects.worsened(baseline, earlier)}
