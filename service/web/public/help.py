"""Help, privacy and accessibility as pages that everybody may read."""

from __future__ import annotations

from starlette.responses import Response

from service.web.page import Page, PageRoute


async def questions(page: Page) -> Response:
    """Answer the questions that residents ask most."""
    return page.render("public/help.html")


async def privacy(page: Page) -> Response:
    """Say what is stored, who learns what, and how long it stays."""
    return page.render("public/privacy.html")


async def accessibility(page: Page) -> Response:
    """Say how the pages can be used, and the ways without them."""
    return page.render("public/accessibility.html")


ROUTES = (
    PageRoute("/help", questions),
    PageRoute("/privacy", privacy),
    PageRoute("/accessibility", accessibility),
)
