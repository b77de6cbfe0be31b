"""All pages of venues in one table; the first match answers."""

from __future__ import annotations

from service.web.page import PageRoute
from service.web.venue import (
    added_sessions,
    barrier,
    desk,
    wallets,
)

ROUTES: tuple[PageRoute, ...] = (
    *desk.ROUTES,
    *barrier.ROUTES,
    *added_sessions.ROUTES,
    *wallets.ROUTES,
)
