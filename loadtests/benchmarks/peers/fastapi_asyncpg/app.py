"""FastAPI on raw asyncpg: `uvicorn loadtests.benchmarks.peers.fastapi_asyncpg.app:app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import orjson
from fastapi import FastAPI, Request, Response
from pydantic import ValidationError

from loadtests.benchmarks.peers.common import http, rules, settings
from loadtests.benchmarks.peers.common.asgi import CommonMiddleware
from loadtests.benchmarks.peers.common.limits import RateCounter
from loadtests.benchmarks.peers.common.problems import MEDIA_TYPE, Problem
from loadtests.benchmarks.peers.common.tokens import TokenVerifier
from loadtests.benchmarks.peers.fastapi_asyncpg import statements
from loadtests.benchmarks.peers.fastapi_asyncpg.redeeming import Redeemer

SETTINGS = settings.read()
RATES = RateCounter()
VERIFIER = TokenVerifier(SETTINGS.issuers)


async def keep_session(_: asyncpg.Connection) -> None:
    """Skip asyncpg's reset, a round trip at every release: no request changes session state here."""


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    """Open the pool and load what every request needs."""
    user, folder, name = SETTINGS.database
    VERIFIER.start()
    pool = await asyncpg.create_pool(
        user=user,
        host=folder,
        database=name,
        min_size=settings.CONNECTIONS,
        max_size=settings.CONNECTIONS,
        reset=keep_session,
    )
    application.state.pool = pool
    application.state.redeemer = Redeemer(SETTINGS.keyring, SETTINGS.zone)
    async with pool.acquire() as connection:
        await application.state.redeemer.load_catalogue(connection)
    yield
    await pool.close()


app = FastAPI(lifespan=lifespan, max_body_size=settings.BODY_BYTES_MAX)
app.add_middleware(CommonMiddleware, rates=RATES, allowed_hosts=SETTINGS.allowed_hosts)


@app.exception_handler(Problem)
async def refuse(_: Request, problem: Problem) -> Response:
    """Answer a refusal."""
    return Response(problem.body(), problem.status, problem.headers(), MEDIA_TYPE)


def admit(audience: str, request: Request) -> str:
    """Return the subject of the request's token, counted against its rate. Raises Problem 401, 403 or 429."""
    subject = VERIFIER.subject(audience, request.headers.get("authorization", ""))
    wait = RATES.count(audience, subject)
    if wait is not None:
        raise Problem(429, "rate_limited", wait)
    return subject


@app.get("/v1/me/points")
async def read_points(request: Request) -> Response:
    """Answer the resident's points, with an entity tag."""
    subject = admit("resident", request)
    redeemer: Redeemer = request.app.state.redeemer
    index = SETTINGS.keyring.blind_index("subject", subject)
    async with request.app.state.pool.acquire() as connection:
        row = await connection.fetchrow(statements.READ_POINTS, index)
        if not redeemer.catalogue.is_current(row["changes"], row["at"]):
            await redeemer.load_catalogue(connection)
    if row["withheld"]:
        raise Problem(503, "records_withheld", 5)
    now = rules.moment(row["at"], SETTINGS.zone)
    balance = rules.StoredBalance.from_row(row) if row["has_balance"] else None
    if balance is None or not rules.is_usable(balance, redeemer.catalogue, now):
        raise Problem(503, "not_computed", 5)
    content = orjson.dumps(rules.points_body(balance, now))
    tag = http.entity_tag(content)
    headers = {"ETag": tag, **http.CACHE_HEADERS}
    if http.tag_matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


@app.post("/v1/venue/redemptions")
async def redeem(request: Request) -> Response:
    """Redeem a ticket once, or repeat the stored answer of the same Idempotency-Key."""
    client_id = admit("venue", request)
    raw = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "not_json")
    try:
        body = http.HandleBody.model_validate_json(raw)
    except ValidationError:
        raise Problem(422, "body_invalid") from None
    key = http.answer_key(SETTINGS.keyring, client_id, request.headers.get("idempotency-key"), request.url.path, raw)
    redeemer: Redeemer = request.app.state.redeemer
    async with request.app.state.pool.acquire() as connection:
        answer = await redeemer.redeem(connection, client_id, rules.normal_handle(body.handle), key)
    headers = http.REPLAYED if answer.replayed else None
    return Response(answer.body, answer.status, headers, "application/json")
