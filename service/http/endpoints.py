"""Endpoints: a guarded Mount for each audience, and the runner of every request.

The guard verifies the token before any path inside is matched. An endpoint is an operation of the OpenAPI document and
a handler; a write is one transaction with its stored answer, whose clock is read after it has begun. Refusals that an
officer must see are recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from benefits.redemption.decision import CivilTime
from benefits.statistics.weeks import Week, week_at
from consent.database import queries, retries
from consent.documents.schema import is_document_id
from consent.domain.document_kinds import DocumentKind
from consent.events import ledger
from consent.kernel.ascii_text import is_printable_ascii
from consent.kernel.errors import DomainError
from consent.oversight import staff
from service.auth.access_tokens import (
    Administrator,
    Audience,
    IdentityError,
    Principal,
    PrivacyOfficer,
    Resident,
    WrongRole,
)
from service.http import bodies, json_io, query_names, token_refusals
from service.http.accept import language_of
from service.http.api_route import ApiRoute, allowed_methods
from service.http.context import AppContext
from service.http.created import located
from service.http.openapi.operation import Operation
from service.http.problems import SUSPENDED_STAFF, Problem, problem_response
from service.http.stored_answers import replayed
from service.storage import idempotency
from service.storage.idempotency import IdempotencyKey

Key = Literal["required", "optional", "none"]
RECORDED = frozenset(
    {
        "ticket_of_another",
        "four_eyes",
        "other_division",
        "prohibited",
        "changed",
        "wrong_role",
        "account_linked_elsewhere",
    }
)
"""Codes of refusals that an officer must be able to see (R13)."""


class RequestContext(NamedTuple):
    """A request whose sender is admitted. A named tuple, since every request makes one.

    `now` is the database's clock as the city's time; None for an endpoint with `own_clock`, whose handler reads it.
    """

    request: Request
    app_context: AppContext
    principal: Principal | None
    idempotency_key: IdempotencyKey | None = None
    now: CivilTime | None = None

    @property
    def civil_time(self) -> CivilTime:
        """The city's time at which the request is answered."""
        assert self.now is not None
        return self.now

    @property
    def at(self) -> datetime:
        """The instant at which the request is answered, by the database's clock."""
        return self.civil_time.at

    @property
    def today(self) -> date:
        """The city's civil day."""
        return self.civil_time.today

    @property
    def week(self) -> Week:
        """The city's civil week, by which numbers about people are released."""
        return week_at(self.at, self.app_context.settings.city_zone)

    @property
    def language(self) -> str:
        """The language of texts that people read."""
        return language_of(self.request)

    @property
    def subject(self) -> str:
        """The resident's `sub`; only for the resident's audience."""
        assert isinstance(self.principal, Resident)
        return self.principal.subject


class Answer(NamedTuple):
    """The result of a handler: a JSON body, a status, further headers."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})


Handler = Callable[[RequestContext, Any], Awaitable[Answer | Response]]
Parse = Callable[[Request, bytes], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation, its handler, and how it is run: `writes` in one transaction, `key` with a stored answer."""

    operation: Operation
    handle: Handler
    writes: bool = False
    key: Key = "none"
    raw: bool = False
    """The handler reads the body itself and opens its own transactions (streams)."""
    parse: Parse | None = None
    """Turns the bytes of the body into what the handler gets, where they are not the JSON of the operation's model."""
    own_clock: bool = False
    """The handler reads the database's clock with its own query and commits its own writes: no query comes before it
    and no transaction is around it."""
    hot: bool = False
    """One of the few endpoints with most of the traffic: its route is also placed before all others, outside of the
    audience's Mount, because matching a Mount and its router costs a tenth of such a request."""


def audience_routes(
    audience: Audience, prefix: str, endpoints: Sequence[Endpoint], app_context: AppContext
) -> list[BaseRoute]:
    """Return an audience's guarded Mount at `prefix`, and a route for `prefix` itself, which a Mount does not match."""
    guard = [Middleware(Guard, audience=audience, app_context=app_context)]
    inside = [endpoint for endpoint in endpoints if endpoint.operation.path != prefix]
    top = [endpoint for endpoint in endpoints if endpoint.operation.path == prefix]
    routes = _routes(inside, app_context, prefix, audience)
    return [
        *_routes(top, app_context, "", audience, guard),
        Mount(prefix, app=Router(routes, redirect_slashes=False), middleware=guard, name=audience.value),
    ]


def public_routes(endpoints: Sequence[Endpoint], app_context: AppContext) -> list[BaseRoute]:
    """Return the routes that need no token."""
    return _routes(endpoints, app_context, "", None)


def hot_routes(audience: Audience | None, endpoints: Sequence[Endpoint], app_context: AppContext) -> list[BaseRoute]:
    """Return routes of an audience's `hot` endpoints (None: public) by their whole path, behind the same guard."""
    guard = [] if audience is None else [Middleware(Guard, audience=audience, app_context=app_context)]
    return _routes([endpoint for endpoint in endpoints if endpoint.hot], app_context, "", audience, guard)


class Guard:
    """Middleware of an audience: requests without a valid token of this audience get 401 or 403 before any routing."""

    def __init__(self, app: ASGIApp, audience: Audience, app_context: AppContext) -> None:
        self.app, self.audience, self.app_context = app, audience, app_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("an audience is reached by HTTP only")
        await admit(self.app_context, self.audience, scope)
        await self.app(scope, receive, send)


async def admit(app_context: AppContext, audience: Audience, scope: Scope) -> None:
    """Verify the token, count the request against its rate, and store the principal in the scope.

    Raises:
        Problem: the token is missing, invalid or of another role (which is recorded), or the rate is used up.
    """
    try:
        principal = app_context.verifier.verify(audience, bearer(scope), datetime.now(UTC))
    except WrongRole as wrong:
        token_refusals.note(audience, wrong, scope)
        wait = await app_context.limiter.hit("refused", wrong.who)
        if wait is not None:
            raise Problem("rate_limited", headers={"Retry-After": str(wait)}) from None
        await record_refusal(app_context, audience, wrong.actor, "wrong_role", "door")
        raise Problem("wrong_role") from None
    except IdentityError as error:
        token_refusals.note(audience, error, scope)
        raise Problem(error.code) from None
    limiter, caller, state = app_context.limiter, principal_key(principal), scope.setdefault("state", {})
    wait = limiter.count(audience, caller)
    state["rate_limit"] = audience, limiter.left(audience, caller)
    if wait is not None:
        raise Problem("rate_limited", headers={"Retry-After": str(wait)})
    state["principal"] = principal


def bearer(scope: Scope) -> str | None:
    """Return the token of the Authorization header; None without one, and for two such headers."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        return None
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def actor_of(principal: Principal | None) -> str:
    """Return the client or staff id, which may be logged; empty for a resident."""
    if isinstance(principal, (Administrator, PrivacyOfficer)):
        return principal.staff_id
    return "" if principal is None or isinstance(principal, Resident) else principal.client_id


def principal_of(request: Request) -> Principal | None:
    """Return the principal that `admit` has stored; None for public endpoints."""
    principal: Principal | None = request.scope.get("state", {}).get("principal")
    return principal


def principal_key(principal: Principal) -> str:
    """Return the key of rate limits and stored answers; never stored or logged in clear."""
    return principal.subject if isinstance(principal, Resident) else actor_of(principal)


async def record_refusal(app_context: AppContext, audience: Audience | None, actor: str, code: str, what: str) -> None:
    """Record a refused attempt, in a transaction of its own, after that of the attempt was rolled back."""
    async with queries.transaction():
        await ledger.record_refused_attempt(
            audience.value if audience else "public", actor, code, what[:200], await app_context.clock()
        )


class Runner:
    """ASGI application of an endpoint: answers an admitted request, and records refusals of RECORDED.

    An application and no function, because Starlette would handle the errors of a function at its route too; they are
    handled once, by the application's ExceptionMiddleware.
    """

    def __init__(self, endpoint: Endpoint, app_context: AppContext, audience: Audience | None) -> None:
        self.endpoint, self.app_context, self.audience = endpoint, app_context, audience
        deprecated = endpoint.operation.deprecated
        self.deprecation = deprecated.headers() if deprecated else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            query_names.require_known_once(request, self.endpoint.operation)
            response = await _run(self.endpoint, self.app_context, self.audience, request)
        except DomainError as error:
            if error.code in RECORDED and not error.is_mistake:
                actor = actor_of(principal_of(request))
                document = document_of(self.audience, request.path_params)
                what = " ".join((self.endpoint.operation.operation_id, *document))
                await record_refusal(self.app_context, self.audience, actor, error.code, what)
            raise
        if self.deprecation:
            response.raw_headers.extend(self.deprecation)
        await response(scope, receive, send)


def document_of(audience: Audience | None, parts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the catalogue document, `kind/id`, named by the path parameters of a staff endpoint; else nothing.

    Parameters of other paths may identify a person and are never recorded.
    """
    kind, document_id = parts.get("kind", ""), parts.get("id", "")
    if audience is Audience.PRIVACY:
        kind, _, rest = parts.get("review_id", "").partition(".")
        document_id = rest.rpartition(".")[0]
    elif audience is not Audience.ADMINISTRATOR:
        return ()
    named = kind in list(DocumentKind) and is_document_id(DocumentKind(kind), document_id)
    return (f"{kind}/{document_id}",) if named else ()


def _routes(
    endpoints: Sequence[Endpoint],
    app_context: AppContext,
    prefix: str,
    audience: Audience | None,
    guard: Sequence[Middleware] = (),
) -> list[BaseRoute]:
    allow = allowed_methods(endpoint.operation for endpoint in endpoints)
    return [
        ApiRoute(
            endpoint.operation.path.removeprefix(prefix),
            Runner(endpoint, app_context, audience),
            endpoint.operation,
            allow[endpoint.operation.path],
            middleware=guard,
        )
        for endpoint in endpoints
    ]


async def _run(endpoint: Endpoint, app_context: AppContext, audience: Audience | None, request: Request) -> Response:
    for value in request.path_params.values():
        if not is_printable_ascii(value):
            raise Problem("not_found")
    raw, body = await _read(endpoint, request)
    principal = principal_of(request)
    key = None
    if endpoint.key == "required" or (endpoint.key == "optional" and "idempotency-key" in request.headers):
        key = _idempotency_key(app_context, audience, principal, request, raw)
    context = RequestContext(request, app_context, principal, key)
    if endpoint.own_clock and key is None and request.method != "GET":
        # The handler commits several writes by itself, and no stored answer tells which of them it has committed.
        return await _attempt(endpoint, context, body)
    # A stored answer tells the next try if this one has committed; the try waits for one that still commits. A read
    # commits nothing but the uses of records that it made, each of which took place.
    certain = key is not None or request.method == "GET"
    return await retries.repeat(lambda: _attempt(endpoint, context, body), also_uncertain=certain)


async def _attempt(endpoint: Endpoint, context: RequestContext, body: Any) -> Response:
    if endpoint.own_clock:
        return located(endpoint.operation, context.request, _response(await endpoint.handle(context, body)))
    if not endpoint.writes:
        return _response(await endpoint.handle(await _at_present(context), body))
    return await _write(endpoint, context, body)


async def _read(endpoint: Endpoint, request: Request) -> tuple[bytes, Any]:
    """Return the bytes of the body and what the handler gets; (b"", None) where the handler reads the body itself."""
    if endpoint.raw or request.method in ("GET", "HEAD"):
        return b"", None
    raw, model = await bodies.read_body(request), endpoint.operation.request
    if endpoint.parse is not None:
        return raw, await endpoint.parse(request, raw)
    if model is None or (not raw and issubclass(model, json_io.OptionalBody)):
        return raw, None
    return raw, json_io.parse_json(request, raw, model)


async def _write(endpoint: Endpoint, context: RequestContext, body: Any) -> Response:
    late: DomainError | None = None
    keyring, key = context.app_context.keyring, context.idempotency_key
    async with context.app_context.tombstones.transaction():
        context = await _at_present(context)
        if key is not None:
            stored = await idempotency.claim(keyring, key, context.at)
            if stored is not None:
                answered = replayed(context.request.scope, stored, key.fingerprint)
                return located(endpoint.operation, context.request, answered)
        try:
            answer = await endpoint.handle(context, body)
        except DomainError as error:
            if not error.keeps_writes:
                raise
            late, response = error, problem_response(context.request, Problem(error.code, members=error.members()))
        else:
            response = located(endpoint.operation, context.request, _response(answer))
        if key is not None:
            await idempotency.store_answer(keyring, key, response.status_code, bytes(response.body))
    if late is not None:
        raise late
    return response


def _idempotency_key(
    app_context: AppContext, audience: Audience | None, principal: Principal | None, request: Request, raw: bytes
) -> IdempotencyKey:
    key, keyring = json_io.idempotency_key(request), app_context.keyring
    caller = (audience or "public", principal_key(principal) if principal else "")
    return idempotency.key_of(keyring, caller, request.scope["path"], key, json_io.fingerprint(raw))


async def _at_present(context: RequestContext) -> RequestContext:
    """Return the context with the time of the database's clock; Problem `suspended` for suspended staff."""
    app_context, principal = context.app_context, context.principal
    now = app_context.civil_time_at(await app_context.clock())
    if isinstance(principal, (Administrator, PrivacyOfficer)) and await staff.is_suspended(principal.staff_id):
        raise Problem("suspended", text=SUSPENDED_STAFF)
    return context._replace(now=now)


def _response(answer: Answer | Response) -> Response:
    if isinstance(answer, Response):
        return answer
    return json_io.respond(answer.body, answer.status, answer.headers)
