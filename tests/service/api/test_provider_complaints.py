"""A provider's view of complaints: a noisy number, and cases in the officer's words, never a person."""

from __future__ import annotations

from typing import Any

import pytest

from consent.database import queries
from consent.oversight import officers
from service.auth.access_tokens import Audience
from tests.factories import add_people_with_rides
from tests.support.browsing import Browser
from tests.support.city import Actor, City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]
ADDRESS = "/v1/venue/complaints"
ABOUT = {"benefit_id": "library-deposit", "venue_id": "city-library-main", "reason_code": "not_honoured"}
LIBRARY = "City Library, main building"
WORDS = "Somebody was asked for a deposit although the benefit applied. Please brief the desk."


def officer_of(town: City) -> Actor:
    return town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1")


async def complained(town: City, who: str, **members: Any) -> dict[str, Any]:
    """Complain as a resident, about the main library by default; return the complaint."""
    body = {**ABOUT, "statement": f"My name is {who}.", **members}
    answer = await town.resident(who).post("/v1/me/complaints", body)
    assert answer.status_code == 201, answer.text
    complaint: dict[str, Any] = answer.json()
    return complaint


async def answer(town: City, complaint: dict[str, Any], **members: str) -> None:
    path = f"/v1/privacy/complaints/{complaint['complaint_id']}/answer"
    done = await officer_of(town).post(path, {"answer": "The desk was briefed.", **members})
    assert done.status_code == 200, done.text


@pytest.mark.both_engines(everyday=False)
async def test_a_provider_reads_what_an_officer_passed_on_and_nothing_else(town: City) -> None:
    first, second = await complained(town, "wang"), await complained(town, "zhao")
    waiting = (await town.venue().get(ADDRESS)).json()
    assert waiting["data"] == []
    await answer(town, first, to_provider=WORDS)
    await answer(town, second)
    read = (await town.venue().get(ADDRESS)).json()
    (case,) = read["data"]
    assert {**case, "case_id": ""} == {
        "case_id": "",
        "venue_id": "city-library-main",
        "venue": {"zh-CN": "市图书馆总馆", "en": LIBRARY},
        "benefit_id": "library-deposit",
        "reason_code": "not_honoured",
        "text": WORDS,
        "passed_on": (await town.today()).isoformat(),
    }
    for secret in ("wang", "zhao", "My name is", "The desk was briefed", first["complaint_id"], second["complaint_id"]):
        assert secret not in str(read), secret
    assert (await town.venue("riverside-parking-1").get(ADDRESS)).json()["data"] == []
    assert (await town.client.delete("/v1/me", headers=town.resident("wang").headers())).status_code == 200
    assert (await town.venue().get(ADDRESS)).json()["data"] == [case]
    columns = await queries.fetch_all("SELECT * FROM provider_case")
    assert "wang" not in str(columns)


async def test_cases_are_paged_newest_first_and_go_after_three_years(town: City) -> None:
    for number in range(3):
        await answer(town, await complained(town, f"person-{number}"), to_provider=f"Case {number}.")
    first = (await town.venue().get(f"{ADDRESS}?limit=2")).json()
    rest = (await town.venue().get(f"{ADDRESS}?limit=2&cursor={first['next_cursor']}")).json()
    assert {row["text"] for row in (*first["data"], *rest["data"])} == {"Case 0.", "Case 1.", "Case 2."}
    assert rest["next_cursor"] is None
    await officers.delete_old(await town.app_context.clock() + officers.RETENTION * 2)
    assert (await town.venue().get(ADDRESS)).json()["data"] == []


async def complaints_of(town: City, person_ids: list[str], provider_id: str, at: int) -> None:
    """Insert a complaint of each person about a provider."""
    await queries.execute_many(
        "INSERT INTO complaint (person_id, complaint_id, provider_id, benefit_id, venue_id, reason_code, state,"
        " opened_at, answer_by) VALUES ($1, $2, $3, 'b', 'v', 'other', 'open', $4, 20300101)",
        [(person_id, f"{provider_id}-{person_id}-{at}", provider_id, at) for person_id in person_ids],
    )


async def test_the_number_has_noise_is_the_same_all_week_and_counts_each_person_once(town: City) -> None:
    people = await add_people_with_rides(town, 1_000)
    now = queries.to_micros(await town.app_context.clock())
    for hour in range(3):
        await complaints_of(town, people, "city-library", now - (hour + 2) * 3_600_000_000)
    await complaints_of(town, people[:200], "riverside-parking", now - 1_000_000)
    library = (await town.venue().get(ADDRESS)).json()
    # Noise above 20 times its scale comes once in 500 million counts.
    assert abs(library["count"] - 800) <= 400
    assert (library["give_or_take"], library["too_few_people"]) == (60, False)
    assert library["count"] % 10 == 0
    hospital = (await town.venue("second-hospital-desk").get(ADDRESS)).json()
    assert hospital["count"] is None or hospital["count"] < 400
    await complaints_of(town, people[:500], "city-library", now - 500_000)
    assert (await town.venue().get(ADDRESS)).json()["count"] == library["count"]
    spent = (await town.client.get("/v1/public/privacy-budget")).json()
    assert {row["kind"]: row["releases"] for row in spent["by_kind"]}["complaints"] == 1


@pytest.mark.both_engines(everyday=False)
async def test_few_people_have_no_number(town: City) -> None:
    await complained(town, "wang")
    read = (await town.venue().get(ADDRESS)).json()
    assert (read["count"], read["too_few_people"]) == (None, True)


async def test_the_desk_shows_cases_and_the_officer_writes_them(town: City) -> None:
    complaint = await complained(town, "wang")
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    await desk.go("/desk/complaints")
    assert "No complaint was passed on to you." in desk.text
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go(f"/officer/complaints/{complaint['complaint_id']}")
    await officer.send("Answer, in writing", answer="The desk was briefed.", to_provider=WORDS)
    await desk.go("/desk/complaints")
    for text in (WORDS, "The benefit was not given", "Borrow without a deposit", LIBRARY):
        assert text in desk.text, text
    assert "wang" not in desk.html
