"""Pages as an attacker sees them: forged forms, headers, another audience's pages, sizes, files."""

from __future__ import annotations

import re

import httpx2
import pytest

from service.auth.access_tokens import Audience
from service.web import assets, dispatch, routes
from service.web.auth.sign_in_sessions import PATHS
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio
FIRST_PAGE_BYTES_MAX = 60_000


async def test_a_forged_form_does_nothing(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-4")
    await me.go("/me/consents")
    await me.send("Stop: Green Travel")
    form = next(form for form in me.forms if form.action.endswith("/stop"))
    for change in ({"_form": "0" * 64}, {"_form": ""}):
        await me.submit(form, **change)
        assert me.status == 403
        assert "This form was open for too long or came from elsewhere" in me.text
    # The right token, sent by another site's page.
    me.client.headers["sec-fetch-site"] = "cross-site"
    await me.go("/me/consents")
    await me.submit(form)
    assert me.status == 403
    me.client.headers["sec-fetch-site"] = "same-origin"
    await me.go("/me")
    assert "I have 0 points" not in me.text


async def test_a_page_elsewhere_cannot_have_its_form_sent_by_a_tap_here(shared_city: City) -> None:
    """A form from elsewhere comes without cookies; it must not come back as a form of ours."""
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-4")
    stranger = httpx2.AsyncClient(transport=shared_city.client._transport, base_url="http://city.test")
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {}):
        answer = await stranger.post("/me/leave", data={"sure": "yes", "_key": "k" * 16}, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert 'name="sure"' not in answer.text
        assert "Submit" not in answer.text
    # The same with the person's own cookies, as an old browser would send them.
    me.client.headers.pop("sec-fetch-site")
    answer = await me.client.post("/me/leave", data={"sure": "yes"})
    assert (answer.status_code, 'name="sure"' in answer.text) == (403, False)
    assert "I have" in (await me.go("/me")).text


async def test_an_address_from_elsewhere_says_nothing_was_done(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-4")
    assert "is erased" not in (await me.go("/?done=erased")).text
    await me.go("/me/objections")
    await me.send("/me/objections", statement="Said once.")
    assert "We have received your objection" in me.text
    assert "We have received your objection" not in (await me.go(me.url)).text


async def test_a_form_sent_twice_acts_once(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-6")
    await me.go("/me/objections")
    form = next(form for form in me.forms if form.action == "/me/objections")
    for _ in range(2):
        await me.submit(form, statement="Twice by a slip.")
        assert me.status == 200
    assert me.text.count("Being decided") == 1


async def test_every_page_of_an_audience_requires_sign_in(shared_city: City) -> None:
    for route in routes.ROUTES:
        if route.audience is None:
            assert not any(route.path == path or route.path.startswith(path + "/") for path in PATHS.values()), (
                route.path
            )
            continue
        path = re.sub(r"\{[a-z_]+\}", "benefits", route.path)
        answer = await shared_city.client.request(route.method, path)
        if route.fragment:
            assert answer.status_code in (401, 415), path
        elif route.ends_session and route.method == "GET":
            assert answer.status_code == 200, path
        elif route.method == "GET":
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith(f"/sign-in/{route.audience}?next="), path
        else:
            assert answer.status_code in (401, 415), path


async def test_every_page_has_the_security_policy_and_is_not_cached(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    for path in ("/", "/me", "/me/nothing-here", "/static/x/nothing.css", "/logs"):
        answer = await me.client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy, path
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        public = path in ("/", "/logs")
        assert answer.headers["cache-control"] == ("public, max-age=60" if public else "no-store"), path
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_nothing_is_inline_and_nothing_from_elsewhere(shared_city: City) -> None:
    for audience, who in (
        (Audience.RESIDENT, "resident-1"),
        (Audience.VENUE, "city-library-main"),
        (Audience.ADMINISTRATOR, "admin-1"),
        (Audience.PRIVACY, "officer-1"),
    ):
        browser = await Browser(shared_city).sign_in(audience, who)
        for route in routes.ROUTES:
            if route.audience is not audience or route.method != "GET" or "{" in route.path or route.fragment:
                continue
            await browser.go(route.path)
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", browser.html), (
                route.path
            )
            assert not re.search(r'(?:src|href|action)="(?:https?:)?//', browser.html), route.path


async def test_what_is_typed_is_shown_as_text(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-7")
    await me.go("/me/objections")
    words = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    await me.send("/me/objections", statement=words)
    officer = await Browser(shared_city).sign_in(Audience.PRIVACY, "officer-1")
    for address in [address for address, _ in officer.links if address.startswith("/officer/objections/")]:
        await officer.go(address)
        assert "<script>alert" not in officer.html
        assert "<img" not in officer.html


async def test_the_residents_first_page_is_small(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    await me.go("/me")
    whole = len(me.html.encode())
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', me.html):
        whole += len((await me.client.get(address)).content)
    assert whole < FIRST_PAGE_BYTES_MAX


async def test_files_are_cached_for_ever_under_their_hashed_name_alone(shared_city: City) -> None:
    for name, media in assets.FILES.items():
        fresh = await shared_city.client.get(assets.address(name))
        assert fresh.status_code == 200
        assert fresh.headers["content-type"].split(";")[0] == media
        assert "immutable" in fresh.headers["cache-control"]
        old = await shared_city.client.get(f"/static/0000/{name}")
        assert old.headers["cache-control"] == "no-cache"
    for name in ("../frame.py", "templates/base.html", "%2e%2e/frame.py"):
        assert (await shared_city.client.get(f"/static/{assets.version()}/{name}")).status_code == 404


async def test_a_body_that_is_no_form_is_refused(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    as_json = await me.client.post("/me/what-if", json={"a": 1})
    assert (as_json.status_code, "application/x-www-form-urlencoded" in as_json.text) == (415, True)
    flood = "&".join(f"f{number}=1" for number in range(dispatch.FIELDS_MAX + 1))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert (await me.client.post("/me/what-if", content=flood, headers=kind)).status_code == 400
    assert (await me.client.post("/me/what-if", content=b"a=%ff", headers=kind)).status_code == 400
    assert (await me.client.post("/me/what-if", content=b"a" * 2_000_000, headers=kind)).status_code == 413


async def test_a_desk_learns_nothing_by_any_wrong_code(shared_city: City) -> None:
    desk = await Browser(shared_city).sign_in(Audience.VENUE, "city-library-main")
    seen = set()
    for code in ("a" * 32, "0" * 32, "F" * 32, "AAAA 2222"):
        await desk.go("/desk")
        await desk.send("/desk/answer", handle=code, act="redeem")
        seen.add(re.sub(r'value="[^"]*"', "", desk.html))
    assert len(seen) == 1
    assert "Standard terms apply" in desk.text


async def test_the_language_is_chosen_and_remembered(shared_city: City) -> None:
    browser = await Browser(shared_city, "en").go("/?lang=zh-CN")
    assert "只加分，不扣分" in browser.text
    await browser.go("/scheme")
    assert "积分怎样计算" in browser.text
    await browser.go("/scheme?lang=fr")
    assert "积分怎样计算" in browser.text


async def test_every_page_is_there_in_the_other_language(shared_city: City) -> None:
    """At the sign-in with all that it was asked, and what was posted is posted again, acting once."""
    browser = await Browser(shared_city).go("/me")
    assert "Who are you?" in browser.text
    await browser.go(next(address for address, text in browser.links if text == "简体中文"))
    assert (browser.status, "你是谁" in browser.text or "您是谁" in browser.text) == (200, True)
    await browser.send("_form", typed="resident-2")
    await browser.go("/me?lang=en")
    await browser.send("quantity", quantity="20")
    assert "It would be" in browser.text
    other = next(form for form in browser.forms if form.text == "简体中文")
    await browser.submit(other)
    assert browser.status == 200
    assert "It would be" not in browser.text
    assert 'value="20"' in browser.html
    await browser.go("/benefits?scene=library&lang=en")
    address = next(address for address, text in browser.links if text == "简体中文")
    assert address == "/benefits?scene=library&lang=zh-CN"


async def test_a_404_is_a_page_for_people_and_a_problem_for_programs(shared_city: City) -> None:
    people = {"accept": "text/html,*/*", "accept-language": "en"}
    for path in ("/nothing", "/demo"):
        answer = await shared_city.client.get(path, headers=people)
        assert answer.status_code == 404, path
        assert "There is nothing of this name here" in answer.text
        assert answer.headers["content-type"].startswith("text/html")
    for path, headers in (("/nothing", {"accept": "application/json"}), ("/v1/public/nothing", people)):
        answer = await shared_city.client.get(path, headers=headers)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    for method in ("POST", "DELETE", "PUT"):
        for path in ("/nothing", "/v1/nothing"):
            assert (await shared_city.client.request(method, path, headers=people)).status_code == 404
    wrong = await shared_city.client.request("DELETE", "/v1/public/scheme")
    assert (wrong.status_code, "GET" in wrong.headers["allow"]) == (405, True)
    only_sent = await shared_city.client.get("/me/what-if", headers=people)
    assert (only_sent.status_code, only_sent.headers["location"]) == (303, "/me")
    strange = await shared_city.client.get("http://city.test//evil.example/x", headers=people)
    assert "//evil.example" not in strange.text
