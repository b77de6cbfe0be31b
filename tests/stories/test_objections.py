"""Objections that tell the truth: missing records asked of their source, retractions, restorations, nothing lowered."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from consent.database import queries
from consent.domain.objections import ANSWER_WORKING_DAYS, OPEN_MISSING_MAX, RETRACTION_OBJECTION_DAYS
from consent.kernel import working_days
from consent.oversight import objections
from consent.oversight.source_analysis import UNUSUAL_MIN, is_unusual
from consent.verification import rows
from service.auth.access_tokens import Audience
from service.jobs import background
from service.observability import metrics
from tests.support.city import Actor, City, Resident, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]
DAY = "2025-06-01"


async def with_case(town: City) -> tuple[Actor, str]:
    """Return an officer and the id of their case."""
    officer = town.actor(Audience.PRIVACY, "officer-1")
    opened = await officer.post("/v1/privacy/cases", {"reason_code": "objections", "text": "A source takes back much."})
    return officer, opened.json()["case_id"]


async def linked(town: City, name: str, *records: dict[str, Any]) -> tuple[Resident, list[dict[str, Any]]]:
    """Return a resident linked to green travel with these records delivered, and their records."""
    me = town.resident(name)
    await me.link("green-travel", f"bike-{name}")
    if records:
        await town.source().deliver(*records)
    return me, (await me.get("/v1/me/records")).json()["data"]


async def object_to(me: Resident, record_id: str, reason: str, **more: Any) -> str:
    """Object to a record or its retraction; return the objection's id."""
    body = {"reason_code": reason, "statement": "Please read it again.", **more}
    answer = await me.post(f"/v1/me/records/{record_id}/objections", body)
    assert answer.status_code == 201, answer.text
    objection_id: str = answer.json()["objection_id"]
    return objection_id


async def miss(me: Resident, **claim: Any) -> str:
    """Object to a missing record of green travel; return the objection's id."""
    body = {"source_id": "green-travel", "reason_code": "missing", "statement": "One ride is not there."}
    answer = await me.post("/v1/me/objections", {**body, **({"claim": claim} if claim else {})})
    assert answer.status_code == 201, answer.text
    objection_id: str = answer.json()["objection_id"]
    return objection_id


async def decide(officer: Actor, objection_id: str, decision: str = "upheld", **more: Any) -> Any:
    body = {"decision": decision, "reason": "Both sides were heard.", **more}
    return await officer.post(f"/v1/privacy/objections/{objection_id}/decision", body)


async def messages_of(me: Resident) -> list[dict[str, Any]]:
    return await me.messages("en")


async def own_objection(me: Resident) -> dict[str, Any]:
    (row,) = (await me.get("/v1/me/objections")).json()["data"]
    objection: dict[str, Any] = row
    return objection


@pytest.mark.both_engines
async def test_b17_a_missing_record_is_asked_of_its_source_until_it_delivers(town: City) -> None:
    me, _ = await linked(town, "b17")
    source, (officer, _) = town.source(), await with_case(town)
    objection_id = await miss(me, kind="bike_trip", occurred_on=DAY, quantity=10)
    decided = await decide(officer, objection_id)
    assert decided.json() == {"objection_id": objection_id, "state": "asked"}
    due = working_days.shipped().after(await town.today(), ANSWER_WORKING_DAYS).isoformat()
    shown = await own_objection(me)
    assert (shown["state"], shown["answer_by"]) == ("asked", due)
    (message,) = [row for row in await messages_of(me) if row["kind"] == "objection_decided"]
    assert "Green Travel was asked to deliver the record or to answer by" in message["text"]
    assert "corrected" not in str([row["text"] for row in await messages_of(me)])
    (task,) = (await source.get("/v1/source/objections")).json()["data"]
    assert (task["state"], task["answer_by"], task["account"]) == ("asked", due, "bike-b17")
    assert task["claim"] == {"kind": "bike_trip", "quantity": 10, "occurred_on": DAY}
    (waiting,) = (await officer.get("/v1/privacy/propagations")).json()["data"]
    assert (waiting["kind"], waiting["id"], waiting["due_on"], waiting["overdue"]) == (
        "asked_record", objection_id, due, False,
    )  # fmt: skip
    # A record of another day is not the one that is missing.
    await source.deliver(record("r-other", "bike-b17", quantity=4, occurred_on="2025-06-02"))
    assert (await own_objection(me))["state"] == "asked"
    await source.deliver(record("r-asked", "bike-b17", quantity=10, occurred_on=DAY))
    assert (await own_objection(me))["state"] == "delivered"
    assert "record_delivered" in [row["kind"] for row in await messages_of(me)]
    assert (await source.get("/v1/source/objections")).json()["data"] == []
    assert (await officer.get("/v1/privacy/propagations")).json()["data"] == []
    assert (await rows.check_sealed_columns(town.app_context.keyring))[1] is None


@pytest.mark.both_engines
async def test_a_late_decision_and_a_late_answer_are_reported_once(town: City) -> None:
    me, _ = await linked(town, "overdue")
    objection_id = await miss(me)
    deadline = date.fromisoformat((await own_objection(me))["decide_by"])
    today = await town.today()
    town.shift.by = deadline - today
    await background.run_cleanup(town.app_context)
    assert "objection_overdue" not in [row["kind"] for row in await messages_of(me)]
    town.shift.by += timedelta(days=1)
    for _ in range(2):
        await background.run_cleanup(town.app_context)
    (message,) = [row for row in await messages_of(me) if row["kind"] == "objection_overdue"]
    assert message["facts"] == {"objection_id": objection_id, "due_on": deadline.isoformat()}
    assert "It is late" in message["text"]
    officer, _ = await with_case(town)
    await decide(officer, objection_id)
    asked = date.fromisoformat((await own_objection(me))["answer_by"])
    town.shift.by = asked - today + timedelta(days=1)
    for _ in range(2):
        await background.run_cleanup(town.app_context)
    (message,) = [row for row in await messages_of(me) if row["kind"] == "answer_overdue"]
    assert message["facts"]["due_on"] == asked.isoformat()
    assert message["text"].startswith("Green Travel should have delivered")
    assert [row["kind"] for row in await messages_of(me)].count("objection_overdue") == 1


@pytest.mark.both_engines
async def test_b17_an_overdue_task_reaches_the_officer(town: City) -> None:
    me, _ = await linked(town, "late")
    officer, _ = await with_case(town)
    objection_id = await miss(me)
    await decide(officer, objection_id)
    asked = (await officer.get("/v1/privacy/objections?state=asked")).json()["data"]
    assert [(row["objection_id"], row["overdue"]) for row in asked] == [(objection_id, False)]
    assert (await officer.get("/v1/privacy/objections")).json()["data"] == []
    town.shift.by = timedelta(days=40)
    (late,) = (await officer.get("/v1/privacy/objections?state=asked")).json()["data"]
    assert late["overdue"] is True
    audit = {row["check"]: row["found"] for row in (await officer.get("/v1/privacy/self-audit")).json()["data"]}
    assert audit["records that sources were asked for and are overdue"] == 1
    assert (await officer.get("/v1/privacy/objections?state=upheld")).json()["code"] == "bad_query"


async def test_a_source_answers_that_it_has_no_record_for_a_closed_reason(town: City) -> None:
    me, _ = await linked(town, "none")
    source, (officer, _) = town.source(), await with_case(town)
    objection_id = await miss(me)
    path = f"/v1/source/objections/{objection_id}/no-record"
    assert (await source.post(path, {"reason_code": "no_such_deed"})).json()["code"] == "conflict"
    await decide(officer, objection_id)
    assert (await source.post(path, {"reason_code": "because"})).status_code == 422
    assert (await town.source("civic-life").post(path, {"reason_code": "no_such_deed"})).status_code == 404
    assert (await source.post(path, {"reason_code": "no_such_deed"})).json()["state"] == "no_record"
    shown = await own_objection(me)
    assert (shown["state"], shown["answer"]) == ("no_record", "no_such_deed")
    (message,) = [row for row in await messages_of(me) if row["kind"] == "record_not_available"]
    assert "there is no such deed" in message["text"]
    assert (await source.post(path, {"reason_code": "other_account"})).json()["code"] == "conflict"


async def test_a_task_ends_with_the_consent(town: City) -> None:
    me, _ = await linked(town, "ended")
    source, (officer, _) = town.source(), await with_case(town)
    await decide(officer, await miss(me))
    await me.post("/v1/me/withdrawals", {"scope": "all"})
    shown = await own_objection(me)
    assert (shown["state"], shown["answer"]) == ("no_record", "consent_ended")
    assert (await source.get("/v1/source/objections")).json()["data"] == []
    # Without a consent nobody is asked: the decision stands alone.
    again = await decide(officer, await miss(me))
    assert again.json()["state"] == "upheld"


@pytest.mark.both_engines
async def test_b17_a_retracted_record_is_restored_with_its_points_for_both_to_read(town: City) -> None:
    me, (stored,) = await linked(town, "back", record("r-1", "bike-back", quantity=100, occurred_on=DAY))
    source, (officer, case_id) = town.source(), await with_case(town)
    assert await me.total() == 50
    await source.post("/v1/source/records/r-1/retraction", {"reason_code": "sent_by_mistake"})
    assert await me.total() == 0
    (retracted,) = (await me.get("/v1/me/retracted-records")).json()["data"]
    assert (retracted["record_id"], retracted["quantity"], retracted["decided_by"]) == (
        stored["record_id"], 100, "source",
    )  # fmt: skip
    path = f"/v1/privacy/records/{stored['record_id']}/restoration"
    assert (await officer.post(path, {})).status_code == 422
    assert (await officer.post(path, {"case": "0" * 32})).status_code == 404
    assert (await officer.post(f"/v1/privacy/records/{'0' * 32}/restoration", {"case": case_id})).status_code == 404
    for _ in range(2):
        done = await officer.post(path, {"case": case_id, "reason": "The ride is proven."})
        assert done.json() == {"record_id": stored["record_id"], "state": "restored"}
    assert await me.total() == 50
    assert (await me.get("/v1/me/records")).json()["data"] == [stored]
    assert (await me.get("/v1/me/retracted-records")).json()["data"] == []
    kinds = [row["kind"] for row in await messages_of(me)]
    assert kinds.count("record_restored") == 1
    (message,) = (await source.get("/v1/source/corrections")).json()["data"]
    assert (message["record_id"], message["outcome"], message["quantity"]) == ("r-1", "restored", 100)
    # An officer has decided: the source takes it back no second time, nor makes it smaller.
    refused = await source.post("/v1/source/records/r-1/retraction", {"reason_code": "sent_by_mistake"})
    assert (refused.status_code, refused.json()["code"]) == (409, "restored_by_officer")
    smaller = await source.post("/v1/source/records/r-1/correction", {"quantity": 2, "reason_code": "counted_wrong"})
    assert smaller.json()["code"] == "restored_by_officer"
    assert (await rows.check_sealed_columns(town.app_context.keyring))[1] is None


@pytest.mark.both_engines
async def test_a_downward_correction_is_restored(town: City) -> None:
    me, (stored,) = await linked(town, "down", record("r-1", "bike-down", quantity=100, occurred_on=DAY))
    source, (officer, case_id) = town.source(), await with_case(town)
    await source.post("/v1/source/records/r-1/correction", {"quantity": 10, "reason_code": "counted_wrong"})
    assert await me.total() == 5
    path = f"/v1/privacy/records/{stored['record_id']}/restoration?case={case_id}"
    assert (await officer.post(path, {})).status_code == 200
    assert await me.total() == 50
    assert (await me.get("/v1/me/records")).json()["data"] == [stored]


async def test_an_upheld_objection_to_a_retraction_restores_the_record(town: City) -> None:
    me, (stored,) = await linked(town, "object", record("r-1", "bike-object", quantity=100, occurred_on=DAY))
    source, (officer, _) = town.source(), await with_case(town)
    await source.post("/v1/source/records/r-1/retraction", {"reason_code": "dishonest_person"})
    (message,) = [row for row in await messages_of(me) if row["kind"] == "record_retracted"]
    # A code outside the closed list is nobody's to read.
    assert (message["facts"]["decided_by"], message["facts"]["reason_code"]) == ("source", "other")
    assert "You can object until" in message["text"]
    assert "Green Travel" in message["text"]
    objection_id = await object_to(me, message["facts"]["record_id"], "wrongly_retracted")
    shown = (await officer.get(f"/v1/privacy/objections/{objection_id}")).json()
    assert (shown["record_id"], shown["record"]["quantity"], shown["record"]["retracted"]) == (
        stored["record_id"], 100, 1,
    )  # fmt: skip
    assert (await decide(officer, objection_id)).json()["state"] == "restored"
    assert await me.total() == 50
    assert (await own_objection(me))["state"] == "restored"


async def test_withdrawal_erasure_and_time_delete_the_sealed_copies(town: City) -> None:
    me, _ = await linked(town, "copy", *(record(f"r-{n}", "bike-copy", quantity=10, occurred_on=DAY) for n in range(3)))
    source = town.source()

    async def copies() -> list[dict[str, Any]]:
        return await queries.fetch_all("SELECT * FROM replaced_record")

    await source.post("/v1/source/records/r-0/retraction", {"reason_code": "counted_twice"})
    (copy,) = await copies()
    assert b"r-0" not in bytes(copy["sealed"])
    assert [row["record_id"] for row in (await me.get("/v1/me/export")).json()["replaced_records"]] == [
        copy["record_id"]
    ]
    await me.post("/v1/me/withdrawals", {"scope": "all"})
    assert await copies() == []
    await me.link("green-travel", "bike-copy")
    await source.deliver(record("n-1", "bike-copy"), record("n-2", "bike-copy"))
    await source.post("/v1/source/records/n-1/retraction", {"reason_code": "counted_twice"})
    town.shift.by = timedelta(days=RETRACTION_OBJECTION_DAYS - 1)
    assert (await background.run_cleanup(town.app_context))["copies_deleted"] == 0
    town.shift.by = timedelta(days=RETRACTION_OBJECTION_DAYS + 1)
    assert (await background.run_cleanup(town.app_context))["copies_deleted"] == 1
    await source.post("/v1/source/records/n-2/retraction", {"reason_code": "counted_twice"})
    assert len(await copies()) == 1
    await me.delete("/v1/me")
    assert await copies() == []


async def test_an_open_objection_delays_the_deletion_of_its_copy(town: City) -> None:
    me, (stored,) = await linked(town, "hold", record("r-1", "bike-hold", occurred_on=DAY))
    await town.source().post("/v1/source/records/r-1/retraction", {"reason_code": "counted_twice"})
    town.shift.by = timedelta(days=RETRACTION_OBJECTION_DAYS - 1)
    objection_id = await object_to(me, stored["record_id"], "wrongly_retracted")
    town.shift.by = timedelta(days=RETRACTION_OBJECTION_DAYS + 2)
    assert (await background.run_cleanup(town.app_context))["copies_deleted"] == 0
    officer, _ = await with_case(town)
    assert (await decide(officer, objection_id)).json()["state"] == "restored"


@pytest.mark.parametrize(
    "code", ["objection_upheld", "officer_decided", "upheld", "privacy_office", "restored", "resident_asked"]
)
async def test_b18_reserved_reasons_are_refused_to_sources(shared_city: City, code: str) -> None:
    name = code.replace("_", "-")
    me, _ = await linked(shared_city, name, record(f"r-{name}", f"bike-{name}", quantity=10, occurred_on=DAY))
    source = shared_city.source()
    for path, more in (("correction", {"quantity": 1}), ("retraction", {})):
        answer = await source.post(f"/v1/source/records/r-{name}/{path}", {"reason_code": code, **more})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/reason_code")
        assert answer.json()["errors"][0]["code"] == "reserved"
    assert await me.total() == 5
    assert await messages_of(me) == []


async def test_messages_say_who_decided(town: City) -> None:
    me, (first, second) = await linked(
        town, "who", record("r-1", "bike-who", occurred_on=DAY), record("r-2", "bike-who", occurred_on="2025-06-02")
    )
    ids = {row["source_record_id"]: row["record_id"] for row in (first, second)}
    officer, _ = await with_case(town)
    await town.source().post("/v1/source/records/r-1/retraction", {"reason_code": "counted_twice"})
    await decide(officer, await object_to(me, ids["r-2"], "not_mine"))
    texts = {row["facts"]["decided_by"]: row["text"] for row in await messages_of(me) if "decided_by" in row["facts"]}
    assert "Green Travel took back" in texts["source"]
    assert "counted twice" in texts["source"]
    assert "an officer removed" in texts["officer"]


@pytest.mark.parametrize(
    ("reason", "claim", "correction", "state"),
    [
        ("wrong_quantity", None, {"quantity": 80}, "corrected"),
        ("wrong_quantity", None, {"quantity": 59}, None),
        ("wrong_quantity", None, None, None),
        ("other", None, None, None),
        ("counted_twice", None, None, "upheld"),
        ("wrong_day", None, {"occurred_on": "2020-06-01"}, None),
        ("wrong_day", None, {"occurred_on": "2025-05-31"}, None),
        ("wrong_day", None, {"occurred_on": "2025-06-02"}, "corrected"),
        ("wrong_day", {"occurred_on": "2025-05-31"}, {"occurred_on": "2025-05-31"}, "corrected"),
        ("wrong_day", {"occurred_on": "2025-05-31"}, {"occurred_on": "2025-05-30"}, None),
        ("wrong_day", None, {"occurred_on": "2025-06-02", "quantity": 59}, None),
    ],
)
async def test_an_upheld_objection_lowers_nothing(
    shared_city: City, reason: str, claim: Any, correction: Any, state: str | None
) -> None:
    name = f"low-{abs(hash((reason, str(claim), str(correction))))}"
    me, (stored,) = await linked(shared_city, name, record(f"r-{name}", f"bike-{name}", quantity=60, occurred_on=DAY))
    officer, _ = await with_case(shared_city)
    objection_id = await object_to(me, stored["record_id"], reason, **({"claim": claim} if claim else {}))
    answer = await decide(officer, objection_id, **({"correction": correction} if correction else {}))
    if state is None:
        assert (answer.status_code, answer.json()["code"]) == (422, "would_lower_points")
        assert await me.total() == 30
        assert (await own_objection(me))["state"] == "open"
    else:
        assert answer.json()["state"] == state


async def test_objections_about_missing_records_wait_in_a_number_that_officers_can_read(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objections, "OPEN_MISSING_MAX", 2)
    wang = town.resident("wang")
    body = {"source_id": "green-travel", "reason_code": "missing", "statement": "One ride."}
    await wang.volunteer(60, "v-wang")
    opened = [(await wang.post("/v1/me/objections", body)).json()["objection_id"] for _ in range(2)]
    refused = await wang.post("/v1/me/objections", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_objections")
    assert str(OPEN_MISSING_MAX) in refused.json()["detail"]
    # Others, and objections to records, are not limited by it.
    assert (await town.resident("li").post("/v1/me/objections", body)).status_code == 201
    (record_row,) = (await wang.get("/v1/me/records")).json()["data"]
    about = {"reason_code": "wrong_day", "statement": "The day before."}
    answer = await wang.post(f"/v1/me/records/{record_row['record_id']}/objections", about)
    assert answer.status_code == 201, answer.text
    officer = town.actor(Audience.PRIVACY, "officer-1")
    decision = {"decision": "rejected", "reason": "It was another account."}
    decided = await officer.post(f"/v1/privacy/objections/{opened[0]}/decision", decision)
    assert decided.status_code == 200, decided.text
    assert (await wang.post("/v1/me/objections", body)).status_code == 201


async def test_a_missing_record_cannot_be_corrected(town: City) -> None:
    me, _ = await linked(town, "unfit")
    officer, _ = await with_case(town)
    answer = await decide(officer, await miss(me), correction={"quantity": 10})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unfit")


async def test_a_claimed_day_must_exist(town: City) -> None:
    me, (stored,) = await linked(town, "day", record("r-1", "bike-day", occurred_on=DAY))
    body = {"reason_code": "wrong_day", "statement": "x", "claim": {"occurred_on": "2025-02-30"}}
    answer = await me.post(f"/v1/me/records/{stored['record_id']}/objections", body)
    assert answer.json()["errors"] == [
        {"pointer": "/claim/occurred_on", "code": "invalid_date", "detail": "a day of the calendar"}
    ]


async def test_unusual_retractions_and_objections_by_source_reach_the_officer(town: City) -> None:
    rides = [record(f"r-{n}", "bike-much", occurred_on=DAY) for n in range(UNUSUAL_MIN)]
    me, stored = await linked(town, "much", *rides)
    source, (officer, _) = town.source(), await with_case(town)
    for number in range(UNUSUAL_MIN - 1):
        await source.post(f"/v1/source/records/r-{number}/retraction", {"reason_code": "counted_twice"})

    async def analysed() -> dict[str, Any]:
        (row,) = (await officer.get("/v1/privacy/objection-analysis")).json()["data"]
        analysis: dict[str, Any] = row
        return analysis

    assert (await analysed())["unusual"] is False
    await source.post(f"/v1/source/records/r-{UNUSUAL_MIN - 1}/retraction", {"reason_code": "counted_twice"})
    row = await analysed()
    assert (row["source_id"], row["taken_back"], row["usual"], row["unusual"]) == (
        "green-travel", UNUSUAL_MIN, 0, True,
    )  # fmt: skip
    audit = {row["check"]: row["found"] for row in (await officer.get("/v1/privacy/self-audit")).json()["data"]}
    assert audit["sources that take back unusually much"] == 1
    for _ in range(2):
        await object_to(me, stored[0]["record_id"], "wrongly_retracted")
    await decide(officer, await miss(me))
    row = await analysed()
    assert (row["opened"], row["waiting"], row["asked"], row["repeats"], row["mean_days"]) == (3, 2, 1, 1, 1)
    town.shift.by = timedelta(days=40)
    row = await analysed()
    assert (row["overdue"], row["asked_overdue"], row["taken_back"], row["unusual"]) == (2, 1, 0, False)
    await background.run_cleanup(town.app_context)
    samples = {sample.labels["kind"]: sample.value for metric in metrics.OVERDUE.collect() for sample in metric.samples}
    assert samples == {"decision": 2.0, "answer": 1.0}


def test_a_week_is_unusual_against_the_quarter_before() -> None:
    assert not is_unusual(UNUSUAL_MIN - 1, 0)
    assert is_unusual(UNUSUAL_MIN, 0)
    assert not is_unusual(30, 120)
    assert is_unusual(31, 120)
