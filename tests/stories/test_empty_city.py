"""A city before its first document: every page and list says so in words, and nothing fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from consent.domain.document_kinds import DocumentKind
from service import app
from service.auth.access_tokens import Audience
from service.demo import seed
from service.web import routes
from service.web.auth.sign_in_sessions import PATHS
from tests.factories import administrator
from tests.support.browsing import Browser
from tests.support.city import Actor, City, running_city

pytestmark = pytest.mark.anyio
SUBJECTS = {
    Audience.RESIDENT: "first-resident",
    Audience.VENUE: "city-library-main",
    Audience.ADMINISTRATOR: "admin-1",
    Audience.PRIVACY: "officer-1",
}


@pytest.fixture
async def empty_city(opened: str, tmp_path: Path) -> AsyncIterator[City]:
    """A city with tables and keys and nothing else, on each engine."""
    keys = tmp_path / "keys"
    settings = replace(seed.settings_of(keys), database_url=opened, integrate_seconds=3_600)
    async with running_city(settings, keys) as town:
        yield town


def actors_of(town: City) -> dict[str, Actor]:
    return {
        "/v1/me": town.resident("first-resident"),
        "/v1/venue": town.venue(),
        "/v1/source": town.source(),
        "/v1/admin": administrator(town),
        "/v1/privacy": town.actor(Audience.PRIVACY, "officer-1"),
        "/v1/app": town.city_app(),
    }


async def test_no_call_fails(empty_city: City) -> None:
    actors, failed = actors_of(empty_city), {}
    for path, methods in app.document()["paths"].items():
        if "get" in methods and "{" not in path:
            actor = next((actor for prefix, actor in actors.items() if path.startswith(prefix)), actors["/v1/venue"])
            answer = await actor.get(path)
            if answer.status_code >= 500:
                failed[path] = answer.text
    assert failed == {}


async def test_a_resident_has_no_points_and_no_scheme(empty_city: City) -> None:
    answer = await empty_city.resident("first-resident").get("/v1/me/points")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["total"], body["scheme_version"], body["valid_until"]) == (0, "none", None)
    assert {row["points"] for row in body["dimensions"]} == {0}
    missing = await empty_city.client.get("/v1/public/scheme")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (await empty_city.client.get("/v1/public/benefits")).json()["data"] == []


async def test_the_public_pages_say_that_there_is_nothing_yet(empty_city: City) -> None:
    deeds = await empty_city.client.get("/v1/public/deeds")
    assert deeds.json() == {"dimensions": [], "data": []}
    for path in ("/", "/benefits", "/scheme", "/earn"):
        assert (await empty_city.client.get(path)).status_code == 200, path
    headers = {"accept-language": "zh-CN"}
    assert "本市尚未公布积分方案" in (await empty_city.client.get("/scheme", headers=headers)).text


@pytest.mark.slow
async def test_no_page_of_anybody_fails(empty_city: City) -> None:
    failed = {}
    for audience in PATHS:
        browser = await Browser(empty_city).sign_in(audience, SUBJECTS[audience])
        paths = {route.path for route in routes.ROUTES if route.audience is audience and route.method == "GET"}
        for path in sorted(paths):
            for kind in DocumentKind if "{kind}" in path else [""]:
                filled = path.replace("{kind}", kind)
                if "{" not in filled and not filled.endswith("/sign-out"):
                    await browser.go(filled)
                    if browser.status >= 500:
                        failed[filled] = browser.status
    assert failed == {}
