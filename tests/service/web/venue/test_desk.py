"""The venue's desk without scripts: its name, check and redemption, a lost answer, a day's list."""

from __future__ import annotations

from datetime import timedelta

import pytest

from benefits.redemption import redeem
from service.auth.access_tokens import Audience
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio


async def handle_of(town: City, name: str) -> str:
    """A code for the library, of somebody with enough points."""
    me = town.resident(name)
    await me.volunteer(7_200, f"v-{name}")
    await me.consent_to_provider("city-library")
    handle: str = (await me.ticket())["handle"]
    return handle


async def test_a_desk_says_whose_it_is(town: City) -> None:
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    mine = (await town.venue().get("/v1/venue/me")).json()
    assert mine == {
        "venue_id": "city-library-main",
        "name": mine["name"],
        "provider_id": "city-library",
        "provider": {"zh-CN": "市图书馆", "en": "City Library"},
        "today": (await town.today()).isoformat(),
    }
    for path in ("/desk", "/desk/day"):
        await desk.go(path)
        assert f"{mine['name']['en']} City Library" in desk.text
    await desk.go("/desk")
    await desk.send("/desk/answer", handle="nothing", act="redeem")
    assert 'aria-label="Signed in"' in desk.html
    assert f"{mine['name']['en']} City Library" in desk.text


async def test_a_checked_code_is_redeemed_without_typing_again(town: City) -> None:
    handle = await handle_of(town, "looked-1")
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    await desk.send("/desk/answer", handle=handle, act="check")
    assert "nothing was spent" in desk.text
    now = next(form for form in desk.forms if "Honour it now" in form.text)
    assert dict(now.fields)["handle"] == handle
    await desk.submit(now, act="redeem")
    assert "Honoured. It runs until" in desk.text
    assert not [form for form in desk.forms if "Honour it now" in form.text]


async def test_a_lost_answer_is_requested_again_with_the_same_key(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = await handle_of(town, "away-1")
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")

    async def away(*_: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(redeem, "redeem", away)
        await desk.send("/desk/answer", handle=handle, act="redeem")
    assert desk.status == 503
    assert "No answer came. Press again: it counts once." in desk.text
    assert desk.html.index("data-unanswered") < desk.html.index("No answer came") < desk.html.index("hidden data-away")
    form = next(form for form in desk.forms if form.action == "/desk/answer")
    key = dict(form.fields)["_key"]
    assert dict(form.fields)["handle"] == handle
    # Honoured meanwhile by this very request, whose answer was lost: the same key brings the same answer.
    done = await town.venue().post("/v1/venue/redemptions", {"handle": handle}, key=key)
    assert done.status_code == 201
    await desk.submit(form, act="redeem")
    assert "Honoured. It runs until" in desk.text
    # Another code in that form is a request of its own.
    other = await handle_of(town, "away-2")
    await desk.submit(form, handle=other, act="redeem")
    assert "Honoured. It runs until" in desk.text


async def test_the_list_defaults_to_today_and_a_bad_date_is_explained(town: City) -> None:
    handle = await handle_of(town, "day-1")
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": handle})).status_code == 201
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    today = await town.today()
    for path in ("/desk/day", f"/desk/day?day={today}"):
        await desk.go(path)
        assert "<h1>Today's list" in desk.html.replace("&#39;", "'")
        assert "Take back" in desk.text
    await desk.go(f"/desk/day?day={today - timedelta(days=1)}")
    assert "The list of" in desk.text
    assert "Nothing on this day." in desk.text
    for odd in ("2026-99-99", "yesterday"):
        await desk.go(f"/desk/day?day={odd}")
        assert desk.status == 200
        assert "There is no such day in the calendar. Here is today's list." in desk.text
        assert "Take back" in desk.text
