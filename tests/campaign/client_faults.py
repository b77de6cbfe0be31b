"""Faults of clients and of the network: half-sent requests, clients that are gone, twice the load."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import suppress

import httpx2

from service.auth.access_tokens import Audience
from tests.campaign.fault import BOTH, Fault
from tests.campaign.residents import SOURCES, ResidentClient
from tests.campaign.scene import Scene

HALF_OPEN = 60
"""Connections that never send the rest of a request."""
CROWD = 24
"""Clients that only read, as many again as a busy process serves at a time."""


def _request(client: ResidentClient, port: int, actor: tuple[Audience, str], path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {client.caller.token(*actor)}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def half_open(scene: Scene, chance: random.Random) -> str | None:
    """Open connections that send a part of a head or body and then nothing; others are served meanwhile."""
    client, writers = scene.clients[0], []
    for _ in range(HALF_OPEN):
        port = chance.choice(scene.city.processes).port
        actor = (Audience.SOURCE, next(iter(SOURCES)))
        whole = _request(client, port, actor, "/v1/source/records", {"records": []})
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(whole[: chance.randint(1, len(whole) - 1)])
            writers.append(writer)
    try:
        await scene.until_acknowledged(20)
    finally:
        for writer in writers:
            writer.close()
    return None


async def gone(scene: Scene, chance: random.Random) -> str | None:
    """Send whole deliveries and close the connection at once; the same records sent again are stored once."""

    async def deliver_and_leave(client: ResidentClient) -> None:
        source = chance.choice(sorted(client.expected.linked) or [""])
        if not source:
            return
        rows = [client.new_record(source, SOURCES[source][0], 1) for _ in range(3)]
        for _ in range(2):
            process = chance.choice(scene.city.processes)
            whole = _request(client, process.port, (Audience.SOURCE, source), "/v1/source/records", {"records": rows})
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", process.port)
                writer.write(whole)
                await writer.drain()
                await asyncio.sleep(chance.choice((0.0, 0.002, 0.01)))
                writer.transport.abort()
        client.begun[source] = rows

    await asyncio.gather(*(deliver_and_leave(client) for client in scene.clients))
    for client in scene.clients:
        client.next_acts.append("deliver_begun")
    return None


async def crowd(scene: Scene, chance: random.Random) -> str | None:
    """Send far more requests than are served, for some seconds; some may be answered 503 or 429, none 500."""
    deadline = time.monotonic() + chance.uniform(1.0, 3.0)

    async def read(client: ResidentClient) -> None:
        async with httpx2.AsyncClient(timeout=10) as http:
            headers = {"Authorization": f"Bearer {client.caller.token(*client.me)}"}
            while time.monotonic() < deadline:
                base = chance.choice(scene.city.bases)
                with suppress(httpx2.HTTPError):
                    answer = await http.get(f"{base}/v1/me/points", headers=headers)
                    scene.journal.statuses[answer.status_code] += 1

    await asyncio.gather(*(read(chance.choice(scene.clients)) for _ in range(CROWD)))
    return None


FAULTS = (
    Fault("half-sent requests", BOTH, 1, half_open),
    Fault("clients gone mid-write", BOTH, 1, gone),
    Fault("overload", BOTH, 1, crowd),
)
