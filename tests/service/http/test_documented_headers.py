"""Headers of answers: each that the OpenAPI document promises is sent, and each that is sent is promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from http import HTTPStatus

import httpx2
import pytest
from starlette.applications import Starlette

from service.api.public.routes import PUBLIC
from service.api.routes import OPERATIONS
from service.auth.access_tokens import Audience
from service.http.endpoints import public_routes
from service.http.middleware import SECURITY_HEADERS
from service.http.openapi.operation import Deprecated, Operation
from service.http.openapi.responses import responses
from service.jobs import background
from tests.stories.attacks.test_objects_of_others import Objects, owned_objects
from tests.support import calls
from tests.support.city import City

pytestmark = pytest.mark.anyio

OF_EVERY_ANSWER = {*SECURITY_HEADERS, "content-type", "content-length", "content-encoding", "cache-control", "vary"}
"""Headers that HTTP itself has for every answer; the document leaves them out."""
WHERE_REPEATED = {"idempotency-replayed"}
"""Headers of an answer to a request that came again."""
REVALIDATED = [operation for operation in OPERATIONS if operation.revalidates]
IDS = {"from": "1", "to": "1", "leaf_hash": "A" * 43, "code": "not_found"}


def faults(operation: Operation, answer: httpx2.Response, repeated: bool = False) -> list[str]:
    """Return the differences between the headers of an answer and those that the document has for its status."""
    described = responses(operation)
    name, status = operation.operation_id, str(answer.status_code)
    if status not in described:
        return [f"{name}: {status} is not described: {answer.text[:200]}"]
    promised = {header.lower() for header in described[status].get("headers", {})}
    sent = {header.lower() for header in answer.headers} - OF_EVERY_ANSWER
    missing = promised - sent - (set() if repeated else WHERE_REPEATED)
    return [f"{name} {status}: {sorted(missing)} not sent, {sorted(sent - promised)} not described"] * bool(
        missing or sent - promised
    )


def parts_for(operation: Operation, owned: Objects) -> Mapping[str, str]:
    """Return the path parameters of an operation for which its caller gets an answer."""
    own = owned.get(operation.operation_id) or (owned.get(operation.audience, {}) if operation.audience else {})
    scheme = {"version": "2026.1"} if "/schemes/" in operation.path else {}
    return {**calls.PARTS, **IDS, **scheme, **own}


def tokens_of_owners(town: City) -> dict[Audience | None, str | None]:
    """Return the tokens of the callers whose objects `owned_objects` made."""
    tokens: dict[Audience | None, str | None] = {None: None, Audience.RESIDENT: town.resident("wang").token}
    for audience, token in calls.tokens_of(town).items():
        tokens.setdefault(audience, token)
    return tokens


async def test_every_answer_has_the_headers_that_the_document_promises_and_no_other(town: City) -> None:
    owned, tokens, wrong, statuses = await owned_objects(town), tokens_of_owners(town), [], set()
    await background.advance_logs(town.app_context)
    # Reads first: some writes end what the reads are about.
    for operation in sorted(
        OPERATIONS, key=lambda operation: (operation.method != "GET", operation.method == "DELETE")
    ):
        token, parts = tokens[operation.audience], parts_for(operation, owned)
        answers = [await calls.call(town, operation, token, parts), await calls.call(town, operation, token, parts)]
        again = "idempotency-replayed" in answers[1].headers
        wrong += faults(operation, answers[0]) + faults(operation, answers[1], again and answers[1].is_success)
        if operation.audience is not None:
            answers.append(await calls.call(town, operation, None, parts))
            wrong += faults(operation, answers[2])
        statuses |= {answer.status_code for answer in answers}
    assert wrong == []
    assert {200, 201, 401, 404} <= statuses


async def test_a_known_etag_is_answered_304_by_every_call_that_promises_it(town: City) -> None:
    owned, tokens = await owned_objects(town), tokens_of_owners(town)
    await background.advance_logs(town.app_context)
    for operation in REVALIDATED:
        name, url = operation.operation_id, calls.address(operation, parts_for(operation, owned))
        headers = (
            {} if tokens[operation.audience] is None else {"Authorization": f"Bearer {tokens[operation.audience]}"}
        )
        whole = await town.client.request("GET", url, headers=headers)
        assert (whole.status_code, faults(operation, whole)) == (200, []), (name, whole.text)
        tag = whole.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            unchanged = await town.client.request("GET", url, headers={**headers, "If-None-Match": known})
            assert (unchanged.status_code, unchanged.content) == (HTTPStatus.NOT_MODIFIED, b""), (name, known)
            assert (unchanged.headers["etag"], faults(operation, unchanged)) == (tag, []), name
        other = await town.client.request("GET", url, headers={**headers, "If-None-Match": '"other"'})
        assert other.status_code == 200, name
    assert len(REVALIDATED) > 5


async def test_every_public_read_can_be_deprecated_and_then_says_so(town: City) -> None:
    """No call is deprecated today; the headers and the document come from one place for all."""
    assert [operation for operation in OPERATIONS if operation.deprecated] == []
    await background.advance_logs(town.app_context)
    deprecated = Deprecated(date(2026, 11, 1), date(2027, 12, 31), "/docs#readNew")
    endpoints = [
        replace(endpoint, operation=replace(endpoint.operation, deprecated=deprecated))
        for endpoint in PUBLIC
        if endpoint.operation.audience is None and "{" not in endpoint.operation.path
    ]
    app = Starlette(routes=public_routes(endpoints, town.app_context))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://city") as client:
        for endpoint in endpoints:
            if any(parameter.required for parameter in endpoint.operation.query):
                continue
            answer = await client.get(endpoint.operation.path)
            promised = responses(endpoint.operation)[str(answer.status_code)]["headers"].keys()
            assert answer.is_success, (endpoint.operation.operation_id, answer.text)
            assert {"Deprecation", "Sunset", "Link"} <= promised
            assert {"deprecation", "sunset", "link"} <= answer.headers.keys(), endpoint.operation.operation_id
