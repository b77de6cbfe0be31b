"""What a data source may ask of this service."""

from __future__ import annotations

from service import source
from service.endpoints.calls import PAGING, get, post
from service.identity import Door
from service.openapi import Parameter
from service.shapes import source as shapes

SOURCE = (
    post(
        Door.SOURCE,
        "/v1/source/links/confirm",
        "confirmLink",
        "The holder proved the account",
        source.confirm_link,
        shapes.ConfirmBody,
        {200: shapes.ConfirmAnswer},
        key="optional",
        errors=("code_unknown", "account_linked_elsewhere", "suspended"),
    ),
    get(
        Door.SOURCE,
        "/v1/source/links",
        "listLinks",
        "Accounts to deliver for, or ended links",
        source.list_links,
        shapes.LinkList,
        query=(Parameter("state", {"type": "string", "enum": ["confirmed", "ended"]}), *PAGING),
        errors=("bad_query", "suspended"),
    ),
    post(
        Door.SOURCE,
        "/v1/source/links/{link_id}/acknowledge",
        "acknowledgeLink",
        "An ended link was dealt with",
        source.acknowledge_link,
        None,
        {200: shapes.Acknowledged},
        errors=("not_found", "suspended"),
    ),
    post(
        Door.SOURCE,
        "/v1/source/records",
        "deliverRecords",
        "Deliver records, JSON or NDJSON",
        source.deliver_records,
        shapes.RecordsBody,
        {200: shapes.RecordsAnswer},
        raw=True,
        also_accepts=(source.NDJSON,),
        errors=("suspended",),
    ),
    post(
        Door.SOURCE,
        "/v1/source/records/{record_id}/correction",
        "correctRecord",
        "Correct a record",
        source.correct_record,
        shapes.CorrectionBody,
        {200: shapes.RecordState},
        key="optional",
        errors=("not_found", "suspended"),
    ),
    post(
        Door.SOURCE,
        "/v1/source/records/{record_id}/retraction",
        "retractRecord",
        "Take a record back",
        source.retract_record,
        shapes.RetractionBody,
        {200: shapes.RecordState},
        key="optional",
        errors=("not_found", "suspended"),
    ),
    get(
        Door.SOURCE,
        "/v1/source/objections",
        "listSourceObjections",
        "Open objections about my records",
        source.list_objections,
        shapes.SourceObjections,
        query=PAGING,
        errors=("suspended",),
    ),
    post(
        Door.SOURCE,
        "/v1/source/objections/{objection_id}/statement",
        "stateAboutObjection",
        "The source's side of an objection",
        source.state_about_objection,
        shapes.StatementBody,
        {200: shapes.StatementAnswer},
        key="optional",
        errors=("not_found", "conflict", "suspended"),
    ),
)
