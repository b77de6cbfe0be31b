"""Marks and Hypothesis profiles of a run of tests; the fixtures are in tests/support/fixtures.py."""

from __future__ import annotations

import gc
import traceback
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No example is judged by its time. Every run tries the same ones, so that a failure is the change's;
# `--hypothesis-profile search` generates new ones, four times as many, and so do the campaigns.
settings.register_profile(
    "usual", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", settings.get_profile("usual"), derandomize=False, max_examples=200)


EVERYDAY = "not campaign and not pages"
"""The marks that pyproject.toml gives where the command line gives none."""
FIXTURES = "tests.support.fixtures"
PAGES = Path(__file__).parent / "pages"
"""Tests with the mark `pages`, and only they, are in this folder."""
STORIES = Path(__file__).parent / "stories"
"""Whole flows over HTTP. None counts as a unit test, even without a city, so that `-m unit` imports none of them."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose marks and the Hypothesis profile where the command line does not; load the fixtures where tests run.

    A run of everything leaves two kinds of tests to runs of their own: those that start processes, and on PostgreSQL
    those with `both_engines(everyday=False)`. A run of files or folders by name has both.
    """
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        # To import these takes longer than many tests.
        left_out = {EVERYDAY: [PAGES], "unit": [PAGES, STORIES]}.get(config.option.markexpr, [])
        config.option.ignore = [*(config.option.ignore or ()), *map(str, left_out)]
        if config.option.markexpr == EVERYDAY:
            config.option.markexpr = f"{EVERYDAY} and not processes and not rest_on_postgres"
    if config.getoption("--hypothesis-profile", default=None) is None:
        settings.load_profile("search" if config.option.markexpr == "campaign" else "usual")
    # The process that distributes the tests over pytest-xdist's workers runs none: importing the service would keep
    # the workers waiting.
    if not config.getoption("tx", default=None) or hasattr(config, "workerinput"):
        gc.disable()  # until all tests are collected, which makes much and frees nothing
        try:
            config.pluginmanager.import_plugin(FIXTURES)
        except Exception as failure:
            cause = traceback.format_exception(failure.__cause__ or failure, limit=-3)
            raise pytest.UsageError(
                "the service cannot be imported; the cause is in the last line\n" + "".join(cause)
            ) from None


ENGINE_PARAMETERS = ("city_settings", "shared_city_settings")
"""Fixtures that exist once for each engine. Most flows cannot tell the engines apart: they run on SQLite alone."""
MARKER_OF_ENGINE = {"postgres": "both_engines", "citus": "cluster"}
SLOW_FIXTURES = frozenset(
    {
        "postgres", "prepared_postgres", "redis_url", "empty_database_url", "migrated_database_url", "seeded_sqlite",
        "city_settings", "shared_city_settings",
    }
)  # fmt: skip
"""A test that uses one of these needs a database or a server and is no unit test."""
RUN_BY_NAME = frozenset({"processes", "pages", "campaign"})
"""Markers of tests that have runs of their own, on whichever engine."""
NOT_UNIT = RUN_BY_NAME | {"slow"}
"""Markers of tests that start a process or a browser, or that take a second or more each."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark unit tests and variants of engines that have runs of their own; drop variants a test is not marked for.

    First of all hooks, so that `-m unit` and `-m campaign` already see the marks.
    """
    chosen: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        assert isinstance(item, pytest.Function)
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        engine = next((parameters[name] for name in ENGINE_PARAMETERS if name in parameters), None)
        needed = MARKER_OF_ENGINE.get(engine) if isinstance(engine, str) else None
        marker = item.get_closest_marker(needed) if needed else None
        (dropped if needed and not marker else chosen).append(item)
        if engine == "citus":
            item.add_marker(pytest.mark.campaign)
        names = {mark.name for mark in item.iter_markers()}
        everyday = marker is None or marker.kwargs.get("everyday", True)
        if engine == "postgres" and not everyday and RUN_BY_NAME.isdisjoint(names):
            item.add_marker(pytest.mark.rest_on_postgres)
        pure = SLOW_FIXTURES.isdisjoint(item.fixturenames) and NOT_UNIT.isdisjoint(names)
        if pure and STORIES not in item.path.parents:
            item.add_marker(pytest.mark.unit)
    config.hook.pytest_deselected(items=dropped)
    items[:] = chosen
