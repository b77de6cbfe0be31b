"""Packages, reports, cases and passed-on complaints in a browser: accessible in each state, also on a phone."""

from __future__ import annotations

from playwright.sync_api import Browser

from service.auth.access_tokens import Audience
from tests.pages.browser import DESKTOP, NARROW, visiting
from tests.support.processes import Process


def test_a_package_goes_from_draft_to_force(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en", viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1")
        author.go("/admin/venues/new?provider_id=city-library&division=210102")
        for name, value in (
            ("t:/venue_id", "library-east"),
            ("t:/name/zh-CN", "图书馆东馆"),
            ("t:/name/en", "City Library, east"),
            ("t:/client_id", "library-east"),
        ):
            author.page.fill(f"[name='{name}']", value)
        author.page.click("button[value=save]")
        author.page.wait_for_url("**/admin/venues/library-east?*")
        author.go("/admin/partner?provider=city-library").press("Submit all drafts")
        author.page.wait_for_url("**/admin/packages/*")
        author.check()
        package = author.page.url.removeprefix(city.base).partition("?")[0]
        author.go("/admin/partner?provider=city-library").check()
    with visiting(browser, city.base, language="zh-CN", viewport=NARROW, dark=True) as officer:
        officer.sign_in(Audience.PRIVACY, "officer-1").check()
        officer.follow("main a[href*='/officer/reviews/package.']").check()
        officer.page.check("[name=decision][value=approve]")
        officer.page.fill("#reason", "场所属实。")
        officer.follow("main form.card button").check()
    with visiting(browser, city.base, language="zh-CN", viewport=NARROW) as second:
        second.sign_in(Audience.ADMINISTRATOR, "admin-2").check()
        second.go(package).check()
        second.follow(f"form[action='{package}/approve'] button").check()
        assert "已批准资料包内的全部文件。" in second.text
        second.go("/admin/activity?q=library-east").check()
        assert second.page.locator("tbody tr").count() == 4


def test_reports_cases_and_complaints_are_accessible_with_something_in_them(browser: Browser, city: Process) -> None:
    with visiting(browser, city.base, language="en") as me:
        me.sign_in(Audience.RESIDENT, "resident-4")
        me.go("/me/records").follow("a[href$='/objection']")
        me.page.check("[name=reason_code][value=not_mine]")
        me.page.fill("textarea", "That was not me.")
        with me.page.expect_navigation():
            me.page.locator("main form button").last.click()
        me.go("/me/complaints/new?benefit=library-deposit&venue=city-library-main")
        me.page.check("[name=reason_code][value=not_honoured]")
        with me.page.expect_navigation():
            me.page.locator("main form button").last.click()
    with visiting(browser, city.base, language="en", viewport=NARROW, dark=True) as officer:
        officer.sign_in(Audience.PRIVACY, "officer-1")
        officer.go("/officer/trends").check()
        assert officer.page.locator("svg.plot").count() == 1
        officer.go("/officer").follow("main a[href*='/officer/complaints/']").check()
        officer.page.fill("#answer", "The library was told.")
        officer.page.fill("#to_provider", "Somebody was asked for a deposit. Please brief the desk.")
        officer.follow("main form.card button").check()
        officer.go("/officer/cases")
        officer.page.fill("#text", "The yearly audit.")
        officer.follow("main form.card button")
        officer.page.fill("#note", "Sample drawn.")
        officer.follow("form[action*='/notes'] button").check()
        officer.page.fill("#conclusion", "Nothing unusual.")
        officer.follow("form[action*='/closing'] button").check()
        assert "Nothing unusual." in officer.text
    with visiting(browser, city.base, language="zh-CN", viewport=NARROW) as desk:
        desk.sign_in(Audience.VENUE, "city-library-main").go("/desk/complaints").check()
        assert "Please brief the desk." in desk.text
    with visiting(browser, city.base, language="zh-CN", viewport=NARROW) as reader:
        reader.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/usage")
        reader.page.click("details.card summary, section details summary")
        reader.check()
        # The buttons next to a title go below it where both do not fit.
        reader.go("/admin").check()
        title = reader.page.locator("h1").bounding_box()
        assert title is not None
        assert title["width"] > 150
        reader.page.click("section details summary")
        reader.check()
