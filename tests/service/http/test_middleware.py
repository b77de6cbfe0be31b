"""Checks before any routing."""

from __future__ import annotations

import pytest

from tests.support.city import City

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("second", ["city.test", "another.test"])
async def test_two_host_headers_are_refused(shared_city: City, second: str) -> None:
    twice = await shared_city.client.get("/healthz", headers=[("Host", "city.test"), ("Host", second)])
    assert (twice.status_code, twice.json()["code"]) == (400, "bad_header")
    assert (await shared_city.client.get("/healthz", headers=[("Host", "city.test")])).status_code == 200
