"""Added sessions as pages, without scripts: a desk adds one, a resident books and cancels (T11)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from consent.kernel.instants import rfc3339
from service.auth.access_tokens import Audience
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("hour", [10, 22])
async def test_t11_a_desk_adds_a_session_and_a_resident_books_and_cancels(town: City, hour: int) -> None:
    """T11: the desk reads how many places are booked; a session over midnight is shown with both its days."""
    wang = town.resident("wang")
    await wang.volunteer(19_200, "v-wang")
    await wang.consent_to_provider("second-hospital")
    desk = await Browser(town).sign_in(Audience.VENUE, "second-hospital-desk")
    await desk.go("/desk/sessions")
    await desk.submit(desk.forms[-1], begins="soon", hours="3", places="4")
    assert desk.status == 422
    assert "Not added. Check the beginning" in desk.text
    begins = ((await town.app_context.clock()) + timedelta(days=3)).replace(hour=hour)
    ends = begins + timedelta(hours=3)
    time = f"{begins:%H:%M}–{ends:%H:%M}" if hour == 10 else f"{begins:%H:%M}–{ends.day} {ends:%B %Y %H:%M}"
    await desk.submit(desk.forms[-1], begins=begins.strftime("%Y-%m-%dT%H:%M"), hours="3", places="4")
    assert "The session was added." in desk.text
    assert time in desk.text
    me = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await me.go("/me/benefits/checkup-window")
    await me.go(next(address for address, words in me.links if words == "Book a place"))
    assert "4 places are free" in me.text
    place_and_time = ("Second Hospital, check-up desk", time)
    for text in place_and_time:
        assert text in me.text, text
    await me.submit(next(form for form in me.forms if form.action == "/me/bookings"))
    assert "Booked. Take your code" in me.text
    booked = me.text.partition("Places to book")[0]
    for text in place_and_time:
        assert text in booked, text
    await desk.go("/desk/sessions")
    assert "Booked 1" in desk.text
    assert place_and_time[1] in desk.text
    await me.submit(next(form for form in me.forms if form.action.endswith("/cancel")))
    assert "Cancelled." in me.text
    assert "No bookings." in me.text


async def test_a_desk_without_added_sessions_has_an_explanation(shared_city: City) -> None:
    desk = await Browser(shared_city).sign_in(Audience.VENUE, "city-library-main")
    await desk.go("/desk/sessions")
    assert "No benefit here adds sessions, so there is nothing to plan." in desk.text
    assert not [form for form in desk.forms if form.action == "/desk/sessions"]


async def test_a_page_without_sessions_says_what_is_missing(town: City) -> None:
    """Points come first, then the permission, then a session of the venue."""
    wang = town.resident("wang")
    me = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await me.go("/me/bookings")
    assert "once a benefit with added sessions applies to you" in me.text
    await wang.volunteer(19_200, "v-wang")
    await me.go("/me/bookings")
    assert "First you decide whether Second Hospital may check" in me.text
    assert "/me/benefits/checkup-window" in [address for address, _words in me.links]
    await wang.consent_to_provider("second-hospital")
    await me.go("/me/bookings")
    assert "appear here as soon as a venue adds them" in me.text


async def test_a_booking_that_cannot_be_cancelled_any_more_is_not_shown_as_cancelled(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(19_200, "v-wang")
    await wang.consent_to_provider("second-hospital")
    begins = (await town.app_context.clock()) + timedelta(days=3)
    plan = {"begins_at": rfc3339(begins), "ends_at": rfc3339(begins + timedelta(hours=3)), "places": 4}
    added = await town.venue("second-hospital-desk").post(
        "/v1/venue/sessions", {"benefit_id": "checkup-window", **plan}
    )
    booked = await wang.post("/v1/me/bookings", {"session_id": added.json()["session_id"]})
    assert booked.status_code == 201
    town.shift.by = timedelta(days=3, minutes=1)
    me = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await me.go("/me/bookings")
    await me.submit(next(form for form in me.forms if form.action.endswith("/cancel")))
    assert me.status == 409
    assert "Cancelled." not in me.text
