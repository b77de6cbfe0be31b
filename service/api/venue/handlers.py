"""API of a venue: check and redeem a shown handle, take back, list its own redemptions; no resident and no points.

Every "no" is STANDARD_TERMS, at a multiple of NO_STEP_SECONDS; `redeem` makes its statements equal.
"""

from __future__ import annotations

import asyncio
import math
import time
from datetime import date, datetime
from http import HTTPStatus

from starlette.responses import Response

from benefits.catalogue.model import is_offered_at
from benefits.errors import VenueSuspended
from benefits.redemption import added_sessions, bindings, reversal, shown_codes
from benefits.redemption import redeem as redemptions
from benefits.redemption.decision import TicketKind
from benefits.redemption.redeem import BenefitTerms, Scan
from benefits.redemption.state import AnswerStore
from consent.database import queries
from consent.database.write_plan import Write
from consent.documents import versions
from consent.domain.document_kinds import Body, DocumentKind
from service.api.venue import schemas
from service.auth.access_tokens import Venue
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem, body_invalid
from service.http.stored_answers import replayed
from service.storage import idempotency

STANDARD_TERMS = json_io.to_bytes(schemas.StandardTermsAnswer())
"""The one body of every "no"."""
NO_STEP_SECONDS = 0.05
"""A "no" is sent at a multiple of this: some reasons need points to be computed, which the time must not tell. Above
the time of nearly every "no", and too short to be noticed at a desk. No connection or lock is used meanwhile."""


async def own_venue(context: RequestContext) -> Body:
    """The venue in force that the client speaks for.

    Raises:
        VenueSuspended: there is none, or it is suspended.
    """
    assert isinstance(context.principal, Venue)
    catalogue = await context.app_context.catalogue.read(context.at)
    venue = catalogue.venue_by_client.get(context.principal.client_id)
    if venue is None:
        raise VenueSuspended("no venue in force belongs to this client")
    return venue


async def read_venue(context: RequestContext, _: None) -> Answer:
    """Return the venue that asks, the city's civil day, and whether there are sessions to plan or to receive."""
    venue = await own_venue(context)
    live = (await context.app_context.catalogue.read(context.at)).benefits(context.today)
    adds_places = any(benefit.adds_places and is_offered_at(benefit, venue) for benefit in live)
    # The sessions of a suspended benefit stay in the list until they end: people have booked places.
    listed = adds_places or await added_sessions.list_of_venue(venue["venue_id"], context.civil_time, (0, ""), 1)
    return Answer(
        schemas.VenueAnswer(
            venue_id=venue["venue_id"],
            name=venue["name"],
            provider_id=venue["provider_id"],
            provider=await versions.last_name_of(DocumentKind.PROVIDERS, venue["provider_id"]),
            today=context.today.isoformat(),
            has_sessions=bool(listed),
        )
    )


async def check(context: RequestContext, body: schemas.HandleBody) -> Answer:
    """Report whether the benefit of a handle applies now; spends nothing."""
    began = time.monotonic()
    benefit_terms = await redemptions.check(await _scan(context, body), context.app_context.catalogue)
    if benefit_terms is None:
        await _until_next_step(began)
        return Answer(schemas.StandardTermsAnswer())
    return Answer(
        schemas.CheckAnswer(
            benefit_id=benefit_terms.benefit.benefit_id,
            effect=dict(benefit_terms.effect),
            terms=dict(benefit_terms.terms),
            valid_until=json_io.rfc3339(benefit_terms.valid_until),
        )
    )


async def redeem(context: RequestContext, body: schemas.HandleBody) -> Response:
    """Redeem the ticket of a handle, once; the answer is stored with it and replayed for the same key."""
    began, keyring, key = time.monotonic(), context.app_context.keyring, context.idempotency_key
    assert key is not None
    status, answer = int(HTTPStatus.OK), b""
    if (before := await idempotency.find_elsewhere(keyring, key)) is not None:
        return replayed(context.request.scope, before, key.fingerprint)

    def answer_writes(benefit_terms: BenefitTerms | None, at: datetime) -> list[Write]:
        nonlocal status, answer
        status, answer = _redemption_answer(benefit_terms)
        return idempotency.answer_writes(keyring, key, status, answer, at)

    store = AnswerStore(key.answer_key, idempotency.LOOKUP, answer_writes)
    outcome = await redemptions.redeem(await _scan(context, body), context.app_context.catalogue, store)
    if outcome.answered is not None:
        stored = idempotency.open_answer(keyring, key.answer_key, outcome.answered)
        return replayed(context.request.scope, stored, key.fingerprint)
    if outcome.benefit_terms is None:
        await _until_next_step(began)
    return json_io.JsonResponse(answer, status)


async def _until_next_step(began: float) -> None:
    """Wait until a "no" has taken a whole number of NO_STEP_SECONDS since `began` (monotonic)."""
    taken = time.monotonic() - began
    await asyncio.sleep(math.ceil(taken / NO_STEP_SECONDS) * NO_STEP_SECONDS - taken)


def _redemption_answer(benefit_terms: BenefitTerms | None) -> tuple[int, bytes]:
    """Status and body: the members of RedemptionAnswer without the model, which each request would have to make."""
    if benefit_terms is None:
        return 200, STANDARD_TERMS
    assert benefit_terms.runs_until is not None
    return 201, json_io.to_bytes(
        {
            "applies": True,
            "redemption_id": benefit_terms.redemption_id,
            "benefit_id": benefit_terms.benefit.benefit_id,
            "effect": benefit_terms.effect,
            "terms": benefit_terms.terms,
            "runs_until": benefit_terms.runs_until.isoformat(),
        }
    )


async def _scan(context: RequestContext, body: schemas.HandleBody) -> Scan:
    app_context, principal = context.app_context, context.principal
    assert isinstance(principal, Venue)
    kind, shown = await _shown(context, body, principal.client_id)
    return Scan(app_context.keyring, principal.client_id, shown, app_context.civil_time, kind)


async def create_binding(context: RequestContext, body: schemas.BindingCodeBody) -> Answer:
    """Turn the code of a binding into its token, once. Every code counts against the rate of typed codes."""
    venue, app_context = await own_venue(context), context.app_context
    await _count_code(context, venue["client_id"])
    catalogue = await app_context.catalogue.read(context.at)
    created = await bindings.create(app_context.keyring, catalogue, venue, body.code, context.civil_time)
    return Answer(
        schemas.BindingTokenAnswer(
            binding_token=created.token, benefit_id=created.benefit_id, valid_until=json_io.rfc3339(created.valid_until)
        ),
        201,
    )


async def reverse(context: RequestContext, body: schemas.ReversalBody) -> Answer:
    """Take a redemption back on its own civil day."""
    venue = await own_venue(context)
    redemption_id = context.request.path_params["redemption_id"]
    await reversal.reverse(
        context.app_context.keyring, venue["venue_id"], redemption_id, body.reason_code, context.today, context.at
    )
    return Answer(schemas.ReversalAnswer(redemption_id=redemption_id))


async def confirm_delivery(context: RequestContext, _: None) -> Answer:
    """Confirm that what was redeemed has been delivered; again: the same answer."""
    venue = await own_venue(context)
    redemption_id = context.request.path_params["redemption_id"]
    day = await reversal.confirm_delivery(venue["venue_id"], redemption_id, context.today)
    return Answer(schemas.DeliveryAnswer(redemption_id=redemption_id, delivered_on=day.isoformat()))


async def list_benefits(context: RequestContext, _: None) -> Answer:
    """List the benefits honoured at the venue."""
    venue = await own_venue(context)
    limit = json_io.read_limit(context.request)
    after = json_io.read_cursor(context.request, str) or ("",)
    catalogue = await context.app_context.catalogue.read(context.at)
    benefits = [
        benefit
        for benefit in catalogue.benefits(context.today)
        if is_offered_at(benefit, venue) and benefit.benefit_id > str(after[0])
    ]
    return Answer(
        schemas.VenueBenefits(
            data=[
                schemas.VenueBenefit(
                    benefit_id=benefit.benefit_id,
                    version=benefit.version,
                    title=benefit.body["title"],
                    effect=benefit.body["effect"],
                    terms=benefit.body["terms"],
                    baseline=benefit.service["baseline"],
                )
                for benefit in benefits[:limit]
            ],
            next_cursor=json_io.next_cursor(benefits, limit, lambda benefit: (benefit.benefit_id,)),
        )
    )


async def list_redemptions(context: RequestContext, _: None) -> Answer:
    """List the venue's redemptions of a day, without persons."""
    venue = await own_venue(context)
    limit = json_io.read_limit(context.request)
    after = json_io.read_cursor(context.request, str) or ("",)
    day = json_io.read_day(context.request, "day") or context.today
    rows = await reversal.list_for_venue(venue["venue_id"], day, str(after[0]), limit + 1)
    return Answer(
        schemas.RedemptionList(
            data=[_redemption_row(row) for row in rows[:limit]],
            next_cursor=json_io.next_cursor(rows, limit, lambda row: (row["redemption_id"],)),
        )
    )


async def read_redemption(context: RequestContext, _: None) -> Answer:
    """Return one of the venue's redemptions, without a person; NotFound for any other."""
    venue = await own_venue(context)
    redemption_id = context.request.path_params["redemption_id"]
    return Answer(_redemption_row(await reversal.get_for_venue(venue["venue_id"], redemption_id)))


async def _shown(context: RequestContext, body: schemas.HandleBody, client_id: str) -> tuple[TicketKind, str]:
    """Return what a body shows, as it was issued, and the kind of ticket that it must be.

    Every short code counts against a rate of its own, right or wrong.
    """
    given = [text for text in (body.handle, body.short_code, body.binding_token) if text is not None]
    if len(given) != 1:
        raise body_invalid("/handle", "required", "Send handle, short_code or binding_token, one of them.")
    if body.binding_token is not None:
        return TicketKind.BINDING, body.binding_token
    shown = shown_codes.read(given[0])
    if shown.is_short:
        await _count_code(context, client_id)
    return shown.kind, shown.text


async def _count_code(context: RequestContext, client_id: str) -> None:
    """Count a typed code of a venue; Problem rate_limited with Retry-After once its rate is used up."""
    retry_after_seconds = await context.app_context.limiter.hit("short_code", client_id)
    if retry_after_seconds is not None:
        raise Problem("rate_limited", headers={"Retry-After": str(retry_after_seconds)})


def _redemption_row(row: queries.Row) -> schemas.RedemptionRow:
    return schemas.RedemptionRow(
        redemption_id=row["redemption_id"],
        benefit_id=row["benefit_id"],
        day=_day(row["day"]).isoformat(),
        hour=row["hour"],
        state=row["state"],
        runs_until=None if row["runs_until"] is None else _day(row["runs_until"]).isoformat(),
        delivered_on=None if row["delivered_on"] is None else _day(row["delivered_on"]).isoformat(),
    )


def _day(number: int) -> date:
    return queries.from_day_number(number)
