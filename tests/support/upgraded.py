"""A city of an earlier version: its archive unpacked, its dump loaded, commands run on it, its clock stopped."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from service.auth.access_tokens import Audience
from service.demo import seed
from service.settings import Settings
from tests.support.city import MovedClock
from tests.support.command_line import run_command

TICK = timedelta(milliseconds=1)
NEVER_SECONDS = 3_600.0


@dataclass
class StoppedClock(MovedClock):
    """The city's clock: `moment`, and a millisecond more at each reading, however slow the machine is."""

    moment: datetime = field(kw_only=True)

    def moved(self, moment: datetime) -> datetime:
        self.moment += TICK
        return self.moment


@dataclass(frozen=True)
class Upgraded:
    """A city of version 0.1.0 after the present migrations."""

    folder: Path
    database_url: str | None
    """None: SQLite, in the folder."""
    expected: dict[str, Any]

    @property
    def settings(self) -> Settings:
        """The demonstration's settings on this folder and database; the logs stand still."""
        settings = replace(seed.settings_of(self.folder), integrate_seconds=NEVER_SECONDS)
        return settings if self.database_url is None else replace(settings, database_url=self.database_url)

    def clock(self) -> StoppedClock:
        """Return a clock that begins when 0.1.0 was stopped."""
        return StoppedClock(moment=datetime.fromisoformat(self.expected["stopped_at"]))

    def run(self, *arguments: str) -> str:
        """Run a `credit-easy` command on this city; return what it printed."""
        chosen = ["--data-dir", str(self.folder)] if self.database_url is None else []
        return command(*arguments, *chosen, **self._environment())

    def _environment(self) -> dict[str, str]:
        if self.database_url is None:
            return {}
        # A command of an operator needs every setting; these issuers are named and never asked.
        issuer = {"issuer": "https://id.city.example", "jwks_url": "https://id.city.example/jwks"}
        issuers = {
            audience: {**issuer, "audience": f"credit-easy:{audience}", "algorithms": ["ES256"]}
            for audience in Audience
        }
        return {
            "CREDIT_EASY_DATABASE_URL": self.database_url,
            "CREDIT_EASY_ISSUERS": json.dumps(issuers),
            "CREDIT_EASY_KEYRING": str(self.folder / "keyring.json"),
            "CREDIT_EASY_SIGNING_KEY": str(self.folder / "signing-key.pem"),
            "CREDIT_EASY_LOG_KEY": str(self.folder / "log-key.pem"),
            "CREDIT_EASY_LOG_HOST": "demo.credit-easy.invalid",
            "CREDIT_EASY_LOG_FOLDER": str(self.folder / "published"),
            "CREDIT_EASY_ALLOWED_HOSTS": "127.0.0.1",
            "CREDIT_EASY_OPS_ADDRESS": "",
        }


def command(*arguments: str, **environment: str) -> str:
    """Run `credit-easy` as a process, which must succeed; return what it printed."""
    done = run_command(*arguments, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def unpack(archive: Path, folder: Path) -> None:
    """Write the archive's files into the folder, readable by their owner alone, as keys must be."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path, content = folder / member.name, tar.extractfile(member)
            assert content is not None
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content.read())
            path.chmod(0o600)


async def load(database_url: str, dump: str) -> None:
    """Execute a dump, which is plain SQL, on an empty database."""
    connection = await asyncpg.connect(database_url.replace("postgres://", "postgresql://", 1))
    try:
        await connection.execute(dump)
    finally:
        await connection.close()
