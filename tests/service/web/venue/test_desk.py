"""The venue's desk without scripts: its name, check and redemption, a lost answer, a day's list."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from benefits.redemption import redeem
from service.auth.access_tokens import Audience
from service.web import csv_file
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
        "has_sessions": False,
    }
    for path in ("/desk", "/desk/day"):
        await desk.go(path)
        assert f"{mine['name']['en']} City Library" in desk.text
    await desk.go("/desk")
    await desk.send("/desk/answer", handle="ab" * 16, act="redeem")
    assert 'aria-label="Signed in"' in desk.html
    assert f"{mine['name']['en']} City Library" in desk.text


async def test_a_checked_code_is_redeemed_without_typing_again(town: City) -> None:
    handle = await handle_of(town, "looked-1")
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    await desk.send("/desk/answer", handle=handle, act="check")
    assert "Valid, not redeemed yet No deposit, up to ¥100" in desk.text
    now = next(form for form in desk.forms if "Redeem now" in form.text)
    assert dict(now.fields)["handle"] == handle
    await desk.submit(now, act="redeem")
    assert "Redeemed : No deposit, up to ¥100" in desk.text
    assert not [form for form in desk.forms if "Redeem now" in form.text]


async def test_a_lost_answer_is_requested_again_with_the_same_key(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = await handle_of(town, "away-1")
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")

    async def away(*_: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(redeem, "redeem", away)
        await desk.send("/desk/answer", handle=handle, act="redeem")
    assert desk.status == 503
    assert "No answer yet. Press Redeem again: it counts once." in desk.text
    assert desk.html.index("data-unanswered") < desk.html.index("No answer yet") < desk.html.index("hidden data-away")
    form = next(form for form in desk.forms if form.action == "/desk/answer")
    key = dict(form.fields)["_key"]
    assert dict(form.fields)["handle"] == handle
    # Redeemed meanwhile by this very request, whose answer was lost: the same key brings the same answer.
    done = await town.venue().post("/v1/venue/redemptions", {"handle": handle}, key=key)
    assert done.status_code == 201
    await desk.submit(form, act="redeem")
    assert "Redeemed : No deposit, up to ¥100" in desk.text
    # Another code in that form is a request of its own.
    other = await handle_of(town, "away-2")
    await desk.submit(form, handle=other, act="redeem")
    assert "Redeemed : No deposit, up to ¥100" in desk.text


async def test_the_list_defaults_to_today_and_a_bad_date_is_explained(town: City) -> None:
    handle = await handle_of(town, "day-1")
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": handle})).status_code == 201
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    today = await town.today()
    for path in ("/desk/day", f"/desk/day?day={today}"):
        await desk.go(path)
        assert '<h1 class="grow">Today\'s redemptions' in desk.html.replace("&#39;", "'")
        assert "Take back" in desk.text
    await desk.go(f"/desk/day?day={today - timedelta(days=1)}")
    assert "Redemptions on" in desk.text
    assert "Nothing on this day." in desk.text
    for odd in ("2026-99-99", "yesterday"):
        await desk.go(f"/desk/day?day={odd}")
        assert desk.status == 200
        assert "There is no such day in the calendar. Here is today's list." in desk.text
        assert "Take back" in desk.text


@pytest.mark.parametrize("typed", ["", "abc 12", "abcd 1230", "g" * 32, "a" * 31, "a" * 33, "図書館"])
async def test_what_cannot_be_a_code_is_not_sent(town: City, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")

    async def never(*_: object) -> None:
        raise AssertionError("no call is made for it")

    monkeypatch.setattr(redeem, "redeem", never)
    for path in ("/desk/answer", "/desk/answer-part"):
        await desk.go("/desk")
        form = next(form for form in desk.forms if form.action == "/desk/answer")
        answer = await desk.client.post(path, data={**dict(form.fields), "handle": typed, "act": "redeem"})
        assert answer.status_code == 200
        assert "That is not a complete code" in answer.text
        assert "Standard terms apply" not in answer.text


async def test_a_redemption_is_taken_back_on_its_verdict(town: City) -> None:
    handle = await handle_of(town, "back-1")
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    await desk.send("/desk/answer", handle=handle, act="redeem")
    back = next(form for form in desk.forms if form.action.endswith("/reverse"))
    await desk.submit(back, reason_code="mistaken_scan")
    assert desk.url.split("?")[0].endswith("/desk")
    assert "Taken back. The person is told" in desk.text
    assert "0 redeemed" in desk.text
    assert "1 taken back" in desk.text


async def test_the_day_is_a_file_for_spreadsheets(town: City) -> None:
    handle = await handle_of(town, "csv-1")
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": handle})).status_code == 201
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    answer = await desk.client.get("/desk/day.csv")
    assert answer.headers["content-disposition"].endswith(f'redemptions-{await town.today()}.csv"')
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["benefit_id"], row["benefit"], row["state"]) for row in rows] == [
        ("library-deposit", "Borrow without a deposit", "redeemed")
    ]


def test_no_cell_of_a_file_is_run_by_a_spreadsheet() -> None:
    text = csv_file.text_of(("a", "b"), [("=HYPERLINK(1)", -5), ("@x", None), ("\uff1d1", "\n=1")])
    assert list(csv.reader(io.StringIO(text.lstrip("\ufeff")))) == [
        ["a", "b"],
        ["'=HYPERLINK(1)", "-5"],
        ["'@x", ""],
        ["'\uff1d1", "'\n=1"],
    ]


async def test_one_field_takes_the_handle_and_the_short_code(town: City) -> None:
    """E7: eight characters as they stand under the picture, with their space, in either case."""
    me = town.resident("short-1")
    await me.volunteer(7_200, "v-short-1")
    await me.consent_to_provider("city-library")
    code = (await me.ticket())["short_code"]
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    await desk.send("/desk/answer", handle=f"{code[:4]} {code[4:]}", act="check")
    assert "Valid, not redeemed yet" in desk.text
    await desk.send("/desk/answer", handle=code.lower(), act="redeem")
    assert "Redeemed" in desk.text


async def test_only_a_venue_with_sessions_has_their_tab(town: City) -> None:
    library = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    for path in ("/desk", "/desk/day", "/desk/wallet"):
        await library.go(path)
        assert "/desk/sessions" not in {address for address, _ in library.links}, path
    hospital = await Browser(town).sign_in(Audience.VENUE, "second-hospital-desk")
    assert "/desk/sessions" in {address for address, _ in hospital.links}
    await hospital.go("/desk/wallet")
    assert "No benefit of this venue has passes" in hospital.text
    assert "None yet." not in hospital.text


async def test_a_code_typed_with_a_chinese_keyboard_is_redeemed(town: City) -> None:
    me = town.resident("wide-1")
    await me.volunteer(7_200, "v-wide-1")
    await me.consent_to_provider("city-library")
    code: str = (await me.ticket())["short_code"]
    full_width = "".join(chr(ord(character) + 0xFEE0) for character in code)
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    await desk.send("/desk/answer", handle=f"{full_width[:4]}\u3000{full_width[4:]}", act="redeem")
    assert "Redeemed : No deposit, up to ¥100" in desk.text
