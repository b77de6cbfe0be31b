"""Operations of a data source: path, summary, handler, schemas, errors."""

from __future__ import annotations

from service.api.source import handlers, schemas
from service.auth.access_tokens import Audience
from service.http.openapi.operation import Parameter
from service.http.operations import PAGING, Calls

CALLS = Calls(Audience.SOURCE)
STATE = Parameter(
    "state",
    {"type": "string", "enum": ["confirmed", "ended"], "default": "confirmed"},
    "Confirmed links (unless given), or ended ones that you have not acknowledged.",
)
SOURCE = (
    CALLS.post(
        "/v1/source/links/confirm",
        "confirmLink",
        "Confirm a link by the code its holder typed",
        handlers.confirm_link,
        schemas.ConfirmBody,
        {200: schemas.ConfirmAnswer},
        key="optional",
        errors=("code_unknown", "account_linked_elsewhere", "suspended"),
    ),
    CALLS.get(
        "/v1/source/links",
        "listLinks",
        "List confirmed links, or ended links to acknowledge",
        handlers.list_links,
        schemas.LinkList,
        query=(STATE, *PAGING),
        errors=("bad_query", "suspended"),
    ),
    CALLS.post(
        "/v1/source/links/{link_id}/acknowledge",
        "acknowledgeLink",
        "Acknowledge an ended link",
        handlers.acknowledge_link,
        None,
        {200: schemas.Acknowledged},
        errors=("not_found", "suspended"),
    ),
    CALLS.get(
        "/v1/source/corrections",
        "listCorrections",
        "List officers' corrections of my records",
        handlers.list_corrections,
        schemas.CorrectionList,
        query=PAGING,
        errors=("suspended",),
    ),
    CALLS.post(
        "/v1/source/corrections/{correction_id}/acknowledge",
        "acknowledgeCorrection",
        "Acknowledge a correction",
        handlers.acknowledge_correction,
        None,
        {200: schemas.CorrectionAcknowledged},
        errors=("not_found", "suspended"),
    ),
    CALLS.post(
        "/v1/source/records",
        "deliverRecords",
        "Deliver records as JSON or NDJSON",
        handlers.deliver_records,
        schemas.RecordsBody,
        {200: schemas.RecordsAnswer},
        raw=True,
        also_accepts=(handlers.NDJSON,),
        also_answers=(handlers.NDJSON,),
        errors=("suspended",),
    ),
    CALLS.post(
        "/v1/source/records/{record_id}/correction",
        "correctRecord",
        "Correct a record",
        handlers.correct_record,
        schemas.CorrectionBody,
        {200: schemas.RecordState},
        key="optional",
        errors=("not_found", "restored_by_officer", "suspended"),
    ),
    CALLS.post(
        "/v1/source/records/{record_id}/retraction",
        "retractRecord",
        "Retract a record",
        handlers.retract_record,
        schemas.RetractionBody,
        {200: schemas.RecordState},
        key="optional",
        errors=("not_found", "restored_by_officer", "suspended"),
    ),
    CALLS.get(
        "/v1/source/objections",
        "listSourceObjections",
        "List objections about my records, and records I am asked for",
        handlers.list_objections,
        schemas.SourceObjections,
        query=PAGING,
        errors=("suspended",),
    ),
    CALLS.post(
        "/v1/source/objections/{objection_id}/statement",
        "stateAboutObjection",
        "State the source's side of an objection",
        handlers.state_about_objection,
        schemas.StatementBody,
        {200: schemas.StatementAnswer},
        key="optional",
        errors=("not_found", "conflict", "suspended"),
    ),
    CALLS.post(
        "/v1/source/objections/{objection_id}/no-record",
        "answerWithoutRecord",
        "Answer that there is no record to deliver",
        handlers.answer_without_record,
        schemas.NoRecordBody,
        {200: schemas.NoRecordAnswer},
        key="optional",
        errors=("not_found", "conflict", "suspended"),
    ),
)
