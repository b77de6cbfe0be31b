"""Residents' operations on paper slips: make one, list them, print one, stop one."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from starlette.responses import Response

from benefits.redemption import lasting_tickets, slips
from benefits.redemption.decision import TicketKind
from benefits.redemption.eligibility import Choice
from benefits.redemption.lasting_tickets import LastingState, OwnLastingTicket
from consent.kernel.errors import NotFound
from service.api.resident import current_person, lasting_schemas
from service.api.resident.benefits import qr_svg
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.i18n import message_texts
from service.i18n.slip_texts import SLIP_TEXTS
from service.paper import slip_pdf
from service.paper.slip_pdf import SlipText

PDF = "application/pdf"


async def issue_slip(context: RequestContext, body: lasting_schemas.LastingRequest) -> Answer:
    """Make a paper slip for a benefit at a venue. Errors as `slips.issue`."""
    person = await current_person.get_or_create(context)
    catalogue = await context.app_context.catalogue.read(context.at)
    choice = Choice(body.benefit_id, body.venue_id, body.accepted_terms_sha256)
    slip_id = await slips.issue(person, catalogue, choice, context.civil_time)
    return Answer(_answer(await _own(context, slip_id)), 201)


async def list_slips(context: RequestContext, _: None) -> Answer:
    """List the person's slips that are stored, newest first; nothing for somebody unknown."""
    return Answer(lasting_schemas.SlipList(data=[_answer(own) for own in await _all(context)]))


async def read_slip(context: RequestContext, _: None) -> Answer:
    """Return one slip of the person; NotFound for any other, and for one that was used the day before."""
    return Answer(_answer(await _own(context, context.request.path_params["slip_id"])))


async def print_slip(context: RequestContext, _: None) -> Response:
    """Return a slip that can be used as a PDF of large print in both languages; NotFound for any other."""
    own = await _own(context, context.request.path_params["slip_id"])
    if own.code is None:
        raise NotFound("there is no such slip that can be used")
    catalogue = await context.app_context.catalogue.read(context.at)
    benefit, venue = catalogue.benefit(own.benefit_id, context.today), catalogue.venue(own.venue_id)
    if benefit is None or venue is None:
        raise NotFound("the benefit is not offered there any more")
    last_day = min(context.app_context.day_of(own.valid_until).isoformat(), benefit.body["valid"]["until"])
    texts = [text_of(language, benefit.body, venue, last_day) for language in ("zh-CN", "en")]
    # Drawing takes some tens of milliseconds of computing, in which nothing else would be answered.
    data = await asyncio.to_thread(slip_pdf.draw, own.code, texts)
    return Response(data, media_type=PDF)


async def stop_slip(context: RequestContext, _: None) -> Answer:
    """Stop a slip at once; NotFound for one that is not the person's or was stopped before. Has a tombstone."""
    person = await current_person.lock(context)
    row = await lasting_tickets.get(person, TicketKind.SLIP, context.request.path_params["slip_id"])
    context.app_context.tombstones.ticket_stopped(person.person_id, row.lasting_id, context.at)
    await lasting_tickets.stop(person, row, context.at)
    return Answer(lasting_schemas.StoppedSlip(slip_id=row.lasting_id, stopped_at=json_io.rfc3339(context.at)))


async def _all(context: RequestContext) -> list[OwnLastingTicket]:
    person = await current_person.find(context)
    if person is None:
        return []
    catalogue = await context.app_context.catalogue.read(context.at)
    return await lasting_tickets.list_for(person, TicketKind.SLIP, catalogue, context.civil_time)


async def _own(context: RequestContext, slip_id: str) -> OwnLastingTicket:
    for own in await _all(context):
        if own.lasting_id == slip_id:
            return own
    raise NotFound("there is no such slip")


def text_of(language: str, benefit: Any, venue: Any, last_day: str) -> SlipText:
    """Return a slip's texts in one language; `last_day` is the ISO day on which it ends."""
    texts = {name: text[language] for name, text in SLIP_TEXTS.items()}
    day = message_texts.long_date(datetime.fromisoformat(last_day).date(), language)
    return SlipText(
        texts["heading"],
        benefit["title"][language],
        (
            texts["place"].format(venue=venue["name"][language]),
            texts["until"].format(day=day),
            benefit["terms"][language],
            texts["once"],
            texts["private"],
        ),
    )


def _answer(own: OwnLastingTicket) -> lasting_schemas.SlipAnswer:
    return lasting_schemas.SlipAnswer(
        slip_id=own.lasting_id,
        state="used" if own.is_spent else "open" if own.state is LastingState.ACTIVE else "ended",
        benefit_id=own.benefit_id,
        venue_id=own.venue_id,
        created_at=json_io.rfc3339(own.created_at),
        valid_until=json_io.rfc3339(own.valid_until),
        short_code=own.code,
        qr_svg=None if own.code is None else qr_svg(own.code),
    )
