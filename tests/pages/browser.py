"""A real browser: Debian's Chromium through Playwright, with errors, foreign requests and console output recorded."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, ViewportSize

from service.auth.access_tokens import Audience
from service.web.auth.sign_in_sessions import PATHS

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
QUIETLY = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
"""Flags that keep the browser itself from asking anybody for anything; no sandbox, since root may run the tests."""
PHONE: ViewportSize = {"width": 390, "height": 1000}
DESKTOP: ViewportSize = {"width": 1200, "height": 800}
NARROW: ViewportSize = {"width": 320, "height": 640}
EXPECTED = re.compile(
    r"Failed to load resource: the server responded with a status of 4\d\d|net::ERR_INTERNET_DISCONNECTED"
)
"""The console message for an error answer that the test itself provokes."""


@dataclass
class Visitor:
    """A person at a browser of their own; `faults` lists forbidden requests and errors of the pages."""

    base: str
    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> Visitor:
        """Open a page."""
        self.page.goto(self.base + path)
        return self

    def sign_in(self, audience: Audience, who: str) -> Visitor:
        """Sign in to an audience's pages: a resident by a typed name, staff and venues as a listed subject."""
        self.go(PATHS[audience])
        if audience is Audience.RESIDENT:
            self.page.fill("#typed", who)
        else:
            self.page.check(f"input[value='{who}']")
        with self.page.expect_navigation():
            self.page.click("main button")
        return self

    @property
    def text(self) -> str:
        """The visible text of the page."""
        return self.page.inner_text("body")

    def press(self, name: str, exact: bool = False) -> Visitor:
        """Press the first button of this name, which leads to another page."""
        with self.page.expect_navigation():
            self.tap(name, exact)
        return self

    def follow(self, selector: str) -> Visitor:
        """Click the first element that matches, which leads to another page, and wait for that page."""
        # Without the wait, a script of the test may meet a document that has no root element yet.
        with self.page.expect_navigation():
            self.page.locator(selector).first.click()
        return self

    def tap(self, name: str, exact: bool = False) -> Visitor:
        """Press the first button of this name, which stays on the page."""
        # A button's subject is in its accessible name alone, after an invisible space.
        pattern = name if exact else re.compile(re.sub("[:：]", lambda colon: rf"\s*{colon[0]}", re.escape(name)))
        self.page.get_by_role("button", name=pattern, exact=exact).first.click()
        return self

    def check(self) -> None:
        """Assert that the page is accessible, no wider than the window, and has caused no fault."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} pixels wider than the window"
        violations: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        assert not violations, [
            (self.page.url, violation["id"], [node["target"] for node in violation["nodes"]])
            for violation in violations
        ]
        assert not self.faults, self.faults


@contextmanager
def visiting(
    browser: Browser,
    base: str,
    *,
    language: str = "zh-CN",
    viewport: ViewportSize = PHONE,
    dark: bool = False,
    scripts: bool = True,
    camera: bool = False,
) -> Iterator[Visitor]:
    """Open a browser context; fail on closing if its pages reported an error or loaded from elsewhere."""
    context = browser.new_context(
        viewport=viewport,
        locale=language,
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        permissions=["camera"] if camera else [],
        reduced_motion="reduce",
    )
    visitor = Visitor(base, context, context.new_page())
    visitor.page.set_default_timeout(10_000)
    watch(visitor)
    try:
        yield visitor
    finally:
        context.close()
    assert not visitor.faults, visitor.faults


def watch(visitor: Visitor) -> None:
    """Record requests to other origins, violations of the content policy, and script errors as faults."""
    own: Callable[[str], bool] = lambda url: url.startswith((visitor.base + "/", "data:", "blob:"))  # noqa: E731

    def asked(request: Request) -> None:
        if not own(request.url):
            visitor.faults.append(f"asked {request.url}")

    def record_message(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            visitor.faults.append(f"console: {message.text}")

    visitor.context.on("request", asked)
    visitor.context.on("console", record_message)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(f"script: {error}"))
