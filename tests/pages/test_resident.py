"""The resident's pages in a real browser: history, the end of a countdown, and focus."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import Browser

from service.auth.access_tokens import Audience
from tests.pages.browser import NARROW, Visitor, visiting
from tests.support.processes import Process

POINTS = {"en": "I have 63 points", "zh-CN": "我有 63 分"}


@pytest.mark.parametrize("language", sorted(POINTS))
def test_somebody_of_the_city_has_63_points(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language) as me:
        me.sign_in(Audience.RESIDENT, "resident-9").check()
        assert POINTS[language] in me.text


def test_a_code_that_has_ended_says_no_more_than_that(browser: Browser, city: Process) -> None:
    """The code may have been redeemed: the page refers to the access log and claims nothing."""
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, "resident-1")
        me.page.clock.install()
        me.go("/me/show").press("Show the code")
        assert me.page.is_hidden("[data-ended]")
        me.page.clock.fast_forward(91_000)
        me.page.wait_for_selector("[data-ended]:not([hidden])")
        assert me.page.inner_text("[data-ended]") == "This code has ended. See the result"
        assert "was not used" not in me.text
        me.check()


def begin(me: Visitor, name: str) -> None:
    me.go("/me/consents")
    me.page.fill("#account-green-travel", f"bike-{name}")
    me.press("Read the notice: Green Travel").check()


def test_going_back_and_reloading_show_the_page_again(browser: Browser, city: Process) -> None:
    name = secrets.token_hex(4)
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, f"person-{name}")
        begin(me, name)
        assert name not in me.page.url
        me.page.reload()
        assert "You can say no. Nothing changes for you." in me.text
        me.press("I agree", exact=True).check()
        code = me.page.inner_text(".link-code .typed")
        me.page.reload()
        assert me.page.inner_text(".link-code .typed") == code
        me.go("/me/mine")
        me.page.go_back()
        assert me.page.inner_text(".link-code .typed") == code
        me.page.go_back()
        assert "You have already answered this notice." in me.text
        assert me.page.inner_text(".link-code .typed") == code
        me.check()
        me.press("Stop: Green Travel").check()
        me.press("Stop", exact=True).check()
        me.press("Undo: Green Travel").check()
        assert "This permission is active again." in me.text


def test_the_cursor_stands_where_something_is_wrong(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", viewport=NARROW) as me:
        me.sign_in(Audience.RESIDENT, f"person-{secrets.token_hex(4)}").go("/me/consents")
        me.page.fill("#account-civic-life", "my number")
        # The browser itself says so first, and sends nothing.
        me.tap("Read the notice: Civic Life")
        assert re.search(r"/me/consents$", me.page.url)
        me.page.evaluate("document.querySelectorAll('form').forEach((form) => { form.noValidate = true; })")
        me.press("Read the notice: Civic Life").check()
        assert me.page.evaluate("document.activeElement.id") == "account-civic-life"
        assert me.page.input_value("#account-civic-life") == "my number"
