"""`credit-easy demo --second-city` as processes: a traveller uses a pass of the first city in the second one (T10)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from benefits.passes import jose, sd_jwt
from service.auth.access_tokens import Audience
from service.demo import seed
from tests.support.command_line import run_command, start_demo, stop_process
from tests.support.deadlines import WAIT_SECONDS
from tests.support.passes import new_key
from tests.support.processes import free_port, wait_until_ready

pytestmark = pytest.mark.processes
NONCE = "a-nonce-of-the-second-desk"


@dataclass(frozen=True)
class DemoCity:
    """A demonstration city: its folder and its address."""

    folder: Path
    url: str

    def headers(self, audience: Audience, subject: str) -> dict[str, str]:
        staff_id = subject if audience is Audience.ADMINISTRATOR else None
        token = seed.issuer_of(self.folder).mint(audience, subject, now=datetime.now(UTC), staff_id=staff_id)
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": os.urandom(8).hex()}

    def post(self, audience: Audience, subject: str, path: str, body: Any = None) -> httpx2.Response:
        return httpx2.post(self.url + path, json=body, headers=self.headers(audience, subject))


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DemoCity, DemoCity]]:
    folder, port = tmp_path_factory.mktemp("two") / "city", free_port()
    running = start_demo(folder, port, "--second-city")
    first = DemoCity(folder, f"http://127.0.0.1:{port}")
    second = DemoCity(folder.with_name("city-2"), f"http://127.0.0.1:{port + 1}")
    try:
        wait_until_ready(first.url, running)
        wait_until_ready(second.url, running)
        yield first, second
    finally:
        printed = stop_process(running)
    assert f"{second.url}/ in {second.folder}" in printed
    with pytest.raises(httpx2.HTTPError):
        httpx2.get(second.url + "/healthz")


def shown_pass(home: DemoCity, away: DemoCity, issuer_id: str) -> dict[str, Any]:
    """A pass of a resident of one city, as a venue of the other sends it, with what the venue fetches at home."""
    key = new_key()
    asked = {
        "benefit_id": "library-deposit",
        "venue_id": "city-library-main",
        "issuer_id": issuer_id,
        "keys": [jose.public_jwk(key.public_key())],
    }
    taken = home.post(Audience.RESIDENT, "resident-1", "/v1/me/passes", asked)
    assert taken.status_code == 201, taken.text
    signed = taken.json()["passes"][0]["pass"]
    members = sd_jwt.take_apart(signed)[1]
    assert (members.issuer, members.venue) == (home.url, f"{away.url}/venues/city-library-main")
    return {
        "pass": signed,
        "presentation": sd_jwt.sign_key_binding(key, signed, members.venue, NONCE, int(time.time())),
        "issuer": httpx2.get(f"{home.url}/.well-known/jwt-vc-issuer").text,
        "status_list": httpx2.get(members.status.uri).text,
    }


def redeem(city: DemoCity, body: dict[str, Any]) -> httpx2.Response:
    return city.post(Audience.VENUE, "city-library-main", "/v1/venue/redemptions/pass", body)


def test_a_traveller_borrows_in_the_second_city_until_it_suspends_the_first(
    cities: tuple[DemoCity, DemoCity], tmp_path: Path
) -> None:
    first, second = cities
    shown = shown_pass(first, second, "second-city")
    # At home it is worth nothing: it is for one venue of the second city.
    assert redeem(first, shown).json() == {"applies": False}
    assert redeem(second, shown).json()["benefit_id"] == "library-deposit"
    assert redeem(second, shown).json() == {"applies": False}
    visitor = shown_pass(second, first, "first-city")
    suspended = second.post(
        Audience.ADMINISTRATOR, "admin-1", "/v1/admin/issuers/first-city/versions/1/suspend", {"reason": "For a test."}
    )
    assert suspended.status_code == 200, suspended.text
    # One city's suspension is no other city's: the visitor's pass still counts in the first one.
    assert redeem(first, visitor).status_code == 201
    answer = redeem(second, shown)
    assert (answer.status_code, answer.content) == (200, b'{"applies":false}')
    metadata = tmp_path / "issuer.json"
    metadata.write_text(shown["issuer"], encoding="utf-8")
    printed = run_command("key-set", str(metadata)).stdout.split()
    listed = httpx2.get(f"{first.url}/v1/public/issuers").json()["data"]
    assert printed[0] == first.url
    assert [row["issuer_id"] for row in listed] == ["second-city"]
    assert httpx2.get(f"{second.url}/v1/public/issuers").json()["data"] == []
    metadata.write_text("{}", encoding="utf-8")
    assert run_command("key-set", str(metadata)).returncode == 2


def test_the_second_city_ends_with_a_first_one_that_was_killed(tmp_path: Path) -> None:
    port = free_port()
    running = start_demo(tmp_path / "city", port, "--second-city")
    try:
        wait_until_ready(f"http://127.0.0.1:{port + 1}", running)
        (second,) = psutil.Process(running.pid).children()
    finally:
        running.kill()
        running.communicate(timeout=WAIT_SECONDS)
    gone, _ = psutil.wait_procs([second], timeout=WAIT_SECONDS)
    if not gone:
        second.kill()
    assert gone == [second]


def test_a_second_city_stays_on_this_machine(tmp_path: Path) -> None:
    for options in (("--sandbox",), ("--host", "0.0.0.0")):
        refused = run_command("demo", "--second-city", "--data-dir", str(tmp_path / "city"), *options)
        assert (refused.returncode, "--second-city" in refused.stderr) == (2, True)
