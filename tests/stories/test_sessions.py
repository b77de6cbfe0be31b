"""Added sessions: offered by a venue, booked, cancelled, returned a day before, redeemed at the desk (T11)."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from typing import Any

import httpx2
import pytest

from benefits import ticket_retention
from consent.database import queries
from consent.kernel.instants import rfc3339
from service.jobs import background
from tests.factories import administrator, publish_document
from tests.support.city import City, Resident
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.means import CHECKUP, patient

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]

PLACES = 20
BENEFIT, DESK = CHECKUP


async def offered(town: City, in_hours: int = 72, places: int = PLACES) -> Any:
    return await offered_at(town, (await town.app_context.clock()) + timedelta(hours=in_hours), places)


async def offered_at(town: City, begins_at: datetime, places: int) -> Any:
    body = {
        "benefit_id": BENEFIT,
        "begins_at": rfc3339(begins_at),
        "ends_at": rfc3339(begins_at + timedelta(hours=3)),
        "places": places,
    }
    return await town.venue(DESK).post("/v1/venue/sessions", body)


async def seen_by_venue(town: City) -> dict[str, Any]:
    (row,) = (await town.venue(DESK).get("/v1/venue/sessions")).json()["data"]
    session: dict[str, Any] = row
    return session


async def test_t11_of_200_who_book_at_once_exactly_20_get_a_place(town: City) -> None:
    """T11: 200 bookings at once of a session of 20 places, by people to whom it applies: exactly 20 are given."""
    session = (await offered(town)).json()
    people = [await patient(town, f"p{number}") for number in range(25)]
    body = {"session_id": session["session_id"]}

    async def book(who: Resident) -> httpx2.Response:
        # On a slow machine some wait too long for a connection and are told to ask again.
        async with asyncio.timeout(WAIT_SECONDS):
            while (answer := await who.post("/v1/me/bookings", body)).status_code == 503:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
            return answer

    answers = await asyncio.gather(*(book(people[number % 25]) for number in range(200)))
    codes = [answer.status_code for answer in answers]
    assert (codes.count(201), codes.count(409)) == (PLACES, 180), set(codes)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"no_place_left", "conflict"}
    row = await seen_by_venue(town)
    assert (row["taken"], row["returned"]) == (PLACES, 0)
    stored = await queries.fetch_one("SELECT count(*) AS counted FROM booking")
    assert stored == {"counted": PLACES}


@pytest.mark.both_engines
async def test_t11_cancelled_and_unused_places_are_returned_a_day_before(town: City) -> None:
    """T11: a cancelled place is free again; 24 hours before the rest is everybody's, which the venue reads."""
    session = (await offered(town)).json()
    wang, li = await patient(town, "wang"), await patient(town, "li")
    path = f"/v1/me/benefits/{BENEFIT}/sessions"
    body = {"session_id": session["session_id"]}
    booked = [(await who.post("/v1/me/bookings", body)).json() for who in (wang, li)]
    assert (await wang.get(path)).json()["data"][0]["free"] == PLACES - 2
    assert (await li.delete(f"/v1/me/bookings/{booked[0]['booking_id']}")).status_code == 404
    assert (await li.delete(f"/v1/me/bookings/{booked[1]['booking_id']}")).status_code == 200
    assert (await wang.get(path)).json()["data"][0]["free"] == PLACES - 1
    town.shift.by = timedelta(hours=48, minutes=1)
    row = await seen_by_venue(town)
    assert (row["taken"], row["returned"]) == (1, PLACES - 1)
    assert (await wang.get(path)).json()["data"] == []
    assert (await li.post("/v1/me/bookings", body)).json()["code"] == "no_place_left"
    assert (await wang.delete(f"/v1/me/bookings/{booked[0]['booking_id']}")).status_code == 200
    assert (await seen_by_venue(town))["returned"] == PLACES


async def test_t11_the_hospital_desk_redeems_at_the_session_of_the_booking(town: City) -> None:
    """T11: the ticket comes an hour before the session at the earliest, and only with a booking."""
    session = (await offered(town)).json()
    wang, li = await patient(town, "wang"), await patient(town, "li")
    assert (await wang.post("/v1/me/bookings", {"session_id": session["session_id"]})).status_code == 201
    ticket_body = {"benefit_id": BENEFIT, "venue_id": DESK}
    town.shift.by = timedelta(hours=60)
    assert (await wang.post("/v1/me/tickets", ticket_body)).json()["code"] == "booking_needed"
    town.shift.by = timedelta(hours=71, minutes=30)
    assert (await li.post("/v1/me/tickets", ticket_body)).json()["code"] == "booking_needed"
    ticket = await wang.ticket(BENEFIT, DESK)
    redeemed = await town.venue(DESK).post("/v1/venue/redemptions", {"handle": ticket["handle"]})
    assert redeemed.status_code == 201, redeemed.text
    for path in ("/v1/me/slips", "/v1/me/bindings"):
        assert (await wang.post(path, ticket_body)).json()["code"] == "booking_needed"


@pytest.mark.both_engines
async def test_a_booking_is_used_once_however_many_uses_the_benefit_has(town: City) -> None:
    body = (await administrator(town).get(f"/v1/admin/benefits/{BENEFIT}")).json()["document"]
    body["quota"]["per_resident"]["count"] = 5
    assert await publish_document(town, "benefits", BENEFIT, body) == "in_force"
    session, wang, desk = (await offered(town)).json(), await patient(town, "wang"), town.venue(DESK)
    assert (await wang.post("/v1/me/bookings", {"session_id": session["session_id"]})).status_code == 201
    town.shift.by = timedelta(hours=72)
    earlier, later = await wang.ticket(BENEFIT, DESK), await wang.ticket(BENEFIT, DESK)
    for ticket, status in ((earlier, 200), (later, 201)):
        redeemed = await desk.post("/v1/venue/redemptions", {"handle": ticket["handle"]})
        assert redeemed.status_code == status, redeemed.text
    ticket_body = {"benefit_id": BENEFIT, "venue_id": DESK}
    assert (await wang.post("/v1/me/tickets", ticket_body)).json()["code"] == "booking_needed"
    # A mistaken scan is no use.
    path = f"/v1/venue/redemptions/{redeemed.json()['redemption_id']}/reversal"
    assert (await desk.post(path, {"reason_code": "mistaken_scan"})).status_code == 200
    again = await wang.ticket(BENEFIT, DESK)
    assert (await desk.post("/v1/venue/redemptions", {"handle": again["handle"]})).status_code == 201


async def test_a_venue_reads_that_it_has_sessions_until_the_last_one_has_ended(town: City) -> None:
    """The sessions of a suspended benefit stay until they end; a venue without either has none."""
    assert (await offered(town)).status_code == 201
    admin = administrator(town)
    assert (await admin.post(f"/v1/admin/benefits/{BENEFIT}/versions/1/suspend")).json()["state"] == "suspended"

    async def has_sessions() -> bool:
        answer: bool = (await town.venue(DESK).get("/v1/venue/me")).json()["has_sessions"]
        return answer

    assert await has_sessions()
    town.shift.by = timedelta(hours=76)
    assert not await has_sessions()


@pytest.mark.parametrize("begins_at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
async def test_a_session_of_a_day_that_no_calendar_has_is_not_possible(town: City, begins_at: str) -> None:
    body = {"benefit_id": BENEFIT, "begins_at": begins_at, "ends_at": begins_at, "places": 1}
    answer = await town.venue(DESK).post("/v1/venue/sessions", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "session_not_possible")


async def test_a_place_that_was_used_or_whose_session_has_begun_is_not_given_back(town: City) -> None:
    """A ticket that was issued for the session holds the place, so does the beginning; an erasure changes nothing."""
    session = (await offered(town)).json()
    wang, li = await patient(town, "wang"), await patient(town, "li")
    body = {"session_id": session["session_id"]}
    own, other = [(await who.post("/v1/me/bookings", body)).json()["booking_id"] for who in (wang, li)]
    town.shift.by = timedelta(hours=71, minutes=30)
    ticket = await wang.ticket(BENEFIT, DESK)
    refused = await wang.delete(f"/v1/me/bookings/{own}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    redeemed = await town.venue(DESK).post("/v1/venue/redemptions", {"handle": ticket["handle"]})
    assert redeemed.status_code == 201
    assert (await wang.delete(f"/v1/me/bookings/{own}")).json()["code"] == "conflict"
    town.shift.by = timedelta(hours=72, minutes=1)
    assert (await li.delete(f"/v1/me/bookings/{other}")).json()["code"] == "conflict"
    for who in (wang, li):
        assert (await who.delete("/v1/me")).status_code == 200
    assert (await seen_by_venue(town))["taken"] == 2


@pytest.mark.both_engines
async def test_a_withdrawal_gives_the_place_back(town: City) -> None:
    session = (await offered(town)).json()
    wang, body = await patient(town, "wang"), {"session_id": session["session_id"]}
    for withdrawal in ({"scope": "provider", "provider_id": "second-hospital"}, {"scope": "all"}):
        assert (await wang.post("/v1/me/bookings", body)).status_code == 201
        assert (await seen_by_venue(town))["taken"] == 1
        assert (await wang.post("/v1/me/withdrawals", withdrawal)).status_code == 200
        assert (await seen_by_venue(town))["taken"] == 0
        assert (await wang.get("/v1/me/bookings")).json()["data"] == []
        await wang.consent_to_provider("second-hospital")


@pytest.mark.both_engines
async def test_one_withdrawn_consent_gives_its_place_back_and_no_other(town: City) -> None:
    session = (await offered(town)).json()
    wang = await patient(town, "wang")
    assert (await wang.post("/v1/me/bookings", {"session_id": session["session_id"]})).status_code == 201
    await wang.consent_to_provider("city-library")
    for counterpart, taken in (("city-library", 1), ("second-hospital", 0)):
        rows = await queries.fetch_all(
            "SELECT consent_id FROM consent WHERE counterpart = $1 AND person_id IN (SELECT person_id FROM booking)",
            counterpart,
        )
        for row in rows:
            assert (await wang.post(f"/v1/me/consents/{row['consent_id']}/withdraw")).status_code == 200
        assert (await seen_by_venue(town))["taken"] == taken


@pytest.mark.both_engines
@pytest.mark.parametrize("is_given_again", [False, True])
async def test_the_cleanup_gives_back_the_place_of_a_consent_that_has_ended_by_itself(
    town: City, is_given_again: bool
) -> None:
    session = (await offered(town)).json()
    wang, li = await patient(town, "wang"), await patient(town, "li")
    for who in (wang, li):
        assert (await who.post("/v1/me/bookings", {"session_id": session["session_id"]})).status_code == 201
    person = await queries.fetch_one("SELECT person_id FROM booking ORDER BY created_at LIMIT 1")
    assert person is not None
    await queries.execute(
        "UPDATE consent SET state = 'expired', expires_at = given_at + 1 WHERE person_id = $1"
        " AND counterpart = 'second-hospital'",
        person["person_id"],
    )
    if is_given_again:
        await wang.consent_to_provider("second-hospital")
    town.shift.by = timedelta(hours=71, minutes=30)
    if is_given_again:
        refused = await wang.post("/v1/me/tickets", {"benefit_id": BENEFIT, "venue_id": DESK})
        assert refused.json()["code"] == "booking_needed"
    for _ in range(2):
        await background.run_cleanup(town.app_context)
        row = await seen_by_venue(town)
        assert (row["taken"], row["returned"]) == (1, PLACES - 1)
    assert (await wang.get("/v1/me/bookings")).json()["data"] == []
    assert (await li.post("/v1/me/tickets", {"benefit_id": BENEFIT, "venue_id": DESK})).status_code == 201


async def test_sessions_of_a_period_have_no_more_places_than_the_benefit_adds(town: City) -> None:
    assert (await offered(town, places=15)).status_code == 201
    both = await asyncio.gather(*(offered(town, places=5) for _ in range(3)))
    assert sorted(answer.status_code for answer in both) == [201, 409, 409]
    for hours in (23, 24 * 93):
        assert (await offered(town, hours, 1)).json()["code"] == "session_not_possible"
    other = {"benefit_id": "library-deposit", "begins_at": "2099-01-01T00:00:00Z", "ends_at": "2099-01-01T01:00:00Z"}
    assert (await town.venue().post("/v1/venue/sessions", {**other, "places": 1})).status_code == 404


async def test_a_period_is_from_midnight_to_midnight_in_the_city(town: City) -> None:
    """Sessions on both sides of the midnight between two weeks are in different weeks."""
    day, minute = await town.today() + timedelta(days=7), timedelta(minutes=1)
    monday = day + timedelta(days=7 - day.weekday())
    week, following = (
        datetime.combine(first, time.min, town.app_context.settings.city_zone)
        for first in (monday, monday + timedelta(days=7))
    )
    assert (await offered_at(town, following - minute, PLACES)).status_code == 201
    assert (await offered_at(town, following, PLACES)).status_code == 201
    assert (await offered_at(town, week - minute, PLACES)).status_code == 201
    for begins_at in (week, following - minute, following + timedelta(days=7) - minute):
        assert (await offered_at(town, begins_at, 1)).json()["code"] == "session_not_possible"


async def test_export_names_a_booking_and_erasure_gives_its_place_back(town: City) -> None:
    session = (await offered(town)).json()
    wang = await patient(town, "wang")
    booking = (await wang.post("/v1/me/bookings", {"session_id": session["session_id"]})).json()
    exported = (await wang.get("/v1/me/export")).json()["bookings"]
    assert [row["booking_id"] for row in exported] == [booking["booking_id"]]
    assert (await wang.delete("/v1/me")).status_code == 200
    assert (await seen_by_venue(town))["taken"] == 0
    assert await queries.fetch_all("SELECT * FROM booking") == []


async def test_bookings_and_sessions_are_deleted_some_time_after(town: City) -> None:
    session = (await offered(town)).json()
    wang = await patient(town, "wang")
    await wang.post("/v1/me/bookings", {"session_id": session["session_id"]})
    town.shift.by = datetime.fromisoformat(session["ends_at"]) - await queries.now() + timedelta(days=93)
    overdue = queries.to_micros(await town.app_context.clock() - ticket_retention.BOOKINGS.age)
    assert await ticket_retention.BOOKINGS.count(overdue) == 1
    await background.run_cleanup(town.app_context)
    for table in ("booking", "added_session"):
        assert await queries.fetch_all(f"SELECT * FROM {table}") == [], table
