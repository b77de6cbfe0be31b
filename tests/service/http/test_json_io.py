"""Retries, pages, tags and health: what every call has in common."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from consent.database import queries
from service.http import json_io
from service.http.problems import Problem
from service.jobs import background
from service.observability import metrics
from tests.support.city import City, record, row_counts

BODY = {"purpose": "benefit.check", "provider_id": "city-library", "language": "en"}


def request_with(query: str) -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": []})


@given(
    st.lists(
        st.one_of(
            st.integers(-(2**62), 2**62), st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=64)
        ),
        max_size=2,
    )
)
def test_a_cursor_survives_a_round_trip(values: list[int | str]) -> None:
    cursor = json_io.encode_cursor(tuple(values))
    assert json_io.read_cursor(request_with(f"cursor={cursor}"), *(type(value) for value in values)) == tuple(values)


@given(st.lists(st.integers(0, 1_000), max_size=6), st.integers(1, 5))
def test_a_page_has_a_cursor_of_its_last_row_when_a_row_is_left(rows: list[int], limit: int) -> None:
    cursor = json_io.next_cursor(rows, limit, lambda row: (row,))
    assert cursor == (json_io.encode_cursor((rows[limit - 1],)) if len(rows) > limit else None)


@given(st.binary(max_size=200))
def test_any_body_is_a_value_or_a_problem(raw: bytes) -> None:
    try:
        json_io.check_json(raw)
    except Problem as problem:
        assert problem.status == 400


@given(st.text(max_size=80))
def test_any_cursor_is_read_or_refused(cursor: str) -> None:
    request = Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []},
    )
    request._query_params = {"cursor": cursor}  # type: ignore[assignment]
    try:
        json_io.read_cursor(request, int, str)
    except Problem as problem:
        assert problem.code == "bad_cursor"


@pytest.mark.anyio
async def test_a_retry_gets_the_stored_answer(town: City) -> None:
    wang = town.resident("wang")
    first = await wang.post("/v1/me/consent-requests", BODY, key="once")
    before = await row_counts()
    again = await wang.post("/v1/me/consent-requests", BODY, key="once")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    other = await wang.post("/v1/me/consent-requests", {**BODY, "language": "zh-CN"}, key="once")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await row_counts() == before
    # The scope is caller and route: elsewhere and for others the key is new.
    assert (
        "idempotency-replayed" not in (await town.resident("li").post("/v1/me/consent-requests", BODY, "once")).headers
    )
    answered = await wang.post("/v1/me/consents", {"ticket": first.json()["ticket"]}, key="once")
    assert answered.status_code == 201
    town.shift.by = timedelta(hours=24)
    await background.run_cleanup(town.app_context)
    assert (await wang.post("/v1/me/consent-requests", BODY, key="once")).content == first.content


@pytest.mark.anyio
async def test_a_refused_request_leaves_its_key_unused(town: City) -> None:
    wang = town.resident("wang")
    asked = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
    refused = await wang.post("/v1/me/tickets", asked, key="one")
    assert refused.json()["code"] == "consent_needed"
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    created = await wang.post("/v1/me/tickets", asked, key="one")
    assert created.status_code == 201
    again = await wang.post("/v1/me/tickets", asked, key="one")
    assert again.json()["handle"] == created.json()["handle"]


@pytest.mark.anyio
async def test_a_stored_answer_is_sealed_and_goes_with_its_person(town: City) -> None:
    wang = town.resident("wang")
    consent = await wang.consent_to_source("green-travel", "bike-9001")
    rows = await queries.fetch_all("SELECT sealed_body FROM stored_answer")
    assert rows
    assert not any(consent["link"]["code"].encode() in bytes(row["sealed_body"]) for row in rows)
    await town.resident("li").request_notice(**BODY)
    await wang.delete("/v1/me")
    assert len(await queries.fetch_all("SELECT scope FROM stored_answer")) == 1


@pytest.mark.anyio
async def test_pages_go_through_everything_once(town: City) -> None:
    wang = town.resident("wang")
    await wang.link("green-travel", "bike-9001")
    await town.source().deliver(*(record(f"r-{number}", "bike-9001") for number in range(7)))
    for _ in range(3):
        shown = await wang.request_notice(**BODY)
        await wang.post("/v1/me/refusals", {"ticket": shown["ticket"]})
    await wang.total()
    for path, expected, member in (
        ("/v1/me/records", 7, "record_id"), ("/v1/me/consents", 4, "consent_id"), ("/v1/me/benefits", 11, "benefit_id"),
        ("/v1/public/benefits", 11, "benefit_id"),
    ):  # fmt: skip
        seen: list[str] = []
        cursor = ""
        for _ in range(20):
            page = (await wang.get(f"{path}?limit=2{cursor}")).json()
            assert 1 <= len(page["data"]) <= 2
            seen += [item[member] for item in page["data"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert len(seen) == len(set(seen)) == expected, path


@pytest.mark.anyio
async def test_points_scheme_and_catalogue_have_tags(town: City) -> None:
    wang = town.resident("resident-1")
    for path in (
        "/v1/me/points", "/v1/me/points/explanation", "/v1/public/scheme", "/v1/public/schemes/2026.1",
        "/v1/public/benefits", "/v1/public/notices", "/v1/public/sources", "/v1/public/prohibited-uses",
    ):  # fmt: skip
        first = await wang.get(path)
        assert first.status_code == 200
        tag = first.headers["etag"]
        for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            unchanged = await wang.get(path, {"If-None-Match": sent})
            assert (unchanged.status_code, unchanged.content) == (304, b""), path
        assert (await wang.get(path, {"If-None-Match": '"other"'})).content == first.content


@pytest.mark.anyio
async def test_a_stored_total_is_read_without_a_trace_and_a_computation_leaves_one(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(4_800, "v-wang")
    await wang.total()
    before = await row_counts()
    await wang.total()
    assert await row_counts() == before
    await wang.get("/v1/me/points/explanation")
    after = await row_counts()
    assert after["event"] == before["event"] + 1


@pytest.mark.anyio
async def test_health_and_readiness(town: City) -> None:
    assert (await town.client.get("/healthz")).json() == {"status": "ok"}
    ready = await town.client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    await queries.execute("DELETE FROM schema_migration WHERE name = '0001_initial.sql' AND room = 'service'")
    behind = await town.client.get("/readyz")
    assert (behind.status_code, behind.json()["checks"]["migrations"]) == (503, False)
    assert 'operation="readHealth"' in metrics.text().decode()


@pytest.mark.anyio
async def test_every_answer_has_the_security_headers(town: City) -> None:
    for path in ("/v1/public/benefits", "/v1/me/points", "/nowhere", "/docs", "/openapi.json"):
        answer = await town.client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-request-id"]
        assert "server" not in answer.headers


@pytest.mark.anyio
async def test_many_readers_of_one_unknown_snapshot_compute_alike(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(4_800, "v-wang")
    assert await asyncio.gather(*(wang.total() for _ in range(8))) == [50] * 8
