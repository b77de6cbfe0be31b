"""`kill -9` in the middle of imports and redemptions: no acknowledged row is lost, none is doubled."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.auth.access_tokens import Audience
from service.demo import seed
from service.settings import Settings
from tests.support.city import record
from tests.support.processes import Process

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines, pytest.mark.processes]

HANDLES, WAIT_SECONDS = 60, 30
LIBRARY = {"benefit_id": "parking-free-minutes", "venue_id": "riverside-parking-1"}


@dataclass
class Told:
    """What the service acknowledged before it died."""

    sent: int = 0
    records: set[str] = field(default_factory=set)
    redeemed: dict[str, str] = field(default_factory=dict)
    """Idempotency key → redemption id."""
    keys: dict[str, str] = field(default_factory=dict)
    """Idempotency key → handle, for everything that was tried."""

    async def of_both(self) -> None:
        """Return when a record and a redemption have been acknowledged, or after WAIT_SECONDS."""
        waited = time.monotonic()
        while not (self.records and self.redeemed) and time.monotonic() - waited < WAIT_SECONDS:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Client:
    """Somebody who talks to a process that may be gone at any moment."""

    def __init__(self, folder: Path, base: str) -> None:
        self.http = httpx2.AsyncClient(base_url=base, timeout=20)
        self.issuer = seed.issuer_of(folder)

    def headers(self, door: Audience, subject: str, key: str = "") -> dict[str, str]:
        token = self.issuer.mint(door, subject, now=datetime.now(UTC))
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": key or secrets.token_hex(8)}

    async def post(self, door: Audience, subject: str, path: str, body: Any, key: str = "") -> httpx2.Response:
        return await self.http.post(path, json=body, headers=self.headers(door, subject, key))

    async def get(self, door: Audience, subject: str, path: str) -> Any:
        answer = await self.http.get(path, headers=self.headers(door, subject))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def import_rides(self, told: Told) -> None:
        """Stream rides for ever, remembering each that was answered with accepted."""

        async def rides() -> Any:
            for _ in range(10_000):
                told.sent += 1
                one = record(f"k-{told.sent}", "bike-607", occurred_on="2025-06-01")
                yield json.dumps(one).encode() + b"\n"
                if told.sent % 50 == 0:
                    await asyncio.sleep(0)

        headers = {**self.headers(Audience.SOURCE, "green-travel"), "Content-Type": "application/x-ndjson"}
        async with self.http.stream("POST", "/v1/source/records", content=rides(), headers=headers) as answer:
            async for line in answer.aiter_lines():
                result = json.loads(line)
                assert result["status"] == "accepted", result
                told.records.add(result["record_id"])

    async def deliver_singly(self, told: Told, name: str) -> None:
        for number in range(10_000):
            one = record(f"s-{name}-{number}", "bike-607", occurred_on="2025-06-01")
            answer = await self.post(Audience.SOURCE, "green-travel", "/v1/source/records", {"records": [one]})
            if answer.status_code == 200 and answer.json()["accepted"] == 1:
                told.records.add(one["record_id"])

    async def redeem(self, told: Told, handles: list[str]) -> None:
        for handle in handles:
            key = secrets.token_hex(8)
            told.keys[key] = handle
            answer = await self.post(
                Audience.VENUE, "riverside-parking-1", "/v1/venue/redemptions", {"handle": handle}, key
            )
            if answer.status_code == 201:
                told.redeemed[key] = answer.json()["redemption_id"]


async def pages(client: Client, door: Audience, subject: str, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await client.get(door, subject, f"{path}?limit=200{cursor}")
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def one_round(
    folder: Path, settings: Settings, told: Told, after_seconds: float, when_told: bool = False
) -> None:
    """Work until the kill, then see on a fresh process that everything acknowledged is there exactly once.

    The kill comes after that many seconds, counted from the beginning or from when something of each was told.
    """
    process = Process(folder, settings.database_url, settings.publisher.folder)
    client = Client(folder, process.base)
    shown = []
    for _ in range(HANDLES):
        answer = await client.post(Audience.RESIDENT, "resident-1", "/v1/me/tickets", LIBRARY)
        assert answer.status_code == 201, answer.text
        shown.append(answer.json()["handle"])
    work = [
        client.import_rides(told),
        *(client.deliver_singly(told, secrets.token_hex(4)) for _ in range(2)),
        *(client.redeem(told, shown[start::3]) for start in range(3)),
    ]
    tasks = [asyncio.create_task(one) for one in work]
    if when_told:
        await told.of_both()
    await asyncio.sleep(after_seconds)
    await asyncio.to_thread(process.kill)
    for one in await asyncio.gather(*tasks, return_exceptions=True):
        assert one is None or isinstance(one, httpx2.HTTPError), one
    await client.http.aclose()

    process = Process(folder, settings.database_url, settings.publisher.folder)
    client = Client(folder, process.base)
    try:
        records = await pages(client, Audience.RESIDENT, "resident-1", "/v1/me/records")
        ids = [one["source_record_id"] for one in records if one["source_id"] == "green-travel"]
        assert len(ids) == len(set(ids))
        assert told.records <= set(ids)
        redemptions = await pages(client, Audience.VENUE, "riverside-parking-1", "/v1/venue/redemptions")
        done = [one["redemption_id"] for one in redemptions]
        assert len(done) == len(set(done))
        assert set(told.redeemed.values()) <= set(done)
        replayed = 0
        for key, handle in list(told.keys.items())[-20:]:
            again = await client.post(
                Audience.VENUE, "riverside-parking-1", "/v1/venue/redemptions", {"handle": handle}, key
            )
            if key in told.redeemed:
                assert (again.status_code, again.json()["redemption_id"]) == (201, told.redeemed[key])
                assert again.headers["Idempotency-Replayed"] == "true"
                replayed += 1
            elif again.status_code == 201:
                told.redeemed[key] = again.json()["redemption_id"]
        redemptions = await pages(client, Audience.VENUE, "riverside-parking-1", "/v1/venue/redemptions")
        assert len(redemptions) == len({one["redemption_id"] for one in redemptions}) <= len(told.keys)
        points = await client.get(Audience.RESIDENT, "resident-1", "/v1/me/points")
        assert points["total"] > 0
    finally:
        await client.http.aclose()
        await asyncio.to_thread(process.kill)


async def test_a_kill_loses_and_doubles_nothing(city_settings: Settings, demo_folder: Path) -> None:
    told = Told()
    await one_round(demo_folder, city_settings, told, after_seconds=0.1, when_told=True)
    assert told.records
    assert told.redeemed


@pytest.mark.campaign
async def test_fifty_kills_lose_and_double_nothing(city_settings: Settings, demo_folder: Path) -> None:
    told, chance = Told(), random.Random(2026)
    for _ in range(50):
        with contextlib.suppress(httpx2.HTTPError):
            await one_round(demo_folder, city_settings, told, chance.uniform(0.05, 1.5))
