"""The privacy officer's door: read under a case, decide with reasons, verify. Never grant, edit, export or look up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from benefits.statistics import weekly_figures
from consent.database import queries
from consent.documents import lifecycle, versions
from consent.domain.document_kinds import DocumentKind
from consent.domain.grants import State
from consent.domain.purposes import Purpose
from consent.events import ledger
from consent.oversight import objections, officers
from consent.oversight.officers import PROPAGATION_DAYS, ConsentFilters
from consent.records.intake import OBJECTION_UPHELD, RecordCorrection
from consent.transparency.logs import Log
from consent.verification import logs as verification
from service.api.privacy import schemas
from service.api.privacy.reviews import staff_of
from service.api.public import transparency
from service.compliance import processing_register, receipts
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

STATES = frozenset(State)
PURPOSES = frozenset(Purpose)


async def _case(context: RequestContext) -> str:
    """The case that this look names; bad_query without one, NotFound for one that is not the officer's own."""
    case_id = context.request.query_params.get("case", "")
    if not case_id.isascii() or not case_id.isprintable() or not case_id:
        raise Problem("bad_query")
    await officers.require_case(case_id, staff_of(context))
    return case_id


async def open_case(context: RequestContext, body: schemas.CaseBody) -> Answer:
    """Open a case."""
    return Answer(
        schemas.CaseAnswer(
            case_id=await officers.open_case(staff_of(context), body.reason_code, body.text, context.at)
        ),
        201,
    )


async def list_cases(context: RequestContext, _: None) -> Answer:
    """The officer's own cases, newest first."""
    limit = json_io.read_limit(context.request)
    found = await officers.cases_of(staff_of(context), json_io.read_keyset(context.request), limit + 1)
    await ledger.record_officer_read(staff_of(context), None, "cases.listed", context.at)
    page = found[:limit]
    last = json_io.encode_cursor((queries.to_micros(page[-1].opened_at), page[-1].case_id)) if page else None
    return Answer(
        schemas.Cases(data=[_case_row(context, one) for one in page], next_cursor=last if len(found) > limit else None)
    )


async def read_case(context: RequestContext, _: None) -> Answer:
    """One case of the officer's own."""
    found = await officers.require_case(context.request.path_params["case_id"], staff_of(context))
    await ledger.record_officer_read(staff_of(context), found.case_id, "case.read", context.at)
    return Answer(_case_row(context, found))


def _case_row(context: RequestContext, one: officers.Case) -> schemas.CaseRow:
    opened_on = context.app_context.day_of(one.opened_at).isoformat()
    return schemas.CaseRow(case_id=one.case_id, reason_code=one.reason_code, text=one.text, opened_on=opened_on)


async def count_consents(context: RequestContext, _: None) -> Answer:
    """Consents by day and state, small cells suppressed."""
    case_id = await _case(context)
    day = json_io.read_day(context.request, "on") or context.today
    cells = await officers.count_consents(_filters(context), day, context.app_context.settings.city_zone, context.at)
    await ledger.record_officer_read(staff_of(context), case_id, "consents.counted", context.at)
    return Answer(
        schemas.Counts(
            data=[schemas.CountRow(day=one.day.isoformat(), state=one.state, count=one.count) for one in cells]
        )
    )


async def sample_consents(context: RequestContext, body: schemas.SampleBody) -> Answer:
    """A random sample for audit."""
    await officers.require_case(body.case, staff_of(context))
    filters = ConsentFilters(body.purpose, body.source_id or body.provider_id, body.notice_version, body.state)
    found = await officers.sample_consents(filters, body.size, context.at)
    await ledger.record_officer_read(staff_of(context), body.case, "consents.sampled", context.at)
    return Answer(schemas.Sample(data=[schemas.ConsentRow(**_consent(context, consent)) for consent in found]), 201)


async def read_consent(context: RequestContext, _: None) -> Answer:
    """One consent with its events, notice and proofs; its person reads that somebody looked."""
    case_id, consent_id = await _case(context), context.request.path_params["consent_id"]
    consent, openings = await officers.read_consent(
        context.app_context.keyring, consent_id, case_id, staff_of(context), context.at
    )
    notice = await lifecycle.get(DocumentKind.NOTICES, consent.notice_id, consent.notice_version)
    kind = DocumentKind.SOURCES if consent.purpose == Purpose.POINTS_COMPUTE else DocumentKind.PROVIDERS
    return Answer(
        schemas.ConsentUnderCase(
            **_consent(context, consent),
            counterpart_name=await versions.last_name_of(kind, consent.counterpart),
            notice=notice.body,
            events=[
                schemas.EventRow(
                    kind=one.event["kind"],
                    day=context.app_context.day_of(datetime.fromisoformat(one.event["at"])).isoformat(),
                    leaf_hash=receipts.encoded_hash(one.leaf_hash),
                    proof=await transparency.proof_of(Log.CONSENT, one.leaf_hash),
                )
                for one in openings
            ],
        )
    )


async def list_objections(context: RequestContext, _: None) -> Answer:
    """Open objections, the most urgent first."""
    limit = json_io.read_limit(context.request)
    found = await objections.queue(
        context.app_context.keyring,
        context.app_context.settings.city_zone,
        json_io.read_keyset(context.request),
        limit + 1,
    )
    await ledger.record_officer_read(staff_of(context), None, "objections.listed", context.at)
    page = found[:limit]
    return Answer(
        schemas.Objections(
            data=[schemas.ObjectionUnderReview(**_objection(context, one)) for one in page],
            next_cursor=json_io.encode_cursor((queries.to_day_number(page[-1].decide_by), page[-1].objection_id))
            if len(found) > limit
            else None,
        )
    )


async def read_objection(context: RequestContext, _: None) -> Answer:
    """One objection, open or decided."""
    objection_id = context.request.path_params["objection_id"]
    found = await objections.get(context.app_context.keyring, context.app_context.settings.city_zone, objection_id)
    await ledger.record_officer_read(staff_of(context), None, f"objection.read {objection_id}", context.at)
    decided_on = None if found.decided_on is None else found.decided_on.isoformat()
    return Answer(
        schemas.ObjectionWithStatements(**_objection(context, found), decided_on=decided_on, decision=found.decision)
    )


def _objection(context: RequestContext, one: objections.ObjectionForOfficer) -> dict[str, Any]:
    return {
        "objection_id": one.objection_id,
        "state": one.state,
        "source_id": one.source_id,
        "reason_code": one.reason,
        "opened_on": one.opened_on.isoformat(),
        "acknowledge_by": one.acknowledge_by.isoformat(),
        "decide_by": one.decide_by.isoformat(),
        "acknowledged": one.acknowledged,
        "overdue": one.decided_on is None and context.today > one.decide_by,
        "record": one.record,
        "statement": one.statement,
        "source_statement": one.source_statement,
    }


async def acknowledge_objection(context: RequestContext, _: None) -> Answer:
    """Tell the person that somebody has taken it up."""
    objection_id = context.request.path_params["objection_id"]
    await objections.acknowledge(context.app_context.keyring, objection_id, staff_of(context), context.at)
    return Answer(schemas.ObjectionDecided(objection_id=objection_id, state="acknowledged"))


async def decide_objection(context: RequestContext, body: schemas.ObjectionDecision) -> Answer:
    """A human decides, with reasons in writing."""
    objection_id = context.request.path_params["objection_id"]
    correction = None
    if body.correction is not None:
        if body.decision == "rejected" or body.correction == schemas.ObjectionCorrection():
            detail = "only an upheld objection corrects, and a correction names quantity or occurred_on"
            raise Problem("body_invalid", errors=[{"pointer": "/correction", "code": "unfit", "detail": detail}])
        correction = RecordCorrection(body.correction.quantity, body.correction.occurred_on, OBJECTION_UPHELD)
    state = await objections.decide(
        context.app_context.keyring,
        objection_id,
        objections.Ruling(body.decision == "upheld", body.reason, correction),
        staff_of(context),
        context.today,
        context.at,
    )
    return Answer(schemas.ObjectionDecided(objection_id=objection_id, state=state))


async def list_attempts(context: RequestContext, _: None) -> Answer:
    """What was tried and refused."""
    limit = json_io.read_limit(context.request)
    found = await officers.refused_attempts(json_io.read_keyset(context.request), limit + 1)
    await ledger.record_officer_read(staff_of(context), None, "attempts.listed", context.at)
    page = found[:limit]
    return Answer(
        schemas.Attempts(
            data=[
                schemas.AttemptRow(
                    attempt_id=row["attempt_id"],
                    day=context.app_context.day_of(queries.from_micros(row["at"])).isoformat(),
                    door=row["door"],
                    actor=row["actor"],
                    code=row["code"],
                    what=row["what"].partition(" ")[0],
                    document=row["what"].partition(" ")[2] or None,
                )
                for row in page
            ],
            next_cursor=json_io.encode_cursor((page[-1]["at"], page[-1]["attempt_id"])) if len(found) > limit else None,
        )
    )


async def list_propagations(context: RequestContext, _: None) -> Answer:
    """Ended links and corrections that their source has not dealt with."""
    if context.request.query_params.get("state", "unacknowledged") != "unacknowledged":
        raise Problem("bad_query")
    limit = json_io.read_limit(context.request)
    found = await officers.unacknowledged(json_io.read_keyset(context.request), limit + 1)
    await ledger.record_officer_read(staff_of(context), None, "propagations.listed", context.at)
    page, rows = found[:limit], []
    for row in page:
        ended_on = context.app_context.day_of(queries.from_micros(row["since"]))
        due_on = ended_on + timedelta(days=PROPAGATION_DAYS)
        rows.append(
            schemas.PropagationRow(
                kind=row["kind"],
                id=row["id"],
                source_id=row["source_id"],
                ended_on=ended_on.isoformat(),
                due_on=due_on.isoformat(),
                overdue=context.today > due_on,
            )
        )
    more = len(found) > limit
    return Answer(
        schemas.Propagations(
            data=rows, next_cursor=json_io.encode_cursor((page[-1]["since"], page[-1]["id"])) if more else None
        )
    )


async def verify(context: RequestContext, _: None) -> Answer:
    """Compute both logs and every chain again; name the first thing that does not fit."""
    async with queries.transaction():
        await ledger.record_officer_read(staff_of(context), None, "logs.verified", context.at)
    reports = await verification.check_all(context.app_context.keyring, context.app_context.settings.publisher)
    faults = [one.fault for one in reports.values() if one.fault is not None]
    return Answer(
        schemas.Verification(
            ok=not faults,
            verified_at=json_io.rfc3339(context.at),
            logs=[
                schemas.LogReport(name=one.log, size=one.size, checked=one.checked)
                for one in (reports[log] for log in Log)
            ],
            first_fault=schemas.FirstFault(where=faults[0].where, number=faults[0].number, what=faults[0].what)
            if faults
            else None,
        )
    )


async def read_register(context: RequestContext, _: None) -> Answer:
    """The record of processing."""
    await ledger.record_officer_read(staff_of(context), None, "register.read", context.at)
    return Answer(schemas.Register(data=processing_register.register()))


async def self_audit(context: RequestContext, _: None) -> Answer:
    """What must never be found, and whether it is."""
    found = await processing_register.self_audit(context.at)
    await ledger.record_officer_read(staff_of(context), None, "self-audit.read", context.at)
    rows = [schemas.AuditRow(check=check, found=count, ok=count == 0) for check, count in found]
    return Answer(schemas.SelfAudit(as_of=json_io.rfc3339(context.at), data=rows, ok=all(one.ok for one in rows)))


async def read_statistics(context: RequestContext, _: None) -> Answer:
    """Objections by source, reason and state as released this week; rounded, small cells left out."""
    await ledger.record_officer_read(staff_of(context), None, "statistics.read", context.at)
    found = await weekly_figures.load_or_release(context.today, context.at)
    return Answer(schemas.Statistics(data=[schemas.StatisticRow(**row) for row in found.get("objections", [])]))


def _filters(context: RequestContext) -> ConsentFilters:
    query = context.request.query_params
    purpose, state, version = query.get("purpose"), query.get("state"), query.get("notice_version")
    counterpart = query.get("source_id") or query.get("provider_id")
    if (
        purpose not in (None, *PURPOSES)
        or state not in (None, *STATES)
        or (version is not None and not (version.isascii() and version.isdecimal() and len(version) < 10))
        or (counterpart is not None and not (counterpart.isascii() and counterpart.isprintable()))
    ):
        raise Problem("bad_query")
    return ConsentFilters(purpose, counterpart, None if version is None else int(version), state)


def _consent(context: RequestContext, consent: officers.ConsentForOfficer) -> dict[str, Any]:
    day_of, ended_at = context.app_context.day_of, consent.ended_at
    return {
        "consent_id": consent.consent_id,
        "purpose": consent.purpose,
        "counterpart": consent.counterpart,
        "state": consent.state,
        "notice_id": consent.notice_id,
        "notice_version": consent.notice_version,
        "given_on": day_of(consent.given_at).isoformat(),
        "expires_on": day_of(consent.expires_at).isoformat(),
        "ended_on": None if ended_at is None else day_of(ended_at).isoformat(),
    }
