"""The data source's door: confirm links, deliver records, correct them, learn which links ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from consent.consents import account_links
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import CodeUnknown
from consent.oversight import source_objections
from consent.records import intake, officer_corrections
from consent.records.intake import DeliveredRecord, RecordCorrection
from consent.records.intake import DeliveryResult as Result
from service.api.source import schemas
from service.auth.access_tokens import Source
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem
from service.ingest import batch as deliveries
from service.ingest.batch import DeliveryContext

NDJSON = "application/x-ndjson"
STREAM_LINES_MAX = 100_000
"""Lines of one NDJSON delivery; a larger one is sent in parts, each replayable."""
STREAM_BATCH = 1_000
"""Lines that are committed, and answered, together."""
STREAM_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one NDJSON delivery."""
LINE_BYTES_MAX = 4_096
"""A record is a few hundred bytes; a longer line is not one."""


class Streamed(Response):
    """Lines as they come, while the request's body is still being read.

    Starlette's own streaming response listens for the caller's leaving on the same channel and would swallow the body.
    """

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        super().__init__(media_type=NDJSON)
        del self.headers["content-length"]
        self.lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send each piece when it is there."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self.lines:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _source(context: RequestContext) -> lifecycle.Version:
    assert isinstance(context.principal, Source)
    for found in await lifecycle.all_in_force(DocumentKind.SOURCES, context.at):
        if found.body["client_id"] == context.principal.client_id:
            return found
    raise Problem("suspended")


async def confirm_link(context: RequestContext, body: schemas.ConfirmBody) -> Answer:
    """The holder proved the account."""
    source = await _source(context)
    wait = await context.app_context.limiter.spent("code", source.document_id)
    if wait is not None:
        raise Problem("rate_limited", headers={"Retry-After": str(wait)})
    try:
        link_id = await account_links.confirm_link(
            context.app_context.keyring, source.document_id, body.code, body.account, context.at
        )
    except CodeUnknown:
        await context.app_context.limiter.hit("code", source.document_id)
        raise
    return Answer(schemas.ConfirmAnswer(link_id=link_id))


async def list_links(context: RequestContext, _: None) -> Answer:
    """Accounts to deliver for, or links that ended and wait to be acknowledged."""
    source = await _source(context)
    state = context.request.query_params.get("state", "confirmed")
    if state not in ("confirmed", "ended"):
        raise Problem("bad_query")
    limit = json_io.read_limit(context.request)
    found = await account_links.list_for_source(
        context.app_context.keyring,
        source.document_id,
        state,
        context.at,
        json_io.read_keyset(context.request),
        limit + 1,
    )
    page = found[:limit]
    return Answer(
        schemas.LinkList(
            data=[
                schemas.LinkRow(
                    link_id=one.link_id, account=one.account, state=one.state, since=json_io.rfc3339(one.since)
                )
                for one in page
            ],
            next_cursor=json_io.encode_cursor((json_io.micros(page[-1].since), page[-1].link_id))
            if len(found) > limit
            else None,
        )
    )


async def acknowledge_link(context: RequestContext, _: None) -> Answer:
    """An ended link has been dealt with."""
    source = await _source(context)
    link_id = context.request.path_params["link_id"]
    await account_links.acknowledge_ending(source.document_id, link_id, context.at)
    return Answer(schemas.Acknowledged(link_id=link_id))


async def list_corrections(context: RequestContext, _: None) -> Answer:
    """What officers decided about my records and I have not acknowledged."""
    source, limit = await _source(context), json_io.read_limit(context.request)
    found = await officer_corrections.list_for_source(
        source.document_id, json_io.read_keyset(context.request), limit + 1
    )
    rows = [
        schemas.CorrectionRow(
            correction_id=one.correction_id,
            record_id=one.record_id,
            outcome=one.outcome,
            quantity=one.quantity,
            occurred_on=None if one.occurred_on is None else one.occurred_on.isoformat(),
            since=json_io.rfc3339(one.since),
        )
        for one in found[:limit]
    ]
    last = found[limit - 1] if len(found) > limit else None
    cursor = None if last is None else json_io.encode_cursor((json_io.micros(last.since), last.correction_id))
    return Answer(schemas.CorrectionList(data=rows, next_cursor=cursor))


async def acknowledge_correction(context: RequestContext, _: None) -> Answer:
    """A correction has been dealt with."""
    source = await _source(context)
    correction_id = context.request.path_params["correction_id"]
    await officer_corrections.acknowledge(source.document_id, correction_id, context.at)
    return Answer(schemas.CorrectionAcknowledged(correction_id=correction_id))


async def deliver_records(context: RequestContext, _: None) -> Answer | Response:
    """Records, as one JSON document or as a stream with a record a line."""
    source = await _source(context)
    if json_io.media_type(context.request) == NDJSON:
        json_io.check_content_length(context.request, STREAM_BYTES_MAX)
        return Streamed(_stream(context, source))
    body = json_io.parse_json(context.request, await json_io.read_body(context.request), schemas.RecordsBody)
    results = await _deliver(context, source, [DeliveredRecord(**one.model_dump()) for one in body.records])
    return Answer(
        schemas.RecordsAnswer(
            accepted=sum(one.status == "accepted" for one in results),
            duplicates=sum(one.status == "duplicate" for one in results),
            refused=sum(one.status == "refused" for one in results),
            results=[_result(one) for one in results],
        )
    )


async def correct_record(context: RequestContext, body: schemas.CorrectionBody) -> Answer:
    """Replace a record's quantity or day; the resident is told."""
    source, record_id = await _source(context), context.request.path_params["record_id"]
    if body.quantity is None and body.occurred_on is None:
        raise Problem("body_invalid", errors=[{"pointer": "", "code": "required", "detail": "quantity or occurred_on"}])
    await intake.correct(
        context.app_context.keyring,
        source.document_id,
        record_id,
        RecordCorrection(body.quantity, body.occurred_on, body.reason_code),
        context.today,
        context.at,
    )
    return Answer(schemas.RecordState(record_id=record_id, state="corrected"))


async def retract_record(context: RequestContext, body: schemas.RetractionBody) -> Answer:
    """Take a record back; the resident is told."""
    source, record_id = await _source(context), context.request.path_params["record_id"]
    await intake.retract(context.app_context.keyring, source.document_id, record_id, body.reason_code, context.at)
    return Answer(schemas.RecordState(record_id=record_id, state="retracted"))


async def list_objections(context: RequestContext, _: None) -> Answer:
    """Open objections about this source's records, without the person's words."""
    source, limit = await _source(context), json_io.read_limit(context.request)
    found = await source_objections.list_for_source(
        context.app_context.keyring, source.document_id, json_io.read_keyset(context.request), limit + 1
    )
    page = found[:limit]
    return Answer(
        schemas.SourceObjections(
            data=[
                schemas.SourceObjection(
                    objection_id=one.objection_id,
                    record_id=one.source_record_id,
                    account=one.account,
                    reason_code=one.reason,
                    opened_on=context.app_context.day_of(one.opened_at).isoformat(),
                    decide_by=one.decide_by.isoformat(),
                    stated=one.stated,
                )
                for one in page
            ],
            next_cursor=json_io.encode_cursor((json_io.micros(page[-1].opened_at), page[-1].objection_id))
            if len(found) > limit
            else None,
        )
    )


async def state_about_objection(context: RequestContext, body: schemas.StatementBody) -> Answer:
    """The source's side of an objection."""
    source, objection_id = await _source(context), context.request.path_params["objection_id"]
    await source_objections.record_source_statement(
        context.app_context.keyring, source.document_id, objection_id, body.statement, context.at
    )
    return Answer(schemas.StatementAnswer(objection_id=objection_id))


async def _deliver(context: RequestContext, source: lifecycle.Version, batch: list[DeliveredRecord]) -> list[Result]:
    app_context = context.app_context
    delivery_context = DeliveryContext(app_context.keyring, app_context.clock, app_context.day_of)
    return await deliveries.commit(delivery_context, source, batch)


def _result(one: Result) -> schemas.RecordResult:
    return schemas.RecordResult(record_id=one.record_id, status=one.status, code=one.code)


async def _stream(context: RequestContext, source: lifecycle.Version) -> AsyncIterator[bytes]:
    """Results a thousand at a time, each thousand committed before its results leave.

    A source that is stopped meanwhile is told so in a last line: from the line it names on, nothing was taken.
    """
    batch: list[DeliveredRecord | schemas.RecordResult] = []
    first = 1
    try:
        async for number, line in _lines(context):
            if number > STREAM_LINES_MAX:
                batch.append(_refused("too_many_lines", number))
                break
            batch.append(_parsed(line, number) if isinstance(line, bytes) else _refused(line, number))
            if len(batch) == STREAM_BATCH:
                yield await _commit(context, source, batch)
                batch, first = [], number + 1
        if batch:
            yield await _commit(context, source, batch)
    except deliveries.SourceNotInForce as stopped:
        yield _said(_refused(stopped.code, first))


async def _lines(context: RequestContext) -> AsyncIterator[tuple[int, bytes | str]]:
    """Each line that is not blank with its number, or the code of why it cannot be read.

    Memory holds one chunk and one line.
    """
    waiting, received, skipping, number = b"", 0, False, 1
    async for chunk in context.request.stream():
        received += len(chunk)
        if received > STREAM_BYTES_MAX:
            yield number, "too_large"
            return
        waiting += chunk
        *complete, waiting = waiting.split(b"\n")
        for line in complete:
            if skipping:
                skipping = False
            elif len(line) > LINE_BYTES_MAX:
                yield number, "line_too_long"
            elif line.strip():
                yield number, line
            number += 1
        if skipping or len(waiting) > LINE_BYTES_MAX:
            if not skipping:
                yield number, "line_too_long"
            waiting, skipping = b"", True
        await asyncio.sleep(0)
    if waiting.strip() and not skipping:
        yield number, waiting


def _parsed(line: bytes, number: int) -> DeliveredRecord | schemas.RecordResult:
    try:
        one = json_io.parse_line(line, schemas.RecordBody)
    except Problem as problem:
        return _refused(problem.code, number)
    return DeliveredRecord(one.record_id, one.account, one.kind, one.quantity, one.occurred_on)


async def _commit(
    context: RequestContext, source: lifecycle.Version, batch: list[DeliveredRecord | schemas.RecordResult]
) -> bytes:
    results = iter(await _deliver(context, source, [one for one in batch if isinstance(one, DeliveredRecord)]))
    answers = [_result(next(results)) if isinstance(one, DeliveredRecord) else one for one in batch]
    return b"".join(_said(one) for one in answers)


def _said(one: schemas.RecordResult) -> bytes:
    return json_io.to_bytes(one) + b"\n"


def _refused(code: str, number: int) -> schemas.RecordResult:
    return schemas.RecordResult(record_id=None, status="refused", code=code, line=number)
