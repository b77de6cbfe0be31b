"""Privacy officers' operations on objections: the queue, both sides, decisions, restorations, the analysis by source.

Every read writes to the consent log, in the request's transaction.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from benefits.balances import objection_effect
from benefits.balances.objection_effect import ChangedRecord
from benefits.catalogue import in_force as catalogue
from consent.database import queries
from consent.domain.objections import ObjectionState
from consent.events import ledger
from consent.oversight import cases, objection_decisions, source_analysis
from consent.oversight.objection_decisions import LockedObjection, ObjectionForOfficer, Ruling, UnderCase
from consent.records import intake, restoration
from consent.records.intake import RecordCorrection
from service.api.common_parameters import read_case, read_document_id
from service.api.common_schemas import claimed_values
from service.api.privacy import objection_schemas
from service.api.privacy.reviews import staff_of
from service.api.staff_divisions import require_own_source
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem, body_invalid

QUEUES = (ObjectionState.OPEN, ObjectionState.ASKED)
"""The states of objections that wait: for an officer, and for their source."""


async def list_objections(context: RequestContext, _: None) -> Answer:
    """List open objections, or with `?state=asked` those whose source was asked, the earliest deadline first."""
    asked_for = context.request.query_params.get("state", ObjectionState.OPEN)
    if asked_for not in QUEUES:
        raise Problem("bad_query")
    limit = json_io.read_limit(context.request)
    rows = await objection_decisions.queue(
        context.app_context.keyring,
        context.app_context.settings.city_zone,
        ObjectionState(asked_for),
        json_io.read_day_keyset(context.request),
        limit + 1,
    )
    await ledger.record_officer_read(staff_of(context), None, "objections.listed", context.at)
    return Answer(
        objection_schemas.Objections(
            data=[
                objection_schemas.ObjectionUnderReview(**_objection(context, objection)) for objection in rows[:limit]
            ],
            next_cursor=json_io.next_cursor(
                rows, limit, lambda objection: (_deadline_number(objection), objection.objection_id)
            ),
        )
    )


def _deadline_number(objection: ObjectionForOfficer) -> int:
    return queries.to_day_number(objection.answer_by or objection.decide_by)


async def read_objection(context: RequestContext, _: None) -> Answer:
    """Return one objection, open or decided."""
    objection_id = context.request.path_params["objection_id"]
    objection = await objection_decisions.get(
        context.app_context.keyring, context.app_context.settings.city_zone, objection_id
    )
    await ledger.record_officer_read(staff_of(context), None, f"objection.read {objection_id}", context.at)
    decided_on = None if objection.decided_on is None else objection.decided_on.isoformat()
    return Answer(
        objection_schemas.ObjectionWithStatements(
            **_objection(context, objection), decided_on=decided_on, decision=objection.decision
        )
    )


def _objection(context: RequestContext, objection: ObjectionForOfficer) -> dict[str, Any]:
    claim = objection.grounds.claim
    waits_until = objection.answer_by if objection.state is ObjectionState.ASKED else objection.decide_by
    waiting = objection.state in QUEUES
    return {
        "objection_id": objection.objection_id,
        "state": objection.state,
        "source_id": objection.source_id,
        "record_id": objection.record_id,
        "reason_code": objection.grounds.reason,
        "opened_on": objection.opened_on.isoformat(),
        "acknowledge_by": objection.acknowledge_by.isoformat(),
        "decide_by": objection.decide_by.isoformat(),
        "answer_by": _iso(objection.answer_by),
        "answer": objection.answer,
        "acknowledged": objection.acknowledged,
        "overdue": waiting and waits_until is not None and context.today > waits_until,
        "record": objection.record,
        "claim": claimed_values(claim),
        "statement": objection.grounds.statement,
        "source_statement": objection.source_statement,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


async def analyse_sources(context: RequestContext, _: None) -> Answer:
    """Return the objections of a year and the retractions of a week by source, the unusual and overdue ones first."""
    await ledger.record_officer_read(staff_of(context), None, "sources.listed", context.at)
    rows = await source_analysis.by_source(context.today, context.at)
    names = await catalogue.names(context.at) if rows else {}
    return Answer(
        objection_schemas.SourceAnalyses(
            data=[
                objection_schemas.SourceAnalysisRow(
                    **asdict(row), name=dict(names[row.source_id]) if row.source_id in names else None
                )
                for row in rows
            ]
        )
    )


async def read_trends(context: RequestContext, _: None) -> Answer:
    """Return the objections of twelve months by month, of all sources or of `?source_id=`."""
    source_id = read_document_id(context.request.query_params, "source_id") or ""
    await ledger.record_officer_read(staff_of(context), None, "trends.read", context.at)
    months = await source_analysis.by_month(context.today, context.app_context.settings.city_zone, source_id)
    return Answer(
        objection_schemas.ObjectionTrends(
            data=[
                objection_schemas.ObjectionMonthRow(month=row.pop("first_day").isoformat()[:7], **row)
                for row in map(asdict, months)
            ]
        )
    )


async def acknowledge_objection(context: RequestContext, _: None) -> Answer:
    """Acknowledge an objection, once; the resident gets a message. OtherDivision as for a decision."""
    objection_id = context.request.path_params["objection_id"]
    await require_own_source(context, await objection_decisions.source_of(objection_id))
    await objection_decisions.acknowledge(context.app_context.keyring, objection_id, staff_of(context), context.at)
    return Answer(objection_schemas.ObjectionAcknowledged(objection_id=objection_id))


async def decide_objection(context: RequestContext, body: objection_schemas.ObjectionDecision) -> Answer:
    """Decide an objection with a written reason; an upheld one may correct the record, but never downwards.

    Problem body_invalid for a correction of a rejected objection, of a missing record, or without members;
    OtherDivision for a source of a division that is not the officer's; WouldLowerPoints for a correction that leaves
    the person with fewer points on any day.
    """
    objection_id = context.request.path_params["objection_id"]
    await require_own_source(context, await objection_decisions.source_of(objection_id))
    locked = await objection_decisions.lock(context.app_context.keyring, objection_id)
    correction = None
    if body.correction is not None:
        empty = body.correction == objection_schemas.ObjectionCorrection()
        if body.decision == "rejected" or empty or locked.record is None:
            detail = "only an upheld objection to a record corrects, and a correction names quantity or occurred_on"
            raise body_invalid("/correction", "unfit", detail)
        correction = RecordCorrection(body.correction.quantity, body.correction.occurred_on)
        await _require_no_loss(context, locked, correction)
    ruling = Ruling(body.decision == "upheld", body.reason, correction)
    state = await objection_decisions.decide(
        context.app_context.keyring, locked, ruling, staff_of(context), context.today, context.at
    )
    return Answer(objection_schemas.ObjectionDecided(objection_id=objection_id, state=state))


async def _require_no_loss(context: RequestContext, locked: LockedObjection, correction: RecordCorrection) -> None:
    """Raise WouldLowerPoints for another day that gives fewer points, unless it is the day that the person named."""
    assert locked.record is not None
    text = correction.occurred_on
    # A day that no delivery may have is refused by the decision itself.
    if text is None or intake.day_refusal(text, context.today) is not None:
        return
    day = date.fromisoformat(text)
    if day == locked.grounds.claim.occurred_on:
        return
    changed = ChangedRecord(locked.record.record_id, correction.quantity, day)
    timeline = await catalogue.timeline(context.at)
    await objection_effect.require_no_loss(locked.person, changed, timeline, context.today, context.at)


async def restore_record(context: RequestContext, body: objection_schemas.RestorationBody) -> Answer:
    """Bring back a record that was retracted or corrected downwards, under a case; the person and the source are told.

    The case is a member of the body or `?case=`. NotFound for a record without a copy, Conflict where it cannot be
    brought back. Repeating it changes nothing.
    """
    record_id = context.request.path_params["record_id"]
    case_id = body.case or read_case(context.request.query_params)
    if case_id is None:
        raise body_invalid("/case", "required", "the id of a case")
    await cases.require_open_case(case_id, staff_of(context))
    await require_own_source(context, await restoration.source_of(record_id) or "")
    act = UnderCase(staff_of(context), case_id, body.reason)
    await objection_decisions.restore_record(context.app_context.keyring, record_id, act, context.at)
    return Answer(objection_schemas.Restored(record_id=record_id))
