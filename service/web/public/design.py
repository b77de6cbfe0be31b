"""The page of all components with example data, for designers and developers; the demonstration alone has it."""

from __future__ import annotations

from starlette.responses import Response

from consent.domain.records import Dimension
from service.web import icons
from service.web.page import Page, PageRoute

THEMES = ("light", "dark")
"""Values of the query parameter `theme`; without one the page follows the device."""
TOKENS = (
    "canvas", "surface", "sunken", "line", "edge", "ink", "ink-2", "ink-3", "brand", "brand-ink", "brand-soft",
    "wait", "wait-soft", "wait-line", "info", "info-soft", "d1", "d2", "d3", "d4", "d5",
)  # fmt: skip
"""Colour roles of style.css that the page shows; design.css fills a square with each."""
EXAMPLE_POINTS = (15, 0, 56, 4, 33)
"""Points of the bars, one number for each dimension."""
EXAMPLE_CAP = 200


async def components(page: Page) -> Response:
    """Show every component in the request's language and the theme of the query."""
    theme = page.query("theme")
    return page.render(
        "public/design.html",
        theme=theme if theme in THEMES else "",
        tokens=TOKENS,
        icon_names=icons.names(),
        examples=[
            {"dimension": dimension, "points": points, "cap": EXAMPLE_CAP}
            for dimension, points in zip(Dimension, EXAMPLE_POINTS, strict=True)
        ],
    )


ROUTES = (PageRoute("/design", components),)
