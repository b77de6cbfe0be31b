"""What all pages share: who is signed in, which language, forms that cannot be forged, errors in words, rendering.

A page asks the doors (`inside`), draws what they answered, and after every act sends the browser on by 303, so that
going back or reloading repeats nothing. A form carries its own Idempotency-Key: sent twice, it acts once.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.auth.access_tokens import Audience, IdentityError
from service.http import json_io, problems
from service.http.context import AppContext
from service.http.problems import Problem
from service.i18n.messages import LANGUAGES, preferred_language
from service.web import assets
from service.web.api_client import InProcessApiClient, Query, Reply
from service.web.auth import oidc, sessions
from service.web.auth.demo_provider import DemoProvider
from service.web.auth.oidc import Providers
from service.web.auth.sessions import Session
from service.web.i18n.formatting import Localizer, environment

LANGUAGE_COOKIE = "credit-easy-language"
DONE_COOKIE, DONE_SECONDS = "credit-easy-done", 60
"""Which sentence the next page begins with."""
PASSING = ("lang", "done")
"""What an address says for once."""
LIST_MAX = 200
"""Rows that the API gives at once."""
ROWS_MAX = 5_000
"""Rows of a list that a page reads at most."""
FIELDS_MAX = 600
"""Fields of one form; a scheme of all kinds with as many steps as there may be has almost five hundred."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere."""


class ApiProblem(Exception):
    """A door answered with a problem that the page does not deal with itself."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Site:
    """The pages' surroundings; one for the process."""

    app_context: AppContext
    inside: InProcessApiClient
    providers: Providers
    demo: DemoProvider | None
    environments: dict[str, Environment] = field(default_factory=dict)

    def templates(self, language: str) -> Environment:
        """The templates in one language."""
        found = self.environments.get(language)
        if found is None:
            found = environment(Localizer(language, self.app_context.settings.city_zone))
            found.globals["asset"] = assets.address
            self.environments[language] = found
        return found


@dataclass(slots=True)
class Page:
    """One request for a page."""

    site: Site
    request: Request
    door: Audience | None
    language: str
    session: Session | None = None
    form: dict[str, str] = field(default_factory=dict)
    fields: list[tuple[str, str]] = field(default_factory=list)
    """Every field of the form in its order; `form` has the last of each name."""
    renewed: Session | None = None
    came_with: Session | None = None
    """The session that the browser brought, before it was renewed."""

    @property
    def here(self) -> str:
        """This page's path; never one that a browser would read as another host."""
        path: str = self.request.scope["path"]
        return "/" + path.lstrip("/")

    def in_language(self, language: str) -> str:
        """This page's address in a language, with what its query asks for."""
        query = [(name, value) for name, value in self.request.query_params.multi_items() if name not in PASSING]
        return f"{self.here}?{urlencode([*query, ('lang', language)])}"

    @property
    def sent(self) -> list[tuple[str, str]]:
        """What was posted, to be posted again in the other language; its key is the same, so that it acts once."""
        return [(name, value) for name, value in self.fields if name != "_form"]

    @property
    def words(self) -> Localizer:
        """The language's words."""
        found = self.site.templates(self.language).globals["words"]
        assert isinstance(found, Localizer)
        return found

    def query(self, name: str) -> str:
        """A value of the query, or nothing."""
        return self.request.query_params.get(name, "")

    def part(self, name: str) -> str:
        """A part of the path, as it can be put into another one."""
        return quote(self.request.path_params[name], safe="")

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """What a door answers to this person."""
        return await self.site.inside.call(
            self.request.scope,
            method,
            path,
            token=None if self.session is None else self.session.token,
            language=self.language,
            query=query,
            body=body,
            key=key,
            headers=headers,
        )

    async def read(self, path: str, **query: str | int | None) -> Any:
        """What a reading call answers; Stopped when it is a problem."""
        return expect(await self.ask("GET", path, query=query))

    async def read_all(self, path: str, **query: str | int | None) -> list[Any]:
        """The rows of a list, page after page, ROWS_MAX at most."""
        rows: list[Any] = []
        cursor = None
        while True:
            found = await self.read(path, limit=LIST_MAX, cursor=cursor, **query)
            rows += found["data"]
            cursor = found.get("next_cursor")
            if cursor is None or len(rows) >= ROWS_MAX:
                return rows[:ROWS_MAX]

    async def do(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """What a writing call answers, with the form's own key; Stopped when it is a problem."""
        return expect(await self.ask(method, path, body, key=self.key))

    @property
    def key(self) -> str:
        """The form's Idempotency-Key."""
        sent = self.form.get("_key", "")
        return sent if json_io.KEY.fullmatch(sent) else secrets.token_urlsafe(16)

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page."""
        token, fresh = sessions.form_token(self.request, self.site.app_context.keyring)
        text = (
            self.site.templates(self.language)
            .get_template(template)
            .render(
                page=self,
                form_token=token,
                new_key=lambda: secrets.token_urlsafe(16),
                done=self._done(),
                **values,
            )
        )
        response = Response(text, status, media_type="text/html")
        response.headers["content-security-policy"] = POLICY
        response.headers["content-language"] = self.language
        camera = "(self)" if self.door is Audience.VENUE else "()"
        response.headers["permissions-policy"] = f"camera={camera}, microphone=(), geolocation=(), browsing-topics=()"
        # A page elsewhere that has a browser send a form here gets no cookie that would void the forms of our own.
        if fresh is not None and (self.request.method == "GET" or sessions.is_from_here(self.request, unsaid=False)):
            sessions.keep_form_cookie(response, self.request, fresh)
        if self.query("done"):
            response.delete_cookie(DONE_COOKIE, path="/", secure=sessions.is_secure(self.request), httponly=True)
        return self._kept(response)

    def go(self, path: str, done: str = "") -> Response:
        """On to another page; `done` names the sentence that it begins with, once."""
        glue = "&" if "?" in path else "?"
        response = RedirectResponse(f"{path}{glue}{urlencode({'done': done})}" if done else path, 303)
        if done:
            response.set_cookie(
                DONE_COOKIE, done, max_age=DONE_SECONDS, path="/", samesite="lax", httponly=True,
                secure=sessions.is_secure(self.request),
            )  # fmt: skip
        return self._kept(response)

    def _done(self) -> str:
        """What was done just now: as the address says, if this browser was told so; a link from elsewhere is not."""
        done = self.query("done")
        return done if done == self.request.cookies.get(DONE_COOKIE) else ""

    def problem(self, reply: Reply) -> Response:
        """A problem as a page of its own."""
        response = self.render("problem.html", reply.status, problem=reply.body or {})
        for name in ("retry-after", "allow"):
            if name in reply.headers:
                response.headers[name] = reply.headers[name]
        return response

    def _kept(self, response: Response) -> Response:
        ended = self.came_with is not None and self.came_with.token in self.site.providers.ended
        if self.renewed is not None and not ended:
            sessions.write(response, self.request, self.site.app_context.keyring, self.renewed)
        if self.query("lang") in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE, self.language, max_age=31_536_000, path="/", samesite="lax", httponly=True,
                secure=sessions.is_secure(self.request),
            )  # fmt: skip
        return response


Handler = Callable[[Page], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A page: its path, what draws it, whose it is, and how it is asked."""

    path: str
    handle: Handler
    door: Audience | None = None
    method: str = "GET"
    fragment: bool = False
    """A part of a page that a script asks for: whoever is not signed in gets 401 instead of another page."""
    ends: bool = False
    """It ends the session, and so needs none that works."""


def expect(reply: Reply) -> Any:
    """The answer's body, or Stopped."""
    if not reply.went_well:
        raise ApiProblem(reply)
    return reply.body


async def serve(site: Site, leaf: PageRoute, request: Request) -> Response:
    """Answer one request for a page, whatever happens."""
    language = _language(request)
    _speak(request, language)
    page = Page(site, request, leaf.door, language)
    try:
        return await _answer(page, leaf)
    except ApiProblem as stopped:
        if stopped.reply.status == 401 and leaf.door is not None:
            return _sign_in(page, leaf)
        return page.problem(stopped.reply)
    except Exception as error:
        return page.problem(await _reply_to(request, error))


async def _answer(page: Page, leaf: PageRoute) -> Response:
    keyring = page.site.app_context.keyring
    if page.request.method == "POST" and leaf.method == "POST":
        await _read_form(page)
    if leaf.door is not None:
        page.session = page.came_with = sessions.read(page.request, keyring, leaf.door)
        if not leaf.ends and page.session is not None and page.session.ends_soon(datetime.now(UTC)):
            page.session = page.renewed = await page.site.providers.renewed(page.session)
        if page.session is None and not leaf.ends:
            return _sign_in(page, leaf)
    if leaf.method == "POST" and not _form_fits(page):
        return _again(page, 403, "stale")
    return await leaf.handle(page)


def _form_fits(page: Page) -> bool:
    return sessions.form_fits(page.request, page.site.app_context.keyring, page.form.get("_form", ""))


async def _read_form(page: Page) -> None:
    raw = await json_io.read_body(page.request)
    if json_io.media_type(page.request) != "application/x-www-form-urlencoded":
        raise Problem("not_json")
    try:
        page.fields = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Problem("bad_query") from None
    # Browsers send line breaks as CR LF; documents and statements have LF.
    page.fields = [(name, value.replace("\r\n", "\n")) for name, value in page.fields]
    page.form = dict(page.fields)


def _sign_in(page: Page, leaf: PageRoute) -> Response:
    """To the sign-in, and back here. What was typed into a form stays in the page that asks to sign in."""
    assert leaf.door is not None
    if leaf.door not in page.site.providers.clients:
        raise Problem("not_found")
    if leaf.fragment:
        return Response(status_code=401)
    if page.request.method == "POST":
        return _again(page, 401, "signed_out")
    query = page.request.scope["query_string"].decode("latin-1")
    then = oidc.own_path(page.here + (f"?{query}" if query else ""), leaf.door)
    return page.go(f"/sign-in/{leaf.door}?{urlencode({'next': then})}")


def _again(page: Page, status: int, why: str) -> Response:
    """What was typed, to be sent again, if a page of ours sent it; else nothing that one tap could send."""
    if not _form_fits(page) and not sessions.is_from_here(page.request, unsaid=False):
        page.fields = []
        first = "/" if page.door is None else sessions.PATHS[page.door]
        return page.render("resubmit.html", 403, why="elsewhere", first=first)
    return page.render("resubmit.html", status, why=why)


async def _reply_to(request: Request, error: Exception) -> Reply:
    """An error as the problem that any other client would be told."""
    handlers: dict[Any, Any] = dict(problems.handlers())
    handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
    if isinstance(error, IdentityError):
        response = problems.problem_response(request, Problem(error.code))
    else:
        response = problems.unforeseen(request, error) if handler is None else await handler(request, error)
    raw = bytes(response.body) or orjson.dumps({"title": "", "detail": "", "code": "", "status": response.status_code})
    return Reply(response.status_code, dict(response.headers), raw)


def _language(request: Request) -> str:
    """As asked for in the address, as chosen before, or as the browser prefers."""
    for chosen in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if chosen in LANGUAGES:
            return str(chosen)
    return preferred_language(request.headers.get("accept-language", ""))


def _speak(request: Request, language: str) -> None:
    """What is told about an error is told in the page's language."""
    others = [(name, value) for name, value in request.scope["headers"] if name != b"accept-language"]
    request.scope["headers"] = [*others, (b"accept-language", language.encode())]
    request.__dict__.pop("_headers", None)
