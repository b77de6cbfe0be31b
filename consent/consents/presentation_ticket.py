"""The one-time ticket of a shown notice: it proves which notice was shown, to whom, and lately.

A ticket is 96 hex digits: the presentation's id, a MAC that binds it to the person, a MAC over both. A forged ticket
and another person's ticket are therefore told apart without a query.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

from consent.crypto.blind_index import IndexUse, blind_index, blind_indexes
from consent.crypto.vault import Keyring
from consent.kernel.errors import TicketInvalid, TicketOfAnother

TICKET = re.compile(r"[0-9a-f]{96}", re.ASCII)


def sign(keyring: Keyring, presentation_id: str, person_id: str) -> str:
    """Return the ticket of a presentation (32 hex digits) for a person."""
    bound = blind_index(keyring, IndexUse.PRESENTATION, "person", presentation_id, person_id)
    return presentation_id + bound + blind_index(keyring, IndexUse.PRESENTATION, "ticket", presentation_id, bound)


def check(keyring: Keyring, ticket: str, person_id: str | None) -> str:
    """Return the presentation's id of a ticket; `person_id` is None for somebody without a record here.

    Raises:
        TicketInvalid: this service did not sign it.
        TicketOfAnother: it was signed for another person.
    """
    if not TICKET.fullmatch(ticket):
        raise TicketInvalid("this is not a ticket of this service")
    presentation_id, bound, code = ticket[:32], ticket[32:64], ticket[64:]
    if not _is_one_of(code, blind_indexes(keyring, IndexUse.PRESENTATION, "ticket", presentation_id, bound)):
        raise TicketInvalid("this is not a ticket of this service")
    if person_id is None or not _is_one_of(
        bound, blind_indexes(keyring, IndexUse.PRESENTATION, "person", presentation_id, person_id)
    ):
        raise TicketOfAnother("the notice was shown to somebody else")
    return presentation_id


def _is_one_of(code: str, expected: Sequence[str]) -> bool:
    """Compare a code with each of one or two."""
    return any(hmac.compare_digest(valid, code) for valid in expected)
