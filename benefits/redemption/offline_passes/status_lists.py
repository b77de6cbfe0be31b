"""Status lists of passes, computed from the stored passes: nothing has to be written when somebody withdraws.

A pass is revoked when the consent that it was issued under has ended, its person has stopped it or was erased, or its
benefit or venue is no longer in force. A later consent does not bring it back, that of an undo included. A list is
computed as of the beginning of its step (`status_list_steps`), in which its decoy bits turn too, and signed once for
everybody. SQL text: the query joins tables of two packages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from benefits.catalogue.model import InForce
from benefits.models import OfflinePass
from benefits.passes import status_list
from benefits.passes.status_list import ListTimes
from benefits.redemption.decision import CivilTime
from benefits.redemption.offline_passes import status_list_steps
from benefits.redemption.offline_passes.issuance import PassSigner
from benefits.redemption.offline_passes.status_list_steps import LISTS_A_DAY, SERVED_DAYS, STEP_SECONDS
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.kernel.errors import NotFound
from consent.records import withholding
from consent.records.past_uses import CONSENT_OF_A_PASS

LIST_LIFETIME = timedelta(hours=12)
"""Time in which a venue without a network may use its last copy: a working day. A pass itself ends within 24 hours."""
OF_THIS_PASS = CONSENT_OF_A_PASS.condition.format(
    person_id="o.person_id", counterpart="o.provider_id", given_at="o.consent_given_at"
)
SIGNED_MAX = 16
"""Signed lists in memory: those of two days, and as many again; some 20 KiB each."""


class ListCache:
    """The signed lists of the present step, each computed once for everybody who reads it from this process."""

    def __init__(self) -> None:
        self._signed: dict[tuple[PassSigner, int], tuple[int, str]] = {}
        self._lock = asyncio.Lock()

    async def read(self, signer: PassSigner, number: int, step: CivilTime, make: Callable[[], Awaitable[str]]) -> str:
        """Return the signed list of a step; the first reader makes it by `make`, and others wait for that."""
        async with self._lock:
            stored = self._signed.get((signer, number))
            if stored is None or stored[0] != step.micros:
                stored = step.micros, await make()
                self._signed.pop((signer, number), None)
                self._signed[signer, number] = stored
                if len(self._signed) > SIGNED_MAX:
                    del self._signed[next(iter(self._signed))]
            return stored[1]


async def sign_list(keyring: Keyring, number: int, catalogue: InForce, signer: PassSigner, step: CivilTime) -> str:
    """Return the signed status list of a number as of the beginning of a step.

    Raises:
        NotFound: it is no list of today or of the day before.
        RecordsWithheld: nothing may be used now, so that nobody's consent is certain.
    """
    last = status_list_steps.first_list(step.at) + LISTS_A_DAY - 1
    if not last - SERVED_DAYS * LISTS_A_DAY < number <= last:
        raise NotFound("there is no such status list today")
    positions = await revoked_positions(keyring, number, catalogue, step)
    begins = int(step.at.timestamp())
    times = ListTimes(begins, begins + int(LIST_LIFETIME.total_seconds()), STEP_SECONDS)
    # In a thread: to compress and sign takes some 20 ms, in which no other request would be answered.
    return await asyncio.to_thread(status_list.sign, signer.key, signer.list_url(number), positions, times)


async def revoked_positions(keyring: Keyring, number: int, catalogue: InForce, step: CivilTime) -> set[int]:
    """Return the positions in a list whose bit is 1: passes revoked before the step, and decoy bits that have turned.

    Benefits and venues count as they are in the catalogue: their end is public.
    """
    await withholding.require_usable()
    rows = await OfflinePass.filter(list_number=number).values(
        "place", "benefit_id", "venue_id", "issuer_id", "person_id", "revoked_from"
    )
    consents = await queries.fetch_all(
        f"SELECT o.place AS place, {', '.join(CONSENT_OF_A_PASS.columns)} FROM offline_pass o"
        f" JOIN {CONSENT_OF_A_PASS.table} ON {OF_THIS_PASS} WHERE o.list_number = $1",
        number,
    )
    valid = {row["place"] for row in consents if row["covers_until"] > step.micros}
    # Of a person who was erased in this step; their consents are gone.
    valid |= {row["place"] for row in rows if row["person_id"] is None and (row["revoked_from"] or 0) > step.micros}
    offers = {row["place"]: (row["benefit_id"], row["venue_id"], row["issuer_id"]) for row in rows}
    offered = {offer: _is_offered(catalogue, *offer, step) for offer in {*offers.values()}}
    passes = {position: offered[offer] for position, offer in offers.items()}
    stopped = {row["place"] for row in rows if row["revoked_from"] is not None and row["revoked_from"] <= step.micros}
    revoked = {position for position, is_offered in passes.items() if not is_offered or position not in valid} | stopped
    return revoked | (turned_decoy_bits(keyring, number, step.at) - passes.keys())


def _is_offered(catalogue: InForce, benefit_id: str, venue_id: str, issuer_id: str | None, step: CivilTime) -> bool:
    benefit = catalogue.benefit(benefit_id, step.today)
    return benefit is not None and catalogue.is_offered(benefit, venue_id, issuer_id)


def turned_decoy_bits(keyring: Keyring, number: int, at: datetime) -> set[int]:
    """Return the decoy bits of a list that are 1 at an instant; more with every step."""
    step = (at - status_list_steps.begin_of(number)) // timedelta(seconds=STEP_SECONDS)
    return {position for position, turns in status_list_steps.decoy_bits(keyring, number).items() if turns <= step}
