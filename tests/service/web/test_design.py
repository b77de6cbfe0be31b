"""The design base: colour contrast, one list of tokens, an icon for each code, and what residents load."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import pytest

from benefits.rules.vocabulary import Scene
from consent.domain.document_kinds import DocumentKind
from consent.domain.records import RecordKind
from service.auth.access_tokens import Audience
from service.web import icons
from service.web.public.design import TOKENS
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio
STATIC = resources.files("service.web") / "static"
TEXT_ON = {
    "ink": ("canvas", "surface", "sunken", "brand-soft", "wait-soft", "info-soft"),
    "ink-2": ("canvas", "surface", "sunken", "brand-soft", "wait-soft"),
    "ink-3": ("canvas", "surface", "sunken"),
    "brand-ink": ("canvas", "surface", "sunken", "brand-soft"),
    "on-brand": ("brand",),
    "wait": ("canvas", "surface", "wait-soft"),
    "info": ("surface", "info-soft"),
}
GRAPHICS_ON = {
    **dict.fromkeys(("d1", "d2", "d3", "d4", "d5", "brand"), ("surface", "sunken")),
    "edge": ("surface", "canvas"),
    "wait-line": ("surface",),
}


def token_lists(stylesheet: str) -> list[dict[str, str]]:
    """Return the colour tokens of the light and of the dark list of a stylesheet."""
    text = (STATIC / stylesheet).read_text(encoding="utf-8")
    lists = [dict(re.findall(r"--([\w-]+):([^;}]+)", rule)) for rule in re.findall(r":root[^{]*\{([^}]*)\}", text)]
    return [tokens for tokens in lists if "canvas" in tokens]


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_have_enough_contrast(theme: int) -> None:
    tokens = token_lists("style.css")[theme]
    for text, surfaces in TEXT_ON.items():
        for surface in surfaces:
            assert contrast(tokens[text], tokens[surface]) >= 4.5, (text, surface)
    for graphic, surfaces in GRAPHICS_ON.items():
        for surface in surfaces:
            assert contrast(tokens[graphic], tokens[surface]) >= 3, (graphic, surface)


def test_the_components_page_has_the_tokens_of_the_stylesheet() -> None:
    chosen = token_lists("design.css")
    for theme, tokens in enumerate(token_lists("style.css")):
        assert {name: tokens[name] for name in chosen[theme]} == chosen[theme]
        assert set(TOKENS) <= set(tokens)


@pytest.mark.parametrize(
    ("group", "codes"),
    [("scene", Scene), ("kind", RecordKind), ("documents", DocumentKind)],
    ids=lambda value: str(value),
)
def test_every_icon_is_of_a_code_and_any_other_code_has_a_plain_dot(group: str, codes: Iterable[str]) -> None:
    assert set(icons.GROUPS[group]) <= set(codes), f"remove from {group} of GROUPS in service/web/icons.py"
    drawn = {icons.icon_name(code, group) for code in (*codes, "code_of_nowhere")}
    assert drawn <= set(icons.names()), f"draw in service/web/static/icons/lucide.svg, for {group}"


async def test_residents_and_the_public_load_no_rules_of_staff(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    for path in ("/me", "/me/benefits", "/"):
        assert "staff.css" not in (await me.go(path)).html, path
    officer = await Browser(shared_city).sign_in(Audience.PRIVACY, "officer-1")
    assert "staff.css" in officer.html


async def test_a_page_waits_for_its_stylesheet_alone_which_its_headers_announce(shared_city: City) -> None:
    me = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    for path in ("/me/benefits", "/me/benefits/library-deposit", "/benefits"):
        answer = await me.client.get(path)
        (stylesheet,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', answer.text)
        assert answer.headers["link"] == f"<{stylesheet}>; rel=preload; as=style", path
        assert re.findall(r"<script[^>]+/([a-z_]+\.js)", answer.text) == ["page.js"], path


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_the_demonstration_shows_all_components(shared_city: City, language: str) -> None:
    browser = Browser(shared_city, language)
    for theme in ("light", "dark", "other"):
        await browser.go(f"/design?theme={theme}")
        assert browser.status == 200
        assert (f'data-theme="{theme}"' in browser.html) is (theme != "other")


def test_no_frame_of_pages_takes_a_name_that_pages_use() -> None:
    """A variable that the frame of an audience sets would replace the value that a page's handler passes."""
    web = Path(str(resources.files("service.web")))
    passed = {
        keyword.arg
        for module in web.rglob("*.py")
        for call in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
    }
    assert "records" in passed
    taken = {
        (frame.parent.name, name)
        for frame in (web / "templates").glob("**/base.html")
        for name in re.findall(r"{% set (\w+) =", frame.read_text(encoding="utf-8"))
        if name in passed
    }
    assert taken == set()


async def test_a_record_names_its_source(shared_city: City) -> None:
    browser = await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")
    await browser.go("/me/records")
    assert "Green Travel" in browser.text
    assert "green-travel" not in browser.text
