"""Fixtures: real databases of both engines, a real Redis, and a seeded city on each."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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

# No example is judged by its time. Every run tries the same ones, so that a failure is the change's;
# `--hypothesis-profile search` generates new ones, four times as many, and so do the campaigns.
settings.register_profile(
    "usual", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", settings.get_profile("usual"), derandomize=False, max_examples=200)


EVERYDAY = "not campaign and not pages"
"""The marks that pyproject.toml gives where the command line gives none."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose marks and the Hypothesis profile where the command line does not; set the models up once.

    A run of everything leaves the tests that start processes to a run of their own, which takes as long again. A run of
    files or folders by name has them.
    """
    if config.option.markexpr == EVERYDAY and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.option.markexpr = f"{EVERYDAY} and not processes"
    if config.getoption("--hypothesis-profile", default=None) is None:
        settings.load_profile("search" if config.option.markexpr == "campaign" else "usual")
    model_setup.set_up_models_once()


@pytest.fixture(autouse=True)
def uncounted_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log lines of a test are counted from zero: the bound is the process's, and a test is over within a minute."""
    monkeypatch.setattr(logging, "_lines", BoundedLines())


ENGINE_PARAMETERS = ("city_settings", "shared_city_settings")
"""Fixtures that exist once for each engine. Most flows cannot tell the engines apart: they run on SQLite alone."""
ENGINES = ["sqlite", "postgres"] + ["citus"] * (clusters.VARIABLE in os.environ)
"""Engines of a city for one test; Citus only where the environment names a running cluster."""
MARKER_OF_ENGINE = {"postgres": "both_engines", "citus": "cluster"}
SLOW_FIXTURES = frozenset(
    {
        "postgres", "redis_url", "empty_database_url", "migrated_database_url", "seeded_sqlite", "city_settings",
        "shared_city_settings",
    }
)  # fmt: skip
"""A test that uses one of these needs a database or a server and is no unit test."""


NOT_UNIT = ("processes", "pages", "campaign", "slow")
"""Markers of tests that start a process or a browser, or that take a second or more each."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark unit tests and Citus variants, and drop the variants of engines that a test is not marked for.

    First of all hooks, so that `-m unit` and `-m campaign` already see the marks.
    """
    chosen: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        assert isinstance(item, pytest.Function)
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        engine = next((parameters[name] for name in ENGINE_PARAMETERS if name in parameters), None)
        marker = MARKER_OF_ENGINE.get(engine) if isinstance(engine, str) else None
        (dropped if marker and not item.get_closest_marker(marker) else chosen).append(item)
        if engine == "citus":
            item.add_marker(pytest.mark.campaign)
        if not SLOW_FIXTURES & set(item.fixturenames) and not any(map(item.get_closest_marker, NOT_UNIT)):
            item.add_marker(pytest.mark.unit)
    config.hook.pytest_deselected(items=dropped)
    items[:] = chosen


def pytest_collection_finish() -> None:
    """Collect garbage as seldom as the service does: all that was collected as a test stays until the end."""
    tune_gc()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Everything runs on asyncio with uvloop, as in production; it takes a tenth less of a test's processor time."""
    return "asyncio", {"use_uvloop": sys.platform != "win32"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        yield url


PIECES = int(os.environ.get("TEST_PARTITIONS", "0")) or None
"""Number of partitions; when set, every test with a seeded city on PostgreSQL runs on partitioned tables."""


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'city.sqlite3'}"
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


@pytest.fixture(scope="session")
def migrated_postgres(postgres: servers.Postgres) -> str:
    """The name of a PostgreSQL database with all migrations applied, to be copied."""
    url = postgres.create()
    asyncio.run(_migrate(url))
    return servers.name_of(url)


async def _migrate(url: str) -> None:
    await database.open_database(url)
    try:
        await database.migrate_all()
    finally:
        await database.close_database()


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database with all migrations applied: a copy, which takes a tenth of the migrations' time."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "city.sqlite3")
        return f"sqlite://{tmp_path / 'city.sqlite3'}"
    return _created(request, request.getfixturevalue("migrated_postgres"))


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


@pytest.fixture(scope="session")
def seeded_postgres(demo_folder: Path, postgres: servers.Postgres) -> str:
    """The name of a seeded PostgreSQL database, to be copied."""
    url = postgres.create()
    postgres.create_service_role()
    settings = replace(seed.settings_of(demo_folder), database_url=url)
    asyncio.run(seed_database(settings, PIECES, service_role=servers.SERVICE_ROLE))
    return servers.name_of(url)


@pytest.fixture(params=ENGINES)
def city_settings(request: pytest.FixtureRequest, demo_folder: Path, tmp_path: Path) -> Settings:
    """Settings of a seeded city for one test, once on each engine."""
    return _copied(request, demo_folder, tmp_path)


@pytest.fixture
async def town(city_settings: Settings, demo_folder: Path) -> AsyncIterator[city.City]:
    """A running, seeded city for one test alone."""
    async with city.running_city(city_settings, demo_folder) as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_city_settings(
    request: pytest.FixtureRequest, demo_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings of a seeded city for a whole module."""
    return _copied(request, demo_folder, tmp_path_factory.mktemp("town"))


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
    url = _created(request, request.getfixturevalue("seeded_postgres"))
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
