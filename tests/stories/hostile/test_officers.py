"""ADV-161 to ADV-172: hostile privacy officers, with the API and the rules in hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.auth.access_tokens import Audience
from tests.factories import add_people_with_rides, administrator, benefit_document, both_languages
from tests.support.city import Actor, City, Resident, record

pytestmark = pytest.mark.anyio
DAY = "2025-06-01"


async def with_case(town: City, name: str = "officer-1") -> tuple[Actor, str]:
    """Return an officer and the id of a case of theirs."""
    officer = town.actor(Audience.PRIVACY, name, staff_id=name)
    opened = await officer.post("/v1/privacy/cases", {"reason_code": "audit", "text": "Look up Wang of Third Street."})
    assert opened.status_code == 201
    return officer, opened.json()["case_id"]


async def rider(town: City, name: str, quantity: int = 20) -> tuple[Resident, dict[str, Any]]:
    """Return a resident with one record of rides, and the record as its person reads it."""
    me = town.resident(name)
    await me.link("green-travel", f"bike-{name}")
    await town.source().deliver(record(f"r-{name}", f"bike-{name}", quantity=quantity, occurred_on=DAY))
    (stored,) = (await me.get("/v1/me/records")).json()["data"]
    return me, stored


@pytest.mark.parametrize("person", ["subject=wang", "sub=wang", "account=bike-wang", "person_id=1", "consent_id=x"])
async def test_adv_161_a_case_about_somebody(town: City, person: str) -> None:
    """No filter names a person: the answer is that of the question without it, or a refusal."""
    await rider(town, "wang")
    officer, case = await with_case(town)
    plain = await officer.get(f"/v1/privacy/consents?case={case}")
    narrowed = await officer.get(f"/v1/privacy/consents?case={case}&{person}")
    assert narrowed.status_code in (400, 422) or narrowed.json() == plain.json()
    name, _, value = person.partition("=")
    sampled = await officer.post("/v1/privacy/samples", {"case": case, "size": 1, name: value})
    assert sampled.status_code == 422


async def test_adv_162_anothers_case(town: City) -> None:
    me, _ = await rider(town, "wang")
    consent_id = (await me.get("/v1/me/consents")).json()["data"][0]["consent_id"]
    _, case = await with_case(town)
    other = town.actor(Audience.PRIVACY, "officer-2", staff_id="officer-2")
    for path in (f"cases/{case}", f"consents/{consent_id}?case={case}", f"consents?case={case}"):
        assert (await other.get(f"/v1/privacy/{path}")).status_code == 404, path
    assert (await me.get("/v1/me/access-log")).json()["data"] == []


async def test_adv_163_one_question_asked_again_and_by_another_officer(town: City) -> None:
    """The noise of an answer is stored with it: asking again, or under another case, averages nothing away."""
    await add_people_with_rides(town, 400)
    answers = []
    for name in ("officer-1", "officer-1", "officer-2"):
        officer, case = await with_case(town, name)
        answers.append((await officer.get(f"/v1/privacy/consents?case={case}&source_id=green-travel")).json())
    assert answers[0] == answers[1] == answers[2]


async def test_adv_164_counts_of_every_day_to_see_one_person_come_and_go(town: City) -> None:
    """Each day is a question of its own, and the week has few: after them there is no answer."""
    await add_people_with_rides(town, 400)
    officer, case = await with_case(town)
    today, codes = await town.today(), []
    for day in range(20):
        on = (today - timedelta(days=day)).isoformat()
        answer = await officer.get(f"/v1/privacy/consents?case={case}&source_id=green-travel&on={on}")
        codes.append(answer.json().get("code"))
    assert codes[0] is None
    assert codes[-1] == "privacy_budget_spent"
    assert codes == sorted(codes, key=lambda code: code is not None)


async def test_adv_165_restoring_what_was_never_taken_away(town: City) -> None:
    officer, case = await with_case(town)
    me, stored = await rider(town, "wang")
    path = f"/v1/privacy/records/{stored['record_id']}/restoration"
    assert (await officer.post(path, {"case": case, "reason": "A favour."})).status_code in (404, 409)
    assert await me.total() == 10


async def test_adv_166_restoring_after_the_person_has_left(town: City) -> None:
    """A withdrawal or an erasure is not undone by an officer: no copy is there any more."""
    officer, case = await with_case(town)
    for leaving in ("withdraw", "erase"):
        me, stored = await rider(town, leaving)
        await town.source().post(f"/v1/source/records/r-{leaving}/retraction", {"reason_code": "other"})
        if leaving == "withdraw":
            await me.post("/v1/me/withdrawals", {"scope": "all"})
        else:
            await me.delete("/v1/me")
        path = f"/v1/privacy/records/{stored['record_id']}/restoration"
        refused = await officer.post(path, {"case": case, "reason": "Bring it back."})
        assert refused.status_code in (404, 409), refused.text


async def test_adv_167_two_accounts_of_one_person_resume_what_was_stopped(town: City) -> None:
    path = "/v1/admin/benefits/library-deposit/versions/1"
    await administrator(town).post(f"{path}/suspend")
    asking = town.actor(Audience.ADMINISTRATOR, "account-a", staff_id="person-7")
    assert (await asking.post(f"{path}/resume")).json()["state"] == "resume_requested"
    same = town.actor(Audience.ADMINISTRATOR, "account-b", staff_id="person-7")
    as_officer = town.actor(Audience.PRIVACY, "account-c", staff_id="person-7")
    assert (await same.post(f"{path}/resume")).json()["code"] == "four_eyes"
    decision = {"decision": "approve", "reason": "Fine."}
    passed = await as_officer.post("/v1/privacy/reviews/benefits.library-deposit.1/decision", decision)
    assert passed.status_code in (403, 404, 409), passed.text
    assert (await administrator(town).get("/v1/admin/benefits/library-deposit")).json()["state"] == "suspended"


async def test_adv_168_an_officer_who_drafts_and_passes_on(town: City) -> None:
    both = {"staff_id": "person-7"}
    author = town.actor(Audience.ADMINISTRATOR, "account-a", **both)
    officer = town.actor(Audience.PRIVACY, "account-b", **both)
    body = benefit_document(terms=both_languages("请自带零钱。", "Please bring coins."))
    await author.post("/v1/admin/benefits", body)
    assert (await author.post("/v1/admin/benefits/another-one/versions/1/submit")).json()["state"] == "in_review"
    path = "/v1/privacy/reviews/benefits.another-one.1/decision"
    refused = await officer.post(path, {"decision": "approve", "reason": "Mine."})
    assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")


async def test_adv_169_a_review_decided_before_there_is_one_and_decided_twice(town: City) -> None:
    admin, officer = administrator(town), town.actor(Audience.PRIVACY, "officer-1")
    body = benefit_document(terms=both_languages("请自带零钱。", "Please bring coins."))
    await admin.post("/v1/admin/benefits", body)
    path = "/v1/privacy/reviews/benefits.another-one.1/decision"
    early = await officer.post(path, {"decision": "approve", "reason": "In advance."})
    assert early.status_code in (404, 409)
    assert (await admin.post("/v1/admin/benefits/another-one/versions/1/submit")).json()["state"] == "in_review"
    assert (await officer.post(path, {"decision": "refuse", "reason": "Not needed."})).status_code == 200
    assert (await officer.post(path, {"decision": "approve", "reason": "After all."})).status_code in (404, 409)
    assert (await admin.get("/v1/admin/benefits/another-one")).json()["state"] == "draft"


async def test_adv_170_a_read_of_a_consent_is_shown_to_its_person(town: City) -> None:
    """Under any reason, true or not, each read is in the person's own log; the officer reads no name and no account."""
    me, _ = await rider(town, "wang")
    consent_id = (await me.get("/v1/me/consents")).json()["data"][0]["consent_id"]
    officer, case = await with_case(town)
    shown = await officer.get(f"/v1/privacy/consents/{consent_id}?case={case}")
    assert shown.status_code == 200
    assert not {"wang", "bike-wang", "person_id", "subject"} & set(shown.text.replace('"', " ").split())
    assert [row["what"] for row in (await me.get("/v1/me/access-log")).json()["data"]] == ["consent"]


async def test_adv_171_ledgers_and_records_of_other_audiences(town: City) -> None:
    """An officer's token opens neither the person's, the venue's nor the source's paths, nor entries of the log."""
    await rider(town, "wang")
    officer, _ = await with_case(town)
    for path in (
        "/v1/me/records", "/v1/me/export", "/v1/venue/redemptions", "/v1/source/links", "/v1/admin/catalogue/export",
        "/log/consent/entries?start=0&end=10", "/v1/privacy/records", "/v1/privacy/events", "/v1/privacy/persons",
    ):  # fmt: skip
        assert (await officer.get(path)).status_code in (401, 403, 404, 405), path


async def test_adv_172_a_generous_decision_for_a_friend(town: City) -> None:
    """A friend's record corrected to a million gives no more than the yearly cap, and its source is told."""
    me, stored = await rider(town, "friend")
    body = {"reason_code": "wrong_quantity", "statement": "30.", "claim": {"quantity": 30}}
    opened = (await me.post(f"/v1/me/records/{stored['record_id']}/objections", body)).json()
    officer = town.actor(Audience.PRIVACY, "officer-1")
    path = f"/v1/privacy/objections/{opened['objection_id']}/decision"
    generous = {"decision": "upheld", "reason": "A friend.", "correction": {"quantity": 1_000_000}}
    assert (await officer.post(path, generous)).json()["state"] == "corrected"
    assert await me.total() == 100
    (correction,) = (await town.source().get("/v1/source/corrections")).json()["data"]
    assert (correction["record_id"], correction["quantity"]) == ("r-friend", 1_000_000)
