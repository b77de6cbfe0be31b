"""All pages of administrators in one table; the first match answers."""

from __future__ import annotations

from service.web.admin import (
    activity,
    document,
    editor,
    exchange,
    lists,
    overview,
    package_list,
    packages,
    partner,
    usage,
)
from service.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (
    *overview.ROUTES,
    *activity.ROUTES,
    *usage.ROUTES,
    *package_list.ROUTES,
    *packages.ROUTES,
    *partner.ROUTES,
    *exchange.ROUTES,
    *lists.ROUTES,
    *editor.ROUTES,
    *document.ROUTES,
)
