"""The decision before a ticket, slip, binding, offline pass or booking: the benefit applies to the resident now."""

from __future__ import annotations

from typing import NamedTuple

from benefits.balances import person_balance
from benefits.catalogue.model import InForce, LiveBenefit
from benefits.errors import BenefitNotAvailable, ConsentNeeded
from benefits.redemption import commitments
from benefits.redemption.decision import CivilTime
from consent.domain.liveness import ConsentPeriod
from consent.domain.purposes import Purpose
from consent.events import ledger
from consent.kernel.errors import NotFound
from consent.persons import Person
from consent.records import gate


class Choice(NamedTuple):
    """The benefit and venue that a resident chose, the hash of the accepted terms, and the other city of the venue."""

    benefit_id: str
    venue_id: str
    accepted_terms_sha256: str | None = None
    issuer_id: str | None = None
    """The other city that has the venue; None for a venue of this city."""


async def establish_eligibility(
    person: Person, catalogue: InForce, choice: Choice, now: CivilTime
) -> tuple[LiveBenefit, ConsentPeriod]:
    """Decide that a benefit applies to the (locked) person at a venue now; return it with the consent for its check.

    Not only a check: it stores the points that it has to compute, and appends the event of an accepted commitment.
    Quotas are not read.

    Raises:
        NotFound: benefit or venue are not in force, the venue is of another provider or division, or the other city
            is not recognised.
        ConsentNeeded: no live `benefit.check` for the provider.
        BenefitNotAvailable: with the lines that are not met, for the resident alone.
        TermsChanged: the accepted terms are not the present ones.
    """
    benefit, at = catalogue.benefit(choice.benefit_id, now.today), now.at
    if benefit is None or not catalogue.is_offered(benefit, choice.venue_id, choice.issuer_id):
        raise NotFound("no such benefit is offered at this venue today")
    period = (await gate.live_periods(person, Purpose.BENEFIT_CHECK, at)).get(benefit.provider_id)
    if period is None:
        raise ConsentNeeded("a benefit.check consent for this provider comes first")
    have = (await person_balance.balance_of(person, catalogue.timeline, now.today, at)).measures()
    decided = benefit.rule.decide(have)
    if not decided.applies:
        raise BenefitNotAvailable([line for line in benefit.rule.lines(decided) if not line.met])
    commitments.require_accepted(benefit, choice.accepted_terms_sha256)
    if benefit.has_commitment:
        await ledger.append(person, "commitment.accepted", commitments.facts_of(benefit), at, to_the_hour=True)
    return benefit, period
