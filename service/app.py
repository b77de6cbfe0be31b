"""`create_app(settings)`: routes, middleware, lifespan. The only module that wires the service together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from consent.database import queries
from service.api.public import handlers as public
from service.api.public.routes import PUBLIC
from service.api.routes import AUDIENCES, OPERATIONS
from service.auth.access_tokens import TokenVerifier
from service.auth.demo_token_issuer import DemoTokenIssuer
from service.compliance import key_fingerprints, replay
from service.http import compression, json_io, problems
from service.http.context import AppContext, Clock
from service.http.endpoints import audience_routes, hot_routes, public_routes
from service.http.middleware import RequestMiddleware
from service.http.rate_limits import Limiter, make_limiter
from service.jobs.background import cleanup_loop, sequencer_loop
from service.jobs.measuring import measure_loop
from service.observability.logging import keep_counting_left_out
from service.settings import Settings
from service.storage import database, write_ahead_log, write_probe
from service.version import VERSION
from service.web import routes as site
from service.web.api_client import InProcessApiClient

if TYPE_CHECKING:
    from service.observability.telemetry import Telemetry
    from service.sandbox.sandbox import Sandbox


Wrap = Callable[[ASGIApp], ASGIApp]
"""Puts a middleware around an application."""


class Application(Starlette):
    """Starlette with RequestMiddleware alone around its router, and in the sandbox one more.

    Starlette 1.10 adds a layer inside of the middleware and one outside, both for errors, which RequestMiddleware
    answers: they took 3 % of the processor time of a read.
    """

    def build_middleware_stack(self) -> ASGIApp:
        """Return the router in its one layer; Starlette calls it at the first request."""
        inside: ASGIApp = self.router
        for middleware in self.state.middleware:
            inside = middleware(inside)
        return RequestMiddleware(inside, self.state.app_context)


def create_app(
    settings: Settings,
    verifier: TokenVerifier,
    *,
    clock: Clock = queries.now,
    limiter: Limiter | None = None,
    issuer: DemoTokenIssuer | None = None,
    sandbox: Sandbox | None = None,
) -> Starlette:
    """Return the whole service as one ASGI application, whose lifespan opens and closes the database.

    `issuer` is the demonstration's token issuer, where people choose a person to sign in as. `sandbox` adds its calls
    and its clock; ValueError outside of the demonstration.
    """
    if sandbox is not None and not settings.demo:
        raise ValueError("only the demonstration has a sandbox")
    telemetry = _telemetry(settings)
    limiter = limiter or make_limiter(settings.redis_url)
    time = clock if sandbox is None else sandbox.clock
    app_context = AppContext(settings, verifier, limiter, time, telemetry=telemetry)
    sandbox_routes, middleware = _sandbox_parts(sandbox, app_context)
    calls = api_routes(app_context)
    # Pages send the API the requests that any client sends, without the network.
    api_client = InProcessApiClient(Starlette(routes=calls, exception_handlers=problems.handlers()))
    routes = [
        *calls,
        *compression.compress_routes(
            [
                *site.routes(app_context, api_client, issuer),
                Route("/openapi.json", _document, name="openapi"),
                Route("/docs", _page("docs.html"), name="docs"),
                Route("/docs.css", _page("docs.css")),
                Route("/docs.js", _page("docs.js")),
            ]
        ),
        *sandbox_routes,
    ]
    app = Application(routes=routes, lifespan=_lifespan(app_context))
    app.state.middleware = middleware
    app.router.redirect_slashes = False
    app.router.default = site.fallback(app_context)
    app.state.app_context = app_context
    return app


def _lifespan(app_context: AppContext) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return the context in which the application serves: the database is open and the background loops run."""

    async def prepare() -> None:
        await database.require_migrations()
        await key_fingerprints.require_known(app_context.settings)
        await replay.catch_up_with_tombstones(app_context)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        monitor = await database.open_for_requests(app_context.settings.database_url, prepare)
        await app_context.verifier.start()
        background: list[Coroutine[Any, Any, None]] = [
            cleanup_loop(app_context),
            sequencer_loop(app_context),
            app_context.limiter.keep_sharing(),
            measure_loop(app_context),
            write_probe.keep_probing(),
            keep_counting_left_out(),
            write_ahead_log.keep_empty(app_context.erased),
        ]
        if app_context.telemetry is not None:
            background.append(app_context.telemetry.keep_sending())
        tasks = [monitor, *(asyncio.create_task(loop) for loop in background)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if app_context.telemetry is not None:
                await app_context.telemetry.stop()
            await app_context.verifier.stop()
            await app_context.limiter.close()
            await database.close_database()
            app_context.tombstones.close()

    return lifespan


def _sandbox_parts(sandbox: Sandbox | None, app_context: AppContext) -> tuple[list[BaseRoute], list[Wrap]]:
    """Return the routes and the middleware of the sandbox; none without one."""
    if sandbox is None:
        return [], []
    # Imported here: no city needs it.
    from service.sandbox import answers, routes

    return routes.routes(sandbox, app_context), [partial(answers.SandboxMiddleware, sandbox=sandbox)]


def _telemetry(settings: Settings) -> Telemetry | None:
    if settings.telemetry is None:
        return None
    # Imported here: it needs the packages of an extra.
    from service.observability.telemetry import Telemetry

    return Telemetry(settings.telemetry.endpoint, settings.telemetry.ratio, VERSION)


def api_routes(app_context: AppContext) -> list[BaseRoute]:
    """Return the routes of the API: the hot ones, then a guarded Mount for each audience, then the public ones."""
    return [
        *(
            route
            for (audience, _), endpoints in AUDIENCES.items()
            for route in hot_routes(audience, endpoints, app_context)
        ),
        *hot_routes(None, PUBLIC, app_context),
        *(
            route
            for (audience, prefix), endpoints in AUDIENCES.items()
            for route in audience_routes(audience, prefix, endpoints, app_context)
        ),
        *public_routes(PUBLIC, app_context),
    ]


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the OpenAPI document, made at its first request: making it is a tenth of a process's start."""
    # Imported here: no process needs the writer and its schemas before somebody reads the document.
    from service.api import openapi_texts
    from service.http.openapi import document as openapi

    return openapi.build(OPERATIONS, openapi_texts.DOCUMENTS, VERSION, openapi_texts.load())


async def _document(_: Request) -> Response:
    return json_io.respond(await asyncio.to_thread(document))


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        return public.documentation_file(name)

    return serve
