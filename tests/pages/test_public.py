"""The public pages in a real browser: begin, earn, figures, and the logs verified by the visitor's own device."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from consent.transparency.checkpoint import NoteKey
from service.auth.access_tokens import Audience
from tests.pages.browser import DESKTOP, NARROW, Visitor, visiting
from tests.support.processes import Process

VERDICT = "[data-verdict] [data-say]:not([hidden], [data-say=running])"


def verdict(visitor: Visitor) -> str:
    """The verdict of the page, once the browser has computed it."""
    visitor.page.wait_for_selector(VERDICT)
    return visitor.page.locator(VERDICT).get_attribute("data-say") or ""


def step(visitor: Visitor, log: str, name: str) -> str:
    shown = visitor.page.locator(f"[data-log={log}] [data-step={name}] [data-say]:not([hidden])")
    return shown.get_attribute("data-say") or ""


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_browser_verifies_both_logs_and_remembers_them(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language, viewport=DESKTOP) as visitor:
        visitor.go("/logs")
        assert verdict(visitor) == "ok"
        for log in ("consent", "policy"):
            assert [step(visitor, log, name) for name in ("signature", "inclusion", "consistency")] == [
                "ok", "ok", "first",
            ]  # fmt: skip
        visitor.check()
        visitor.page.reload()
        assert verdict(visitor) == "ok"
        assert step(visitor, "policy", "consistency") == "ok"


@pytest.mark.parametrize(
    ("changed", "place"),
    [("tile", "inclusion"), ("checkpoint", "signature"), ("remembered", "consistency")],
)
def test_a_changed_log_is_noticed_by_the_browser(browser: Browser, city: Process, changed: str, place: str) -> None:
    with visiting(browser, city.base, language="en") as visitor:
        visitor.go("/logs")
        assert verdict(visitor) == "ok"

        def change(route: Route) -> None:
            body = bytearray(route.fetch().body())
            if changed == "tile":
                body[40] ^= 1
            else:
                body[-8:-2] = b"AAAAAA"
            route.fulfill(body=bytes(body))

        if changed == "remembered":
            visitor.page.evaluate(
                "() => { const all = JSON.parse(localStorage.getItem('credit-easy-logs-seen'));"
                " all.policy.root = btoa('x'.repeat(32)); localStorage.setItem('credit-easy-logs-seen',"
                " JSON.stringify(all)); }"
            )
        else:
            visitor.page.route("**/log/policy/" + ("tile/**" if changed == "tile" else "checkpoint"), change)
        visitor.tap("Verify again")
        visitor.page.wait_for_selector("[data-verdict] [data-say=bad]:not([hidden])")
        assert step(visitor, "policy", place) == "bad"
        assert step(visitor, "consent", place) != "bad"
        visitor.check()


def test_a_receipt_is_verified_without_leaving_the_device(browser: Browser, city: Process, tmp_path: Path) -> None:
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, f"person-{secrets.token_hex(4)}").go("/me/consents")
        me.page.fill("#account-green-travel", f"bike-{secrets.token_hex(4)}")
        me.press("Read the notice: Green Travel").press("I agree", exact=True)
        consent_id = me.page.url.partition("/me/consents/")[2].partition("/")[0]
        file = tmp_path / "receipt.json"
        receipt = me.page.request.get(f"{city.base}/me/consents/{consent_id}/receipt.json").json()
        for problem, members in (
            ("", {}),
            ("signature", {"receipt": {**receipt["receipt"], "state": "refused"}}),
            ("event", {"events": [{**receipt["events"][0], "salt": "00" * 16}]}),
        ):
            file.write_text(json.dumps({**receipt, **members}))
            me.go("/logs")
            verdict(me)
            me.page.set_input_files("[data-file]", file)
            shown = me.page.locator("[data-receipt] [data-say]:not([hidden])")
            shown.wait_for()
            # The leaf may not be published yet: then the page says so.
            assert shown.get_attribute("data-say") in ({"ok", "waiting"} if not problem else {problem})
        me.check()


def test_a_restart_that_nobody_announced_is_noticed_by_the_browser(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as visitor:
        visitor.go("/logs")
        assert verdict(visitor) == "ok"
        visitor.page.evaluate(
            "() => { const all = JSON.parse(localStorage.getItem('credit-easy-logs-seen'));"
            " all.policy.origin = 'city/before'; localStorage.setItem('credit-easy-logs-seen', JSON.stringify(all)); }"
        )
        visitor.tap("Verify again")
        visitor.page.wait_for_selector("[data-verdict] [data-say=bad]:not([hidden])")
        assert step(visitor, "policy", "consistency") == "bad"
        # The last good state stays remembered.
        assert visitor.page.evaluate("() => localStorage.getItem('credit-easy-logs-seen').includes('city/before')")
        visitor.check()


def test_a_key_that_was_replaced_signs_no_present_checkpoint(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as visitor:

        def replace_keys(route: Route) -> None:
            """Describe the key that has signed as replaced, and another one as current."""
            body = route.fetch().json()
            for log in body["data"]:
                name = log["verifier_key"].partition("+")[0]
                log["verifier_key"] = NoteKey(name, bytes(32)).text()
                log["keys"] = [{**key, "valid_until": "2026-01-01T00:00:00Z"} for key in log["keys"]]
            route.fulfill(json=body)

        visitor.page.route("**/v1/public/logs", replace_keys)
        visitor.go("/logs")
        assert verdict(visitor) == "bad"
        assert [step(visitor, log, "signature") for log in ("consent", "policy")] == ["bad", "bad"]
        visitor.check()


def test_a_browser_without_ed25519_does_not_vouch_for_a_receipt(
    browser: Browser, city: Process, tmp_path: Path
) -> None:
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, f"person-{secrets.token_hex(4)}").go("/me/consents")
        me.page.fill("#account-green-travel", f"bike-{secrets.token_hex(4)}")
        me.press("Read the notice: Green Travel").press("I agree", exact=True)
        consent_id = me.page.url.partition("/me/consents/")[2].partition("/")[0]
        receipt: dict[str, Any] = {}
        deadline = time.monotonic() + 120
        while not receipt.get("events", [{}])[0].get("proof"):
            assert time.monotonic() < deadline, "the leaf is not published"
            me.page.wait_for_timeout(500)
            receipt = me.page.request.get(f"{city.base}/me/consents/{consent_id}/receipt.json").json()
        file = tmp_path / "receipt.json"
        file.write_text(json.dumps(receipt))
        shown = me.page.locator("[data-receipt] [data-say]:not([hidden])")
        for answer in ("ok", "unsupported"):
            me.go("/logs")
            verdict(me)
            me.page.set_input_files("[data-file]", file)
            shown.wait_for()
            assert shown.get_attribute("data-say") == answer
            me.page.add_init_script(
                "const known = crypto.subtle.importKey.bind(crypto.subtle); crypto.subtle.importKey = (...all) =>"
                " all[2].name === 'Ed25519' ? Promise.reject(new Error('unknown')) : known(...all);"
            )
        me.check()


def test_without_scripts_the_service_reports_its_own_check(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", scripts=False) as visitor:
        visitor.go("/logs")
        assert "No problems found in either log" in visitor.text
        assert visitor.page.is_hidden("[data-run]")


def test_a_newcomer_finds_what_it_is_and_how_to_begin(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", viewport=NARROW) as visitor:
        visitor.go("/").check()
        for sentence in ("Points are never deducted.", "What it can never be", "Three steps, about 5 minutes"):
            assert sentence in visitor.text
        visitor.follow("footer a[href='/earn']").check()
        assert "Recorded by: Green Travel" in visitor.text
        visitor.follow("footer a[href='/figures']").check()
        assert "Nobody can be found in these numbers" in visitor.text
