"""The data source's door: confirm links, deliver records, correct them, learn which links ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from consent.consents import account_links
from consent.documents import lifecycle
from consent.domain.kinds import Kind
from consent.kernel.errors import CodeUnknown
from consent.oversight import objections
from consent.records import corrections, intake
from consent.records.intake import Answer as Result
from consent.records.intake import Delivery
from service.api.source import schemas as shapes
from service.auth.access_tokens import Source
from service.http import json_io
from service.http.endpoints import Answer, Ask
from service.http.problems import Problem
from service.ingest import batch as deliveries

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


async def _source(ask: Ask) -> lifecycle.Version:
    assert isinstance(ask.principal, Source)
    for found in await lifecycle.all_in_force(Kind.SOURCES, ask.at):
        if found.body["client_id"] == ask.principal.client_id:
            return found
    raise Problem("suspended")


async def confirm_link(ask: Ask, body: shapes.ConfirmBody) -> Answer:
    """The holder proved the account."""
    source = await _source(ask)
    wait = await ask.city.limiter.spent("code", source.document_id)
    if wait is not None:
        raise Problem("rate_limited", headers={"Retry-After": str(wait)})
    try:
        link_id = await account_links.confirm(ask.city.keyring, source.document_id, body.code, body.account, ask.at)
    except CodeUnknown:
        await ask.city.limiter.hit("code", source.document_id)
        raise
    return Answer(shapes.ConfirmAnswer(link_id=link_id))


async def list_links(ask: Ask, _: None) -> Answer:
    """Accounts to deliver for, or links that ended and wait to be acknowledged."""
    source = await _source(ask)
    state = ask.request.query_params.get("state", "confirmed")
    if state not in ("confirmed", "ended"):
        raise Problem("bad_query")
    limit = json_io.read_limit(ask.request)
    found = await account_links.of_source(
        ask.city.keyring, source.document_id, state, ask.at, _time_cursor(ask), limit + 1
    )
    page = found[:limit]
    return Answer(
        shapes.LinkList(
            data=[
                shapes.LinkRow(
                    link_id=one.link_id, account=one.account, state=one.state, since=json_io.rfc3339(one.since)
                )
                for one in page
            ],
            next_cursor=json_io.encode_cursor((json_io.micros(page[-1].since), page[-1].link_id))
            if len(found) > limit
            else None,
        )
    )


async def acknowledge_link(ask: Ask, _: None) -> Answer:
    """An ended link has been dealt with."""
    source = await _source(ask)
    link_id = ask.request.path_params["link_id"]
    await account_links.acknowledge(source.document_id, link_id, ask.at)
    return Answer(shapes.Acknowledged(link_id=link_id))


async def list_corrections(ask: Ask, _: None) -> Answer:
    """What officers decided about my records and I have not acknowledged."""
    source, limit = await _source(ask), json_io.read_limit(ask.request)
    found = await corrections.of_source(source.document_id, _time_cursor(ask), limit + 1)
    rows = [
        shapes.CorrectionRow(
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
    return Answer(shapes.CorrectionList(data=rows, next_cursor=cursor))


async def acknowledge_correction(ask: Ask, _: None) -> Answer:
    """A correction has been dealt with."""
    source = await _source(ask)
    correction_id = ask.request.path_params["correction_id"]
    await corrections.acknowledge(source.document_id, correction_id, ask.at)
    return Answer(shapes.CorrectionAcknowledged(correction_id=correction_id))


async def deliver_records(ask: Ask, _: None) -> Answer | Response:
    """Records, as one JSON document or as a stream with a record a line."""
    source = await _source(ask)
    if json_io.media_type(ask.request) == NDJSON:
        json_io.check_announced(ask.request, STREAM_BYTES_MAX)
        return Streamed(_stream(ask, source))
    body = json_io.parse_json(ask.request, await json_io.read_body(ask.request), shapes.RecordsBody)
    results = await _deliver(ask, source, [Delivery(**one.model_dump()) for one in body.records])
    return Answer(
        shapes.RecordsAnswer(
            accepted=sum(one.status == "accepted" for one in results),
            duplicates=sum(one.status == "duplicate" for one in results),
            refused=sum(one.status == "refused" for one in results),
            results=[_result(one) for one in results],
        )
    )


async def correct_record(ask: Ask, body: shapes.CorrectionBody) -> Answer:
    """Replace a record's quantity or day; the resident is told."""
    source, record_id = await _source(ask), ask.request.path_params["record_id"]
    if body.quantity is None and body.occurred_on is None:
        raise Problem("body_invalid", errors=[{"pointer": "", "code": "required", "detail": "quantity or occurred_on"}])
    await intake.correct(
        ask.city.keyring,
        source.document_id,
        record_id,
        body.quantity,
        body.occurred_on,
        body.reason_code,
        ask.today,
        ask.at,
    )
    return Answer(shapes.RecordState(record_id=record_id, state="corrected"))


async def retract_record(ask: Ask, body: shapes.RetractionBody) -> Answer:
    """Take a record back; the resident is told."""
    source, record_id = await _source(ask), ask.request.path_params["record_id"]
    await intake.retract(ask.city.keyring, source.document_id, record_id, body.reason_code, ask.at)
    return Answer(shapes.RecordState(record_id=record_id, state="retracted"))


async def list_objections(ask: Ask, _: None) -> Answer:
    """Open objections about this source's records, without the person's words."""
    source, limit = await _source(ask), json_io.read_limit(ask.request)
    found = await objections.of_source(ask.city.keyring, source.document_id, _time_cursor(ask), limit + 1)
    page = found[:limit]
    return Answer(
        shapes.SourceObjections(
            data=[
                shapes.ObjectionRow(
                    objection_id=one.objection_id,
                    record_id=one.source_record_id,
                    account=one.account,
                    reason_code=one.reason,
                    opened_on=ask.city.day_of(one.opened_at).isoformat(),
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


async def state_about_objection(ask: Ask, body: shapes.StatementBody) -> Answer:
    """The source's side of an objection."""
    source, objection_id = await _source(ask), ask.request.path_params["objection_id"]
    await objections.state_as_source(ask.city.keyring, source.document_id, objection_id, body.statement, ask.at)
    return Answer(shapes.StatementAnswer(objection_id=objection_id))


def _time_cursor(ask: Ask) -> tuple[int, str] | None:
    values = json_io.read_cursor(ask.request, int, str)
    return None if values is None else (int(values[0]), str(values[1]))


async def _deliver(ask: Ask, source: lifecycle.Version, batch: list[Delivery]) -> list[Result]:
    return await deliveries.commit(ask.city.keyring, ask.city.clock, ask.city.day_of, source, batch)


def _result(one: Result) -> shapes.RecordResult:
    return shapes.RecordResult(record_id=one.record_id, status=one.status, code=one.code)


async def _stream(ask: Ask, source: lifecycle.Version) -> AsyncIterator[bytes]:
    """Results a thousand at a time, each thousand committed before its results leave.

    A source that is stopped meanwhile is told so in a last line: from the line it names on, nothing was taken.
    """
    batch: list[Delivery | shapes.RecordResult] = []
    first = 1
    try:
        async for number, line in _lines(ask):
            if number > STREAM_LINES_MAX:
                batch.append(_refused("too_many_lines", number))
                break
            batch.append(_parsed(line, number) if isinstance(line, bytes) else _refused(line, number))
            if len(batch) == STREAM_BATCH:
                yield await _commit(ask, source, batch)
                batch, first = [], number + 1
        if batch:
            yield await _commit(ask, source, batch)
    except deliveries.SourceStopped as stopped:
        yield _said(_refused(stopped.code, first))


async def _lines(ask: Ask) -> AsyncIterator[tuple[int, bytes | str]]:
    """Each line that is not blank with its number, or the code of why it cannot be read.

    Memory holds one chunk and one line.
    """
    waiting, received, skipping, number = b"", 0, False, 1
    async for chunk in ask.request.stream():
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


def _parsed(line: bytes, number: int) -> Delivery | shapes.RecordResult:
    try:
        one = json_io.parse_line(line, shapes.RecordBody)
    except Problem as problem:
        return _refused(problem.code, number)
    return Delivery(one.record_id, one.account, one.kind, one.quantity, one.occurred_on)


async def _commit(ask: Ask, source: lifecycle.Version, batch: list[Delivery | shapes.RecordResult]) -> bytes:
    results = iter(await _deliver(ask, source, [one for one in batch if isinstance(one, Delivery)]))
    answers = [_result(next(results)) if isinstance(one, Delivery) else one for one in batch]
    return b"".join(_said(one) for one in answers)


def _said(one: shapes.RecordResult) -> bytes:
    return json_io.to_bytes(one) + b"\n"


def _refused(code: str, number: int) -> shapes.RecordResult:
    return shapes.RecordResult(record_id=None, status="refused", code=code, line=number)
