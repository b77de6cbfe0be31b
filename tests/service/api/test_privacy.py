"""The privacy officer's API: cases, counts, samples, one consent, objections, reviews, verification, self-audit."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise import Tortoise

from benefits.publishing import document_checks
from consent.database import queries
from consent.documents import lifecycle
from consent.domain import objections, small_cells
from consent.domain.document_kinds import DocumentKind
from consent.events import ledger
from consent.kernel import working_days as calendar
from consent.oversight import samples, staff
from consent.oversight.people_counts import ConsentFilters
from service.auth.access_tokens import Audience
from service.compliance import processing_register
from service.demo import seed
from service.jobs import background
from tests.factories import add_people_with_rides
from tests.support.city import Actor, City, record, row_counts

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def open_case(town: City) -> tuple[Actor, str]:
    """An officer with an open case."""
    officer = town.actor(Audience.PRIVACY, "officer-1")
    opened = await officer.post("/v1/privacy/cases", {"reason_code": "yearly_audit", "text": "The yearly audit."})
    assert opened.status_code == 201
    case_id: str = opened.json()["case_id"]
    return officer, case_id


async def objected(town: City) -> tuple[Any, str]:
    """A resident with 5 points from one ride record, and an objection to it."""
    wang = town.resident("wang")
    await wang.link("green-travel", "bike-9001")
    await town.source().deliver(record("r-1", "bike-9001", quantity=10))
    (stored,) = (await wang.get("/v1/me/records")).json()["data"]
    opened = await wang.post(
        f"/v1/me/records/{stored['record_id']}/objections", {"reason_code": "not_mine", "statement": "It was not me."}
    )
    return wang, opened.json()["objection_id"]


async def test_every_read_of_an_officer_is_logged(town: City) -> None:
    officer, case_id = await open_case(town)
    paths = (
        f"consents?case={case_id}", "reviews", "objections", "refused-attempts", "propagations?state=unacknowledged",
        "processing-register", "self-audit", "statistics",
    )  # fmt: skip
    for path in paths:
        before = await row_counts()
        answer = await officer.get(f"/v1/privacy/{path}")
        assert answer.status_code == 200, path
        after = await row_counts()
        assert after["oversight"] == before["oversight"] + 1, path
        assert after["outbox"] == before["outbox"] + 1, path
    await background.advance_logs(town.app_context)
    checked = await officer.post("/v1/privacy/verification")
    assert checked.json()["ok"] is True
    assert checked.json()["first_fault"] is None
    assert {log["name"] for log in checked.json()["logs"]} == {"consent", "policy"}


async def test_a_read_must_name_a_case_of_the_same_officer(town: City) -> None:
    officer, case_id = await open_case(town)
    other = town.actor(Audience.PRIVACY, "officer-2")
    assert (await officer.get("/v1/privacy/consents")).json()["code"] == "bad_query"
    assert (await other.get(f"/v1/privacy/consents?case={case_id}")).status_code == 404
    assert (await officer.post("/v1/privacy/samples", {"case": "x", "size": 5})).status_code == 404


async def test_counts_have_noise_and_one_budget_for_all_officers(town: City) -> None:
    await add_people_with_rides(town, 3_000)
    (officer, case_id), other = await open_case(town), town.actor(Audience.PRIVACY, "officer-2")
    counted = (await officer.get(f"/v1/privacy/consents?case={case_id}")).json()
    assert (counted["too_few_people"], counted["give_or_take"]) == (False, 360)
    # Noise of scale 120; 20 times as much comes once in 500 million counts.
    assert abs(counted["by_state"]["given"] - 3_000) < 2_410
    assert all(count is None or count % 10 == 0 for count in counted["by_state"].values())
    given_on = (await town.today() - timedelta(days=30)).isoformat()
    assert [row["day"] for row in counted["data"] if row["state"] == "given" and row["day"] == given_on]
    # A filter by state chooses among the same numbers; another officer and another case see the same.
    given = (await officer.get(f"/v1/privacy/consents?case={case_id}&state=given")).json()
    assert given["by_state"] == {"given": counted["by_state"]["given"]}
    second = (await other.post("/v1/privacy/cases", {"reason_code": "audit", "text": "Audit."})).json()["case_id"]
    assert (await other.get(f"/v1/privacy/consents?case={second}")).json() == counted
    today = (await town.today()).isoformat()
    assert (await other.get(f"/v1/privacy/consents?case={second}&on={today}")).json() == counted
    for days in (1, 2, 3):
        day = await town.today() - timedelta(days=days)
        assert (await other.get(f"/v1/privacy/consents?case={second}&on={day}")).status_code == 200
    spent = await officer.get(f"/v1/privacy/consents?case={case_id}&purpose=benefit.check")
    assert (spent.status_code, spent.json()["code"]) == (429, "privacy_budget_spent")
    assert 0 < int(spent.headers["Retry-After"]) <= 7 * 86_400
    assert (await officer.get(f"/v1/privacy/consents?case={case_id}")).json() == counted


async def test_counts_of_a_small_city_are_not_shown(town: City) -> None:
    officer, case_id = await open_case(town)
    counted = (await officer.get(f"/v1/privacy/consents?case={case_id}")).json()
    assert (counted["data"], counted["by_state"], counted["too_few_people"]) == ([], {}, True)
    for query in ("purpose=research", "state=denied", "notice_version=x", "on=yesterday"):
        assert (await officer.get(f"/v1/privacy/consents?case={case_id}&{query}")).json()["code"] == "bad_query"


@given(st.lists(st.integers(1, 300), max_size=12))
def test_no_small_cell_can_be_derived_from_the_others(cells: list[int]) -> None:
    shown = small_cells.suppress(cells)
    hidden = [place for place, count in enumerate(shown) if count is None]
    assert all(shown[place] is None for place, count in enumerate(cells) if count < small_cells.CELL_MIN)
    assert len(hidden) != 1 or len(cells) == 1
    assert all(count is None or count % 10 == 0 for count in shown)


async def test_a_sample_is_random_pseudonymous_and_of_many(town: City) -> None:
    await add_people_with_rides(town, 1_500)
    officer, case_id = await open_case(town)
    drawn = await officer.post("/v1/privacy/samples", {"case": case_id, "size": 50})
    assert drawn.status_code == 201
    assert len(drawn.json()["data"]) == 50
    for row in drawn.json()["data"]:
        assert set(row) <= {"consent_id", "purpose", "counterpart", "state", "notice_id", "notice_version", "given_on",
                            "expires_on", "ended_on"}  # fmt: skip
        date.fromisoformat(row["given_on"])
    again = await officer.post("/v1/privacy/samples", {"case": case_id, "size": 50})
    assert again.json() == drawn.json()
    few = await officer.post("/v1/privacy/samples", {"case": case_id, "size": 5, "provider_id": "second-hospital"})
    assert (few.status_code, few.json()["code"]) == (409, "too_few_consents")
    assert (await officer.post("/v1/privacy/samples", {"case": case_id, "size": 201})).status_code == 422


@pytest.mark.both_engines
async def test_all_samples_of_a_quarter_show_a_tenth_of_the_consents(town: City) -> None:
    """Under all filters together; the next quarter has another tenth."""
    await add_people_with_rides(town, 3_000)
    keyring, at = town.app_context.keyring, await town.app_context.clock()
    filters = [
        ConsentFilters(purpose, counterpart, version, state)
        for purpose in (None, "points.compute")
        for counterpart in (None, "green-travel")
        for version in (None, 1)
        for state in (None, "given")
    ]
    tenths = []
    for month in (1, 4, 7, 10):
        seen: set[str] = set()
        for day in (1, 20):
            for chosen in filters:
                rows = await samples.sample_consents(keyring, chosen, 200, date(2030, month, day), at)
                seen |= {row.consent_id for row in rows}
        # A tenth of 3,000 is 300; a binomial count is further away than 100 once in a billion.
        assert 150 < len(seen) < 400
        tenths.append(seen)
    assert tenths[0] != tenths[1] != tenths[2]


@pytest.mark.both_engines
async def test_reading_one_consent_under_a_case_appears_in_its_persons_access_log(town: City) -> None:
    wang = town.resident("wang")
    consent = await wang.consent_to_provider("city-library")
    await background.advance_logs(town.app_context)
    officer, case_id = await open_case(town)
    history = (await officer.get(f"/v1/privacy/consents/{consent['consent_id']}?case={case_id}")).json()
    assert (history["state"], history["counterpart"]) == ("given", "city-library")
    assert [(row["kind"], "index " in row["proof"]) for row in history["events"]] == [("consent.given", True)]
    assert "wang" not in str(history)
    (entry, *_) = (await wang.get("/v1/me/access-log")).json()["data"]
    assert (entry["organisation"], entry["purpose"], entry["outcome"]) == ("privacy-office", "oversight", "looked")
    assert (await officer.get(f"/v1/privacy/consents/{'0' * 32}?case={case_id}")).status_code == 404


@pytest.mark.both_engines
async def test_b7_upheld_the_record_goes_with_its_points(town: City) -> None:
    wang, objection_id = await objected(town)
    officer, _ = await open_case(town)
    (row,) = (await officer.get("/v1/privacy/objections")).json()["data"]
    assert (row["record"]["kind"], row["record"]["quantity"], row["statement"]) == ("bike_trip", 10, "It was not me.")
    assert "wang" not in str(row)
    assert "bike-9001" not in str(row)
    assert await wang.total() == 5
    await officer.post(f"/v1/privacy/objections/{objection_id}/acknowledgement")
    await officer.post(f"/v1/privacy/objections/{objection_id}/acknowledgement")
    decided = await officer.post(
        f"/v1/privacy/objections/{objection_id}/decision", {"decision": "upheld", "reason": "The source was wrong."}
    )
    assert decided.json() == {"objection_id": objection_id, "state": "upheld"}
    assert await wang.total() == 0
    kinds = [message["kind"] for message in await wang.messages()]
    assert sorted(kinds) == [
        "objection_acknowledged", "objection_decided", "objection_opened", "record_retracted",
    ]  # fmt: skip
    messages = (await wang.get("/v1/me/messages", {"Accept-Language": "en"})).json()["data"]
    assert any("The source was wrong." in message["text"] for message in messages)
    again = await officer.post(
        f"/v1/privacy/objections/{objection_id}/decision", {"decision": "rejected", "reason": "x"}
    )
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert (await wang.get("/v1/me/objections")).json()["data"][0]["state"] == "upheld"
    assert (await officer.get("/v1/privacy/objections")).json()["data"] == []


async def test_b7_a_correction_follows_at_once_and_a_rejection_changes_nothing(town: City) -> None:
    wang, objection_id = await objected(town)
    officer, _ = await open_case(town)
    path = f"/v1/privacy/objections/{objection_id}/decision"
    for body in ({"decision": "rejected", "correction": {"quantity": 4}}, {"decision": "upheld", "correction": {}}):
        assert (await officer.post(path, {**body, "reason": "x"})).json()["code"] == "body_invalid"
    future = {"decision": "upheld", "reason": "x", "correction": {"occurred_on": "2999-01-01"}}
    assert (await officer.post(path, future)).json()["code"] == "in_future"
    done = await officer.post(path, {"decision": "upheld", "reason": "Twenty.", "correction": {"quantity": 20}})
    assert done.json()["state"] == "corrected"
    assert await wang.total() == 10
    missing = await wang.post(
        "/v1/me/objections", {"source_id": "green-travel", "reason_code": "missing", "statement": "One more."}
    )
    refused = await officer.post(
        f"/v1/privacy/objections/{missing.json()['objection_id']}/decision",
        {"decision": "rejected", "reason": "The source has none."},
    )
    assert refused.json()["state"] == "rejected"
    assert await wang.total() == 10
    assert (
        await officer.post(f"/v1/privacy/objections/{'0' * 32}/decision", {"decision": "rejected", "reason": "x"})
    ).status_code == 404


async def test_two_claims_on_one_account_are_settled(town: City) -> None:
    alice, bob, source = town.resident("alice"), town.resident("bob"), town.source()
    await alice.link("green-travel", "bike-9001")
    await source.deliver(record("a-1", "bike-9001", quantity=10))
    his = await bob.consent_to_source("green-travel", "bike-9001")
    await source.post("/v1/source/links/confirm", {"code": his["link"]["code"], "account": "bike-9001"})
    officer, _ = await open_case(town)
    (review,) = (await officer.get("/v1/privacy/reviews")).json()["data"]
    assert (review["kind"], review["about"]) == ("contested_link", "green-travel")
    path = f"/v1/privacy/reviews/{review['review_id']}/decision"
    done = await officer.post(path, {"decision": "approve", "reason": "The card is Bob's."})
    assert done.status_code == 200
    assert (await officer.post(path, {"decision": "refuse", "reason": "x"})).json()["code"] == "conflict"
    assert await alice.total() == 0
    assert "link_released" in [row["kind"] for row in (await alice.get("/v1/me/messages")).json()["data"]]
    bobs = (await bob.get("/v1/me/consents")).json()["data"][0]["consent_id"]
    await bob.post(f"/v1/me/consents/{bobs}/withdraw")
    await bob.link("green-travel", "bike-9001")


@pytest.mark.both_engines
async def test_flagged_documents_wait_for_an_officer_who_had_no_hand_in_them(town: City) -> None:
    at = await queries.now()
    body = {**(await lifecycle.in_force(DocumentKind.SOURCES, "civic-life", at)).body, "division": "21"}  # type: ignore[union-attr]

    async with queries.transaction():
        drafted = await lifecycle.draft(DocumentKind.SOURCES, "civic-life", body, "admin-1", at)
        await lifecycle.submit(
            DocumentKind.SOURCES,
            "civic-life",
            drafted.version,
            "admin-1",
            at,
            partial(document_checks.check, at=at, today=at.date()),
        )
    officer, _ = await open_case(town)
    (review,) = (await officer.get("/v1/privacy/reviews")).json()["data"]
    assert (review["about"], review["name"]) == ("sources/civic-life", body["name"])
    path = f"/v1/privacy/reviews/{review['review_id']}/decision"
    own = town.actor(Audience.PRIVACY, "somebody", staff_id="admin-1")
    assert (await own.post(path, {"decision": "approve", "reason": "mine"})).json()["code"] == "four_eyes"
    assert (await officer.post(path, {"decision": "refuse", "reason": "Say why."})).status_code == 200
    assert (await lifecycle.get(DocumentKind.SOURCES, "civic-life", drafted.version)).state == "draft"
    for absent in ("x", "sources.nobody.1", "sources.civic-life.99", "nothing.x.1", "sources.civic-life.x"):
        answer = await officer.post(f"/v1/privacy/reviews/{absent}/decision", {"decision": "approve", "reason": "x"})
        assert answer.status_code in (404, 409), absent
    assert seed.OFFICER == "officer-1"


async def test_refused_attempts_and_unacknowledged_messages_are_listed(town: City) -> None:
    await town.venue().get("/v1/me/points")
    officer, _ = await open_case(town)
    (attempt,) = (await officer.get("/v1/privacy/refused-attempts")).json()["data"]
    assert (attempt["door"], attempt["code"]) == ("resident", "wrong_role")
    wang = town.resident("wang")
    consent = await wang.link("green-travel", "bike-9001")
    await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    (waiting,) = (await officer.get("/v1/privacy/propagations")).json()["data"]
    assert (waiting["source_id"], waiting["overdue"]) == ("green-travel", False)
    assert "bike-9001" not in str(waiting)
    town.shift.by = timedelta(days=8)
    (late,) = (await officer.get("/v1/privacy/propagations")).json()["data"]
    assert late["overdue"] is True
    await town.source().post(f"/v1/source/links/{waiting['id']}/acknowledge")
    assert (await officer.get("/v1/privacy/propagations")).json()["data"] == []


async def test_a_source_hears_what_was_decided_about_its_record(town: City) -> None:
    wang, first = await objected(town)
    officer, _ = await open_case(town)
    source, stranger = town.source(), town.source("civic-life")
    path = "/v1/privacy/objections/{}/decision"
    correction = {"quantity": 14, "occurred_on": "2025-06-02"}
    await officer.post(path.format(first), {"decision": "upheld", "reason": "Four more.", "correction": correction})
    (received,) = (await source.get("/v1/source/corrections")).json()["data"]
    assert (received["record_id"], received["outcome"], received["quantity"], received["occurred_on"]) == (
        "r-1", "corrected", 14, "2025-06-02",
    )  # fmt: skip
    assert (await stranger.get("/v1/source/corrections")).json()["data"] == []
    town.shift.by = timedelta(days=8)
    (late,) = (await officer.get("/v1/privacy/propagations")).json()["data"]
    assert (late["kind"], late["id"], late["overdue"]) == ("correction", received["correction_id"], True)
    acknowledge = f"/v1/source/corrections/{received['correction_id']}/acknowledge"
    assert (await stranger.post(acknowledge)).status_code == 404
    for _ in range(2):
        assert (await source.post(acknowledge)).json() == {
            "correction_id": received["correction_id"],
            "acknowledged": True,
        }
    assert (await source.get("/v1/source/corrections")).json()["data"] == []
    (stored,) = (await wang.get("/v1/me/records")).json()["data"]
    again = await wang.post(
        f"/v1/me/records/{stored['record_id']}/objections", {"reason_code": "not_mine", "statement": "Not one."}
    )
    await officer.post(path.format(again.json()["objection_id"]), {"decision": "upheld", "reason": "None."})
    (gone,) = (await source.get("/v1/source/corrections?limit=1")).json()["data"]
    assert gone == {**gone, "record_id": "r-1", "outcome": "retracted"}
    assert "quantity" not in gone
    assert (await background.run_cleanup(town.app_context))["corrections_deleted"] == 1


@pytest.mark.both_engines
async def test_suspended_staff_are_out_at_the_next_request(town: City) -> None:
    officer, _ = await open_case(town)
    other = town.actor(Audience.PRIVACY, "officer-2")
    async with queries.transaction():
        assert await staff.suspend("officer-1", await queries.now())
        assert not await staff.suspend("officer-1", await queries.now())
    refused = await officer.get("/v1/privacy/reviews")
    assert (refused.status_code, refused.json()["code"]) == (403, "suspended")
    assert (await officer.post("/v1/privacy/verification")).status_code == 403
    assert (await other.get("/v1/privacy/reviews")).status_code == 200
    async with queries.transaction():
        assert await staff.resume("officer-1", await queries.now())
        assert not await staff.resume("officer-1", await queries.now())
    assert (await officer.get("/v1/privacy/reviews")).status_code == 200
    acts = await queries.fetch_all("SELECT what FROM oversight WHERE staff_id = 'operator' ORDER BY at")
    assert [row["what"] for row in acts] == ["staff.suspended officer-1", "staff.resumed officer-1"]


async def test_the_register_describes_every_table_and_field(town: City) -> None:
    officer, _ = await open_case(town)
    rows = {row["table"]: row for row in (await officer.get("/v1/privacy/processing-register")).json()["data"]}
    models = {model._meta.db_table: model for app in Tortoise.apps.values() for model in app.values()}
    assert set(rows) == set(models) == set(processing_register.REGISTER)
    for table, model in models.items():
        assert {field["name"] for field in rows[table]["fields"]} == model._meta.db_fields
        assert all(rows[table][name] for name in ("what", "purpose", "basis", "kept", "removed_by"))


@pytest.mark.both_engines
async def test_the_self_audit_counts_forbidden_states(town: City) -> None:
    officer, _ = await open_case(town)
    await background.advance_logs(town.app_context)
    assert (await officer.get("/v1/privacy/self-audit")).json()["ok"] is True
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    await wang.ticket()
    await queries.execute(
        "UPDATE consent SET state = 'withdrawn', given_at = given_at - 7200000000, ended_at = given_at - 7200000000"
        " WHERE counterpart = 'city-library'"
    )
    await queries.execute("UPDATE consent SET state = 'withdrawn' WHERE counterpart = 'volunteer-service'")
    town.shift.by = timedelta(hours=60)
    counts = {row["check"]: row["found"] for row in (await officer.get("/v1/privacy/self-audit")).json()["data"]}
    for check in (
        "uses of points that no consent covered", "records without a live consent", "answers kept too long",
        "tickets that still know their person", "leaves that wait too long", "presentations kept too long",
    ):  # fmt: skip
        assert counts[check] > 0, check


async def test_the_self_audit_reports_officers_who_read_too_often(town: City) -> None:
    officer, _ = await open_case(town)
    check = "officers who looked unusually often in a day"
    for reads, findings in ((150, 0), (60, 1)):
        async with queries.transaction():
            yesterday = (await queries.now()).replace(hour=12) - timedelta(days=1)  # one day whenever this runs
            for _ in range(reads):
                await ledger.record_officer_read("officer-2", None, "reviews.listed", yesterday)
                await ledger.record_officer_read("officer-2", None, "logs.verified", yesterday)
        answer = (await officer.get("/v1/privacy/self-audit")).json()["data"]
        assert next(row["found"] for row in answer if row["check"] == check) == findings


async def test_no_call_leads_an_officer_to_a_person(town: City) -> None:
    officer, case_id = await open_case(town)
    for path in ("consents?case={}&account=bike-607", "consents?case={}&subject=resident-1"):
        answer = await officer.get(f"/v1/privacy/{path.format(case_id)}")
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    for method, path in (
        ("DELETE", "consents/x"),
        ("PUT", "consents/x"),
        ("POST", "consents/x/withdraw"),
        ("GET", "export"),
    ):
        answer = await town.client.request(method, f"/v1/privacy/{path}", headers=officer.headers())
        assert answer.status_code in (404, 405)


def test_deadlines_count_working_days_with_holidays_and_adjusted_days() -> None:
    shipped = calendar.shipped()
    # The National Day week of 2026 is free, 10 October (a Saturday) is worked.
    assert objections.decide_by(date(2026, 9, 29), shipped) == date(2026, 10, 14)
    assert objections.acknowledge_by(date(2026, 9, 30), shipped) == date(2026, 10, 9)
    assert shipped.is_working(date(2026, 10, 10))
    assert not shipped.is_working(date(2026, 10, 1))
    assert objections.decide_by(date(2026, 11, 23), shipped) == date(2026, 12, 2)


@given(st.dates(date(2025, 1, 1), date(2028, 1, 1)), st.integers(0, 30))
def test_a_deadline_is_a_working_day_and_never_early(day: date, working_days: int) -> None:
    shipped = calendar.shipped()
    end = shipped.after(day, working_days)
    between = sum(shipped.is_working(day + timedelta(days=days)) for days in range(1, (end - day).days + 1))
    assert between == working_days
    assert working_days == 0 or shipped.is_working(end)
