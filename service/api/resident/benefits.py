"""Residents' operations on benefits and tickets: what applies, what is missing, a one-time code and its state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import segno

from benefits.balances import person_balance
from benefits.catalogue.model import LiveBenefit
from benefits.redemption import commitments, quotas, tickets
from benefits.redemption.eligibility import Choice
from benefits.rules import conditions
from consent.domain import divisions
from consent.domain.document_kinds import Body
from consent.domain.purposes import Purpose
from consent.kernel.errors import NotFound
from consent.records import gate
from service.api import common_parameters
from service.api.resident import current_person, points_schemas, schemas, ticket_schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def list_benefits(context: RequestContext, _: None) -> Answer:
    """List the benefits in force by id, each decided for the person's points, with conditions and baseline.

    `?scene=` filters by scene; `?division=` selects benefits of that division, of those above it and of those below.
    """
    in_force, person = await context.app_context.catalogue.read(context.at), await current_person.find(context)
    balance = await person_balance.balance_of(person, in_force.timeline, context.today, context.at)
    limit = json_io.read_limit(context.request)
    after = json_io.read_cursor(context.request, str) or ("",)
    providers = set() if person is None else await gate.live_counterparts(person, Purpose.BENEFIT_CHECK, context.at)
    query = context.request.query_params
    scene, division = common_parameters.read_scene(query), common_parameters.read_division(query)
    benefits = [
        row
        for row in in_force.benefits(context.today)
        if row.benefit_id > after[0]
        and scene in (None, row.body["scene"])
        and divisions.overlap(division, row.body["division"])
    ][: limit + 1]
    have = balance.measures()
    again = await quotas.available_again(context.app_context.keyring, person, benefits)
    data = [
        _benefit_answer(row, have, row.provider_id in providers, in_force.venues_of(row), again.get(row.benefit_id))
        for row in benefits
    ]
    return current_person.page(schemas.BenefitList, data, limit, [(row.benefit_id,) for row in benefits])


async def issue_ticket(context: RequestContext, body: ticket_schemas.TicketRequest) -> Answer:
    """Issue a one-time ticket for a benefit at a venue, with its handle as a QR code. Errors as `tickets.issue`."""
    person = await current_person.get_or_create(context)
    catalogue = await context.app_context.catalogue.read(context.at)
    choice = Choice(body.benefit_id, body.venue_id, body.accepted_terms_sha256)
    ticket = await tickets.issue(context.app_context.keyring, person, catalogue, choice, context.civil_time)
    benefit = catalogue.benefit(body.benefit_id, context.today)
    assert benefit is not None
    return Answer(
        ticket_schemas.TicketAnswer(
            ticket_id=ticket.ticket_id,
            handle=ticket.handle,
            short_code=ticket.short_code,
            qr_svg=qr_svg(ticket.handle),
            expires_at=json_io.rfc3339(ticket.expires_at),
            terms=benefit.body["terms"],
            commitment=_commitment(benefit),
        ),
        201,
    )


async def read_ticket(context: RequestContext, _: None) -> Answer:
    """Return the state of one of my tickets; its handle and QR code only while it is open.

    A ticket is forgotten a day after it was issued: NotFound then, and for a ticket of somebody else.
    """
    person = await current_person.find(context)
    if person is None:
        raise NotFound("there is no such ticket")
    issued = await tickets.read(
        context.app_context.keyring, person, context.request.path_params["ticket_id"], context.at
    )
    benefit = (await context.app_context.catalogue.read(context.at)).benefit(issued.benefit_id, context.today)
    provider_id = None if benefit is None else benefit.provider_id
    is_open = issued.state is tickets.TicketState.OPEN
    if is_open and not (
        provider_id and await gate.covered(person.person_id, Purpose.BENEFIT_CHECK, provider_id, context.at)
    ):
        return Answer(_state_answer(issued, tickets.TicketState.WITHDRAWN))
    return Answer(_state_answer(issued, issued.state))


def _state_answer(issued: tickets.IssuedTicket, state: tickets.TicketState) -> ticket_schemas.TicketStateAnswer:
    is_open = state is tickets.TicketState.OPEN
    return ticket_schemas.TicketStateAnswer(
        ticket_id=issued.ticket_id,
        state=state,
        benefit_id=issued.benefit_id,
        venue_id=issued.venue_id,
        expires_at=json_io.rfc3339(issued.expires_at),
        handle=issued.handle if is_open else None,
        short_code=issued.short_code if is_open else None,
        qr_svg=qr_svg(issued.handle) if is_open else None,
        runs_until=None if issued.runs_until is None else issued.runs_until.isoformat(),
        delivered_on=None if issued.delivered_on is None else issued.delivered_on.isoformat(),
        reversed=True if issued.is_reversed else None,
    )


def _commitment(benefit: LiveBenefit) -> ticket_schemas.CommitmentTerms | None:
    stated = benefit.body.get("commitment")
    return None if stated is None else ticket_schemas.CommitmentTerms(**stated)


def qr_svg(handle: str) -> str:
    """Draw a handle as a QR code. Upper case needs the alphanumeric mode alone, which makes its modules larger."""
    return segno.make_qr(handle.upper(), error="m").svg_inline(scale=4, border=4, unit="px")


def _venue_place(venue: Body) -> schemas.VenuePlace:
    geo = venue.get("geo")
    return schemas.VenuePlace(
        venue_id=venue["venue_id"],
        name=venue["name"],
        division=venue["division"],
        address=venue.get("address"),
        hours=venue.get("hours"),
        geo=geo,
        map_url=None if geo is None else f"geo:{geo}?q={geo}",
    )


def _benefit_answer(
    benefit: LiveBenefit, have: dict[str, int], given: bool, venues: Sequence[Body], again: date | None
) -> schemas.BenefitAnswer:
    body, decided = benefit.body, benefit.rule.decide(have)
    return schemas.BenefitAnswer(
        benefit_id=benefit.benefit_id,
        version=benefit.version,
        scene=body["scene"],
        division=body["division"],
        title=body["title"],
        description=body["description"],
        provider_id=benefit.provider_id,
        provider=benefit.provider["name"],
        applies=decided.applies,
        consent="given" if given else "needed",
        conditions=[
            schemas.ConditionAnswer(measure=line.measure, at_least=line.at_least, have=line.have, met=line.met)
            for line in benefit.rule.lines(decided)
        ],
        condition=body["condition"],
        needs=[
            points_schemas.MissingPoints(measure=line.measure, points=line.at_least - line.have)
            for line in conditions.needs(benefit.rule.condition, have)
        ],
        available_again_on=None if again is None else again.isoformat(),
        baseline=benefit.service["baseline"],
        effect=body["effect"],
        terms=body["terms"],
        commitment=_commitment(benefit),
        terms_sha256=commitments.terms_sha256(benefit),
        venues=[_venue_place(venue) for venue in venues],
        need_based_alternative=body["need_based_alternative"],
        offline_path=body["offline_path"],
    )
