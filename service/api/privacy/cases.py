"""Privacy officers' operations on their cases; each read and act is written to the consent log."""

from __future__ import annotations

from typing import Any

from consent.events import ledger
from consent.oversight import cases
from consent.oversight.cases import Case
from service.api.privacy import case_schemas as schemas
from service.api.privacy.reviews import staff_of
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

STATES = ("open", "closed")


async def open_case(context: RequestContext, body: schemas.CaseBody) -> Answer:
    """Open a case with its reason; return the id that later reads name."""
    case_id = await cases.open_case(staff_of(context), body.reason_code, body.text, context.at)
    return Answer(schemas.CaseAnswer(case_id=case_id), 201)


async def list_cases(context: RequestContext, _: None) -> Answer:
    """List the officer's own cases, newest first; `?state=` lists the open or the closed ones."""
    limit, state = json_io.read_limit(context.request), context.request.query_params.get("state")
    if state not in (None, *STATES):
        raise Problem("bad_query")
    listed = await cases.cases_of(staff_of(context), state, json_io.read_keyset(context.request), limit + 1)
    await ledger.record_officer_read(staff_of(context), None, "cases.listed", context.at)
    return Answer(
        schemas.Cases(
            data=[schemas.CaseRow(**_row(context, case)) for case in listed[:limit]],
            next_cursor=json_io.next_cursor(listed, limit, lambda case: (case.opened_at, case.case_id)),
        )
    )


async def read_case(context: RequestContext, _: None) -> Answer:
    """Return one of the officer's own cases with its notes; NotFound for another officer's."""
    case = await cases.require_case(context.request.path_params["case_id"], staff_of(context))
    await ledger.record_officer_read(staff_of(context), case.case_id, "case.read", context.at)
    notes = [
        schemas.NoteRow(number=note.number, text=note.text, at=json_io.rfc3339(note.at))
        for note in await cases.notes_of(case.case_id)
    ]
    return Answer(schemas.CaseDetails(**_row(context, case), notes=notes))


async def add_note(context: RequestContext, body: schemas.NoteBody) -> Answer:
    """Add a note to an open case of the officer's own; Conflict for a closed one."""
    note = await cases.add_note(context.request.path_params["case_id"], staff_of(context), body.text, context.at)
    return Answer(schemas.NoteRow(number=note.number, text=note.text, at=json_io.rfc3339(note.at)), 201)


async def close_case(context: RequestContext, body: schemas.ClosingBody) -> Answer:
    """Close a case of the officer's own for good, with a conclusion; Conflict for a closed one."""
    case_id = context.request.path_params["case_id"]
    await cases.close_case(case_id, staff_of(context), body.conclusion, context.at)
    return Answer(schemas.CaseClosed(case_id=case_id, state="closed"))


def _row(context: RequestContext, case: Case) -> dict[str, Any]:
    day_of = context.app_context.day_of
    return {
        "case_id": case.case_id,
        "reason_code": case.reason_code,
        "text": case.text,
        "state": "open" if case.closed_at is None else "closed",
        "opened_on": day_of(case.opened_at).isoformat(),
        "closed_on": None if case.closed_at is None else day_of(case.closed_at).isoformat(),
        "conclusion": case.conclusion,
    }
