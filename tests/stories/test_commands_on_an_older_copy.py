"""Commands on an older copy of the database: what has ended since is ended in it before records are used."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from consent.database import queries
from consent.transparency import log_folder
from service.jobs import background
from service.runtime.exit_codes import ExitCode
from service.settings import Settings
from service.storage import database
from tests.support import city
from tests.support.command_line import run_command
from tests.support.copies import copied
from tests.support.environment import demo_keys, settings_environment

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines, pytest.mark.processes]


def environment_of(settings: Settings, keys: Path) -> dict[str, str]:
    """Return the environment of a command on these settings, whose keys are those of the demonstration in `keys`."""
    return settings_environment(
        keys,
        DATABASE_URL=settings.database_url,
        **demo_keys(keys),
        LOG_FOLDER=str(settings.publisher.folder),
    )


@pytest.mark.parametrize("command", ["recompute", "import"])
async def test_a_command_on_an_older_copy_uses_no_record_of_what_has_ended(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest, command: str
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        wu = town.resident("wu")
        await wu.volunteer(7_200, "v-wu")
        consent_id = (await wu.get("/v1/me/consents")).json()["data"][0]["consent_id"]
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        assert (await town.resident("wu").post("/v1/me/withdrawals", {"scope": "all"})).json() == {"withdrawn": 1}
    rows, mapping = tmp_path / "rows.csv", tmp_path / "rows.yaml"
    rows.write_text("id,who,day,n\nlate,v-wu,2025-06-01,60\n")
    mapping.write_text(
        "format: csv\ncolumns: {record_id: id, account: who, occurred_on: day, quantity: n}\nkind: volunteer_minutes\n"
    )
    importing = (command, str(rows), "--source", "volunteer-service", "--mapping", str(mapping))
    arguments = importing if command == "import" else (command,)
    done = await asyncio.to_thread(run_command, *arguments, env=environment_of(older, demo_folder))
    nothing_taken = ExitCode.NOTHING_TAKEN if command == "import" else 0
    assert done.returncode == nothing_taken, done.stderr
    if command == "import":
        assert json.loads(done.stdout)["refused"] == {"not_authorised": 1}
    await database.open_database(older.database_url)
    try:
        stored = await queries.fetch_all(
            "SELECT c.state, (SELECT count(*) FROM record r WHERE r.person_id = c.person_id) AS records,"
            " (SELECT count(*) FROM snapshot s WHERE s.person_id = c.person_id) AS balances"
            " FROM consent c WHERE c.consent_id = $1",
            consent_id,
        )
        assert stored == [{"state": "withdrawn", "records": 0, "balances": 0}]
    finally:
        await database.close_database()


@pytest.mark.parametrize("command", ["recompute", "import"])
async def test_a_command_with_the_log_folder_of_another_database_uses_nothing(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, command: str
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await background.advance_logs(town.app_context)
    other = tmp_path / "other"
    other.mkdir()
    (other / log_folder.MARKER).write_text("another database\n")
    publisher = replace(city_settings.publisher, folder=other)
    environment = environment_of(replace(city_settings, publisher=publisher), demo_folder)
    importing = (command, "rows.csv", "--source", "volunteer-service", "--mapping", "rows.yaml")
    done = await asyncio.to_thread(run_command, *(importing if command == "import" else (command,)), env=environment)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("CREDIT_EASY_LOG_FOLDER: ")
