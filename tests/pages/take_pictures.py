"""Take the pictures of the docs: `python -m tests.pages.take_pictures [NAME…]`, some two minutes for all of them.

A demonstration city as a process, and Chromium. Writes docs/pictures/*.webp and the page that shows them. Needs
Chromium with its translations (Debian: `apt-get install chromium chromium-l10n`).
"""

from __future__ import annotations

import argparse
import base64
import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, sync_playwright

from service.auth.access_tokens import Audience
from tests.pages import gallery, stage
from tests.pages.browser import CHROMIUM, DESKTOP, QUIETLY, Visitor, visiting
from tests.pages.gallery import LANGUAGES, SECTIONS, SIZES, THEMES, Picture
from tests.support import command_line
from tests.support.processes import free_port, wait_until_ready

QUALITY = 34
"""Of the WebP pictures: text stays sharp, and a page is 8 to 25 kB."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The folder of the pictures, and the greatest height of all of them, 0 for that of their sizes."""

    folder: Path
    height_max: int


@contextmanager
def running_city() -> Iterator[str]:
    """Run a demonstration city of its own; yield its address."""
    with tempfile.TemporaryDirectory() as name:
        port = free_port()
        running = command_line.start_demo(Path(name), port)
        try:
            wait_until_ready(base := f"http://127.0.0.1:{port}", running)
            yield base
        finally:
            running.kill()
            running.wait()


def reach(browser: Browser, visitor: Visitor, picture: Picture, language: str, places: dict[str, str]) -> None:
    """Open a picture's page in its state, signed in already."""
    name, base = picture.name, visitor.base
    path = picture.path.strip("{}")
    if name == "notice":
        stage.open_notice(visitor)
    elif name in ("ticket", "ticket-used"):
        code = stage.show_ticket(visitor, "library-deposit")
        if name == "ticket-used":
            with visiting(browser, base) as desk:
                desk.sign_in(Audience.VENUE, stage.LIBRARY)
                stage.enter_code(desk, code, "redeem", "redeemed")
            visitor.page.wait_for_selector(".seal")
    else:
        answer = visitor.page.goto(base + places.get(path, picture.path.partition("#")[0]))
        assert answer is not None
        assert answer.ok, (picture, answer.status)
    if name == "verify":
        visitor.page.wait_for_selector("[data-verdict] [data-say=ok]:not([hidden])")
    elif name == "verification":
        stage.verify_logs(visitor)
    elif name == "editor-refused":
        stage.write_a_harm(visitor)
    elif name in stage.DESK_STATES:
        button, verdict, code = stage.DESK_STATES[name]
        code = code or stage.ticket_of(browser, base, stage.DESK_BORROWERS[language])
        stage.enter_code(visitor, code, button, verdict)


PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Ends when the page is drawn in its new size: a busy machine may have drawn only a part of it before."""


def take(visitor: Visitor, camera: CDPSession, picture: Picture, language: str, goal: Goal) -> None:
    """Write the four pictures of a page in one language: light and dark, on a phone and on a desktop."""
    for size, theme in itertools.product(SIZES, THEMES):
        width, least, most = SIZES[size]
        visitor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        visitor.page.set_viewport_size({"width": width, "height": least})
        height = visitor.page.evaluate("document.documentElement.scrollHeight")
        visitor.page.set_viewport_size({"width": width, "height": min(max(height, least), goal.height_max or most)})
        if "#" not in picture.path:
            visitor.page.evaluate("scrollTo(0, 0)")
        visitor.page.evaluate(PAINTED)
        shot = camera.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        (goal.folder / picture.file(language, theme, size)).write_bytes(base64.b64decode(shot["data"]))


def take_all(browsers: Mapping[str, Browser], base: str, names: set[str], goal: Goal) -> None:
    """Take the chosen pictures of every audience in both languages, each with the browser of its language."""
    places = stage.prepare(browsers[LANGUAGES[0]], base)
    for section, language in itertools.product(SECTIONS, LANGUAGES):
        pictures = [picture for picture in section.pictures if not names or picture.name in names]
        for who, signed_in in itertools.groupby(sorted(pictures, key=lambda each: each.who), lambda each: each.who):
            browser = browsers[language]
            with visiting(browser, base, language=language, viewport=DESKTOP) as visitor:
                camera = visitor.context.new_cdp_session(visitor.page)
                if who and section.audience is not None:
                    visitor.sign_in(section.audience, stage.BORROWERS[language] if who == gallery.BORROWER else who)
                for picture in signed_in:
                    reach(browser, visitor, picture, language, places)
                    take(visitor, camera, picture, language, goal)


def main() -> None:
    """Take, write the index."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("names", nargs="*", help="names of pictures; all without one")
    asked.add_argument("--folder", type=Path, default=gallery.PICTURES, help="where to write them")
    asked.add_argument("--height", type=int, default=0, help="greatest height, to look at whole pages")
    chosen = asked.parse_args()
    goal = Goal(chosen.folder, chosen.height)
    goal.folder.mkdir(exist_ok=True)
    (goal.folder / gallery.INDEX.name).write_text(gallery.index(), encoding="utf-8")
    with running_city() as base, sync_playwright() as started:
        # The browser's own controls, such as a field of a day, follow its process's language, not the page's.
        browsers = {
            language: started.chromium.launch(
                executable_path=CHROMIUM,
                args=[*QUIETLY, f"--lang={language}"],
                env={**os.environ, "LANGUAGE": language.replace("-", "_")},
            )
            for language in LANGUAGES
        }
        take_all(browsers, base, set(chosen.names), goal)
        for browser in browsers.values():
            browser.close()


if __name__ == "__main__":
    main()
