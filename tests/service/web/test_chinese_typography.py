"""E12: Chinese pages have Chinese punctuation, and no sentence runs into the next."""

from __future__ import annotations

import re

import pytest

from service.auth.access_tokens import Audience
from service.web import routes
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio

HAN = r"[\u4e00-\u9fff]"
ASCII_PUNCTUATION = re.compile(rf"{HAN}\s*[:;,!?]\s|{HAN}[:;!?]{HAN}")
LOOSE = re.compile(rf"[：，。；！？、][ \u00a0]+[^\s<·]|{HAN}[ \u00a0]+{HAN}")
"""A space next to full-width punctuation, or between two characters, within one text of a page's HTML."""
LEFT_OUT = {"/me/export", "/me/kiosk/end", "/sign-in/return", "/manifest.webmanifest", "/worker.js", "/design"}
"""Files, the end of a session, and a page of examples."""

WHO = {
    None: "",
    Audience.RESIDENT: "resident-1",
    Audience.VENUE: "city-library-main",
    Audience.ADMINISTRATOR: "admin-1",
    Audience.PRIVACY: "officer-1",
}


async def test_pages_of_residents_and_the_public_have_chinese_punctuation(shared_city: City) -> None:
    me = await Browser(shared_city, "zh-CN").sign_in(Audience.RESIDENT, "resident-1")
    for route in routes.ROUTES:
        if route.method != "GET" or "{" in route.path or route.path in LEFT_OUT or route.fragment:
            continue
        if route.audience in (None, Audience.RESIDENT):
            await me.go(route.path)
            wrong = [me.text[max(0, hit.start() - 12) : hit.end() + 12] for hit in ASCII_PUNCTUATION.finditer(me.text)]
            assert not wrong, (route.path, wrong)


@pytest.mark.parametrize(("audience", "who"), WHO.items(), ids=str)
async def test_chinese_pages_have_no_spaces_between_characters(
    shared_city: City, audience: Audience | None, who: str
) -> None:
    bad = []
    visitor = Browser(shared_city, "zh-CN")
    if audience is not None:
        await visitor.sign_in(audience, who)
    for route in routes.ROUTES:
        if route.method != "GET" or route.path in LEFT_OUT or route.fragment or route.path.endswith(".csv"):
            continue
        path = route.path.replace("{kind}", "benefits").replace("{id}", "library-deposit")
        if route.audience is audience and "{" not in path:
            await visitor.go(path)
            wrong = [visitor.html[max(0, hit.start() - 20) : hit.end() + 20] for hit in LOOSE.finditer(visitor.html)]
            bad += [(path, w) for w in wrong]
    assert not bad, bad
