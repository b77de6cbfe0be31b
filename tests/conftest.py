"""Fixtures: real databases of both engines, a real Redis, and a furnished city on each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service import store
from tests import servers


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Everything runs on asyncio, as in production."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'city.sqlite3'}"
    url: str = request.getfixturevalue("postgres").create()
    return url


@pytest.fixture
async def opened(empty_database_url: str) -> AsyncIterator[str]:
    """A database brought up to date and open."""
    await store.open_database(empty_database_url)
    try:
        await store.bring_up_to_date()
        yield empty_database_url
    finally:
        await store.close_database()
