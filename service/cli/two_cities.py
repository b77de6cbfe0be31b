"""`demo --second-city`: a second demonstration in a process and a folder of its own, on the next port.

`python -m service.cli.two_cities FOLDER HOST PORT` is the second city's process. Its input is a pipe that only the
first city's process can write to: it ends when that process is gone, also after SIGKILL.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from service.cli.environment import fail, run_with_database

if TYPE_CHECKING:
    from service.settings import Settings

STOP_SECONDS = 15
"""Time in which the second city ends after it was asked to; its last requests take a few."""


class SecondCity(NamedTuple):
    """The second city: its folder next to the first one's, and its address."""

    folder: Path
    url: str


@contextmanager
def running(folder: Path, host: str, port: int) -> Iterator[SecondCity]:
    """Run the second city while the block runs; before that, each city recognises the other.

    `folder` is that of the first city, whose database exists; `port` is its port, the second city has the next one.
    """
    from service.demo import second_city, seed
    from service.sandbox import sandbox as sandboxes

    second = SecondCity(folder.with_name(f"{folder.name}-2"), f"http://{host}:{port + 1}")
    try:
        sandboxes.refuse_sandbox(second.folder)
    except sandboxes.NoSandbox as error:
        fail(str(error))
    ours, theirs = seed.settings_of(folder), seed.settings_of(second.folder)
    _recognise(theirs, second_city.issuer_document(ours, f"http://{host}:{port}", second_city.FIRST))
    _recognise(ours, second_city.issuer_document(theirs, second.url, second_city.SECOND))
    # uvicorn ends its graceful stop by the signal itself, whose default would end this process before its child.
    signal.signal(signal.SIGTERM, _exit)
    # A process of its own: a process has one database.
    command = [sys.executable, "-m", "service.cli.two_cities", str(second.folder), host, str(port + 1)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield second
    finally:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _exit(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _recognise(settings: Settings, document: dict[str, Any]) -> None:
    """Publish another city's document in a city's database, which is made first if it is new."""
    from consent.database import queries
    from service.cli.environment import app_context
    from service.demo import second_city, seed
    from service.storage import database

    async def publish() -> bool:
        await database.migrate_all(settings.keyring)
        await seed.seed(app_context(settings))
        return await second_city.recognise(document, await queries.now())

    work: Callable[[], Awaitable[bool]] = publish
    run_with_database(settings, work)


def main() -> None:
    """Run the second city until it is told to stop or its input ends."""
    from service.cli import serving

    folder, host, port = sys.argv[1:]
    threading.Thread(target=_end_with_input, daemon=True).start()
    serving.run_demo(int(port), host, Path(folder))


def _end_with_input() -> None:
    """Wait for the end of standard input, then end this process: as SIGTERM does, or at once after STOP_SECONDS."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
