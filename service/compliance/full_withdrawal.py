"""Withdraw consents in all packages at once: consent and records, cached balance, bookings, and the tombstone.

Slips, bindings and passes are not written: `decision.is_covered` and `past_uses.was_covered` refuse them from then on.
All of it runs in the caller's transaction with the person's row locked.
"""

from __future__ import annotations

from datetime import datetime

from benefits.balances import person_balance
from benefits.redemption import bookings
from consent.consents import register
from consent.consents.register import ConsentForPerson
from consent.persons import Person
from service.http.context import AppContext


async def withdraw(app_context: AppContext, person: Person, consent_id: str, at: datetime) -> ConsentForPerson:
    """End one consent and return it; repeating it returns the same consent. NotFound as `register.get`."""
    consent = await register.withdraw(person, consent_id, at)
    # A repeated withdrawal, or one after the expiry, ended nothing now and needs no tombstone.
    if consent.grant.ended_at == at:
        app_context.tombstones.withdrawn(person.person_id, [consent_id], at)
    await _end_what_it_covered(person, at)
    return consent


async def withdraw_all(app_context: AppContext, person: Person, at: datetime, counterpart: str | None = None) -> int:
    """End every live consent, or those for one source or provider; return their number."""
    withdrawn = await register.withdraw_all(person, at, counterpart)
    app_context.tombstones.withdrawn(person.person_id, withdrawn, at)
    await _end_what_it_covered(person, at)
    return len(withdrawn)


async def withdraw_again(person: Person, consent_id: str, withdrawn_at: datetime, at: datetime) -> None:
    """Repeat a withdrawal that this copy of the database lacks, as `register.withdraw_again`; it has its tombstone."""
    await register.withdraw_again(person, consent_id, withdrawn_at, at)
    await _end_what_it_covered(person, at)


async def _end_what_it_covered(person: Person, at: datetime) -> None:
    await bookings.cancel_uncovered(person, at)
    await person_balance.delete_cached(person.person_id)
