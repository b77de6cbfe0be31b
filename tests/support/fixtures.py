"""Fixtures: real databases of both engines, a real Redis, and a seeded city on each. Loaded by tests/conftest.py."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from starlette import routing

from consent.database import queries
from service.demo import seed
from service.observability import logging
from service.observability.bounded_lines import BoundedLines
from service.runtime.server import tune_gc
from service.settings import Settings
from service.storage import database
from tests.support import city, clusters, keyrings, model_setup, servers
from tests.support.seeding import seed_database
from tests.support.sharing import created_once

ENGINES = ["sqlite", "postgres"] + ["citus"] * (clusters.VARIABLE in os.environ)
"""Engines of a city for one test; Citus only where the environment names a running cluster."""
MIGRATED, SEEDED = "migrated", "seeded"
"""Names of the databases that every PostgreSQL server of the tests has, to be copied."""


def pytest_configure() -> None:
    """Do once what each start of a city would repeat: set the models up for an engine, and compile the paths."""
    model_setup.set_up_models_once()
    routing.compile_path = cache(routing.compile_path)


def pytest_collection_finish() -> None:
    """Collect garbage as seldom as the service does: all that was collected as a test stays until the end."""
    tune_gc()


@pytest.fixture(autouse=True)
def uncounted_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log lines of a test are counted from zero: the bound is the process's, and a test is over within a minute."""
    monkeypatch.setattr(logging, "_lines", BoundedLines())


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Everything runs on asyncio with uvloop, as in production; it takes a tenth less of a test's processor time."""
    return "asyncio", {"use_uvloop": sys.platform != "win32"}


@pytest.fixture(scope="session")
def prepared_postgres(run_folder: Path, demo_folder: Path) -> Path:
    """The data folder of a stopped server with the databases MIGRATED and SEEDED, made once in a run, to be copied."""
    settings = seed.settings_of(demo_folder)

    def make(path: Path) -> None:
        with servers.postgres(copied_to=path) as server:
            asyncio.run(_migrate(server.create(name=MIGRATED)))
            server.create_service_role()
            seeded = replace(settings, database_url=server.create(name=SEEDED))
            asyncio.run(seed_database(seeded, PIECES, service_role=servers.SERVICE_ROLE))

    return created_once(run_folder / "postgres", make)


@pytest.fixture(scope="session")
def postgres(prepared_postgres: Path) -> Iterator[servers.Postgres]:
    """A server of this process alone."""
    with servers.postgres(copied_from=prepared_postgres) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        yield url


PIECES = int(os.environ.get("TEST_PARTITIONS", "0")) or None
"""Number of partitions; when set, every test with a seeded city on PostgreSQL runs on partitioned tables."""


@pytest.fixture(scope="session")
def memory_folder() -> Iterator[Path]:
    """A folder in memory, if enough of it is free, for databases of tests: a commit waits for no disk."""
    folder = servers.memory_folder()
    with tempfile.TemporaryDirectory(prefix="ce-tests-", dir=folder, ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def city_folder(memory_folder: Path) -> Iterator[Path]:
    """A folder for the database and the published log of the city of one test; deleted after it."""
    with tempfile.TemporaryDirectory(dir=memory_folder, ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, city_folder: Path) -> str:
    """The URL of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite://{city_folder / 'city.sqlite3'}"
    return _created(request)


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run of pytest share; a worker of pytest-xdist has its own inside of it."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if hasattr(request.config, "workerinput") else folder


@pytest.fixture(scope="session")
def migrated_sqlite(run_folder: Path) -> Path:
    """The path of an SQLite file with all migrations applied, to be copied."""
    return created_once(run_folder / "migrated.sqlite3", lambda path: asyncio.run(_migrate(f"sqlite://{path}")))


async def _migrate(url: str) -> None:
    await database.open_database(url)
    try:
        await database.migrate_all()
    finally:
        await database.close_database()


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_database_url(request: pytest.FixtureRequest, city_folder: Path) -> str:
    """The URL of a new database with all migrations applied: a copy, which takes a tenth of the migrations' time."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), city_folder / "city.sqlite3")
        return f"sqlite://{city_folder / 'city.sqlite3'}"
    return _created(request, MIGRATED)


@pytest.fixture
async def opened(migrated_database_url: str) -> AsyncIterator[str]:
    """An open database with all migrations applied; yields its URL."""
    await database.open_database(migrated_database_url)
    try:
        await queries.now()  # SQLite connects at its first statement
        yield migrated_database_url
    finally:
        await database.close_database()


@pytest.fixture(scope="session")
def demo_folder(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the keys of the city under test: the same keys in every process of a run."""
    keys = created_once(run_folder / "keys", lambda folder: (seed.settings_of(folder), seed.issuer_of(folder)))
    return Path(shutil.copytree(keys, tmp_path_factory.mktemp("city") / "keys"))


@pytest.fixture(scope="session")
def seeded_sqlite(run_folder: Path, demo_folder: Path) -> Path:
    """The path of a seeded SQLite file, to be copied."""
    settings = seed.settings_of(demo_folder)
    return created_once(
        run_folder / "seeded.sqlite3",
        lambda path: asyncio.run(seed_database(replace(settings, database_url=f"sqlite://{path}"))),
    )


@pytest.fixture
def seeded_postgres(postgres: servers.Postgres) -> str:
    """The name of a seeded PostgreSQL database, to be copied."""
    return SEEDED


@pytest.fixture(params=ENGINES)
def city_settings(request: pytest.FixtureRequest, demo_folder: Path, city_folder: Path) -> Settings:
    """Settings of a seeded city for one test, once on each engine."""
    return _copied(request, demo_folder, city_folder)


@pytest.fixture
async def town(city_settings: Settings, demo_folder: Path) -> AsyncIterator[city.City]:
    """A running, seeded city for one test alone."""
    async with city.running_city(city_settings, demo_folder) as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_city_settings(request: pytest.FixtureRequest, demo_folder: Path, memory_folder: Path) -> Settings:
    """Settings of a seeded city for a whole module."""
    return _copied(request, demo_folder, Path(tempfile.mkdtemp(dir=memory_folder)))


@pytest.fixture(scope="module")
async def shared_city(shared_city_settings: Settings, demo_folder: Path) -> AsyncIterator[city.City]:
    """A seeded city that all tests of a module share; for tests that change nothing. Never together with `town`."""
    async with city.running_city(shared_city_settings, demo_folder) as running:
        yield running


def _copied(request: pytest.FixtureRequest, demo_folder: Path, folder: Path) -> Settings:
    settings = seed.settings_of(demo_folder)
    (folder / "published").mkdir()
    # A copy of a database continues nothing: it has a folder of its own, and its logs advance when a test says so.
    publisher = replace(settings.publisher, folder=folder / "published")
    settings = replace(settings, publisher=publisher, integrate_seconds=3_600)
    if request.param == "sqlite":
        original: Path = request.getfixturevalue("seeded_sqlite")
        shutil.copy(original, folder / "city.sqlite3")
        return replace(settings, database_url=f"sqlite://{folder / 'city.sqlite3'}")
    if request.param == "citus":
        # A distributed database cannot be copied from a template: each test seeds its own.
        cluster = clusters.Cluster(os.environ[clusters.VARIABLE])
        settings = replace(settings, database_url=asyncio.run(cluster.create()))
        request.addfinalizer(lambda: asyncio.run(cluster.drop(settings.database_url)))
        asyncio.run(seed_database(settings, distributed=True))
        return settings
    url = _created(request, SEEDED)
    if request.node.get_closest_marker("database_owner"):
        return replace(settings, database_url=url)
    server: servers.Postgres = request.getfixturevalue("postgres")
    return replace(settings, database_url=server.url(servers.name_of(url), servers.SERVICE_ROLE))


def _created(request: pytest.FixtureRequest, template: str = "template1") -> str:
    """Return the URL of a new database, dropped some time after the test."""
    server: servers.Postgres = request.getfixturevalue("postgres")
    url = server.create(template)
    request.addfinalizer(lambda: server.drop_later(url))
    return url


@pytest.fixture
def keyring_path(tmp_path: Path, city_settings: Settings) -> Path:
    """The keyring file of the city under test, on the first host."""
    return keyrings.write_file(city_settings, tmp_path)
