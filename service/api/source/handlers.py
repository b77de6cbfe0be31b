"""Data sources' operations: confirm links, deliver and correct records, read ended links, corrections, objections.

Each requires that a source with the token's client id is in force: Problem suspended otherwise. Each runs in the
request's transaction, except a delivery, which commits batch by batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from consent.consents import account_links, source_links
from consent.consents.source_links import LinkForSource
from consent.crypto.blind_index import IndexUse, blind_index
from consent.documents import lifecycle
from consent.domain.corrections import SourceReason, source_reason
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import CodeUnknown
from consent.oversight import source_objections
from consent.records import intake, officer_corrections
from consent.records.intake import DeliveredRecord, DeliveryResult, RecordCorrection
from service.api.common_schemas import claimed_values
from service.api.source import schemas
from service.auth.access_tokens import Source
from service.http import bodies, json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem, body_invalid
from service.ingest import batch as deliveries
from service.ingest.batch import DeliveryContext

NDJSON = "application/x-ndjson"
STREAM_LINES_MAX = 100_000
"""Lines of one NDJSON delivery; a larger one is sent in parts, each replayable."""
STREAM_BATCH = 1_000
"""Lines of one transaction, whose results are sent together."""
STREAM_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one NDJSON delivery."""
LINE_BYTES_MAX = 4_096
"""Bytes of one NDJSON line; a record is a few hundred, and the limit bounds the memory of a stream."""


class StreamingAnswer(Response):
    """An NDJSON response that is sent while the request's body is still being read.

    Starlette's StreamingResponse calls `receive` to notice a disconnect and so would consume the request's body.
    """

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        super().__init__(media_type=NDJSON)
        del self.headers["content-length"]
        self.lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the head, then each piece as soon as the iterator yields it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self.lines:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _source(context: RequestContext) -> lifecycle.Version:
    assert isinstance(context.principal, Source)
    for source in await lifecycle.all_in_force(DocumentKind.SOURCES, context.at):
        if source.body["client_id"] == context.principal.client_id:
            return source
    raise Problem("suspended")


async def confirm_link(context: RequestContext, body: schemas.ConfirmBody) -> Answer:
    """Confirm a pending link by the code that the account's holder typed into the source's app.

    Wrong codes count against a rate for their account and a higher one for the source: Problem rate_limited with
    Retry-After once one of them is used up. CodeUnknown and AccountLinkedElsewhere come from
    `account_links.confirm_link`.
    """
    source = await _source(context)
    keyring, limiter = context.app_context.keyring, context.app_context.limiter
    account_index = blind_index(keyring, IndexUse.ACCOUNT, source.document_id, body.account)
    counted = (("code", account_index), ("source_codes", source.document_id))
    for rate, caller in counted:
        retry_after_seconds = await limiter.spent(rate, caller)
        if retry_after_seconds is not None:
            raise Problem("rate_limited", headers={"Retry-After": str(retry_after_seconds)})
    try:
        link_id = await account_links.confirm_link(keyring, source.document_id, body.code, body.account, context.at)
    except CodeUnknown:
        for rate, caller in counted:
            await limiter.hit(rate, caller)
        raise
    return Answer(schemas.ConfirmAnswer(link_id=link_id))


async def list_links(context: RequestContext, _: None) -> Answer:
    """List confirmed links, whose accounts the source delivers for, or ended links not yet acknowledged."""
    source = await _source(context)
    state = context.request.query_params.get("state", "confirmed")
    if state not in ("confirmed", "ended"):
        raise Problem("bad_query")
    limit = json_io.read_limit(context.request)
    after, keyring = json_io.read_keyset(context.request), context.app_context.keyring
    if state == "confirmed":
        links = await source_links.list_confirmed(keyring, source.document_id, context.at, after, limit + 1)
    else:
        links = await source_links.list_ended(keyring, source.document_id, after[1] if after else "", limit + 1)
    page = [_link_row(context, link) for link in links[:limit]]
    # Ended links have no order but that of their ids: the number is a placeholder.
    cursor = json_io.next_cursor(links, limit, lambda link: (link.since if state == "confirmed" else 0, link.link_id))
    return Answer(schemas.LinkList(data=page, next_cursor=cursor))


def _link_row(context: RequestContext, link: LinkForSource) -> schemas.LinkRow:
    """Return a link for its source, which learns the civil day of an end and not the time."""
    if link.state == "confirmed":
        return schemas.LinkRow(
            link_id=link.link_id, account=link.account, state=link.state, since=json_io.rfc3339(link.since)
        )
    ended_on = context.app_context.day_of(link.since)
    midnight = context.app_context.midnight_of(ended_on)
    return schemas.LinkRow(
        link_id=link.link_id,
        account=link.account,
        state=link.state,
        since=json_io.rfc3339(midnight),
        ended_on=ended_on.isoformat(),
    )


async def acknowledge_link(context: RequestContext, _: None) -> Answer:
    """Record that the source has handled an ended link."""
    source = await _source(context)
    link_id = context.request.path_params["link_id"]
    await source_links.acknowledge_ending(source.document_id, link_id, context.at)
    return Answer(schemas.Acknowledged(link_id=link_id))


async def list_corrections(context: RequestContext, _: None) -> Answer:
    """List corrections that officers decided and the source has not acknowledged, oldest first."""
    source, limit = await _source(context), json_io.read_limit(context.request)
    corrections = await officer_corrections.list_for_source(
        context.app_context.keyring, source.document_id, json_io.read_keyset(context.request), limit + 1
    )
    rows = [
        schemas.CorrectionRow(
            correction_id=correction.correction_id,
            record_id=correction.record_id,
            outcome=correction.outcome,
            quantity=correction.quantity,
            occurred_on=None if correction.occurred_on is None else correction.occurred_on.isoformat(),
            since=json_io.rfc3339(correction.since),
        )
        for correction in corrections[:limit]
    ]
    cursor = json_io.next_cursor(corrections, limit, lambda correction: (correction.since, correction.correction_id))
    return Answer(schemas.CorrectionList(data=rows, next_cursor=cursor))


async def acknowledge_correction(context: RequestContext, _: None) -> Answer:
    """Record that the source has handled a correction."""
    source = await _source(context)
    correction_id = context.request.path_params["correction_id"]
    await officer_corrections.acknowledge(source.document_id, correction_id, context.at)
    return Answer(schemas.CorrectionAcknowledged(correction_id=correction_id))


async def deliver_records(context: RequestContext, _: None) -> Answer | Response:
    """Store records from one JSON document, or from an NDJSON stream with one record a line.

    Commits by itself, without the request's transaction: a JSON document at once, a stream in batches of STREAM_BATCH
    lines. A repeated record is a duplicate, so a broken delivery is safely sent again.
    """
    source = await _source(context)
    if bodies.media_type(context.request) == NDJSON:
        bodies.check_content_length(context.request, STREAM_BYTES_MAX)
        return StreamingAnswer(_stream(context, source))
    body = json_io.parse_json(context.request, await bodies.read_body(context.request), schemas.RecordsBody)
    results = await _deliver(context, source, [DeliveredRecord(**record.model_dump()) for record in body.records])
    return Answer(
        schemas.RecordsAnswer(
            accepted=sum(result.status == "accepted" for result in results),
            duplicates=sum(result.status == "duplicate" for result in results),
            refused=sum(result.status == "refused" for result in results),
            results=[_result(result) for result in results],
        )
    )


async def correct_record(context: RequestContext, body: schemas.CorrectionBody) -> Answer:
    """Replace a record's quantity or day; the resident gets a message. Problem body_invalid without either."""
    source, record_id = await _source(context), context.request.path_params["record_id"]
    if body.quantity is None and body.occurred_on is None:
        raise body_invalid("", "required", "quantity or occurred_on")
    await intake.correct(
        context.app_context.keyring,
        (source.document_id, record_id),
        RecordCorrection(body.quantity, body.occurred_on),
        _reason(body.reason_code),
        context.today,
        context.at,
    )
    return Answer(schemas.RecordState(record_id=record_id, state="corrected"))


async def retract_record(context: RequestContext, body: schemas.RetractionBody) -> Answer:
    """Retract a record; the resident gets a message."""
    source, record_id = await _source(context), context.request.path_params["record_id"]
    reason = _reason(body.reason_code)
    await intake.retract(context.app_context.keyring, source.document_id, record_id, reason, context.at)
    return Answer(schemas.RecordState(record_id=record_id, state="retracted"))


def _reason(code: str) -> SourceReason:
    """Return a source's reason; Problem body_invalid for a code that speaks of a person's or an officer's act."""
    try:
        return source_reason(code)
    except ValueError:
        raise body_invalid("/reason_code", "reserved", ", ".join(SourceReason)) from None


async def list_objections(context: RequestContext, _: None) -> Answer:
    """List open objections and the records that the source is asked for, without the residents' statements."""
    source, limit = await _source(context), json_io.read_limit(context.request)
    rows = await source_objections.list_for_source(
        context.app_context.keyring, source.document_id, json_io.read_keyset(context.request), limit + 1
    )
    return Answer(
        schemas.SourceObjections(
            data=[
                schemas.SourceObjection(
                    objection_id=objection.objection_id,
                    state="asked" if objection.answer_by else "open",
                    answer_by=objection.answer_by.isoformat() if objection.answer_by else None,
                    claim=claimed_values(objection.claim),
                    record_id=objection.source_record_id,
                    account=objection.account,
                    reason_code=objection.reason,
                    opened_on=context.app_context.day_of(objection.opened_at).isoformat(),
                    decide_by=objection.decide_by.isoformat(),
                    stated=objection.stated,
                )
                for objection in rows[:limit]
            ],
            next_cursor=json_io.next_cursor(
                rows, limit, lambda objection: (objection.opened_at, objection.objection_id)
            ),
        )
    )


async def state_about_objection(context: RequestContext, body: schemas.StatementBody) -> Answer:
    """Store the source's statement about an open objection."""
    source, objection_id = await _source(context), context.request.path_params["objection_id"]
    await source_objections.record_source_statement(
        context.app_context.keyring, source.document_id, objection_id, body.statement, context.at
    )
    return Answer(schemas.StatementAnswer(objection_id=objection_id))


async def answer_without_record(context: RequestContext, body: schemas.NoRecordBody) -> Answer:
    """Record that the source has no record to deliver where it was asked for one; the resident reads the reason."""
    source, objection_id = await _source(context), context.request.path_params["objection_id"]
    await source_objections.answer_without_record(
        context.app_context.keyring, source.document_id, objection_id, body.reason_code, context.at
    )
    return Answer(schemas.NoRecordAnswer(objection_id=objection_id))


async def _deliver(
    context: RequestContext, source: lifecycle.Version, batch: list[DeliveredRecord]
) -> list[DeliveryResult]:
    app_context = context.app_context
    delivery_context = DeliveryContext(app_context.keyring, app_context.clock, app_context.day_of)
    return await deliveries.commit(delivery_context, source, batch)


def _result(result: DeliveryResult) -> schemas.RecordResult:
    return schemas.RecordResult(record_id=result.record_id, status=result.status, code=result.code)


async def _stream(context: RequestContext, source: lifecycle.Version) -> AsyncIterator[bytes]:
    """Yield the results of each batch as NDJSON after its commit.

    If the source is suspended meanwhile, the last line has the code `suspended` and the number of the first line that
    was not stored.
    """
    batch: list[DeliveredRecord | schemas.RecordResult] = []
    first = 1
    try:
        async for number, line in _lines(context):
            if number > STREAM_LINES_MAX:
                batch.append(_refused("too_many_lines", number))
                break
            batch.append(_parse_record(line, number) if isinstance(line, bytes) else _refused(line, number))
            if len(batch) == STREAM_BATCH:
                yield await _commit(context, source, batch)
                batch, first = [], number + 1
        if batch:
            yield await _commit(context, source, batch)
    except deliveries.SourceNotInForce as stopped:
        yield _result_line(_refused(stopped.code, first))


async def _lines(context: RequestContext) -> AsyncIterator[tuple[int, bytes | str]]:
    """Yield (number, line) of every line that is not blank; instead of a line, an error code.

    `line_too_long` stands for one line; `too_large` and `body_too_slow` are the last that is yielded.
    Line numbers begin at 1. Memory holds one chunk and one line.
    """
    waiting, skipping, number = b"", False, 1
    async for chunk in _chunks(context):
        if isinstance(chunk, str):
            yield number, chunk
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


async def _chunks(context: RequestContext) -> AsyncIterator[bytes | str]:
    """Yield the pieces of the body, and instead of the rest an error code: too_large or body_too_slow."""
    received = 0
    try:
        async for chunk in bodies.stream_body(context.request):
            received += len(chunk)
            if received > STREAM_BYTES_MAX:
                yield "too_large"
                return
            yield chunk
    except Problem as too_slow:
        yield too_slow.code


def _parse_record(line: bytes, number: int) -> DeliveredRecord | schemas.RecordResult:
    try:
        record = json_io.parse_line(line, schemas.RecordBody)
    except Problem as problem:
        return _refused(problem.code, number)
    return DeliveredRecord(record.record_id, record.account, record.kind, record.quantity, record.occurred_on)


async def _commit(
    context: RequestContext, source: lifecycle.Version, batch: list[DeliveredRecord | schemas.RecordResult]
) -> bytes:
    results = iter(await _deliver(context, source, [item for item in batch if isinstance(item, DeliveredRecord)]))
    answers = [_result(next(results)) if isinstance(item, DeliveredRecord) else item for item in batch]
    return b"".join(_result_line(answer) for answer in answers)


def _result_line(result: schemas.RecordResult) -> bytes:
    return json_io.to_bytes(result) + b"\n"


def _refused(code: str, number: int) -> schemas.RecordResult:
    return schemas.RecordResult(record_id=None, status="refused", code=code, line=number)
