"""ADV-101 to ADV-113: hostile merchants and venues, with the API and the rules in hand."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from benefits.redemption.redeem import CHECKS_MAX
from service.auth.access_tokens import Audience
from tests.factories import (
    SERVICE_DOCUMENT,
    administrator,
    benefit_document,
    both_languages,
    publish_document,
    put_document,
)
from tests.support.city import City, Resident

pytestmark = pytest.mark.anyio
NO = b'{"applies":false}'
BRANCH = {
    "venue_id": "library-branch",
    "provider_id": "city-library",
    "name": both_languages("市图书馆分馆", "City Library, branch"),
    "division": "210102",
    "client_id": "library-branch",
}
SECOND_LIBRARY = {
    "provider_id": "reading-house",
    "kind": "library",
    "name": both_languages("青年书屋", "Reading House"),
    "division": "2101",
}


async def reader(town: City, name: str, minutes: int = 7_200) -> Resident:
    """Return a resident with points from volunteering and a consent to the library's checks."""
    me = town.resident(name)
    await me.volunteer(minutes, f"v-{name}")
    await me.consent_to_provider("city-library")
    return me


async def submit(town: City, kind: str, document_id: str, body: dict[str, Any]) -> Any:
    """Draft and submit the next version of a document; return the response of the submission."""
    admin, path = administrator(town), f"/v1/admin/{kind}/{document_id}"
    known = await admin.get(path)
    drafted = (
        await admin.post(f"/v1/admin/{kind}", body)
        if known.status_code == 404
        else await put_document(admin, path, body, "*")
    )
    assert drafted.status_code in (200, 201), drafted.text
    return await admin.post(f"{path}/versions/{drafted.json()['version']}/submit")


def with_threshold(at_least: int, **members: Any) -> dict[str, Any]:
    """Return `another-one` with another threshold and a description that states it in the closed sentence."""
    body = benefit_document(condition={"measure": "total", "at_least": at_least}, **members)
    body["description"] = {
        language: text.replace("60 ", f"{at_least} ") for language, text in body["description"].items()
    }
    return body


def flags(answer: Any) -> set[str]:
    """Return the codes of the findings that hold or refuse a submission."""
    body = answer.json()
    return {row["code"] for row in body.get("findings", body.get("errors", [])) if row.get("severity") != "advice"}


async def test_adv_101_a_handle_scanned_again_after_its_reversal(town: City) -> None:
    me, venue = await reader(town, "wang"), town.venue()
    handle = {"handle": (await me.ticket())["handle"]}
    done = (await venue.post("/v1/venue/redemptions", handle)).json()
    path = f"/v1/venue/redemptions/{done['redemption_id']}/reversal"
    assert (await venue.post(path, {"reason_code": "mistaken_scan"})).status_code == 200
    for call in ("checks", "redemptions"):
        assert (await venue.post(f"/v1/venue/{call}", handle)).content == NO
    assert "redemption_reversed" in [row["kind"] for row in (await me.get("/v1/me/messages")).json()["data"]]


@pytest.mark.parametrize("leaving", ["withdraw", "erase"])
async def test_adv_102_a_reversal_does_not_tell_who_has_left(town: City, leaving: str) -> None:
    """A venue reverses the redemptions of two people, of whom one has left meanwhile: the answers are alike."""
    venue, answers = town.venue(), []
    for name in ("stays", "leaves"):
        me = await reader(town, name)
        done = (await venue.post("/v1/venue/redemptions", {"handle": (await me.ticket())["handle"]})).json()
        if name == "leaves" and leaving == "withdraw":
            await me.post("/v1/me/withdrawals", {"scope": "all"})
        elif name == "leaves":
            assert (await me.delete("/v1/me")).status_code == 200
        path = f"/v1/venue/redemptions/{done['redemption_id']}/reversal"
        answer = await venue.post(path, {"reason_code": "resident_asked"})
        answers.append((answer.status_code, set(answer.json())))
    assert answers[0] == answers[1]


async def test_adv_103_a_second_venue_under_the_same_client(town: City) -> None:
    taken = await submit(town, "venues", "library-branch", {**BRANCH, "client_id": "city-library-main"})
    assert (taken.status_code, "client_taken" in flags(taken)) == (422, True)


async def test_adv_104_a_venue_moved_to_another_provider_or_client(town: City) -> None:
    assert await publish_document(town, "venues", "library-branch", BRANCH) == "in_force"
    for change in ({"provider_id": "forest-park"}, {"client_id": "somebody-else"}):
        moved = await submit(town, "venues", "library-branch", {**BRANCH, **change})
        assert moved.json()["state"] == "in_review"
        assert "venue_moved" in flags(moved)


async def test_adv_105_a_ladder_climbed_rung_by_rung_over_time(town: City) -> None:
    """One benefit, another threshold each week: regulars who scan weekly tell their points as by six benefits."""
    states = []
    for at_least in (70, 80, 90):
        submitted = await submit(town, "benefits", "another-one", with_threshold(at_least))
        states.append((submitted.json()["state"], "threshold_ladder" in flags(submitted)))
        if submitted.json()["state"] == "submitted":
            version = len(states)
            path = f"/v1/admin/benefits/another-one/versions/{version}"
            sha256 = (await administrator(town).get(path)).json()["sha256"]
            assert (await administrator(town, 2).post(f"{path}/approve", {"sha256": sha256})).status_code == 200
        town.shift.by += timedelta(days=7)
    assert states == [("submitted", False), ("in_review", True), ("in_review", True)]


async def test_adv_106_a_ladder_with_rungs_that_are_suspended_meanwhile(town: City) -> None:
    """Suspend two benefits, publish two others, resume the first: each step seems to have two thresholds."""
    admin = administrator(town)
    assert (await admin.post("/v1/admin/benefits/library-deposit/versions/1/suspend")).status_code == 200
    states = []
    for number, at_least in enumerate((70, 80, 90)):
        name = f"rung-{number}"
        body = with_threshold(at_least, benefit_id=name)
        states.append((await submit(town, "benefits", name, body)).json()["state"])
    assert states == ["submitted", "in_review", "in_review"]


async def test_adv_107_a_ladder_joined_by_an_owner_afterwards(town: City) -> None:
    """Two libraries without an owner have two thresholds each; that they belong together is read by an officer."""
    assert await publish_document(town, "providers", "reading-house", SECOND_LIBRARY) == "in_force"
    loan = {**copy.deepcopy(SERVICE_DOCUMENT), "service_id": "house-loan", "provider_id": "reading-house"}
    assert await publish_document(town, "services", "house-loan", loan) == "in_force"
    owned = await submit(town, "providers", "reading-house", {**SECOND_LIBRARY, "owner_id": "city-library"})
    assert (owned.json()["state"], "owner_changed" in flags(owned)) == ("in_review", True)


async def test_adv_108_one_place_for_a_crowd(town: City) -> None:
    """A total quota of one tells the venue nothing about the second person: the answer of an unknown handle."""
    scarce = benefit_document(quota={"total": {"count": 1, "period": "day"}})
    assert await publish_document(town, "benefits", "another-one", scarce) == "in_force"
    venue = town.venue()
    handles = []
    for name in ("first", "second"):
        handles.append((await (await reader(town, name)).ticket("another-one"))["handle"])
    assert (await venue.post("/v1/venue/redemptions", {"handle": handles[0]})).status_code == 201
    unknown = await venue.post("/v1/venue/redemptions", {"handle": "f" * 32})
    second = await venue.post("/v1/venue/redemptions", {"handle": handles[1]})
    assert (second.status_code, second.content) == (unknown.status_code, unknown.content) == (200, NO)
    assert set(second.headers) == set(unknown.headers)


async def test_adv_109_a_check_does_not_tell_when_points_or_consents_end(town: City) -> None:
    me, venue = await reader(town, "wang"), town.venue()
    ticket = await me.ticket()
    shown = (await venue.post("/v1/venue/checks", {"handle": ticket["handle"]})).json()
    assert shown["valid_until"] == ticket["expires_at"]
    assert set(shown) == {"applies", "benefit_id", "effect", "terms", "valid_until"}


async def test_adv_110_much_and_little_give_the_same_answer(town: City) -> None:
    """Just enough and three times as much are the same to the venue, but for the random ids."""
    venue, answers = town.venue(), []
    for name, minutes in (("little", 7_200), ("much", 30_000)):
        me = await reader(town, name, minutes)
        answer = await venue.post("/v1/venue/redemptions", {"handle": (await me.ticket())["handle"]})
        answers.append({key: value for key, value in answer.json().items() if key != "redemption_id"})
    assert answers[0] == answers[1]


async def test_adv_111_the_days_list_is_the_same_before_and_after_an_erasure(town: City) -> None:
    me, venue = await reader(town, "wang"), town.venue()
    await venue.post("/v1/venue/redemptions", {"handle": (await me.ticket())["handle"]})
    before = (await venue.get("/v1/venue/redemptions")).json()
    assert (await me.delete("/v1/me")).status_code == 200
    assert (await venue.get("/v1/venue/redemptions")).json() == before
    other = town.venue("riverside-parking-1")
    assert (await other.get("/v1/venue/redemptions")).json()["data"] == []


async def test_adv_112_a_benefit_that_ends_on_the_day_one_presents(town: City) -> None:
    """The ticket of a benefit that ends overnight, or that is stopped at the counter, is standard terms alone."""
    me, venue = await reader(town, "wang"), town.venue()
    handle = {"handle": (await me.ticket())["handle"]}
    stopped = await administrator(town).post("/v1/admin/benefits/library-deposit/versions/1/suspend")
    assert stopped.status_code == 200
    assert (await venue.post("/v1/venue/redemptions", handle)).content == NO
    assert await me.total() == 63
    officer = town.actor(Audience.PRIVACY, "officer-1")
    assert (await officer.get("/v1/privacy/refused-attempts")).json()["data"] == []


async def test_adv_113_a_handle_checked_again_and_again(town: City) -> None:
    """To watch points change, a handle is checked over and over: a few checks are answered, then none."""
    me, venue = await reader(town, "wang"), town.venue()
    handle = {"handle": (await me.ticket())["handle"]}
    answers = [(await venue.post("/v1/venue/checks", handle)).json()["applies"] for _ in range(9)]
    assert answers == [True] * CHECKS_MAX + [False] * (9 - CHECKS_MAX)
    assert (await venue.post("/v1/venue/redemptions", handle)).json()["applies"] is True
