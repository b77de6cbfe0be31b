"""Messages that this browser has not shown yet, by a cookie with the time of the newest one shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from service.web.auth import sign_in_sessions
from service.web.page import Page

COOKIE, COOKIE_SECONDS = "credit-easy-read", 31_536_000
"""Only a time, and only in the browser: the service stores nothing about what was read."""
COUNTED_MAX = 9
"""Messages that the badge counts; more are shown as this number with a plus."""


async def messages(page: Page) -> list[Mapping[str, Any]]:
    """Return the messages since the newest that this browser showed, newest first, at most COUNTED_MAX + 1."""
    shown_until = page.request.cookies.get(COOKIE, "")
    newest = (await page.read("/v1/me/messages", mark_read="false", limit=COUNTED_MAX + 1))["data"]
    return [message for message in newest if message["at"] > shown_until]


def remember(page: Page, response: Response, newest: str) -> None:
    """Remember the time of the newest message that was shown."""
    response.set_cookie(
        COOKIE, newest, max_age=COOKIE_SECONDS, path="/me", samesite="lax", httponly=True,
        secure=sign_in_sessions.is_secure(page.request),
    )  # fmt: skip
