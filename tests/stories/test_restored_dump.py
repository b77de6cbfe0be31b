"""A damaged PostgreSQL database is replaced by a dump, by the SQL and commands of the docs as they are written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.demo import seed
from service.jobs import background
from service.settings import Settings
from tests.support import city, means
from tests.support.command_line import run_command
from tests.support.docs_blocks import block
from tests.support.environment import settings_environment
from tests.support.operator import Operator, new_operator
from tests.support.seeding import seed_database

pytestmark = [pytest.mark.anyio, pytest.mark.processes]
PAGE = "how-to/back-up-and-restore.md"


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with new_operator(tmp_path) as operator:
        yield operator


def settings_of(operator: Operator, demo_folder: Path, role: str) -> Settings:
    chosen = seed.settings_of(demo_folder)
    publisher = replace(chosen.publisher, folder=operator.etc / "published")
    return replace(chosen, database_url=operator.url(role), publisher=publisher, integrate_seconds=3_600)


async def test_a_dump_replaces_a_damaged_database(operator: Operator, demo_folder: Path) -> None:
    await seed_database(settings_of(operator, demo_folder, "credit_easy_owner"), service_role="credit_easy")
    settings = settings_of(operator, demo_folder, "credit_easy")
    async with city.running_city(settings, demo_folder) as town:
        for name in ("stays", "stops"):
            await town.resident(name).volunteer(7_200, f"v-{name}")
        slip = await means.new_slip(await means.reader(town))
        binding_id, token = await means.new_binding(town, town.resident("wang"))
        booking_id = await means.new_booking(await means.patient(town), await means.new_session(town))
        await background.advance_logs(town.app_context)
    await asyncio.to_thread(operator.paste, block(PAGE, "PostgreSQL: a dump", "sh"))
    async with city.running_city(settings, demo_folder) as town:
        await town.resident("stops").post("/v1/me/withdrawals", {"scope": "all"})
        for name, path in (
            ("wang", f"slips/{slip['slip_id']}"), ("wang", f"bindings/{binding_id}"), ("sun", f"bookings/{booking_id}"),
        ):  # fmt: skip
            assert (await town.resident(name).delete(f"/v1/me/{path}")).status_code == 200
        await background.advance_logs(town.app_context)

    await asyncio.to_thread(operator.run_sql, block(PAGE, "Restore a dump", "sql"))
    await asyncio.to_thread(operator.paste, block(PAGE, "Restore a dump", "sh"))
    await asyncio.to_thread(require_migrated, operator, demo_folder)
    async with city.running_city(settings, demo_folder) as town:
        assert await town.resident("stays").total() == 63
        assert await town.resident("stops").total() == 0
        for shown in ({"short_code": slip["short_code"]}, {"binding_token": token}):
            assert (await town.venue().post("/v1/venue/redemptions", shown)).content == means.STANDARD_TERMS
        assert (await town.resident("sun").get("/v1/me/bookings")).json()["data"] == []
        consents = (await town.resident("stops").get("/v1/me/consents")).json()["data"]
        assert [consent["state"] for consent in consents] == ["withdrawn"]


def require_migrated(operator: Operator, demo_folder: Path) -> None:
    """`migrate` has nothing left to do, `doctor` accepts the roles and their rights, and sees that a log is behind."""
    folder = operator.work / "settings"
    folder.mkdir()
    shared = {
        "KEYRING": str(demo_folder / "keyring.json"),
        "LOG_KEY": str(demo_folder / "log-key.pem"),
        "LOG_HOST": "demo.credit-easy.invalid",
        "SIGNING_KEY": str(demo_folder / "signing-key.pem"),
        "LOG_FOLDER": str(operator.etc / "published"),
    }
    as_owner = settings_environment(folder, DATABASE_URL=operator.url("credit_easy_owner"), **shared)
    migrated = run_command("migrate", "--service-role", "credit_easy", env=as_owner)
    assert (migrated.returncode, migrated.stdout) == (0, "nothing to do\n"), migrated.stderr
    examined = run_command(
        "doctor", env=settings_environment(folder, DATABASE_URL=operator.url("credit_easy"), **shared)
    )
    verdicts = dict(line.split("  ", 1) for line in examined.stdout.splitlines() if "  " in line)
    for check in ("migrations", "role", "keys"):
        assert verdicts[check].strip().startswith("ok"), examined.stdout
    # Leaves after the dump are published and lost with the database.
    assert "credit-easy new-log-epoch consent" in verdicts["log folder"], examined.stdout
