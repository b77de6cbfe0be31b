"""Settings, database and failure for a command: each command gets all three here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from service.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    from service.http.context import AppContext
    from service.settings import Settings

DemoDir = Annotated[Path, typer.Option("--data-dir", help="the demonstration's folder: keys and database")]
"""`--data-dir` of the commands that serve the demonstration alone."""
OwnDemoDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="the folder of keys and database: demo-city, or sandbox-city with --sandbox"),
]
"""`--data-dir` of `demo`, whose sandbox has a folder of its own."""
DataDir = Annotated[
    Path | None, typer.Option(help="a demonstration's folder, in place of the settings of the environment")
]
"""`--data-dir` of all other commands: a demonstration's folder in place of the settings of the environment."""
DEMO_FOLDER = Path("demo-city")
Result = TypeVar("Result")


def read_settings(data_dir: Path | None = None) -> Settings:
    """Read the settings of a demonstration folder, or else of the environment. Exits with 2 if they are unfit."""
    if data_dir is not None:
        if not (data_dir / "keyring.json").exists():
            fail(f"{data_dir} is no demonstration folder; `credit-easy demo --data-dir {data_dir}` makes one")
        from service.demo import seed

        return seed.settings_of(data_dir)
    from service import settings

    try:
        return settings.read(os.environ)
    except settings.SettingsInvalid as error:
        fail(str(error))


def app_context(chosen: Settings) -> AppContext:
    """Make the context that handlers share, for a command: no token is accepted, rates are counted in this process."""
    from consent.database import queries
    from service.auth.access_tokens import TokenVerifier
    from service.http.context import AppContext
    from service.http.rate_limits import make_limiter

    return AppContext(chosen, TokenVerifier({}, {}), make_limiter(None), queries.now)


def run_with_database(chosen: Settings, work: Callable[[], Awaitable[Result]], *, any_keys: bool = False) -> Result:
    """Run `work` in an event loop of its own with the database of the settings open; close it afterwards.

    Exits with ExitCode.DATABASE_AWAY or DATABASE_REFUSES where the database cannot be opened, and with KEYS where it
    was written with other keys: with those, a command would find nobody. `any_keys` leaves the keys unchecked.
    """
    from service.compliance import key_fingerprints
    from service.storage import connection_failures, database

    opened = False

    async def run() -> Result:
        nonlocal opened
        await database.open_database(chosen.database_url)
        opened = True
        try:
            if not any_keys:
                await key_fingerprints.require_known(chosen)
            return await work()
        finally:
            await database.close_database()

    try:
        return asyncio.run(run())
    except key_fingerprints.KeyMismatch as error:
        return fail(str(error), ExitCode.KEYS)
    except Exception as error:
        failure = None if opened else connection_failures.explain(error)
        if failure is None:
            raise
        code = ExitCode.DATABASE_AWAY if failure.heals else ExitCode.DATABASE_REFUSES
        return fail(f"CREDIT_EASY_DATABASE_URL: {failure.reason}", code)


def run_on_caught_up_database(context: AppContext, work: Callable[[], Awaitable[Result]]) -> Result:
    """Run `work` as `run_with_database` does, after the tombstones that this copy of the database lacks.

    For commands that use records: an older copy that was put back must not use what has ended since. Exits with 2 where
    the log folder is another database's.
    """
    from consent.transparency.log_folder import WrongFolder
    from service.compliance import replay

    async def run() -> Result:
        await replay.catch_up_with_tombstones(context)
        return await work()

    try:
        return run_with_database(context.settings, run)
    except WrongFolder as error:
        return fail(f"CREDIT_EASY_LOG_FOLDER: {error}")


def fail(reason: str, code: ExitCode = ExitCode.UNUSABLE) -> NoReturn:
    """Print the reason to stderr as one line and exit with the code."""
    typer.echo(" ".join(reason.split()), err=True)
    # typer.Exit is a RuntimeError, which commands catch to report their own.
    raise SystemExit(code)
