"""Conventions that all calls share: keys, addresses of what was created, rates, codes, media types, deprecation."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
import yaml
from starlette.applications import Starlette

from service.api.routes import OPERATIONS
from service.auth.access_tokens import Audience
from service.http import json_io
from service.http.accept import preferred_media
from service.http.endpoints import Answer, Endpoint, RequestContext, public_routes
from service.http.openapi import responses
from service.http.openapi.operation import Deprecated, Operation
from service.http.operations import Calls
from service.http.problems import TABLE
from service.http.rate_limits import RATES
from service.jobs import background
from tests.factories import administrator, benefit_document
from tests.support.city import Actor, City, record

pytestmark = pytest.mark.anyio

CASE = {"reason_code": "yearly_audit", "text": "The yearly audit."}


async def test_what_creates_needs_a_key(town: City) -> None:
    officer, admin = town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1"), administrator(town)
    for actor, path, body in (
        (officer, "/v1/privacy/cases", CASE),
        (admin, "/v1/admin/benefits", benefit_document()),
    ):
        answer = await town.client.post(path, json=body, headers=actor.headers())
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required"), path
        assert (await actor.post(path, body)).status_code == 201


REPEATED_WITHOUT_EFFECT = {
    "refuseConsent": "the contract exempts refusals; the ticket answers once",
    "undoWithdrawal": "a withdrawal is undone once",
    "importCatalogue": "a document that equals its newest version makes no draft",
    "sampleConsents": "the same filters draw the same sample all quarter",
}
"""Calls that create and need no key, each with what keeps its repetition from creating again."""


def test_every_call_that_creates_needs_a_key_or_creates_once() -> None:
    without = {
        operation.operation_id
        for operation in OPERATIONS
        if 201 in operation.responses and operation.idempotency != "required"
    }
    assert without == set(REPEATED_WITHOUT_EFFECT)


async def test_location_leads_to_what_was_created_also_when_it_is_repeated(town: City) -> None:
    wang = town.resident("wang")
    notice = {"purpose": "benefit.check", "provider_id": "city-library", "language": "en"}
    shown = await wang.post("/v1/me/consent-requests", notice)
    given = await wang.post("/v1/me/consents", {"ticket": shown.json()["ticket"]}, key="one-key")
    again = await wang.post("/v1/me/consents", {"ticket": shown.json()["ticket"]}, key="one-key")
    assert again.headers["idempotency-replayed"] == "true"
    assert given.headers["location"] == again.headers["location"]
    assert (await wang.get(given.headers["location"])).json()["consent_id"] == given.json()["consent_id"]
    officer, admin = town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1"), administrator(town)
    case = await officer.post("/v1/privacy/cases", CASE)
    assert (await officer.get(case.headers["location"])).json()["case_id"] == case.json()["case_id"]
    await wang.link("green-travel", "bike-1")
    await town.source().deliver(record("r-1", "bike-1"))
    (stored,) = (await wang.get("/v1/me/records")).json()["data"]
    objection = {"reason_code": "not_mine", "statement": "It was not me."}
    about_library = {"benefit_id": "library-deposit", "venue_id": "city-library-main", "reason_code": "other"}
    for path, body, member in (
        (f"/v1/me/records/{stored['record_id']}/objections", objection, "objection_id"),
        ("/v1/me/objections", {**objection, "reason_code": "missing", "source_id": "green-travel"}, "objection_id"),
        ("/v1/me/complaints", about_library, "complaint_id"),
    ):
        created = await wang.post(path, body)
        read = (await wang.get(created.headers["location"])).json()
        assert {**read, **created.json()} == read, path
        assert created.json()[member] in created.headers["location"]
    await wang.volunteer(7_200, "v-wang")
    venue, handle = town.venue(), (await wang.ticket())["handle"]
    for _ in range(2):
        redeemed = await venue.post("/v1/venue/redemptions", {"handle": handle}, key="once")
        row = (await venue.get(redeemed.headers["location"])).json()
        assert (row["redemption_id"], row["state"]) == (redeemed.json()["redemption_id"], "redeemed")
    assert redeemed.headers["idempotency-replayed"] == "true"
    refused = await venue.post("/v1/venue/redemptions", {"handle": handle})
    assert (refused.status_code, "location" in refused.headers) == (200, False)
    assert (await town.venue("riverside-hotel-desk").get(redeemed.headers["location"])).json()["code"] == "not_found"
    draft = await admin.post("/v1/admin/benefits", benefit_document())
    assert (await admin.get(draft.headers["location"])).json()["sha256"] == draft.json()["sha256"]


async def test_a_counted_caller_reads_what_is_left(town: City) -> None:
    wang = town.resident("wang")
    town.app_context.limiter.rates["resident"] = 2
    left = []
    for _ in range(3):
        answer = await wang.get("/v1/me/points")
        left.append(answer.headers["ratelimit"].partition(";t=")[0])
    assert answer.status_code == 429
    assert left == ['"resident";r=1', '"resident";r=0', '"resident";r=0']
    assert answer.headers["ratelimit"].endswith(f";t={answer.headers['retry-after']}")
    assert answer.headers["ratelimit-policy"].startswith('"resident";q=')
    assert answer.headers["ratelimit-policy"].endswith(";w=60")
    # Nobody without a token is told how many others of the same address ask.
    assert "ratelimit" not in (await town.client.get("/v1/public/sources")).headers
    assert set(Audience) <= RATES.keys()


async def test_every_problem_leads_to_its_page(town: City) -> None:
    problem = (await town.client.get("/v1/me/points")).json()
    assert problem["type"] == "/v1/public/errors/token_missing"
    row = (await town.client.get(problem["type"])).json()
    assert (row["code"], row["status"], row["retry"]) == ("token_missing", 401, False)
    page = await town.client.get(problem["type"], headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "<code>token_missing</code>" in page.text
    listed = (await town.client.get("/v1/public/errors")).json()["data"]
    assert {row["code"]: row["status"] for row in listed} == {code: row.status for code, row in TABLE.items()}
    assert all(row["title"].keys() == row["detail"].keys() == {"zh-CN", "en"} for row in listed)
    assert (await town.client.get("/v1/public/errors/no_such_code")).json()["code"] == "not_found"


async def test_an_export_has_the_media_type_that_was_asked_for(town: City) -> None:
    admin = administrator(town)
    path = "/v1/admin/catalogue/export"
    as_yaml = await admin.get(path, {"Accept": "application/yaml"})
    assert as_yaml.headers["content-type"].startswith("application/yaml")
    as_json = await admin.get(path, {"Accept": "*/*"})
    assert yaml.safe_load(as_yaml.text) == as_json.json()
    chosen = await admin.get(f"{path}?format=json", {"Accept": "application/yaml"})
    assert chosen.headers["content-type"] == "application/json"


@pytest.mark.parametrize("query", ["scene=nowhere", "division=99", "division=2101x", "scene="])
async def test_a_filter_outside_of_its_closed_set_is_refused(town: City, query: str) -> None:
    for call in (
        town.client.get(f"/v1/public/benefits?{query}"),
        town.resident("wang").get(f"/v1/me/benefits?{query}"),
    ):
        answer = await call
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_query")


def beyond(schema: Mapping[str, Any]) -> list[str]:
    """Values just outside of what a query parameter's schema describes."""
    if "enum" in schema:
        return ["nowhere", ""]
    if schema["type"] == "integer":
        values = [str(schema["minimum"] - 1), "x", "1.0", "１", ""]
        return [*values, str(schema["maximum"] + 1)] if "maximum" in schema else values
    if schema.get("pattern", "").endswith("{1,62}$"):
        return ["a", "a" * 64, "A1", "a_b", "-a", ""]
    if schema.get("format") == "date":
        return ["2026-02-29", "20260131", "2026-W05-5", "２０２６-01-31", ""]
    if "maxLength" in schema:
        return ["x" * (schema["maxLength"] + 1)]
    return ["no such value", "%00"]


def actors_of(town: City) -> dict[Audience | None, Actor]:
    """A caller of each audience whose lists have rows in the demonstration, and one for calls without a token."""
    return {
        Audience.RESIDENT: town.resident("resident-1"),
        Audience.VENUE: town.venue(),
        Audience.SOURCE: town.source(),
        Audience.ADMINISTRATOR: administrator(town),
        Audience.PRIVACY: town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1"),
        Audience.CITY_APP: town.city_app(),
        None: town.resident("anybody"),
    }


def path_of(operation: Operation) -> str:
    """The path of a read with a query, filled in."""
    return operation.path.format(kind="benefits", id="library-deposit", name="policy", consent_id="x")


@pytest.mark.both_engines
async def test_a_cursor_of_any_numbers_is_a_page_or_refused(shared_city: City) -> None:
    """A column of 32 bits made a number beyond it an error of PostgreSQL."""
    actors, wrong = actors_of(shared_city), []
    lists = [operation for operation in OPERATIONS if any(row.name == "cursor" for row in operation.query)]
    assert len(lists) > 15
    for operation in lists:
        for number in (2**63 - 1, 2**31, -(2**63) + 1, 0):
            for values in ([number, "x"], [number, number], [number]):
                cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
                answer = await actors[operation.audience].get(f"{path_of(operation)}?cursor={cursor}")
                if answer.status_code not in (200, 400):
                    wrong.append((operation.operation_id, values, answer.status_code))
    assert wrong == []


@pytest.mark.both_engines
async def test_a_query_parameter_takes_what_its_schema_says_and_nothing_beyond(shared_city: City) -> None:
    """One definition of an id, a civil day and a page size: that of the document is that of the handler."""
    actors = actors_of(shared_city)
    case = (await actors[Audience.PRIVACY].post("/v1/privacy/cases", CASE)).json()["case_id"]
    actors[Audience.RESIDENT] = shared_city.resident("nobody-yet")  # about whom nothing is stored: the same rules
    await background.advance_logs(shared_city.app_context)
    wrong, tried = [], 0
    for operation in OPERATIONS:
        for parameter in operation.query if operation.method == "GET" else ():
            for value in beyond(parameter.schema):
                required = {"case": case, "from": "1", "to": "1", "leaf_hash": "A" * 43}
                others = {row.name: required[row.name] for row in operation.query if row.required}
                query = urlencode({**others, parameter.name: value.replace("%00", "\0")})
                answer = await actors[operation.audience].get(f"{path_of(operation)}?{query}")
                tried += 1
                if answer.status_code not in (400, 404):
                    wrong.append((operation.operation_id, parameter.name, value, answer.status_code))
    assert wrong == []
    assert tried > 100


def test_every_page_has_the_same_sizes() -> None:
    limits = [row.schema for operation in OPERATIONS for row in operation.query if row.name == "limit"]
    assert len(limits) > 15
    assert {tuple(schema.items()) for schema in limits} == {
        (("type", "integer"), ("minimum", 1), ("maximum", json_io.LIMIT_MAX), ("default", json_io.LIMIT_DEFAULT))
    }


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("application/yaml", "application/yaml"),
        ("application/json;q=0.4, application/yaml", "application/yaml"),
        ("application/*;q=0.9, application/yaml;q=0.1", "application/json"),
        ("application/yaml;q=broken, */*;q=0.2", "application/json"),
    ],
)
async def test_the_best_accepted_media_type_is_chosen(accept: str, chosen: str) -> None:
    assert preferred_media(accept, ("application/json", "application/yaml")) == chosen


async def test_a_deprecated_call_says_so_and_until_when_it_stays(town: City) -> None:
    async def answer(_: RequestContext, __: None) -> Answer:
        return Answer({"it": "works"})

    listed = Calls(None).get("/v1/public/old", "readOld", "Read something old", answer, None, own_clock=True)
    old = Operation(
        **{
            **{name: getattr(listed.operation, name) for name in Operation.__slots__},
            "deprecated": Deprecated(date(2026, 11, 1), date(2027, 12, 31), "/docs#readNew"),
        }
    )
    app = Starlette(routes=public_routes([Endpoint(old, answer, own_clock=True)], town.app_context))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://city") as client:
        headers = (await client.get("/v1/public/old")).headers
    assert headers["deprecation"] == "@1793491200"
    assert headers["sunset"] == "Fri, 31 Dec 2027 00:00:00 GMT"
    assert headers["link"] == '</docs#readNew>; rel="deprecation"'
    assert {"Deprecation", "Sunset"} <= responses.responses(old)["200"]["headers"].keys()


async def test_times_in_receipts_and_leaves_end_with_z(town: City) -> None:
    wang = town.resident("wang")
    consent = await wang.consent_to_provider("city-library")
    receipt = (await wang.get(f"/v1/me/consents/{consent['consent_id']}/receipt")).json()
    times = [receipt["receipt"]["expires_at"], *(event["at"] for event in receipt["receipt"]["events"])]
    times += [event["event"]["at"] for event in receipt["events"]]
    erased = (await wang.delete("/v1/me")).json()
    times += [erased["erased_at"], *(event["at"] for event in erased["receipt"]["events"])]
    await background.advance_logs(town.app_context)
    entries = (await town.client.get("/log/policy/entries?start=0&end=5")).json()["data"]
    times += [entry["leaf"]["in_force_from"] for entry in entries]
    assert len(times) >= 5
    assert [time for time in times if not time.endswith("Z")] == []


async def test_an_export_of_somebody_unknown_has_the_same_members(town: City) -> None:
    wang = town.resident("wang")
    nobody = (await wang.get("/v1/me/export")).json()
    await wang.consent_to_provider("city-library")
    known = (await wang.get("/v1/me/export")).json()
    assert nobody.keys() == known.keys()
    assert (nobody["subject"], nobody["points"]["total"], nobody["messages"]) == ("wang", 0, [])
