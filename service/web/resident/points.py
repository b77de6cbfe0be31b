"""The resident's pages: how many points and why, what they open, a code to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from consent.domain.records import RecordKind
from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute, expect
from service.web.resident import consents, rights

EXPIRIES_SHOWN = 6
"""Months of coming expiries that are seen at once; the others unfold."""
RING = 500
"""The ring's circumference in units of its drawing: a hundred for each dimension."""
GAP = 8
"""What is left free between two dimensions of the ring."""
HANDLE_GROUP = 4


@dataclass(frozen=True, slots=True)
class Why:
    """What the deeds of one kind and civil year gave, and the days on which the first and the last of it end."""

    kind: str
    dimension: str
    year: str
    quantity: int
    points: int
    first_end: str
    last_end: str


@dataclass(frozen=True, slots=True)
class Arc:
    """A dimension's part of the ring: where it begins, how long it is, how much of it is filled."""

    dimension: str
    points: int
    cap: int
    start: int
    filled: float

    @property
    def whole(self) -> int:
        """How long a full arc is."""
        return RING // 5 - GAP


def why(contributions: Iterable[Mapping[str, Any]]) -> list[Why]:
    """Contributions by kind and civil year, the newest year first."""

    def kind_and_year(one: Mapping[str, Any]) -> tuple[str, str]:
        return one["occurred_on"][:4], one["kind"]

    found = []
    for (year, kind), group in groupby(sorted(contributions, key=kind_and_year), key=kind_and_year):
        lines = list(group)
        counting = [one for one in lines if one["points"]] or lines
        found.append(
            Why(
                kind,
                lines[0]["dimension"],
                year,
                sum(one["quantity"] for one in lines),
                sum(one["points"] for one in lines),
                min(one["expires_on"] for one in counting),
                max(one["expires_on"] for one in counting),
            )
        )
    return sorted(found, key=lambda one: (-int(one.year), -one.points, one.kind))


def expiries(contributions: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """The months in which points end, soonest first: (first day of it that they end on, how many)."""
    ending = sorted((one["expires_on"], one["points"]) for one in contributions if one["points"])
    months = []
    for _month, group in groupby(ending, key=lambda one: one[0][:7]):
        lines = list(group)
        months.append((lines[0][0], sum(points for _day, points in lines)))
    return months


def ring(dimensions: Iterable[Mapping[str, Any]]) -> list[Arc]:
    """The five dimensions as parts of one ring."""
    step = RING // 5
    return [
        Arc(
            one["dimension"],
            one["points"],
            one["cap"],
            place * step + GAP // 2,
            round((step - GAP) * min(1.0, one["points"] / one["cap"]), 1) if one["cap"] else 0.0,
        )
        for place, one in enumerate(dimensions)
    ]


async def points(page: Page) -> Response:
    """My points, and why."""
    return await _points(page, None)


async def _points(page: Page, supposed: Mapping[str, Any] | None) -> Response:
    mine = await page.read("/v1/me/points/explanation")
    return page.render(
        "resident/points.html",
        mine=mine,
        arcs=ring(mine["dimensions"]),
        why=why(mine["contributions"]),
        expiries=expiries(mine["contributions"]),
        first_shown=EXPIRIES_SHOWN,
        kinds=list(RecordKind),
        supposed=supposed,
    )


async def what_if(page: Page) -> Response:
    """What more deeds would change. Nothing of it is kept."""
    quantity = page.form.get("quantity", "")
    count = int(quantity) if quantity.isascii() and quantity.isdecimal() and len(quantity) < 10 else 0
    reply = await page.ask(
        "POST", "/v1/me/points/what-if", {"deeds": [{"kind": page.form.get("kind", ""), "quantity": count}]}
    )
    if not reply.went_well:
        return await _points(page, {"unfit": True})
    titles = {one["benefit_id"]: one["title"] for one in await page.read_all("/v1/me/benefits")}
    opened = [titles[one] for one in reply.body["benefits"] if one in titles]
    return await _points(page, {**reply.body, "opened": opened})


async def benefits(page: Page) -> Response:
    """What applies, what it takes for the next, what everyone gets anyway."""
    found = await page.read_all("/v1/me/benefits")
    return page.render("resident/benefits.html", benefits=sorted(found, key=_nearest))


def _nearest(one: Mapping[str, Any]) -> tuple[bool, int, str]:
    """What applies first, then what is nearest."""
    missing = sum(max(0, line["at_least"] - line["have"]) for line in one["conditions"])
    return not one["applies"], missing, one["benefit_id"]


async def choose(page: Page) -> Response:
    """Which benefit, and where."""
    found = await page.read_all("/v1/me/benefits")
    offering = {one["provider_id"] for one in found}
    return page.render(
        "resident/choose_benefit.html",
        resting=[
            one["name"]
            for one in await page.read_all("/v1/me/consents")
            if one["state"] == "given" and "name" in one and one.get("provider_id", "") not in {"", *offering}
        ],
        ready=[one for one in found if one["applies"] and one["consent"] == "given"],
        waiting=[one for one in found if one["applies"] and one["consent"] == "needed"],
    )


async def show(page: Page) -> Response:
    """A one-time code. The form's own key makes a reload show the same one."""
    benefit_id, _, venue_id = page.form.get("benefit", "").partition("@")
    ticket = expect(
        await page.ask("POST", "/v1/me/tickets", {"benefit_id": benefit_id, "venue_id": venue_id}, key=page.key)
    )
    # It may have ended since the code was made; the code can be shown all the same.
    live: list[dict[str, Any]] = await page.read_all("/v1/me/benefits")
    benefit = next((one for one in live if one["benefit_id"] == benefit_id), {})
    handle = ticket["handle"]
    return page.render(
        "resident/ticket.html",
        ticket=ticket,
        typed=" ".join(handle[at : at + HANDLE_GROUP] for at in range(0, len(handle), HANDLE_GROUP)),
        # Drawn by the service itself from a handle of its own making.
        drawing=Markup(ticket["qr_svg"]),  # noqa: S704
        benefit=benefit,
        venue=next((one["name"] for one in benefit.get("venues", []) if one["venue_id"] == venue_id), {}),
    )


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me", points, ME),
    PageRoute("/me/what-if", what_if, ME, "POST"),
    PageRoute("/me/benefits", benefits, ME),
    PageRoute("/me/show", choose, ME),
    PageRoute("/me/show", show, ME, "POST"),
    *consents.ROUTES,
    *rights.ROUTES,
)
