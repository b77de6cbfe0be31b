"""The end of a person in both rooms at once, and what must have ended already in a database that is an older copy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benefits.balances import snapshots
from benefits.redemption import tickets
from consent import persons
from consent.consents import register
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.kernel.errors import NotFound
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
    """What a replay did: lines read, consents withdrawn again, persons erased again."""

    read: int = 0
    withdrawn: int = 0
    erased: int = 0


async def erase(keyring: Keyring, person: Person, at: datetime) -> str:
    """Erase the (locked) person: rows of both rooms and the key, in the running transaction; the leaf's hash."""
    await snapshots.delete_cached(person.person_id)
    await tickets.unlink_person(person.person_id)
    return await erasure.erase(keyring, person, at)


async def erase_subject(app_context: AppContext, subject: str, at: datetime) -> str | None:
    """Erase whoever a token's `sub` stands for, with their tombstone and kept answers; None when nobody is known."""
    known = await persons.find(app_context.keyring, subject)
    if known is None:
        return None
    app_context.tombstones.erased(persons.subject_index(app_context.keyring, subject), at)
    person = await persons.lock(app_context.keyring, known.person_id)
    leaf_hash = await erase(app_context.keyring, person, at)
    await idempotency.forget_caller(idempotency.caller_index(app_context.keyring, Audience.RESIDENT, subject))
    return leaf_hash


def signed_receipt(app_context: AppContext, leaf_hash: str, at: datetime) -> dict[str, Any]:
    """The signed receipt of an erasure, JSON-ready."""
    made = receipts.build_erasure(leaf_hash, at)
    return {"receipt": made, "jws": receipts.sign(made, app_context.settings.signing_key)}


async def replay_tombstones(app_context: AppContext) -> ReplaySummary:
    """End again what had ended, by the tombstones; then records may be released again. Safe to run at any time."""
    done, at = ReplaySummary(), await app_context.clock()
    for one in app_context.tombstones.read():
        done.read += 1
        async with queries.transaction():
            if one.kind == "withdrawn":
                done.withdrawn += await _withdraw(app_context, one.name, at)
            elif one.kind == "erased":
                found = await persons.find_by_index(app_context.keyring, one.name)
                # Who came back after the erasure is not the one who left.
                if found is not None and found[1] < one.at:
                    await erase(app_context.keyring, await persons.lock(app_context.keyring, found[0].person_id), at)
                    done.erased += 1
    await sequencer.release_records(Log.CONSENT)
    return done


async def replay_if_withheld(app_context: AppContext) -> ReplaySummary | None:
    """Replay where records are withheld; None where they are not."""
    return await replay_tombstones(app_context) if (await sequencer.head(Log.CONSENT)).withheld else None


async def verify_copy(app_context: AppContext) -> None:
    """Hold the database against what was published; replay tombstones where it may be an older copy."""
    if await database.missing_migrations():
        return
    for log in Log:
        await sequencer.freeze_if_diverged(log, app_context.settings.publisher)
    await replay_if_withheld(app_context)


async def _withdraw(app_context: AppContext, consent_id: str, at: datetime) -> int:
    row = await queries.fetch_one("SELECT person_id FROM consent WHERE consent_id = $1 AND state = 'given'", consent_id)
    if row is None:
        return 0
    try:
        person = await persons.lock(app_context.keyring, row["person_id"])
    except NotFound:
        return 0
    await register.withdraw(person, consent_id, at)
    await snapshots.delete_cached(person.person_id)
    return 1
