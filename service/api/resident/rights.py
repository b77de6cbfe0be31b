"""The resident's door, the rights: what is held, who used it, what is wrong with it, take it along, end it."""

from __future__ import annotations

from collections.abc import Mapping

from benefits.balances import snapshots
from benefits.catalogue import in_force as catalogue
from consent.consents import register
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.events import ledger, messages
from consent.kernel.errors import NotFound, NotInForce
from consent.oversight import objections
from consent.records import gate
from consent.rights import access_log, erasure
from consent.transparency.logs import Log
from service.api.public import transparency
from service.api.resident import person as persons
from service.api.resident import schemas
from service.compliance import erasure as erasures
from service.compliance import receipts
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.i18n import messages as texts


async def read_receipt(context: RequestContext, _: None) -> Answer:
    """The receipt of a consent, a refusal or a withdrawal: signed, and provable in the consent log."""
    person = await persons.known(context)
    if person is None:
        raise NotFound("there is no such consent")
    consent = await register.get(person, context.request.path_params["consent_id"])
    openings = await ledger.about_consent(person, consent.grant.consent_id)
    notice = await lifecycle.get(DocumentKind.NOTICES, consent.notice_id, consent.notice_version)
    text = notice.body["languages"][openings[0].event["facts"]["language"]]
    receipt = receipts.build(openings, {"name": text["controller_name"], "contact": text["controller_contact"]})
    events = [
        schemas.EventOpening(**one, proof=await transparency.proof_of(Log.CONSENT, opening.leaf_hash))
        for one, opening in zip(receipts.openings_json(openings), openings, strict=True)
    ]
    return Answer(
        schemas.ReceiptAnswer(
            receipt=receipt,
            jws=receipts.sign(receipt, context.app_context.settings.signing_key),
            log=schemas.LogPlace(leaf_hash=events[0].leaf_hash, latest_leaf_hash=events[-1].leaf_hash),
            events=events,
        )
    )


async def list_messages(context: RequestContext, _: None) -> Answer:
    """What I must be told."""
    person, limit = await persons.known(context), json_io.read_limit(context.request)
    found = [] if person is None else await messages.list_for(person, json_io.read_keyset(context.request), limit + 1)
    names = await catalogue.names(context.at) if found else {}
    return persons.page(
        schemas.MessageList,
        [
            schemas.MessageAnswer(
                message_id=one.message_id,
                kind=one.kind,
                at=json_io.rfc3339(one.at),
                text=texts.message_text(one.kind, one.facts, names, context.language),
                facts=one.facts,
            )
            for one in found
        ],
        limit,
        [(json_io.micros(one.at), one.message_id) for one in found],
    )


async def list_accesses(context: RequestContext, _: None) -> Answer:
    """Who used my records or points, for what, with what outcome."""
    person, limit = await persons.known(context), json_io.read_limit(context.request)
    place = json_io.read_cursor(context.request, int, int) or (access_log.NEWEST, access_log.NEWEST)
    found = [] if person is None else await access_log.list_for(person, (int(place[0]), int(place[1])), limit + 1)
    names = await catalogue.names(context.at) if found else {}
    return persons.page(
        schemas.AccessList,
        [
            schemas.AccessAnswer(
                at=json_io.rfc3339(one.at),
                organisation=one.organisation,
                purpose=one.purpose,
                what=one.what,
                outcome=one.outcome,
                text=texts.access_text(
                    one.kind,
                    names.get(one.organisation, {}).get(context.language, one.organisation),
                    names.get(one.what, {}).get(context.language, one.what),
                    one.outcome,
                    context.language,
                ),
            )
            for one in found
        ],
        limit,
        [one.place for one in found],
    )


async def list_records(context: RequestContext, _: None) -> Answer:
    """The records held about me, the newest day first."""
    person, limit = await persons.known(context), json_io.read_limit(context.request)
    before = json_io.read_keyset(context.request)
    found = [] if person is None else await gate.own_records(person, before, limit + 1)
    return persons.page(
        schemas.RecordList,
        [
            schemas.RecordAnswer(
                record_id=row["record_id"],
                source_record_id=row["source_record_id"],
                source_id=row["source_id"],
                kind=row["kind"],
                quantity=row["quantity"],
                occurred_on=row["occurred_on"].isoformat(),
                received_at=json_io.rfc3339(row["received_at"]),
            )
            for row in found
        ],
        limit,
        [(queries.to_day_number(row["occurred_on"]), row["record_id"]) for row in found],
    )


async def object_to_record(context: RequestContext, body: schemas.ObjectionBody) -> Answer:
    """Say that a record is wrong."""
    opened = await objections.open_about_record(
        persons.acting(context, await persons.locked(context)),
        context.request.path_params["record_id"],
        body.reason_code,
        body.statement,
    )
    return Answer(_objection(opened, await catalogue.names(context.at)), 201)


async def object_to_missing(context: RequestContext, body: schemas.MissingObjectionBody) -> Answer:
    """Say that a record is missing."""
    if await lifecycle.in_force(DocumentKind.SOURCES, body.source_id, context.at) is None:
        raise NotInForce("there is no such source")
    opened = await objections.open_about_missing(
        persons.acting(context, await persons.entered(context)), body.source_id, body.reason_code, body.statement
    )
    return Answer(_objection(opened, await catalogue.names(context.at)), 201)


async def list_objections(context: RequestContext, _: None) -> Answer:
    """My objections."""
    person, limit = await persons.known(context), json_io.read_limit(context.request)
    found = [] if person is None else await objections.list_for(person, json_io.read_keyset(context.request), limit + 1)
    names = await catalogue.names(context.at) if found else {}
    return persons.page(
        schemas.ObjectionList,
        [_objection(one, names) for one in found],
        limit,
        [(json_io.micros(one.opened_at), one.objection_id) for one in found],
    )


async def export_everything(context: RequestContext, _: None) -> Answer:
    """Everything held about me."""
    person = await persons.known(context)
    if person is None:
        return Answer({"subject": context.subject, "consents": [], "records": [], "events": []})
    computed, _released = await snapshots.compute(
        person, await catalogue.timeline(context.at), context.today, context.at
    )
    held = await erasure.export(person)
    for event in (*held["events"], *held["uses_for_all"]):
        event["proof"] = await transparency.proof_of(Log.CONSENT, event["leaf_hash"])
        event["leaf_hash"] = receipts.encoded_hash(event["leaf_hash"])
    return Answer({**held, "points": persons.explanation(computed)})


async def erase_me(context: RequestContext, _: None) -> Answer:
    """Erase me: rows of both rooms and my key, in one transaction."""
    leaf_hash = await erasures.erase_subject(context.app_context, context.subject, context.at)
    proof = {} if leaf_hash is None else erasures.signed_receipt(context.app_context, leaf_hash, context.at)
    return Answer({"erased_at": json_io.rfc3339(context.at), **proof})


def _objection(one: objections.ObjectionForPerson, names: Mapping[str, Mapping[str, str]]) -> schemas.ObjectionAnswer:
    record, source_id = None, one.source_id or ""
    if one.record is not None:
        kind, quantity, day = one.record
        record = schemas.ObjectedRecord(kind=kind, quantity=quantity, occurred_on=day.isoformat())
    return schemas.ObjectionAnswer(
        objection_id=one.objection_id,
        state=one.state,
        decide_by=one.decide_by.isoformat(),
        record_id=one.record_id,
        source_id=one.source_id,
        reason_code=one.reason,
        name=dict(names[source_id]) if source_id in names else None,
        record=record,
        statement=one.statement,
        opened_at=json_io.rfc3339(one.opened_at),
        acknowledged_at=None if one.acknowledged_at is None else json_io.rfc3339(one.acknowledged_at),
        decided_at=None if one.decided_at is None else json_io.rfc3339(one.decided_at),
        decision=one.decision,
    )
