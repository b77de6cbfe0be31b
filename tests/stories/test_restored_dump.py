"""A damaged PostgreSQL database is replaced by a dump, by the SQL and commands of the docs as they are written."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from service.demo import seed
from service.deployment import city_folder
from service.deployment.plan import CityPlan, plan_database
from service.deployment.provider_metadata import guess_provider
from service.jobs import background
from service.settings import Settings
from tests.support import city, servers
from tests.support.command_line import run_command
from tests.support.deadlines import WAIT_SECONDS
from tests.support.docs_blocks import block, replaced
from tests.support.environment import settings_environment
from tests.support.seeding import seed_database

pytestmark = [pytest.mark.anyio, pytest.mark.processes]
PAGE = "how-to/back-up-and-restore.md"


@dataclass(frozen=True)
class Operator:
    """An operator of one city: its folder, its server, and a folder to work in."""

    etc: Path
    server: servers.Postgres
    work: Path

    def paste(self, code: str) -> None:
        """Run commands of the docs in a shell, with the server's programs."""
        code = replaced(code, ("/etc/credit-easy", str(self.etc)))
        environment = {"PATH": f"{self.server.server.bin_path}:{os.environ['PATH']}"}  # type: ignore[attr-defined]
        subprocess.run(["bash", "-euc", code], check=True, cwd=self.work, env=environment, timeout=WAIT_SECONDS)

    def run_sql(self, code: str) -> None:
        """Run SQL of the docs as the superuser, psql's own commands included."""
        path = self.work / "as-pasted.sql"
        path.write_text(code)
        self.server.run_file(path)

    def url(self, role: str) -> str:
        return self.server.url("credit_easy", role)


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    """A city as `init` and `roles.sql` make it, on a server of its own, because roles belong to a whole server."""
    program = shutil.which("true")
    assert program
    etc = tmp_path / "etc"
    provider = guess_provider("https://login.city.example")
    city_folder.write_city_folder(CityPlan(etc, "city.example", plan_database(None), provider, program, 2026))
    with servers.postgres() as server:
        owner = (etc / "owner.env").read_text(encoding="utf-8")
        (etc / "owner.env").write_text(replaced(owner, ("PGHOST=127.0.0.1", f"PGHOST={server.socket_folder}")))
        server.run_file(etc / "database" / "roles.sql")
        yield Operator(etc, server, tmp_path)


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
        await background.advance_logs(town.app_context)
    await asyncio.to_thread(operator.paste, block(PAGE, "PostgreSQL: a dump", "sh"))
    async with city.running_city(settings, demo_folder) as town:
        await town.resident("stops").post("/v1/me/withdrawals", {"scope": "all"})
        await background.advance_logs(town.app_context)

    await asyncio.to_thread(operator.run_sql, block(PAGE, "Restore a dump", "sql"))
    await asyncio.to_thread(operator.paste, block(PAGE, "Restore a dump", "sh"))
    await asyncio.to_thread(require_migrated, operator, demo_folder)
    async with city.running_city(settings, demo_folder) as town:
        assert await town.resident("stays").total() == 63
        assert await town.resident("stops").total() == 0
        consents = (await town.resident("stops").get("/v1/me/consents")).json()["data"]
        assert [consent["state"] for consent in consents] == ["withdrawn"]


def require_migrated(operator: Operator, demo_folder: Path) -> None:
    """`migrate` has nothing left to do, and `doctor` accepts the roles and their rights."""
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
    for check in ("migrations", "role", "keys", "log folder"):
        assert verdicts[check].strip().startswith("ok"), examined.stdout
