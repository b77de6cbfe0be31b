"""Desk and officer in a real browser: a lost answer, checking before redeeming, narrow tables, print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, ViewportSize

from service.auth.access_tokens import Audience
from tests.pages.browser import DESKTOP, NARROW, PHONE, Visitor, visiting
from tests.pages.texts import TEXTS, sign_in_with_points
from tests.support.processes import Process


def handle_of(browser: Browser, city: Process, folder: Path) -> str:
    """Return a code for the library."""
    with visiting(browser, city.base, language="en") as me:
        sign_in_with_points(me, city, folder, "en")
        me.go("/me/benefits/library-deposit").press(TEXTS["en"]["ask"]).press("I agree", exact=True)
        me.go("/me/show").press("Show the code")
        return re.sub(r"\s", "", me.page.inner_text(".typed"))


def test_a_lost_answer_is_asked_for_again_and_counts_once(browser: Browser, city: Process, demo_folder: Path) -> None:
    handle = handle_of(browser, city, demo_folder)
    keys = []

    def lose(route: Route) -> None:
        keys.append(route.request.post_data or "")
        route.fetch()  # It arrives and is honoured; only the answer is lost.
        route.fulfill(status=502, body="")

    with visiting(browser, city.base, language="en") as desk:
        desk.sign_in(Audience.VENUE, "city-library-main")
        desk.page.route("**/desk/answer-part", lose)
        desk.page.fill("#handle", handle)
        # The console message for the 502 that this test provokes is no fault of the page.
        desk.page.click("#desk-form [value=redeem]")
        desk.page.wait_for_selector("[data-unanswered]:not([hidden])")
        desk.faults.clear()
        desk.check()
        assert desk.page.is_hidden("[data-away]")
        assert desk.page.input_value("#handle") == handle
        assert "counts once" in desk.page.inner_text("[data-unanswered] .call")
        assert "No code was used" not in desk.text
        desk.page.unroute("**/desk/answer-part")
        # Typed in groups and capitals, as the page shows it, it is the same code.
        desk.page.fill("#handle", f"{handle[:8]} {handle[8:]}".upper())
        desk.page.click("#desk-form [value=redeem]")
        desk.page.wait_for_selector(".verdict.redeemed")
        assert desk.page.is_hidden("[data-unanswered]")
        desk.go("/desk/day")
        assert len(keys) == 1


def test_the_desk_says_nothing_was_used_only_when_no_request_was_sent(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as desk:
        desk.sign_in(Audience.VENUE, "city-library-main")
        asked: list[str] = []
        desk.page.on("request", lambda request: asked.append(request.url))
        desk.context.set_offline(True)
        desk.page.fill("#handle", "ab" * 16)
        desk.page.click("#desk-form [value=redeem]")
        desk.page.wait_for_selector("[data-away]:not([hidden])")
        assert "No code was used" in desk.page.inner_text("[data-away] .call")
        assert not [url for url in asked if url.endswith("/desk/answer-part")]
        assert desk.page.is_hidden("[data-unanswered]")
        desk.context.set_offline(False)


def test_a_checked_code_is_redeemed_by_one_press(browser: Browser, city: Process, demo_folder: Path) -> None:
    handle = handle_of(browser, city, demo_folder)
    with visiting(browser, city.base, language="en") as desk:
        desk.sign_in(Audience.VENUE, "city-library-main")
        desk.page.fill("#handle", handle)
        desk.tap("Check only")
        desk.page.wait_for_selector(".verdict.valid:has-text('not redeemed yet')")
        desk.check()
        assert desk.page.input_value("#handle") == handle
        # The next scan takes the place of what stands there.
        assert desk.page.evaluate("getSelection().toString()") == handle
        desk.tap("Redeem now")
        desk.page.wait_for_selector(".verdict.redeemed")
        assert desk.page.input_value("#handle") == ""


def refuse_something(city: Process, browser: Browser) -> None:
    """An author's approval of their own draft is refused on the page."""
    with visiting(browser, city.base, language="en", viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1")
        author.go("/admin/benefits/library-deposit/edit")
        author.page.fill("[name='t:/title/zh-CN']", "图书外借免押金")
        author.page.fill("[name='t:/title/en']", "Book loan: no deposit")
        author.page.click("button[value=save]")
        author.page.wait_for_url("**/admin/benefits/library-deposit?*")
        author.press("Submit")
        author.press("Approve what is shown here")


@pytest.mark.parametrize(("language", "viewport"), [("en", DESKTOP), ("zh-CN", NARROW)], ids=["wide", "narrow"])
def test_what_an_officer_decides_is_accessible(
    browser: Browser, city: Process, language: str, viewport: ViewportSize
) -> None:
    """Pages of decisions are accessible, also with their error messages."""
    with visiting(browser, city.base, language=language) as me:
        me.sign_in(Audience.RESIDENT, "resident-1" if language == "en" else "resident-2")
        me.go("/me/records")
        me.follow("a[href$='/objection']")
        me.page.check("[name=reason_code][value=not_mine]")
        me.page.fill("textarea", "That was not me.")
        with me.page.expect_navigation():
            me.page.locator("main form button").last.click()
    with visiting(browser, city.base, language="en", viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1")
        author.go("/admin/sources/green-travel/edit")
        author.page.fill("[name='t:/name/en']", f"Green Travel, {language}")
        author.page.click("button[value=save]")
        author.page.wait_for_url("**/admin/sources/green-travel?*")
        author.press("Submit")
    with visiting(browser, city.base, language=language, viewport=viewport) as officer:
        officer.sign_in(Audience.PRIVACY, "officer-1").check()
        for address in ("objections", "reviews"):
            officer.go("/officer")
            officer.follow(f"main a[href*='/officer/{address}/']").check()
            if address == "objections":
                officer.page.check("[value=correct]")
                officer.page.fill("#quantity", "abc")
                officer.follow("main form.card:not([action$=acknowledge]) button")
                officer.page.wait_for_selector("#quantity-fault")
                assert officer.page.input_value("#quantity") == "abc"
                officer.check()
                officer.page.fill("#quantity", "")
                officer.page.fill("#reason", "Both sides agree.")
                officer.follow("main form.card:not([action$=acknowledge]) button")
                officer.page.wait_for_selector("#correction-fault")
            else:
                officer.page.check("[name=decision][value=refuse]")
                for recipient in officer.page.locator("[value=spelling_only]").all():
                    recipient.check()
                officer.page.fill("#reason", " ")
                officer.follow("main form.card:not([action$=acknowledge]) button")
                officer.page.wait_for_selector("#unfit")
            officer.check()
        officer.go("/officer/cases")
        officer.page.fill("#text", "A complaint.")
        officer.follow("main form.card:not([action$=acknowledge]) button")
        officer.page.wait_for_url("**/officer/cases/*")
        officer.check()
        officer.page.fill("#size", "abc")
        officer.page.press("#size", "Enter")
        officer.page.wait_for_selector("#unfit")
        officer.check()


def narrowest(visitor: Visitor, selector: str) -> float:
    width: float = visitor.page.evaluate(
        "s => Math.min(...[...document.querySelectorAll(s)].map(e => e.getBoundingClientRect().width))", selector
    )
    return width


BROKEN_TEXTS = r"""() => {
  const broken = [];
  const words = /\b\d{4}-\d\d-\d\d\b|\d{4}年\d+月\d+日|\d{1,2} [A-Z][a-z]+ 20\d\d|\b(?:admin|officer|resident)-\d+\b/g;
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode()); )
    for (const word of text.data.matchAll(words)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (range.getClientRects().length > 1) broken.push(word[0]);
    }
  return broken;
}"""
"""Dates and ids of the page that stand in more than one line."""
TABLES = {
    Audience.ADMINISTRATOR: (
        "/admin/benefits", "/admin/services", "/admin/issuers", "/admin/activity", "/admin/packages", "/admin/usage",
        "/admin/benefits/library-deposit",
    ),
    Audience.PRIVACY: (
        "/officer", "/officer/attempts", "/officer/objections", "/officer/complaints", "/officer/cases",
        "/officer/propagations", "/officer/sources", "/officer/trends", "/officer/self-audit",
    ),
}  # fmt: skip
"""Pages of staff with a table."""


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_tables_are_read_row_by_row_on_a_narrow_screen(browser: Browser, city: Process, language: str) -> None:
    refuse_something(city, browser)
    for audience, paths in TABLES.items():
        who = "officer-1" if audience is Audience.PRIVACY else "admin-1"
        with visiting(browser, city.base, language=language, viewport={"width": 360, "height": 740}) as staff:
            staff.sign_in(audience, who)
            for path in paths:
                staff.go(path).check()
                assert staff.page.evaluate(
                    "[...document.querySelectorAll('.wide-x')].every(each => each.scrollWidth <= each.clientWidth)"
                ), path
                assert staff.page.evaluate(BROKEN_TEXTS) == [], path
                labels = staff.page.locator(".stacked tbody td[data-label]")
                assert labels.count() or not staff.page.locator(".stacked tbody td:not([colspan])").count(), path
            assert not re.search(r"four_eyes|approveVersion", staff.page.inner_text("main"))
    with visiting(browser, city.base, language=language, viewport=NARROW) as anybody:
        anybody.go("/scheme").check()
        assert anybody.page.locator(".stacked tbody td").count() > 10
        assert narrowest(anybody, ".stacked tbody td, .stacked tbody th") > 200


def test_a_phone_orders_a_table_by_a_select(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as staff:
        staff.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/benefits")
        staff.page.select_option("#sort", "-name")
        staff.press("Filter")
        names = staff.page.locator("tbody th b").all_inner_texts()
        assert len(names) > 5
        assert names == sorted(names, key=str.casefold, reverse=True)
        staff.page.set_viewport_size(DESKTOP)
        assert staff.page.is_hidden("#sort")
        bars = staff.page.locator(".toolbar .btn").evaluate_all(
            "all => all.map(each => each.getBoundingClientRect().top)"
        )
        assert len(set(bars)) == 1


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_table_of_sources_fits_a_window_of_1200_pixels(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base) as me:
        me.sign_in(Audience.RESIDENT, "resident-1").go("/me/records")
        if me.page.locator("a[href$='/objection']").count() == me.page.locator(".list .row").count():
            me.follow("a[href$='/objection']").page.check("[name=reason_code][value=not_mine]")
            me.page.fill("textarea", "Not mine.")
            me.follow("main form button")
    with visiting(browser, city.base, language=language, viewport=DESKTOP) as officer:
        officer.sign_in(Audience.PRIVACY, "officer-1").go("/officer/sources").check()
        assert officer.page.locator("main tbody tr").count() >= 1
        assert officer.page.evaluate(
            "[...document.querySelectorAll('.wide-x')].map(each => each.scrollWidth - each.clientWidth)"
        ) == [0]
        officer.page.set_viewport_size(PHONE)
        assert narrowest(officer, "main tbody td") > 200


@pytest.mark.parametrize("height", [640, 480])
def test_the_navigation_is_whole_above_who_is_signed_in(browser: Browser, city: Process, height: int) -> None:
    """A laptop's window shows every link at once; in a lower one they scroll, never behind the way out."""
    with visiting(browser, city.base, viewport=ViewportSize(width=1280, height=height)) as admin:
        admin.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/exchange").check()
        last = admin.page.locator(".side nav.only-wide a").last
        if height < 640:
            last.scroll_into_view_if_needed()
        link, foot = last.bounding_box(), admin.page.locator(".side .me").bounding_box()
        assert link is not None
        assert foot is not None
        assert link["y"] + link["height"] <= foot["y"]
        assert foot["y"] + foot["height"] <= height


def test_printed_pages_are_white_and_have_no_navigation(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", viewport=DESKTOP, dark=True) as officer:
        officer.sign_in(Audience.PRIVACY, "officer-1")
        officer.go("/officer/self-audit").check()
        officer.page.emulate_media(media="print", color_scheme="dark")
        colours = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
        assert officer.page.locator("body").evaluate(colours) == ["rgb(15, 31, 25)", "rgb(255, 255, 255)"]
        assert officer.page.locator("main span.yes").first.evaluate(colours)[0] == "rgb(7, 94, 77)"
        assert officer.page.locator(".side").is_hidden()


def test_sound_and_vibration_are_switched_once_for_a_device(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as desk:
        desk.sign_in(Audience.VENUE, "city-library-main")
        switch = desk.page.locator("[data-sound]")
        assert switch.get_attribute("aria-pressed") == "true"
        switch.click()
        assert switch.get_attribute("aria-pressed") == "false"
        desk.go("/desk")
        assert desk.page.locator("[data-sound]").get_attribute("aria-pressed") == "false"


def test_a_code_that_was_cut_off_stays_in_the_field(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as desk:
        desk.sign_in(Audience.VENUE, "city-library-main")
        desk.page.fill("#handle", "abcd 23")
        desk.page.press("#handle", "Enter")
        desk.page.wait_for_selector(".verdict.incomplete:has-text('6 characters, 8 needed')")
        assert desk.page.input_value("#handle") == "abcd 23"
        desk.check()
