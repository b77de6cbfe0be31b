"""Every page has a picture in the docs."""

from __future__ import annotations

import re

from service.web import routes
from tests.pages import gallery

NOT_PICTURED = re.compile(r"/(sign-in|demo-sign-in|worker|manifest)|\.csv$|-part$|/end$|/state$|/export$|\{")
"""Files, fragments, ends of sessions, and pages of one thing, of which some are shown by a name of `stage`."""


def test_every_page_has_a_picture() -> None:
    pictured = {
        picture.path.partition("?")[0].partition("#")[0] for section in gallery.SECTIONS for picture in section.pictures
    }
    pages = {route.path for route in routes.ROUTES if route.method == "GET" and not route.fragment}
    missing = {path for path in pages if not NOT_PICTURED.search(path)} - pictured
    assert not missing, missing
