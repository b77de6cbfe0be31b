"""A venue's sessions as a page: what is offered, taken and returned, and the form that adds one."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.http import json_io
from service.web.api_client import body_or_raise
from service.web.page import Page, PageRoute

REFUSED = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_FOUND)


async def sessions(page: Page) -> Response:
    """List the sessions that have not ended, and the form."""
    return await _render(page)


async def offer(page: Page) -> Response:
    """Add a session; times are typed in the city's time. A refused form keeps its fields."""
    zone = page.site.app_context.settings.city_zone
    try:
        begins_at = datetime.fromisoformat(page.form.get("begins", "")).replace(tzinfo=zone)
        ends_at = begins_at + timedelta(hours=int(page.form.get("hours", "")))
        places = int(page.form.get("places", ""))
    except (ValueError, OverflowError):
        return await _render(page, HTTPStatus.UNPROCESSABLE_ENTITY)
    body: dict[str, Any] = {
        "benefit_id": page.form.get("benefit", ""),
        "begins_at": json_io.rfc3339(begins_at),
        "ends_at": json_io.rfc3339(ends_at),
        "places": places,
    }
    reply = await page.call_api("POST", "/v1/venue/sessions", body, key=page.idempotency_key)
    if reply.status in REFUSED:
        return await _render(page, reply.status)
    body_or_raise(reply)
    return page.redirect("/desk/sessions", "session_added")


async def _render(page: Page, status: int = 200) -> Response:
    benefits = await page.read_all("/v1/venue/benefits")
    return page.render(
        "venue/sessions.html",
        status,
        venue=await page.read("/v1/venue/me"),
        sessions=await page.read_all("/v1/venue/sessions"),
        titles={row["benefit_id"]: row["title"] for row in benefits},
        adding=[row for row in benefits if row["effect"]["kind"] == "extra_window"],
        refused=status != HTTPStatus.OK,
        form=page.form,
    )


VENUE = Audience.VENUE
ROUTES = (
    PageRoute("/desk/sessions", sessions, VENUE),
    PageRoute("/desk/sessions", offer, VENUE, "POST"),
)
