"""Bindings: a resident lets a venue's machine redeem one benefit for them without a scan, until they stop it.

The resident asks for a code here and types it into the venue's own app, where plate or card are known. The venue sends
the code and gets a random token for this one resident, benefit and venue. Plate and card never come here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from benefits.catalogue.model import InForce, is_offered_at
from benefits.models import BindingCode, LastingTicket
from benefits.redemption import added_sessions, eligibility, lasting_tickets
from benefits.redemption.decision import CivilTime, TicketKind
from benefits.redemption.eligibility import Choice
from consent import persons
from consent.crypto.blind_index import IndexUse, blind_index, blind_indexes, new_code, normal_code, random_index
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.document_kinds import Body
from consent.domain.liveness import began_under
from consent.domain.purposes import Purpose
from consent.events import ledger
from consent.kernel.errors import CodeUnknown, NotFound
from consent.persons import Person
from consent.records import gate
from consent.records.gate import Use

BINDING_LIFE = timedelta(days=90)
"""R17: at most this long; then the resident is asked again by having to do it again."""
CODE_LIFE = timedelta(minutes=15)
"""Long enough to change to the venue's app and type eight characters, as for the code of an account."""
TOKEN_BYTES = 24
"""192 random bits: a token cannot be guessed within its 90 days."""
NO_BINDING = "no binding waits for this code at this venue"
"""One message for every reason: wrong, typed before, expired, of another venue, consent ended."""


@dataclass(frozen=True, slots=True)
class RequestedBinding:
    """A binding that waits for its code, which the resident alone may see."""

    binding_id: str
    code: str
    code_expires_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class CreatedBinding:
    """A binding as its venue gets it, once: nothing is stored from which the token could be read again."""

    token: str
    benefit_id: str
    valid_until: datetime


async def request(
    keyring: Keyring, person: Person, catalogue: InForce, choice: Choice, now: CivilTime
) -> RequestedBinding:
    """Store a binding that waits for its code, in the running transaction.

    A waiting binding for the same benefit and venue is replaced. It lives as long as the consent, at most BINDING_LIFE.

    Raises:
        NotFound, ConsentNeeded, BenefitNotAvailable, TermsChanged: as `establish_eligibility`.
        BookingNeeded: the benefit has added places.
        NotCovered: the consent does not cover the check.
        RecordsWithheld: nothing may be used now.
        Conflict: the person has as many bindings as one may have.
    """
    benefit, period = await eligibility.establish_eligibility(person, catalogue, choice, now)
    added_sessions.require_no_session(benefit)
    benefit_id, venue_id = choice.benefit_id, choice.venue_id
    use = Use("binding.requested", benefit.provider_id, benefit_id, "issued")
    await gate.permit(person, benefit.provider_id, now.at, use)
    own = LastingTicket.filter(person_id=person.person_id, kind=TicketKind.BINDING, handle_index__isnull=True)
    await lasting_tickets.discard(person.person_id, await own.filter(benefit_id=benefit_id, venue_id=venue_id))
    assert period.ends_at is not None
    valid_until = min(now.at + BINDING_LIFE, queries.from_micros(period.ends_at))
    code, expires_at = new_code(), now.at + CODE_LIFE
    binding_id = await lasting_tickets.create(person, TicketKind.BINDING, choice, now, valid_until, code)
    await LastingTicket.filter(person_id=person.person_id, lasting_id=binding_id).update(
        code_expires_at=queries.to_micros(expires_at)
    )
    await BindingCode.create(
        code_index=blind_index(keyring, IndexUse.BINDING_CODE, venue_id, code),
        venue_id=venue_id,
        person_id=person.person_id,
        lasting_id=binding_id,
        expires_at=queries.to_micros(expires_at),
        benefit_version=benefit.version,
    )
    return RequestedBinding(binding_id, code, expires_at, valid_until)


async def create(keyring: Keyring, catalogue: InForce, venue: Body, code: str, now: CivilTime) -> CreatedBinding:
    """Turn a code that was typed in the venue's app into a binding, once; return it with its token.

    Runs in the caller's transaction and locks the person's row. The benefit need not apply now. The binding keeps the
    benefit version in force when the resident asked: a commitment that came or changed since gives standard terms.

    Raises:
        CodeUnknown: wrong, expired, typed before, of another venue, or its consent or benefit has ended.
    """
    venue_id = venue["venue_id"]
    indexes = blind_indexes(keyring, IndexUse.BINDING_CODE, venue_id, normal_code(code))
    pending = await BindingCode.filter(code_index__in=indexes).first()
    if pending is None or pending.expires_at <= now.micros:
        raise CodeUnknown(NO_BINDING)
    try:
        person = await persons.lock(keyring, pending.person_id)
    except NotFound:  # erased after the code was read
        raise CodeUnknown(NO_BINDING) from None
    row = await LastingTicket.get_or_none(person_id=person.person_id, lasting_id=pending.lasting_id)
    benefit = None if row is None else catalogue.benefit(row.benefit_id, now.today)
    if row is None or benefit is None or not is_offered_at(benefit, venue):
        raise CodeUnknown(NO_BINDING)
    periods = await gate.live_periods(person, Purpose.BENEFIT_CHECK, now.at)
    if not began_under(periods.get(benefit.provider_id), row.created_at):
        raise CodeUnknown(NO_BINDING)
    # Two requests may arrive at once: only the one whose DELETE removes the row continues.
    if not await BindingCode.filter(code_index=pending.code_index).delete():
        raise CodeUnknown(NO_BINDING)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await LastingTicket.filter(person_id=person.person_id, lasting_id=row.lasting_id).update(
        sealed_code=None, code_expires_at=None
    )
    await lasting_tickets.attach(person, row, index_of_token(token), pending.benefit_version)
    facts = {"benefit_id": row.benefit_id, "venue_id": venue_id, "lasting_id": row.lasting_id}
    await ledger.append(person, "binding.created", facts, now.at)
    return CreatedBinding(token, row.benefit_id, queries.from_micros(row.valid_until))


def index_of_token(token: str) -> str:
    """Return the index by which the ticket of a binding's token is stored."""
    return random_index(IndexUse.BINDING, token)
