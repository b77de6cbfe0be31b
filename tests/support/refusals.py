"""Handles that are refused at the main library, one for each reason, made by the acts that lead to it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from consent.database import queries
from tests.support.city import City, Resident, record

MINUTES = 7_200
VENUE, BENEFIT = "city-library-main", "library-deposit"

Make = Callable[[City, str], Awaitable[str]]


async def _resident(town: City, name: str) -> Resident:
    """A resident whose points suffice for the library's benefit."""
    who = town.resident(name)
    await who.volunteer(MINUTES, f"account-{name}")
    await who.consent_to_provider("city-library")
    return who


async def _ticket(who: Resident) -> str:
    """A handle that does not expire while a test runs."""
    ticket = await who.ticket()
    await queries.execute(
        "UPDATE ticket SET expires_at = expires_at + 3600000000 WHERE ticket_id = $1", ticket["ticket_id"]
    )
    handle: str = ticket["handle"]
    return handle


async def unknown(town: City, name: str) -> str:
    return secrets.token_hex(16)


async def malformed(town: City, name: str) -> str:
    return "no handle at all"


async def expired(town: City, name: str) -> str:
    ticket = await (await _resident(town, name)).ticket()
    await queries.execute("UPDATE ticket SET expires_at = issued_at WHERE ticket_id = $1", ticket["ticket_id"])
    handle: str = ticket["handle"]
    return handle


async def used(town: City, name: str) -> str:
    handle = await _ticket(await _resident(town, name))
    assert (await town.venue(VENUE).post("/v1/venue/redemptions", {"handle": handle})).status_code == 201
    return handle


async def other_venue(town: City, name: str) -> str:
    who = await _resident(town, name)
    await town.source("volunteer-service").deliver(
        record(f"{name}-more", f"account-{name}", "volunteer_minutes", MINUTES, f"{await town.last_year()}-04-05")
    )
    await who.consent_to_provider("riverside-parking")
    handle: str = (await who.ticket("parking-free-minutes", "riverside-parking-1"))["handle"]
    return handle


async def withdrawn(town: City, name: str) -> str:
    who = await _resident(town, name)
    handle = await _ticket(who)
    assert (await who.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    return handle


async def no_longer_eligible(town: City, name: str) -> str:
    handle = await _ticket(await _resident(town, name))
    path = f"/v1/source/records/account-{name}.minutes/correction"
    source = town.source("volunteer-service")
    corrected = await source.post(path, {"quantity": 60, "reason_code": "counted_wrong"})
    assert corrected.status_code == 200, corrected.text
    return handle


async def quota_gone(town: City, name: str) -> str:
    who = await _resident(town, name)
    first, second = await _ticket(who), await _ticket(who)
    assert (await town.venue(VENUE).post("/v1/venue/redemptions", {"handle": first})).status_code == 201
    return second


async def erased(town: City, name: str) -> str:
    who = await _resident(town, name)
    handle = await _ticket(who)
    assert (await who.delete("/v1/me")).status_code == 200
    return handle


async def retired(town: City, name: str) -> str:
    handle = await _ticket(await _resident(town, name))
    index = await queries.fetch_one("SELECT handle_index FROM ticket ORDER BY issued_at DESC LIMIT 1")
    assert index is not None
    # As after the retirement of a benefit: no version of it is in force. Retiring the library's would refuse all.
    await queries.execute(
        "UPDATE ticket SET benefit_id = 'retired-benefit' WHERE handle_index = $1", index["handle_index"]
    )
    return handle


REASONS: dict[str, Make] = {
    make.__name__: make
    for make in (
        unknown, malformed, expired, used, other_venue, withdrawn, no_longer_eligible, quota_gone, erased, retired,
    )
}  # fmt: skip
"""Every reason of contract 7, and two more: a handle of another form, and a benefit that was retired."""
