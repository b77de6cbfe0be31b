"""The pages' side of a request: what a handler is given, how it calls the API and how it answers.

The way of a request:

1. `routes` has one table of `PageRoute`s: path, method, handler, and the audience that must be signed in. It is joined
   from the `routes` of each audience's folder, and those from the `ROUTES` of its modules.
2. `dispatch` builds a `Page`, reads the session cookie and, for a POST, checks the form.
3. The handler calls the HTTP API with `page.read` (GET), `page.submit` (POST), `page.delete` or `page.call_api`. The
   call stays in this process (`api_client`) but is checked like one from outside. No handler uses the database.
4. The handler returns `page.render(template, …)`, or after a write `page.redirect(path, done)`. The redirect is a 303,
   so that going back or reloading repeats nothing.
5. A problem that the handler does not treat itself is raised as `ApiProblem`; `dispatch` shows it as a page, or the
   sign-in when the token is no longer good.

A form has two hidden fields. `_form` is the form token, an HMAC of a random cookie: a page of another site cannot know
it, so that it cannot forge the form. `_key` is a random Idempotency-Key, made when the form is rendered and sent with
the API call: a form that is sent twice is answered from the stored answer and acts once.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from consent.kernel.bilingual import LANGUAGES
from service.auth.access_tokens import Audience
from service.http import json_io
from service.http.context import AppContext
from service.http.problems import note_reason
from service.paper.slip_pdf import grouped
from service.web import assets, icons, stacked_table
from service.web.api_client import ApiProblem, ApiReply, ApiRequest, InProcessApiClient, Query, body_or_raise
from service.web.auth import sign_in_sessions
from service.web.auth.demo_identity_provider import DemoIdentityProvider
from service.web.auth.oidc import IdentityProviders
from service.web.auth.sign_in_sessions import SignInSession
from service.web.i18n.formatting import Localizer, template_environment
from service.web.resident import tabs

LANGUAGE_COOKIE = "credit-easy-language"
LANGUAGE_SECONDS = 31_536_000
"""A year: long enough that nobody chooses again, and browsers accept at most 400 days."""
DONE_COOKIE, DONE_SECONDS = "credit-easy-done", 60
"""Code of the sentence that confirms the last act, and how long a redirect may take."""
ONE_TIME_QUERY = ("lang", "done")
"""Query parameters that a link to the same page in another language leaves out."""
LIST_MAX = 200
"""Rows of one API page, the API's own maximum."""
ROWS_SHOWN = 50
"""Rows of a list on one page; a link leads to the later ones."""
ROWS_MAX = 5_000
"""Rows that `read_all` reads of one list, so that one page is at most 25 API calls."""
PUBLIC_SECONDS = 60
"""Life of a public page in caches: short, since what it says may have changed."""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self';"
    " manifest-src 'self'; worker-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline and nothing from another host, so that an injected script does not run."""


@dataclass(frozen=True, slots=True)
class Site:
    """The objects that all pages share; one for the process."""

    app_context: AppContext
    api_client: InProcessApiClient
    identity_providers: IdentityProviders
    demo: DemoIdentityProvider | None
    """The demonstration's identity provider; None in production."""

    def templates(self, language: str) -> Environment:
        """Return the templates compiled for a language, made at the process's first request in it."""
        return _templates(language, self.app_context.settings.city_zone)


@functools.cache
def _templates(language: str, zone: ZoneInfo) -> Environment:
    """Return the templates of a language; applications in one process share them, because compiling costs a second."""
    environment = template_environment(Localizer(language, zone))
    environment.globals["asset"] = assets.address
    environment.globals["icon"] = icons.icon
    environment.add_extension(icons.StaticIcons)
    environment.filters["icon_name"] = icons.icon_name
    environment.filters["with_labels"] = stacked_table.with_labels
    environment.filters["spaced"] = grouped
    environment.filters["parent"], environment.filters["tab"] = tabs.parent, tabs.tab
    return environment


@dataclass(slots=True)
class Page:
    """One request for a page."""

    site: Site
    request: Request
    audience: Audience | None
    language: str
    sign_in_session: SignInSession | None = None
    form: dict[str, str] = field(default_factory=dict)
    """The posted form, the last value of each name."""
    fields: list[tuple[str, str]] = field(default_factory=list)
    """The posted form, every field in its order."""
    renewed_session: SignInSession | None = None
    """The session to be written into the browser's cookies with the answer."""
    original_session: SignInSession | None = None
    """The session that the browser sent, before it was renewed."""

    @property
    def path(self) -> str:
        """The request's path, with one leading slash: browsers read `//name` as another host."""
        path: str = self.request.scope["path"]
        return "/" + path.lstrip("/")

    def address_in_language(self, language: str) -> str:
        """Return this page's path and query with `lang` set."""
        query = [(name, value) for name, value in self.request.query_params.multi_items() if name not in ONE_TIME_QUERY]
        return f"{self.path}?{urlencode([*query, ('lang', language)])}"

    @property
    def is_at_kiosk(self) -> bool:
        """True for a page of the signed-in kiosk, whose errors also have no link that leaves it."""
        return self.path.startswith(sign_in_sessions.KIOSK_PATH)

    @property
    def resubmitted_fields(self) -> list[tuple[str, str]]:
        """The posted fields without the form token, for a form that sends them again.

        The Idempotency-Key stays among them, so that both submissions act once.
        """
        return [(name, value) for name, value in self.fields if name != "_form"]

    @property
    def localizer(self) -> Localizer:
        """Texts, dates and numbers in the request's language."""
        return self.localizer_of(self.language)

    @property
    def other_language(self) -> str:
        """The language that the page is not in."""
        return "zh-CN" if self.language == "en" else "en"

    def localizer_of(self, language: str) -> Localizer:
        """Texts, dates and numbers in a language."""
        localizer = self.site.templates(language).globals["localizer"]
        assert isinstance(localizer, Localizer)
        return localizer

    @property
    def signed_in_as(self) -> str:
        """The subject of the session's token; "" without a session."""
        return "" if self.sign_in_session is None else self.sign_in_session.subject

    @property
    def staff_id(self) -> str:
        """The `staff_id` of the session's token, by which steps name people; "" without one.

        Read from the token without verifying it: it only chooses a list. The API verifies the token at each call.
        """
        return "" if self.sign_in_session is None else sign_in_sessions.claim(self.sign_in_session, "staff_id")

    def query(self, name: str) -> str:
        """Return a query parameter, "" without one."""
        return self.request.query_params.get(name, "")

    def path_param(self, name: str) -> str:
        """Return a path parameter, percent-encoded for use in another path."""
        return quote(self.request.path_params[name], safe="")

    async def call_api(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> ApiReply:
        """Call the API as the signed-in person and return its answer, errors included.

        Args:
            method: HTTP method.
            path: path of the call, path parameters already percent-encoded.
            body: JSON value to send, or None.
            query: query parameters; None and "" are left out.
            key: Idempotency-Key; a form's own is `idempotency_key`.
            headers: further headers, names in lower case.
        """
        return await self.site.api_client.call(
            self.request.scope,
            ApiRequest(method, path, query, body, key, headers or {}),
            token=None if self.sign_in_session is None else self.sign_in_session.access_token,
            language=self.language,
        )

    async def read(self, path: str, **query: str | int | None) -> Any:
        """Return the JSON body of a GET call; raise ApiProblem for an error."""
        return body_or_raise(await self.call_api("GET", path, query=query))

    async def read_rows_shown(self, path: str) -> Any:
        """Return ROWS_SHOWN rows of a paged list from this page's `?cursor=` on; raise ApiProblem for an error."""
        return await self.read(path, limit=ROWS_SHOWN, cursor=self.query("cursor"))

    async def read_all(self, path: str, **query: str | int | None) -> list[Any]:
        """Return the rows of a paged list, ROWS_MAX at most; raise ApiProblem for an error."""
        rows: list[Any] = []
        cursor = None
        while True:
            batch = await self.read(path, limit=LIST_MAX, cursor=cursor, **query)
            rows += batch["data"]
            cursor = batch.get("next_cursor")
            if cursor is None or len(rows) >= ROWS_MAX:
                return rows[:ROWS_MAX]

    async def submit(self, path: str, body: Any = None) -> Any:
        """Send a POST call under the form's Idempotency-Key and return its body; raise ApiProblem for an error."""
        return body_or_raise(await self.call_api("POST", path, body, key=self.idempotency_key))

    async def delete(self, path: str) -> None:
        """Send a DELETE call; raise ApiProblem for an error, but not where nothing is left to delete.

        A form that is sent twice, or after the thing has ended by itself, has reached what was wanted.
        """
        reply = await self.call_api("DELETE", path)
        if reply.status != HTTPStatus.NOT_FOUND:
            body_or_raise(reply)

    @property
    def idempotency_key(self) -> str:
        """The Idempotency-Key in the form's `_key` field; a random one where the field is missing or malformed."""
        sent_key = self.form.get("_key", "")
        return sent_key if json_io.KEY.fullmatch(sent_key) else secrets.token_urlsafe(16)

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """Render a template in the request's language, with the headers and cookies that every page has."""
        form_token, new_seed = sign_in_sessions.form_token(self.request, self.site.app_context.keyring)
        text = (
            self.site.templates(self.language)
            .get_template(template)
            .render(
                page=self,
                form_token=form_token,
                new_key=lambda: secrets.token_urlsafe(16),
                done=self._done_code(),
                **values,
            )
        )
        response = Response(text, status, media_type="text/html")
        response.headers["content-security-policy"] = CONTENT_SECURITY_POLICY
        response.headers["content-language"] = self.language
        # The stylesheet is asked for when the headers arrive, which on a slow network is before the page's own bytes.
        response.headers["link"] = f"<{assets.address('style.css')}>; rel=preload; as=style"
        camera = "(self)" if self.audience is Audience.VENUE else "()"
        # Residents may sort by distance; the place is read by the page and never sent.
        geolocation = "(self)" if self.audience is Audience.RESIDENT else "()"
        allowed = f"camera={camera}, microphone=(), geolocation={geolocation}, browsing-topics=()"
        response.headers["permissions-policy"] = allowed
        if status == HTTPStatus.OK and self._is_the_same_for_everybody(text):
            response.headers["cache-control"] = f"public, max-age={PUBLIC_SECONDS}"
            response.headers["vary"] = "Accept-Language, Cookie"
            return response
        # A form posted by another site's page gets no new cookie: it would void the tokens of our own open forms.
        if new_seed is not None and (
            self.request.method == "GET" or sign_in_sessions.is_from_own_page(self.request, if_unknown=False)
        ):
            sign_in_sessions.set_form_cookie(response, self.request, new_seed)
        if self.query("done"):
            response.delete_cookie(
                DONE_COOKIE, path="/", secure=sign_in_sessions.is_secure(self.request), httponly=True
            )
        return self._with_cookies(response)

    def redirect(self, path: str, done: str = "") -> Response:
        """Redirect by 303; `done` is the code of the sentence with which the next page confirms the act once."""
        separator = "&" if "?" in path else "?"
        response = RedirectResponse(f"{path}{separator}{urlencode({'done': done})}" if done else path, 303)
        if done:
            response.set_cookie(
                DONE_COOKIE, done, max_age=DONE_SECONDS, path="/", samesite="lax", httponly=True,
                secure=sign_in_sessions.is_secure(self.request),
            )  # fmt: skip
        return self._with_cookies(response)

    async def download(self, path: str, filename: str) -> Response:
        """Send the answer of a GET call as a file, byte for byte; raise ApiProblem for an error."""
        reply = await self.call_api("GET", path)
        if not reply.succeeded:
            raise ApiProblem(reply)
        headers = {"content-disposition": f'attachment; filename="{filename}"'}
        return Response(reply.raw, media_type=reply.headers["content-type"], headers=headers)

    def problem(self, reply: ApiReply) -> Response:
        """Render a problem document as a page with the same status."""
        document = reply.body or {}
        note_reason(self.request.scope, document.get("code", ""))
        response = self.render("problem.html", reply.status, problem=document)
        for name in ("retry-after", "allow"):
            if name in reply.headers:
                response.headers[name] = reply.headers[name]
        return response

    def _is_the_same_for_everybody(self, text: str) -> bool:
        """Report whether a page may be stored by caches: public, read without a query, and without a form token."""
        is_read = self.audience is None and self.request.method in ("GET", "HEAD")
        return is_read and not self.request.url.query and 'name="_form"' not in text

    def _done_code(self) -> str:
        # The cookie must agree: a link from elsewhere with `?done=erased` would otherwise show a false confirmation.
        done = self.query("done")
        return done if done == self.request.cookies.get(DONE_COOKIE) else ""

    def _with_cookies(self, response: Response) -> Response:
        original = self.original_session
        ended = original is not None and original.access_token in self.site.identity_providers.ended
        if self.renewed_session is not None and not ended:
            sign_in_sessions.write(response, self.request, self.site.app_context.keyring, self.renewed_session)
        if self.query("lang") in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE, self.language, max_age=LANGUAGE_SECONDS, path="/", samesite="lax", httponly=True,
                secure=sign_in_sessions.is_secure(self.request),
            )  # fmt: skip
        return response


Handler = Callable[[Page], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A page: its path, its handler, the audience that must be signed in (None for everybody) and its method."""

    path: str
    handler: Handler
    audience: Audience | None = None
    method: str = "GET"
    fragment: bool = False
    """True for a part of a page that a script fetches: without a session it is answered 401, not a redirect."""
    refresh: str = ""
    """The `Refresh` header of every page that the route answers with, errors included; "" without one."""
    ends_session: bool = False
    """True for signing out, which must succeed with a session that has expired."""
