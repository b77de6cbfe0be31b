"""The venue's door: whether a benefit applies to whoever shows a handle. Never who, never how many points."""

from __future__ import annotations

from datetime import date

from benefits import catalogue, redemptions
from consent import database
from service import wire
from service.doors import Answer, Ask
from service.identity import Venue
from service.problems import Problem
from service.shapes import common
from service.shapes import venue as shapes


async def _venue(ask: Ask) -> catalogue.Body:
    assert isinstance(ask.principal, Venue)
    found = await catalogue.venue_of_client(ask.principal.client_id, ask.at)
    if found is None:
        raise Problem("suspended")
    return found


async def check(ask: Ask, body: shapes.HandleBody) -> Answer:
    """Does it apply? Spends nothing."""
    venue = await _venue(ask)
    granted = await redemptions.check(ask.city.keyring, venue["venue_id"], _handle(body), ask.today, ask.at)
    if granted is None:
        return Answer(shapes.Ordinary())
    return Answer(
        shapes.CheckAnswer(
            benefit_id=granted.benefit_id,
            effect=dict(granted.effect),
            terms=dict(granted.terms),
            valid_until=wire.rfc3339(granted.valid_until),
        )
    )


async def redeem(ask: Ask, body: shapes.HandleBody) -> Answer:
    """Redeem it, once."""
    venue = await _venue(ask)
    granted = await redemptions.redeem(
        ask.city.keyring, venue["venue_id"], _handle(body), ask.today, ask.city.hour_of(ask.at), ask.at
    )
    if granted is None or granted.redemption_id is None or granted.runs_until is None:
        return Answer(shapes.Ordinary())
    return Answer(
        shapes.RedemptionAnswer(
            redemption_id=granted.redemption_id,
            benefit_id=granted.benefit_id,
            effect=dict(granted.effect),
            terms=dict(granted.terms),
            runs_until=granted.runs_until.isoformat(),
        ),
        201,
    )


async def reverse(ask: Ask, body: shapes.ReversalBody) -> Answer:
    """Take a redemption back, the same civil day."""
    venue = await _venue(ask)
    redemption_id = ask.request.path_params["redemption_id"]
    await redemptions.reverse(ask.city.keyring, venue["venue_id"], redemption_id, body.reason_code, ask.today, ask.at)
    return Answer(shapes.ReversalAnswer(redemption_id=redemption_id))


async def list_benefits(ask: Ask, _: None) -> Answer:
    """The benefits honoured here."""
    venue = await _venue(ask)
    limit = wire.read_limit(ask.request)
    after = wire.read_cursor(ask.request, str) or ("",)
    found = [
        one
        for one in await catalogue.benefits(ask.today, ask.at)
        if one.provider_id == venue["provider_id"] and one.benefit_id > str(after[0])
    ]
    page = found[:limit]
    return Answer(
        common.DocumentList(
            data=[
                {
                    "benefit_id": one.benefit_id,
                    "version": one.version,
                    "title": one.body["title"],
                    "effect": one.body["effect"],
                    "terms": one.body["terms"],
                    "baseline": one.service["baseline"],
                }
                for one in page
            ],
            next_cursor=wire.encode_cursor((page[-1].benefit_id,)) if len(found) > limit else None,
        )
    )


async def list_redemptions(ask: Ask, _: None) -> Answer:
    """The venue's own day, without persons."""
    venue = await _venue(ask)
    limit = wire.read_limit(ask.request)
    after = wire.read_cursor(ask.request, str) or ("",)
    day = wire.read_day(ask.request, "day") or ask.today
    found = await redemptions.of_venue(venue["venue_id"], day, str(after[0]), limit + 1)
    page = found[:limit]
    return Answer(
        shapes.RedemptionList(
            data=[
                shapes.RedemptionRow(
                    redemption_id=row["redemption_id"],
                    benefit_id=row["benefit_id"],
                    day=_day(row["day"]).isoformat(),
                    hour=row["hour"],
                    state=row["state"],
                    runs_until=None if row["runs_until"] is None else _day(row["runs_until"]).isoformat(),
                )
                for row in page
            ],
            next_cursor=wire.encode_cursor((page[-1]["redemption_id"],)) if len(found) > limit else None,
        )
    )


def _handle(body: shapes.HandleBody) -> str:
    """QR readers give capitals; people type spaces and hyphens."""
    return "".join(body.handle.replace("-", "").split()).lower()


def _day(number: int) -> date:
    return database.from_day_number(number)
