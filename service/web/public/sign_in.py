"""Signing in and out: the redirect to the identity provider, the way back, and the demonstration's list of people."""

from __future__ import annotations

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.http.problems import Problem
from service.web.auth import demo_identity_provider, oidc, sign_in_sessions
from service.web.page import Page, PageRoute


async def start_sign_in(page: Page) -> Response:
    """Redirect to the identity provider of the audience in the path; 404 where none is configured."""
    try:
        audience = Audience(page.request.path_params["door"])
    except ValueError:
        raise Problem("not_found") from None
    if audience not in page.site.identity_providers.clients:
        raise Problem("not_found")
    return_path = oidc.safe_return_path(page.query("next"), audience)
    return page.site.identity_providers.start(page.request, audience, return_path)


async def finish_sign_in(page: Page) -> Response:
    """Take the identity provider's code, set the session and redirect to the page that asked for it."""
    return await page.site.identity_providers.finish(page.request)


async def sign_out(page: Page) -> Response:
    """Delete the session, expired or not, and offer a link that ends the city's own session too."""
    assert page.audience is not None
    client = page.site.identity_providers.clients.get(page.audience)
    if client is None:
        raise Problem("not_found")
    if page.sign_in_session is not None:
        await page.site.identity_providers.end_session(page.sign_in_session)
    response = page.render("signed_out.html", sign_out_url=client.sign_out_url)
    sign_in_sessions.delete(response, page.request, page.audience)
    return response


async def demo_sign_in_form(page: Page) -> Response:
    """Show the demonstration's list of people for one audience."""
    assert page.site.demo is not None
    audience, _query = page.site.demo.parse_authorization_request(page.request)
    subjects = demo_identity_provider.demo_subjects()[audience]
    return page.render("public/demo_sign_in.html", audience=audience, subjects=subjects)


async def demo_sign_in(page: Page) -> Response:
    """Redirect back with a code for the chosen or typed subject."""
    assert page.site.demo is not None
    subject = page.form.get("typed") or page.form.get("subject", "")
    return page.site.demo.redirect_with_code(page.request, subject)


DEMO = (
    PageRoute(demo_identity_provider.AUTHORIZE, demo_sign_in_form),
    PageRoute(demo_identity_provider.AUTHORIZE, demo_sign_in, method="POST"),
)
"""The sign-in that only the demonstration has."""
ROUTES = (
    PageRoute("/sign-in/return", finish_sign_in),
    PageRoute("/sign-in/{door}", start_sign_in),
    *(
        PageRoute(f"{path}/sign-out", sign_out, audience, "POST", ends_session=True)
        for audience, path in sign_in_sessions.PATHS.items()
    ),
    *DEMO,
)
