"""Coming in and going out: the way to the identity provider, back, and the demonstration's own choice of a role."""

from __future__ import annotations

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.http.problems import Problem
from service.web.auth import demo_provider, oidc, sessions
from service.web.page import Page, PageRoute


async def begin(page: Page) -> Response:
    """To the identity provider of a door."""
    try:
        door = Audience(page.request.path_params["door"])
    except ValueError:
        raise Problem("not_found") from None
    if door not in page.site.providers.clients:
        raise Problem("not_found")
    return page.site.providers.begin(page.request, door, oidc.own_path(page.query("next"), door))


async def come_back(page: Page) -> Response:
    """From the identity provider, with a code."""
    return await page.site.providers.finish(page.request)


async def leave(page: Page) -> Response:
    """Sign out of a door, whatever became of the session; the city's own is ended there, by whoever wants that too."""
    assert page.door is not None
    client = page.site.providers.clients.get(page.door)
    if client is None:
        raise Problem("not_found")
    if page.session is not None:
        await page.site.providers.end(page.session)
    response = page.render("signed_out.html", sign_out_url=client.sign_out_url)
    sessions.end(response, page.request, page.door)
    return response


async def choose(page: Page) -> Response:
    """Who are you? Only in the demonstration."""
    assert page.site.demo is not None
    door, _query = page.site.demo.asked(page.request)
    return page.render("public/demo_sign_in.html", door=door, people=demo_provider.people()[door])


async def chosen(page: Page) -> Response:
    """Back with a code for whoever was picked."""
    assert page.site.demo is not None
    return page.site.demo.picked(page.request, page.form.get("typed") or page.form.get("subject", ""))


DEMO = (
    PageRoute(demo_provider.AUTHORIZE, choose),
    PageRoute(demo_provider.AUTHORIZE, chosen, method="POST"),
)
ROUTES = (
    PageRoute("/sign-in/return", come_back),
    PageRoute("/sign-in/{door}", begin),
    *(PageRoute(f"{path}/sign-out", leave, door, "POST", ends=True) for door, path in sessions.PATHS.items()),
    *DEMO,
)
