"""The models' set-up for an engine, which tests restore instead of repeating it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tortoise import Tortoise

from service.storage import database
from tests.support import servers
from tests.support.model_setup import PARTS

pytestmark = pytest.mark.anyio


async def set_up_for(url: str) -> dict[str, Any]:
    """Return what distinguishes the models of an engine: filters, kinds of columns and the dialect of queries."""
    await database.open_database(url)
    try:
        metas = [model._meta for app in Tortoise.apps.values() for model in app.values()]
        assert all(type(meta.basequery) is type(meta.db.query_class.from_("x")) for meta in metas)
        return {f"{meta.db_table}.{part}": str(getattr(meta, part)) for meta in metas for part in PARTS}
    finally:
        await database.close_database()


async def test_models_are_set_up_for_the_engine_that_is_open(tmp_path: Path, postgres: servers.Postgres) -> None:
    sqlite, server = f"sqlite://{tmp_path / 'city.sqlite3'}", postgres.create()
    first, second = await set_up_for(sqlite), await set_up_for(server)
    assert first != second
    assert await set_up_for(sqlite) == first
    assert await set_up_for(server) == second
