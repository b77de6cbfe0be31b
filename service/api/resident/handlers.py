"""Residents' operations on notices, consents, points, benefits and tickets.

Each concerns the person of the token's subject alone and runs in the request's transaction. The row of a person is
created by their first write; until then, reads answer with empty lists or NotFound.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date
from types import MappingProxyType

from starlette.responses import Response

from benefits.balances import person_balance
from benefits.balances.stored import Balance, is_usable
from benefits.catalogue import in_force as catalogue
from benefits.catalogue.model import InForce
from benefits.redemption.decision import CivilTime
from benefits.scoring import points
from benefits.scoring.scheme import Timeline
from consent import persons
from consent.consents import account_links, presentations, register
from consent.consents.link_codes import PendingLink
from consent.consents.presentations import NoticeRequest
from consent.consents.register import ConsentForPerson
from consent.crypto.vault import Keyring
from consent.domain import records
from consent.domain.grants import UNDO_LIFE, State
from consent.domain.purposes import Purpose
from consent.kernel.errors import NotFound, require_not_withheld
from consent.persons import Person
from service.api.resident import current_person, schemas
from service.compliance import full_withdrawal
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def request_consent(context: RequestContext, body: schemas.ConsentRequest) -> Answer:
    """Show the notice of a purpose and counterpart; return it with the one-time ticket that answers it.

    Creates the person's row when there is none. Errors as `presentations.show`.
    """
    person = await current_person.get_or_create(context)
    shown = await presentations.show(
        current_person.acting(context, person),
        NoticeRequest(body.purpose, body.counterpart, body.language, body.account, body.previous_consent_id),
    )
    return Answer(_shown_answer(shown), 201)


async def read_request(context: RequestContext, _: None) -> Answer:
    """Return a notice as it was shown, with its ticket, while it can be answered."""
    person = await current_person.find(context)
    if person is None:
        raise NotFound("no such notice was shown")
    return Answer(
        _shown_answer(
            await presentations.show_again(
                context.app_context.keyring, person, context.request.path_params["request_id"], context.at
            )
        )
    )


async def give_consent(context: RequestContext, body: schemas.TicketBody) -> Answer:
    """Answer a notice with yes; 201 with the consent. Errors as `register.give`."""
    person = await current_person.get_or_create(context)
    return Answer(
        _consent_answer(await register.give(context.app_context.keyring, person, body.ticket, context.at), context), 201
    )


async def refuse_consent(context: RequestContext, body: schemas.TicketBody) -> Answer:
    """Answer a notice with no; 201 with the refusal."""
    person = await current_person.get_or_create(context)
    return Answer(
        _consent_answer(await register.refuse(context.app_context.keyring, person, body.ticket, context.at), context),
        201,
    )


async def list_consents(context: RequestContext, _: None) -> Answer:
    """List consents and refusals, newest first."""
    person, limit = await current_person.find(context), json_io.read_limit(context.request)
    before = json_io.read_keyset(context.request)
    consents = [] if person is None else await register.list_for(person, before, limit + 1)
    names = await catalogue.names(context.at) if consents else {}
    return current_person.page(
        schemas.ConsentList,
        [] if person is None else await _consent_answers(person, consents, context, names),
        limit,
        [(consent.grant.given_at, consent.grant.consent_id) for consent in consents],
    )


async def read_consent(context: RequestContext, _: None) -> Answer:
    """Return one consent, or its state at the past instant `?at=`; NotFound before it was given."""
    person = await current_person.find(context)
    if person is None:
        raise NotFound("there is no such consent")
    consent = await register.get(person, context.request.path_params["consent_id"])
    names = await catalogue.names(context.at)
    instant = json_io.read_moment(context.request, "at", context.at)
    if instant == context.at:
        return Answer((await _consent_answers(person, [consent], context, names))[0])
    state = consent.grant.as_of(instant)
    if state is None:
        raise NotFound("there was no such consent yet")
    answer = _consent_answer(consent, context, names).model_copy(update={"state": state})
    return Answer(answer if state is not State.GIVEN else answer.model_copy(update={"ended_at": None}))


async def _consent_answers(
    person: Person, consents: list[ConsentForPerson], context: RequestContext, names: Mapping[str, Mapping[str, str]]
) -> list[schemas.ConsentAnswer]:
    """Return the answers of consents in their order, with pending link codes and `linked` for live source consents."""
    confirmed, pending = (
        await account_links.confirmed_sources(person),
        await account_links.pending_links(person, context.at),
    )
    answers = []
    for consent in consents:
        answer = _consent_answer(replace(consent, link=pending.get(consent.grant.consent_id)), context, names)
        if answer.state == State.GIVEN and answer.source_id:
            answer = answer.model_copy(update={"linked": answer.source_id in confirmed})
        answers.append(answer)
    return answers


async def reissue_code(context: RequestContext, _: None) -> Answer:
    """Replace the code of a pending link; the old one no longer works."""
    person = await current_person.lock(context)
    link = await account_links.reissue_code(
        context.app_context.keyring, person, context.request.path_params["consent_id"], context.at
    )
    return Answer(_link_answer(link), 201)


async def withdraw_consent(context: RequestContext, _: None) -> Answer:
    """Withdraw one consent, and what it covered; repeating it returns the same answer."""
    person = await current_person.lock(context)
    consent_id = context.request.path_params["consent_id"]
    consent = await full_withdrawal.withdraw(context.app_context, person, consent_id, context.at)
    ended = consent.grant.ended_at
    return Answer(
        schemas.WithdrawnAnswer(
            consent_id=consent_id,
            state=consent.grant.state_at(context.at),
            withdrawn_at=None if ended is None else json_io.rfc3339(ended),
        )
    )


async def undo_withdrawal(context: RequestContext, _: None) -> Answer:
    """Undo a withdrawal of the last day; errors as `register.undo`. Deletes the cached balance.

    Slips, bindings, passes and cancelled bookings do not come back.
    """
    person = await current_person.lock(context)
    consent = await register.undo(
        context.app_context.keyring, person, context.request.path_params["consent_id"], context.at
    )
    await person_balance.delete_cached(person.person_id)
    return Answer(_consent_answer(consent, context), 201)


async def withdraw_everything(context: RequestContext, body: schemas.WithdrawAll) -> Answer:
    """Withdraw every live consent, or those for one source or provider, and what they covered; return their number."""
    known = await current_person.find(context)
    if known is None:
        return Answer(schemas.WithdrawnCount(withdrawn=0))
    person = await persons.lock(context.app_context.keyring, known.person_id)
    withdrawn = await full_withdrawal.withdraw_all(context.app_context, person, context.at, body.counterpart)
    return Answer(schemas.WithdrawnCount(withdrawn=withdrawn))


async def read_points(context: RequestContext, _: None) -> Response:
    """Return the points of today, with an ETag.

    One query while the stored balance is usable and the catalogue unchanged; otherwise computes and stores the balance.
    Somebody who is erased meanwhile has no points. RecordsWithheld while use of records is suspended.
    """
    app_context = context.app_context
    loaded = await person_balance.load_balance(persons.subject_index(app_context.keyring, context.subject))
    now = app_context.civil_time(loaded.micros)
    in_force = app_context.catalogue.get(loaded.changes, now.at) or await app_context.catalogue.refresh(now.at)
    if is_usable(loaded.stored, loaded.epoch, in_force.timeline, now.today, now.micros):
        require_not_withheld(loaded.withheld)
        balance = loaded.stored.balance(now.today)
    else:
        balance = await _computed_balance(app_context.keyring, loaded.person_id, in_force.timeline, now)
    return json_io.respond_with_etag(
        context.request,
        # The members of PointsAnswer without the model: validation costs too much for the most frequent request.
        {
            "total": balance.total,
            "dimensions": balance.dimensions,
            "scheme_version": balance.scheme_version,
            "as_of": balance.as_of.isoformat(),
            "valid_until": _day(balance.valid_until),
        },
    )


async def _computed_balance(keyring: Keyring, person_id: str | None, timeline: Timeline, now: CivilTime) -> Balance:
    """Compute and store a person's balance; no points for somebody unknown (None) or erased since they were loaded."""
    if person_id is not None:
        with suppress(NotFound):
            person = await persons.read(keyring, person_id)
            return await person_balance.compute_and_store(person, timeline, now.today, now.at)
    return person_balance.nothing(timeline, now.today)


async def what_if(context: RequestContext, body: schemas.WhatIfBody) -> Answer:
    """Compute the points and benefits that assumed records of today would give.

    Stores none of the assumed records; the access log records that points were computed.
    """
    in_force, person = await _in_force(context), await current_person.find(context)
    timeline = in_force.timeline
    if person is None:
        released, current = records.NO_RECORDS, points.compute(records.NO_RECORDS, timeline, context.today)
    else:
        current, released = await person_balance.compute(person, timeline, context.today, context.at)
    assumed = points.supposing(released, [(deed.kind, deed.quantity) for deed in body.deeds], timeline, context.today)
    assumed_measures, current_measures = points.measures(assumed), points.measures(current)
    return Answer(
        schemas.WhatIfAnswer(
            total=current.total,
            would_be=assumed.total,
            dimensions=[
                schemas.DimensionAnswer(dimension=dimension.dimension, points=dimension.points, cap=dimension.cap)
                for dimension in assumed.dimensions
            ],
            benefits=[
                benefit.benefit_id
                for benefit in in_force.benefits(context.today)
                if benefit.rule.applies(assumed_measures) and not benefit.rule.applies(current_measures)
            ],
        )
    )


async def _in_force(context: RequestContext) -> InForce:
    return await context.app_context.catalogue.read(context.at)


def _consent_answer(
    consent: ConsentForPerson, context: RequestContext, names: Mapping[str, Mapping[str, str]] = MappingProxyType({})
) -> schemas.ConsentAnswer:
    grant, link = consent.grant, consent.link
    of_source = grant.purpose is Purpose.POINTS_COMPUTE
    state = grant.state_at(context.at)
    refused = state == "refused"
    undo_until = grant.ended_at + UNDO_LIFE if state is State.WITHDRAWN and grant.ended_at else None
    return schemas.ConsentAnswer(
        consent_id=grant.consent_id,
        state=state,
        purpose=grant.purpose,
        source_id=grant.counterpart if of_source else None,
        provider_id=None if of_source else grant.counterpart,
        name=dict(names[grant.counterpart]) if grant.counterpart in names else None,
        notice_id=consent.notice_id,
        notice_version=consent.notice_version,
        notice_sha256=consent.notice_sha256,
        given_at=json_io.rfc3339(grant.given_at),
        expires_at=None if refused else json_io.rfc3339(grant.expires_at),
        ended_at=None if grant.ended_at is None else json_io.rfc3339(grant.ended_at),
        previous_consent_id=consent.previous_id,
        link=None if link is None else _link_answer(link),
        undo_until=None if undo_until is None or context.at >= undo_until else json_io.rfc3339(undo_until),
    )


def _link_answer(link: PendingLink) -> schemas.LinkAnswer:
    return schemas.LinkAnswer(
        link_id=link.link_id,
        state="pending",
        code=link.code,
        code_expires_at=json_io.rfc3339(link.code_expires_at),
    )


def _shown_answer(shown: presentations.ShownNotice) -> schemas.ShownAnswer:
    of_source = shown.purpose is Purpose.POINTS_COMPUTE
    return schemas.ShownAnswer(
        request_id=shown.request_id,
        ticket=shown.ticket,
        expires_at=json_io.rfc3339(shown.expires_at),
        notice=schemas.NoticeAnswer(**asdict(shown.notice)),
        purpose=shown.purpose,
        source_id=shown.counterpart if of_source else None,
        provider_id=None if of_source else shown.counterpart,
        account=shown.account,
    )


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
