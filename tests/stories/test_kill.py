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
from tests.support.deadlines import WAIT_SECONDS
from tests.support.processes import Process

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines, pytest.mark.processes]

HANDLES = 60
LIBRARY = {"benefit_id": "parking-free-minutes", "venue_id": "riverside-parking-1"}


@dataclass
class Acknowledged:
    """Writes that the service acknowledged before it was killed."""

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
        self.http = httpx2.AsyncClient(base_url=base, timeout=WAIT_SECONDS)
        self.issuer = seed.issuer_of(folder)

    def headers(self, audience: Audience, subject: str, key: str = "") -> dict[str, str]:
        token = self.issuer.mint(audience, subject, now=datetime.now(UTC))
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": key or secrets.token_hex(8)}

    async def post(self, audience: Audience, subject: str, path: str, body: Any, key: str = "") -> httpx2.Response:
        return await self.http.post(path, json=body, headers=self.headers(audience, subject, key))

    async def get(self, audience: Audience, subject: str, path: str) -> Any:
        answer = await self.http.get(path, headers=self.headers(audience, subject))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def import_rides(self, acknowledged: Acknowledged) -> None:
        """Stream rides for ever, remembering each that was answered with accepted."""

        async def rides() -> Any:
            for _ in range(10_000):
                acknowledged.sent += 1
                ride = record(f"k-{acknowledged.sent}", "bike-607", occurred_on="2025-06-01")
                yield json.dumps(ride).encode() + b"\n"
                if acknowledged.sent % 50 == 0:
                    await asyncio.sleep(0)

        headers = {**self.headers(Audience.SOURCE, "green-travel"), "Content-Type": "application/x-ndjson"}
        async with self.http.stream("POST", "/v1/source/records", content=rides(), headers=headers) as answer:
            async for line in answer.aiter_lines():
                result = json.loads(line)
                assert result["status"] == "accepted", result
                acknowledged.records.add(result["record_id"])

    async def deliver_singly(self, acknowledged: Acknowledged, name: str) -> None:
        for number in range(10_000):
            ride = record(f"s-{name}-{number}", "bike-607", occurred_on="2025-06-01")
            answer = await self.post(Audience.SOURCE, "green-travel", "/v1/source/records", {"records": [ride]})
            if answer.status_code == 200 and answer.json()["accepted"] == 1:
                acknowledged.records.add(ride["record_id"])

    async def redeem(self, acknowledged: Acknowledged, handles: list[str]) -> None:
        for handle in handles:
            key = secrets.token_hex(8)
            acknowledged.keys[key] = handle
            answer = await self.post(
                Audience.VENUE, "riverside-parking-1", "/v1/venue/redemptions", {"handle": handle}, key
            )
            if answer.status_code == 201:
                acknowledged.redeemed[key] = answer.json()["redemption_id"]


async def pages(client: Client, audience: Audience, subject: str, path: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await client.get(audience, subject, f"{path}?limit=200{cursor}")
        entries += page["data"]
        if page["next_cursor"] is None:
            return entries
        cursor = f"&cursor={page['next_cursor']}"


async def one_round(
    folder: Path, settings: Settings, acknowledged: Acknowledged, after_seconds: float, when_acknowledged: bool = False
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
        client.import_rides(acknowledged),
        *(client.deliver_singly(acknowledged, secrets.token_hex(4)) for _ in range(2)),
        *(client.redeem(acknowledged, shown[start::3]) for start in range(3)),
    ]
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    if when_acknowledged:
        await acknowledged.of_both()
    await asyncio.sleep(after_seconds)
    await asyncio.to_thread(process.kill)
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert outcome is None or isinstance(outcome, httpx2.HTTPError), outcome
    await client.http.aclose()

    process = Process(folder, settings.database_url, settings.publisher.folder)
    client = Client(folder, process.base)
    try:
        records = await pages(client, Audience.RESIDENT, "resident-1", "/v1/me/records")
        ids = [record["source_record_id"] for record in records if record["source_id"] == "green-travel"]
        assert len(ids) == len(set(ids))
        assert acknowledged.records <= set(ids)
        redemptions = await pages(client, Audience.VENUE, "riverside-parking-1", "/v1/venue/redemptions")
        done = [redemption["redemption_id"] for redemption in redemptions]
        assert len(done) == len(set(done))
        assert set(acknowledged.redeemed.values()) <= set(done)
        replayed = 0
        for key, handle in list(acknowledged.keys.items())[-20:]:
            again = await client.post(
                Audience.VENUE, "riverside-parking-1", "/v1/venue/redemptions", {"handle": handle}, key
            )
            if key in acknowledged.redeemed:
                assert (again.status_code, again.json()["redemption_id"]) == (201, acknowledged.redeemed[key])
                assert again.headers["Idempotency-Replayed"] == "true"
                replayed += 1
            elif again.status_code == 201:
                acknowledged.redeemed[key] = again.json()["redemption_id"]
        redemptions = await pages(client, Audience.VENUE, "riverside-parking-1", "/v1/venue/redemptions")
        assert (
            len(redemptions)
            == len({redemption["redemption_id"] for redemption in redemptions})
            <= len(acknowledged.keys)
        )
        points = await client.get(Audience.RESIDENT, "resident-1", "/v1/me/points")
        assert points["total"] > 0
    finally:
        await client.http.aclose()
        await asyncio.to_thread(process.kill)


async def test_a_kill_loses_and_doubles_nothing(city_settings: Settings, demo_folder: Path) -> None:
    acknowledged = Acknowledged()
    await one_round(demo_folder, city_settings, acknowledged, after_seconds=0.1, when_acknowledged=True)
    assert acknowledged.records
    assert acknowledged.redeemed


@pytest.mark.campaign
async def test_fifty_kills_lose_and_double_nothing(city_settings: Settings, demo_folder: Path) -> None:
    acknowledged, chance = Acknowledged(), random.Random(2026)
    for _ in range(50):
        with contextlib.suppress(httpx2.HTTPError):
            await one_round(demo_folder, city_settings, acknowledged, chance.uniform(0.05, 1.5))
