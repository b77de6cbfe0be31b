"""Static files of the pages, served from the package under addresses that change with their content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from service.http.problems import Problem

FILES = {
    "style.css": "text/css",
    "staff.css": "text/css",
    "design.css": "text/css",
    "page.js": "text/javascript",
    "ticket.js": "text/javascript",
    "desk.js": "text/javascript",
    "kiosk.js": "text/javascript",
    "barrier.js": "text/javascript",
    "nearest.js": "text/javascript",
    "wallet.js": "text/javascript",
    "passes.js": "text/javascript",
    "pass_code.js": "text/javascript",
    "pass_store.js": "text/javascript",
    "verify.js": "text/javascript",
    "receipt.js": "text/javascript",
    "tlog.js": "text/javascript",
    "editor.js": "text/javascript",
    "exchange.js": "text/javascript",
    "qr/decode.js": "text/javascript",
    "qr/index.js": "text/javascript",
    "mark.svg": "image/svg+xml",
}
"""The files that are served, with their media types; any other name is answered 404."""


@lru_cache(maxsize=len(FILES))
def _read(name: str) -> tuple[bytes, str]:
    """Return a file's content and the first 16 hex digits of its SHA-256."""
    content = (resources.files("service.web") / "static" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:16]


def address(name: str) -> str:
    """Return a file's path. It contains the version, so that browsers may cache the file for a year."""
    return f"/static/{version()}/{name}"


@lru_cache(maxsize=1)
def version() -> str:
    """Return one hash over all files: a JavaScript module imports its neighbours by relative paths."""
    return hashlib.sha256("".join(_read(name)[1] for name in FILES).encode()).hexdigest()[:16]


async def static(request: Request) -> Response:
    """Serve a file: cached for a year under the present version, revalidated under any other."""
    name = request.path_params["name"]
    if name not in FILES:
        raise Problem("not_found")
    current = request.path_params["version"] == version()
    cache = "public, max-age=31536000, immutable" if current else "no-cache"
    return Response(_read(name)[0], media_type=FILES[name], headers={"cache-control": cache})
