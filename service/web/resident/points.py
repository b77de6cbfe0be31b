"""The resident's first page: the points, the next benefit, where the points come from, how they grew, when they end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from starlette.responses import Response

from consent.domain.records import RecordKind
from consent.kernel.ascii_text import parse_digits
from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute
from service.web.resident import benefits, consents, unread

HISTORY_MONTHS = 24
"""Months of the plot: the life of a point under the first scheme."""
EXPIRY_COLUMNS = 12
"""Months of coming expiries in the plot; the table below it has them all."""
WAYS_SHOWN = 3
"""Ways to the next benefit on the page, as many as fit one row of a phone."""
SCALE_STEPS = (10, 20, 50, 100, 200, 500)
"""Halves of the history's scale: the first one of which twice is enough for the largest total."""
QUANTITY_DIGITS = 9
"""Digits of a quantity that is computed with; a longer one is answered as invalid."""


@dataclass(frozen=True, slots=True)
class SchemeStep:
    """A step of a scheme with the units of a year's sum that fall into it."""

    times: int
    units: int
    points: int


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
    steps: list[SchemeStep] = field(default_factory=list)


def points_by_kind(
    contributions: Iterable[Mapping[str, Any]], scheme: Mapping[str, Any] | None = None
) -> list[PointsByKind]:
    """Sum the API's contributions by civil year and kind, newest year and most points first.

    Expiries are those of contributions that gave points, or of all of them if none did. `scheme` is the document in
    force; years before it show no steps.
    """
    tiers = {} if scheme is None else {indicator["kind"]: indicator["tiers"] for indicator in scheme["indicators"]}
    since = 0 if scheme is None else scheme["from_year"]

    def year_and_kind(contribution: Mapping[str, Any]) -> tuple[str, str]:
        return contribution["occurred_on"][:4], contribution["kind"]

    rows = []
    for (year, kind), group in groupby(sorted(contributions, key=year_and_kind), key=year_and_kind):
        members = list(group)
        counting = [member for member in members if member["points"]] or members
        quantity = sum(member["quantity"] for member in members)
        rows.append(
            PointsByKind(
                kind,
                members[0]["dimension"],
                year,
                quantity,
                sum(member["points"] for member in members),
                min(member["expires_on"] for member in counting),
                max(member["expires_on"] for member in counting),
                steps_of(tiers.get(kind, ()), quantity) if int(year) >= since else [],
            )
        )
    return sorted(rows, key=lambda row: (-int(row.year), -row.points, row.kind))


def steps_of(tiers: Iterable[Mapping[str, Any]], quantity: int) -> list[SchemeStep]:
    """Divide a year's sum over the steps of an indicator, as whole units of each; steps without any are left out."""
    steps = []
    begins = 0
    for tier in tiers:
        end = tier.get("up_to") or quantity
        inside = min(quantity, end) - begins
        if times := inside // tier["units"]:
            steps.append(SchemeStep(times, tier["units"], tier["points"]))
        begins = end
        if quantity <= end:
            break
    return steps


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


def history_scale(totals: Sequence[int]) -> list[int]:
    """Return the three numbers of the history's scale: zero, half, and a round number that no total exceeds."""
    largest = max(totals, default=0)
    half = next((step for step in SCALE_STEPS if 2 * step >= largest), largest)
    return [0, half, 2 * half]


async def points(page: Page) -> Response:
    """Show the person's points, the next benefit, reasons and expiries."""
    return await _render_points(page, None)


async def _render_points(page: Page, what_if_result: Mapping[str, Any] | None) -> Response:
    rows = await page.read_all("/v1/me/benefits")
    coming = benefits.next_benefit(rows)
    explanation = await page.read(
        "/v1/me/points/explanation",
        months=HISTORY_MONTHS,
        benefit_id=None if coming is None else coming["benefit_id"],
    )
    scheme = await page.call_api("GET", "/v1/public/scheme")
    delivered = {kind for source in (await page.read("/v1/public/sources"))["data"] for kind in source["kinds"]}
    ending = expiries(explanation["contributions"])
    unread_messages = await unread.messages(page)
    totals = [month["total"] for month in explanation["history"]]
    return page.render(
        "resident/points.html",
        explanation=explanation,
        coming=coming,
        # A deed that no source records is no way to anything.
        ways=[way for way in explanation.get("ways", []) if way["kind"] in delivered][:WAYS_SHOWN],
        applying=sum(row["applies"] for row in rows),
        waiting=await consents.waiting_links(page),
        unread_count=len(unread_messages),
        newest_message=unread_messages[0] if unread_messages else None,
        points_by_kind=points_by_kind(
            explanation["contributions"], scheme.body["scheme"] if scheme.succeeded else None
        ),
        expiries=ending,
        expiry_columns=[(day[5:7].lstrip("0"), count) for day, count in ending[:EXPIRY_COLUMNS]],
        history=explanation["history"],
        scale=history_scale(totals),
        kinds=list(RecordKind),
        what_if_result=what_if_result,
    )


async def what_if(page: Page) -> Response:
    """Show the points and benefits with more records of one kind; nothing is stored."""
    quantity = parse_digits(page.form.get("quantity", ""), QUANTITY_DIGITS)
    deed = {"kind": page.form.get("kind", ""), "quantity": quantity or 0}
    reply = await page.call_api("POST", "/v1/me/points/what-if", {"deeds": [deed]})
    if not reply.succeeded:
        return await _render_points(page, {"invalid": True})
    titles = {benefit["benefit_id"]: benefit["title"] for benefit in await page.read_all("/v1/me/benefits")}
    new_benefits = [titles[benefit_id] for benefit_id in reply.body["benefits"] if benefit_id in titles]
    return await _render_points(page, {**reply.body, "new_benefits": new_benefits})


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me", points, ME),
    PageRoute("/me/what-if", what_if, ME, "POST"),
)
