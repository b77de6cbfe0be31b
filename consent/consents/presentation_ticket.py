"""The one-time ticket that a shown notice comes with: proof of what was shown, to whom, and that it was just now.

A ticket is 96 hex digits: the presentation's id, a code that binds it to the person, a code over both. So a forged
ticket and somebody else's ticket are told apart without looking anything up.
"""

from __future__ import annotations

import hmac
import re

from consent.crypto.blind_index import IndexUse, blind_index
from consent.crypto.vault import Keyring
from consent.kernel.errors import TicketInvalid, TicketOfAnother

TICKET = re.compile(r"[0-9a-f]{96}", re.ASCII)


def sign(keyring: Keyring, presentation_id: str, person_id: str) -> str:
    """The ticket of a presentation (32 hex digits) made for a person."""
    bound = blind_index(keyring, IndexUse.PRESENTATION, "person", presentation_id, person_id)
    return presentation_id + bound + blind_index(keyring, IndexUse.PRESENTATION, "ticket", presentation_id, bound)


def check(keyring: Keyring, ticket: str, person_id: str | None) -> str:
    """The presentation's id; TicketInvalid when it was not made here, TicketOfAnother when made for someone else."""
    if not TICKET.fullmatch(ticket):
        raise TicketInvalid("this is not a ticket of this service")
    presentation_id, bound, code = ticket[:32], ticket[32:64], ticket[64:]
    made_here = blind_index(keyring, IndexUse.PRESENTATION, "ticket", presentation_id, bound)
    if not hmac.compare_digest(made_here, code):
        raise TicketInvalid("this is not a ticket of this service")
    if person_id is None or not hmac.compare_digest(
        blind_index(keyring, IndexUse.PRESENTATION, "person", presentation_id, person_id), bound
    ):
        raise TicketOfAnother("the notice was shown to somebody else")
    return presentation_id
