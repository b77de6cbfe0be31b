"""Cost of a request: `python -m loadtests.benchmarks.routes`.

On one PostgreSQL (durable) and one Redis, each server one process: ours, and the thinnest that does the same work, a
bare Starlette app that caches verified tokens by their hash and asks asyncpg through the same pool. Reading is one
indexed row; redeeming is one indexed row and one statement that spends the ticket, takes from the quota and books the
redemption. The third is the bare app with the headers that a client of ours is promised: those for browsers, a request
id and, with points, an ETag. `--population` adds that many other residents (persons, subjects, consents, points),
several values one after another.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benefits.redemption import tickets
from consent import persons as people
from consent.crypto.blind_index import IndexUse, blind_index
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.document_kinds import DocumentKind
from loadtests.benchmarks import served
from service.app import create_app
from service.auth.access_tokens import CITY_ZONE, Audience
from service.demo import seed
from service.http.middleware import SECURITY_HEADERS
from service.http.rate_limits import make_limiter
from service.observability import logging
from service.runtime import server as serving
from service.storage import database
from service.storage.pool import CONNECTIONS_MAX, Pool
from tests.support import city as cities
from tests.support import servers

VENUE, BENEFIT = "city-library-main", "library-deposit"
READ_SLICES = 4
"""Turns of a round of reading, which takes a third of the time of one of redeeming."""
READ_BY_INDEX = """
SELECT s.total, s.dimensions, s.scheme_version, s.as_of, s.valid_until FROM subject i
  JOIN snapshot s ON s.person_id = i.person_id WHERE i.subject_index = $1
"""
READ_TICKET = """
SELECT t.benefit_id, t.benefit_version, t.venue_id, t.expires_at, s.total FROM ticket t
  JOIN snapshot s ON s.person_id = t.person_id WHERE t.handle_index = $1 AND t.redemption_id IS NULL
"""
REDEEM = """
WITH spent AS (UPDATE ticket SET redemption_id = $2 WHERE handle_index = $1 AND redemption_id IS NULL RETURNING 1),
taken AS (INSERT INTO quota_use (quota_key, taken, ends_on) SELECT $3, 1, $4 FROM spent
  ON CONFLICT (quota_key) DO UPDATE SET taken = quota_use.taken + 1 WHERE quota_use.taken < 1000000 RETURNING 1)
INSERT INTO redemption (redemption_id, handle_index, venue_id, benefit_id, benefit_version, day, hour, state)
SELECT $2, $1, $5, $6, $7, $4, 12, 'redeemed' FROM taken RETURNING 1
"""


def ours(folder: Path, url: str, redis_url: str) -> Starlette:
    """Ours, whole: every check, limit and header; the limits alone are so high that the load passes."""
    # The sequencer works in one process of several, in parallel to requests; loadtests.benchmarks.logs measures it.
    settings = replace(seed.settings_of(folder), database_url=url, integrate_seconds=3_600)
    settings = replace(settings, redis_url=redis_url, demo=False)
    limiter = make_limiter(redis_url, cities.UNLIMITED)
    return create_app(settings, seed.issuer_of(folder).verifier(), limiter=limiter)


def answer(content: bytes, status: int, with_headers: bool, *, tagged: bool = False) -> Response:
    """A JSON answer of the bare app, with the headers that ours has or without; `tagged` with an ETag among them."""
    if not with_headers:
        return Response(content, status, media_type="application/json")
    headers = {**SECURITY_HEADERS, "x-request-id": os.urandom(8).hex(), "cache-control": "no-store"}
    if tagged:
        headers |= {"cache-control": "private, no-cache", "vary": "Authorization, Accept-Language"}
        headers["etag"] = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    return Response(content, status, headers, "application/json")


def bare(folder: Path, url: str, *, with_headers: bool = False) -> Starlette:
    """The thinnest: a token's hash looked up, the statements, the answer's JSON."""
    known: dict[bytes, str] = {}
    pool: Pool | None = None
    verifier, keyring = seed.issuer_of(folder).verifier(), seed.settings_of(folder).keyring

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nonlocal pool
        await verifier.start()
        pool = Pool(dsn=url.replace("postgres://", "postgresql://", 1), max_size=CONNECTIONS_MAX)
        yield
        await pool.close()
        await verifier.stop()

    def who(audience: Audience, request: Request) -> str:
        token = request.headers["authorization"][7:]
        digest = hashlib.sha256(token.encode()).digest()
        person = known.get(digest)
        if person is None:
            principal: Any = verifier.verify(audience, token, datetime.now(UTC))
            person = (
                people.subject_index(keyring, principal.subject)
                if audience is Audience.RESIDENT
                else principal.client_id
            )
            known[digest] = person
        return person

    async def fetch(statement: str, *values: object) -> Any:
        assert pool is not None
        connection = await pool.acquire()
        try:
            return await connection.fetchrow(statement, *values)
        finally:
            await pool.release(connection)

    async def read(request: Request) -> Response:
        row = await fetch(READ_BY_INDEX, who(Audience.RESIDENT, request))
        body = {**row, "dimensions": orjson.loads(row["dimensions"])}
        return answer(orjson.dumps(body), 200, with_headers, tagged=True)

    async def redeem(request: Request) -> Response:
        venue_id, handle = who(Audience.VENUE, request), orjson.loads(await request.body())["handle"]
        index = tickets.index_of(keyring, handle)
        row = await fetch(READ_TICKET, index)
        assert row["venue_id"] == venue_id
        assert row["total"] >= 60
        redemption_id, key = secrets.token_hex(16), hashlib.sha256(handle.encode()).hexdigest()
        values = (index, redemption_id, key, 20261124, venue_id, row["benefit_id"], row["benefit_version"])
        (done,) = await fetch(REDEEM, *values)
        return answer(orjson.dumps({"redemption_id": redemption_id, "done": done}), 201, with_headers)

    async def plain(_: Request) -> Response:
        return Response(b"plain")

    routes = [
        Route("/v1/me/points", read),
        Route("/v1/venue/redemptions", redeem, methods=["POST"]),
        Route("/plain", plain),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def serve(which: str, folder: Path, url: str, redis_url: str, port: int) -> None:
    """One server process, as `credit-easy serve` runs it."""
    if which in ("bare", "bare with headers"):
        app = bare(folder, url, with_headers=which != "bare")
        uvicorn.run(app, port=port, access_log=False, server_header=False, log_config=None)
        return
    app = ours(folder, url, redis_url)
    logging.configure()  # as in production
    serving.tune_gc()
    uvicorn.run(app, port=port, **serving.OPTIONS)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class PreparedCity:
    """The city's residents: their tokens and the venue's, and the persons that tickets are for."""

    residents: list[str]
    venue: str
    persons: list[str]


async def prepare_city(folder: Path, url: str, residents: int) -> PreparedCity:
    """Create a demonstration city in the database `url` whose residents have points and consents; return it."""
    settings = replace(seed.settings_of(folder), database_url=url, integrate_seconds=3_600)
    await database.open_database(url)
    await database.migrate_all()
    await database.close_database()
    async with cities.running_city(settings, folder) as town:
        await seed.seed(town.app_context)
        async with queries.transaction():
            row = await queries.fetch_one(
                "SELECT body FROM document WHERE kind = 'benefits' AND document_id = $1", BENEFIT
            )
            assert row is not None
            often = {"quota": {"per_resident": {"count": 1_000_000, "period": "day"}}}
            await seed.publish(
                DocumentKind.BENEFITS, BENEFIT, {**json.loads(row["body"]), **often}, await queries.now()
            )
        tokens = []
        for number in range(residents):
            who = town.resident(f"bench-{number}")
            await who.volunteer(7_200, f"v-{number}")
            await who.consent_to_provider("city-library")
            assert await who.total() == 63
            tokens.append(who.token)
        persons = []
        for number in range(residents):
            known = await people.find(settings.keyring, f"bench-{number}")
            assert known is not None
            persons.append(known.person_id)
        return PreparedCity(tokens, town.venue(VENUE).token, persons)


OTHERS = """
CREATE TEMP TABLE other AS
  SELECT md5('other' || n) AS person_id, n FROM generate_series($1::bigint, $2) n ORDER BY person_id;
"""
"""Ordered by id: in random order every insert would read another page of the index."""
OTHERS_ROWS = (
    "INSERT INTO person SELECT person_id, 3, 3, md5(person_id) || md5(person_id), decode(repeat('ab', 63), 'hex'),"
    " decode(repeat('cd', 40), 'hex'), 0 FROM other",
    "INSERT INTO subject SELECT md5('subject' || n), person_id FROM other",
    "INSERT INTO consent (person_id, consent_id, purpose, counterpart, notice_id, notice_version, notice_sha256,"
    " state, given_at, expires_at) SELECT o.person_id, md5(p || n), p, c, 'n', 1, repeat('0', 64), 'given', 0,"
    " 9000000000000000 FROM other o, (VALUES ('points.compute', 'volunteer-service'),"
    " ('benefit.check', 'city-library')) AS v (p, c)",
    "INSERT INTO snapshot SELECT o.person_id, 3, s.scheme_version, s.timeline_sha256, s.total, s.dimensions, s.as_of,"
    " s.valid_until, s.covered_until, s.covered_from FROM other o, (SELECT * FROM snapshot LIMIT 1) s",
)


async def populate(url: str, before: int, total: int) -> None:
    """Add residents number `before` to `total`, who send no request: rows in every table that the two calls read."""
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    step = 1_000_000
    for first in range(before, total, step):
        async with connection.transaction():
            last = min(first + step, total) - 1
            await connection.execute(OTHERS.replace("$1::bigint", str(first)).replace("$2", str(last)))
            for statement in OTHERS_ROWS:
                await connection.execute(statement)
            await connection.execute("DROP TABLE other")
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")  # or the server still writes while the first requests are measured
    await connection.close()


async def issue(url: str, keyring: Keyring, persons: Sequence[str], count: int) -> list[str]:
    """New tickets straight into the table, as if shown a moment ago; the redeemed ones go. Their handles."""
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    now = int(datetime.now(UTC).timestamp() * 1e6)
    ids = [secrets.token_hex(16) for _ in range(count)]
    handles = [tickets.handle_of(keyring, ticket_id) for ticket_id in ids]
    today = datetime.now(CITY_ZONE).date().isoformat()
    counters = [
        tickets.counters_column([blind_index(keyring, IndexUse.QUOTA, today, f"bench-{number}", BENEFIT)])
        for number in range(len(persons))
    ]
    rows = [
        (
            tickets.index_of(keyring, handle),
            ticket_id,
            persons[place % len(persons)],
            BENEFIT,
            2,
            VENUE,
            now,
            now + 10**12,
            counters[place % len(persons)],
        )
        for place, (ticket_id, handle) in enumerate(zip(ids, handles, strict=True))
    ]
    columns = [
        "handle_index",
        "ticket_id",
        "person_id",
        "benefit_id",
        "benefit_version",
        "venue_id",
        "issued_at",
        "expires_at",
        "counters",
    ]
    await connection.execute("TRUNCATE ticket, redemption, quota_use, stored_answer")
    await connection.copy_records_to_table("ticket", records=rows, columns=columns)
    await connection.execute("CHECKPOINT")
    await connection.close()
    return handles


def compared(folder: Path, url: str, redis_url: str, city: PreparedCity, rounds: int, count: int) -> dict[str, Any]:
    """Compare both calls, ours with bare, on the present database."""
    keyring = seed.settings_of(folder).keyring
    reads = [served.get("/v1/me/points", city.residents[place % len(city.residents)]) for place in range(count)]

    def redeems() -> list[bytes]:
        handles = asyncio.run(issue(url, keyring, city.persons, count // 2))
        return [
            served.post("/v1/venue/redemptions", city.venue, orjson.dumps({"handle": handle}), secrets.token_hex(8))
            for handle in handles
        ]

    module, at = ["-m", "loadtests.benchmarks.routes", "--serve"], [str(folder), url, redis_url]
    with (
        served.running("ours", [*module, "ours", *at], 8471) as service,
        served.running("bare", [*module, "bare", *at], 8472) as other,
        served.running("bare with headers", [*module, "bare with headers", *at], 8473) as same,
    ):
        all_servers = (service, other, same)
        figures: dict[str, Any] = {
            "read my points": served.compare(rounds, all_servers, lambda: reads, 200, READ_SLICES),
            "redeem a ticket": served.compare(rounds, all_servers, redeems, 201),
        }
        figures["process"] = {"ready_seconds": round(service.ready_seconds, 2), "resident_mib": service.resident_mib}
        return figures


def main() -> None:
    """Furnish, serve, drive, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--serve", nargs=5)
    asked.add_argument("--residents", type=int, default=200)
    asked.add_argument("--population", type=int, nargs="*", default=[0])
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("--requests", type=int, default=4_000)
    chosen = asked.parse_args()
    if chosen.serve:
        which, name, url, redis_url, port = chosen.serve
        serve(which, Path(name), url, redis_url, int(port))
        return
    print(json.dumps(run(chosen.residents, chosen.population, chosen.rounds, chosen.requests), indent=1))


def run(residents: int, populations: Sequence[int], rounds: int, count: int) -> dict[str, Any]:
    """Both comparisons for each population, by its size."""
    figures, there = {}, 0
    with (
        tempfile.TemporaryDirectory() as name,
        servers.postgres(durable=True, tuned=True) as server,
        servers.redis() as redis_url,
    ):
        folder, url = Path(name), server.create()
        seed.settings_of(folder)
        city = asyncio.run(prepare_city(folder, url, residents))
        for population in populations:
            asyncio.run(populate(url, there, population))
            there = population
            figures[str(population)] = compared(folder, url, redis_url, city, rounds, count)
    return figures


if __name__ == "__main__":
    main()
