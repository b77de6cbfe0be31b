"""The sandbox's calls: clock, tokens, forced answers and messages; and that nothing of it exists anywhere else."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.routing import Route

from consent.events.messages import MessageKind
from service import settings
from service.app import create_app
from service.auth.access_tokens import Audience
from service.demo import seed
from service.doctor.examination import Examination
from service.doctor.own_checks import sandbox as doctors_check
from service.http.problems import TABLE
from service.http.rate_limits import make_limiter
from service.sandbox import sandbox as sandboxes
from service.sandbox.sandbox import NoSandbox, Sandbox, SandboxClock
from service.settings import Settings, SettingsInvalid
from tests.support.city import UNLIMITED, City, Resident, record
from tests.support.environment import settings_environment

pytestmark = pytest.mark.anyio
JSON = {"Content-Type": "application/json"}
PATHS = (
    ("GET", "/sandbox"),
    ("GET", "/sandbox/clock"),
    ("PUT", "/sandbox/clock"),
    ("POST", "/sandbox/tokens"),
    ("GET", "/sandbox/refusals"),
    ("GET", "/sandbox/messages"),
    ("POST", "/sandbox/messages"),
    ("POST", "/sandbox/reset"),
)


class SandboxCity(City):
    """A city with a sandbox, whose resets are counted."""

    clock: SandboxClock
    resets = 0


@pytest.fixture
def demo_settings(city_settings: Settings, demo_folder: Path) -> Settings:
    return replace(city_settings, demo=True)


@pytest.fixture
async def playground(demo_settings: Settings, demo_folder: Path, tmp_path: Path) -> AsyncIterator[SandboxCity]:
    issuer, clock = seed.issuer_of(demo_folder), SandboxClock(sandboxes.claim(tmp_path / "sandbox"))
    sandbox = Sandbox(clock, issuer, lambda: None)
    limiter = make_limiter(None, UNLIMITED)
    app = create_app(demo_settings, issuer.verifier(), limiter=limiter, issuer=issuer, sandbox=sandbox)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://city.test") as client:
            town = SandboxCity(client, app.state.app_context, issuer, clock)  # type: ignore[arg-type]
            town.clock = clock

            def count() -> None:
                town.resets += 1

            sandbox.reset = count
            yield town


async def move(town: City, **body: Any) -> httpx2.Response:
    return await town.client.put("/sandbox/clock", json=body)


async def kinds_of(me: Resident) -> list[str]:
    return [row["kind"] for row in (await me.get("/v1/me/messages")).json()["data"]]


@pytest.mark.parametrize("days_at_once", [260, pytest.param(0, marks=pytest.mark.campaign)])
async def test_the_clock_moves_forward_and_every_day_in_between_takes_place(
    playground: SandboxCity, days_at_once: int
) -> None:
    """The first days, in which nothing is announced, pass at once; in the campaign, each by its own."""
    me = playground.resident("wang")
    consent = await me.link("green-travel", "bike-1")
    before = datetime.fromisoformat((await playground.client.get("/sandbox/clock")).json()["now"])
    playground.clock.ahead = timedelta(days=days_at_once)
    moved = await move(playground, advance_days=340 - days_at_once)
    assert moved.status_code == 200, moved.text
    after = datetime.fromisoformat(moved.json()["now"])
    assert timedelta(days=340) <= after - before < timedelta(days=341)
    assert moved.json()["ahead_seconds"] == 340 * 86_400
    assert (await kinds_of(me)).count("consent_ending") == 2
    # Tokens last as before, and the API has the new time.
    assert (await move(playground, advance_days=30)).status_code == 200
    (row,) = (await me.get("/v1/me/consents")).json()["data"]
    assert (row["consent_id"], row["state"]) == (consent["consent_id"], "expired")
    late = await playground.source().deliver(record("r-1", "bike-1"))
    assert late["results"][0]["code"] == "not_authorised"


async def test_the_clock_refuses_the_past_and_the_far_future(playground: SandboxCity) -> None:
    for body in (
        {"now": "2020-01-01T00:00:00Z"},
        {"now": "2999-01-01T00:00:00Z"},
        {"now": "tomorrow"},
        {"now": "2027-01-31T00:00:00"},
        {"advance_days": -1},
        {"advance_days": 10_000},
    ):
        answer = await move(playground, **body)
        assert (answer.status_code, answer.json()["code"]) == (422, "body_invalid"), body
    assert (await playground.client.get("/sandbox/clock")).json()["ahead_seconds"] == 0


async def test_the_clock_is_set_to_an_instant_and_survives_a_restart(playground: SandboxCity, tmp_path: Path) -> None:
    now = datetime.fromisoformat((await playground.client.get("/sandbox/clock")).json()["now"])
    instant = (now + timedelta(days=2)).replace(microsecond=0)
    moved = await move(playground, now=instant.isoformat())
    assert abs(datetime.fromisoformat(moved.json()["now"]) - instant) < timedelta(minutes=5)
    clock = SandboxClock(sandboxes.claim(tmp_path / "sandbox"))
    assert int(clock.ahead.total_seconds()) == moved.json()["ahead_seconds"]


async def test_a_token_of_each_audience_comes_by_a_call_and_by_the_page(playground: SandboxCity) -> None:
    paths = {
        Audience.RESIDENT: "/v1/me/points",
        Audience.VENUE: "/v1/venue/me",
        Audience.SOURCE: "/v1/source/links",
        Audience.ADMINISTRATOR: "/v1/admin/benefits",
        Audience.PRIVACY: "/v1/privacy/reviews",
        Audience.CITY_APP: "/v1/app/hints",
    }
    assert set(paths) == set(Audience)
    for audience, path in paths.items():
        subject = {Audience.VENUE: "city-library-main", Audience.SOURCE: "green-travel"}.get(audience, "somebody")
        answer = await playground.client.post("/sandbox/tokens", json={"audience": audience, "subject": subject})
        assert answer.status_code == 201, answer.text
        page = await playground.client.get("/sandbox", params={"audience": audience, "subject": subject})
        assert page.status_code == 200
        on_page = page.text.partition("Bearer ")[2].partition("<")[0]
        for token in (answer.json()["access_token"], on_page):
            opened = await playground.client.get(path, headers={"Authorization": f"Bearer {token}"})
            assert opened.status_code == 200, opened.text


async def test_tokens_that_no_audience_accepts_are_refused(playground: SandboxCity) -> None:
    bodies = (
        {"audience": "venue", "subject": "city-library-main", "birthdate": "1990-01-01"},
        {"audience": "resident", "subject": "a", "birthdate": "1990-02-31"},
        {"audience": "nobody", "subject": "a"},
    )
    for body in bodies:
        answer = await playground.client.post("/sandbox/tokens", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "body_invalid"), body
    assert (await playground.client.get("/sandbox?audience=nobody&subject=a")).status_code == 400
    page = await playground.client.get("/sandbox", params={"subject": '"><script>'})
    assert "<script>" not in page.text
    child = await playground.client.post(
        "/sandbox/tokens", json={"audience": "resident", "subject": "child", "birthdate": "2020-01-01"}
    )
    refused = await playground.client.get(
        "/v1/me/points", headers={"Authorization": f"Bearer {child.json()['access_token']}"}
    )
    assert refused.json()["code"] == "adults_only"


async def test_every_refusal_can_be_had_at_any_call(playground: SandboxCity) -> None:
    me = playground.resident("resident-1")
    calls = (("GET", "/v1/me/points"), ("POST", "/v1/me/consent-requests"))
    for code, (method, path) in itertools.product(sorted(TABLE), calls):
        answer = await playground.client.request(method, path, headers={**me.headers(), "Sandbox-Answer": code})
        assert (answer.status_code, answer.json()["code"]) == (TABLE[code].status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code in (429, 503)) == ("retry-after" in answer.headers), code
        assert "x-request-id" in answer.headers
    listed = (await playground.client.get("/sandbox/refusals")).json()["data"]
    assert {row["code"] for row in listed} == set(TABLE)


async def test_a_forced_refusal_has_the_members_of_its_code_and_changes_nothing(playground: SandboxCity) -> None:
    me = playground.resident("wang")
    members = {
        "body_invalid": "errors",
        "prohibited": "errors",
        "notice_changed": "notice",
        "benefit_not_available": "reasons",
    }
    for code, member in members.items():
        answer = await playground.client.get("/v1/me/points", headers={**me.headers(), "Sandbox-Answer": code})
        assert answer.json()[member], code
    body = {"purpose": "benefit.check", "provider_id": "city-library", "language": "en"}
    headers = me.headers({"Idempotency-Key": "one", "Sandbox-Answer": "unavailable"})
    assert (await playground.client.post("/v1/me/consent-requests", json=body, headers=headers)).status_code == 503
    del headers["Sandbox-Answer"]
    again = await playground.client.post("/v1/me/consent-requests", json=body, headers=headers)
    assert (again.status_code, "idempotency-replayed" in again.headers) == (201, False)
    unknown = await playground.client.get("/v1/me/points", headers={**me.headers(), "Sandbox-Answer": "nonsense"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "bad_header")
    assert [fault["detail"] for fault in unknown.json()["errors"]] == ["GET /sandbox/refusals lists the codes."]


async def test_every_message_can_be_sent_and_is_read_in_both_languages(playground: SandboxCity) -> None:
    for kind in MessageKind:
        me = playground.resident(f"reads-{kind}")
        answer = await playground.client.post("/sandbox/messages", json={"subject": f"reads-{kind}", "kind": kind})
        assert answer.status_code == 201, answer.text
        for language in ("zh-CN", "en"):
            (message,) = (await me.get("/v1/me/messages", {"Accept-Language": language})).json()["data"]
            assert message["kind"] == kind
            assert message["facts"] == answer.json()["facts"]
            assert "{" not in message["text"]
    listed = (await playground.client.get("/sandbox/messages")).json()["data"]
    assert {row["kind"] for row in listed} == set(MessageKind)


async def test_a_sent_message_is_hinted_to_the_city_app(playground: SandboxCity) -> None:
    await playground.resident("wang").replace("/v1/me/notifications", {"city_app": True})
    await playground.client.post("/sandbox/messages", json={"subject": "wang", "kind": "consent_ending"})
    await move(playground, advance_seconds=3600)
    hints = (await playground.city_app().get("/v1/app/hints")).json()["data"]
    assert [row["sub"] for row in hints] == ["wang"]


ODD_TEXTS = (
    "",
    "\x00",
    "\ud800",
    "居民-1",
    "a" * 64,
    "a" * 65,
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**400,
    1.5,
    [],
    {},
    *ODD_TEXTS,
    "0001-01-01",
    "9999-12-31",
    "2027-02-29",
)


async def test_no_value_of_any_member_is_an_error_of_ours(playground: SandboxCity) -> None:
    for path, method, body in (
        ("/sandbox/clock", "PUT", {"now": "", "advance_days": 0, "advance_seconds": 0}),
        (
            "/sandbox/tokens",
            "POST",
            {"audience": "resident", "subject": "r", "birthdate": "1990-01-01", "staff_id": "s"},
        ),
        ("/sandbox/messages", "POST", {"subject": "r", "kind": "link_confirmed"}),
    ):
        bodies = [{**body, member: value} for member in body for value in ODD_VALUES]
        for sent in (*bodies, *ODD_VALUES):
            answer = await playground.client.request(method, path, content=json.dumps(sent), headers=JSON)
            assert answer.status_code in (200, 201, 422, 400), (sent, answer.text)
    for subject in ODD_TEXTS[:2] + ODD_TEXTS[3:]:
        for audience in (*Audience, *ODD_TEXTS[:2]):
            page = await playground.client.get("/sandbox", params={"subject": subject, "audience": audience})
            assert page.status_code in (200, 400), (subject, audience, page.text)


async def test_a_page_of_another_site_changes_nothing_in_the_sandbox(playground: SandboxCity) -> None:
    """A developer's browser reaches the sandbox, and its calls need no credentials."""
    for site in ("cross-site", "same-site"):
        for method, path in PATHS:
            answer = await playground.client.request(method, path, headers={"Sec-Fetch-Site": site})
            if method != "GET":
                assert (answer.status_code, answer.json()["code"]) == (400, "bad_header"), path
    assert playground.resets == 0
    own = await playground.client.post("/sandbox/reset", headers={"Sec-Fetch-Site": "same-origin"})
    assert (own.status_code, playground.resets) == (202, 1)


async def test_a_reset_is_accepted_and_everything_waits_for_the_new_city(playground: SandboxCity) -> None:
    answer = await playground.client.post("/sandbox/reset")
    assert (answer.status_code, answer.json()) == (202, {"state": "resetting"})
    assert playground.resets == 1
    for path in ("/v1/public/benefits", "/", "/sandbox/clock"):
        waiting = await playground.client.get(path)
        assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "1")


# Nothing of it anywhere else


async def test_no_city_and_no_demonstration_has_its_routes(town: City) -> None:
    before = (await town.client.get("/v1/public/benefits")).text
    for method, path in PATHS:
        answer = await town.client.request(method, path, json={} if method != "GET" else None)
        assert answer.status_code == 404, path
    forced = await town.client.get("/v1/public/benefits", headers={"Sandbox-Answer": "unavailable"})
    assert (forced.status_code, forced.text) == (200, before)


def test_every_route_of_the_sandbox_is_tried_above(demo_folder: Path, tmp_path: Path) -> None:
    chosen, issuer = seed.settings_of(tmp_path / "demo"), seed.issuer_of(tmp_path / "demo")
    sandbox = Sandbox(SandboxClock(sandboxes.claim(tmp_path / "box")), issuer, lambda: None)
    with_it = create_app(chosen, issuer.verifier(), issuer=issuer, sandbox=sandbox)
    without = create_app(chosen, issuer.verifier(), issuer=issuer)

    def listed(app: Any) -> set[tuple[str, str]]:
        return {
            (method, route.path)
            for route in app.routes
            if isinstance(route, Route)
            for method in (route.methods or set()) - {"HEAD"}
        }

    assert listed(with_it) - listed(without) == set(PATHS)


def test_production_refuses_a_sandbox(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    chosen = replace(seed.settings_of(folder), demo=False)
    issuer = seed.issuer_of(folder)
    sandbox = Sandbox(SandboxClock(sandboxes.claim(tmp_path / "box")), issuer, lambda: None)
    with pytest.raises(ValueError, match="only the demonstration"):
        create_app(chosen, issuer.verifier(), sandbox=sandbox)


async def test_the_setting_is_refused_and_doctor_says_so(tmp_path: Path) -> None:
    environment = settings_environment(tmp_path, SANDBOX="1")
    with pytest.raises(SettingsInvalid, match="SANDBOX must not be set"):
        settings.read(environment)
    usable, faults = settings.read_each(environment)
    (result,) = await doctors_check(Examination(usable, faults))
    assert (result.state, "SANDBOX" in result.text) == ("failed", True)
    assert any("SANDBOX" in fault for fault in faults)
    usable, faults = settings.read_each(settings_environment(tmp_path))
    (result,) = await doctors_check(Examination(usable, faults))
    assert result.state == "ok"
    sandboxes.claim(tmp_path / "box")
    (result,) = await doctors_check(Examination({}, demo=seed.settings_of(tmp_path / "box")))
    assert result.state == "warning"


def test_a_folder_is_a_sandboxs_or_a_demonstrations_and_never_both(tmp_path: Path) -> None:
    box, demo = tmp_path / "box", tmp_path / "demo"
    sandboxes.claim(box)
    (box / "city.sqlite3").touch()
    sandboxes.claim(box)
    with pytest.raises(NoSandbox):
        sandboxes.refuse_sandbox(box)
    demo.mkdir()
    (demo / "city.sqlite3").touch()
    sandboxes.refuse_sandbox(demo)
    with pytest.raises(NoSandbox):
        sandboxes.claim(demo)
    assert (demo / "city.sqlite3").exists()


def test_a_folder_with_other_files_becomes_no_sandbox(tmp_path: Path) -> None:
    """A city on PostgreSQL has its published logs in a folder without a SQLite file."""
    folder = tmp_path / "city"
    (folder / "published").mkdir(parents=True)
    with pytest.raises(NoSandbox, match="new folder"):
        sandboxes.claim(folder)
    assert not sandboxes.is_sandbox(folder)
    (tmp_path / "empty").mkdir()
    sandboxes.claim(tmp_path / "empty")
