"""Answer a request for a page: language, session, form checks, handler, and errors as pages."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from consent.kernel.bilingual import LANGUAGES
from service.auth.access_tokens import IdentityError
from service.http import bodies, problems, token_refusals
from service.http.accept import language_of
from service.http.problems import Problem
from service.web.api_client import ApiProblem, ApiReply
from service.web.auth import oidc, sign_in_sessions
from service.web.page import LANGUAGE_COOKIE, Page, PageRoute, Site

FORM_BYTES_MAX = 256 * 1024
"""Bytes of one form: a document of 64 kB whose Chinese characters take nine bytes each where they had three."""
REDIRECTS = range(300, 400)
FIELDS_MAX = 1_000
"""Fields of one form. A scheme with every kind of record and the most steps has some seven hundred."""


async def answer(site: Site, route: PageRoute, request: Request) -> Response:
    """Run the route's handler and return its response; every error becomes a page in the reader's language."""
    language = _choose_language(request)
    _set_accept_language(request, language)
    page = Page(site, request, route.audience, language)
    response = await _answer_or_problem(page, route)
    if route.refresh and response.status_code not in REDIRECTS:
        response.headers["refresh"] = route.refresh
    return response


async def _answer_or_problem(page: Page, route: PageRoute) -> Response:
    try:
        return await _run(page, route)
    except ApiProblem as problem:
        if problem.reply.status == 401 and route.audience is not None:
            return _require_sign_in(page, route)
        return page.problem(problem.reply)
    except ClientDisconnect:
        raise  # nobody is there to read a page
    except Exception as error:
        return page.problem(await _error_as_reply(page.request, error))


async def _run(page: Page, route: PageRoute) -> Response:
    keyring = page.site.app_context.keyring
    if page.request.method == "POST" and route.method == "POST":
        await _read_form(page)
    if route.audience is not None:
        page.sign_in_session = page.original_session = sign_in_sessions.read(page.request, keyring, route.audience)
        if (
            not route.ends_session
            and page.sign_in_session is not None
            and page.sign_in_session.needs_renewal(datetime.now(UTC))
        ):
            page.sign_in_session = page.renewed_session = await page.site.identity_providers.renew(page.sign_in_session)
        if page.sign_in_session is None and not route.ends_session:
            return _require_sign_in(page, route)
    if route.method == "POST" and not _has_valid_form_token(page):
        return _ask_to_resubmit(page, 403, "stale")
    return await route.handler(page)


def _has_valid_form_token(page: Page) -> bool:
    return sign_in_sessions.is_valid_form(page.request, page.site.app_context.keyring, page.form.get("_form", ""))


async def _read_form(page: Page) -> None:
    raw = await bodies.read_body(page.request, FORM_BYTES_MAX)
    if bodies.media_type(page.request) != bodies.FORM:
        raise Problem("not_a_form")
    try:
        page.fields = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Problem("bad_query") from None
    # Browsers send line breaks as CR LF; documents and statements have LF.
    page.fields = [(name, value.replace("\r\n", "\n")) for name, value in page.fields]
    page.form = dict(page.fields)


def _require_sign_in(page: Page, route: PageRoute) -> Response:
    """Redirect to the sign-in and back to this page.

    A POST is answered with a page instead, which carries the typed fields: a redirect would lose them. At the kiosk
    nothing is typed, and that page would have a link that leaves it.
    """
    assert route.audience is not None
    if route.audience not in page.site.identity_providers.clients:
        raise Problem("not_found")
    if route.fragment:
        problems.note_reason(page.request.scope, "signed_out")
        return Response(status_code=401)
    if page.request.method == "POST" and not page.is_at_kiosk:
        return _ask_to_resubmit(page, 401, "signed_out")
    query = page.request.scope["query_string"].decode("latin-1")
    return_path = oidc.safe_return_path(page.path + (f"?{query}" if query else ""), route.audience)
    return page.redirect(f"/sign-in/{route.audience}?{urlencode({'next': return_path})}")


def _ask_to_resubmit(page: Page, status: int, reason: str) -> Response:
    """Show the typed fields in a form that sends them again with a fresh form token.

    Only for forms that a page of ours sent: for any other it would turn a forged form into one tap.
    """
    if not _has_valid_form_token(page) and not sign_in_sessions.is_from_own_page(page.request, if_unknown=False):
        page.fields = []
        first_page = "/" if page.audience is None else sign_in_sessions.PATHS[page.audience]
        if page.is_at_kiosk:
            first_page = sign_in_sessions.KIOSK_PATH
        problems.note_reason(page.request.scope, "form_of_elsewhere")
        return page.render("resubmit.html", 403, reason="elsewhere", first_page=first_page)
    problems.note_reason(page.request.scope, reason)
    return page.render("resubmit.html", status, reason=reason)


async def _error_as_reply(request: Request, error: Exception) -> ApiReply:
    """Return the problem document that an API client would be sent for this error."""
    if isinstance(error, IdentityError):
        token_refusals.note(token_refusals.SIGN_IN, error, request.scope)
        response = problems.problem_response(request, Problem(error.code))
    else:
        response = await problems.response_to(request, error)
    raw = bytes(response.body) or orjson.dumps({"title": "", "detail": "", "code": "", "status": response.status_code})
    return ApiReply(response.status_code, dict(response.headers), raw)


def _choose_language(request: Request) -> str:
    """Return the language of the address, else of the cookie, else the browser's preference."""
    for language in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if language in LANGUAGES:
            return str(language)
    return language_of(request)


def _set_accept_language(request: Request, language: str) -> None:
    # Error texts are chosen by this header; Starlette caches the parsed headers in `_headers`.
    others = [(name, value) for name, value in request.scope["headers"] if name != b"accept-language"]
    request.scope["headers"] = [*others, (b"accept-language", language.encode())]
    request.__dict__.pop("_headers", None)
