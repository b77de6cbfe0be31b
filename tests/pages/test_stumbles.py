"""Pages at the places where people stumbled (E1 to E14 of the findings about pages).

E3 and E4 are in `test_kiosk`, E5 also in `test_resident`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from service.auth.access_tokens import Audience
from tests.pages.browser import DESKTOP, NARROW, PHONE, Visitor, visiting
from tests.pages.texts import TEXTS, deliver, sign_in_with_points
from tests.support.processes import Process

LANGUAGES = pytest.mark.parametrize("language", sorted(TEXTS))


def show_code(me: Visitor, title: str) -> str:
    """Show a benefit's code at the first venue; return the short code."""
    me.go("/me/show")
    form = me.page.locator("form[action='/me/show']", has_text=title).first
    with me.page.expect_navigation():
        form.locator("button").click()
    return re.sub(r"\s", "", me.page.inner_text(".typed"))


def test_any_and_all_conditions_read_differently(browser: Browser, city: Process) -> None:
    """E1: the page of a benefit says "one is enough" or "all of them"."""
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, "resident-8").go("/me/benefits/parking-free-minutes").check()
        assert "one is enough" in me.text
        me.go("/me/benefits/checkup-window").check()
        assert "all of them" in me.text
        assert "one is enough" not in me.text


def test_a_used_benefit_leads_on(browser: Browser, city: Process, demo_folder: Path) -> None:
    """E2: the ticket says "Used" and has a way back; the card and the list say from when it is there again."""
    with (
        visiting(browser, city.base, language="en") as me,
        visiting(browser, city.base, language="en", viewport=DESKTOP) as desk,
    ):
        sign_in_with_points(me, city, demo_folder, "en")
        me.go("/me/benefits/library-deposit").press(TEXTS["en"]["ask"]).press("I agree", exact=True)
        code = show_code(me, "Borrow without a deposit")
        # E7: the typed code has eight characters, and the desk takes them.
        assert len(code) == 8
        desk.sign_in(Audience.VENUE, "city-library-main")
        desk.page.fill("#handle", code)
        desk.tap("Redeem", exact=True)
        desk.page.wait_for_selector(".verdict.redeemed")
        me.page.wait_for_selector(".seal")
        assert me.page.get_by_role("link", name="Done").get_attribute("href") == "/me/benefits"
        for path in ("/me/show", "/me/benefits", "/me/benefits/library-deposit"):
            me.go(path).check()
            assert "Used; again from" in me.text, path


def test_a_stop_can_be_undone_for_a_day(browser: Browser, city: Process, demo_folder: Path) -> None:
    """E5: the page says so before the tap; nothing counts meanwhile; Undo brings the same points back."""
    with visiting(browser, city.base, language="en") as me:
        sign_in_with_points(me, city, demo_folder, "en")
        me.go("/me/consents").press("Stop: Green Travel").check()
        assert "24 hours" in me.text
        me.press("Stop", exact=True)
        me.go("/me")
        assert "I have 0 points" in me.text
        me.go("/me/consents").press("Undo: Green Travel").check()
        me.go("/me").check()
        assert "I have 63 points" in me.text


def test_the_objection_form_shows_its_record(browser: Browser, city: Process) -> None:
    """E6: day, kind, quantity and points of the record; a page of its own for an unknown one."""
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, "resident-4").go("/me/records")
        me.follow("a[href$='/objection']").check()
        shown = me.page.locator("main .card").first.inner_text()
        assert re.search(r"\b20\d\d\b", shown), shown
        assert re.search(r"Points\s+\d+", shown), shown
        answer = me.page.goto(f"{city.base}/me/records/unknown/object")
        assert answer is not None
        assert answer.status == 404
        me.faults.clear()


def test_a_suspension_asks_for_its_reason(browser: Browser, city: Process) -> None:
    """E8: one tap suspends nothing; without a reason the page says what is missing."""
    with visiting(browser, city.base, language="en", viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/benefits/swim-discount").check()
        author.follow("a[href*='/suspend']").check()
        assert author.page.locator("textarea[required], input[name=reason][required]").count() == 1
        author.go("/admin/benefits/swim-discount")
        assert "In force" in author.text


@LANGUAGES
def test_staff_read_who_they_are_and_who_did_what(browser: Browser, city: Process, language: str) -> None:
    """E9, E10: a document as people read it, in both languages, with who did what when; the signed-in name."""
    with visiting(browser, city.base, language=language, viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/benefits/library-deposit").check()
        assert "admin-1" in author.page.inner_text(".side, .appbar, header")
        assert "免押金借阅" in author.text
        assert "Borrow without a deposit" in author.text
        assert '{"' not in author.text
        assert re.search(r"20\d\d", author.page.inner_text("main"))


@LANGUAGES
def test_a_waiting_code_stands_on_the_first_page_until_it_is_typed(
    browser: Browser, city: Process, demo_folder: Path, language: str
) -> None:
    """E11: the code on the first page, then a message and its badge."""
    texts = TEXTS[language]
    with visiting(browser, city.base, language=language) as me:
        me.sign_in(Audience.RESIDENT, f"waiting-{language.lower()}").go("/me/consents")
        me.page.fill("#account-green-travel", f"waiting-{language.lower()}")
        me.press(texts["read"]).press(texts["agree"], exact=True)
        code = me.page.inner_text(".link-code .typed").strip()
        me.go("/me").check()
        assert me.page.inner_text(".link-code .typed").strip() == code
        deliver(city, demo_folder, code, f"waiting-{language.lower()}", 63)
        me.go("/me").check()
        assert me.page.locator(".link-code").count() == 0
        assert me.page.inner_text(".appbar .count") == "1"


@LANGUAGES
@pytest.mark.parametrize("viewport", [PHONE, NARROW], ids=["phone", "narrow"])
def test_the_tab_bar_is_one_row(browser: Browser, city: Process, language: str, viewport: dict[str, int]) -> None:
    """E12: five tabs side by side in both languages."""
    with visiting(browser, city.base, language=language, viewport=viewport) as me:  # type: ignore[arg-type]
        me.sign_in(Audience.RESIDENT, "resident-9")
        tops = me.page.evaluate("[...document.querySelectorAll('.tabbar a')].map((tab) => tab.offsetTop)")
        assert len(tops) == 5
        assert len(set(tops)) == 1


def test_pages_are_compressed_and_public_ones_cached(browser: Browser, city: Process) -> None:
    """E13."""
    with visiting(browser, city.base, language="en") as anybody:
        answer = anybody.page.goto(f"{city.base}/benefits")
        assert answer is not None
        headers = answer.all_headers()
        assert headers["content-encoding"] == "gzip"
        assert headers["cache-control"].startswith("public")


def test_own_views_are_no_uses(browser: Browser, city: Process) -> None:
    """E14: reading one's own pages adds nothing to who used the information."""
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, "resident-7")
        for path in ("/me", "/me/benefits", "/me/records", "/me"):
            me.go(path)
        me.go("/me/accesses").check()
        assert "Nobody has used your information." in me.text


def test_the_nearest_venue_comes_first_and_the_place_is_not_sent(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as me:
        me.context.grant_permissions(["geolocation"])
        me.context.set_geolocation({"latitude": 41.7757, "longitude": 123.4357})
        me.sign_in(Audience.RESIDENT, "resident-1").go("/me/benefits/library-deposit")
        asked: list[str] = []
        me.page.on("request", lambda request: asked.append(request.url))
        names = "[...document.querySelectorAll('[data-by-distance] b')].map((name) => name.textContent)"
        assert me.page.evaluate(names) == ["City Library, main building", "City Library, riverside branch"]
        me.tap("Nearest first")
        me.page.wait_for_selector("[data-nearest][aria-pressed=true]")
        assert me.page.evaluate(names) == ["City Library, riverside branch", "City Library, main building"]
        assert me.page.inner_text("[data-by-distance] [data-km]") == "0 km"
        # The browser may still load the icon of the page.
        assert [url for url in asked if "/static/" not in url] == []
        me.check()
        me.go("/me/benefits").tap("Nearest first")
        me.page.wait_for_selector("[data-nearest][aria-pressed=true]")
        me.check()


def test_without_a_place_the_list_stays_as_it_is(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="zh-CN") as me:
        me.sign_in(Audience.RESIDENT, "resident-1").go("/me/benefits")
        me.tap("由近到远排序")
        me.page.wait_for_selector("[data-nowhere]:not([hidden])")
        me.check()


@LANGUAGES
def test_a_benefit_that_does_not_apply_leads_to_what_earns(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language) as me:
        me.sign_in(Audience.RESIDENT, "nobody-yet").go("/me/benefits/market-gift").check()
        me.follow("main a[href='/earn']").check()


@LANGUAGES
def test_hashes_and_ids_of_a_notice_are_folded(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language) as me:
        me.sign_in(Audience.RESIDENT, "resident-1").go("/me/benefits/parking-free-minutes")
        if me.page.locator("form[action='/me/consents/ask'] button").count():
            me.follow("form[action='/me/consents/ask'] button").check()
            assert "benefit-check" not in me.text
        me.go("/me/consents").follow("main a.more[href^='/me/consents/']").check()
        assert not re.search("points-compute|benefit-check|[0-9a-f]{64}", me.text)


@LANGUAGES
def test_names_are_not_squeezed_on_a_phone(browser: Browser, city: Process, language: str) -> None:
    """Names of rows with bars are not squeezed, and the desk's header does not cut the venue's name."""
    with visiting(browser, city.base, language=language) as reader:
        reader.go("/figures").check()
        widths = "[...document.querySelectorAll('.ranges tbody th')].map(each => each.getBoundingClientRect().width)"
        assert min(reader.page.evaluate(widths)) > 90
    with visiting(browser, city.base, language=language) as desk:
        desk.sign_in(Audience.VENUE, "city-library-main").check()
        assert desk.page.evaluate("document.querySelector('.topbar strong').getBoundingClientRect().top") >= 6


@LANGUAGES
def test_the_buttons_of_a_code_are_of_one_height(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language) as me:
        me.sign_in(Audience.RESIDENT, "resident-9")
        me.go("/me/show").follow("form[action='/me/consents/ask'] button, form[action='/me/show'] button")
        if me.page.locator("form[action='/me/consents/give']").count():
            me.follow("form[action='/me/consents/give'] button").go("/me/show")
            me.follow("form[action='/me/show'] button")
        heights = "[...document.querySelectorAll('.btns .btn')].map(each => each.getBoundingClientRect().height)"
        heights = me.page.evaluate(heights)
        assert len(heights) == 2
        assert max(heights) - min(heights) < 1


def test_a_file_is_imported_without_pasting(browser: Browser, city: Process, tmp_path: Path) -> None:
    """A fault names the document by its kind and number; the corrected text becomes a draft with its kind."""
    with visiting(browser, city.base, language="en", viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/exchange").check()
        with author.page.expect_download() as started:
            author.page.click("a[href$='catalogue.yaml']")
        text = started.value.path().read_text(encoding="utf-8")
        file = tmp_path / "catalogue.yaml"
        file.write_text(text.replace("up_to_fen: 10000", "up_to_fen: -5", 1), encoding="utf-8")
        author.page.set_input_files("#file", file)
        author.page.wait_for_function("document.querySelector('#catalogue').value.includes('up_to_fen: -5')")
        author.press("Make drafts").check()
        assert re.search(r"Benefits, number \d+ · effect/up_to_fen", author.text)
        author.page.fill("#catalogue", text.replace("up_to_fen: 10000", "up_to_fen: 9000", 1))
        author.press("Make drafts").check()
        assert "1 draft was made" in author.text
        assert "Benefits · library-deposit" in author.text


def test_a_code_fills_the_width_of_a_phone(browser: Browser, city: Process) -> None:
    """The drawing has a quiet zone of four modules itself, so that it may reach the edges of its paper."""
    with visiting(browser, city.base, language="en", viewport=PHONE) as me:
        me.sign_in(Audience.RESIDENT, "resident-1").go("/me/benefits/library-deposit")
        me.press("Show the code").check()
        widths = "() => [document.querySelector('.qr svg').getBoundingClientRect().width, innerWidth]"
        drawn, window = me.page.evaluate(widths)
        assert drawn > 0.95 * window


def test_an_objection_and_its_dates_fit_a_narrow_phone(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", viewport=NARROW) as me:
        me.sign_in(Audience.RESIDENT, "resident-5").go("/me/records").follow("a[href$='/objection']")
        me.page.check("[name=reason_code] >> nth=0")
        me.page.fill("#statement", "This was somebody else.")
        me.follow("main form button")
        assert "To be decided by" in me.text
        me.check()
        outside = "() => [...document.querySelectorAll('dd')].filter((one) => one.scrollWidth > one.clientWidth).length"
        assert me.page.evaluate(outside) == 0


def test_the_first_sentence_is_as_wide_as_the_text_below_it(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", viewport=DESKTOP) as reader:
        reader.go("/never")
        lead, text = (
            reader.page.locator(place).evaluate("(one) => one.offsetWidth") for place in (".lead", "main .cols")
        )
        assert lead == text
