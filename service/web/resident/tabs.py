"""The place of each page of residents under one of the five tabs: for the tab bar and the arrow back. Pure."""

from __future__ import annotations

TABS = ("/me", "/me/benefits", "/me/show", "/me/consents", "/me/mine")
"""The pages of the tab bar, in its order. Each has the name of the service at its top, every other page an arrow."""
PARENTS = {
    "/me/what-if": "/me",
    "/me/records": "/me",
    "/me/passes": "/me/show",
    "/me/accesses": "/me/mine",
    "/me/messages": "/me/mine",
    "/me/objections": "/me/mine",
    "/me/complaints": "/me/mine",
    "/me/bindings": "/me/mine",
    "/me/slips": "/me/mine",
    "/me/bookings": "/me/mine",
    "/me/leave": "/me/mine",
}
"""The page above each page whose path does not say it. Any other page is under the page whose path it continues."""


def parent(path: str) -> str:
    """Return the page to which the arrow leads; "" for a tab, and for a page of others."""
    if path in TABS or not path.startswith("/me/"):
        return ""
    if path in PARENTS:
        return PARENTS[path]
    above = path.rpartition("/")[0]
    return above if above in TABS or above in PARENTS else parent(above)


def tab(path: str) -> str:
    """Return the tab that a page belongs to."""
    above = parent(path)
    return tab(above) if above else path
