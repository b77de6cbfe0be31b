"""Every page: narrow and dark, at 200 %, without scripts, by keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, ViewportSize

from service.auth.access_tokens import Audience
from service.web import routes
from tests.pages.browser import NARROW, Visitor, visiting
from tests.support.processes import Process

WHO = {
    Audience.RESIDENT: "resident-1",
    Audience.VENUE: "city-library-main",
    Audience.ADMINISTRATOR: "admin-1",
    Audience.PRIVACY: "officer-1",
}
FILES = {
    "/me/export", "/sign-in/return", "/demo-sign-in", "/desk/day.csv", "/manifest.webmanifest", "/worker.js",
    "/me/kiosk/end",
}  # fmt: skip
"""Paths without a page; the last one signs out."""
EXAMPLES = {"{kind}": "benefits", "{id}": "library-deposit"}
ZOOMED: ViewportSize = {"width": 640, "height": 512}
"""CSS pixels of a window of 1,280 by 1,024 at a zoom of 200 %."""
TABS_MAX = 400


def pages_of(audience: Audience | None) -> list[str]:
    """Return every page of an audience (None: public) that can be opened by its path."""
    paths = []
    for route in routes.ROUTES:
        path = route.path
        for name, example in EXAMPLES.items():
            path = path.replace(name, example)
        is_page = route.method == "GET" and not route.fragment and path not in FILES and not path.endswith(".csv")
        if route.audience is audience and is_page and "{" not in path:
            paths.append(path)
    return paths


def come_in(visitor: Visitor, audience: Audience | None) -> Visitor:
    return visitor if audience is None else visitor.sign_in(audience, WHO[audience])


@pytest.mark.parametrize("audience", [None, *WHO], ids=lambda audience: str(audience or "open"))
@pytest.mark.parametrize(
    ("viewport", "dark", "language"),
    [(NARROW, True, "en"), (ZOOMED, False, "zh-CN")],
    ids=["320 pixels and dark", "200 percent"],
)
def test_every_page_fits_its_window_and_is_accessible(
    browser: Browser, city: Process, audience: Audience | None, viewport: ViewportSize, dark: bool, language: str
) -> None:
    with visiting(browser, city.base, viewport=viewport, dark=dark, language=language) as visitor:
        come_in(visitor, audience)
        for path in pages_of(audience):
            visitor.go(path).check()


def test_without_scripts_a_resident_has_everything(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", scripts=False) as me:
        me.sign_in(Audience.RESIDENT, "resident-2")
        assert me.page.locator(".pass").is_visible()
        assert me.page.locator("h2#why").is_visible()
        me.go("/me/show").press("Show the code")
        assert me.page.locator(".qr svg").is_visible()
        assert "Valid until" in me.text
        me.go("/me/consents").press("Stop: Green Travel").press("Stop", exact=True)
        assert "Stopped." in me.text


def tab_to(visitor: Visitor, words: str, exact: bool = False) -> None:
    """Press Tab until the focused element has this text, alone if `exact`; its focus must be visible."""
    for _ in range(TABS_MAX):
        visitor.page.keyboard.press("Tab")
        position = visitor.page.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e.labels?.[0]?.textContent || e.textContent || e.value || e.id, e.id,"
            " s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0]; }"
        )
        name = re.sub(r"\s+(?=:)", "", position[0]).strip()
        if words in (position[1], name) or (not exact and words in position[0]):
            assert position[2], f"the focus on {words} cannot be seen"
            return
    raise AssertionError(f"the Tab key never reaches {words}")


def test_every_control_is_reached_by_keyboard(browser: Browser, city: Process) -> None:
    """From the first page to a code and to a stop, without a pointer."""
    with visiting(browser, city.base, language="en") as me:
        keyboard = me.page.keyboard
        me.go("/")
        keyboard.press("Tab")
        assert me.page.evaluate("document.activeElement.className") == "skip"
        tab_to(me, "Get started")
        keyboard.press("Enter")
        me.page.wait_for_selector("#typed")
        tab_to(me, "typed")
        keyboard.type("resident-3")
        keyboard.press("Enter")
        me.page.wait_for_selector("h2#why")
        tab_to(me, "Show", exact=True)
        keyboard.press("Enter")
        me.page.wait_for_url("**/me/show")
        tab_to(me, "Show the code")
        keyboard.press("Enter")
        me.page.wait_for_selector(".qr")
        tab_to(me, "Close")
        keyboard.press("Enter")
        me.page.wait_for_url("**/me/show")
        tab_to(me, "Permissions")
        keyboard.press("Enter")
        me.page.wait_for_url("**/me/consents")
        tab_to(me, "Stop: Green Travel")
        keyboard.press("Enter")
        me.page.wait_for_url("**/stop*")
        tab_to(me, "Stop")
        keyboard.press("Enter")
        me.page.wait_for_selector(".undo")
        assert "Stopped." in me.text
