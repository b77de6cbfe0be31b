"""Compression: pages and files are small on the way, and nothing with a secret can be guessed by its length."""

from __future__ import annotations

import re

import pytest

from service.auth.access_tokens import Audience
from service.http.compression import BYTES_MIN, may_be_compressed
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio

FIRST_PAGE_BYTES_MAX = 20_000
"""The resident's first page with all it loads, as a phone on a slow network receives it."""


@pytest.mark.parametrize(
    ("method", "path", "query", "compressed"),
    [
        ("GET", "/", False, True),
        ("GET", "/me", False, True),
        ("GET", "/me", True, False),
        ("POST", "/me/what-if", False, False),
        ("GET", "/officer/complaints/0", False, False),
        ("GET", "/admin", False, False),
        ("GET", "/venue", False, False),
        ("GET", "/static/0/style.css", True, True),
    ],
)
def test_an_answer_with_a_secret_is_compressed_only_without_a_chosen_text(
    method: str, path: str, query: bool, compressed: bool
) -> None:
    assert may_be_compressed(method, path, query) is compressed


async def transferred(browser: Browser, path: str) -> int:
    """Bytes of a body on its way to a browser that accepts gzip."""
    answer = await browser.client.get(path, headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert (answer.headers.get("content-encoding") == "gzip") == (len(answer.content) >= BYTES_MIN), path
    return int(answer.headers["content-length"])


async def test_the_residents_first_page_with_all_it_loads_is_small(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    me = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await me.go("/me")
    loaded = {*re.findall(r'(?:src|href)="(/static/[^"]+)"', me.html)}
    assert any(path.endswith("style.css") for path in loaded)
    sizes = {path: await transferred(me, path) for path in ("/me", *sorted(loaded))}
    assert sum(sizes.values()) <= FIRST_PAGE_BYTES_MAX, sizes


async def test_calls_are_answered_uncompressed(shared_city: City) -> None:
    answer = await shared_city.client.get("/v1/public/benefits", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert len(answer.content) > BYTES_MIN


async def test_who_does_not_accept_gzip_gets_the_plain_bytes(shared_city: City) -> None:
    browser = Browser(shared_city)
    plain = await browser.client.get("/", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert "Points are never deducted." in plain.text
    assert "Accept-Encoding" in plain.headers["vary"]


@pytest.mark.parametrize("path", ["/", "/earn", "/scheme", "/benefits", "/help", "/logs"])
async def test_public_pages_are_cacheable_and_set_no_cookie(shared_city: City, path: str) -> None:
    answer = await Browser(shared_city).client.get(path)
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert "Accept-Language" in answer.headers["vary"]
    assert "set-cookie" not in answer.headers


async def test_pages_of_one_person_or_one_language_are_stored_nowhere(shared_city: City) -> None:
    browser = await Browser(shared_city).sign_in(Audience.RESIDENT, "wang")
    for path in ("/me", "/?lang=en", "/benefits?scene=library"):
        answer = await browser.client.get(path)
        assert answer.headers["cache-control"] == "no-store", path
