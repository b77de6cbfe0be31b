"""A withdrawal whose process is killed: `python -m tests.support.dying_withdrawal FOLDER URL PUBLISHED POINT`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint
from service.demo import seed
from tests.support import city


async def withdraw(folder: Path, database_url: str, published: Path, point: FaultPoint) -> None:
    """Withdraw every consent of resident `wu`, and die at the point."""
    settings = seed.settings_of(folder)
    publisher = replace(settings.publisher, folder=published)
    settings = replace(settings, database_url=database_url, publisher=publisher, integrate_seconds=3_600)

    def die(reached: FaultPoint) -> None:
        if reached is point:
            os.kill(os.getpid(), signal.SIGKILL)

    async with city.running_city(settings, folder) as town:
        fault_points.arm(die)
        await town.resident("wu").post("/v1/me/withdrawals", {"scope": "all"})


if __name__ == "__main__":
    asyncio.run(withdraw(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), FaultPoint(sys.argv[4])))
