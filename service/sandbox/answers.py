"""Forced refusals: a request with the header `Sandbox-Answer` gets the problem that the header names.

Nothing else happens to such a request: no token is read, nothing is stored, and the same request without the header
is answered as ever. So a client's handling of every code can be tried at every call.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.problems import TABLE, Problem, problem_response
from service.sandbox import examples
from service.sandbox.sandbox import Sandbox

HEADER = "sandbox-answer"
RETRY_AFTER_SECONDS = 1
API_PATHS = ("/v1/", "/log/")


class SandboxMiddleware:
    """Answers requests of the API that force a refusal, and every request between a reset and the new city."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self.app, self.sandbox = app, sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem is None:
            await self.app(scope, receive, send)
        else:
            await problem_response(Request(scope), problem)(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        if self.sandbox.resetting:
            return Problem("unavailable", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        headers = Headers(scope=scope)
        if _is_write_from_another_site(scope, headers):
            elsewhere = {
                "pointer": "/Sec-Fetch-Site",
                "code": "other_site",
                "detail": "A page of another site sent this.",
            }
            return Problem("bad_header", errors=[elsewhere])
        code = headers.get(HEADER)
        if code is None or not scope["path"].startswith(API_PATHS):
            return None
        if code not in TABLE:
            unknown = {"pointer": "/Sandbox-Answer", "code": "enum", "detail": "GET /sandbox/refusals lists the codes."}
            return Problem("bad_header", errors=[unknown])
        errors, members = examples.problem_members(code)
        retry_after = {"Retry-After": str(RETRY_AFTER_SECONDS)} if TABLE[code].status in (429, 503) else {}
        return Problem(code, errors=errors, members=members, headers=retry_after)


def _is_write_from_another_site(scope: Scope, headers: Headers) -> bool:
    """Report whether a browser sends a sandbox's write for a page of another site, which could not read the answer.

    The sandbox's calls need no credentials, and a developer's browser reaches them.
    """
    own = headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    return not own and scope["method"] != "GET" and scope["path"].startswith("/sandbox/")
