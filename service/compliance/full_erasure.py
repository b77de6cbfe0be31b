"""Erase a person in all packages at once, and repeat endings that a restored older copy of the database lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benefits.balances import snapshots
from benefits.redemption import tickets
from consent import persons
from consent.consents import live, register
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.kernel import fault_points
from consent.kernel.errors import NotFound
from consent.kernel.fault_points import FaultPoint
from consent.persons import Person
from consent.rights import erasure
from consent.transparency import sequencer
from consent.transparency.logs import Log
from service.auth.access_tokens import Audience
from service.compliance import receipts
from service.http.context import AppContext
from service.storage import database, idempotency


@dataclass(slots=True)
class ReplaySummary:
    """Counts of a replay: tombstones read, consents withdrawn again, persons erased again."""

    read: int = 0
    withdrawn: int = 0
    erased: int = 0


async def erase(keyring: Keyring, person: Person, at: datetime) -> str:
    """Erase a locked person in the caller's transaction; return the hash of the log's leaf.

    Deletes the person's rows of the benefits and consent packages and their data key.
    """
    await snapshots.delete_cached(person.person_id)
    await tickets.unlink_person(person.person_id)
    fault_points.reach(FaultPoint.ERASURE_BEGUN)
    return await erasure.erase(keyring, person, at)


async def erase_subject(app_context: AppContext, subject: str, at: datetime) -> str | None:
    """Erase the person of a token's `sub`; return the leaf's hash, or None if nobody is known.

    Writes the tombstone first, so that a restored copy of the database erases the person again, and deletes the stored
    answers. Needs the caller's transaction.
    """
    known = await persons.find(app_context.keyring, subject)
    if known is None:
        return None
    app_context.tombstones.erased(persons.subject_index(app_context.keyring, subject), at)
    person = await persons.lock(app_context.keyring, known.person_id)
    leaf_hash = await erase(app_context.keyring, person, at)
    await idempotency.forget_caller(idempotency.caller_index(app_context.keyring, Audience.RESIDENT, subject))
    return leaf_hash


def signed_receipt(app_context: AppContext, leaf_hash: str, at: datetime) -> dict[str, Any]:
    """Return the signed receipt of an erasure as JSON values."""
    unsigned = receipts.build_erasure(leaf_hash, at)
    return {"receipt": unsigned, "jws": receipts.sign(unsigned, app_context.settings.signing_key)}


async def replay_tombstones(app_context: AppContext) -> ReplaySummary:
    """Withdraw and erase again by the tombstones, then let records be released; return the counts.

    Idempotent. One transaction a tombstone, with the person's lock.
    """
    done, at = ReplaySummary(), await app_context.clock()
    for tombstone in app_context.tombstones.read():
        done.read += 1
        async with queries.transaction():
            if tombstone.kind == "withdrawn":
                done.withdrawn += await _withdraw(app_context, tombstone.name, at)
            elif tombstone.kind == "erased":
                known = await persons.find_by_index(app_context.keyring, tombstone.name)
                # A person created after the erasure has the same subject and is not the erased one.
                if known is not None and known[1] < tombstone.at:
                    await erase(app_context.keyring, await persons.lock(app_context.keyring, known[0].person_id), at)
                    done.erased += 1
    await sequencer.end_withholding(Log.CONSENT)
    return done


async def replay_if_withheld(app_context: AppContext) -> ReplaySummary | None:
    """Replay tombstones if records are withheld; return None if they are not."""
    return await replay_tombstones(app_context) if (await sequencer.head(Log.CONSENT)).withheld else None


async def verify_copy(app_context: AppContext) -> None:
    """Compare the database with the published checkpoints; replay tombstones if it may be an older copy.

    Call it before serving. Does nothing while migrations are missing.
    """
    if await database.missing_migrations():
        return
    for log in Log:
        await sequencer.freeze_if_diverged(log, app_context.settings.publisher)
    await replay_if_withheld(app_context)


async def _withdraw(app_context: AppContext, consent_id: str, at: datetime) -> int:
    person_id = await live.person_of(consent_id)
    if person_id is None:
        return 0
    try:
        person = await persons.lock(app_context.keyring, person_id)
    except NotFound:
        return 0
    await register.withdraw(person, consent_id, at)
    await snapshots.delete_cached(person.person_id)
    return 1
