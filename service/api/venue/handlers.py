"""The venue's door: whether a benefit applies to whoever shows a handle. Never who, never how many points."""

from __future__ import annotations

from datetime import date
from typing import Any

from starlette.responses import Response

from benefits.catalogue import in_force as catalogue
from benefits.redemption import express
from benefits.redemption import redeem as redemptions
from benefits.redemption.express import Reply
from benefits.redemption.redeem import Granted
from consent.database import queries
from consent.documents import versions
from consent.domain.kinds import Kind
from service.api import common_schemas
from service.api.venue import schemas as shapes
from service.auth.access_tokens import Venue
from service.http import json_io
from service.http.endpoints import Answer, Ask, Call
from service.http.problems import Problem
from service.storage import database as store


async def _venue(ask: Ask) -> catalogue.Body:
    assert isinstance(ask.principal, Venue)
    found = await catalogue.venue_of_client(ask.principal.client_id, ask.at)
    if found is None:
        raise Problem("suspended")
    return found


async def read_venue(ask: Ask, _: None) -> Answer:
    """Who is asking: the venue by its own name, and the city's civil day."""
    venue = await _venue(ask)
    return Answer(
        shapes.VenueAnswer(
            venue_id=venue["venue_id"],
            name=venue["name"],
            provider_id=venue["provider_id"],
            provider=await versions.last_name_of(Kind.PROVIDERS, venue["provider_id"]),
            today=ask.today.isoformat(),
        )
    )


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
            valid_until=json_io.rfc3339(granted.valid_until),
        )
    )


async def redeem(ask: Ask, body: shapes.HandleBody) -> Answer:
    """Redeem it, once."""
    venue = await _venue(ask)
    granted = await redemptions.redeem(
        ask.city.keyring, venue["venue_id"], _handle(body), ask.today, ask.city.hour_of(ask.at), ask.at
    )
    return Answer(shapes.Ordinary()) if granted is None else Answer(shapes.RedemptionAnswer(**_members(granted)), 201)


async def redeem_swiftly(call: Call, body: shapes.HandleBody) -> Response | None:
    """Redeem it where all is as it usually is: one look and one statement."""
    if not queries.writes_many_at_once():
        return None
    city, principal, kept_at, handle = call.city, call.principal, call.kept_at, _handle(body)
    assert isinstance(principal, Venue)
    assert kept_at is not None
    in_force = city.kept.in_force or await city.read_in_force(await city.clock())
    venue = in_force.venues.get(principal.client_id)
    if venue is None:
        return None
    said = b""

    def kept(granted: Granted) -> tuple[object, ...]:
        nonlocal said
        said = json_io.to_bytes(_members(granted))
        return store.kept_values(city.keyring, kept_at.scope, kept_at.owner, kept_at.fingerprint, at, 201, said)

    reply = Reply(kept_at.scope, store.ANSWERED, store.keep_at_once, kept)
    async with queries.lent() as held:
        seen = await express.look(held, city.keyring, handle, venue, reply)
        at = city.seen_at(seen.at)
        if in_force.holds(seen.changes, at):
            today, hour = city.day_and_hour_of(at)
            done = await express.redeem(held, city.keyring, seen, in_force, venue, today, hour, at, reply)
            return None if done is None else Response(said, 201, media_type="application/json")
    # Read with the connection given back: who waits for a second one with the first in hand may wait for ever.
    await city.read_in_force(at)
    return None


def _members(granted: Granted) -> dict[str, Any]:
    """A RedemptionAnswer, spelled out."""
    assert granted.runs_until is not None
    return {
        "applies": True,
        "redemption_id": granted.redemption_id,
        "benefit_id": granted.benefit_id,
        "effect": granted.effect,
        "terms": granted.terms,
        "runs_until": granted.runs_until.isoformat(),
    }


async def reverse(ask: Ask, body: shapes.ReversalBody) -> Answer:
    """Take a redemption back, the same civil day."""
    venue = await _venue(ask)
    redemption_id = ask.request.path_params["redemption_id"]
    await redemptions.reverse(ask.city.keyring, venue["venue_id"], redemption_id, body.reason_code, ask.today, ask.at)
    return Answer(shapes.ReversalAnswer(redemption_id=redemption_id))


async def list_benefits(ask: Ask, _: None) -> Answer:
    """The benefits honoured here."""
    venue = await _venue(ask)
    limit = json_io.read_limit(ask.request)
    after = json_io.read_cursor(ask.request, str) or ("",)
    found = [
        one
        for one in await catalogue.benefits(ask.today, ask.at)
        if one.provider_id == venue["provider_id"] and one.benefit_id > str(after[0])
    ]
    page = found[:limit]
    return Answer(
        common_schemas.DocumentList(
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
            next_cursor=json_io.encode_cursor((page[-1].benefit_id,)) if len(found) > limit else None,
        )
    )


async def list_redemptions(ask: Ask, _: None) -> Answer:
    """The venue's own day, without persons."""
    venue = await _venue(ask)
    limit = json_io.read_limit(ask.request)
    after = json_io.read_cursor(ask.request, str) or ("",)
    day = json_io.read_day(ask.request, "day") or ask.today
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
            next_cursor=json_io.encode_cursor((page[-1]["redemption_id"],)) if len(found) > limit else None,
        )
    )


def _handle(body: shapes.HandleBody) -> str:
    """QR readers give capitals; people type spaces and hyphens."""
    return "".join(body.handle.replace("-", "").split()).lower()


def _day(number: int) -> date:
    return queries.from_day_number(number)
