"""Rate limits: on a real Redis, in one process, and while Redis is unavailable."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import redis

from service.auth.access_tokens import Audience
from service.http import rate_limits
from service.settings import Settings
from tests.support import city, servers
from tests.support.city import City

pytestmark = pytest.mark.anyio

FEW = {"resident": 4, "code": 2}


async def redis_emptied(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushall()


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute that does not end while a test counts in it."""
    monkeypatch.setattr(rate_limits, "clock", lambda: 1_800_000_020.0)


async def test_two_processes_count_together_on_redis(redis_url: str, noon: None) -> None:
    first, other = rate_limits.make_limiter(redis_url, FEW), rate_limits.make_limiter(redis_url, FEW)
    await redis_emptied(redis_url)
    assert [await first.hit("resident", "a"), await other.hit("resident", "a")] == [None, None]
    assert [await first.hit("resident", "a"), await other.hit("resident", "a")] == [None, None]
    for limiter in (first, other, first):
        await limiter.share()
    assert await other.hit("resident", "a") == 40
    assert await first.hit("resident", "b") is None
    # A process without new hits of its own reads the others' count with its next hit.
    assert await first.hit("resident", "a") is None
    await first.share()
    assert await first.hit("resident", "a") == 40
    await first.close()
    await other.close()


async def test_a_redis_that_loses_its_counts_admits_no_more(redis_url: str, noon: None) -> None:
    rates = {"resident": 20}
    first, other = rate_limits.make_limiter(redis_url, rates), rate_limits.make_limiter(redis_url, rates)
    await redis_emptied(redis_url)

    async def admitted(limiter: rate_limits.Limiter, tries: int) -> int:
        return sum([await limiter.hit("resident", "a") is None for _ in range(tries)])

    assert [await admitted(first, 8), await admitted(other, 6)] == [8, 6]
    for limiter in (first, other):
        await limiter.share()
    assert await admitted(first, 1) == 1
    await first.share()
    await redis_emptied(redis_url)
    assert await admitted(first, 1) == 1
    # The first process sends all counts it knew again: 16 of the 20 are spent.
    for limiter in (first, first):
        await limiter.share()
    assert await admitted(other, 1) == 1
    for limiter in (other, other):
        await limiter.share()
    with redis.Redis.from_url(redis_url) as client:
        (name,) = client.scan_iter("rate/*")
        assert client.hvals(name) == [b"17"]
    assert await admitted(first, 50) == 4  # of the seventh of the other it has not heard yet
    await first.share()
    assert await admitted(other, 1) == 1
    await other.share()
    assert await admitted(other, 50) == 0
    await first.close()
    await other.close()


async def test_limits_that_protect_secrets_are_counted_immediately(redis_url: str, noon: None) -> None:
    first, other = rate_limits.make_limiter(redis_url, FEW), rate_limits.make_limiter(redis_url, FEW)
    await redis_emptied(redis_url)
    assert [await first.hit("code", "a"), await other.hit("code", "a")] == [None, None]
    assert await first.hit("code", "a") == 40
    assert await other.spent("code", "a") == 40
    assert await other.hit("code", "b") is None
    await first.close()
    await other.close()


async def test_alone_a_process_counts_for_itself(noon: None) -> None:
    limiter = rate_limits.make_limiter(None, FEW)
    assert [await limiter.hit("resident", "a") for _ in range(5)] == [None] * 4 + [40]
    await limiter.share()
    assert await limiter.hit("resident", "b") is None
    assert await limiter.spent("code", "b") is None


async def test_the_count_restarts_in_the_next_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = rate_limits.make_limiter(None, FEW)
    for second, answers in ((59.0, [None] * 4 + [1]), (60.0, [None] * 4 + [60])):
        monkeypatch.setattr(rate_limits, "clock", lambda second=second: second)
        assert [await limiter.hit("resident", "a") for _ in range(5)] == answers


@pytest.mark.processes
async def test_while_redis_is_away_the_rate_is_tighter_and_nobody_is_shut_out(noon: None) -> None:
    with servers.redis() as url:
        limiter = rate_limits.make_limiter(url, FEW)
        await limiter.share()
        assert await limiter.hit("code", "a") is None
    assert [await limiter.hit("code", "a") for _ in range(2)] == [None, 40]
    assert [await limiter.hit("resident", "a") for _ in range(2)] == [None, 40]
    assert await limiter.hit("resident", "b") is None
    await limiter.close()


async def test_redis_has_no_readable_identifier(redis_url: str) -> None:
    limiter = rate_limits.make_limiter(redis_url, FEW)
    await limiter.hit("resident", "canary-subject")
    await limiter.hit("code", "canary-source")
    await limiter.share()
    await limiter.close()
    with redis.Redis.from_url(redis_url) as client:
        keys = [key.decode() for key in client.scan_iter()]
    assert keys
    assert not [key for key in keys if "canary" in key]


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_a_limited_resident_is_sent_a_retry_after(city_settings: Settings, demo_folder: Path, noon: None) -> None:
    async with city.running_city(city_settings, demo_folder, {**city.UNLIMITED, **FEW}) as town:
        wang = town.resident("wang")
        answers = [await wang.get("/v1/me/points") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429]
        assert (answers[-1].json()["code"], answers[-1].headers["retry-after"]) == ("rate_limited", "40")
        assert (await town.resident("li").get("/v1/me/points")).status_code == 200


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_wrong_codes_are_limited_and_right_ones_are_not(
    city_settings: Settings, demo_folder: Path, noon: None
) -> None:
    limited = {**city.UNLIMITED, "code": 2, "source_codes": 5}
    async with city.running_city(city_settings, demo_folder, limited) as town:
        for number in range(5):
            await town.resident(f"r-{number}").link("green-travel", f"bike-90{number}")

        async def confirm(account: str, source: str = "green-travel") -> int:
            body = {"code": "ABCD2345", "account": account}
            return (await town.source(source).post("/v1/source/links/confirm", body)).status_code

        assert [await confirm("x") for _ in range(4)] == [404, 404, 429, 429]
        # Wrong codes for an account stop neither the right code of another nor another source.
        await town.resident("r-5").link("green-travel", "bike-905")
        assert [await confirm("y"), await confirm("y"), await confirm("z")] == [404, 404, 404]
        assert await confirm("another") == 429, "the source's total"
        assert await confirm("another", "volunteer-service") == 404


async def test_thirty_wrong_codes_for_one_account_leave_thousands_for_the_source() -> None:
    assert (rate_limits.RATES["code"], rate_limits.RATES["source_codes"]) == (30, 3_000)
    assert {"code", "source_codes"} <= rate_limits.EXACT


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_an_address_is_limited_before_anybody_is_known(
    city_settings: Settings, demo_folder: Path, noon: None
) -> None:
    async with city.running_city(city_settings, demo_folder, {**city.UNLIMITED, "address": 3}) as town:
        codes = [(await town.client.get("/v1/me/points")).status_code for _ in range(4)]
        assert codes == [401, 401, 401, 429]


async def test_the_whole_path_decides_the_same_with_redis_without_and_away(
    city_settings: Settings, demo_folder: Path, redis_url: str
) -> None:
    async def path(town: City, name: str) -> list[int]:
        who = town.resident(name)
        await who.volunteer(7_200, f"v-{name}")
        await who.consent_to_provider("city-library")
        handle = (await who.ticket())["handle"]
        venue = town.actor(Audience.VENUE, "city-library-main")
        return [(await venue.post("/v1/venue/redemptions", {"handle": handle})).status_code for _ in range(2)]

    for number, url in enumerate((None, redis_url, "unix:///nowhere/redis.sock")):
        settings = dataclasses.replace(city_settings, redis_url=url)
        async with city.running_city(settings, demo_folder) as town:
            assert await path(town, f"p-{number}") == [201, 200]
