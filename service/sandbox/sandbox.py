"""The sandbox's folder and its clock, which a call moves forward and a reset takes back to the present.

The marker file holds the distance of the clock. A folder without it has something else, which a reset would destroy.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from consent.database import queries
from consent.kernel import atomic_file
from service.auth.demo_token_issuer import DemoTokenIssuer

FOLDER = Path("sandbox-city")
MARKER = "sandbox.json"
DAYS_AHEAD_MAX = 1_461
"""Days by which the clock may be ahead: four years, longer than any consent or record counts."""


class NoSandbox(Exception):
    """The folder is a demonstration's and not a sandbox's or the other way round, or others could reach the sandbox."""


class SandboxClock:
    """The database's clock plus `ahead`."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker
        seconds = json.loads(marker.read_text(encoding="utf-8"))["ahead_seconds"]
        self.ahead = timedelta(seconds=seconds)

    async def __call__(self) -> datetime:
        """Return the sandbox's time."""
        return self.moved(await queries.now())

    def moved(self, moment: datetime) -> datetime:
        """Return the sandbox's time at an instant of the database's clock."""
        return moment + self.ahead

    def advance_by_day(self, ahead: timedelta) -> Iterator[timedelta]:
        """Move the clock forward by at most a day at each step, until it is `ahead`; yield after each step.

        Stores the last distance before the first step: after a restart the clock is never earlier than the data.
        """
        _store_distance(self.marker, ahead)
        while self.ahead < ahead:
            self.ahead = min(ahead, self.ahead + timedelta(days=1))
            yield self.ahead


@dataclass(slots=True)
class Sandbox:
    """The objects that the sandbox's calls share. `reset` asks the server to start again with a new city."""

    clock: SandboxClock
    issuer: DemoTokenIssuer
    reset: Callable[[], None]
    resetting: bool = field(default=False)
    """Set once a reset was asked for: everything after it is for the new city."""


def require_loopback(host: str) -> None:
    """Raise NoSandbox for an address that other machines may reach: the sandbox's calls need no credentials."""
    try:
        only_here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        only_here = False
    if not only_here:
        raise NoSandbox(
            "a sandbox's calls need no credentials, so it takes no --host but 127.0.0.1, ::1 or localhost;"
            " from another machine, use a tunnel: ssh -L 8000:127.0.0.1:8000 HOST"
        )


def claim(folder: Path) -> Path:
    """Return the marker of a sandbox's folder, made in a new or empty one; NoSandbox for any other."""
    marker = folder / MARKER
    if not marker.exists():
        if (folder / "city.sqlite3").exists():
            raise NoSandbox(f"{folder} is a demonstration's: a sandbox needs a folder of its own, --data-dir")
        if folder.exists() and any(folder.iterdir()):
            raise NoSandbox(f"{folder} has files that a reset would delete: a sandbox needs a new folder, --data-dir")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _store_distance(marker, timedelta())
    return marker


def is_sandbox(folder: Path) -> bool:
    """Report whether the folder is a sandbox's."""
    return (folder / MARKER).exists()


def refuse_sandbox(folder: Path) -> None:
    """Raise NoSandbox for a sandbox's folder: its clock may be ahead, and nothing in it is meant to last."""
    if is_sandbox(folder):
        raise NoSandbox(f"{folder} is a sandbox's: start it with --sandbox, or choose another folder, --data-dir")


def empty(folder: Path) -> None:
    """Delete the city in a sandbox's folder and set its clock to the present. Keys stay, so that tokens stay good."""
    for path in folder.glob("city.sqlite3*"):
        path.unlink()
    shutil.rmtree(folder / "published", ignore_errors=True)
    _store_distance(folder / MARKER, timedelta())


def _store_distance(marker: Path, ahead: timedelta) -> None:
    atomic_file.replace(marker, json.dumps({"ahead_seconds": ahead.total_seconds()}).encode())
