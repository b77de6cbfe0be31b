"""Role by route, complete: each audience's token, none, and broken ones at every operation (API2, API5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from consent.database import queries
from service.api.routes import AUDIENCES, OPERATIONS
from service.auth.access_tokens import Audience
from tests.support import calls
from tests.support.city import City

pytestmark = pytest.mark.anyio
GUARDED = [operation for operation in OPERATIONS if operation.audience is not None]


async def test_a_token_opens_the_calls_of_its_own_audience_alone(town: City) -> None:
    tokens = calls.tokens_of(town)
    for operation in GUARDED:
        for audience, token in tokens.items():
            answer = await calls.call(town, operation, token)
            seen = (answer.status_code, answer.json().get("code"))
            if audience is operation.audience:
                assert seen[1] not in {"wrong_role", "token_missing", "token_invalid"}, operation.operation_id
                assert answer.status_code < 500, (operation.operation_id, answer.text)
            else:
                assert seen == (403, "wrong_role"), (operation.operation_id, audience)


async def test_no_call_of_an_audience_is_answered_without_a_valid_token(town: City) -> None:
    past = datetime.now(UTC) - timedelta(hours=2)
    for audience, good in calls.tokens_of(town).items():
        head, body, signature = good.split(".")
        broken = {
            None: "token_missing",
            "x.y.z": "token_invalid",
            f"{head}.{body}.{signature[::-1]}": "token_invalid",
            f"{head}.{body}.": "token_invalid",
            town.issuer.mint(audience, "resident-1", now=past): "token_invalid",
        }
        for operation in GUARDED:
            if operation.audience is audience:
                for token, code in broken.items():
                    answer = await calls.call(town, operation, token)
                    seen = (answer.status_code, answer.json()["code"])
                    assert seen == (401, code), operation.operation_id
                    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_two_tokens_in_one_request_are_none(town: City) -> None:
    tokens = calls.tokens_of(town)
    both = [
        ("authorization", f"Bearer {tokens[Audience.RESIDENT]}"),
        ("authorization", f"Bearer {tokens[Audience.VENUE]}"),
    ]
    for path in ("/v1/me/points", "/v1/venue/benefits"):
        answer = await town.client.get(path, headers=both)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_a_token_in_the_address_is_no_token(town: City) -> None:
    token = calls.tokens_of(town)[Audience.RESIDENT]
    for query in (f"access_token={token}", f"token={token}"):
        answer = await town.client.get(f"/v1/me/points?{query}")
        assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_another_method_spelling_or_slash_opens_nothing(town: City) -> None:
    """A guard that compares paths can be passed by another spelling of a path; ours stands before the routing."""
    token = calls.tokens_of(town)[Audience.RESIDENT]
    for path in ("/v1/admin/benefits", "/V1/admin/benefits", "/v1//admin/benefits", "/v1/me/../admin/benefits"):
        for spelling in (path, f"{path}/", path.replace("admin", "%61dmin"), f"{path};x=1", f"{path}%00"):
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get"):
                answer = await town.client.request(method, spelling, headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code in (400, 403, 404, 405), (method, spelling, answer.status_code)
        before = await queries.fetch_one("SELECT count(*) AS counted FROM document WHERE state = 'draft'")
        for name in ("x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"):
            hidden = {"Authorization": f"Bearer {token}", name: "/v1/admin/benefits" if "url" in name else "DELETE"}
            answer = await town.client.get("/v1/me/points", headers=hidden)
            assert (answer.status_code, "total" in answer.json()) == (200, True)
        assert await queries.fetch_one("SELECT count(*) AS counted FROM document WHERE state = 'draft'") == before


def test_every_audience_has_calls_and_each_is_tried() -> None:
    assert {audience for audience, _ in AUDIENCES} == set(Audience)
    assert {operation.audience for operation in GUARDED} == set(Audience)
    assert set(calls.BODIES) == {operation.operation_id for operation in OPERATIONS if operation.request is not None}
