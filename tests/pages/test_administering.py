"""The catalogue's editor in a browser: what is long stays in reach, and each finding leads to its field."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from service.auth.access_tokens import Audience
from tests.pages.browser import DESKTOP, NARROW, Visitor, visiting
from tests.support.processes import Process


def focused(visitor: Visitor) -> str:
    element_id: str = visitor.page.evaluate("document.activeElement.id")
    return element_id


def test_a_scheme_is_edited_in_a_window(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/schemes/new")
        height = author.page.evaluate("document.documentElement.scrollHeight")
        assert height < 3_000, "indicators are folded away"
        assert author.page.get_by_role("button", name="Save as a draft").is_visible()
        box = author.page.locator(".sticky").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= DESKTOP["height"] + 1, "the buttons stay in the window"
        aside = author.page.locator("aside").bounding_box()
        assert aside is not None
        assert aside["height"] <= DESKTOP["height"]
        author.page.locator("details.section").nth(6).locator("summary").click()
        author.page.fill("[name='n:/indicators/1/tiers/0/points']", "0")
        author.page.wait_for_selector("#findings a[href='#at-/indicators/1/tiers/0/points']")
        author.page.locator("details.section").nth(6).locator("summary").click()
        author.page.click("#findings a[href='#at-/indicators/1/tiers/0/points']")
        assert focused(author) == "at-/indicators/1/tiers/0/points"
        author.check()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_findings_of_a_draft_link_into_the_editor(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language, viewport=NARROW) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/benefits/checkup-half-price").check()
        author.page.click(".finding a")
        author.page.wait_for_url("**/edit#at-/effect/amount")
        author.page.wait_for_function("() => document.activeElement.id === 'at-/effect/amount'")
        author.check()
        author.go("/admin/services/book-loan/versions/1/retire").check()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_phone_shows_what_is_refused_at_the_field_and_first(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language, viewport={"width": 360, "height": 740}) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/benefits/library-deposit/edit").check()
        author.page.select_option("[name=effect_kind]", "fee_discount")
        author.page.fill("[name=effect_amount]", "50")
        author.page.wait_for_selector("[id='fault-at-/effect/amount']")
        assert author.page.locator("[data-tally] .tag").is_visible()
        author.page.wait_for_function("() => document.querySelector('.steps .now a').hash === '#step-3'")
        author.check()
        with author.page.expect_navigation():
            author.page.click("[value=check]")
        author.page.wait_for_function("() => document.activeElement.id === 'summary'")
        assert author.page.evaluate("document.querySelector('#summary').getBoundingClientRect().top") < 740
        author.check()
        author.page.click("#summary a[href='#at-/effect/amount']")
        author.page.wait_for_function("() => document.activeElement.id === 'at-/effect/amount'")
