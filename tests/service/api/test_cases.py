"""An officer's case: notes that stay, an end with a conclusion, nothing read after it; objections by month."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from consent.database import queries
from consent.oversight import officers
from consent.oversight.cases import NOTES_MAX
from service.auth.access_tokens import Audience
from tests.support.city import Actor, City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]
CASES = "/v1/privacy/cases"
CONCLUSION = {"conclusion": "All consents name the right notice."}


def officer_of(town: City, number: int = 1) -> Actor:
    return town.actor(Audience.PRIVACY, f"officer-{number}", staff_id=f"officer-{number}")


async def opened(officer: Actor) -> str:
    """Open a case and return its path."""
    answer = await officer.post(CASES, {"reason_code": "audit", "text": "The yearly audit."})
    return f"{CASES}/{answer.json()['case_id']}"


@pytest.mark.both_engines(everyday=False)
async def test_notes_stay_in_order_and_a_conclusion_ends_the_case(town: City) -> None:
    officer, other = officer_of(town), officer_of(town, 2)
    path = await opened(officer)
    for number, text in enumerate(("Sample drawn.", "Twelve read, nothing unusual."), start=1):
        noted = await officer.post(f"{path}/notes", {"text": text})
        assert (noted.status_code, noted.json()["number"], noted.json()["text"]) == (201, number, text)
    assert (await other.post(f"{path}/notes", {"text": "Not mine."})).status_code == 404
    assert (await other.post(f"{path}/closing", CONCLUSION)).status_code == 404
    assert (await officer.post(f"{path}/notes", {"text": " "})).status_code == 422
    read = (await officer.get(path)).json()
    assert [note["text"] for note in read["notes"]] == ["Sample drawn.", "Twelve read, nothing unusual."]
    assert (read["state"], "closed_on" in read) == ("open", False)
    closed = await officer.post(f"{path}/closing", CONCLUSION)
    assert closed.json() == {"case_id": path.rpartition("/")[2], "state": "closed"}
    read = (await officer.get(path)).json()
    assert (read["state"], read["conclusion"], len(read["notes"])) == ("closed", CONCLUSION["conclusion"], 2)
    assert read["closed_on"] == (await town.today()).isoformat()
    assert (await other.get(path)).status_code == 404


@pytest.mark.both_engines(everyday=False)
async def test_nothing_is_read_or_written_under_a_closed_case(town: City) -> None:
    officer = officer_of(town)
    consent = await town.resident("wu").link("green-travel", "bike-wu")
    path = await opened(officer)
    case_id = path.rpartition("/")[2]
    single = f"/v1/privacy/consents/{consent['consent_id']}?case={case_id}"
    assert (await officer.get(single)).status_code == 200
    assert (await officer.post(f"{path}/closing", CONCLUSION)).status_code == 200
    refused = [
        await officer.get(single),
        await officer.get(f"/v1/privacy/consents?case={case_id}"),
        await officer.post("/v1/privacy/samples", {"case": case_id, "size": 1}),
        await officer.post("/v1/privacy/records/none/restoration", {"case": case_id, "reason": "Back."}),
        await officer.post(f"{path}/notes", {"text": "Too late."}),
        await officer.post(f"{path}/closing", CONCLUSION),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(409, "conflict")] * len(refused)
    listed = (await town.resident("wu").get("/v1/me/access-log")).json()["data"]
    assert sum(row["organisation"] == "privacy-office" for row in listed) == 1


async def test_open_and_closed_cases_are_listed_apart(town: City) -> None:
    officer = officer_of(town)
    first, second = await opened(officer), await opened(officer)
    await officer.post(f"{first}/closing", CONCLUSION)

    async def ids(query: str) -> list[str]:
        return [f"{CASES}/{row['case_id']}" for row in (await officer.get(f"{CASES}?{query}")).json()["data"]]

    assert await ids("state=open") == [second]
    assert await ids("state=closed") == [first]
    assert await ids("") == [second, first]
    assert (await officer.get(f"{CASES}?state=lost")).json()["code"] == "bad_query"


async def test_notes_are_bounded_and_go_with_their_case_after_three_years(town: City) -> None:
    officer = officer_of(town)
    path = await opened(officer)
    case_id = path.rpartition("/")[2]
    await queries.execute_many(
        "INSERT INTO officer_case_note (case_id, number, text, at) VALUES ($1, $2, 'A note.', 1)",
        [(case_id, number) for number in range(1, NOTES_MAX + 1)],
    )
    assert (await officer.post(f"{path}/notes", {"text": "One more."})).json()["code"] == "conflict"
    await officers.delete_old(await town.app_context.clock() + officers.RETENTION - timedelta(days=1))
    assert (await officer.get(path)).status_code == 200
    await officers.delete_old(await town.app_context.clock() + officers.RETENTION + timedelta(days=1))
    assert (await officer.get(path)).status_code == 404
    assert await queries.fetch_all("SELECT number FROM officer_case_note") == []


async def test_each_act_on_a_case_is_in_the_consent_log(town: City) -> None:
    officer = officer_of(town)
    path = await opened(officer)
    await officer.post(f"{path}/notes", {"text": "Read."})
    await officer.post(f"{path}/closing", CONCLUSION)
    rows = await queries.fetch_all("SELECT what, leaf_hash FROM oversight ORDER BY at")
    assert [row["what"] for row in rows if row["what"].startswith("case.")] == [
        "case.opened", "case.noted", "case.closed",
    ]  # fmt: skip
    assert all(row["leaf_hash"] for row in rows)


async def object_(town: City, number: int, opened_on: date, **columns: Any) -> None:
    """Insert an objection that was opened on a day, at midnight in the city."""
    at = queries.to_micros(datetime.combine(opened_on, time(), town.app_context.settings.city_zone))
    days = columns.get("days")
    await queries.execute(
        "INSERT INTO objection (objection_id, person_id, source_id, reason_code, state, opened_at, decide_by,"
        " sealed_statement, decided_at, overdue_notice) VALUES ($1, $1, $2, 'not_mine', $3, $4, 20300101, $5, $6, $7)",
        f"o-{number}",
        columns.get("source_id", "green-travel"),
        columns.get("state", "open"),
        at,
        b"",
        None if days is None else at + days * 86_400_000_000,
        columns.get("overdue_notice", 0),
    )


async def test_objections_are_counted_by_the_civil_month_they_were_opened_in(town: City) -> None:
    today = await town.today()
    first = today.replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    await object_(town, 1, first, state="rejected", days=2)
    await object_(town, 2, first, state="corrected", days=4, overdue_notice=1)
    await object_(town, 3, first)
    await object_(town, 4, first - timedelta(days=1), source_id="civic-life")
    await object_(town, 5, date(first.year - 1, first.month, 1) - timedelta(days=1))
    rows = (await officer_of(town).get("/v1/privacy/objection-trends")).json()["data"]
    assert len(rows) == 12
    assert rows[-1] == {
        "month": first.isoformat()[:7],
        "opened": 3,
        "waiting": 1,
        "rejected": 1,
        "upheld": 1,
        "late": 1,
        "mean_days": 3,
    }
    assert (rows[-2]["month"], rows[-2]["opened"], rows[-2]["mean_days"]) == (before.isoformat()[:7], 1, None)
    assert sum(row["opened"] for row in rows) == 4
    civic = (await officer_of(town).get("/v1/privacy/objection-trends?source_id=civic-life")).json()["data"]
    assert [row["opened"] for row in civic[-2:]] == [1, 0]
    assert (await officer_of(town).get("/v1/privacy/objection-trends?source_id=%00")).status_code == 400
