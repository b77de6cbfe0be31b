"""The one table: what went wrong, by its code → status, title and sentence, as RFC 9457 problem+json in two languages.

Nothing that was sent is ever repeated; `code` is what programs read, `detail` says what to do next. A new code needs
its status in `STATUS` and its texts in `problems.toml`; a domain error names its code itself (`consent.kernel.errors`,
`benefits.errors`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from consent.database import failures
from consent.database.write_plan import WriteConflict
from consent.kernel import bilingual
from consent.kernel.errors import DomainError
from service.http.accept import language_of
from service.i18n import findings
from service.observability.log_events import LogEvent
from service.observability.logging import log_event, place_of, request_fields

TYPE_BASE: Final = "/v1/public/errors/"
"""Begins the `type` of every problem, a relative reference to the page about its code (RFC 9457, section 3.1.1)."""
RETRY_AFTER_SECONDS: Final = 5
"""Seconds of Retry-After while the database or the key server is unavailable."""
AUTHENTICATE: Final = "Bearer"
Handler = Callable[[Request, Exception], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ProblemText:
    """A problem's status and its words: (title, detail) in each language."""

    status: int
    zh: tuple[str, str]
    en: tuple[str, str]


STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        # 400: the request cannot be read
        "malformed_json": 400,
        "duplicate_key": 400,
        "too_deep": 400,
        "bad_header": 400,
        "bad_query": 400,
        "unknown_parameter": 400,
        "repeated_parameter": 400,
        "bad_limit": 400,
        "bad_cursor": 400,
        "idempotency_key_required": 400,
        # 401 and 403: identity and permission
        "token_missing": 401,
        "token_invalid": 401,
        "sign_in_broken": 400,
        "wrong_role": 403,
        "birthdate_required": 403,
        "adults_only": 403,
        "suspended": 403,
        "ticket_of_another": 403,
        "four_eyes": 403,
        "other_division": 403,
        # 404, 405, 410
        "not_found": 404,
        "code_unknown": 404,
        "method_not_allowed": 405,
        "ticket_expired": 410,
        "leaves_lost": 410,
        # 409 and 412: the state does not allow it
        "conflict": 409,
        "notice_changed": 409,
        "terms_changed": 409,
        "booking_needed": 409,
        "no_place_left": 409,
        "session_not_possible": 409,
        "ticket_consumed": 409,
        "already_given": 409,
        "too_many_complaints": 409,
        "too_many_objections": 409,
        "account_linked_elsewhere": 409,
        "not_in_force": 409,
        "benefit_not_available": 409,
        "consent_needed": 409,
        "reversal_not_possible": 409,
        "no_offline_pass": 409,
        "pass_key_used": 409,
        "restored_by_officer": 409,
        "changed": 409,
        "too_few_consents": 409,
        "sample_too_large": 409,
        "precondition_failed": 412,
        "precondition_required": 428,
        # 408, 413, 415, 422: the body
        "body_too_slow": 408,
        "body_too_large": 413,
        "not_json": 415,
        "not_a_form": 415,
        "body_invalid": 422,
        "ticket_invalid": 422,
        "account_required": 422,
        "account_forbidden": 422,
        "idempotency_key_reused": 422,
        "kind_not_allowed": 422,
        "invalid_quantity": 422,
        "invalid_date": 422,
        "in_future": 422,
        "would_lower_points": 422,
        "prohibited": 422,
        # 429, 431 and 5xx
        "rate_limited": 429,
        "head_too_large": 431,
        "budget_spent": 429,
        "privacy_budget_spent": 429,
        "internal": 500,
        "keys_unavailable": 503,
        "outcome_unknown": 503,
        "records_withheld": 503,
        "unavailable": 503,
    }
)
"""The HTTP status of every code this service answers with."""


def _table() -> Mapping[str, ProblemText]:
    texts = bilingual.load("service.http", "problems.toml")
    if texts.keys() != STATUS.keys():
        raise bilingual.TextIncomplete(f"problems.toml and STATUS differ in {sorted(texts.keys() ^ STATUS.keys())}")
    table = {}
    for code, status in STATUS.items():
        title = bilingual.pair(texts[code]["title"], f"{code}.title")
        detail = bilingual.pair(texts[code]["detail"], f"{code}.detail")
        table[code] = ProblemText(status, (title[0], detail[0]), (title[1], detail[1]))
    return MappingProxyType(table)


TABLE: Final = _table()
"""Status and texts of every code this service answers with; the texts are in `problems.toml`."""


def _other_words(code: str, title_name: str, detail_name: str) -> ProblemText:
    texts = bilingual.load("service.http", "problems.toml")[code]
    title, detail = (bilingual.pair(texts[name], f"{code}.{name}") for name in (title_name, detail_name))
    return ProblemText(STATUS[code], (title[0], detail[0]), (title[1], detail[1]))


SUSPENDED_STAFF: Final = _other_words("suspended", "title", "staff_detail")
"""The words of `suspended` for a member of staff, who is no organisation."""
MALFORMED_YAML: Final = _other_words("malformed_json", "yaml_title", "yaml_detail")
"""The words of `malformed_json` for a catalogue in YAML."""


class Problem(Exception):
    """Something that is answered as problem+json; `code` is one of TABLE's, `text` other words for the same code."""

    def __init__(
        self,
        code: str,
        *,
        errors: Sequence[Mapping[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
        text: ProblemText | None = None,
    ) -> None:
        super().__init__(code)
        self.code, self.text = code, text or TABLE[code]
        self.status = self.text.status
        self.errors, self.headers, self.members = errors, dict(headers or {}), dict(members or {})


def body_invalid(pointer: str, code: str, detail: str) -> Problem:
    """Return the problem body_invalid with one fault: its JSON pointer, its code and a sentence."""
    return Problem("body_invalid", errors=[{"pointer": pointer, "code": code, "detail": detail}])


def note_reason(scope: Scope, reason: str) -> None:
    """Store why a request is refused; the line of `RequestMiddleware` has it. `reason` is of a closed list."""
    scope.setdefault("state", {})["refused_for"] = reason


def type_of(code: str) -> str:
    """Return the `type` of problems with this code."""
    return TYPE_BASE + code


def problem_response(request: Request, problem: Problem) -> Response:
    """The answer for a problem, in the caller's language."""
    language, text = language_of(request), problem.text
    title, detail = text.en if language == "en" else text.zh
    body: dict[str, Any] = {
        "type": type_of(problem.code),
        "title": title,
        "status": text.status,
        "detail": detail,
        "code": problem.code,
        "request_id": getattr(request.state, "request_id", ""),
    }
    if problem.errors is not None:
        body["errors"] = [dict(fault) for fault in problem.errors]
    body.update(problem.members)
    if problem.code == "prohibited":
        body["errors"] = [findings.localize(finding, language) for finding in body["errors"]]
    note_reason(request.scope, problem.code)
    headers = {"Content-Language": language, **problem.headers}
    if text.status == 401:
        headers["WWW-Authenticate"] = (
            AUTHENTICATE if problem.code == "token_missing" else f'{AUTHENTICATE} error="invalid_token"'
        )
    if text.status == 503:
        headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    return Response(orjson.dumps(body), text.status, media_type="application/problem+json", headers=headers)


def handlers() -> dict[Any, Handler]:
    """Return the one table of errors and their answers, also for `Starlette(exception_handlers=…)`.

    An error that is not named is a mistake of ours and answered by `unforeseen`. There is no handler of Exception:
    Starlette 1.10 gives one to its outermost middleware, where the answer would lack our headers and the error would be
    raised again into the server's log with its message.
    """
    return {
        Problem: _problem,
        DomainError: _domain_error,
        HTTPException: _http_error,
        # Others changed the same rows before every attempt.
        WriteConflict: _unavailable,
        **dict.fromkeys(failures.UNAVAILABLE_ERRORS, _unavailable),
        **dict.fromkeys(failures.SQLITE_ERRORS, _sqlite_error),
        failures.CommitUncertain: _uncertain,
    }


async def response_to(request: Request, error: Exception) -> Response:
    """Return the answer to an error of any type: by `handlers` for the type or its nearest base, else `unforeseen`."""
    handle = next((_HANDLERS[kind] for kind in type(error).__mro__ if kind in _HANDLERS), None)
    if handle is None:
        return unforeseen(request, error)
    try:
        return await handle(request, error)
    except Exception as mistake:
        return unforeseen(request, mistake)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(request, error)


async def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    wait = error.retry_after_seconds
    headers = None if wait is None else {"Retry-After": str(wait)}
    return problem_response(request, Problem(error.code, headers=headers, members=error.members()))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(error.status_code, "bad_header")
    return problem_response(request, Problem(code, headers=error.headers))


async def _unavailable(request: Request, error: Exception) -> Response:
    log_event(LogEvent.DEPENDENCY_UNAVAILABLE, error=type(error).__name__, **request_fields(request.scope))
    return problem_response(request, Problem("unavailable"))


async def _uncertain(request: Request, error: Exception) -> Response:
    log_event(LogEvent.COMMIT_UNCERTAIN, error=type(error).__name__, **request_fields(request.scope))
    return problem_response(request, Problem("outcome_unknown"))


async def _sqlite_error(request: Request, error: Exception) -> Response:
    """Answer an error of SQLite, or one that Tortoise has wrapped: a lock or a full disk, else a mistake of ours."""
    if failures.is_unavailable(error):
        return await _unavailable(request, error)
    return unforeseen(request, error)


def unforeseen(request: Request, error: Exception) -> Response:
    """The answer to a mistake of ours. The type alone is logged: a message or traceback may hold what was sent."""
    fields = {"error": type(error).__name__, "place": place_of(error), **request_fields(request.scope)}
    log_event(LogEvent.UNFORESEEN, **fields)
    return problem_response(request, Problem("internal"))


_HANDLERS: Final = MappingProxyType(handlers())
