"""Residents to whom a benefit applies, and the means by which a venue learns of it: slips, bindings, bookings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from consent.kernel.instants import rfc3339
from tests.support.city import City, Resident

STANDARD_TERMS = b'{"applies":false}'
LIBRARY = ("library-deposit", "city-library-main")
PARKING = ("parking-free-minutes", "riverside-parking-1")
CHECKUP = ("checkup-window", "second-hospital-desk")
"""A benefit and a venue that offers it. The library's has a quota of one use a day, that of parking has none."""


async def reader(town: City, name: str = "wang") -> Resident:
    """Somebody with the points for a loan without deposit, 63, who allows the library to check."""
    who = town.resident(name)
    await who.volunteer(7_200, f"v-{name}")
    await who.consent_to_provider("city-library")
    return who


async def driver(town: City, name: str = "chen") -> Resident:
    """Somebody with the points for free minutes of parking, who allows the car park to check."""
    who = town.resident(name)
    await who.volunteer(24_000, f"v-{name}")
    await who.consent_to_provider("riverside-parking")
    return who


async def patient(town: City, name: str = "sun") -> Resident:
    """Somebody with the points for an added check-up, who allows the hospital to check."""
    who = town.resident(name)
    await who.volunteer(19_200, f"v-{name}")
    await who.consent_to_provider("second-hospital")
    return who


def offer(where: tuple[str, str]) -> dict[str, str]:
    """Return the members of a request that name a benefit at a venue."""
    return {"benefit_id": where[0], "venue_id": where[1]}


async def new_slip(who: Resident, where: tuple[str, str] = LIBRARY) -> dict[str, Any]:
    """Return a new paper slip; for the library by default."""
    answer = await who.post("/v1/me/slips", offer(where))
    assert answer.status_code == 201, answer.text
    slip: dict[str, Any] = answer.json()
    return slip


async def requested_binding(who: Resident, where: tuple[str, str] = LIBRARY) -> dict[str, Any]:
    """Return a binding that waits for its code to be typed; for the library by default."""
    answer = await who.post("/v1/me/bindings", offer(where))
    assert answer.status_code == 201, answer.text
    waiting: dict[str, Any] = answer.json()
    return waiting


async def new_binding(town: City, who: Resident, where: tuple[str, str] = LIBRARY) -> tuple[str, str]:
    """Return the id and the token of a new binding; for the library by default."""
    waiting = await requested_binding(who, where)
    created = await town.venue(where[1]).post("/v1/venue/bindings", {"code": waiting["code"]})
    assert created.status_code == 201, created.text
    assert created.json()["benefit_id"] == where[0]
    return waiting["binding_id"], created.json()["binding_token"]


async def new_session(town: City, in_hours: int = 72, places: int = 20) -> str:
    """Return the id of a session of three hours that the hospital's desk adds."""
    begins_at = await town.app_context.clock() + timedelta(hours=in_hours)
    times = {"begins_at": rfc3339(begins_at), "ends_at": rfc3339(begins_at + timedelta(hours=3))}
    body = {"benefit_id": CHECKUP[0], "places": places, **times}
    answer = await town.venue(CHECKUP[1]).post("/v1/venue/sessions", body)
    assert answer.status_code == 201, answer.text
    session_id: str = answer.json()["session_id"]
    return session_id


async def new_booking(who: Resident, session_id: str) -> str:
    """Return the id of a new booking of a session."""
    answer = await who.post("/v1/me/bookings", {"session_id": session_id})
    assert answer.status_code == 201, answer.text
    booking_id: str = answer.json()["booking_id"]
    return booking_id
