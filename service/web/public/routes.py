"""All pages that everybody can open in one table, sign-in included; the first match answers."""

from __future__ import annotations

from service.web.page import PageRoute
from service.web.public import (
    design,
    installing,
    pages,
    sign_in,
)
from service.web.public import help as help_pages

ROUTES: tuple[PageRoute, ...] = (
    *pages.ROUTES,
    *help_pages.ROUTES,
    *installing.ROUTES,
    *sign_in.ROUTES,
    *design.ROUTES,
)
