"""The kiosk, the page without a network, and the badge, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from service.auth.access_tokens import Audience
from service.web.page import LANGUAGE_COOKIE
from tests.pages.browser import DESKTOP, visiting
from tests.support.processes import Process


def test_a_kiosk_shows_a_code_and_forgets_the_person(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", viewport=DESKTOP) as kiosk:
        kiosk.go("/kiosk").check()
        kiosk.follow("main a[href='/me/kiosk']")
        kiosk.page.fill("#typed", "resident-1")
        kiosk.press("Sign in")
        kiosk.check()
        assert "Which benefit do you need?" in kiosk.text
        kiosk.press("Borrow without a deposit").check()
        assert kiosk.page.locator(".qr svg").is_visible()
        shown = kiosk.page.url
        kiosk.press("Sign out").check()
        assert "This screen has forgotten everything." in kiosk.text
        assert kiosk.context.cookies() == []
        left = "Promise.all([indexedDB.databases(), caches.keys()])"
        assert kiosk.page.evaluate(left + ".then(all => [localStorage.length, ...all.map(each => each.length)])") == [
            0, 0, 0,
        ]  # fmt: skip
        kiosk.page.goto(shown)
        assert "Who are you?" in kiosk.text


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_tall_kiosk_has_large_buttons_and_none_at_its_top(browser: Browser, city: Process, language: str) -> None:
    """At 1080 × 1920 everything to press is 64 pixels high and below the top 300, which not everybody reaches."""
    low = """() => [...document.querySelectorAll("a:not(.skip), button")].filter(each => each.offsetParent)
        .map(each => [each.textContent.trim(), each.getBoundingClientRect()])
        .filter(([, box]) => box.height < 64 || box.top < 300).map(([name]) => name)"""
    with visiting(browser, city.base, language=language, viewport={"width": 1080, "height": 1920}) as kiosk:
        kiosk.go("/kiosk").check()
        assert kiosk.page.evaluate(low) == []
        kiosk.sign_in(Audience.RESIDENT, "resident-1").go("/me/kiosk").check()
        assert kiosk.page.evaluate(low) == []
        kiosk.follow(".tile-button >> nth=-1").check()
        assert kiosk.page.evaluate(low) == []
        shown = kiosk.page.url
        kiosk.follow(".tools .tonal")
        assert kiosk.page.url == shown
        kiosk.follow(".tools a[href='/me/kiosk']")
        assert kiosk.page.locator(".tile-button").count() > 1


def test_a_kiosk_left_alone_signs_out(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", scripts=False) as kiosk:
        kiosk.sign_in(Audience.RESIDENT, "resident-1")
        answer = kiosk.page.request.get(f"{city.base}/me/kiosk")
        assert answer.headers["refresh"] == "60;url=/me/kiosk/end"
        # The address to which the browser goes by itself.
        kiosk.go("/me/kiosk/end")
        assert "You are signed out" in kiosk.text
        kiosk.go("/me/kiosk")
        assert "Who are you?" in kiosk.text


def test_without_a_network_the_page_says_what_still_works(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, "resident-2")
        me.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        me.context.set_offline(True)
        me.page.goto(f"{city.base}/me/benefits")
        assert "A code that is on your screen already" in me.text
        assert "resident" not in me.text
        me.context.set_offline(False)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_stored_page_does_not_choose_the_language_of_others(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language) as me:
        me.sign_in(Audience.RESIDENT, "resident-2")
        me.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        assert [cookie for cookie in me.context.cookies() if cookie.get("name") == LANGUAGE_COOKIE] == []
        me.go("/me").check()
        assert me.page.get_attribute("html", "lang") == language


def test_the_badge_counts_new_messages_until_they_were_shown(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, "resident-3").go("/me/messages")
        me.go("/me/complaints/new?benefit=library-deposit")
        me.page.check("[name=reason_code][value=other]")
        me.press("Send").check()
        me.go("/me").check()
        assert me.page.inner_text(".appbar .count") == "1"
        me.follow(".appbar a[href='/me/messages']").check()
        me.go("/me")
        assert me.page.locator(".appbar .count").count() == 0


def test_a_ticket_survives_back_and_knows_that_it_was_used(browser: Browser, city: Process) -> None:
    """E3, E4: Back shows the code again without sending a form; the page says "Used" by itself."""
    with (
        visiting(browser, city.base, language="en") as me,
        visiting(browser, city.base, language="en", viewport=DESKTOP) as desk,
    ):
        me.sign_in(Audience.RESIDENT, "resident-1").go("/me/show")
        form = me.page.locator("form[action='/me/show']", has_text="Borrow without a deposit").first
        with me.page.expect_navigation():
            form.locator("button").click()
        code = me.page.inner_text(".typed")
        me.go("/me/mine")
        me.page.go_back()
        assert me.page.inner_text(".typed") == code
        desk.sign_in(Audience.VENUE, "city-library-main")
        desk.page.locator("input[name=handle]").fill(code)
        desk.page.keyboard.press("Enter")
        me.page.wait_for_selector(".seal")
        assert "Used" in me.text
        me.check()
