"""All pages in one table, joined from the `routes` of each audience, and the Starlette routes made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.auth.demo_token_issuer import DemoTokenIssuer
from service.http.context import AppContext
from service.web import assets, dispatch
from service.web.admin import routes as admin_routes
from service.web.api_client import InProcessApiClient
from service.web.auth.demo_identity_provider import CLIENTS, DemoIdentityProvider
from service.web.auth.oidc import IdentityProviders
from service.web.auth.sign_in_sessions import PATHS
from service.web.officer import routes as officer_routes
from service.web.page import PageRoute, Site
from service.web.public import design, sign_in
from service.web.public import pages as public_pages
from service.web.public import routes as public_routes
from service.web.resident import routes as resident_routes
from service.web.venue import barrier
from service.web.venue import routes as venue_routes

ROUTES: tuple[PageRoute, ...] = (
    *public_routes.ROUTES,
    *resident_routes.ROUTES,
    *venue_routes.ROUTES,
    *admin_routes.ROUTES,
    *officer_routes.ROUTES,
)
"""Every page. The first match answers, so a fixed path stands before a path with a parameter in its place."""
DEMO = (*sign_in.DEMO, *design.ROUTES, *barrier.ROUTES)
"""Pages that only the demonstration has."""


def routes(app_context: AppContext, api_client: InProcessApiClient, issuer: DemoTokenIssuer | None) -> list[BaseRoute]:
    """Return the routes of the pages and their files.

    Args:
        app_context: the process's settings, keys and verifiers.
        api_client: calls the API's routes in this process.
        issuer: the demonstration's token issuer; None in production, where the demonstration's sign-in has no route.
    """
    demo = None if issuer is None else DemoIdentityProvider(app_context, issuer)
    clients = dict(app_context.settings.pages) if demo is None else dict(CLIENTS)
    transport = None if demo is None else httpx2.ASGITransport(app=demo.app())
    site = Site(app_context, api_client, IdentityProviders(app_context, clients, transport), demo)
    page_routes: list[BaseRoute] = [
        Route("/static/{version}/{name:path}", assets.static, name="static"),
        *(
            Route(route.path, _endpoint(site, route), methods=[route.method], name=f"page:{route.path}")
            for route in ROUTES
            if demo is not None or route not in DEMO
        ),
    ]
    # A path that only takes forms is opened by a bookmark or by going back: redirect to the audience's first page.
    readable = {route.path for route in ROUTES if route.method == "GET"}
    post_only = {
        route.path: PATHS[route.audience]
        for route in ROUTES
        if route.audience is not None and route.path not in readable
    }
    page_routes += [
        Route(path, _redirect_to(first_page), methods=["GET"], name="page:first")
        for path, first_page in post_only.items()
    ]
    if demo is not None:
        page_routes.append(Route("/demo-sign-in/token", demo.token, methods=["POST"], name="demo-token"))
    return page_routes


def fallback(app_context: AppContext) -> ASGIApp:
    """Return the application that answers paths without a route, with any method."""
    site = Site(app_context, InProcessApiClient(_no_api), IdentityProviders(app_context, {}), None)

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        await (await dispatch.answer(site, public_pages.FALLBACK, request))(scope, receive, send)

    return run


def _redirect_to(path: str) -> Callable[[Request], Awaitable[Response]]:
    async def run(_: Request) -> Response:
        return RedirectResponse(path, 303)

    return run


async def _no_api(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise RuntimeError("the page for unknown paths calls no API")


def _endpoint(site: Site, route: PageRoute) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        return await dispatch.answer(site, route, request)

    return run
