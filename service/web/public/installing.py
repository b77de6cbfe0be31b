"""Adding the pages to a home screen: the manifest, the page for times without a network, and what stores that page."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

import orjson
from starlette.responses import Response

from service.web import assets
from service.web.page import Page, PageRoute

WITHOUT_NETWORK = ("style.css", "page.js", "passes.js", "pass_code.js", "pass_store.js", "qr/index.js")
"""The files of the page for times without a network."""
NAMES = {"en": "Credit-Easy+", "zh-CN": "信易+"}
THEME_COLOUR = "#0a765f"


async def manifest(page: Page) -> Response:
    """Describe the residents' pages to a browser that puts them on the home screen."""
    described = {
        "name": NAMES[page.language],
        "short_name": NAMES[page.language],
        "lang": page.language,
        "start_url": "/me",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f1f5f2",
        "theme_color": THEME_COLOUR,
        "icons": [{"src": assets.address("mark.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    headers = {"cache-control": "public, max-age=3600", "vary": "Accept-Language, Cookie"}
    return Response(orjson.dumps(described), media_type="application/manifest+json", headers=headers)


async def offline(page: Page) -> Response:
    """Say what still works without a network, and show the passes that this device stores; same for everybody."""
    return page.render("public/offline.html")


@lru_cache(maxsize=1)
def _worker() -> bytes:
    script = (resources.files("service.web") / "static" / "worker.js").read_text(encoding="utf-8")
    files = [assets.address(name) for name in WITHOUT_NETWORK]
    return script.replace("VERSION", assets.version()).replace("['FILES']", orjson.dumps(files).decode()).encode()


async def worker(_page: Page) -> Response:
    """Send the service worker: at the root, so that it may answer for every page."""
    return Response(_worker(), media_type="text/javascript", headers={"cache-control": "no-cache"})


ROUTES = (
    PageRoute("/manifest.webmanifest", manifest),
    PageRoute("/offline", offline),
    PageRoute("/worker.js", worker),
)
