"""The condition under which a resident is given a ticket, a slip or a binding: the benefit applies to them now."""

from __future__ import annotations

from benefits.balances import snapshots
from benefits.catalogue.model import InForce, LiveBenefit, is_offered_at
from benefits.errors import BenefitNotAvailable, ConsentNeeded
from benefits.redemption.decision import CivilTime
from consent.domain.liveness import ConsentPeriod
from consent.domain.purposes import Purpose
from consent.kernel.errors import NotFound
from consent.persons import Person
from consent.records import gate


async def require_applicable(
    person: Person, catalogue: InForce, benefit_id: str, venue_id: str, now: CivilTime
) -> tuple[LiveBenefit, ConsentPeriod]:
    """Return a benefit that applies to the (locked) person at a venue now, with the consent that covers its check.

    Quotas are not read. Writes nothing but the points that it has to compute.

    Raises:
        NotFound: benefit or venue are not in force, or the venue is of another provider or division.
        ConsentNeeded: no live `benefit.check` for the provider.
        BenefitNotAvailable: with the lines that are not met, for the resident alone.
    """
    benefit, venue, at = catalogue.benefit(benefit_id, now.today), catalogue.venue(venue_id), now.at
    if benefit is None or venue is None or not is_offered_at(benefit, venue):
        raise NotFound("no such benefit is offered at this venue today")
    period = (await gate.live_periods(person, Purpose.BENEFIT_CHECK, at)).get(benefit.provider_id)
    if period is None:
        raise ConsentNeeded("a benefit.check consent for this provider comes first")
    have = (await snapshots.balance_of(person, catalogue.timeline, now.today, at)).measures()
    decided = benefit.rule.decide(have)
    if not decided.applies:
        raise BenefitNotAvailable([line for line in benefit.rule.lines(decided) if not line.met])
    return benefit, period
