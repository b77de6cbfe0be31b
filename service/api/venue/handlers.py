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
from consent.domain.document_kinds import DocumentKind
from service.api import common_schemas
from service.api.venue import schemas
from service.auth.access_tokens import Venue
from service.http import json_io
from service.http.endpoints import Answer, Call, RequestContext
from service.http.problems import Problem
from service.storage import idempotency


async def _venue(context: RequestContext) -> catalogue.Body:
    assert isinstance(context.principal, Venue)
    found = await catalogue.venue_of_client(context.principal.client_id, context.at)
    if found is None:
        raise Problem("suspended")
    return found


async def read_venue(context: RequestContext, _: None) -> Answer:
    """Who is asking: the venue by its own name, and the city's civil day."""
    venue = await _venue(context)
    return Answer(
        schemas.VenueAnswer(
            venue_id=venue["venue_id"],
            name=venue["name"],
            provider_id=venue["provider_id"],
            provider=await versions.last_name_of(DocumentKind.PROVIDERS, venue["provider_id"]),
            today=context.today.isoformat(),
        )
    )


async def check(context: RequestContext, body: schemas.HandleBody) -> Answer:
    """Does it apply? Spends nothing."""
    venue = await _venue(context)
    granted = await redemptions.check(
        context.app_context.keyring, venue["venue_id"], _handle(body), context.today, context.at
    )
    if granted is None:
        return Answer(schemas.Ordinary())
    return Answer(
        schemas.CheckAnswer(
            benefit_id=granted.benefit_id,
            effect=dict(granted.effect),
            terms=dict(granted.terms),
            valid_until=json_io.rfc3339(granted.valid_until),
        )
    )


async def redeem(context: RequestContext, body: schemas.HandleBody) -> Answer:
    """Redeem it, once."""
    venue = await _venue(context)
    granted = await redemptions.redeem(
        context.app_context.keyring,
        venue["venue_id"],
        _handle(body),
        context.today,
        context.app_context.hour_of(context.at),
        context.at,
    )
    return Answer(schemas.Ordinary()) if granted is None else Answer(schemas.RedemptionAnswer(**_members(granted)), 201)


async def redeem_swiftly(call: Call, body: schemas.HandleBody) -> Response | None:
    """Redeem it where all is as it usually is: one look and one statement."""
    if not queries.supports_multi_table_writes():
        return None
    app_context, principal, kept_at, handle = call.app_context, call.principal, call.kept_at, _handle(body)
    assert isinstance(principal, Venue)
    assert kept_at is not None
    in_force = app_context.kept.in_force or await app_context.read_in_force(await app_context.clock())
    venue = in_force.venues.get(principal.client_id)
    if venue is None:
        return None
    said = b""

    def kept(granted: Granted) -> tuple[object, ...]:
        nonlocal said
        said = json_io.to_bytes(_members(granted))
        return idempotency.kept_values(
            app_context.keyring, kept_at.scope, kept_at.owner, kept_at.fingerprint, at, 201, said
        )

    reply = Reply(kept_at.scope, idempotency.ANSWERED, idempotency.keep_at_once, kept)
    async with queries.pooled_connection() as held:
        seen = await express.look(held, app_context.keyring, handle, venue, reply)
        at = app_context.seen_at(seen.at)
        if in_force.holds(seen.changes, at):
            today, hour = app_context.day_and_hour_of(at)
            done = await express.redeem(held, app_context.keyring, seen, in_force, venue, today, hour, at, reply)
            return None if done is None else Response(said, 201, media_type="application/json")
    # Read with the connection given back: who waits for a second one with the first in hand may wait for ever.
    await app_context.read_in_force(at)
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


async def reverse(context: RequestContext, body: schemas.ReversalBody) -> Answer:
    """Take a redemption back, the same civil day."""
    venue = await _venue(context)
    redemption_id = context.request.path_params["redemption_id"]
    await redemptions.reverse(
        context.app_context.keyring, venue["venue_id"], redemption_id, body.reason_code, context.today, context.at
    )
    return Answer(schemas.ReversalAnswer(redemption_id=redemption_id))


async def list_benefits(context: RequestContext, _: None) -> Answer:
    """The benefits honoured here."""
    venue = await _venue(context)
    limit = json_io.read_limit(context.request)
    after = json_io.read_cursor(context.request, str) or ("",)
    found = [
        one
        for one in await catalogue.benefits(context.today, context.at)
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


async def list_redemptions(context: RequestContext, _: None) -> Answer:
    """The venue's own day, without persons."""
    venue = await _venue(context)
    limit = json_io.read_limit(context.request)
    after = json_io.read_cursor(context.request, str) or ("",)
    day = json_io.read_day(context.request, "day") or context.today
    found = await redemptions.list_for_venue(venue["venue_id"], day, str(after[0]), limit + 1)
    page = found[:limit]
    return Answer(
        schemas.RedemptionList(
            data=[
                schemas.RedemptionRow(
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


def _handle(body: schemas.HandleBody) -> str:
    """QR readers give capitals; people type spaces and hyphens."""
    return "".join(body.handle.replace("-", "").split()).lower()


def _day(number: int) -> date:
    return queries.from_day_number(number)
