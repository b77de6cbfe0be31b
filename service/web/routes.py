"""All pages in one table, and the routes they become."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.auth.demo_issuer import DemoIssuer
from service.http.context import AppContext
from service.web import assets, page
from service.web.admin import overview
from service.web.api_client import InProcessApiClient
from service.web.auth.demo_provider import CLIENTS, DemoProvider
from service.web.auth.oidc import Providers
from service.web.auth.sessions import PATHS
from service.web.officer import dashboard
from service.web.page import PageRoute, Site
from service.web.public import pages as open_pages
from service.web.public import sign_in
from service.web.resident import points
from service.web.venue import desk

ROUTES: tuple[PageRoute, ...] = (
    *open_pages.ROUTES,
    *sign_in.ROUTES,
    *points.ROUTES,
    *desk.ROUTES,
    *overview.ROUTES,
    *dashboard.ROUTES,
)


def routes(app_context: AppContext, inside: InProcessApiClient, issuer: DemoIssuer | None) -> list[BaseRoute]:
    """The pages; `issuer` is the demonstration's, with which people pick who they are."""
    demo = None if issuer is None else DemoProvider(app_context, issuer)
    clients = dict(app_context.settings.pages) if demo is None else dict(CLIENTS)
    transport = None if demo is None else httpx2.ASGITransport(app=demo.app())
    site = Site(app_context, inside, Providers(app_context, clients, transport), demo)
    found: list[BaseRoute] = [
        Route("/static/{version}/{name:path}", assets.static, name="static"),
        *(
            Route(leaf.path, _endpoint(site, leaf), methods=[leaf.method], name=f"page:{leaf.path}")
            for leaf in ROUTES
            if demo is not None or leaf not in sign_in.DEMO
        ),
    ]
    # Whoever comes to what can only be sent, by going back or a kept address, comes to the first page of its room.
    read = {leaf.path for leaf in ROUTES if leaf.method == "GET"}
    sent = {leaf.path: PATHS[leaf.door] for leaf in ROUTES if leaf.door is not None and leaf.path not in read}
    found += [Route(path, _first_page(first), methods=["GET"], name="page:first") for path, first in sent.items()]
    if demo is not None:
        found.append(Route("/demo-sign-in/token", demo.token, methods=["POST"], name="demo-token"))
    return found


def last(app_context: AppContext) -> ASGIApp:
    """What answers where no route does, by any method."""
    site = Site(app_context, InProcessApiClient(_nothing), Providers(app_context, {}), None)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        await (await page.serve(site, open_pages.LAST, request))(scope, receive, send)

    return answer


def _first_page(path: str) -> Callable[[Request], Awaitable[Response]]:
    async def run(_: Request) -> Response:
        return RedirectResponse(path, 303)

    return run


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise RuntimeError("a page that is not there asks nobody")


def _endpoint(site: Site, leaf: PageRoute) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        return await page.serve(site, leaf, request)

    return run
