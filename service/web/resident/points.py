"""The resident's first pages: points and their reasons, benefits, and the one-time code for a venue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from consent.domain.records import RecordKind
from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute
from service.web.resident import consents, rights

EXPIRIES_SHOWN = 6
"""Months of coming expiries shown at once; the others unfold."""
RING_LENGTH = 500
"""Circumference of the ring in units of its SVG path: a hundred for each dimension."""
RING_GAP = 8
"""Units left free between two dimensions."""
HANDLE_GROUP = 4
"""Characters between two spaces of a code that is read aloud."""
QUANTITY_DIGITS = 9
"""Digits of a quantity that is computed with; a longer one is answered as invalid."""


@dataclass(frozen=True, slots=True)
class PointsByKind:
    """Points of one kind of record in one civil year, with the first and the last day on which they expire."""

    kind: str
    dimension: str
    year: str
    quantity: int
    points: int
    first_expiry: str
    last_expiry: str


@dataclass(frozen=True, slots=True)
class RingArc:
    """One dimension's arc of the ring: offset and filled length in units of RING_LENGTH."""

    dimension: str
    points: int
    cap: int
    start: int
    filled: float

    @property
    def length(self) -> int:
        """Length of the arc when the dimension has reached its cap."""
        return RING_LENGTH // 5 - RING_GAP


def points_by_kind(contributions: Iterable[Mapping[str, Any]]) -> list[PointsByKind]:
    """Sum the API's contributions by civil year and kind, newest year and most points first.

    Expiries are those of contributions that gave points, or of all of them if none did.
    """

    def year_and_kind(contribution: Mapping[str, Any]) -> tuple[str, str]:
        return contribution["occurred_on"][:4], contribution["kind"]

    rows = []
    for (year, kind), group in groupby(sorted(contributions, key=year_and_kind), key=year_and_kind):
        members = list(group)
        counting = [member for member in members if member["points"]] or members
        rows.append(
            PointsByKind(
                kind,
                members[0]["dimension"],
                year,
                sum(member["quantity"] for member in members),
                sum(member["points"] for member in members),
                min(member["expires_on"] for member in counting),
                max(member["expires_on"] for member in counting),
            )
        )
    return sorted(rows, key=lambda row: (-int(row.year), -row.points, row.kind))


def expiries(contributions: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return the months in which points expire, soonest first: (first day of expiry in the month, points)."""
    ending = sorted(
        (contribution["expires_on"], contribution["points"]) for contribution in contributions if contribution["points"]
    )
    months = []
    for _month, group in groupby(ending, key=lambda row: row[0][:7]):
        rows = list(group)
        months.append((rows[0][0], sum(points for _day, points in rows)))
    return months


def ring_arcs(dimensions: Iterable[Mapping[str, Any]]) -> list[RingArc]:
    """Return the five dimensions as arcs of one ring."""
    step = RING_LENGTH // 5
    return [
        RingArc(
            row["dimension"],
            row["points"],
            row["cap"],
            place * step + RING_GAP // 2,
            round((step - RING_GAP) * min(1.0, row["points"] / row["cap"]), 1) if row["cap"] else 0.0,
        )
        for place, row in enumerate(dimensions)
    ]


async def points(page: Page) -> Response:
    """Show the person's points, their reasons and expiries."""
    return await _render_points(page, None)


async def _render_points(page: Page, what_if_result: Mapping[str, Any] | None) -> Response:
    explanation = await page.read("/v1/me/points/explanation")
    return page.render(
        "resident/points.html",
        explanation=explanation,
        arcs=ring_arcs(explanation["dimensions"]),
        points_by_kind=points_by_kind(explanation["contributions"]),
        expiries=expiries(explanation["contributions"]),
        expiries_shown=EXPIRIES_SHOWN,
        kinds=list(RecordKind),
        what_if_result=what_if_result,
    )


async def what_if(page: Page) -> Response:
    """Show the points and benefits with more records of one kind; nothing is stored."""
    quantity = page.form.get("quantity", "")
    is_number = quantity.isascii() and quantity.isdecimal() and len(quantity) <= QUANTITY_DIGITS
    deed = {"kind": page.form.get("kind", ""), "quantity": int(quantity) if is_number else 0}
    reply = await page.call_api("POST", "/v1/me/points/what-if", {"deeds": [deed]})
    if not reply.succeeded:
        return await _render_points(page, {"invalid": True})
    titles = {benefit["benefit_id"]: benefit["title"] for benefit in await page.read_all("/v1/me/benefits")}
    new_benefits = [titles[benefit_id] for benefit_id in reply.body["benefits"] if benefit_id in titles]
    return await _render_points(page, {**reply.body, "new_benefits": new_benefits})


async def benefits(page: Page) -> Response:
    """List the benefits: those that apply first, then by the points that are missing."""
    rows = await page.read_all("/v1/me/benefits")
    return page.render("resident/benefits.html", benefits=sorted(rows, key=_order))


def _order(benefit: Mapping[str, Any]) -> tuple[bool, int, str]:
    missing = sum(max(0, line["at_least"] - line["have"]) for line in benefit["conditions"])
    return not benefit["applies"], missing, benefit["benefit_id"]


async def choose_benefit(page: Page) -> Response:
    """List the benefits for which a code can be shown, and those that only miss a consent.

    Also names the providers that have a live consent but offer nothing now.
    """
    rows = await page.read_all("/v1/me/benefits")
    offering = {benefit["provider_id"] for benefit in rows}
    return page.render(
        "resident/choose_benefit.html",
        providers_without_benefits=[
            consent["name"]
            for consent in await page.read_all("/v1/me/consents")
            if consent["state"] == "given"
            and "name" in consent
            and consent.get("provider_id", "") not in {"", *offering}
        ],
        ready=[benefit for benefit in rows if benefit["applies"] and benefit["consent"] == "given"],
        needing_consent=[benefit for benefit in rows if benefit["applies"] and benefit["consent"] == "needed"],
    )


async def issue_ticket(page: Page) -> Response:
    """Issue a one-time code and show it; reloading shows the same code, because the form's key is the same."""
    benefit_id, _, venue_id = page.form.get("benefit", "").partition("@")
    ticket = await page.submit("/v1/me/tickets", {"benefit_id": benefit_id, "venue_id": venue_id})
    # The benefit may have ended since: the code is shown all the same, without a title.
    rows: list[dict[str, Any]] = await page.read_all("/v1/me/benefits")
    benefit = next((row for row in rows if row["benefit_id"] == benefit_id), {})
    handle = ticket["handle"]
    return page.render(
        "resident/ticket.html",
        ticket=ticket,
        spaced_handle=" ".join(handle[at : at + HANDLE_GROUP] for at in range(0, len(handle), HANDLE_GROUP)),
        # The service itself drew this SVG, from a handle that it generated.
        qr_svg=Markup(ticket["qr_svg"]),  # noqa: S704
        benefit=benefit,
        venue=next((venue["name"] for venue in benefit.get("venues", []) if venue["venue_id"] == venue_id), {}),
    )


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me", points, ME),
    PageRoute("/me/what-if", what_if, ME, "POST"),
    PageRoute("/me/benefits", benefits, ME),
    PageRoute("/me/show", choose_benefit, ME),
    PageRoute("/me/show", issue_ticket, ME, "POST"),
    *consents.ROUTES,
    *rights.ROUTES,
)
