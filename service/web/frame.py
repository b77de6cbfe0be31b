"""What all pages share: who is signed in, which language, forms that cannot be forged, errors in words, rendering.

A page asks the doors (`inside`), draws what they answered, and after every act sends the browser on by 303, so that
going back or reloading repeats nothing. A form carries its own Idempotency-Key: sent twice, it acts once.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service import problems, wire
from service.city import City
from service.identity import Door, IdentityError
from service.problems import Problem
from service.texts import LANGUAGES, accept_language
from service.web import sessions, signin
from service.web.inside import Inside, Query, Reply
from service.web.provider import DemoProvider
from service.web.sessions import Session
from service.web.signin import Providers
from service.web.words import Words, environment

LANGUAGE_COOKIE = "credit-easy-language"
FIELDS_MAX = 600
"""Fields of one form; a scheme of all kinds with as many steps as there may be has almost five hundred."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere."""
ASSETS = {
    "style.css": "text/css",
    "page.js": "text/javascript",
    "desk.js": "text/javascript",
    "editor.js": "text/javascript",
    "qr/decode.js": "text/javascript",
    "qr/index.js": "text/javascript",
    "mark.svg": "image/svg+xml",
}


class Stopped(Exception):
    """A door answered with a problem that the page does not deal with itself."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Site:
    """The pages' surroundings; one for the process."""

    city: City
    inside: Inside
    providers: Providers
    demo: DemoProvider | None
    environments: dict[str, Environment] = field(default_factory=dict)

    def templates(self, language: str) -> Environment:
        """The templates in one language."""
        found = self.environments.get(language)
        if found is None:
            found = environment(Words(language, self.city.settings.city_zone))
            found.globals["asset"] = asset
            self.environments[language] = found
        return found


@dataclass(slots=True)
class Page:
    """One request for a page."""

    site: Site
    request: Request
    door: Door | None
    language: str
    session: Session | None = None
    form: dict[str, str] = field(default_factory=dict)
    fields: list[tuple[str, str]] = field(default_factory=list)
    """Every field of the form in its order; `form` has the last of each name."""
    renewed: Session | None = None

    @property
    def here(self) -> str:
        """This page's path."""
        path: str = self.request.scope["path"]
        return path

    @property
    def back(self) -> str:
        """Where a GET brings this page again; the first page for what was posted."""
        return self.here if self.request.method == "GET" else "/"

    @property
    def words(self) -> Words:
        """The language's words."""
        found = self.site.templates(self.language).globals["words"]
        assert isinstance(found, Words)
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

    async def do(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """What a writing call answers, with the form's own key; Stopped when it is a problem."""
        return expect(await self.ask(method, path, body, key=self.key))

    @property
    def key(self) -> str:
        """The form's Idempotency-Key."""
        sent = self.form.get("_key", "")
        return sent if wire.KEY.fullmatch(sent) else secrets.token_urlsafe(16)

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page."""
        token, fresh = sessions.form_token(self.request, self.site.city.keyring)
        text = (
            self.site.templates(self.language)
            .get_template(template)
            .render(
                page=self,
                form_token=token,
                new_key=lambda: secrets.token_urlsafe(16),
                done=self.query("done"),
                **values,
            )
        )
        response = Response(text, status, media_type="text/html")
        response.headers["content-security-policy"] = POLICY
        response.headers["content-language"] = self.language
        camera = "(self)" if self.door is Door.VENUE else "()"
        response.headers["permissions-policy"] = f"camera={camera}, microphone=(), geolocation=(), browsing-topics=()"
        if fresh is not None:
            sessions.keep_form_cookie(response, self.request, fresh)
        return self._kept(response)

    def go(self, path: str, done: str = "") -> Response:
        """On to another page; `done` names the sentence that it begins with."""
        glue = "&" if "?" in path else "?"
        return self._kept(RedirectResponse(f"{path}{glue}{urlencode({'done': done})}" if done else path, 303))

    def problem(self, reply: Reply) -> Response:
        """A problem as a page of its own."""
        response = self.render("problem.html", reply.status, problem=reply.body or {})
        for name in ("retry-after", "allow"):
            if name in reply.headers:
                response.headers[name] = reply.headers[name]
        return response

    def _kept(self, response: Response) -> Response:
        if self.renewed is not None:
            sessions.write(response, self.request, self.site.city.keyring, self.renewed)
        if self.query("lang") in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE, self.language, max_age=31_536_000, path="/", samesite="lax", httponly=True,
                secure=sessions.is_secure(self.request),
            )  # fmt: skip
        return response


Handler = Callable[[Page], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page: its path, what draws it, whose it is, and how it is asked."""

    path: str
    handle: Handler
    door: Door | None = None
    method: str = "GET"
    fragment: bool = False
    """A part of a page that a script asks for: whoever is not signed in gets 401 instead of another page."""


def expect(reply: Reply) -> Any:
    """The answer's body, or Stopped."""
    if not reply.went_well:
        raise Stopped(reply)
    return reply.body


async def serve(site: Site, leaf: Leaf, request: Request) -> Response:
    """Answer one request for a page, whatever happens."""
    language = _language(request)
    _speak(request, language)
    page = Page(site, request, leaf.door, language)
    try:
        return await _answer(page, leaf)
    except Stopped as stopped:
        if stopped.reply.status == 401 and leaf.door is not None:
            return _sign_in(page, leaf)
        return page.problem(stopped.reply)
    except Exception as error:
        return page.problem(await _reply_to(request, error))


async def _answer(page: Page, leaf: Leaf) -> Response:
    keyring = page.site.city.keyring
    if page.request.method == "POST":
        await _read_form(page)
    if leaf.door is not None:
        page.session = sessions.read(page.request, keyring, leaf.door)
        if page.session is not None and page.session.ends_soon(datetime.now(UTC)):
            page.session = page.renewed = await page.site.providers.renewed(page.session)
        if page.session is None:
            return _sign_in(page, leaf)
    if page.request.method == "POST" and not sessions.form_fits(page.request, keyring, page.form.get("_form", "")):
        return _again(page, 403, "stale")
    return await leaf.handle(page)


async def _read_form(page: Page) -> None:
    raw = await wire.read_body(page.request)
    if wire.media_type(page.request) != "application/x-www-form-urlencoded":
        raise Problem("not_json")
    try:
        page.fields = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Problem("bad_query") from None
    # Browsers send line breaks as CR LF; documents and statements have LF.
    page.fields = [(name, value.replace("\r\n", "\n")) for name, value in page.fields]
    page.form = dict(page.fields)


def _sign_in(page: Page, leaf: Leaf) -> Response:
    """To the sign-in, and back here. What was typed into a form stays in the page that asks to sign in."""
    assert leaf.door is not None
    if leaf.door not in page.site.providers.clients:
        raise Problem("not_found")
    if leaf.fragment:
        return Response(status_code=401)
    if page.request.method == "POST":
        return _again(page, 401, "signed_out")
    query = page.request.scope["query_string"].decode("latin-1")
    then = signin.own_path(page.here + (f"?{query}" if query else ""), leaf.door)
    return page.go(f"/sign-in/{leaf.door}?{urlencode({'next': then})}")


def _again(page: Page, status: int, why: str) -> Response:
    kept = [(name, value) for name, value in page.fields if name != "_form"]
    return page.render("again.html", status, why=why, kept=kept)


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
    return accept_language(request.headers.get("accept-language", ""))


def _speak(request: Request, language: str) -> None:
    """What is told about an error is told in the page's language."""
    others = [(name, value) for name, value in request.scope["headers"] if name != b"accept-language"]
    request.scope["headers"] = [*others, (b"accept-language", language.encode())]
    request.__dict__.pop("_headers", None)


@lru_cache(maxsize=len(ASSETS))
def _asset(name: str) -> tuple[bytes, str]:
    """A shipped file and the first characters of its hash."""
    content = (resources.files("service.web") / "static" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:16]


def asset(name: str) -> str:
    """The address of a shipped file; it changes with the file's content, so that browsers may keep it for ever."""
    return f"/static/{version()}/{name}"


@lru_cache(maxsize=1)
def version() -> str:
    """One hash for all shipped files: a module finds its neighbours beside itself."""
    return hashlib.sha256("".join(_asset(name)[1] for name in ASSETS).encode()).hexdigest()[:16]


async def static(request: Request) -> Response:
    """A shipped file."""
    name = request.path_params["name"]
    if name not in ASSETS:
        raise Problem("not_found")
    fresh = request.path_params["version"] == version()
    cache = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return Response(_asset(name)[0], media_type=ASSETS[name], headers={"cache-control": cache})
