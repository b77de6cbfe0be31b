"""The decision at a venue: does the benefit of a shown handle apply now? One function for redeeming and for checking.

Pure: everything that decides is in `RedemptionState`, which one query loads, and in the catalogue. There are two
verdicts, `Redeem` and `StandardTerms`; `BalanceNeeded` asks the caller to compute the person's points and load again.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from benefits.balances.stored import StoredBalance, is_usable
from benefits.catalogue.limits import QuotaLimit, limits_of
from benefits.catalogue.model import Body, InForce, LiveBenefit, is_offered_at
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
    """A ticket as stored. `person_id` is None for a handle that no ticket has, and after the person was erased.

    Times are microseconds; `redemption_id` is None until the ticket is spent.
    """

    person_id: str | None
    benefit_id: str
    venue_id: str
    expires_at: int
    redemption_id: str | None


class PersonRow(NamedTuple):
    """The ticket's person: epoch (None if there is none), end of their event chain, wrapped data key, sealed `sub`."""

    epoch: int | None
    events: int
    last_leaf: str
    wrapped_key: bytes
    sealed_subject: bytes


class RedemptionState(NamedTuple):
    """Everything that decides about a handle at a venue, as of one instant.

    `micros` is the database's clock, `changes` the catalogue's change number, `withheld` 1 while nothing may be used,
    `consent` the person's `benefit.check` consent for the venue's provider. `taken` is the number of redemptions
    counted against each limit, in the order of `limits_of`; None where it was not read: a full counter is then a
    conflict of the commit.
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
    """The benefit applies, until the day `runs_until`; the ticket ends at `valid_until` (microseconds).

    True of the state it was decided by: the commit is a conflict if person, ticket, counters or catalogue have changed
    since.
    """

    benefit: LiveBenefit
    limits: tuple[QuotaLimit, ...]
    runs_until: date
    valid_until: int


class StandardTerms(NamedTuple):
    """The benefit does not apply. `checked` is the benefit if points were used to decide, which leaves an event."""

    checked: LiveBenefit | None = None


class BalanceNeeded(NamedTuple):
    """The person's points must be computed before anything can be decided."""


def decide(state: RedemptionState, catalogue: InForce, now: CivilTime) -> Redeem | StandardTerms | BalanceNeeded:
    """Decide if the benefit of the state's ticket applies, by the catalogue that was in force when the state was read.

    Raises:
        RecordsFrozen: nothing may be used now. Checked first, so that the error tells nothing about the handle.
    """
    require_not_frozen(state.withheld)
    ticket, person, venue = state.ticket, state.person, state.venue
    if venue is None or person.epoch is None or not is_valid_at(ticket, venue["venue_id"], now.micros):
        return StandardTerms()
    benefit = catalogue.benefit(ticket.benefit_id, now.today)
    if benefit is None or not is_offered_at(benefit, venue) or not is_live(state.consent, now.micros):
        return StandardTerms()
    if not is_usable(state.balance, person.epoch, catalogue.timeline, now.today, now.micros):
        return BalanceNeeded()
    limits = limits_of(benefit, now.today)
    if not benefit.rule.applies(state.balance.balance(now.today).measures()) or _is_full(limits, state.taken):
        return StandardTerms(benefit)
    return Redeem(benefit, limits, runs_until_of(benefit, now.today), ticket.expires_at)


def is_valid_at(ticket: TicketRow, venue_id: str, at: int) -> bool:
    """Report whether a ticket of a person may be used at a venue at `at` (microseconds): not spent, not expired."""
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
