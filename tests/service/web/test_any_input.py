"""Any input in a path, query or form is answered with a page, never with a server error."""

from __future__ import annotations

import random
import re
from urllib.parse import quote

import pytest

from service.auth.access_tokens import Audience
from service.web import routes
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio
WHO = {
    Audience.RESIDENT: "resident-2",
    Audience.VENUE: "venue-city-library",
    Audience.ADMINISTRATOR: "admin-1",
    Audience.PRIVACY: "officer-1",
}
ODD = (
    "", " ", "0", "-1", "1", "20", "9" * 30, "1e9", "²", "٣", "NaN", "null", "true", "[]", "{}", '"', "'", "<b>", "%",
    "%2F", "..", "中文", "\u202e", "\U0001f600", "a\nb",
    "a\r\nb", "\x00", "\x7f", "x" * 900, "2026-02-30", "2026-11-24", "0001-01-01", "9999-12-31", "given", "reject",
    "upheld", "approve", "audit", "benefits", "library-deposit", "library-deposit@city-library", "@", "a@b@c",
    "/v1/me", "//evil.example", "en", "zh-CN",
)  # fmt: skip
NAMES = (
    "handle", "act", "benefit", "ticket", "source_id", "provider_id", "account", "statement", "reason_code",
    "reason", "decision", "quantity", "occurred_on", "kind", "sure", "size", "state", "purpose", "on", "id", "day",
    "cursor", "scene", "version", "from", "text", "subject", "typed", "next", "state", "code", "iss", "done",
    "lang", "sha256", "_etag", "_key", "condition_mode", "condition_measure", "condition_at_least", "effect_kind",
    "effect_amount", "s:/title/en", "n:/quota/count", "c:/exclusions", "d:/valid/from", "b:/listed", "x:/",
    "s:/a/b/c/0/d", "civic",
)  # fmt: skip
"""Names that pages read from queries and forms, and some that none reads."""
THERE = {"kind": "benefits", "id": "library-deposit", "version": "1", "act": "approve", "door": "resident"}
"""Parts of paths that lead somewhere; every other is odd, too."""


@pytest.mark.parametrize("values", [2, pytest.param(len(ODD), marks=pytest.mark.campaign)])
async def test_no_page_breaks(shared_city: City, values: int) -> None:
    """Each page meets a sample of the odd values, another one than its neighbours; in the campaign all of them."""
    chance = random.Random(6)
    people = {audience: await Browser(shared_city).sign_in(audience, who) for audience, who in WHO.items()}
    people[Audience.SOURCE] = Browser(shared_city)  # somebody who is nobody
    for browser in people.values():
        await browser.go("/admin/benefits")  # a page with a form, or the choice of a role
    for route in routes.ROUTES:
        if route.path.endswith("/sign-out"):
            continue
        browser = people[route.audience or Audience.SOURCE]
        token = re.search(r'name="_form" value="([0-9a-f]+)"', browser.html)
        assert token is not None
        for odd in (*chance.sample(ODD, values), None, None):
            path = re.sub(
                r"\{([a-z_]+)\}", lambda part: quote(THERE.get(part[1]) or chance.choice(ODD[2:])), route.path
            )
            # One odd value everywhere, or here and there any.
            sent = {
                name: odd if odd is not None else chance.choice(ODD)
                for name in NAMES
                if odd is not None or chance.random() < 0.5
            }
            if route.method == "POST":
                answer = await browser.client.post(path, data={**sent, "_form": token[1]})
                assert "too old or came from elsewhere" not in answer.text
            else:
                answer = await browser.client.get(path, params=sent)
            assert answer.status_code != 401
            assert answer.status_code < 500, (route.method, path, sent, answer.text[:400])
