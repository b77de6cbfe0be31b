"""Sources deliver: NDJSON streams, bad lines among good ones, objections heard, links fed; nothing about who else."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, time
from typing import Any

import pytest

from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind, Finding
from service.api.source import handlers
from tests.factories import administrator
from tests.support.city import Actor, City, record, row_counts

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False), pytest.mark.cluster]


async def stream(actor: Actor, body: bytes) -> list[dict[str, Any]]:
    answer = await actor.town.client.post(
        "/v1/source/records", content=body, headers=actor.headers({"Content-Type": "application/x-ndjson"})
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def lines(*rows: dict[str, Any] | str) -> bytes:
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()


async def test_a_stream_of_records_a_line(town: City) -> None:
    wang = town.resident("wang")
    await wang.link("green-travel", "bike-9001")
    rows = [record(f"r-{number}", "bike-9001", occurred_on="2025-03-01") for number in range(2_500)]
    body = lines(*rows) + b"\n"
    first = await stream(town.source(), body)
    assert [row["record_id"] for row in first] == [row["record_id"] for row in rows]
    assert {result["status"] for result in first} == {"accepted"}
    assert await wang.total() == 100
    assert {result["status"] for result in await stream(town.source(), body)} == {"duplicate"}
    counted = await queries.fetch_all("SELECT count(*) AS n FROM record WHERE occurred_on = 20250301")
    assert counted[0]["n"] == 2_500


async def test_a_bad_line_does_not_affect_others(town: City) -> None:
    wang = town.resident("wang")
    await wang.link("green-travel", "bike-9001")
    good = record("good", "bike-9001", quantity=2)
    results = await stream(
        town.source(),
        lines(
            "not json", good, "", '{"record_id": "half"', {**record("extra", "bike-9001"), "route": "A-B"},
            record("with space", "bike-9001"), "x" * (handlers.LINE_BYTES_MAX + 1), '{"a":1,"a":2}', "[" * 2_000,
            {**good, "quantity": 1.5}, record("last", "bike-9001", quantity=2),
        ),
    )  # fmt: skip
    assert [(result.get("record_id"), result["status"], result.get("code")) for result in results] == [
        (None, "refused", "malformed_json"),
        ("good", "accepted", None),
        (None, "refused", "malformed_json"),
        (None, "refused", "body_invalid"),
        (None, "refused", "body_invalid"),
        (None, "refused", "line_too_long"),
        (None, "refused", "duplicate_key"),
        (None, "refused", "too_deep"),
        (None, "refused", "body_invalid"),
        ("last", "accepted", None),
    ]
    assert await wang.total() == 2


async def test_an_endless_line_costs_no_memory_and_one_answer(town: City) -> None:
    async def endless() -> Any:
        for _ in range(200):
            yield b"x" * 65_536
        yield b"\n" + lines(record("after", "bike-607", quantity=2)) + b"\n"

    source = town.source()
    answer = await town.client.post(
        "/v1/source/records", content=endless(), headers=source.headers({"Content-Type": "application/x-ndjson"})
    )
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert [result.get("code") for result in results] == ["line_too_long", None]


async def test_a_stream_has_a_maximum_number_of_lines(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "STREAM_LINES_MAX", 3)
    results = await stream(town.source(), lines(*(record(f"e-{number}", "bike-607") for number in range(9))))
    assert [result.get("code") for result in results] == [None, None, None, "too_many_lines"]
    monkeypatch.setattr(handlers, "STREAM_BYTES_MAX", 1_000)
    source = town.source()
    announced = await town.client.post(
        "/v1/source/records", content=b"x" * 1_001, headers=source.headers({"Content-Type": "application/x-ndjson"})
    )
    assert (announced.status_code, announced.json()["code"]) == (413, "body_too_large")

    async def unannounced() -> Any:
        for _ in range(5):
            yield lines(record("s", "bike-607")) + b"\n" + b" " * 400

    cut = await town.client.post(
        "/v1/source/records", content=unannounced(), headers=source.headers({"Content-Type": "application/x-ndjson"})
    )
    assert json.loads(cut.text.splitlines()[-1])["code"] == "too_large"


async def test_a_source_that_is_suspended_delivers_no_more(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "STREAM_BATCH", 3)
    wang, source = town.resident("wang"), town.source()
    await wang.link("green-travel", "bike-9001")

    async def interrupted() -> Any:
        for number in range(4):
            yield lines(record(f"r-{number}", "bike-9001")) + b"\n"
        stop = await administrator(town).post("/v1/admin/sources/green-travel/versions/1/suspend")
        assert stop.status_code == 200
        for number in range(4, 12):
            yield lines(record(f"r-{number}", "bike-9001")) + b"\n"

    answer = await town.client.post(
        "/v1/source/records", content=interrupted(), headers=source.headers({"Content-Type": "application/x-ndjson"})
    )
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert [result["status"] for result in results[:3]] == ["accepted"] * 3
    assert results[3:] == [{"record_id": None, "status": "refused", "code": "suspended", "line": 4}]
    assert len((await wang.get("/v1/me/records")).json()["data"]) == 3
    again = await source.post("/v1/source/records", {"records": [record("r-4", "bike-9001")]})
    assert (again.status_code, again.json()["code"]) == (403, "suspended")


async def test_each_batch_goes_by_the_kinds_that_are_in_force(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "STREAM_BATCH", 1)
    source = town.source()
    await town.resident("wang").link("green-travel", "bike-9001")

    async def interrupted() -> Any:
        yield lines(record("r-1", "bike-9001")) + b"\n"
        await _narrow(town)
        yield lines(record("r-2", "bike-9001"), record("r-3", "bike-9001", kind="transit_trip")) + b"\n"

    answer = await town.client.post(
        "/v1/source/records", content=interrupted(), headers=source.headers({"Content-Type": "application/x-ndjson"})
    )
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert [result.get("code") for result in results] == [None, "kind_not_allowed", None]


async def _narrow(town: City) -> None:
    """A second version of the source, in force at once, that delivers transit trips alone."""
    version = await lifecycle.in_force(DocumentKind.SOURCES, "green-travel", await town.app_context.clock())
    assert version is not None
    async with queries.transaction():
        at = await town.app_context.clock()
        new = await lifecycle.draft(
            DocumentKind.SOURCES, "green-travel", {**version.body, "kinds": ["transit_trip"]}, "first", at
        )
        await lifecycle.submit(DocumentKind.SOURCES, "green-travel", new.version, "first", at, _no_findings)
        await lifecycle.review(DocumentKind.SOURCES, "green-travel", new.version, "officer", at)
        await lifecycle.approve(new, new.sha256, "second", at, at)


async def _no_findings(*_: object) -> list[Finding]:
    return []


async def test_a_record_of_an_unlinked_account_leaves_no_trace(town: City) -> None:
    before = await row_counts()
    done = await town.source().deliver(record("ghost", "bike-nobody"))
    assert done == {
        "accepted": 0,
        "duplicates": 0,
        "refused": 1,
        "results": [{"record_id": "ghost", "status": "refused", "code": "not_authorised"}],
    }
    assert await row_counts() == before


async def test_another_source_does_not_reach_the_same_account_or_record(town: City) -> None:
    wang = town.resident("wang")
    await wang.link("green-travel", "shared-1")
    other = await town.source("volunteer-service").deliver(record("v", "shared-1", "volunteer_minutes", 60))
    assert other["results"][0]["code"] == "not_authorised"
    await wang.link("volunteer-service", "shared-1")
    await town.source().deliver(record("same-id", "shared-1", quantity=2))
    same = await town.source("volunteer-service").deliver(record("same-id", "shared-1", "volunteer_minutes", 60))
    assert same["accepted"] == 1
    assert await wang.total() == 2


async def test_after_a_new_consent_the_same_records_may_be_sent_again(town: City) -> None:
    wang = town.resident("wang")
    consent = await wang.link("green-travel", "bike-9001")
    ride = record("r", "bike-9001", quantity=10)
    assert (await town.source().deliver(ride))["accepted"] == 1
    await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    await wang.link("green-travel", "bike-9001")
    assert (await town.source().deliver(ride))["accepted"] == 1
    assert await wang.total() == 5


async def test_links_are_listed_page_by_page(town: City) -> None:
    source, accounts = town.source(), []
    cursor = ""
    while True:
        page = (await source.get(f"/v1/source/links?limit=5{cursor}")).json()
        assert all(set(link) == {"link_id", "account", "state", "since"} for link in page["data"])
        accounts += [link["account"] for link in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(accounts) == len(set(accounts)) == 12
    assert all(account.startswith("bike-") for account in accounts)
    assert (await source.get("/v1/source/links?state=pending")).json()["code"] == "bad_query"


@pytest.mark.both_engines
async def test_a_source_learns_the_day_of_a_withdrawal_and_not_the_time(town: City) -> None:
    source, ids = town.source(), []
    for number in range(3):
        resident = town.resident(f"leaves-{number}")
        consent = await resident.link("green-travel", f"leaves-{number}")
        ids.append(consent["link"]["link_id"])
        await resident.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    assert (await town.resident("leaves-2").delete("/v1/me")).status_code == 200
    today, rows, cursor = await town.today(), [], ""
    while True:
        page = (await source.get(f"/v1/source/links?state=ended&limit=1{cursor}")).json()
        rows += page["data"]
        if page["next_cursor"] is None:
            break
        padded = page["next_cursor"] + "=" * (-len(page["next_cursor"]) % 4)
        assert json.loads(base64.urlsafe_b64decode(padded)) == [0, page["data"][0]["link_id"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert [row["link_id"] for row in rows] == sorted(ids)
    midnight = datetime.combine(today, time(), town.app_context.settings.city_zone)
    for row in rows:
        assert row["ended_on"] == today.isoformat()
        assert row["since"] == midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert (await source.post(f"/v1/source/links/{row['link_id']}/acknowledge")).status_code == 200
    assert (await source.get("/v1/source/links?state=ended")).json()["data"] == []


async def test_objections_reach_the_source_without_the_persons_words(town: City) -> None:
    wang, source = town.resident("wang"), town.source()
    await wang.link("green-travel", "bike-9001")
    await source.deliver(record("r-1", "bike-9001", quantity=10))
    (stored,) = (await wang.get("/v1/me/records")).json()["data"]
    assert stored["source_record_id"] == "r-1"
    words = "my neighbour rode it, ask Mrs Zhao"
    path = f"/v1/me/records/{stored['record_id']}/objections"
    opened = await wang.post(path, {"reason_code": "not_mine", "statement": words})
    assert (opened.status_code, opened.json()["state"]) == (201, "open")
    about_missing = {"source_id": "green-travel", "reason_code": "missing", "statement": words}
    missing = await wang.post("/v1/me/objections", about_missing)
    assert missing.status_code == 201
    listed = (await source.get("/v1/source/objections")).json()["data"]
    assert [
        (objection.get("record_id"), objection["account"], objection["reason_code"], objection["stated"])
        for objection in listed
    ] == [
        ("r-1", "bike-9001", "not_mine", False),
        (None, "bike-9001", "missing", False),
    ]
    assert "Zhao" not in (await source.get("/v1/source/objections")).text
    heard = f"/v1/source/objections/{opened.json()['objection_id']}/statement"
    for statement in ("The bike was unlocked with this account.", "Corrected: it was not."):
        answered = await source.post(heard, {"statement": statement})
        assert answered.json() == {"objection_id": opened.json()["objection_id"], "state": "stated"}
    assert (await source.get("/v1/source/objections")).json()["data"][0]["stated"] is True
    other = town.source("civic-life")
    assert (await other.get("/v1/source/objections")).json()["data"] == []
    assert (await other.post(heard, {"statement": "x"})).status_code == 404
    # B7, first half: nothing drops while it is open, and nobody else is told.
    assert await wang.total() == 5
    mine = (await wang.get("/v1/me/objections")).json()["data"]
    assert [objection["state"] for objection in mine] == ["open", "open"]
    assert [message["kind"] for message in await wang.messages()] == ["objection_opened"] * 2
    await wang.post("/v1/me/withdrawals", {"scope": "all"})
    assert (await source.get("/v1/source/objections")).json()["data"] == []
    assert (await source.post(heard, {"statement": "x"})).status_code == 404


@pytest.mark.both_engines
async def test_an_objection_to_another_persons_record_is_refused(town: City) -> None:
    wang, li = town.resident("wang"), town.resident("li")
    await wang.link("green-travel", "bike-9001")
    await town.source().deliver(record("r-1", "bike-9001"))
    (stored,) = (await wang.get("/v1/me/records")).json()["data"]
    await li.request_notice(purpose="benefit.check", provider_id="city-library")
    body = {"reason_code": "not_mine", "statement": "x"}
    for who in (li, town.resident("unknown")):
        answer = await who.post(f"/v1/me/records/{stored['record_id']}/objections", body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    nowhere = await wang.post("/v1/me/objections", {**body, "source_id": "nobody"})
    assert nowhere.json()["code"] == "not_in_force"
