"""Offline passes as a page: take them with keys that this browser makes, show them without a network, stop them all.

The pass store is the browser's own (IndexedDB), written and read by the page's script. No page has a pass.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from benefits.redemption.offline_passes.issuance import PASSES_MAX
from benefits.rules import effects
from consent.crypto.blind_index import IndexUse, blind_index
from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute
from service.web.resident import benefits


async def passes(page: Page) -> Response:
    """List the passes that can be used, and the benefits and cities for which some can be taken."""
    rows = await page.read_all("/v1/me/benefits")
    return page.render(
        "resident/passes.html",
        # By this the script tells the passes of somebody else who used the browser; it leads to nobody.
        person=blind_index(page.site.app_context.keyring, IndexUse.DEVICE, page.signed_in_as),
        passes_max=PASSES_MAX,
        taken=(await page.read("/v1/me/passes"))["data"],
        cities=(await page.read("/v1/public/issuers"))["data"],
        by_id={row["benefit_id"]: row for row in rows},
        ready=[
            row
            for row in rows
            if row["applies"] and row["consent"] == "given" and not effects.adds_places(row["effect"])
        ],
    )


async def take_passes(page: Page) -> Response:
    """Take passes for the posted keys and return the API's answer, errors included, to the page's script.

    A form with `issuer_id` is for a venue of that city, whose typed id this city cannot check. It gets one pass: each
    counts on the resident's limit at once, and would be lost if it were not used.
    """
    keys = _keys(page)
    body = {**benefits.chosen(page), "keys": keys}
    if issuer_id := page.form.get("issuer_id"):
        body |= {"issuer_id": issuer_id, "venue_id": page.form.get("venue_id", "").strip(), "keys": keys[:1]}
    reply = await page.call_api("POST", "/v1/me/passes", body, key=page.idempotency_key)
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return Response(status_code=reply.status)
    return Response(
        reply.raw, reply.status, media_type=reply.headers["content-type"], headers={"cache-control": "no-store"}
    )


def _keys(page: Page) -> list[Any]:
    """Return the posted keys, which the API checks; none where they are no JSON list."""
    try:
        keys = orjson.loads(page.form.get("keys", ""))
    except orjson.JSONDecodeError:
        return []
    return keys if isinstance(keys, list) else []


async def stop_passes(page: Page) -> Response:
    """Stop every pass that can be used."""
    await page.delete("/v1/me/passes")
    return page.redirect("/me/passes", "passes_stopped")


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/passes", passes, ME),
    PageRoute("/me/passes", take_passes, ME, "POST", fragment=True),
    PageRoute("/me/passes/stop", stop_passes, ME, "POST"),
)
