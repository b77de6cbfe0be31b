"""ADV-121 to ADV-132: hostile sources of records, with the API and the rules in hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consent.database import queries
from consent.oversight.source_analysis import UNUSUAL_MIN
from service.auth.access_tokens import Audience
from tests.factories import both_languages, publish_document
from tests.support.city import Actor, City, Resident, record, row_counts

pytestmark = pytest.mark.anyio
DAY = "2025-06-01"


async def rider(town: City, name: str, *records: dict[str, Any]) -> Resident:
    """Return a resident linked to green travel as `bike-{name}`, with these records delivered."""
    me = town.resident(name)
    await me.link("green-travel", f"bike-{name}")
    if records:
        assert (await town.source().deliver(*records))["accepted"] == len(records)
    return me


async def correct(source: Actor, record_id: str, **values: Any) -> Any:
    body = {"reason_code": "counted_wrong", **values}
    return await source.post(f"/v1/source/records/{record_id}/correction", body)


async def test_adv_121_a_campaign_of_corrections_to_one(town: City) -> None:
    """Corrections down to almost nothing are counted like retractions, shown to the officer, and told each time."""
    rides = [record(f"r-{n}", "bike-wang", quantity=20, occurred_on=DAY) for n in range(UNUSUAL_MIN)]
    me, source = await rider(town, "wang", *rides), town.source()
    for number in range(UNUSUAL_MIN):
        assert (await correct(source, f"r-{number}", quantity=1)).status_code == 200
    officer = town.actor(Audience.PRIVACY, "officer-1")
    (row,) = (await officer.get("/v1/privacy/objection-analysis")).json()["data"]
    assert (row["taken_back"], row["unusual"]) == (UNUSUAL_MIN, True)
    messages = [row for row in (await me.get("/v1/me/messages")).json()["data"] if row["kind"] == "record_corrected"]
    assert len(messages) == UNUSUAL_MIN


async def test_adv_122_a_record_lowered_in_two_steps_and_raised_between(town: City) -> None:
    """An officer brings back what the record was at first, however many corrections came between."""
    me, source = await rider(town, "wang", record("r-1", "bike-wang", quantity=100, occurred_on=DAY)), town.source()
    (stored,) = (await me.get("/v1/me/records")).json()["data"]
    for quantity in (40, 60, 2):
        assert (await correct(source, "r-1", quantity=quantity)).status_code == 200
    assert await me.total() == 1
    officer = town.actor(Audience.PRIVACY, "officer-1")
    case = await officer.post("/v1/privacy/cases", {"reason_code": "objection", "text": "Many corrections."})
    path = f"/v1/privacy/records/{stored['record_id']}/restoration"
    for total in (30, 50, 50):
        restored = await officer.post(path, {"case": case.json()["case_id"], "reason": "The rides are proven."})
        assert (restored.status_code, await me.total()) == (200, total)
    assert (await correct(source, "r-1", quantity=1)).json()["code"] == "restored_by_officer"


@pytest.mark.parametrize("day", ["2999-01-01", "2025-02-30", "1949-10-01", "２０２５-06-01"])
async def test_adv_123_a_day_to_come_by_way_of_a_correction(shared_city: City, day: str) -> None:
    name = f"day-{abs(hash(day)) % 10_000}"
    me = await rider(shared_city, name, record(f"r-{name}", f"bike-{name}", quantity=10, occurred_on=DAY))
    refused = await correct(shared_city.source(), f"r-{name}", occurred_on=day)
    assert refused.status_code == 422, refused.text
    assert await me.total() == 5


async def test_adv_124_a_record_moved_to_where_it_earns_nothing_is_counted_as_taken_back(town: City) -> None:
    me, source = await rider(town, "wang", record("r-1", "bike-wang", quantity=100, occurred_on=DAY)), town.source()
    assert (await correct(source, "r-1", occurred_on="2019-06-01")).status_code == 200
    assert await me.total() == 0
    (message,) = await me.messages("en")
    assert "You can object until" in message["text"]
    officer = town.actor(Audience.PRIVACY, "officer-1")
    (row,) = (await officer.get("/v1/privacy/objection-analysis")).json()["data"]
    assert row["taken_back"] == 1


async def test_adv_125_a_million_for_a_friend_stays_under_the_yearly_cap(town: City) -> None:
    me = await rider(town, "friend", record("r-1", "bike-friend", quantity=1, occurred_on=DAY))
    assert (await correct(town.source(), "r-1", quantity=1_000_000)).status_code == 200
    more = await town.source().deliver(record("r-2", "bike-friend", quantity=1_000_000, occurred_on=DAY))
    assert more["accepted"] == 1
    assert await me.total() == 100


async def test_adv_126_a_record_id_that_carries_a_name_and_a_debt(town: City) -> None:
    """The id is stored sealed and matched by an index: no table has it in clear, and no officer's list names it."""
    telling = "zhang-san-owes-5000"
    me = await rider(town, "zhang", record(telling, "bike-zhang", quantity=10, occurred_on=DAY))
    for table in await row_counts():
        rows = await queries.fetch_all(f"SELECT * FROM {table}")
        assert telling not in str([dict(row) for row in rows]), table
    (own,) = (await me.get("/v1/me/records")).json()["data"]
    assert own["source_record_id"] == telling
    officer = town.actor(Audience.PRIVACY, "officer-1")
    for path in ("propagations", "objections", "objection-analysis", "refused-attempts"):
        assert telling not in (await officer.get(f"/v1/privacy/{path}")).text


async def test_adv_127_a_kind_that_was_added_after_the_consent(town: City) -> None:
    """The consent covers the kinds that the notice's source had; what is added later is refused until asked again."""
    source = {
        "source_id": "lessons",
        "name": both_languages("社区课堂", "Community lessons"),
        "category": "civic",
        "kinds": ["eco_course"],
        "division": "2101",
        "client_id": "lessons",
        "onboarding": {
            "legal_basis": "个人信息主体的单独同意",
            "voluntary": True,
            "independent_of_employer_landlord_school_penal": True,
            "assessment_id": "PIA-2026-299",
        },
    }
    assert await publish_document(town, "sources", "lessons", source) == "in_force"
    me = town.resident("wang")
    await me.link("lessons", "pupil-1")
    wider = {**source, "kinds": ["eco_course", "community_meeting"]}
    assert await publish_document(town, "sources", "lessons", wider) == "in_force"
    sent = await town.source("lessons").deliver(record("m-1", "pupil-1", "community_meeting", 1, DAY))
    assert sent["results"][0]["code"] == "kind_not_allowed"
    assert (await me.get("/v1/me/records")).json()["data"] == []


async def test_adv_128_sending_again_after_a_withdrawal(town: City) -> None:
    """Withdrawn, never linked and unknown accounts get one answer, and nothing of theirs is stored."""
    source = town.source()
    left = await rider(town, "left", record("r-1", "bike-left", quantity=10, occurred_on=DAY))
    await left.post("/v1/me/withdrawals", {"scope": "all"})
    pending = town.resident("pending")
    await pending.consent_to_source("green-travel", "bike-pending")
    rows = (
        await source.deliver(
            *(record("same", account, occurred_on=DAY) for account in ("bike-left", "bike-pending", "bike-nobody"))
        )
    )["results"]
    assert {(row["status"], row["code"]) for row in rows} == {("refused", "not_authorised")}
    for me in (left, pending):
        assert (await me.get("/v1/me/records")).json()["data"] == []
    assert (await correct(source, "r-1", quantity=1)).status_code == 404
    retracted = await source.post("/v1/source/records/r-1/retraction", {"reason_code": "other"})
    assert retracted.status_code == 404


async def test_adv_129_an_asked_record_is_not_answered_with_less(town: City) -> None:
    """Asked for 10 rides, the source delivers one: the task stays open until all ten are there, in any pieces."""
    me = await rider(town, "asked")
    officer, source = town.actor(Audience.PRIVACY, "officer-1"), town.source()
    claim = {"kind": "bike_trip", "occurred_on": DAY, "quantity": 10}
    body = {"source_id": "green-travel", "reason_code": "missing", "statement": "Ten rides.", "claim": claim}
    opened = (await me.post("/v1/me/objections", body)).json()
    path = f"/v1/privacy/objections/{opened['objection_id']}/decision"
    asked = await officer.post(path, {"decision": "upheld", "reason": "They are proven."})
    assert asked.json()["state"] == "asked"
    assert (await source.deliver(record("r-1", "bike-asked", quantity=1, occurred_on=DAY)))["accepted"] == 1
    (shown,) = (await me.get("/v1/me/objections")).json()["data"]
    assert shown["state"] == "asked"
    assert (await source.deliver(record("r-2", "bike-asked", quantity=9, occurred_on=DAY)))["accepted"] == 1
    (shown,) = (await me.get("/v1/me/objections")).json()["data"]
    assert shown["state"] == "delivered"


async def test_adv_130_anothers_links_tasks_and_corrections(town: City) -> None:
    me = await rider(town, "wang", record("r-1", "bike-wang", quantity=10, occurred_on=DAY))
    stranger = town.source("civic-life")
    links = (await town.source().get("/v1/source/links")).json()["data"]
    (link,) = [row for row in links if row["account"] == "bike-wang"]
    await me.post("/v1/me/withdrawals", {"scope": "all"})
    assert (await stranger.get("/v1/source/links?state=ended")).json()["data"] == []
    acknowledged = await stranger.post(f"/v1/source/links/{link['link_id']}/acknowledge")
    assert acknowledged.status_code == 404
    ended = (await town.source().get("/v1/source/links?state=ended")).json()["data"]
    assert [row["link_id"] for row in ended] == [link["link_id"]]


async def test_adv_131_the_feed_of_ended_links_tells_the_day_alone(town: City) -> None:
    """Polled each minute, the feed has one time for everybody who left that day: the city's midnight."""
    for name, minutes in (("early", 0), ("late", 1)):
        town.shift.by = timedelta(minutes=minutes)
        me = await rider(town, name)
        await me.post("/v1/me/withdrawals", {"scope": "all"})
    rows = (await town.source().get("/v1/source/links?state=ended")).json()["data"]
    midnight = {row["since"] for row in rows}
    assert all(since.endswith(("T16:00:00Z", "T00:00:00Z")) for since in midnight), midnight
    assert {row["ended_on"] for row in rows} <= {
        (await town.today()).isoformat(),
        (await town.today() - timedelta(days=1)).isoformat(),
    }


async def test_adv_132_codes_tried_for_accounts_of_others(town: City) -> None:
    """A source with a code that somebody else typed learns nothing from trying it on its other accounts."""
    alice, source = town.resident("alice"), town.source()
    consent = await alice.consent_to_source("green-travel", "bike-alice")
    code = consent["link"]["code"]
    answers = set()
    for account, tried in (("bike-bob", code), ("bike-alice", "A" * len(code)), ("bike-nobody", "B" * len(code))):
        answer = await source.post("/v1/source/links/confirm", {"code": tried, "account": account})
        body = {key: value for key, value in answer.json().items() if key != "request_id"}
        answers.add((answer.status_code, str(body)))
    assert len(answers) == 1
    assert {status for status, _ in answers} == {404}
