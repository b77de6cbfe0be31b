"""FastAPI on the SQLAlchemy ORM: `uvicorn loadtests.benchmarks.peers.fastapi_sqlalchemy.app:app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from loadtests.benchmarks.peers.common import http, rules, settings
from loadtests.benchmarks.peers.common.asgi import CommonMiddleware
from loadtests.benchmarks.peers.common.http import HandleBody
from loadtests.benchmarks.peers.common.limits import RateCounter
from loadtests.benchmarks.peers.common.problems import MEDIA_TYPE, Problem
from loadtests.benchmarks.peers.common.tokens import TokenVerifier
from loadtests.benchmarks.peers.fastapi_sqlalchemy import reading
from loadtests.benchmarks.peers.fastapi_sqlalchemy.redeeming import Redeemer
from loadtests.benchmarks.peers.fastapi_sqlalchemy.state import CatalogueCache

SETTINGS = settings.read()
RATES = RateCounter()
VERIFIER = TokenVerifier(SETTINGS.issuers)
USER, FOLDER, NAME = SETTINGS.database
ENGINE = create_async_engine(
    URL.create("postgresql+asyncpg", username=USER, database=NAME, query={"host": FOLDER}),
    pool_size=settings.CONNECTIONS,
    max_overflow=0,
)
new_session = async_sessionmaker(ENGINE, expire_on_commit=False)
CATALOGUE = CatalogueCache()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Load keys and the catalogue before the first request."""
    VERIFIER.start()
    async with new_session() as session:
        await CATALOGUE.load(session)
    yield
    await ENGINE.dispose()


app = FastAPI(lifespan=lifespan, max_body_size=settings.BODY_BYTES_MAX)
app.add_middleware(CommonMiddleware, rates=RATES, allowed_hosts=SETTINGS.allowed_hosts)


class DimensionAnswer(BaseModel):
    """Points of one dimension."""

    dimension: str
    points: int
    cap: int


class PointsAnswer(BaseModel):
    """The answer of `GET /v1/me/points`."""

    total: int
    dimensions: list[DimensionAnswer]
    scheme_version: str
    as_of: str
    valid_until: str | None


@app.exception_handler(Problem)
async def refuse(_: Request, problem: Problem) -> Response:
    """Answer a refusal."""
    return Response(problem.body(), problem.status, problem.headers(), MEDIA_TYPE)


@app.exception_handler(RequestValidationError)
async def refuse_body(request: Request, _: RequestValidationError) -> Response:
    """Answer an unusable body."""
    return await refuse(request, Problem(422, "body_invalid"))


async def open_session() -> AsyncIterator[AsyncSession]:
    """Provide the session of a request."""
    async with new_session() as session:
        yield session


async def resident(authorization: Annotated[str, Header()] = "") -> str:
    """Provide the subject of a resident's token. Raises Problem 401, 403 or 429."""
    return _admit("resident", authorization)


async def venue_client(authorization: Annotated[str, Header()] = "") -> str:
    """Provide the client id of a venue's token. Raises Problem 401, 403 or 429."""
    return _admit("venue", authorization)


Session = Annotated[AsyncSession, Depends(open_session)]


@app.get("/v1/me/points")
async def read_points(
    subject: Annotated[str, Depends(resident)],
    session: Session,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Answer the resident's points, with an entity tag."""
    index = SETTINGS.keyring.blind_index("subject", subject)
    balance, now = await reading.read_balance(session, CATALOGUE, index, SETTINGS.zone)
    content = PointsAnswer(**rules.points_body(balance, now)).model_dump_json().encode()
    tag = http.entity_tag(content)
    headers = {"ETag": tag, **http.CACHE_HEADERS}
    if http.tag_matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


@app.post("/v1/venue/redemptions")
async def redeem(
    request: Request,
    body: HandleBody,
    client_id: Annotated[str, Depends(venue_client)],
    session: Session,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Response:
    """Redeem a ticket once, or repeat the stored answer of the same Idempotency-Key."""
    raw = await request.body()
    key = http.answer_key(SETTINGS.keyring, client_id, idempotency_key, request.url.path, raw)
    redeemer = Redeemer(session, CATALOGUE, SETTINGS.keyring, SETTINGS.zone)
    async with session.begin():
        answer = await redeemer.redeem(client_id, rules.normal_handle(body.handle), key)
    headers = http.REPLAYED if answer.replayed else None
    return Response(answer.body, answer.status, headers, "application/json")


def _admit(audience: str, authorization: str) -> str:
    subject = VERIFIER.subject(audience, authorization)
    wait = RATES.count(audience, subject)
    if wait is not None:
        raise Problem(429, "rate_limited", wait)
    return subject
