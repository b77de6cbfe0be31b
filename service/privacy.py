"""The privacy officer's door: read under a case, decide with reasons, verify. Never grant, edit, export or look up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from benefits import figures, publishing
from consent import database, disputes, documents, ledger, links, oversight, register, verification
from consent.errors import NotFound
from consent.kinds import Kind
from consent.ledger import Log
from consent.oversight import PROPAGATION_DAYS, Filters
from consent.purposes import Purpose
from service import findings, processing, receipts, transparency, wire
from service.doors import Answer, Ask
from service.identity import PrivacyOfficer
from service.problems import Problem
from service.shapes import privacy as shapes

STATES = frozenset({"given", "refused", "withdrawn", "expired", "terminated"})
PURPOSES = frozenset(Purpose)


def _staff(ask: Ask) -> str:
    assert isinstance(ask.principal, PrivacyOfficer)
    return ask.principal.staff_id


async def _case(ask: Ask) -> str:
    """The case that this look names; bad_query without one, NotFound for one that is not the officer's own."""
    case_id = ask.request.query_params.get("case", "")
    if not case_id.isascii() or not case_id.isprintable() or not case_id:
        raise Problem("bad_query")
    await oversight.need_case(case_id, _staff(ask))
    return case_id


async def open_case(ask: Ask, body: shapes.CaseBody) -> Answer:
    """Open a case."""
    return Answer(
        shapes.CaseAnswer(case_id=await oversight.open_case(_staff(ask), body.reason_code, body.text, ask.at)), 201
    )


async def count_consents(ask: Ask, _: None) -> Answer:
    """Consents by day and state, small cells suppressed."""
    case_id = await _case(ask)
    day = wire.read_day(ask.request, "on") or ask.today
    cells = await oversight.counts(_filters(ask), day, ask.city.settings.city_zone, ask.at)
    await ledger.look(_staff(ask), case_id, "consents.counted", ask.at)
    return Answer(
        shapes.Counts(
            data=[shapes.CountRow(day=one.day.isoformat(), state=one.state, count=one.count) for one in cells]
        )
    )


async def sample_consents(ask: Ask, body: shapes.SampleBody) -> Answer:
    """A random sample for audit."""
    await oversight.need_case(body.case, _staff(ask))
    filters = Filters(body.purpose, body.source_id or body.provider_id, body.notice_version, body.state)
    found = await oversight.sample(filters, body.size, ask.at)
    await ledger.look(_staff(ask), body.case, "consents.sampled", ask.at)
    return Answer(
        shapes.Sample(data=[shapes.ConsentRow(**_consent(ask, row, row["state_then"])) for row in found]), 201
    )


async def read_consent(ask: Ask, _: None) -> Answer:
    """One consent with its events, notice and proofs; its person reads that somebody looked."""
    case_id, consent_id = await _case(ask), ask.request.path_params["consent_id"]
    row, openings = await oversight.one(ask.city.keyring, consent_id, case_id, _staff(ask), ask.at)
    notice = await documents.get(Kind.NOTICES, row["notice_id"], row["notice_version"])
    state = register.state_of(row, ask.at)
    return Answer(
        shapes.ConsentUnderCase(
            **_consent(ask, row, state),
            notice=notice.body,
            events=[
                shapes.EventRow(
                    kind=one.event["kind"],
                    day=one.event["at"][:10],
                    leaf_hash=receipts.encoded_hash(one.leaf_hash),
                    proof=await transparency.proof_of(Log.CONSENT, one.leaf_hash),
                )
                for one in openings
            ],
        )
    )


async def list_reviews(ask: Ask, _: None) -> Answer:
    """What waits for an officer."""
    await ledger.look(_staff(ask), None, "reviews.listed", ask.at)
    return Answer(
        shapes.Reviews(
            data=[
                shapes.ReviewRow(
                    review_id=one.review_id,
                    kind=one.kind,
                    about=one.about,
                    opened_on=ask.city.day_of(one.opened_at).isoformat(),
                )
                for one in await oversight.reviews()
            ]
        )
    )


async def read_review(ask: Ask, _: None) -> Answer:
    """One review. Of two claims on an account nothing more can be said without saying whose they are."""
    review_id = ask.request.path_params["review_id"]
    waiting = next((one for one in await oversight.reviews() if one.review_id == review_id), None)
    if waiting is None:
        raise NotFound("there is no such review")
    await ledger.look(_staff(ask), None, f"review.read {review_id}", ask.at)
    row: dict[str, Any] = {
        "review_id": waiting.review_id,
        "kind": waiting.kind,
        "about": waiting.about,
        "opened_on": ask.city.day_of(waiting.opened_at).isoformat(),
    }
    kind, _dot, rest = review_id.partition(".")
    document_id, _dot, version = rest.rpartition(".")
    if not document_id:
        return Answer(shapes.ReviewAnswer(**row, findings=[]))
    found = await documents.get(Kind(kind), document_id, int(version))
    said = await publishing.gate(found.kind, found.body, ask.at, ask.today)
    return Answer(
        shapes.ReviewAnswer(
            **row,
            version=found.version,
            sha256=found.sha256,
            document=found.body,
            findings=[shapes.ReviewFinding(**findings.said(one, ask.language)) for one in said],
        )
    )


async def decide_review(ask: Ask, body: shapes.DecisionBody) -> Answer:
    """Let a flagged document go on or send it back; settle two claims on one account."""
    review_id, staff_id, approve = ask.request.path_params["review_id"], _staff(ask), body.decision == "approve"
    kind, _, rest = review_id.partition(".")
    document_id, _, version = rest.rpartition(".")
    if document_id:
        if kind not in list(Kind) or not version.isdecimal() or len(version) > 9:
            raise NotFound("there is no such review")
        await _decide_document(Kind(kind), document_id, int(version), staff_id, approve, ask)
    else:
        row = await oversight.decide_contested(review_id, staff_id, approve, body.reason, ask.at)
        if approve:
            await links.release_contested(ask.city.keyring, row["standing_link_id"], ask.at)
    await ledger.look(staff_id, None, f"review.{body.decision}d {review_id}: {body.reason}", ask.at)
    return Answer(shapes.ReviewDecided(review_id=review_id, decision=body.decision))


async def _decide_document(kind: Kind, document_id: str, version: int, staff_id: str, approve: bool, ask: Ask) -> None:
    """A flagged version goes on or back; one that the gate has stopped may be asked back, or ends."""
    found = await documents.get(kind, document_id, version)
    if found.state != "suspended":
        await (documents.review if approve else documents.send_back)(kind, document_id, version, staff_id, ask.at)
    elif approve:
        await publishing.resume(found, staff_id, ask.at, ask.today)
    else:
        await documents.give_up(kind, document_id, version, staff_id, ask.at)


async def list_objections(ask: Ask, _: None) -> Answer:
    """Open objections, the most urgent first."""
    limit = wire.read_limit(ask.request)
    cursor = wire.read_cursor(ask.request, int, str)
    after = None if cursor is None else (int(cursor[0]), str(cursor[1]))
    found = await disputes.queue(ask.city.keyring, ask.city.settings.city_zone, after, limit + 1)
    await ledger.look(_staff(ask), None, "objections.listed", ask.at)
    page = found[:limit]
    return Answer(
        shapes.Objections(
            data=[
                shapes.ObjectionRow(
                    objection_id=one.objection_id,
                    state=one.state,
                    source_id=one.source_id,
                    reason_code=one.reason,
                    opened_on=one.opened_on.isoformat(),
                    acknowledge_by=one.acknowledge_by.isoformat(),
                    decide_by=one.decide_by.isoformat(),
                    acknowledged=one.acknowledged,
                    overdue=ask.today > one.decide_by,
                    record=one.record,
                    statement=one.statement,
                    source_statement=one.source_statement,
                )
                for one in page
            ],
            next_cursor=wire.encode_cursor((database.to_day_number(page[-1].decide_by), page[-1].objection_id))
            if len(found) > limit
            else None,
        )
    )


async def acknowledge_objection(ask: Ask, _: None) -> Answer:
    """Tell the person that somebody has taken it up."""
    objection_id = ask.request.path_params["objection_id"]
    await disputes.acknowledge(ask.city.keyring, objection_id, _staff(ask), ask.at)
    return Answer(shapes.ObjectionDecided(objection_id=objection_id, state="acknowledged"))


async def decide_objection(ask: Ask, body: shapes.ObjectionDecision) -> Answer:
    """A human decides, with reasons in writing."""
    objection_id = ask.request.path_params["objection_id"]
    correction = None
    if body.correction is not None:
        if body.decision == "rejected" or body.correction == shapes.Correction():
            detail = "only an upheld objection corrects, and a correction names quantity or occurred_on"
            raise Problem("body_invalid", errors=[{"pointer": "/correction", "code": "unfit", "detail": detail}])
        correction = (body.correction.quantity, body.correction.occurred_on)
    state = await disputes.decide(
        ask.city.keyring,
        objection_id,
        _staff(ask),
        body.decision == "upheld",
        body.reason,
        correction,
        ask.today,
        ask.at,
    )
    return Answer(shapes.ObjectionDecided(objection_id=objection_id, state=state))


async def list_attempts(ask: Ask, _: None) -> Answer:
    """What was tried and refused."""
    limit = wire.read_limit(ask.request)
    cursor = wire.read_cursor(ask.request, int, str)
    found = await oversight.refused_attempts(None if cursor is None else (cursor[0], cursor[1]), limit + 1)
    await ledger.look(_staff(ask), None, "attempts.listed", ask.at)
    page = found[:limit]
    return Answer(
        shapes.Attempts(
            data=[
                shapes.AttemptRow(
                    attempt_id=row["attempt_id"],
                    day=ask.city.day_of(database.from_micros(row["at"])).isoformat(),
                    door=row["door"],
                    actor=row["actor"],
                    code=row["code"],
                    what=row["what"],
                )
                for row in page
            ],
            next_cursor=wire.encode_cursor((page[-1]["at"], page[-1]["attempt_id"])) if len(found) > limit else None,
        )
    )


async def list_propagations(ask: Ask, _: None) -> Answer:
    """Ended links and corrections that their source has not dealt with."""
    if ask.request.query_params.get("state", "unacknowledged") != "unacknowledged":
        raise Problem("bad_query")
    limit = wire.read_limit(ask.request)
    cursor = wire.read_cursor(ask.request, int, str)
    found = await oversight.unacknowledged(None if cursor is None else (cursor[0], cursor[1]), limit + 1)
    await ledger.look(_staff(ask), None, "propagations.listed", ask.at)
    page, rows = found[:limit], []
    for row in page:
        ended_on = ask.city.day_of(database.from_micros(row["since"]))
        due_on = ended_on + timedelta(days=PROPAGATION_DAYS)
        rows.append(
            shapes.PropagationRow(
                kind=row["kind"],
                id=row["id"],
                source_id=row["source_id"],
                ended_on=ended_on.isoformat(),
                due_on=due_on.isoformat(),
                overdue=ask.today > due_on,
            )
        )
    more = len(found) > limit
    return Answer(
        shapes.Propagations(
            data=rows, next_cursor=wire.encode_cursor((page[-1]["since"], page[-1]["id"])) if more else None
        )
    )


async def verify(ask: Ask, _: None) -> Answer:
    """Compute both logs and every chain again; name the first thing that does not fit."""
    async with database.transaction():
        await ledger.look(_staff(ask), None, "logs.verified", ask.at)
    reports = await verification.everything(ask.city.keyring, ask.city.settings.publisher)
    faults = [one.fault for one in reports.values() if one.fault is not None]
    return Answer(
        shapes.Verification(
            ok=not faults,
            verified_at=wire.rfc3339(ask.at),
            logs=[
                shapes.LogReport(name=one.log, size=one.size, checked=one.checked)
                for one in (reports[log] for log in Log)
            ],
            first_fault=shapes.FirstFault(where=faults[0].where, number=faults[0].number, what=faults[0].what)
            if faults
            else None,
        )
    )


async def read_register(ask: Ask, _: None) -> Answer:
    """The record of processing."""
    await ledger.look(_staff(ask), None, "register.read", ask.at)
    return Answer(shapes.Register(data=processing.register()))


async def self_audit(ask: Ask, _: None) -> Answer:
    """What must never be found, and whether it is."""
    found = await processing.self_audit(ask.at)
    await ledger.look(_staff(ask), None, "self-audit.read", ask.at)
    rows = [shapes.AuditRow(check=check, found=count, ok=count == 0) for check, count in found]
    return Answer(shapes.SelfAudit(as_of=wire.rfc3339(ask.at), data=rows, ok=all(one.ok for one in rows)))


async def read_statistics(ask: Ask, _: None) -> Answer:
    """Objections by source, reason and state as released this week; rounded, small cells left out."""
    await ledger.look(_staff(ask), None, "statistics.read", ask.at)
    found = await figures.released(ask.today, ask.at)
    return Answer(shapes.Statistics(data=[shapes.StatisticRow(**row) for row in found.get("objections", [])]))


def _filters(ask: Ask) -> Filters:
    query = ask.request.query_params
    purpose, state, version = query.get("purpose"), query.get("state"), query.get("notice_version")
    counterpart = query.get("source_id") or query.get("provider_id")
    if (
        purpose not in (None, *PURPOSES)
        or state not in (None, *STATES)
        or (version is not None and not (version.isascii() and version.isdecimal() and len(version) < 10))
        or (counterpart is not None and not (counterpart.isascii() and counterpart.isprintable()))
    ):
        raise Problem("bad_query")
    return Filters(purpose, counterpart, None if version is None else int(version), state)


def _consent(ask: Ask, row: database.Row, state: str) -> dict[str, Any]:
    def day(column: str) -> str | None:
        return None if row[column] is None else ask.city.day_of(database.from_micros(row[column])).isoformat()

    return {
        "consent_id": row["consent_id"],
        "purpose": row["purpose"],
        "counterpart": row["counterpart"],
        "state": state,
        "notice_id": row["notice_id"],
        "notice_version": row["notice_version"],
        "given_on": day("given_at"),
        "expires_on": day("expires_at"),
        "ended_on": day("ended_at"),
    }
