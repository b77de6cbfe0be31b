"""All pages of privacy officers in one table; the first match answers."""

from __future__ import annotations

from service.web.officer import (
    attempts,
    cases,
    complaints,
    dashboard,
    decisions,
    objections,
    source_sync,
    trends,
)
from service.web.page import PageRoute

ROUTES: tuple[PageRoute, ...] = (
    *dashboard.ROUTES,
    *objections.ROUTES,
    *decisions.ROUTES,
    *cases.ROUTES,
    *complaints.ROUTES,
    *attempts.ROUTES,
    *source_sync.ROUTES,
    *trends.ROUTES,
)
