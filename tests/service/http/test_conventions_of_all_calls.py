"""Conventions of every operation of the table: keys, addresses, rates, times, and the pages of problems."""

from __future__ import annotations

import re

import jsonschema_rs
import pytest

from service.api.routes import OPERATIONS
from service.http.json_io import ERRORS_MAX
from service.http.problems import TABLE, type_of
from tests.stories.attacks.test_objects_of_others import owned_objects, parts_of
from tests.support import calls
from tests.support.city import City, row_counts

pytestmark = pytest.mark.anyio

CREATING = [operation for operation in OPERATIONS if 201 in operation.responses]
WITHOUT_ADDRESS = {
    "createBinding": "a venue redeems by its token and cannot ask about it",
    "importCatalogue": "it creates many documents",
    "sampleConsents": "a sample is not stored",
    "issuePasses": "passes are stored by the device alone",
    "addCaseNote": "a note is read with its case",
}
"""Operations that create something without an address of its own, and why."""
READ = {"oversight", "use_for_all", "outbox", "event", "snapshot"}
"""Tables in which a read with declared parameters is recorded."""
TIME = re.compile(r'"(\d{4}-\d\d-\d\dT[^"]*)"')


def test_whatever_creates_takes_a_key() -> None:
    assert [operation.operation_id for operation in CREATING if operation.idempotency == "none"] == []


def test_whatever_creates_names_the_address_or_has_none() -> None:
    assert WITHOUT_ADDRESS.keys() <= {operation.operation_id for operation in CREATING}
    readable = {re.sub(r"\{\w+\}", "{}", operation.path) for operation in OPERATIONS if operation.method == "GET"}
    for operation in CREATING:
        if operation.operation_id in WITHOUT_ADDRESS:
            assert not operation.location
        else:
            assert re.sub(r"\{\w+\}", "{}", operation.location) in readable, operation.operation_id


async def test_a_key_is_replayed_and_refused_for_another_body_by_every_call_that_takes_one(town: City) -> None:
    owned, tokens = await owned_objects(town), calls.tokens_of(town)
    replayed = set()
    for operation in OPERATIONS:
        if operation.idempotency == "none" or operation.audience is None:
            continue
        parts = owned.get(operation.operation_id) or {**calls.PARTS, **owned.get(operation.audience, {})}
        first = await calls.call(town, operation, tokens[operation.audience], parts)
        if not first.is_success:
            continue
        again = await calls.call(town, operation, tokens[operation.audience], parts)
        assert (again.status_code, again.content) == (first.status_code, first.content), operation.operation_id
        assert again.headers["idempotency-replayed"] == "true", operation.operation_id
        assert again.headers.get("location") == first.headers.get("location"), operation.operation_id
        if operation.request is not None:
            other = {**calls.BODIES[operation.operation_id], "another": "member"}
            reused = await calls.call(town, operation, tokens[operation.audience], parts, other)
            assert reused.status_code == 422, operation.operation_id
            assert reused.json()["code"] in ("idempotency_key_reused", "body_invalid"), operation.operation_id
        replayed.add(operation.operation_id)
    assert {"requestConsent", "openCase", "objectToMissing"} <= replayed


async def test_every_answer_to_a_counted_caller_has_the_rate(town: City) -> None:
    tokens = calls.tokens_of(town)
    for operation in OPERATIONS:
        token = None if operation.audience is None else tokens[operation.audience]
        answer = await calls.call(town, operation, token)
        policy = answer.headers.get("ratelimit-policy", "")
        if operation.audience is None:
            assert "ratelimit" not in answer.headers, operation.operation_id
        else:
            assert policy.startswith(f'"{operation.audience}";q='), operation.operation_id
            assert answer.headers["ratelimit"].startswith(f'"{operation.audience}";r='), operation.operation_id


async def test_a_query_parameter_that_a_call_does_not_have_is_named_and_nothing_done(town: City) -> None:
    tokens, before = calls.tokens_of(town), await row_counts()
    for operation in OPERATIONS:
        token = None if operation.audience is None else tokens[operation.audience]
        path = calls.address(operation)
        url = f"{path}{'&' if '?' in path else '?'}pagesize=10&%3Cb%3E=1"
        headers = {"Idempotency-Key": "k"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        answer = await town.client.request(operation.method, url, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter"), operation.operation_id
        named, unnamed = answer.json()["errors"]
        assert (named["parameter"], named["pointer"], "parameter" in unnamed) == ("pagesize", "", False)
        assert all(parameter.name in named["detail"] for parameter in operation.query), operation.operation_id
        assert "<b>" not in answer.text
        declared = [parameter.name for parameter in operation.query]
        url = f"{path}{'&' if '?' in path else '?'}{'&'.join(f'{name}=x' for name in declared)}"
        if declared and operation.method == "GET":
            answer = await town.client.request(operation.method, url, headers=headers)
            assert "unknown_parameter" not in answer.text, operation.operation_id
    assert {table: count for table, count in (await row_counts()).items() if count != before[table]}.keys() <= READ


async def test_a_query_parameter_that_comes_twice_is_named_and_nothing_done(town: City) -> None:
    tokens, before = calls.tokens_of(town), await row_counts()
    tried = 0
    for operation in OPERATIONS:
        if not operation.query:
            continue
        token = None if operation.audience is None else tokens[operation.audience]
        name = operation.query[0].name
        path = calls.address(operation).partition("?")[0]
        headers = {"Idempotency-Key": "k"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        answer = await town.client.request(operation.method, f"{path}?{name}=x&{name}=x", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "repeated_parameter"), operation.operation_id
        assert [error["parameter"] for error in answer.json()["errors"]] == [name]
        tried += 1
    assert tried > 30
    assert {table: count for table, count in (await row_counts()).items() if count != before[table]}.keys() <= READ


async def test_an_empty_query_parameter_is_taken_only_where_its_schema_allows_it(town: City) -> None:
    tokens, taken = calls.tokens_of(town), set()
    for operation in OPERATIONS:
        token = None if operation.audience is None else tokens[operation.audience]
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        for parameter in operation.query if operation.method == "GET" else ():
            path = calls.address(operation).partition("?")[0]
            others = [f"{other.name}=1" for other in operation.query if other.required and other is not parameter]
            query = "&".join([f"{parameter.name}=", *others])
            answer = await town.client.get(f"{path}?{query}", headers=headers)
            if answer.is_success:
                schema = jsonschema_rs.Draft202012Validator(dict(parameter.schema))
                assert schema.is_valid(""), f"{operation.operation_id}: {parameter.name}"
                taken.add(parameter.name)
    assert "division" in taken


async def test_a_call_without_a_token_learns_nothing_of_its_parameters(town: City) -> None:
    answer = await town.client.get("/v1/me/points?pagesize=10")
    assert answer.json()["code"] == "token_missing"


async def test_a_page_takes_any_parameter(town: City) -> None:
    page = "/v1/public/errors/not_found?from=newsletter"
    assert (await town.client.get(page, headers={"Accept": "text/html"})).status_code == 200
    assert (await town.client.get(page)).json()["code"] == "unknown_parameter"
    assert (await town.client.get("/?from=newsletter")).status_code == 200


async def test_many_unknown_parameters_are_cut_short(town: City) -> None:
    query = "&".join(f"p{number}=1" for number in range(ERRORS_MAX + 1))
    answer = (await town.client.get(f"/v1/public/sources?{query}")).json()
    assert (len(answer["errors"]), answer["more_errors"]) == (ERRORS_MAX, True)


async def test_every_time_in_every_answer_ends_with_z(town: City) -> None:
    owned = await owned_objects(town)
    tokens = calls.tokens_of(town)
    times = 0
    for operation in OPERATIONS:
        if operation.method != "GET":
            continue
        audience = operation.audience
        subjects: list[str | None] = [None if audience is None else tokens[audience]]
        if audience == "resident":
            subjects.append(town.resident("wang").token)
        for token in subjects:
            parts = parts_of(operation, owned) if audience in owned else calls.PARTS
            answer = await calls.call(town, operation, token, {**calls.PARTS, **parts})
            stamps = TIME.findall(answer.text) if "json" in answer.headers.get("content-type", "") else []
            times += len(stamps)
            assert [text for text in stamps if not text.endswith("Z")] == [], operation.operation_id
    assert times > 20


async def test_the_type_of_every_problem_leads_to_its_page(town: City) -> None:
    for code in TABLE:
        page = await town.client.get(type_of(code), headers={"Accept": "text/html"})
        assert (page.status_code, f"<code>{code}</code>" in page.text) == (200, True), code
        assert (await town.client.get(type_of(code))).json()["status"] == TABLE[code].status
