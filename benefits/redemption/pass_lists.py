"""Status lists of passes, computed from what is true now: nothing has to be written when somebody withdraws.

A pass is revoked when the consent that it was issued under has ended, its person was erased, or its benefit or venue is
no longer in force. A later consent does not bring it back, that of an undo included. A list also has decoy
bits: positions without a pass that become 1 hour by hour, so that the count of ones does not tell how many people
withdrew. SQL text: the query joins tables of two packages.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime, timedelta
from functools import lru_cache

from benefits.catalogue.model import InForce, is_offered_at
from benefits.passes import status_list
from benefits.passes.claims import HOUR_SECONDS, PASSES_OF_A_LIST
from benefits.passes.status_list import ListTimes
from benefits.redemption import pass_issue
from benefits.redemption.decision import CivilTime
from benefits.redemption.pass_issue import LISTS_A_DAY, PassSigner
from consent.crypto.blind_index import IndexUse, blind_index
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.kernel.errors import NotFound, require_not_frozen
from consent.records import gate
from consent.records.past_uses import CONSENT_OF_A_PASS

FRESH_SECONDS = 300
"""Time for which a copy of a list is fresh; a withdrawal reaches a venue with a network within it."""
LIST_LIFETIME = timedelta(hours=12)
"""Time in which a venue without a network may use its last copy: a working day. A pass itself ends within 24 hours."""
SERVED_DAYS = 2
"""Days for which a list is served, the day of its passes and the next, on which the last of them expires."""
DECOYS = 2_048
"""Decoys of a list: some 43 of them turn in each of the 48 hours in which it is served, give or take 13."""
DECOY_BYTES = 4
MINUTE_SECONDS = 60
OF_THIS_PASS = CONSENT_OF_A_PASS.condition.format(
    person_id="o.person_id", counterpart="o.provider_id", given_at="o.consent_given_at"
)
SIGNED_MAX = 16
"""Signed lists in memory: those of two days, and as many again; a few KiB each."""


async def sign_list(keyring: Keyring, number: int, catalogue: InForce, signer: PassSigner, now: CivilTime) -> str:
    """Return the signed status list of a number as of now.

    Raises:
        NotFound: it is no list of today or of the day before.
        RecordsFrozen: nothing may be used now, so that nobody's consent is certain.
    """
    last = pass_issue.first_list(now.at) + LISTS_A_DAY - 1
    if not last - SERVED_DAYS * LISTS_A_DAY < number <= last:
        raise NotFound("there is no such status list today")
    places = frozenset(await revoked_places(keyring, number, catalogue, now))
    minute = int(now.at.timestamp()) // MINUTE_SECONDS
    # In a thread: to compress and sign takes some 20 ms, in which no other request would be answered.
    return await asyncio.to_thread(_signed, signer, number, places, minute)


@lru_cache(maxsize=SIGNED_MAX)
def _signed(signer: PassSigner, number: int, places: frozenset[int], minute: int) -> str:
    """Return the signed list of places, made at a minute since 1970. Cached: most requests of a minute get one list."""
    begins = minute * MINUTE_SECONDS
    times = ListTimes(begins, begins + int(LIST_LIFETIME.total_seconds()), FRESH_SECONDS)
    return status_list.sign(signer.key, signer.list_url(number), places, times)


async def revoked_places(keyring: Keyring, number: int, catalogue: InForce, now: CivilTime) -> set[int]:
    """Return the places of a list whose bit is 1: those of revoked passes, and decoys that have turned."""
    frozen = await queries.fetch_one(f"SELECT {gate.WITHHELD}")
    assert frozen is not None
    require_not_frozen(frozen["withheld"])
    rows = await queries.fetch_all(
        "SELECT place, benefit_id, venue_id FROM offline_pass WHERE list_number = $1", number
    )
    consents = await queries.fetch_all(
        f"SELECT o.place AS place, {', '.join(CONSENT_OF_A_PASS.columns)} FROM offline_pass o"
        f" JOIN {CONSENT_OF_A_PASS.table} ON {OF_THIS_PASS} WHERE o.list_number = $1",
        number,
    )
    covered = {row["place"] for row in consents if row["covers_until"] > now.micros}
    offered = {
        offer: _is_offered(catalogue, *offer, now) for offer in {(row["benefit_id"], row["venue_id"]) for row in rows}
    }
    passes = {row["place"]: offered[row["benefit_id"], row["venue_id"]] for row in rows}
    revoked = {place for place, is_offered in passes.items() if not is_offered or place not in covered}
    return revoked | (decoys(keyring, number, now.at) - passes.keys())


def _is_offered(catalogue: InForce, benefit_id: str, venue_id: str, now: CivilTime) -> bool:
    benefit, venue = catalogue.benefit(benefit_id, now.today), catalogue.venue(venue_id)
    return benefit is not None and venue is not None and is_offered_at(benefit, venue)


def decoys(keyring: Keyring, number: int, at: datetime) -> set[int]:
    """Return the random positions of a list whose bit is 1 by `at` unless a pass has them; more with every hour."""
    begins = number // LISTS_A_DAY * pass_issue.DAY_SECONDS
    hour = (int(at.timestamp()) - begins) // HOUR_SECONDS
    seed = blind_index(keyring, IndexUse.HANDLE, "status list", str(number)).encode()
    stream = hashlib.shake_256(seed).digest(DECOYS * DECOY_BYTES)
    numbers = (int.from_bytes(stream[first : first + DECOY_BYTES]) for first in range(0, len(stream), DECOY_BYTES))
    hours = SERVED_DAYS * 24
    return {drawn % PASSES_OF_A_LIST for drawn in numbers if drawn // PASSES_OF_A_LIST % hours <= hour}
