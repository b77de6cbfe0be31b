"""The files that pages load, all shipped with the package, under addresses that change with their content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from service.http.problems import Problem

FILES = {
    "style.css": "text/css",
    "page.js": "text/javascript",
    "desk.js": "text/javascript",
    "editor.js": "text/javascript",
    "qr/decode.js": "text/javascript",
    "qr/index.js": "text/javascript",
    "mark.svg": "image/svg+xml",
}


@lru_cache(maxsize=len(FILES))
def _asset(name: str) -> tuple[bytes, str]:
    """A shipped file and the first characters of its hash."""
    content = (resources.files("service.web") / "static" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:16]


def address(name: str) -> str:
    """Where a browser finds a shipped file; it changes with the content, so that browsers may keep it for ever."""
    return f"/static/{version()}/{name}"


@lru_cache(maxsize=1)
def version() -> str:
    """One hash for all shipped files: a module finds its neighbours beside itself."""
    return hashlib.sha256("".join(_asset(name)[1] for name in FILES).encode()).hexdigest()[:16]


async def static(request: Request) -> Response:
    """A shipped file."""
    name = request.path_params["name"]
    if name not in FILES:
        raise Problem("not_found")
    fresh = request.path_params["version"] == version()
    cache = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return Response(_asset(name)[0], media_type=FILES[name], headers={"cache-control": cache})
