"""Stored passes in a real browser: keys that cannot be read, codes without a network, nothing of a person in caches."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser

from service.auth.access_tokens import Audience
from service.demo import seed
from tests.pages.browser import NARROW, Visitor, visiting
from tests.support.issuers import ISSUER
from tests.support.processes import Process

READ_STORE = """async () => {
  const opened = indexedDB.open("credit-easy-passes");
  const database = await new Promise((resolve, reject) => {
    opened.onsuccess = () => resolve(opened.result);
    opened.onerror = () => reject(opened.error);
  });
  const read = (name) => new Promise((resolve) => {
    if (!database.objectStoreNames.contains(name)) return resolve([]);
    const rows = database.transaction(name).objectStore(name).getAll();
    rows.onsuccess = () => resolve(rows.result);
  });
  const [passes, requests] = [await read("passes"), await read("requests")];
  database.close();
  const keys = await Promise.all(passes.map(async ({ key }) => ({
    extractable: key.extractable,
    usages: key.usages,
    read: await crypto.subtle.exportKey("jwk", key).then(() => "read", (error) => error.name),
  })));
  return { passes: passes.length, requests: requests.length, keys, people: passes.map((pass) => pass.person) };
}"""
PLANT = """async (person) => {
  const page = document.querySelector("script[src*='passes.js']").src;
  const { endRequest, openRequest } = await import(page.replace("passes.js", "pass_store.js"));
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const [name, bytes] = [{ en: "Park", "zh-CN": "停车" }, new Uint8Array(200)];
  const pass = { person, offer: "a@b", title: name, venue: name, key: pair.privateKey, bytes };
  await endRequest("x", [{ ...pass, until: Date.now() + 3600000 }]);
  await openRequest(person, "c@d", 2);
}"""
"""Stores a pass of nobody for a person, and a request without an answer."""
CACHED = """async () => {
  const texts = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) texts.push(request.url + await (await cache.match(request)).text());
  }
  return texts;
}"""


def store(me: Visitor) -> dict[str, Any]:
    """Return the numbers of passes and requests that this browser stores, and how usable their keys are."""
    read: dict[str, Any] = me.page.evaluate(READ_STORE)
    return read


def take_parking(me: Visitor) -> None:
    """Take ten passes for the car park."""
    me.go("/me/passes").tap("Take passes: Park free for 30 more minutes")
    me.page.wait_for_selector("[data-notice=stored]:not([hidden])")


def parker(me: Visitor) -> None:
    """Sign in as somebody with the points for parking, who allows the car park to check."""
    me.sign_in(Audience.RESIDENT, "resident-4").go("/me/show")
    button = "Allow Riverside Parking to check eligibility"
    if me.page.get_by_role("button", name=button).count():
        me.press(button).press("I agree", exact=True)


def shown_code(me: Visitor) -> str:
    """Show a pass and return the text of its code."""
    me.tap("Show one")
    me.page.wait_for_selector("[data-shown]:not([hidden]) .qr svg path")
    return me.page.input_value("[data-code]")


def redeem(browser: Browser, city: Process, code: str, verdict: str) -> None:
    """Paste a code at the car park's desk and wait for the verdict."""
    with visiting(browser, city.base, language="en") as desk:
        desk.sign_in(Audience.VENUE, "riverside-parking-1")
        desk.page.fill("[name=handle]", code)
        desk.tap("Redeem", exact=True)
        desk.page.wait_for_selector(f"[data-verdict={verdict}]")
        desk.check()


def test_passes_are_taken_shown_offline_and_redeemed_once(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", viewport=NARROW) as me:
        parker(me)
        take_parking(me)
        content = store(me)
        assert (content["passes"], content["requests"]) == (10, 0)
        assert {(key["extractable"], *key["usages"], key["read"]) for key in content["keys"]} == {
            (False, "sign", "InvalidAccessError")
        }
        assert "Left: 10, until" in me.text
        me.page.wait_for_selector("[data-taken] form")
        assert "10 not used, until" in me.text
        me.check()
        me.page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        cached = me.page.evaluate(CACHED)
        assert cached
        for trace in ("resident-4", *content["people"], "riverside", "Riverside"):
            assert not [text for text in cached if trace in text], trace
        me.context.set_offline(True)
        me.go("/me/passes")
        assert "No connection" in me.text
        me.page.wait_for_selector("[data-rows] li")
        code = shown_code(me)
        assert code.startswith("CE1:")
        assert "Left: 9, until" in me.text
        assert store(me)["passes"] == 9
        me.check()
        me.context.set_offline(False)
        redeem(browser, city, code, "redeemed")
        redeem(browser, city, code, "standard")
        me.go("/me/passes")
        me.page.wait_for_selector("[data-rows] li")
        assert "Left: 9, until" in me.text
        assert "9 not used, until" in me.text
        me.go("/me/accesses")
        assert "with an offline pass" in me.text


def test_a_request_without_an_answer_is_repeated_with_its_keys(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as me:
        parker(me)
        me.go("/me/passes").tap("Stop all passes")
        me.page.wait_for_selector(".done")
        lost: list[str] = []

        def lose(route: Any) -> None:
            """Send the request and lose its answer; answer the first repetition as a limit of rates does."""
            if route.request.method == "POST" and not lost:
                lost.append(route.request.post_data)
                route.fetch()
                route.abort()
            elif route.request.method == "POST" and len(lost) == 1:
                lost.append(route.request.post_data)
                route.fulfill(status=429, json={"code": "rate_limited", "detail": "Too many requests."})
            else:
                lost.append(route.request.post_data or "")
                route.continue_()

        me.page.route("**/me/passes", lose)
        me.tap("Take passes: Park free for 30 more minutes")
        me.page.wait_for_selector("[data-notice=unanswered]:not([hidden])")
        assert store(me)["requests"] == 1
        with me.page.expect_response(lambda answer: answer.status == 429):
            me.tap("Take passes: Park free for 30 more minutes")
        me.page.wait_for_selector("[data-pass] button:not([disabled])")
        assert store(me)["requests"] == 1
        me.tap("Take passes: Park free for 30 more minutes")
        me.page.wait_for_selector("[data-notice=stored]:not([hidden])")
        assert len({text.partition("keys=")[2] for text in lost if "keys=" in text}) == 1
        assert store(me)["passes"] > 0
        me.faults.clear()  # the lost answer


def test_throwing_away_signing_out_and_somebody_else_leave_no_pass(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="zh-CN", dark=True) as me:
        me.sign_in(Audience.RESIDENT, "resident-8")
        me.go("/me/passes")
        person = me.page.get_attribute("[data-passes]", "data-person")
        me.page.evaluate(PLANT, person)
        me.go("/me/passes").page.wait_for_selector("[data-rows] li")
        me.tap("出示一张")
        me.page.wait_for_selector("[data-shown]:not([hidden]) .qr svg path")
        me.check()
        me.page.evaluate(PLANT, person)
        me.tap("完成")
        me.page.wait_for_selector("[data-rows] li")
        me.tap("全部删除")
        me.page.wait_for_selector("[data-notice=thrown]:not([hidden])")
        assert store(me)["passes"] == 0
        me.page.evaluate(PLANT, secrets.token_hex(16))
        me.go("/me/passes").page.wait_for_selector("[data-none]:not([hidden])")
        me.page.wait_for_function("document.querySelectorAll('[data-rows] li').length === 0")
        assert (store(me)["passes"], store(me)["requests"]) == (0, 0)
        me.page.evaluate(PLANT, person)
        me.go("/me/mine").press("退出登录")
        me.page.wait_for_function("indexedDB.databases().then((all) => all.length === 0)")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_without_scripts_the_page_says_what_it_needs(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language, scripts=False) as me:
        me.sign_in(Audience.RESIDENT, "resident-4").go("/me/passes")
        assert ("browser with scripts" if language == "en" else "启用脚本的浏览器") in me.text
        assert me.page.locator("[data-pass] button").first.is_hidden()


def recognise_other_city(city: Process, folder: Path) -> None:
    """Publish the document of another city by three persons."""

    def post(audience: Audience, staff_id: str, path: str, body: Any = None) -> Any:
        token = seed.issuer_of(folder).mint(audience, staff_id, now=datetime.now(UTC), staff_id=staff_id)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(8)}
        answer = httpx2.post(city.base + path, json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    version = "/v1/admin/issuers/other-city/versions/1"
    sha256 = post(Audience.ADMINISTRATOR, "admin-1", "/v1/admin/issuers", ISSUER)["sha256"]
    post(Audience.ADMINISTRATOR, "admin-1", f"{version}/submit")
    decision = {"decision": "approve", "reason": "Read it."}
    post(Audience.PRIVACY, "officer-1", "/v1/privacy/reviews/issuers.other-city.1/decision", decision)
    post(Audience.ADMINISTRATOR, "admin-2", f"{version}/approve", {"sha256": sha256})


def test_passes_for_another_city_are_stored_with_its_name(browser: Browser, city: Process, demo_folder: Path) -> None:
    recognise_other_city(city, demo_folder)
    with visiting(browser, city.base, language="en", viewport=NARROW) as me:
        parker(me)
        me.go("/me/passes")
        if me.page.get_by_role("button", name="Stop all passes").count():
            me.press("Stop all passes")
        me.page.fill("#venue_id", "their-car-park")
        me.page.select_option("#benefit", "parking-free-minutes@")
        me.tap("Take passes: In another city")
        me.page.wait_for_selector("[data-notice=stored]:not([hidden])")
        assert me.page.inner_text("[data-rows] [data-venue]") == "Neighbour City · their-car-park"
        me.page.wait_for_selector("[data-taken] form")
        assert "Neighbour City · their-car-park" in me.page.inner_text("[data-taken]")
        me.check()
