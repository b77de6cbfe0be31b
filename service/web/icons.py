"""Icons of the pages, drawn into the HTML: no further request, and only those that a page shows.

They come from Lucide (ISC, `static/icons/LICENSE-ISC`); `mark`, `hills`, `plus-leaf` and `tree` are drawn for this
project.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

from jinja2.ext import Extension
from markupsafe import Markup

SYMBOL = re.compile(r'<symbol id="i-([\w-]+)" ([^>]*)>(.*?)</symbol>', re.DOTALL)
STATIC_ICON = re.compile(r'\{\{ icon\("([\w-]+)"(?:, "([\w -]+)")?\) \}\}')
"""An icon that a template names itself."""
ICONS_CACHED_MAX = 512
"""Rendered icons that stay in memory: name and classes, some 200 in use."""
GROUPS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "scene": {
            "library": "book-open",
            "parking": "square-parking",
            "medical_convenience": "stethoscope",
            "tourism": "sailboat",
            "mobility": "bike",
            "lodging": "bed-double",
            "rental": "wrench",
            "shopping": "shopping-bag",
            "fitness": "waves-ladder",
            "approvals": "stamp",
            "bills": "receipt-text",
        },
        "kind": {
            "bike_trip": "bike",
            "transit_trip": "bus",
            "volunteer_minutes": "hand-heart",
            "community_meeting": "messages-square",
            "eco_course": "graduation-cap",
            "tree_planted": "trees",
            "green_shop_month": "store",
            "nature_observation": "binoculars",
            "battery_returned": "battery-charging",
            "item_passed_on": "recycle",
            "item_repaired": "wrench",
            "reading_circle": "book-open",
        },
        "documents": {
            "benefits": "gift",
            "services": "scale",
            "providers": "building-2",
            "venues": "map-pin",
            "sources": "database",
            "schemes": "layers",
            "notices": "file-text",
            "issuers": "link",
        },
    }
)
"""Icon of each code, by group as in `labels.toml`. A code may be missing: `icon_name` gives it a plain dot."""


@lru_cache(maxsize=1)
def _symbols() -> dict[str, tuple[str, str]]:
    """Return the view box and the shapes of each icon by its name."""
    text = (resources.files("service.web") / "static" / "icons" / "lucide.svg").read_text(encoding="utf-8")
    return {name: (attributes, shapes) for name, attributes, shapes in SYMBOL.findall(text)}


def names() -> list[str]:
    """Return the names of all icons."""
    return sorted(_symbols())


@lru_cache(maxsize=ICONS_CACHED_MAX)
def icon(name: str, classes: str = "") -> Markup:
    """Return an icon as SVG, hidden from screen readers: the text next to it says the same.

    Raises:
        KeyError: no icon has this name.
    """
    attributes, shapes = _symbols()[name]
    css_class = f"i {classes}".strip()
    # The shapes are from a file of this package.
    return Markup(f'<svg class="{css_class}" {attributes} aria-hidden="true">{shapes}</svg>')  # noqa: S704


def icon_name(code: str, group: str) -> str:
    """Return the name of a code's icon; a plain dot for a code without one, for example of another city."""
    return GROUPS[group].get(code, "circle-dashed")


class StaticIcons(Extension):
    """Draws the icons that a template names itself when it is compiled, instead of at every request."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        """Return the template's source with the SVG of each such icon."""
        return STATIC_ICON.sub(lambda match: icon(match[1], match[2] or ""), source)
