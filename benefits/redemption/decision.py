"""The decision at a venue: does the benefit of a shown handle apply now? One function for redeeming and for checking.

Pure: everything that decides is in `RedemptionState`, which one query loads, and in the catalogue. There are two
verdicts, `Redeem` and `StandardTerms`; `BalanceNeeded` asks the caller to compute the person's points and load again.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from benefits.balances.stored import StoredBalance, is_usable
from benefits.catalogue.limits import QuotaLimit, admit_one_more
from benefits.catalogue.model import InForce, LiveBenefit, is_offered_at
from consent.domain.document_kinds import Body
from consent.domain.liveness import ConsentPeriod, began_under, is_live
from consent.kernel.errors import require_not_withheld
from consent.kernel.instants import to_day_number


class CivilTime(NamedTuple):
    """An instant with the city's civil day and hour; `micros` is the same instant as microseconds since 1970."""

    at: datetime
    micros: int
    today: date
    hour: int


class TicketKind(StrEnum):
    """The kinds of ticket: shown from a screen at once, printed on a slip of paper, bound to a venue's machines.

    A ticket and a slip are spent by their redemption. A binding is used again and again, and never checked.
    """

    TICKET = "ticket"
    SLIP = "slip"
    BINDING = "binding"


class TicketRow(NamedTuple):
    """A ticket as stored. `person_id` is None for a handle that no ticket has, and after the person was erased.

    Times are microseconds; `redemption_id` is None until the ticket is spent. `benefit_version` is the version in force
    when it was issued, `checks` the number of checks so far; both are None for a handle that no ticket has, as are
    `issued_at` and `kind`. `lasting_id` is the id of a slip or binding.
    """

    person_id: str | None
    benefit_id: str
    venue_id: str
    expires_at: int
    redemption_id: str | None
    benefit_version: int | None = None
    checks: int | None = None
    issued_at: int | None = None
    kind: str | None = None
    lasting_id: str | None = None


class PersonRow(NamedTuple):
    """The ticket's person: epoch (None if there is none), end of their event chain, wrapped data key, sealed `sub`."""

    epoch: int | None
    events: int
    last_leaf: str
    wrapped_key: bytes
    sealed_subject: bytes


class CounterRow(NamedTuple):
    """A quota counter: redemptions counted, and the last day (day number) of its period; None where it has no row."""

    taken: int | None
    ends_on: int | None


class RedemptionState(NamedTuple):
    """Everything that decides about a handle at a venue, as of one instant.

    `micros` is the database's clock, `changes` the catalogue's change number, `withheld` 1 while nothing may be used,
    `consent` the person's `benefit.check` consent for the venue's provider. `counters` are those that the ticket was
    issued under. `taken` is the number of redemptions counted against each limit of today; None where it was not read.
    """

    venue: Body | None
    micros: int
    changes: int
    withheld: int
    ticket: TicketRow
    person: PersonRow
    consent: ConsentPeriod
    balance: StoredBalance
    counters: tuple[CounterRow, ...] = ()
    taken: tuple[int, ...] | None = None


class Redeem(NamedTuple):
    """The benefit applies, until the day `runs_until`; the ticket ends at `valid_until` (microseconds).

    True of the state it was decided by: the commit is a conflict if person, ticket, counters or catalogue have changed
    since.
    """

    benefit: LiveBenefit
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
        RecordsWithheld: nothing may be used now. Checked first, so that the error tells nothing about the handle.
    """
    require_not_withheld(state.withheld)
    ticket, person, venue = state.ticket, state.person, state.venue
    if venue is None or person.epoch is None or not is_valid_at(ticket, venue["venue_id"], now.micros):
        return StandardTerms()
    benefit = catalogue.benefit(ticket.benefit_id, now.today)
    if benefit is None or not is_offered_at(benefit, venue) or not is_covered(ticket, state.consent, now.micros):
        return StandardTerms()
    # A commitment binds nobody who has not read it.
    if benefit.has_commitment and ticket.benefit_version != benefit.version:
        return StandardTerms()
    if not is_usable(state.balance, person.epoch, catalogue.timeline, now.today, now.micros):
        return BalanceNeeded()
    if not benefit.rule.applies(state.balance.measures()) or _is_full(benefit, state):
        return StandardTerms(benefit)
    # No later change of consent or points shortens it.
    return Redeem(benefit, now.today + timedelta(days=benefit.period_days), ticket.expires_at)


def is_valid_at(ticket: TicketRow, venue_id: str, at: int) -> bool:
    """Report whether a ticket of a person may be used at a venue at `at` (microseconds): not spent, not expired."""
    return (
        ticket.person_id is not None
        and ticket.venue_id == venue_id
        and ticket.redemption_id is None
        and ticket.expires_at > at
    )


def is_covered(ticket: TicketRow, consent: ConsentPeriod, at: int) -> bool:
    """Report whether the consent that a ticket was issued under lives at `at` (microseconds)."""
    return is_live(consent, at) and ticket.issued_at is not None and began_under(consent, ticket.issued_at)


def _is_full(benefit: LiveBenefit, state: RedemptionState) -> bool:
    """Report whether a limit is used up, as far as the state tells; a full counter it lacks is a conflict at commit."""
    if state.taken is not None:
        return not admit_one_more(benefit.limits, state.taken)
    # The ticket's counters are today's unless the benefit has changed or a period has ended since it was issued.
    same_limits = state.ticket.benefit_version == benefit.version
    return same_limits and any(map(_is_used_up, state.counters, benefit.limits))


def _is_used_up(counter: CounterRow, limit: QuotaLimit) -> bool:
    return counter.ends_on == to_day_number(limit.ends_on) and not limit.admits(counter.taken or 0)
