"""Privacy officers' operations: reads under a case, decisions with reasons, verification.

No operation grants, edits or exports a consent, or finds a person. Every read writes to the consent log, in the
request's transaction unless stated otherwise.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from benefits.statistics import consent_counts, weekly_figures
from benefits.statistics.privacy_budget import ALLOWANCES, ReleaseKind
from consent.database import queries
from consent.documents import lifecycle, versions
from consent.domain.document_kinds import DocumentKind
from consent.domain.grants import State
from consent.domain.purposes import Purpose
from consent.events import ledger
from consent.oversight import cases, draft_refusals, officers, samples
from consent.oversight.officers import PROPAGATION_DAYS
from consent.oversight.people_counts import ConsentFilters
from consent.transparency.logs import Log
from consent.verification import logs as verification
from service.api import common_parameters
from service.api.privacy import schemas
from service.api.privacy.reviews import VERSION_DIGITS, staff_of
from service.api.public import transparency
from service.compliance import processing_register, receipts
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

STATES = frozenset(State)
PURPOSES = frozenset(Purpose)
VERSION = re.compile(rf"[1-9][0-9]{{0,{VERSION_DIGITS - 1}}}")
"""The number of a version."""


async def _case(context: RequestContext) -> str:
    """Return the case id of `?case=`.

    Problem bad_query without it, NotFound unless the case is the officer's own, Conflict for a closed one.
    """
    case_id = common_parameters.read_case(context.request.query_params)
    if case_id is None:
        raise Problem("bad_query")
    await cases.require_open_case(case_id, staff_of(context))
    return case_id


async def count_consents(context: RequestContext, _: None) -> Answer:
    """Count consents by state and day, as of the end of civil day `?on=`, with noise; small cells are suppressed.

    PrivacyBudgetSpent after the week's last new question of all officers; those asked before are answered again.
    """
    case_id = await _case(context)
    day, zone = json_io.read_day(context.request, "on"), context.app_context.settings.city_zone
    counts = await consent_counts.count(_filters(context), day, zone, context.week)
    await ledger.record_officer_read(staff_of(context), case_id, "consents.counted", context.at)
    return Answer(
        schemas.Counts(
            data=[
                schemas.CountRow(day=cell.day.isoformat(), state=cell.state, count=cell.count) for cell in counts.by_day
            ],
            by_state=counts.by_state,
            give_or_take=ALLOWANCES[ReleaseKind.CONSENT_COUNTS].give_or_take,
            too_few_people=not counts.by_state,
        )
    )


async def sample_consents(context: RequestContext, body: schemas.SampleBody) -> Answer:
    """Return a random sample of consents for audit, the same for the same filters all quarter.

    TooFewConsents when too few fit the filters for any sample, SampleTooLarge above a tenth of what fits.
    """
    await cases.require_open_case(body.case, staff_of(context))
    filters = ConsentFilters(body.purpose, body.source_id or body.provider_id, body.notice_version, body.state)
    keyring = context.app_context.keyring
    consents = await samples.sample_consents(keyring, filters, body.size, context.today, context.at)
    await ledger.record_officer_read(staff_of(context), body.case, "consents.sampled", context.at)
    return Answer(schemas.Sample(data=[schemas.ConsentRow(**_consent(context, consent)) for consent in consents]), 201)


async def read_consent(context: RequestContext, _: None) -> Answer:
    """Return one consent with its events, notice and proofs; the person sees this read in their access log.

    Locks the person's row and writes the read into their chain.
    """
    case_id, consent_id = await _case(context), context.request.path_params["consent_id"]
    consent, openings = await officers.read_consent(
        context.app_context.keyring, consent_id, case_id, staff_of(context), context.at
    )
    notice = await lifecycle.get(DocumentKind.NOTICES, consent.notice_id, consent.notice_version)
    kind = DocumentKind.SOURCES if consent.purpose == Purpose.POINTS_COMPUTE else DocumentKind.PROVIDERS
    proofs = await transparency.proofs_of(Log.CONSENT, [opening.leaf_hash for opening in openings])
    return Answer(
        schemas.ConsentUnderCase(
            **_consent(context, consent),
            counterpart_name=await versions.last_name_of(kind, consent.counterpart),
            notice=notice.body,
            events=[
                schemas.EventRow(
                    kind=opening.event["kind"],
                    day=context.app_context.day_of(datetime.fromisoformat(opening.event["at"])).isoformat(),
                    leaf_hash=receipts.encoded_hash(opening.leaf_hash),
                    proof=proof,
                )
                for opening, proof in zip(openings, proofs, strict=True)
            ],
        )
    )


async def list_attempts(context: RequestContext, _: None) -> Answer:
    """List attempts that were refused, newest first."""
    limit = json_io.read_limit(context.request)
    rows = await officers.refused_attempts(json_io.read_keyset(context.request), limit + 1)
    await ledger.record_officer_read(staff_of(context), None, "attempts.listed", context.at)
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
                for row in rows[:limit]
            ],
            next_cursor=json_io.next_cursor(rows, limit, lambda row: (row["at"], row["attempt_id"])),
        )
    )


async def list_draft_refusals(context: RequestContext, _: None) -> Answer:
    """Count the refusals that drafts and previews met in the last quarter, by day, member of staff and rule."""
    await ledger.record_officer_read(staff_of(context), None, "draft-refusals.listed", context.at)
    return Answer(
        schemas.DraftRefusals(
            data=[
                schemas.DraftRefusalRow(
                    day=row.day.isoformat(),
                    staff_id=row.staff_id,
                    rule=row.rule,
                    code=row.code,
                    refusals=row.refusals,
                )
                for row in await draft_refusals.latest(context.today)
            ]
        )
    )


async def list_propagations(context: RequestContext, _: None) -> Answer:
    """List ended links and corrections not acknowledged by their source and records it was asked for, oldest first."""
    if context.request.query_params.get("state", "unacknowledged") != "unacknowledged":
        raise Problem("bad_query")
    limit = json_io.read_limit(context.request)
    rows = await officers.unacknowledged(json_io.read_keyset(context.request), limit + 1)
    await ledger.record_officer_read(staff_of(context), None, "propagations.listed", context.at)
    answers = []
    for row in rows[:limit]:
        ended_on = context.app_context.day_of(queries.from_micros(row["since"]))
        due_on = ended_on + timedelta(days=PROPAGATION_DAYS)
        if row["answer_by"] is not None:
            due_on = queries.from_day_number(row["answer_by"])
        answers.append(
            schemas.PropagationRow(
                kind=row["kind"],
                id=row["id"],
                source_id=row["source_id"],
                ended_on=ended_on.isoformat(),
                due_on=due_on.isoformat(),
                overdue=context.today > due_on,
            )
        )
    return Answer(
        schemas.Propagations(
            data=answers, next_cursor=json_io.next_cursor(rows, limit, lambda row: (row["since"], row["id"]))
        )
    )


async def verify(context: RequestContext, _: None) -> Answer:
    """Recompute both logs and every person's chain; name the first fault.

    Reads for as long as the logs are large, so only the log entry of this read has a transaction.
    """
    async with queries.transaction():
        await ledger.record_officer_read(staff_of(context), None, "logs.verified", context.at)
    reports = await verification.check_all(context.app_context.keyring, context.app_context.settings.publisher)
    faults = [report.fault for report in reports.values() if report.fault is not None]
    return Answer(
        schemas.Verification(
            ok=not faults,
            verified_at=json_io.rfc3339(context.at),
            logs=[
                schemas.LogReport(
                    name=log,
                    size=reports[log].size,
                    checked=reports[log].checked,
                    lost=sum(report.lost for report in reports.values() if report.log is log),
                )
                for log in Log
            ],
            first_fault=schemas.FirstFault(where=faults[0].where, number=faults[0].number, what=faults[0].what)
            if faults
            else None,
        )
    )


async def read_register(context: RequestContext, _: None) -> Answer:
    """Return the record of processing activities."""
    await ledger.record_officer_read(staff_of(context), None, "register.read", context.at)
    return Answer({"data": processing_register.register()})


async def self_audit(context: RequestContext, _: None) -> Answer:
    """Run the self-audit: count the rows that violate each check."""
    counts = await processing_register.self_audit(context.at)
    await ledger.record_officer_read(staff_of(context), None, "self-audit.read", context.at)
    rows = [schemas.AuditRow(check=check, found=count, ok=count == 0) for check, count in counts]
    return Answer(schemas.SelfAudit(as_of=json_io.rfc3339(context.at), data=rows, ok=all(row.ok for row in rows)))


async def read_statistics(context: RequestContext, _: None) -> Answer:
    """Return objections by source, reason and state as released this week; noisy, rounded, small counts left out.

    Writes that week's figures at the first call.
    """
    await ledger.record_officer_read(staff_of(context), None, "statistics.read", context.at)
    figures = await weekly_figures.load_or_count(context.week)
    return Answer(
        schemas.Statistics(
            data=[schemas.StatisticRow(**row) for row in figures.get("objections", [])],
            give_or_take=figures.get("give_or_take", {}).get(ReleaseKind.OBJECTIONS),
            too_few_people=figures.get("too_few_people", False),
        )
    )


def _filters(context: RequestContext) -> ConsentFilters:
    query = context.request.query_params
    purpose, state, version = query.get("purpose"), query.get("state"), query.get("notice_version")
    counterpart = common_parameters.read_document_id(query, "source_id") or common_parameters.read_document_id(
        query, "provider_id"
    )
    if (
        purpose not in (None, *PURPOSES)
        or state not in (None, *STATES)
        or (version is not None and not VERSION.fullmatch(version))
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
