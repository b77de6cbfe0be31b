"""States of the city for the pictures: tickets, a used code, a stop, an objection, a case, a draft, a package."""

from __future__ import annotations

import re

from playwright.sync_api import Browser

from service.auth.access_tokens import Audience
from tests.pages.browser import DESKTOP, Visitor, visiting

LIBRARY = "city-library-main"
BORROWERS = {"zh-CN": "resident-1", "en": "resident-2"}
DESK_BORROWERS = {"zh-CN": "resident-3", "en": "resident-9"}
"""Residents who may borrow without a deposit, once a day: each picture of a use is another person's."""
DESK_STATES = {
    "desk-redeemed": ("redeem", "redeemed", ""),
    "desk-valid": ("check", "valid", ""),
    "desk-standard": ("redeem", "standard", "K7QM2XWP"),
    "desk-incomplete": ("redeem", "incomplete", "K7QM2X"),
}
"""By picture: the button, the kind of the verdict, and the code; "" for a resident's."""


def prepare(browser: Browser, base: str) -> dict[str, str]:
    """Bring a seeded city into the states that the pictures show; return the addresses of their pages by name.

    The statements are in Chinese: people write in their own language.
    """
    with visiting(browser, base, viewport=DESKTOP) as admin:
        _start_a_partner(admin)
    _recognise_a_city(browser, base)
    with visiting(browser, base, viewport=DESKTOP) as admin:
        _submit_a_package(admin)
    with visiting(browser, base) as me:
        places = _object_and_complain(me.sign_in(Audience.RESIDENT, "resident-1"))
        me.go("/me/consents")
        places["stop"] = _first(me, "form[action$='/stop']", "action")
        places["receipt"] = _first(me, "main a.more[href^='/me/consents/']", "href")
    with visiting(browser, base) as other:
        other.sign_in(Audience.RESIDENT, "resident-6").go("/me/consents")
        other.follow("form[action$='/stop'] button").follow(
            "form[method=post] button.stop, main form[method=post] button"
        )
    with visiting(browser, base) as newcomer:
        newcomer.sign_in(Audience.RESIDENT, "newcomer").go("/me/consents")
        newcomer.page.fill("#account-green-travel", "bike-4711")
        newcomer.press("查看告知书：绿色出行").press("同意", exact=True)
    with visiting(browser, base, viewport=DESKTOP) as officer:
        places |= _open_a_case(officer.sign_in(Audience.PRIVACY, "officer-1"))
    return places


def open_notice(me: Visitor) -> None:
    """Ask for a notice; its page stays readable until it is answered."""
    me.go("/me/consents").follow("main form[action='/me/consents/ask'] button")


def show_ticket(me: Visitor, benefit: str) -> str:
    """Show a benefit's code; return the short code."""
    ready = f"form[action='/me/show']:has([value^='{benefit}@']) button"
    if not me.go("/me/show").page.locator(ready).count():
        me.go(f"/me/benefits/{benefit}").follow("form[action='/me/consents/ask'] button")
        me.follow("form[action='/me/consents/give'] button").go("/me/show")
    me.follow(ready)
    return re.sub(r"\s", "", me.page.inner_text(".typed"))


def ticket_of(browser: Browser, base: str, who: str) -> str:
    """Return a short code for borrowing without a deposit."""
    with visiting(browser, base) as me:
        return show_ticket(me.sign_in(Audience.RESIDENT, who), "library-deposit")


def enter_code(desk: Visitor, code: str, button: str, verdict: str) -> None:
    """Enter a code at the desk, and wait for the verdict of this kind."""
    desk.page.fill("#handle", code)
    desk.page.click(f"#desk-form [value={button}]")
    desk.page.wait_for_selector(f"[data-verdict={verdict}]")


def write_a_harm(author: Visitor) -> None:
    """Enter a discount above the greatest one into the editor, and wait for the rule checks to name it."""
    author.page.select_option("[name=effect_kind]", "fee_discount")
    author.page.fill("[name=effect_amount]", "50")
    author.page.wait_for_selector("#findings .finding.refused")


def verify_logs(officer: Visitor) -> None:
    """Let the service verify its logs."""
    officer.follow("main form button")
    officer.page.wait_for_selector(".result")


def _start_a_partner(admin: Visitor) -> None:
    admin.sign_in(Audience.ADMINISTRATOR, "admin-2").go("/admin/providers/new")
    texts = {"/provider_id": "old-town-museum", "/name/zh-CN": "老城博物馆", "/name/en": "Old Town Museum"}
    _save_new(admin, "providers", "old-town-museum", texts, {"/kind": "museum"})
    admin.go("/admin/sources/green-travel/edit")
    admin.page.fill("[name='t:/name/en']", "Green Travel Shenyang")
    admin.page.click("button[value=save]")
    admin.page.wait_for_url("**/admin/sources/green-travel?*")
    admin.press("提交")


def _save_new(admin: Visitor, kind: str, document_id: str, texts: dict[str, str], choices: dict[str, str]) -> None:
    """Save the first draft of a document; `texts` and `choices` are the values of its fields by pointer."""
    for pointer, value in texts.items():
        admin.page.fill(f"[name='t:{pointer}']", value)
    for pointer, code in choices.items():
        admin.page.select_option(f"[name='t:{pointer}']", code)
    admin.page.click("button[value=save]")
    admin.page.wait_for_url(f"**/admin/{kind}/{document_id}?*")


def _recognise_a_city(browser: Browser, base: str) -> None:
    """Put a neighbouring city's library passes into force by three persons; its author may not approve them."""
    with visiting(browser, base, viewport=DESKTOP) as author:
        author.sign_in(Audience.ADMINISTRATOR, "admin-1").go("/admin/issuers/new")
        address = "https://credit.fushun.example"
        texts = {
            "/issuer_id": "fushun",
            "/name/zh-CN": "抚顺市",
            "/name/en": "Fushun",
            "/url": address,
            "/keys_sha256": "1630d5c2f39c574839ad00bd2b4750cdad8b5738156cbc7e5fee0cbc70167ae6",
            "/recognises/0/vct": f"{address}/vct/library-deposit/1",
        }
        choices = {"/division": "2101", "/recognises/0/benefit_id": "library-deposit"}
        _save_new(author, "issuers", "fushun", texts, choices)
        author.press("提交")
        with visiting(browser, base, viewport=DESKTOP) as officer:
            officer.sign_in(Audience.PRIVACY, "officer-1").go("/officer/reviews/issuers.fushun.1")
            officer.page.check("[name=decision][value=approve]")
            officer.page.fill("#reason", "已与对方核对公钥摘要。")
            officer.follow("main form.card button")
        author.go("/admin/issuers/fushun").follow("form[action$='/approve'] button")
    with visiting(browser, base, viewport=DESKTOP) as second:
        second.sign_in(Audience.ADMINISTRATOR, "admin-2").go("/admin/issuers/fushun")
        second.follow("form[action$='/approve'] button")


def _submit_a_package(admin: Visitor) -> None:
    """Submit two venues of the library as one package, which waits for a privacy officer."""
    admin.sign_in(Audience.ADMINISTRATOR, "admin-1")
    for branch, name in (("east", "市图书馆东馆"), ("west", "市图书馆西馆")):
        admin.go("/admin/venues/new?provider_id=city-library&division=210102")
        texts = {
            "/venue_id": f"library-{branch}",
            "/name/zh-CN": name,
            "/name/en": f"City Library, {branch} branch",
            "/client_id": f"library-{branch}",
        }
        _save_new(admin, "venues", f"library-{branch}", texts, {})
    admin.go("/admin/partner?provider=city-library").press("提交全部草稿")


def _object_and_complain(me: Visitor) -> dict[str, str]:
    me.go("/me/records")
    form = _first(me, "a[href$='/objection']", "href")
    me.go(form).page.check("[name=reason_code][value=not_mine]")
    me.page.fill("textarea", "那天我不在沈阳，这条记录不是我的。")
    me.follow("main form button")
    me.go("/me/records")
    places = {"object": _first(me, "a[href$='/objection']", "href", 1)}
    me.go("/me/complaints/new?benefit=library-deposit&venue=city-library-main")
    me.page.check("[name=reason_code][value=not_honoured]")
    me.page.fill("textarea", "代码有效，工作人员仍然要求我交押金。")
    me.follow("main form button")
    me.go("/me/benefits/tool-deposit")
    return places


def _open_a_case(officer: Visitor) -> dict[str, str]:
    officer.go("/officer")
    places = {
        "objection": _first(officer, "main a[href*='/officer/objections/']", "href"),
        "review": _first(officer, "main a[href*='/officer/reviews/']", "href"),
        "complaint": _first(officer, "main a[href*='/officer/complaints/']", "href"),
    }
    officer.go("/officer/cases").page.fill("#text", "年度抽查：核对来源交付的记录。")
    officer.follow("main form[method=post] button")
    officer.page.fill("#note", "已抽取样本。")
    officer.follow("form[action*='/notes'] button")
    places["case"] = officer.page.url.removeprefix(officer.base).partition("?")[0]
    return places


def _first(visitor: Visitor, selector: str, attribute: str, place: int = 0) -> str:
    return visitor.page.locator(selector).nth(place).get_attribute(attribute) or ""
