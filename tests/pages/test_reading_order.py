"""The order in which a screen reader reads the main flows: headings, states and buttons of the accessibility tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from service.auth.access_tokens import Audience
from tests.pages import stage
from tests.pages.browser import Visitor, visiting
from tests.pages.texts import TEXTS, sign_in_with_points
from tests.support.processes import Process

ORDERS: dict[str, dict[str, tuple[str, ...]]] = {
    "points": {
        "en": ('heading "I have 63 points" [level=1]', 'heading "Next benefit" [level=2]', 'button "Calculate"'),
        "zh-CN": ('heading "我有 63 分" [level=1]', 'heading "下一项权益" [level=2]', 'button "计算"'),
    },
    "benefit": {
        "en": (
            'heading "Borrow without a deposit" [level=1]', "paragraph: Applies", 'heading "What you need" [level=2]',
            'heading "Where" [level=2]', 'button "Show the code', 'heading "Other ways" [level=2]',
        ),
        "zh-CN": (
            'heading "免押金借阅" [level=1]', 'heading "条件" [level=2]', 'heading "位置" [level=2]',
            'button "出示代码', 'heading "其他办法" [level=2]',
        ),
    },
    "permissions": {
        "en": ('heading "Permissions"', 'heading "Active', 'heading "Green Travel" [level=3]', 'button "Stop'),
        "zh-CN": ('heading "授权" [level=1]', 'heading "生效中', 'heading "绿色出行" [level=3]', 'button "停止'),
    },
    "stop": {
        "en": ('heading "Stop', 'heading "What happens" [level=2]', 'heading "What never changes"', 'button "Stop"'),
        "zh-CN": ('heading "停止使用', 'heading "停止后" [level=2]', 'heading "不会改变" [level=2]', 'button "停止"'),
    },
    "ticket": {
        "en": ('heading "Borrow without a deposit" [level=1]', "img ", "The code in letters", 'button "A new code"'),
        "zh-CN": ('heading "免押金借阅" [level=1]', "img ", "代码的字符", 'button "换一个代码"'),
    },
    "verdict": {
        "en": ('heading "Redeem a code"', "status:", "Redeemed", 'textbox "Type the code"', 'button "Redeem"'),
        "zh-CN": ('heading "核销" [level=1]', "status:", "已核销", 'textbox "输入代码"', 'button "核销"'),
    },
}  # fmt: skip
"""By page and language: parts of lines of the accessibility tree, in the order in which they are read."""


def assert_read_in_order(visitor: Visitor, page: str, language: str) -> None:
    """Assert that the main part is read in the page's order, each part after the one before it."""
    tree, position = visitor.page.locator("main").aria_snapshot(), 0
    for part in ORDERS[page][language]:
        place = tree.find(part, position)
        assert place >= 0, f"{page}: {part} is not read, or is read too early, in\n{tree}"
        position = place + len(part)


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_the_main_flows_are_read_in_order(browser: Browser, city: Process, demo_folder: Path, language: str) -> None:
    with visiting(browser, city.base, language=language) as me:
        sign_in_with_points(me, city, demo_folder, language)
        assert_read_in_order(me, "points", language)
        code = stage.show_ticket(me, "library-deposit")
        assert_read_in_order(me, "ticket", language)
        me.go("/me/benefits/library-deposit")
        assert_read_in_order(me, "benefit", language)
        me.go("/me/consents")
        assert_read_in_order(me, "permissions", language)
        me.press(TEXTS[language]["stop"])
        assert_read_in_order(me, "stop", language)
    with visiting(browser, city.base, language=language) as desk:
        desk.sign_in(Audience.VENUE, stage.LIBRARY)
        stage.enter_code(desk, code, "redeem", "redeemed")
        assert_read_in_order(desk, "verdict", language)
