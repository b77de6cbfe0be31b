"""Residents' operations on their rights: receipts, messages, access log, records, objections, export, erasure."""

from __future__ import annotations

from collections.abc import Mapping

from benefits.balances import person_balance
from benefits.catalogue import in_force as catalogue
from benefits.redemption import bookings, lasting_tickets
from benefits.redemption.offline_passes import issuance
from benefits.scoring import points
from consent.consents import register
from consent.database import queries
from consent.documents import lifecycle
from consent.domain import records
from consent.domain.document_kinds import DocumentKind
from consent.domain.objections import Claim
from consent.events import hints, ledger, messages
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.errors import NotFound, NotInForce
from consent.oversight import objections
from consent.oversight.objections import Grounds
from consent.records import gate, restoration
from consent.rights import access_log, erasure
from consent.transparency.logs import Log
from service.api import common_parameters
from service.api.common_schemas import claimed_values
from service.api.public import transparency
from service.api.resident import current_person, record_schemas, rights_schemas
from service.compliance import full_erasure, receipts
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import body_invalid
from service.i18n import message_texts


async def read_receipt(context: RequestContext, _: None) -> Answer:
    """Return the signed receipt of a consent, refusal or withdrawal, with its events' proofs in the consent log."""
    person = await current_person.find(context)
    if person is None:
        raise NotFound("there is no such consent")
    consent = await register.get(person, context.request.path_params["consent_id"])
    openings = await ledger.about_consent(person, consent.grant.consent_id)
    notice = await lifecycle.get(DocumentKind.NOTICES, consent.notice_id, consent.notice_version)
    text = notice.body["languages"][openings[0].event["facts"]["language"]]
    receipt = receipts.build(openings, {"name": text["controller_name"], "contact": text["controller_contact"]})
    proofs = await transparency.proofs_of(Log.CONSENT, [opening.leaf_hash for opening in openings])
    events = [
        rights_schemas.EventOpening(**members, proof=proof)
        for members, proof in zip(receipts.openings_json(openings), proofs, strict=True)
    ]
    return Answer(
        rights_schemas.ReceiptAnswer(
            receipt=receipt,
            jws=receipts.sign(receipt, context.app_context.settings.signing_key),
            log=rights_schemas.LogPlace(leaf_hash=events[0].leaf_hash, latest_leaf_hash=events[-1].leaf_hash),
            events=events,
        )
    )


async def list_messages(context: RequestContext, _: None) -> Answer:
    """List the person's messages, newest first, with texts in the request's language.

    The first page drops the waiting hint to the city's app, unless `mark_read` is false: this GET writes. No message is
    marked.
    """
    person, limit = await current_person.find(context), json_io.read_limit(context.request)
    before, marks_read = json_io.read_keyset(context.request), json_io.read_flag(context.request, "mark_read", True)
    if person is not None and before is None and marks_read:
        await hints.clear(person)
    rows = [] if person is None else await messages.list_for(person, before, limit + 1)
    names = await catalogue.names(context.at) if rows else {}
    return current_person.page(
        rights_schemas.MessageList,
        [
            rights_schemas.MessageAnswer(
                message_id=message.message_id,
                kind=message.kind,
                at=json_io.rfc3339(message.at),
                text=message_texts.message_text(message.kind, message.facts, names, context.language),
                facts=message.facts,
            )
            for message in rows
        ],
        limit,
        [(message.at, message.message_id) for message in rows],
    )


async def list_accesses(context: RequestContext, _: None) -> Answer:
    """List the uses of the person's records and points, newest first."""
    person, limit = await current_person.find(context), json_io.read_limit(context.request)
    before = json_io.read_cursor(context.request, int, int) or (access_log.AFTER_ALL, access_log.AFTER_ALL)
    rows = [] if person is None else await access_log.list_for(person, (int(before[0]), int(before[1])), limit + 1)
    names = await catalogue.names(context.at) if rows else {}
    return current_person.page(
        rights_schemas.AccessList,
        [
            rights_schemas.AccessAnswer(
                at=json_io.rfc3339(access.at),
                organisation=access.organisation,
                purpose=access.purpose,
                what=access.what,
                outcome=access.outcome,
                text=message_texts.access_text(
                    access.kind,
                    names.get(access.organisation, {}).get(context.language, access.organisation),
                    names.get(access.what, {}).get(context.language, access.what),
                    access.outcome,
                    context.language,
                ),
            )
            for access in rows
        ],
        limit,
        [access.cursor for access in rows],
    )


async def list_records(context: RequestContext, _: None) -> Answer:
    """List the person's records, the newest day first; `?kind=` selects one kind."""
    person, limit = await current_person.find(context), json_io.read_limit(context.request)
    before = json_io.read_day_keyset(context.request)
    kind = common_parameters.read_record_kind(context.request.query_params)
    rows = [] if person is None else await gate.own_records(person, kind, before, limit + 1)
    return current_person.page(
        record_schemas.RecordList,
        [
            record_schemas.RecordAnswer(
                record_id=row["record_id"],
                source_record_id=row["source_record_id"],
                source_id=row["source_id"],
                kind=row["kind"],
                quantity=row["quantity"],
                occurred_on=row["occurred_on"].isoformat(),
                received_at=json_io.rfc3339(row["received_at"]),
            )
            for row in rows
        ],
        limit,
        [(queries.to_day_number(row["occurred_on"]), row["record_id"]) for row in rows],
    )


async def read_record(context: RequestContext, _: None) -> Answer:
    """Return one of the person's records with its points, or a retracted one; NotFound for any other."""
    person, record_id = await current_person.find(context), context.request.path_params["record_id"]
    if person is None:
        raise NotFound("there is no such record")
    names = await catalogue.names(context.at)
    stored = await gate.own_record(person, record_id)
    if stored is None:
        copy = await restoration.latest_of(person, record_id)
        if copy is None:
            raise NotFound("there is no such record")
        source_id, kind, quantity, day = copy.source_id, copy.kind, copy.quantity, copy.occurred_on
        points = None
    else:
        source_id, kind, quantity, day = stored
        timeline = await catalogue.timeline(context.at)
        computed, _released = await person_balance.compute(person, timeline, context.today, context.at)
        points = sum(given.points for given in computed.contributions if given.record_id == record_id)
    return Answer(
        record_schemas.OneRecord(
            record_id=record_id,
            source_id=source_id,
            name=dict(names[source_id]) if source_id in names else None,
            kind=kind,
            quantity=quantity,
            occurred_on=day.isoformat(),
            points=points,
            retracted=stored is None,
        )
    )


async def list_retracted(context: RequestContext, _: None) -> Answer:
    """List the person's records that were retracted and can still be objected to, the newest retraction first."""
    person, limit = await current_person.find(context), json_io.read_limit(context.request)
    before = json_io.read_keyset(context.request)
    rows = [] if person is None else await restoration.retracted_of(person, before, limit + 1)
    return current_person.page(
        record_schemas.RetractedRecords,
        [
            record_schemas.RetractedRecord(
                record_id=copy.record_id,
                source_record_id=copy.source_record_id,
                source_id=copy.source_id,
                kind=copy.kind,
                quantity=copy.quantity,
                occurred_on=copy.occurred_on.isoformat(),
                retracted_at=json_io.rfc3339(copy.changed_at),
                decided_by=copy.decided_by,
                object_until=copy.object_until.isoformat(),
            )
            for copy in rows
        ],
        limit,
        [(copy.changed_at, copy.change_id) for copy in rows],
    )


def _grounds(body: record_schemas.ObjectionBody) -> Grounds:
    """Return the grounds of an objection; Problem body_invalid for a claimed day that does not exist."""
    if body.claim is None:
        return Grounds(body.reason_code, body.statement)
    day = None if body.claim.occurred_on is None else parse_civil_day(body.claim.occurred_on)
    if day is None and body.claim.occurred_on is not None:
        raise body_invalid("/claim/occurred_on", "invalid_date", "a day of the calendar")
    return Grounds(body.reason_code, body.statement, Claim(body.claim.kind, body.claim.quantity, day))


async def object_to_record(context: RequestContext, body: record_schemas.ObjectionBody) -> Answer:
    """Open an objection to a record; 201 with its deadlines. NotFound for a record that is not the person's."""
    opened = await objections.open_about_record(
        current_person.acting(context, await current_person.lock(context)),
        context.request.path_params["record_id"],
        _grounds(body),
    )
    return Answer(_objection_answer(opened, await catalogue.names(context.at)), 201)


async def object_to_missing(context: RequestContext, body: record_schemas.MissingObjectionBody) -> Answer:
    """Open an objection about a missing record; NotInForce when the source is not in force.

    Otherwise errors as `objections.open_about_missing`.
    """
    if await lifecycle.in_force(DocumentKind.SOURCES, body.source_id, context.at) is None:
        raise NotInForce("there is no such source")
    opened = await objections.open_about_missing(
        current_person.acting(context, await current_person.get_or_create(context)),
        body.source_id,
        _grounds(body),
    )
    return Answer(_objection_answer(opened, await catalogue.names(context.at)), 201)


async def list_objections(context: RequestContext, _: None) -> Answer:
    """List the person's objections, newest first."""
    person, limit = await current_person.find(context), json_io.read_limit(context.request)
    before = json_io.read_keyset(context.request)
    rows = [] if person is None else await objections.list_for(person, before, limit + 1)
    names = await catalogue.names(context.at) if rows else {}
    return current_person.page(
        record_schemas.ObjectionList,
        [_objection_answer(objection, names) for objection in rows],
        limit,
        [(objection.opened_at, objection.objection_id) for objection in rows],
    )


async def read_objection(context: RequestContext, _: None) -> Answer:
    """Return one of the person's objections; NotFound for any other."""
    person = await current_person.find(context)
    if person is None:
        raise NotFound("there is no such objection")
    objection = await objections.get_for(person, context.request.path_params["objection_id"])
    return Answer(_objection_answer(objection, await catalogue.names(context.at)))


async def export_everything(context: RequestContext, _: None) -> Answer:
    """Return all stored data about the person, with points and proofs; empty lists for an unknown person."""
    person = await current_person.find(context)
    if person is None:
        timeline = await catalogue.timeline(context.at)
        nothing = points.compute(records.NO_RECORDS, timeline, context.today)
        points_of_nothing = current_person.explanation(nothing)
        return Answer(
            {
                **erasure.empty_export(context.subject),
                "lasting_tickets": [],
                "bookings": [],
                "passes": [],
                "points": points_of_nothing,
            }
        )
    computed, _released = await person_balance.compute(
        person, await catalogue.timeline(context.at), context.today, context.at
    )
    export = await erasure.export(person)
    events = [*export["events"], *export["uses_for_all"]]
    proofs = await transparency.proofs_of(Log.CONSENT, [event["leaf_hash"] for event in events])
    for event, proof in zip(events, proofs, strict=True):
        event["proof"] = proof
        event["leaf_hash"] = receipts.encoded_hash(event["leaf_hash"])
    more = {
        "lasting_tickets": await lasting_tickets.export(person),
        "bookings": await bookings.export(person),
        "passes": await issuance.export(person),
    }
    return Answer({**export, **more, "points": current_person.explanation(computed)})


async def erase_me(context: RequestContext, _: None) -> Answer:
    """Delete the person's rows in both packages and their key, in one transaction; return a signed receipt.

    Writes the tombstone first, so that a restored copy of the database erases the person again.
    """
    leaf_hash = await full_erasure.erase_subject(context.app_context, context.subject, context.at)
    proof = {} if leaf_hash is None else full_erasure.signed_receipt(context.app_context, leaf_hash, context.at)
    return Answer({"erased_at": json_io.rfc3339(context.at), **proof})


def _objection_answer(
    objection: objections.ObjectionForPerson, names: Mapping[str, Mapping[str, str]]
) -> record_schemas.ObjectionAnswer:
    record, source_id = None, objection.source_id or ""
    if objection.record is not None:
        kind, quantity, day = objection.record
        record = record_schemas.ObjectedRecord(kind=kind, quantity=quantity, occurred_on=day.isoformat())
    return record_schemas.ObjectionAnswer(
        objection_id=objection.objection_id,
        state=objection.state,
        decide_by=objection.decide_by.isoformat(),
        record_id=objection.record_id,
        source_id=objection.source_id,
        reason_code=objection.grounds.reason,
        name=dict(names[source_id]) if source_id in names else None,
        record=record,
        statement=objection.grounds.statement,
        claim=claimed_values(objection.grounds.claim),
        answer_by=None if objection.answer_by is None else objection.answer_by.isoformat(),
        answer=objection.answer,
        opened_at=json_io.rfc3339(objection.opened_at),
        acknowledged_at=None if objection.acknowledged_at is None else json_io.rfc3339(objection.acknowledged_at),
        decided_at=None if objection.decided_at is None else json_io.rfc3339(objection.decided_at),
        decision=objection.decision,
    )
