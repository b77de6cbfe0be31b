"""A new log epoch as a process: `python -m tests.support.dying_epoch FOLDER URL PUBLISHED LOG REASON [POINT]`.

It is killed at the fault point, if one is given; exit code 3 where the epoch was refused.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from consent.database import queries
from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint
from consent.transparency.log_epochs import NothingLost
from consent.transparency.logs import Log
from consent.transparency.publication import PublishedByAnother
from service.auth.access_tokens import TokenVerifier
from service.compliance import new_log_epoch
from service.demo import seed
from service.http.context import AppContext
from service.http.rate_limits import make_limiter
from service.settings import Settings
from service.storage import database
from tests.support.processes import ROOT

REFUSED = 3


def start(
    settings: Settings, folder: Path, log: Log, reason: str, point: FaultPoint | None = None
) -> subprocess.Popen[bytes]:
    """Start the process on these settings; `folder` has the demonstration's keys."""
    arguments = [folder, settings.database_url, settings.publisher.folder, log, reason, *([point] if point else [])]
    return subprocess.Popen([sys.executable, "-m", "tests.support.dying_epoch", *map(str, arguments)], cwd=ROOT)


async def begin(settings: Settings, log: Log, reason: str, point: FaultPoint | None) -> None:
    """Begin an epoch, and die at the point."""

    def die(reached: FaultPoint) -> None:
        if reached is point:
            os.kill(os.getpid(), signal.SIGKILL)

    await database.open_database(settings.database_url)
    try:
        fault_points.arm(die)
        context = AppContext(settings, TokenVerifier({}, {}), make_limiter(None), queries.now)
        await new_log_epoch.begin(context, log, reason)
    except (NothingLost, PublishedByAnother):
        sys.exit(REFUSED)
    finally:
        await database.close_database()


def main() -> None:
    """Read the arguments and begin."""
    folder, url, published, log, reason = sys.argv[1:6]
    settings = seed.settings_of(Path(folder))
    publisher = replace(settings.publisher, folder=Path(published))
    settings = replace(settings, database_url=url, publisher=publisher)
    point = FaultPoint(sys.argv[6]) if len(sys.argv) > 6 else None
    asyncio.run(begin(settings, Log(log), reason, point))


if __name__ == "__main__":
    main()
