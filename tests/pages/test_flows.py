"""The main flows of all five in a real browser, in both languages; every page on the way is checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright

from service.auth.access_tokens import Audience
from tests.pages import film
from tests.pages.browser import CHROMIUM, DESKTOP, PHONE, QUIETLY, visiting
from tests.pages.texts import TEXTS, sign_in_with_points
from tests.support.processes import Process

LANGUAGES = pytest.mark.parametrize("language", sorted(TEXTS))


@LANGUAGES
def test_a_resident_and_a_desk(browser: Browser, city: Process, demo_folder: Path, language: str) -> None:
    texts = TEXTS[language]
    with (
        visiting(browser, city.base, language=language) as me,
        visiting(browser, city.base, language=language) as desk,
    ):
        sign_in_with_points(me, city, demo_folder, language)
        me.check()
        me.page.fill("#quantity", "60")
        with me.page.expect_navigation():
            me.page.click("#what-if button")
        me.check()
        me.go("/me/benefits").check()
        me.go("/me/benefits/library-deposit").check()
        me.press(texts["ask"]).check()
        me.press(texts["agree"], exact=True).check()
        me.go("/me/show").check()
        me.press(texts["show"]).check()
        assert int(me.page.inner_text("[data-left] span")) > 60
        drawn = me.page.evaluate("document.querySelector('.qr svg path').getBoundingClientRect().width")
        assert drawn > 0.6 * me.page.locator(".qr").bounding_box()["width"]  # type: ignore[index]
        handle = me.page.inner_text(".typed")
        desk.sign_in(Audience.VENUE, "city-library-main").check()
        for verdict in (texts["applies"], texts["standard"]):
            desk.page.fill("#handle", handle)
            desk.tap(texts["honour"], exact=True)
            desk.page.wait_for_selector(f"#answer .verdict:has-text('{verdict}')")
            desk.check()
            assert desk.page.evaluate("document.activeElement.id") == "handle"
            if verdict == texts["applies"]:
                # The resident's page learns of the use by itself, and reloads.
                me.page.wait_for_selector(".ticket .seal")
                me.check()
        desk.go("/desk/day").check()
        me.go("/me/accesses").check()
        me.go("/me/consents")
        me.press(texts["stop"]).check()
        me.press(texts["stop_now"], exact=True).check()
        assert texts["stopped"] in me.text
        me.go("/me")
        assert texts["none"] in me.text
        for path in ("mine", "messages", "objections", "leave", "records"):
            me.go(f"/me/{path}").check()


@LANGUAGES
def test_an_administrator_reads_why_a_harm_is_refused(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language, viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1").check()
        author.go("/admin/benefits/library-deposit").check()
        author.go("/admin/benefits/library-deposit/edit").check()
        # As one writes, the gate answers, with its rule and the clause behind it.
        author.page.select_option("[name=effect_kind]", "fee_discount")
        author.page.fill("[name=effect_amount]", "20")
        author.page.wait_for_selector(f"#findings:has-text('{TEXTS[language]['gate']}')")
        assert author.page.locator("#findings .clause").count() >= 1
        author.check()
        author.page.locator("#findings .finding a").first.click()
        for path in ("schemes/new", "sources/new", "services/book-loan", "notices", "venues/city-library-main/edit"):
            author.go(f"/admin/{path}").check()


@LANGUAGES
def test_an_officer_verifies(browser: Browser, city: Process, language: str) -> None:
    texts = TEXTS[language]
    with visiting(browser, city.base, language=language, viewport=DESKTOP) as officer:
        officer.sign_in(Audience.PRIVACY, "officer-1").check()
        officer.go("/officer/verification").check()
        officer.press(texts["verify"])
        officer.page.wait_for_selector(f"text={texts['sound']}")
        officer.check()
        officer.go("/officer/cases").check()
        officer.page.fill("#text", "Oversight")
        with officer.page.expect_navigation():
            officer.page.click("main form button")
        officer.check()
        for path in ("attempts", "propagations", "register", "self-audit"):
            officer.go(f"/officer/{path}").check()


@LANGUAGES
def test_the_public_pages(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language, viewport=DESKTOP) as anybody:
        for path in ("/", "/scheme", "/benefits", "/never", "/logs", "/nothing-here"):
            anybody.go(path)
            if path != "/nothing-here":
                anybody.check()


def test_the_desk_reads_codes_by_camera(
    playwright: Playwright, browser: Browser, city: Process, demo_folder: Path, tmp_path: Path
) -> None:
    """With the reader that is shipped: this browser has none of its own."""
    with visiting(browser, city.base, language="en") as me:
        sign_in_with_points(me, city, demo_folder, "en")
        me.go("/me/benefits/library-deposit").press(TEXTS["en"]["ask"]).press("I agree", exact=True)
        me.go("/me/show").press("Show the code")
        handle = re.sub(r"\s", "", me.page.inner_text(".typed"))
    shown = film.make_qr_film(handle.upper(), tmp_path / "camera.y4m")
    camera = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={shown}",
    ]
    seeing = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIETLY, *camera])
    with visiting(seeing, city.base, language="en", viewport=PHONE, camera=True) as desk:
        desk.sign_in(Audience.VENUE, "city-library-main")
        assert desk.page.evaluate("'BarcodeDetector' in globalThis") is False
        desk.page.set_viewport_size(DESKTOP)
        desk.tap("Use the camera")
        desk.page.wait_for_selector("#answer .verdict:has-text('Redeemed')", timeout=20_000)
        # The camera stays on for the next code; the one in view is not sent again.
        assert desk.page.is_visible("[data-viewer] video")
        desk.page.wait_for_selector("#today .figure:text-matches('[1-9]')")
        desk.check()
        desk.tap("Close the camera")
        assert desk.page.is_hidden("[data-viewer]")
        desk.check()
    seeing.close()


def test_the_desk_says_when_the_network_is_away(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as desk:
        desk.sign_in(Audience.VENUE, "city-library-main")
        desk.context.set_offline(True)
        desk.page.fill("#handle", "ab" * 16)
        desk.tap("Redeem", exact=True)
        desk.page.wait_for_selector("[data-away]:not([hidden])")
        desk.check()
        assert desk.page.input_value("#handle") == "ab" * 16
        desk.context.set_offline(False)
        desk.tap("Redeem", exact=True)
        desk.page.wait_for_selector("#answer .verdict:has-text('Standard terms apply')")
        assert desk.page.is_hidden("[data-away]")
