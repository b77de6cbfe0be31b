"""Slips of paper: a code for one benefit at one venue that is printed, used once, and lives for a month.

It is evaluated when it is scanned, like any ticket: points, consent, quota and benefit are those of that day.
"""

from __future__ import annotations

from datetime import timedelta

from benefits.catalogue.model import InForce
from benefits.redemption import added_sessions, eligibility, lasting_tickets
from benefits.redemption.decision import CivilTime, TicketKind
from benefits.redemption.eligibility import Choice
from consent.crypto.blind_index import SLIP_CODE_LENGTH, IndexUse, new_code, random_index
from consent.database import queries
from consent.persons import Person
from consent.records import gate
from consent.records.gate import Use

SLIP_LIFE = timedelta(days=30)
"""A paper that is carried about; at most this long, and no longer than the consent it was made under."""


async def issue(person: Person, catalogue: InForce, choice: Choice, now: CivilTime) -> str:
    """Store a slip for a benefit that applies to the (locked) person now, in the running transaction; return its id.

    Raises:
        NotFound, ConsentNeeded, BenefitNotAvailable, TermsChanged: as `establish_eligibility`.
        BookingNeeded: the benefit has added places.
        NotCovered: the consent does not cover the check.
        RecordsWithheld: nothing may be used now.
        Conflict: the person has as many slips as one may have.
    """
    benefit, period = await eligibility.establish_eligibility(person, catalogue, choice, now)
    added_sessions.require_no_session(benefit)
    await gate.permit(
        person, benefit.provider_id, now.at, Use("slip.issued", benefit.provider_id, benefit.benefit_id, "issued")
    )
    assert period.ends_at is not None
    valid_until = min(now.at + SLIP_LIFE, queries.from_micros(period.ends_at))
    code = new_code(SLIP_CODE_LENGTH)
    slip_id = await lasting_tickets.create(person, TicketKind.SLIP, choice, now, valid_until, code)
    row = await lasting_tickets.get(person, TicketKind.SLIP, slip_id)
    await lasting_tickets.attach(person, row, random_index(IndexUse.SLIP, code), benefit.version)
    return slip_id
