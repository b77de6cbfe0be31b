"""The sandbox's calls under `/sandbox`, and its page. They are no part of the API's document: no city has them."""

from __future__ import annotations

import html
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from consent import persons
from consent.database import queries
from consent.events import messages
from consent.events.messages import MessageKind
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.instants import parse_instant, rfc3339
from service.auth.access_tokens import Audience
from service.http import bodies, json_io
from service.http.context import AppContext
from service.http.json_io import ApiModel
from service.http.problems import TABLE, Problem, body_invalid, type_of
from service.jobs import background
from service.sandbox.examples import MESSAGE_FACTS
from service.sandbox.sandbox import DAYS_AHEAD_MAX, Sandbox

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox</title><link rel="stylesheet" href="/docs.css"></head>
<body>
<h1>Sandbox <span lang="zh-CN">沙箱</span></h1>
<p>It is <strong>{now}</strong> here, {ahead} ahead of the present. Nothing here is real, and a reset deletes it.</p>
<p lang="zh-CN">此处时间为 <strong>{now}</strong>，比实际时间快 {ahead_zh}。全部为测试数据，重置后清空。</p>
<h2>A token <span lang="zh-CN">访问令牌</span></h2>
<form method="get" action="/sandbox">
<p><label for="audience">Audience <span lang="zh-CN">受众</span></label>
<select id="audience" name="audience">{options}</select></p>
<p><label for="subject">Subject <span lang="zh-CN">主体</span></label>
<input id="subject" name="subject" value="{subject}" maxlength="64" required></p>
<p><button>Make a token <span lang="zh-CN">生成令牌</span></button></p>
</form>
{token}
<p><a href="/docs">/docs</a></p>
</body></html>
"""
HEADER_TEXT = "<h3>Authorization</h3><pre>Bearer {token}</pre>"


class ClockBody(ApiModel):
    """The time to move the clock to, or by."""

    now: Annotated[str, Field(max_length=40)] | None = None
    """The instant, RFC 3339."""
    advance_days: Annotated[int, Field(ge=0, le=DAYS_AHEAD_MAX)] = 0
    """Days to move by."""
    advance_seconds: Annotated[int, Field(ge=0, le=DAYS_AHEAD_MAX * 86_400)] = 0
    """Seconds to move by."""


class TokenBody(ApiModel):
    """The subject and audience of a token to mint."""

    audience: Audience
    """The audience that the token opens."""
    subject: Annotated[str, Field(min_length=1, max_length=64)]
    """The `sub` of the token."""
    birthdate: Annotated[str, Field(max_length=10)] | None = None
    """For residents; an adult's unless given."""
    staff_id: Annotated[str, Field(max_length=64)] | None = None
    """For administrators and officers; the subject unless given."""


class MessageBody(ApiModel):
    """The message to send."""

    subject: Annotated[str, Field(min_length=1, max_length=64)]
    """The resident who gets it."""
    kind: MessageKind
    """The kind of the message."""


def routes(sandbox: Sandbox, app_context: AppContext) -> list[BaseRoute]:
    """Return the routes of the sandbox."""
    calls = SandboxCalls(sandbox, app_context)
    return [
        Route("/sandbox", calls.show_page, methods=["GET"], name="sandbox:page"),
        Route("/sandbox/clock", calls.read_clock, methods=["GET"], name="sandbox:read-clock"),
        Route("/sandbox/clock", calls.move_clock, methods=["PUT"], name="sandbox:move-clock"),
        Route("/sandbox/tokens", calls.make_token, methods=["POST"], name="sandbox:token"),
        Route("/sandbox/refusals", calls.list_refusals, methods=["GET"], name="sandbox:refusals"),
        Route("/sandbox/messages", calls.list_messages, methods=["GET"], name="sandbox:read-messages"),
        Route("/sandbox/messages", calls.send_message, methods=["POST"], name="sandbox:message"),
        Route("/sandbox/reset", calls.reset, methods=["POST"], name="sandbox:reset"),
    ]


class SandboxCalls:
    """The handlers of the sandbox's calls."""

    def __init__(self, sandbox: Sandbox, app_context: AppContext) -> None:
        self.sandbox, self.app_context = sandbox, app_context

    async def show_page(self, request: Request) -> Response:
        """Show the clock and a form that makes tokens; with a subject in the query also a token."""
        subject, audience = request.query_params.get("subject", ""), request.query_params.get("audience", "resident")
        token = ""
        if subject:
            try:
                minted = self.sandbox.issuer.mint(Audience(audience), subject, now=datetime.now(UTC))
            except ValueError:
                raise Problem("bad_query") from None
            token = HEADER_TEXT.format(token=minted)
        options = "".join(
            f'<option value="{each}"{" selected" if each == audience else ""}>{each}</option>' for each in Audience
        )
        days = self.sandbox.clock.ahead.days
        page = PAGE.format(
            now=rfc3339((await self.app_context.clock()).replace(microsecond=0)),
            ahead=f"{days} days",
            ahead_zh=f"{days} 天",
            options=options,
            subject=html.escape(subject or "resident-1", quote=True),
            token=token,
        )
        return Response(page, media_type="text/html")

    async def read_clock(self, _: Request) -> Response:
        """Return the sandbox's time and its distance from the present."""
        return json_io.respond(await self._clock())

    async def move_clock(self, request: Request) -> Response:
        """Move the clock forward, a day at a time with each day's background work; return as `read_clock`."""
        body = await _body(request, ClockBody)
        clock, present = self.sandbox.clock, await queries.now()
        if body.now is None:
            ahead = clock.ahead + timedelta(days=body.advance_days, seconds=body.advance_seconds)
        else:
            ahead = _instant(body.now) - present
        if not clock.ahead <= ahead <= timedelta(days=DAYS_AHEAD_MAX):
            detail = f"forward only, at most {DAYS_AHEAD_MAX} days ahead of the present; a reset takes it back"
            raise body_invalid("/now" if body.now else "/advance_days", "out_of_range", detail)
        for _ in clock.advance_by_day(ahead):
            await background.run_cleanup(self.app_context)
        await background.advance_logs(self.app_context)
        return json_io.respond(await self._clock())

    async def make_token(self, request: Request) -> Response:
        """Return an access token, valid from the real present on: the sandbox's clock ends no token."""
        body = await _body(request, TokenBody)
        birthdate = None if body.birthdate is None else _day(body.birthdate)
        try:
            token = self.sandbox.issuer.mint(
                body.audience, body.subject, now=datetime.now(UTC), birthdate=birthdate, staff_id=body.staff_id
            )
        except ValueError as error:
            raise body_invalid("", "does_not_fit", str(error)) from None
        return json_io.respond({"access_token": token, "token_type": "Bearer"}, 201)

    async def list_refusals(self, _: Request) -> Response:
        """List every code that the header `Sandbox-Answer` takes."""
        rows = [{"code": code, "status": TABLE[code].status, "type": type_of(code)} for code in sorted(TABLE)]
        return json_io.respond({"data": rows})

    async def list_messages(self, _: Request) -> Response:
        """List every kind of message with the facts of its example."""
        rows = [{"kind": kind, "facts": dict(facts)} for kind, facts in MESSAGE_FACTS.items()]
        return json_io.respond({"data": rows})

    async def send_message(self, request: Request) -> Response:
        """Send a resident the example of a kind of message, as if its cause had happened."""
        body = await _body(request, MessageBody)
        at, facts = await self.app_context.clock(), MESSAGE_FACTS[body.kind]
        async with queries.transaction():
            person = await persons.get_or_create(self.app_context.keyring, body.subject, at)
            await messages.add(person, body.kind, facts, at)
        return json_io.respond({"kind": body.kind, "facts": dict(facts)}, 201)

    async def reset(self, _: Request) -> Response:
        """Answer 202, then start again with a new city; requests until then get 503 with Retry-After."""
        self.sandbox.resetting = True
        answer = json_io.respond({"state": "resetting"}, 202)
        # In the background: `reset` ends the server, which would cut off an answer that is still being sent.
        answer.background = BackgroundTask(self.sandbox.reset)
        return answer

    async def _clock(self) -> dict[str, Any]:
        ahead = self.sandbox.clock.ahead
        return {"now": rfc3339(await self.app_context.clock()), "ahead_seconds": int(ahead.total_seconds())}


async def _body(request: Request, model: type[Any]) -> Any:
    return json_io.parse_json(request, await bodies.read_body(request), model)


def _instant(text: str) -> datetime:
    moment = parse_instant(text)
    if moment is None:
        raise body_invalid("/now", "invalid_date", "RFC 3339 with a zone, such as 2027-01-31T00:00:00Z")
    return moment


def _day(text: str) -> date:
    day = parse_civil_day(text)
    if day is None:
        raise body_invalid("/birthdate", "invalid_date", "a day of the calendar")
    return day
