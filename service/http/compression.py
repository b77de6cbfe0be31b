"""Compression of answers by gzip, where their length can tell nobody a secret.

The length of a compressed answer tells whether a text chosen by somebody else repeats one that is in it (BREACH). An
answer with a secret, such as a page with a form token or a link code, is therefore compressed only if nothing in it
comes from the request's address or body: a GET without a query. Staff pages have a form token and texts of residents,
so they are sent as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

BYTES_MIN = 1_024
"""A shorter answer fits into one packet anyway."""
LEVEL = 6
"""A higher level takes twice the time and makes pages smaller by one part in a hundred."""
WITHOUT_SECRETS = ("/static/", "/openapi.json", "/docs")
"""Prefixes of the paths whose answers are the same for everybody."""
STAFF_PAGES = ("/admin", "/officer", "/venue")
"""Prefixes of the pages with texts of residents and others."""


class CompressionMiddleware:
    """Compress a route's answers where `may_be_compressed` allows it and the client accepts gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @cached_property
    def gzip(self) -> GZipMiddleware:
        """Starlette's compression, made at the route's first answer: there are two hundred routes."""
        return GZipMiddleware(self.app, minimum_size=BYTES_MIN, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        compress = scope["type"] == "http" and may_be_compressed(
            scope["method"], scope["path"], bool(scope["query_string"])
        )
        await (self.gzip if compress else self.app)(scope, receive, send)


def may_be_compressed(method: str, path: str, has_query: bool) -> bool:
    """Report whether the answer has no secret, or no text that somebody else could choose."""
    if method not in ("GET", "HEAD") or path.startswith(STAFF_PAGES):
        return False
    return path.startswith(WITHOUT_SECRETS) or not has_query


def compress_routes(routes: Sequence[BaseRoute]) -> Sequence[BaseRoute]:
    """Put CompressionMiddleware around each of these routes, of pages and files; return the same routes, changed.

    Calls of the API are not among them: an answer to a venue has one length (R6), which compression would change. A
    proxy may compress the public ones.
    """
    for route in routes:
        if isinstance(route, Route):
            route.app = CompressionMiddleware(route.app)
    return routes
