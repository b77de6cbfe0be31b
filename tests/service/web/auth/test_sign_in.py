"""Sign-in: the code flow with PKCE against an identity provider, and sessions in cookies."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.app import create_app
from service.auth.access_tokens import Audience
from service.demo import seed
from service.http.problems import Problem
from service.settings import Settings
from service.web.auth import oidc, sign_in_sessions
from service.web.auth.demo_identity_provider import CLIENTS, DemoIdentityProvider
from service.web.auth.oidc import IdentityProviders
from service.web.auth.sign_in_sessions import SignInSession
from tests.support import city
from tests.support.browsing import Browser
from tests.support.city import City
from tests.support.processes import Process

pytestmark = pytest.mark.anyio


async def begun(town: City, path: str = "/me") -> tuple[Browser, dict[str, str]]:
    """A browser on its way to the identity provider, and what it asks there."""
    browser = Browser(town)
    first = await browser.client.get(path)
    second = await browser.client.get(first.headers["location"])
    return browser, {name: values[0] for name, values in parse_qs(urlsplit(second.headers["location"]).query).items()}


async def test_the_request_is_a_code_flow_with_pkce(shared_city: City) -> None:
    _, asked = await begun(shared_city, "/me/benefits")
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["state"]) >= 32
    assert asked["redirect_uri"] == "http://city.test/sign-in/return"
    assert asked["scope"] == "openid"


async def test_the_kiosk_asks_who_is_there_even_if_the_provider_remembers_somebody(shared_city: City) -> None:
    _, asked = await begun(shared_city, "/me/kiosk")
    assert asked["prompt"] == "login"
    _, asked = await begun(shared_city, "/me")
    assert "prompt" not in asked


async def test_signing_in_returns_to_the_requested_page(shared_city: City) -> None:
    me = await Browser(shared_city).go("/me/benefits")
    await me.send("subject", subject="resident-3")
    assert me.url == "http://city.test/me/benefits"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/me//evil.example",
        "/\\evil.example",
        "/admin",
        "/menu",
        "javascript:alert(1)",
        "/me\n",
        "",
        "http:///me",
    ],
)
def test_nobody_is_sent_elsewhere_afterwards(elsewhere: str) -> None:
    assert oidc.safe_return_path(elsewhere, Audience.RESIDENT) == "/me"


def test_a_path_of_this_service_is_returned_to() -> None:
    assert oidc.safe_return_path("/me/show?x=1", Audience.RESIDENT) == "/me/show?x=1"


async def test_a_code_for_another_browser_opens_nothing(shared_city: City) -> None:
    """Somebody else's code, brought by a link: the state is not this browser's."""
    thief, _ = await begun(shared_city)
    await thief.go("/sign-in/resident")
    form = thief.forms[0]
    answer = await thief.client.post(thief.url, data={**dict(form.fields), "subject": "resident-1"})
    victim, _ = await begun(shared_city)
    await victim.go(answer.headers["location"])
    assert victim.status == 400
    assert "Sign-in was not finished" in victim.text
    # Nor without any state of its own.
    await victim.client.aclose()
    assert (await Browser(shared_city).go(answer.headers["location"])).status == 400


async def test_a_code_works_once_and_only_with_its_verifier(shared_city: City) -> None:
    provider = shared_city.client
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    client = CLIENTS[Audience.RESIDENT].client_id
    query = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": "http://city.test/sign-in/return",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": "s",
    }
    browser = Browser(shared_city)
    address = str(browser.client.build_request("GET", "/demo-sign-in", params=query).url)
    await browser.go(address)
    sent = await browser.client.post(address, data={**dict(browser.forms[0].fields), "subject": "resident-1"})
    code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
    good = {
        "grant_type": "authorization_code",
        "client_id": client,
        "redirect_uri": query["redirect_uri"],
        "code": code,
        "code_verifier": verifier,
    }
    wrong = (
        {"code_verifier": "w" * 43},
        {"redirect_uri": "http://city.test/x"},
        {"client_id": CLIENTS[Audience.VENUE].client_id},
        {"code": code[:-2] + "xx"},
        {"grant_type": "password"},
    )
    for change in wrong:
        assert (await provider.post("/demo-sign-in/token", data={**good, **change})).status_code == 400, change
    assert (await provider.post("/demo-sign-in/token", data=good)).status_code == 200
    assert (await provider.post("/demo-sign-in/token", data=good)).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/sign-in/return"},
        {"client_id": "somebody"},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"code_challenge": "short"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_the_provider_answers_our_own_pages_alone(shared_city: City, change: dict[str, str]) -> None:
    browser, asked = await begun(shared_city)
    answer = await browser.client.get("/demo-sign-in", params={**asked, **change})
    assert answer.status_code == 400


async def test_a_session_is_for_one_audience_and_unreadable(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    (cookie,) = [cookie for cookie in me.client.cookies.jar if cookie.name == "credit-easy-resident"]
    assert cookie.path == "/me"
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.value is not None
    # Neither the subject nor a token can be read from the cookie, encoded or decoded.
    for seen in (cookie.value.encode(), base64.urlsafe_b64decode(cookie.value + "===")):
        assert b"resident-1" not in seen
        assert b"eyJhbGci" not in seen
    # The same cookie under another audience's name is no session there.
    other = Browser(shared_city)
    other.client.cookies.set("credit-easy-administrator", cookie.value, domain="city.test", path="/admin")
    assert "Who are you?" in (await other.go("/admin")).text


async def test_a_changed_cookie_is_no_session(shared_city: City) -> None:
    for value in ("", "x", "A" * 5000, "ÿ".encode().decode("latin-1"), "AAAA"):
        other = Browser(shared_city)
        answer = await other.client.get("/me", headers={b"cookie": f"credit-easy-resident={value}".encode("latin-1")})
        assert answer.status_code == 303


async def test_an_expired_token_is_renewed_or_the_person_signs_in_again(
    shared_city: City, shared_city_settings: Settings
) -> None:
    keyring = shared_city_settings.keyring
    officer = await Browser(shared_city).sign_in(Audience.PRIVACY, "officer-1")
    (cookie,) = [cookie for cookie in officer.client.cookies.jar if cookie.name == "credit-easy-privacy"]

    def set_session(session: SignInSession) -> None:
        value = sign_in_sessions.seal(keyring, "session", sign_in_sessions.serialize(session))
        officer.client.cookies.set("credit-easy-privacy", value, domain="city.test", path="/officer")

    plain = sign_in_sessions.unseal(keyring, "session", cookie.value or "")
    assert plain is not None
    values = orjson.loads(plain)
    officer.client.cookies.clear()
    ended = SignInSession(Audience.PRIVACY, "ended", 0, values["since"], "officer-1", values["refresh"])
    set_session(ended)
    await officer.go("/officer")
    assert "Due board" in officer.text
    too_old = values["since"] - sign_in_sessions.AGE_SECONDS_MAX
    for session in (
        replace(ended, refresh_token=None),
        replace(ended, signed_in_at=too_old),
        replace(ended, subject="officer-2"),
    ):
        officer.client.cookies.clear()
        set_session(session)
        await officer.go("/officer")
        assert "Who are you?" in officer.text


async def test_concurrent_requests_share_one_exchange_and_a_failed_one_is_retried(
    shared_city: City, demo_folder: Path, shared_city_settings: Settings
) -> None:
    """Most identity providers end a session whose refresh token is used twice."""
    asked: list[int] = []
    token = seed.issuer_of(demo_folder).mint(Audience.PRIVACY, "officer-1", now=datetime.now(UTC))

    async def exchange(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        assert form["refresh_token"] == "once"
        await asyncio.sleep(0.01)
        asked.append(503 if not asked else 200 if len(asked) == 1 else 400)
        return JSONResponse({"access_token": token, "expires_in": 300, "refresh_token": "next"}, asked[-1])

    transport = httpx2.ASGITransport(app=Starlette(routes=[Route("/{path:path}", exchange, methods=["POST"])]))
    app_context = create_app(shared_city_settings, seed.issuer_of(demo_folder).verifier()).state.app_context
    providers = IdentityProviders(app_context, dict(CLIENTS), transport)
    ended = SignInSession(Audience.PRIVACY, "ended", 0, int(datetime.now(UTC).timestamp()), "officer-1", "once")
    away = await asyncio.gather(*(providers.renew(ended) for _ in range(3)), return_exceptions=True)
    assert [error.code for error in away if isinstance(error, Problem)] == ["keys_unavailable"] * 3
    renewed = await asyncio.gather(*(providers.renew(ended) for _ in range(3)))
    renewed.append(await providers.renew(ended))
    assert {session and session.refresh_token for session in renewed} == {"next"}
    assert asked == [503, 200]


async def test_what_was_typed_survives_a_lost_session(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-5")
    await me.go("/me/objections")
    form = next(form for form in me.forms if form.action == "/me/objections")
    me.client.cookies.delete("credit-easy-resident", domain="city.test", path="/me")
    await me.submit(form, statement="My words, written with care.")
    assert me.status == 401
    assert "What you entered is still here" in me.text
    waiting = me.forms[-1]
    assert ("statement", "My words, written with care.") in waiting.fields
    await me.sign_in(Audience.RESIDENT, "resident-5")
    me.url = "http://city.test/me/objections"
    await me.submit(waiting)
    assert "We have received your objection" in me.text


async def test_signing_out_deletes_the_session(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    await me.go("/me/mine")
    await me.submit(next(form for form in me.forms if form.action == "/me/sign-out"))
    assert "You are signed out of this browser." in me.text
    assert "Who are you?" in (await me.go("/me")).text


async def test_signing_out_needs_no_session_that_works(shared_city: City, shared_city_settings: Settings) -> None:
    """With the identity provider away, and while another tab is being renewed."""
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    await me.go("/me/mine")
    out = next(form for form in me.forms if form.action == "/me/sign-out")
    me.client.cookies.delete("credit-easy-resident", domain="city.test", path="/me")
    ended = SignInSession(Audience.RESIDENT, "ended", 0, 0, "resident-1", "unknown to the provider")
    value = sign_in_sessions.seal(shared_city_settings.keyring, "session", sign_in_sessions.serialize(ended))
    me.client.cookies.set("credit-easy-resident", value, domain="city.test", path="/me")
    await me.submit(out)
    assert (me.status, "You are signed out of this browser." in me.text) == (200, True)
    assert [cookie.name for cookie in me.client.cookies.jar if cookie.path == "/me"] == []


async def test_after_signing_out_nothing_on_its_way_signs_in_again(shared_city: City) -> None:
    app_context = shared_city.app_context
    provider = DemoIdentityProvider(app_context, shared_city.issuer)
    released = asyncio.Event()

    class Slow(httpx2.ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith("/token"):
                await released.wait()
            return await super().handle_async_request(request)

    providers = IdentityProviders(app_context, dict(CLIENTS), Slow(app=provider.app()))
    refresh = provider._seal("refresh", Audience.RESIDENT, "resident-1", 600)
    session = SignInSession(Audience.RESIDENT, "ended", 0, int(datetime.now(UTC).timestamp()), "resident-1", refresh)
    renewing = asyncio.create_task(providers.renew(session))
    await asyncio.sleep(0.01)
    await providers.end_session(session)
    released.set()
    assert await renewing is None
    # A copy of the cookie in another process: the identity provider has been told.
    assert await IdentityProviders(app_context, dict(CLIENTS), Slow(app=provider.app())).renew(session) is None


@pytest.mark.parametrize(("padding", "comes_in"), [(5_000, True), (20_000, False)])
async def test_long_tokens_are_split_over_cookies_and_too_long_ones_are_refused(
    shared_city: City, padding: int, comes_in: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = sign_in_sessions.seal

    def longer(keyring: Any, use: str, plain: bytes) -> str:
        if use == "session":
            plain = orjson.dumps({**orjson.loads(plain), "refresh": "r" * padding})
        return original(keyring, use, plain)

    monkeypatch.setattr(sign_in_sessions, "seal", longer)
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    parts = [cookie for cookie in me.client.cookies.jar if cookie.name.startswith("credit-easy-resident")]
    if comes_in:
        assert len(parts) == 2
        assert all(len(part.value or "") <= sign_in_sessions.COOKIE_BYTES_MAX for part in parts)
        assert "I have" in me.text
        await me.go("/me/mine")
        await me.submit(next(form for form in me.forms if form.action == "/me/sign-out"))
        assert [cookie for cookie in me.client.cookies.jar if cookie.path == "/me"] == []
    else:
        assert me.status == 400
        assert "Signing in did not work" in me.text or "sign" in me.text.lower()


@pytest.mark.parametrize(("seconds", "status"), [(0, 400), (30, 303)])
async def test_a_token_that_ends_soon_is_used_and_an_expired_one_is_refused(
    shared_city: City, demo_folder: Path, shared_city_settings: Settings, seconds: int, status: int
) -> None:
    """Nobody is sent to the identity provider and back for ever."""
    token = seed.issuer_of(demo_folder).mint(Audience.RESIDENT, "resident-1", now=datetime.now(UTC))

    async def exchange(_: Request) -> Response:
        return JSONResponse({"access_token": token, "expires_in": seconds})

    transport = httpx2.ASGITransport(app=Starlette(routes=[Route("/{path:path}", exchange, methods=["POST"])]))
    app = create_app(shared_city_settings, seed.issuer_of(demo_folder).verifier())
    providers = IdentityProviders(app.state.app_context, dict(CLIENTS), transport)

    async def begin(request: Request) -> Response:
        return providers.start(request, Audience.RESIDENT, "/me")

    app.router.routes[:0] = [Route("/begin", begin), Route("/finish", providers.finish)]
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://city.test") as client:
        sent = await client.get("/begin")
        state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
        cookie = sent.headers["set-cookie"].split(";")[0]
        back = await client.get(f"/finish?code=c&state={state}", headers={"cookie": cookie})
        assert back.status_code == status
        if status == 303:
            session = sign_in_sessions.read(
                Request({"type": "http", "headers": [(b"cookie", back.headers["set-cookie"].split(";")[0].encode())],
                         "app": app, "method": "GET", "path": "/me", "query_string": b"", "scheme": "http",
                         "server": ("city.test", 80)}),
                shared_city_settings.keyring, Audience.RESIDENT,
            )  # fmt: skip
            assert session is not None
            assert not session.needs_renewal(datetime.now(UTC))


async def test_a_minor_reads_why_they_are_refused(shared_city: City) -> None:
    """The refusal of the residents' API, shown as a page."""
    keyring = shared_city.app_context.keyring
    child = shared_city.issuer.mint(
        Audience.RESIDENT, "child", now=await shared_city.app_context.clock(), birthdate=None
    )
    assert child
    browser = Browser(shared_city)
    until = 4_000_000_000
    token = shared_city.actor(
        Audience.RESIDENT, "child", birthdate=(await shared_city.today()).replace(year=2015)
    ).token
    value = sign_in_sessions.seal(
        keyring, "session", sign_in_sessions.serialize(SignInSession(Audience.RESIDENT, token, until, 0, "child"))
    )
    browser.client.cookies.set("credit-easy-resident", value, domain="city.test", path="/me")
    await browser.go("/me")
    assert browser.status == 403
    assert "for adults from 18 on" in browser.text


async def test_without_settings_for_pages_the_public_ones_are_there_alone(
    city_settings: Settings, demo_folder: Path
) -> None:
    """Settings as in production without an identity provider for pages."""
    settings = replace(city_settings, demo=False)
    async with city.running_city(city_settings, demo_folder) as town:
        app = create_app(settings, town.issuer.verifier())
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://city.test") as client:
            assert (await client.get("/")).status_code == 200
            for path in ("/me", "/desk", "/admin", "/officer", "/sign-in/resident", "/demo-sign-in"):
                assert (await client.get(path)).status_code == 404, path


async def test_an_identity_provider_over_http_and_what_happens_when_it_is_away(
    demo_folder: Path, seeded_sqlite: Path, tmp_path: Path
) -> None:
    """As in production: the token endpoint is another server. A demonstration city plays it."""
    (tmp_path / "published").mkdir()
    elsewhere = Process(
        demo_folder, f"sqlite://{_copy(seeded_sqlite, tmp_path / 'idp.sqlite3')}", tmp_path / "published"
    )
    known = CLIENTS[Audience.RESIDENT]
    client = replace(known, token_url=f"{elsewhere.base}/demo-sign-in/token", authorize_url="https://id.example/in?a=b")
    public = "http://127.0.0.1:1"
    base = seed.settings_of(demo_folder)
    settings = replace(
        base,
        database_url=f"sqlite://{_copy(seeded_sqlite, tmp_path / 'city.sqlite3')}",
        publisher=replace(base.publisher, folder=tmp_path / "published"),
        demo=False,
        pages={Audience.RESIDENT: client},
        public_url=public,
    )
    issuer = seed.issuer_of(demo_folder)
    app = create_app(settings, issuer.verifier())
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=public) as browser,
    ):
        try:
            assert (await browser.get("/admin")).status_code == 404
            first = await browser.get((await browser.get("/me/show")).headers["location"])
            assert first.headers["location"].startswith("https://id.example/in?a=b&response_type=code")
            asked = {name: values[0] for name, values in parse_qs(urlsplit(first.headers["location"]).query).items()}
            provider = DemoIdentityProvider(app.state.app_context, issuer)
            code = provider._seal(
                "code",
                Audience.RESIDENT,
                "resident-1",
                60,
                challenge=asked["code_challenge"],
                returns=asked["redirect_uri"],
            )
            for wrong in ({"iss": "https://somebody.else"}, {"state": "another"}):
                query = {"code": code, "state": asked["state"], **wrong}
                assert (await browser.get("/sign-in/return", params=query)).status_code == 400
            back = await browser.get("/sign-in/return", params={"code": code, "state": asked["state"]})
            assert (back.status_code, back.headers["location"]) == (303, "/me/show")
            assert (await browser.get("/me")).status_code == 200
            begun = await browser.get("/sign-in/resident")
            again = parse_qs(urlsplit(begun.headers["location"]).query)
        finally:
            elsewhere.kill()
        away = await browser.get("/sign-in/return", params={"code": code, "state": again["state"][0]})
        assert away.status_code == 503
        assert "retry-after" in away.headers


def _copy(original: Path, path: Path) -> Path:
    shutil.copy(original, path)
    return path


def test_over_tls_cookies_are_for_tls_alone(shared_city_settings: Settings) -> None:
    class App:
        class state:
            class app_context:
                settings = replace(shared_city_settings, public_url="https://points.example")

    scope = {"type": "http", "headers": [], "scheme": "http", "path": "/me", "app": App(), "server": ("x", 80)}
    request = Request(scope)
    assert sign_in_sessions.cookie_name(Audience.RESIDENT, request) == "__Host-credit-easy-resident"
    assert sign_in_sessions.cookie_name(Audience.VENUE, request, 2) == "__Host-credit-easy-venue-2"
    response = Response()
    sign_in_sessions.set_cookie(response, request, sign_in_sessions.host_cookie(request, "x"), "value", "/me", 60)
    sign_in_sessions.delete_cookie(response, request, sign_in_sessions.host_cookie(request, "x"), "/me")
    for header in response.headers.getlist("set-cookie"):
        # Browsers refuse a cookie of this name with another path, with a domain, or without `Secure`.
        assert header.startswith("__Host-x=")
        assert "Path=/;" in header
        assert "Secure" in header
        assert "Domain" not in header


async def test_over_tls_a_person_signs_in_to_two_audiences_in_one_browser(
    city_settings: Settings, demo_folder: Path
) -> None:
    settings = replace(city_settings, public_url="https://points.example")
    async with city.running_city(settings, demo_folder) as town:
        keyring, app = town.app_context.keyring, SimpleNamespace(state=SimpleNamespace(app_context=town.app_context))
        request = Request({"type": "http", "headers": [], "scheme": "https", "path": "/me", "app": app})
        response = Response()
        for audience, subject in ((Audience.RESIDENT, "wang"), (Audience.VENUE, "city-library-main")):
            token = town.actor(audience, subject).token
            session = SignInSession(audience, token, int(time.time()) + 300, int(time.time()), subject)
            sign_in_sessions.write(response, request, keyring, session)
        cookies = "; ".join(header.split(";")[0] for header in response.headers.getlist("set-cookie"))
        for path in ("/me", "/desk"):
            answer = await town.client.get(path, headers={"Cookie": cookies})
            assert answer.status_code == 200, (path, answer.status_code)
        # The value of one audience under the name of another is no session.
        swapped = cookies.replace("-resident=", "-x=").replace("-venue=", "-resident=")
        assert (await town.client.get("/me", headers={"Cookie": swapped})).status_code == 303


async def test_the_demonstrations_sign_in_says_who_each_person_is(town: City) -> None:
    browser = await Browser(town).go("/desk")
    assert "City Library, main building" in browser.text
    await browser.go("/me")
    assert "resident-1 Green Travel, " in browser.text
