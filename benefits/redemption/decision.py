"""The decision at a venue: does the benefit of a shown handle apply now? One function for redeeming and for checking.

Pure: everything that decides is in `RedemptionState`, which one query loads, and in the catalogue. There are two
verdicts, `Redeem` and `StandardTerms`; `BalanceNeeded` asks the caller to compute the person's points and load again.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from benefits.balances.stored import StoredBalance, is_usable
from benefits.catalogue.model import Body, InForce, LiveBenefit
from benefits.redemption.limits import QuotaLimit, limits_of
from benefits.rules import effects
from consent.domain.liveness import ConsentPeriod, is_live
from consent.kernel.errors import require_not_frozen


class CivilTime(NamedTuple):
    """An instant with the city's civil day and hour; `micros` is the same instant as microseconds since 1970."""

    at: datetime
    micros: int
    today: date
    hour: int


class TicketRow(NamedTuple):
    """A ticket as stored; all None for a handle that no ticket has.

    `person_id` is also None when the ticket was cut off from its person.
    """

    person_id: str | None
    benefit_id: str
    venue_id: str
    expires_at: int
    redemption_id: str | None


class PersonRow(NamedTuple):
    """The ticket's person: epoch, end of their event chain, sealed data key and sealed `sub`; all None if erased."""

    epoch: int | None
    events: int
    last_leaf: str
    wrapped_key: bytes
    sealed_subject: bytes


class RedemptionState(NamedTuple):
    """Everything that decides about a handle at a venue, as of one instant.

    `micros` is the database's clock, `changes` the catalogue's change number, `withheld` 1 while nothing may be used,
    `consent` the person's `benefit.check` consent for the venue's provider. `taken` says how much of each quota limit
    of the benefit is taken, in the order of `limits_of`; None where it was not read: the commit then finds out.
    """

    venue: Body | None
    micros: int
    changes: int
    withheld: int
    ticket: TicketRow
    person: PersonRow
    consent: ConsentPeriod
    balance: StoredBalance
    taken: tuple[int, ...] | None = None


class Redeem(NamedTuple):
    """It applies. `runs_until` is the last day of the improved service, `valid_until` the end of the ticket.

    Holds for the state it was decided by alone: the commit is a conflict where person, ticket, counters or catalogue
    are no longer as in that state.
    """

    benefit: LiveBenefit
    limits: tuple[QuotaLimit, ...]
    runs_until: date
    valid_until: int


class StandardTerms(NamedTuple):
    """It does not apply. `checked` is the benefit if the person's points were used to decide, which leaves an event."""

    checked: LiveBenefit | None = None


class BalanceNeeded(NamedTuple):
    """The person's points must be computed before anything can be decided."""


def decide(state: RedemptionState, catalogue: InForce, now: CivilTime) -> Redeem | StandardTerms | BalanceNeeded:
    """Decide by a state and the catalogue that was in force when it was read.

    Raises:
        RecordsFrozen: nothing may be used now. Decided before the handle matters, so that all handles are alike.
    """
    require_not_frozen(state.withheld)
    ticket, person, venue = state.ticket, state.person, state.venue
    if venue is None or person.epoch is None or not is_valid_at(ticket, venue["venue_id"], now.micros):
        return StandardTerms()
    benefit = catalogue.benefit(ticket.benefit_id, now.today)
    if benefit is None or benefit.provider_id != venue["provider_id"] or not is_live(state.consent, now.micros):
        return StandardTerms()
    if not is_usable(state.balance, person.epoch, catalogue.timeline, now.today, now.micros):
        return BalanceNeeded()
    limits = limits_of(benefit, now.today)
    if not benefit.rule.applies(state.balance.balance(now.today).measures()) or _is_full(limits, state.taken):
        return StandardTerms(benefit)
    return Redeem(benefit, limits, runs_until_of(benefit, now.today), ticket.expires_at)


def is_valid_at(ticket: TicketRow, venue_id: str, at: int) -> bool:
    """Report whether a ticket may still be used, at this venue: of a person, not spent, not expired."""
    return (
        ticket.person_id is not None
        and ticket.venue_id == venue_id
        and ticket.redemption_id is None
        and ticket.expires_at > at
    )


def runs_until_of(benefit: LiveBenefit, today: date) -> date:
    """Return the last day of a benefit redeemed today, which no later change of consent or points shortens."""
    improved = effects.apply(benefit.effect, benefit.service["baseline"])
    return today + timedelta(days=int(improved.get("period_days") or 0))


def _is_full(limits: tuple[QuotaLimit, ...], taken: tuple[int, ...] | None) -> bool:
    return taken is not None and any(used >= limit.most for used, limit in zip(taken, limits, strict=True))
