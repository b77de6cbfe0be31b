"""Workers of an application that cannot start, as a process: `python -m tests.support.broken_applications NAME`."""

from __future__ import annotations

import sys

from starlette.applications import Starlette

from service.runtime import first_start, workers
from service.settings import SettingsInvalid


def unusable() -> Starlette:
    raise SettingsInvalid("CREDIT_EASY_KEYRING became unreadable")


def broken() -> Starlette:
    raise ZeroDivisionError("something that was sent")


def main() -> None:
    workers.RESTART_SECONDS, workers.UNFORESEEN_MAX = 0.0, 2
    application = {"unusable": unusable, "broken": broken}[sys.argv[1]]
    workers.Workers(application, {"log_config": None}, 2, [first_start.bind("127.0.0.1", 0)]).serve()


if __name__ == "__main__":
    main()
