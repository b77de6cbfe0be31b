"""Erase a person in all packages at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from benefits.balances import person_balance
from benefits.redemption import bookings, lasting_tickets, tickets
from benefits.redemption.offline_passes import issuance
from consent import persons
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.kernel import fault_points
from consent.kernel.errors import NotFound
from consent.kernel.fault_points import FaultPoint
from consent.persons import Person
from consent.rights import erasure
from service.auth.access_tokens import Audience
from service.compliance import receipts
from service.http.context import AppContext
from service.storage import idempotency


async def erase(keyring: Keyring, person: Person, at: datetime) -> str:
    """Erase a locked person in the caller's transaction; return the hash of the log's leaf.

    Deletes the person's rows of the benefits and consent packages, their data key, and the answers stored for retries.
    """
    subject = await persons.subject_of(person)
    await idempotency.forget_caller(keyring, Audience.RESIDENT, subject)
    await person_balance.delete_cached(person.person_id)
    await bookings.erase_all(person.person_id, queries.to_micros(at))
    await lasting_tickets.erase_all(person.person_id)
    await tickets.unlink_person(person.person_id)
    await issuance.unlink_person(person.person_id, at)
    fault_points.reach(FaultPoint.ERASURE_BEGUN)
    return await erasure.erase(keyring, person, at)


async def erase_subject(app_context: AppContext, subject: str, at: datetime) -> str | None:
    """Erase the person of a token's `sub`; return the leaf's hash, or None if nobody is known (any more).

    Records the tombstone first, so that a restored copy of the database erases the person again. Needs a running
    `Tombstones.transaction`.
    """
    known = await persons.find(app_context.keyring, subject)
    if known is None:
        return None
    try:
        person = await persons.lock(app_context.keyring, known.person_id)
    except NotFound:
        # Another request erased them while this one waited for the row: the first of a retry, for example.
        return None
    app_context.tombstones.erased(person.person_id, at)
    app_context.erased.set()
    return await erase(app_context.keyring, person, at)


def signed_receipt(app_context: AppContext, leaf_hash: str, at: datetime) -> dict[str, Any]:
    """Return the signed receipt of an erasure as JSON values."""
    unsigned = receipts.build_erasure(leaf_hash, at)
    return {"receipt": unsigned, "jws": receipts.sign(unsigned, app_context.settings.signing_key)}
