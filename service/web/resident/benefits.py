"""Benefits as pages: which apply, which were used, what the others need; and one benefit with its terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.responses import Response

from benefits.rules.vocabulary import Scene
from service.auth.access_tokens import Audience
from service.http.problems import Problem
from service.web.page import Page, PageRoute

GROUPS = ("applies", "used", "missing")
"""States of a benefit for its resident, in the order of the page."""


def state_of(benefit: Mapping[str, Any]) -> str:
    """Return one of GROUPS for a benefit of the API."""
    if not benefit["applies"]:
        return "missing"
    return "used" if benefit["available_again_on"] else "applies"


def distance(benefit: Mapping[str, Any]) -> int:
    """Return the points that are missing for a benefit: of the nearest condition, or the sum of all that are needed."""
    return sum(line["points"] for line in benefit["needs"])


def next_benefit(rows: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the benefit that misses the fewest points; None when all apply."""
    missing = [row for row in rows if not row["applies"]]
    return min(missing, key=lambda row: (distance(row), row["benefit_id"]), default=None)


def chosen(page: Page) -> dict[str, str]:
    """Return the body of a call for the benefit, venue and accepted terms of the posted form."""
    benefit_id, _, venue_id = page.form.get("benefit", "").partition("@")
    body = {"benefit_id": benefit_id, "venue_id": venue_id}
    terms = page.form.get("terms")
    return body if terms is None else {**body, "accepted_terms_sha256": terms}


async def benefits(page: Page) -> Response:
    """List the benefits: those that apply, those used up for now, then by the points that are missing."""
    rows = await page.read_all("/v1/me/benefits")
    scene = page.query("scene") if page.query("scene") in list(Scene) else ""
    only = page.query("only") if page.query("only") in GROUPS else ""
    districts = sorted({venue["division"] for row in rows for venue in row["venues"]})
    division = page.query("division") if page.query("division") in districts else ""
    shown = [row for row in rows if scene in ("", row["scene"]) and _is_offered_in(row, division)]
    groups: dict[str, list[Mapping[str, Any]]] = {name: [] for name in GROUPS}
    for row in sorted(shown, key=lambda row: (distance(row), row["benefit_id"])):
        groups[state_of(row)].append(row)
    return page.render(
        "resident/benefits.html",
        groups=groups,
        scenes=[code for code in Scene if any(row["scene"] == code for row in rows)],
        scene=scene,
        only=only,
        districts=districts,
        division=division,
    )


def _is_offered_in(benefit: Mapping[str, Any], division: str) -> bool:
    """Report whether a benefit has a venue in a district; True for every benefit where none is chosen."""
    return not division or any(venue["division"] == division for venue in benefit["venues"])


async def benefit(page: Page) -> Response:
    """Show one benefit: without and with it, its conditions, where, other ways, what the venue learns."""
    rows = await page.read_all("/v1/me/benefits")
    row = next((row for row in rows if row["benefit_id"] == page.request.path_params["benefit_id"]), None)
    if row is None:
        raise Problem("not_found")
    return page.render("resident/benefit.html", benefit=row, state=state_of(row))


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/benefits", benefits, ME),
    PageRoute("/me/benefits/{benefit_id}", benefit, ME),
)
