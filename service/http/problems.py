"""The one table: what went wrong, by its code → status, title and sentence, as RFC 9457 problem+json in two languages.

Nothing that was sent is ever repeated; `code` is what programs read, `detail` says what to do next.
"""

from __future__ import annotations

import logging
import sqlite3
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import asyncpg
import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler
from tortoise.exceptions import DBConnectionError, OperationalError

from consent.database.write_plan import WriteConflict
from consent.kernel.errors import DomainError
from service.i18n import findings
from service.i18n.messages import preferred_language

logger = logging.getLogger("credit_easy.problems")

TYPE_BASE: Final = "https://credit-easy.example/problems/"
RETRY_AFTER_SECONDS: Final = 5
"""What a caller is told to wait while the database or the key server is away."""
AUTHENTICATE: Final = "Bearer"


AWAY: Final = (
    DBConnectionError,
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.TransactionRollbackError,
    WriteConflict,
)
"""Raised where the database is unavailable, shutting down or full, chose this transaction as a deadlock's victim, or
let others change the same rows before every attempt."""


@dataclass(frozen=True, slots=True)
class ProblemText:
    """A problem's status and its words: (title, detail) in each language."""

    status: int
    zh: tuple[str, str]
    en: tuple[str, str]


TABLE: Final[Mapping[str, ProblemText]] = MappingProxyType(
    {
        # 400: it cannot be read
        "malformed_json": ProblemText(
            400,
            ("JSON 格式错误", "请求体不是有效的 UTF-8 JSON。"),
            ("Malformed JSON", "The body is not valid UTF-8 JSON."),
        ),
        "duplicate_key": ProblemText(
            400, ("JSON 成员重复", "同一对象里每个成员只能出现一次。"), ("Duplicate member", "Name each member once.")
        ),
        "too_deep": ProblemText(
            400, ("JSON 层级过深", "请减少嵌套层级。"), ("Nested too deeply", "Use fewer levels of nesting.")
        ),
        "bad_header": ProblemText(
            400,
            ("请求头无效", "请检查请求头的写法。"),
            ("Unusable header", "Check how the request's headers are written."),
        ),
        "bad_query": ProblemText(
            400, ("查询参数无效", "请检查查询参数的取值。"), ("Unusable query", "Check the values in the query string.")
        ),
        "bad_limit": ProblemText(
            400, ("limit 无效", "limit 为 1 到 200 的整数。"), ("Unusable limit", "limit is an integer from 1 to 200.")
        ),
        "bad_cursor": ProblemText(
            400,
            ("cursor 无效", "请原样使用上一页的 next_cursor。"),
            ("Unusable cursor", "Send next_cursor of the page before, unchanged."),
        ),
        "idempotency_key_required": ProblemText(
            400,
            ("缺少 Idempotency-Key", "请为本次操作生成一个唯一的 Idempotency-Key，重试时保持不变。"),
            (
                "Idempotency-Key required",
                "Send one Idempotency-Key of your own making, and the same one when you retry.",
            ),
        ),
        # 401 and 403: who is asking
        "token_missing": ProblemText(
            401,
            ("需要登录", "请在 Authorization 请求头中提供访问令牌。"),
            ("Token needed", "Send an access token as Bearer."),
        ),
        "token_invalid": ProblemText(
            401, ("令牌无效", "请重新登录后再试。"), ("Token not accepted", "Get a new access token and try again.")
        ),
        "sign_in_broken": ProblemText(
            400, ("登录未完成", "请重新登录。"), ("Sign-in was not finished", "Please sign in again.")
        ),
        "wrong_role": ProblemText(
            403, ("角色不符", "该令牌不能用于此入口。"), ("Wrong role", "This token does not open this door.")
        ),
        "birthdate_required": ProblemText(
            403,
            ("缺少出生日期", "访问令牌中须有出生日期，以确认已满 18 周岁。"),
            ("Birthdate required", "The access token must carry a birthdate, to show that you are an adult."),
        ),
        "adults_only": ProblemText(
            403,
            ("仅限成年人", "本服务只面向年满 18 周岁的居民。"),
            ("Adults only", "This service is for adults from 18 on."),
        ),
        "suspended": ProblemText(
            403,
            ("未启用或已暂停", "该机构目前没有生效的登记，请联系管理员。"),
            ("Not active", "This organisation has no registration in force; ask the administrator."),
        ),
        "ticket_of_another": ProblemText(
            403,
            ("凭据不属于您", "该告知是向他人展示的，请重新查看告知。"),
            ("Shown to somebody else", "Ask to see the notice yourself."),
        ),
        "four_eyes": ProblemText(
            403,
            ("须由另一人决定", "参与过该版本的人不能审批该版本。"),
            ("Another person decides", "Whoever contributed to a version cannot decide on it."),
        ),
        # 404, 405, 410
        "not_found": ProblemText(404, ("未找到", "这里没有该对象。"), ("Not found", "There is nothing of this name here.")),
        "code_unknown": ProblemText(
            404,
            ("关联码无效", "没有等待该关联码和账号的关联；关联码 15 分钟内有效。"),
            ("Code unknown", "No link waits for this code and account; a code lives 15 minutes."),
        ),
        "method_not_allowed": ProblemText(
            405, ("方法不支持", "请查看 Allow 响应头。"), ("Method not allowed", "See the Allow header.")
        ),
        "ticket_expired": ProblemText(
            410,
            ("凭据已过期", "告知展示已超过 15 分钟，请重新查看。"),
            ("Shown too long ago", "The notice was shown more than 15 minutes ago; ask to see it again."),
        ),
        # 409 and 412: the state does not allow it
        "conflict": ProblemText(
            409, ("状态冲突", "对象当前状态不允许此操作。"), ("Conflict", "The object's state does not allow it.")
        ),
        "notice_changed": ProblemText(
            409,
            ("告知内容已变更", "告知在您查看后有重大变更，请阅读新的告知再决定。"),
            ("The notice has changed", "It changed materially since you saw it; read the new one, then decide."),
        ),
        "ticket_consumed": ProblemText(
            409, ("已经答复过", "该告知已被答复，请重新查看告知。"), ("Answered before", "Ask to see the notice again.")
        ),
        "already_given": ProblemText(
            409,
            ("已经同意过", "相同的同意仍然有效，无需再次给出。"),
            ("Given already", "The same consent still lives; there is nothing to give."),
        ),
        "account_linked_elsewhere": ProblemText(
            409,
            ("账号已关联", "该账号已有确认的关联，原关联不变；双方都会收到通知，工作人员会核查。"),
            ("Linked elsewhere", "The older link stands; both sides are told and an officer looks into it."),
        ),
        "not_in_force": ProblemText(
            409,
            ("未生效", "没有这个机构或项目，或者它目前没有生效。"),
            ("Not in force", "What was named does not exist or is not in force."),
        ),
        "benefit_not_available": ProblemText(
            409,
            ("暂不适用", "该权益目前不适用；人人都有的标准服务照常。"),
            ("Not available now", "The benefit does not apply now; the standard everybody gets is unchanged."),
        ),
        "consent_needed": ProblemText(
            409,
            ("需要您的同意", "请先同意由该机构的权益使用您的积分进行判断。"),
            ("Your consent is needed", "Allow this provider's benefits to be checked against your points first."),
        ),
        "reversal_not_possible": ProblemText(
            409,
            ("不能撤销", "核销只能在当天由原场所撤销。"),
            ("Cannot be reversed", "Only the same venue, on the same day."),
        ),
        "changed": ProblemText(
            409, ("内容已变更", "请重新阅读后再审批。"), ("It has changed", "Read it again before you approve it.")
        ),
        "precondition_failed": ProblemText(
            412,
            ("版本已变更", "请重新读取最新版本后再修改。"),
            ("There is a newer version", "Read it, then edit that one."),
        ),
        "precondition_required": ProblemText(
            428, ("缺少 If-Match", "请用所读版本的 ETag。"), ("If-Match is missing", "Send the ETag of what you read.")
        ),
        # 413, 415, 422: the body
        "body_too_large": ProblemText(
            413, ("请求体过大", "请分批发送，或使用 NDJSON。"), ("Body too large", "Send it in parts, or as NDJSON.")
        ),
        "not_json": ProblemText(
            415,
            ("须为 JSON", "Content-Type 须为 application/json。"),
            ("Not JSON", "Content-Type must be application/json."),
        ),
        "body_invalid": ProblemText(
            422,
            ("请求体不符合要求", "请按 errors 中的位置逐项修改。"),
            ("Body does not fit", "See errors for each place."),
        ),
        "ticket_invalid": ProblemText(
            422, ("凭据无效", "请重新查看告知以取得凭据。"), ("Not a ticket", "Ask to see the notice to get a ticket.")
        ),
        "account_required": ProblemText(
            422,
            ("缺少账号", "请填写您在该来源的账号。"),
            ("Account required", "Name your account at this source."),
        ),
        "account_forbidden": ProblemText(
            422,
            ("不需要账号", "此用途不需要账号，请勿填写。"),
            ("No account here", "This purpose needs no account; leave it out."),
        ),
        "idempotency_key_reused": ProblemText(
            422,
            ("Idempotency-Key 已被使用", "同一个键不能用于内容不同的请求。"),
            ("Key used before", "One Idempotency-Key stands for one request; use a new key for another."),
        ),
        "kind_not_allowed": ProblemText(
            422,
            ("记录类型不符", "该来源不能提供这类记录。"),
            ("Kind not allowed", "This source may not deliver this kind."),
        ),
        "invalid_quantity": ProblemText(
            422,
            ("数量无效", "数量为 1 到 1,000,000 的整数。"),
            ("Unusable quantity", "An integer from 1 to 1,000,000."),
        ),
        "invalid_date": ProblemText(
            422, ("日期无效", "日期写作 YYYY-MM-DD。"), ("Unusable date", "A civil day is written YYYY-MM-DD.")
        ),
        "in_future": ProblemText(
            422, ("日期在将来", "只接受已经发生的记录。"), ("In the future", "Only what has happened counts.")
        ),
        "prohibited": ProblemText(
            422,
            ("被守则拒绝", "该文件违反守则，任何人都不能批准；请见 errors 中的条款。"),
            ("Refused by the guardrails", "Nobody can approve this document; see the rule behind each error."),
        ),
        # 429 and 5xx
        "rate_limited": ProblemText(
            429, ("请求过于频繁", "请按 Retry-After 稍后再试。"), ("Too many requests", "Wait as Retry-After says.")
        ),
        "budget_spent": ProblemText(
            429,
            ("本周测算次数已用完", "每项权益每周最多测算 20 次。"),
            ("No runs left this week", "Twenty a benefit and week."),
        ),
        "internal": ProblemText(
            500,
            ("内部错误", "未保存任何内容；请稍后重试，并提供 request_id。"),
            ("Internal error", "Nothing was stored. Try again, and name the request_id when you report it."),
        ),
        "keys_unavailable": ProblemText(
            503,
            ("登录验证暂不可用", "请稍后重试。"),
            ("Sign-in cannot be checked now", "Try again as Retry-After says."),
        ),
        "records_withheld": ProblemText(
            503,
            ("记录暂停使用", "正在核对撤回与删除记录，完成前不使用任何记录；请稍后再试。"),
            ("Records are withheld", "Withdrawals and erasures are being replayed; until then no record is used."),
        ),
        "unavailable": ProblemText(
            503, ("暂时不可用", "未保存任何内容；请稍后重试。"), ("Away for a moment", "Nothing was stored; try again.")
        ),
    }
)
"""Every code this service answers with."""


class Problem(Exception):
    """Something that is answered as problem+json; `code` is one of TABLE's."""

    def __init__(
        self,
        code: str,
        *,
        errors: Sequence[Mapping[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code, self.status = code, TABLE[code].status
        self.errors, self.headers, self.members = errors, dict(headers or {}), dict(members or {})


def problem_response(request: Request, problem: Problem) -> Response:
    """The answer for a problem, in the caller's language."""
    language, text = preferred_language(request.headers.get("accept-language", "")), TABLE[problem.code]
    title, detail = text.en if language == "en" else text.zh
    body: dict[str, Any] = {
        "type": TYPE_BASE + problem.code.replace("_", "-"),
        "title": title,
        "status": text.status,
        "detail": detail,
        "code": problem.code,
        "request_id": getattr(request.state, "request_id", ""),
    }
    if problem.errors is not None:
        body["errors"] = [dict(one) for one in problem.errors]
    body.update(problem.members)
    if problem.code == "prohibited":
        body["errors"] = [findings.localize(one, language) for one in body["errors"]]
    headers = {"Content-Language": language, **problem.headers}
    if text.status == 401:
        headers["WWW-Authenticate"] = (
            AUTHENTICATE if problem.code == "token_missing" else f'{AUTHENTICATE} error="invalid_token"'
        )
    if text.status == 503:
        headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    return Response(orjson.dumps(body), text.status, media_type="application/problem+json", headers=headers)


def handlers() -> dict[Any, ExceptionHandler]:
    """Return the one table of errors and their answers, for `Starlette(exception_handlers=…)`.

    An error that is not named is a mistake of ours and answered by `unforeseen`, which AccessLogMiddleware calls:
    Starlette 1.10 gives a handler of Exception to its outermost middleware, where the answer would lack our headers
    and the error would be raised again into the server's log with its message.
    """
    return {
        Problem: _problem,
        DomainError: _domain_error,
        HTTPException: _http_error,
        OperationalError: _operational,
        ClientDisconnect: _gone,
        **dict.fromkeys(AWAY, _away),
    }


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(request, error)


async def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    return problem_response(request, Problem(error.code, members=error.members()))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(error.status_code, "bad_header")
    return problem_response(request, Problem(code, headers=error.headers))


async def _away(request: Request, error: Exception) -> Response:
    logger.error("a dependency is away", extra={"request_id": _id(request), "error": type(error).__name__})
    return problem_response(request, Problem("unavailable"))


async def _operational(request: Request, error: Exception) -> Response:
    """SQLite's locks that could not be had heal by themselves; anything else here is a mistake of ours."""
    if isinstance(error.__cause__, sqlite3.OperationalError) or "locked" in str(error):
        return await _away(request, error)
    return unforeseen(request, error)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)


def unforeseen(request: Request, error: Exception) -> Response:
    """The answer to a mistake of ours. The type alone is logged: a message or traceback may hold what was sent."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    logger.error(
        "unforeseen",
        extra={"request_id": _id(request), "error": type(error).__name__, "place": f"{place.name}:{place.lineno}"},
    )
    return problem_response(request, Problem("internal"))


def _id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))
