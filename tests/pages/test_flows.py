"""The main flows of all five in a real browser, in both languages; every page on the way is checked."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Playwright

from service.auth.access_tokens import Audience
from service.demo import seed
from tests.pages import film
from tests.pages.browser import CHROMIUM, DESKTOP, PHONE, QUIETLY, Visitor, visiting
from tests.support.processes import Process

SAID = {
    "zh-CN": {
        "read": "查看告知书: 绿色出行",
        "agree": "同意",
        "points": "我有 63 分",
        "ask": "允许市图书馆查询是否适用",
        "show": "出示代码",
        "applies": "适用",
        "standard": "按标准条款办理",
        "stop": "停止: 绿色出行",
        "stopped": "已停止，立即生效",
        "none": "我有 0 分",
        "object": "提出异议",
        "verify": "立即验证",
        "sound": "两个日志和每个人的事件链都完好",
        "gate": "按现在的内容，任何人都不能批准",
        "honour": "兑现",
    },
    "en": {
        "read": "Read what it means: Green Travel",
        "agree": "I agree",
        "points": "I have 63 points",
        "ask": "Let City Library ask whether it applies",
        "show": "Show the code",
        "applies": "It applies",
        "standard": "Standard terms apply",
        "stop": "Stop: Green Travel",
        "stopped": "Stopped, as of now",
        "none": "I have 0 points",
        "object": "Object",
        "verify": "Verify now",
        "sound": "Both logs and every person's chain are sound",
        "gate": "As it stands nobody can approve it",
        "honour": "Honour it",
    },
}
LANGUAGES = pytest.mark.parametrize("language", sorted(SAID))


def deliver(city: Process, folder: Path, code: str, account: str, trips: int) -> None:
    """What the bike-share's own app does with the code, and what it delivers."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    token = seed.issuer_of(folder).mint(Audience.SOURCE, "green-travel", now=now)
    with httpx2.Client(base_url=city.base, headers={"authorization": f"Bearer {token}"}) as source:
        confirmed = source.post("/v1/source/links/confirm", json={"code": code, "account": account})
        assert confirmed.status_code == 200, confirmed.text
        record = {
            "record_id": f"{account}.1",
            "account": account,
            "kind": "bike_trip",
            "quantity": 2 * trips,
            "occurred_on": f"{now.year - 1}-06-01",
        }
        assert source.post("/v1/source/records", json={"records": [record]}).json()["accepted"] == 1


def with_points(me: Visitor, city: Process, folder: Path, language: str) -> None:
    """Somebody new, with 63 points from bike trips."""
    said, name = SAID[language], secrets.token_hex(4)
    me.sign_in(Audience.RESIDENT, f"person-{name}").check()
    me.go("/me/consents")
    me.page.fill("#account-green-travel", f"bike-{name}")
    me.press(said["read"]).check()
    me.press(said["agree"], exact=True).check()
    deliver(city, folder, me.page.inner_text(".link-code .typed").strip(), f"bike-{name}", 63)
    me.go("/me")
    assert said["points"] in me.text


@LANGUAGES
def test_a_resident_and_a_desk(browser: Browser, city: Process, demo_folder: Path, language: str) -> None:
    said = SAID[language]
    with (
        visiting(browser, city.base, language=language) as me,
        visiting(browser, city.base, language=language) as desk,
    ):
        with_points(me, city, demo_folder, language)
        me.check()
        me.page.fill("#quantity", "60")
        with me.page.expect_navigation():
            me.page.click("#what-if button")
        me.check()
        me.go("/me/benefits").check()
        me.press(said["ask"]).check()
        me.press(said["agree"], exact=True).check()
        me.go("/me/show").check()
        me.press(said["show"]).check()
        me.picture(f"resident-ticket-{language}")
        assert int(me.page.inner_text("[data-left] b")) > 60
        drawn = me.page.evaluate("document.querySelector('.qr svg path').getBoundingClientRect().width")
        assert drawn > 0.6 * me.page.locator(".qr").bounding_box()["width"]  # type: ignore[index]
        handle = me.page.inner_text(".typed")
        desk.sign_in(Audience.VENUE, "city-library-main").check()
        for verdict in (said["applies"], said["standard"]):
            desk.page.fill("#handle", handle)
            desk.tap(said["honour"])
            desk.page.wait_for_selector(f".verdict:has-text('{verdict}')")
            desk.check()
            assert desk.page.evaluate("document.activeElement.id") == "handle"
            if verdict == said["applies"]:
                desk.picture(f"desk-applies-{language}")
        desk.go("/desk/day").check()
        me.go("/me/accesses").check()
        me.picture(f"resident-who-looked-{language}")
        me.go("/me/consents")
        me.picture(f"resident-consents-{language}")
        me.press(said["stop"]).check()
        assert said["stopped"] in me.text
        me.go("/me")
        assert said["none"] in me.text
        for path in ("mine", "messages", "objections", "leave", "records"):
            me.go(f"/me/{path}").check()


@LANGUAGES
def test_an_administrator_is_told_why_a_harm_is_refused(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language, viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1").check()
        author.go("/admin/benefits/library-deposit").check()
        author.go("/admin/benefits/library-deposit/edit").check()
        # As one writes, the gate answers, with its rule and the clause behind it.
        author.page.select_option("[name=effect_kind]", "fee_discount")
        author.page.fill("[name=effect_amount]", "20")
        author.page.wait_for_selector(f"#findings:has-text('{SAID[language]['gate']}')")
        assert author.page.locator("#findings .clause").count() >= 1
        author.check()
        author.page.evaluate("document.querySelector('#findings').scrollIntoView()")
        author.picture(f"administrator-refused-{language}")
        author.page.locator("#findings .finding a").first.click()
        for path in ("schemes/new", "sources/new", "services/book-loan", "notices", "venues/city-library-main/edit"):
            author.go(f"/admin/{path}").check()


@LANGUAGES
def test_an_officer_verifies(browser: Browser, city: Process, language: str) -> None:
    said = SAID[language]
    with visiting(browser, city.base, language=language, viewport=DESKTOP) as officer:
        officer.sign_in(Audience.PRIVACY, "officer-1").check()
        officer.picture(f"officer-now-{language}")
        officer.go("/officer/verification").check()
        officer.press(said["verify"])
        officer.page.wait_for_selector(f"text={said['sound']}")
        officer.check()
        officer.picture(f"officer-verification-{language}")
        officer.go("/officer/cases").check()
        officer.page.fill("#text", "Oversight")
        with officer.page.expect_navigation():
            officer.page.click("main form button")
        officer.check()
        for path in ("attempts", "propagations", "register", "self-audit"):
            officer.go(f"/officer/{path}").check()


@LANGUAGES
def test_anybody(browser: Browser, city: Process, language: str) -> None:
    with visiting(browser, city.base, language=language, viewport=DESKTOP) as anybody:
        for path in ("/", "/scheme", "/benefits", "/never", "/logs", "/nothing-here"):
            anybody.go(path)
            if path != "/nothing-here":
                anybody.check()
            if path == "/":
                anybody.picture(f"home-{language}")


def test_the_desk_reads_codes_by_camera(
    playwright: Playwright, browser: Browser, city: Process, demo_folder: Path, tmp_path: Path
) -> None:
    """With the reader that is shipped: this browser has none of its own."""
    with visiting(browser, city.base, language="en") as me:
        with_points(me, city, demo_folder, "en")
        me.go("/me/benefits").press(SAID["en"]["ask"]).press("I agree", exact=True)
        me.go("/me/show").press("Show the code")
        handle = re.sub(r"\s", "", me.page.inner_text(".typed"))
    shown = film.of(handle.upper(), tmp_path / "camera.y4m")
    camera = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={shown}",
    ]
    seeing = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIETLY, *camera])
    with visiting(seeing, city.base, language="en", viewport=PHONE, camera=True) as desk:
        desk.sign_in(Audience.VENUE, "city-library-main")
        assert desk.page.evaluate("'BarcodeDetector' in globalThis") is False
        desk.tap("Scan with the camera")
        desk.page.wait_for_selector(".verdict:has-text('It applies')", timeout=20_000)
        assert desk.page.is_hidden("[data-viewer]")
        desk.check()
    seeing.close()


def test_the_desk_says_when_the_network_is_away(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as desk:
        desk.sign_in(Audience.VENUE, "city-library-main")
        desk.context.set_offline(True)
        desk.page.fill("#handle", "abcd")
        desk.tap("Honour it")
        desk.page.wait_for_selector("[data-away]:not([hidden])")
        desk.check()
        assert desk.page.input_value("#handle") == "abcd"
        desk.context.set_offline(False)
        desk.tap("Honour it")
        desk.page.wait_for_selector(".verdict:has-text('Standard terms apply')")
        assert desk.page.is_hidden("[data-away]")
