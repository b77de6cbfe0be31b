"""Commands that serve, or describe what is served: `demo`, `serve`, `doctor`, `openapi`, the bill of materials."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from service.cli.environment import DEMO_FOLDER, DataDir, OwnDemoDir, fail, read_settings, run_with_database

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from service.sandbox.sandbox import Sandbox

WORKERS_MAX = 64
"""Processes on one port. Each has its own connections to the database."""


def run_demo(
    port: int = 8000,
    host: str = "127.0.0.1",
    data_dir: OwnDemoDir = None,
    sandbox: Annotated[bool, typer.Option(help="for developers: a movable clock, forced answers, reset")] = False,
    second_city: Annotated[
        bool, typer.Option(help="run another city on the next port; both recognise each other")
    ] = False,
) -> None:
    """Run the demonstration city: SQLite, in-process cache, its own token issuer."""
    from service.cli import two_cities
    from service.runtime import sandbox_server, server

    server.pause_gc()
    from service.runtime.exit_codes import StartFailed
    from service.sandbox import sandbox as sandboxes

    folder = data_dir or (sandboxes.FOLDER if sandbox else DEMO_FOLDER)
    if second_city and (sandbox or host not in ("127.0.0.1", "localhost")):
        fail("--second-city runs two demonstrations on this machine alone, without --sandbox")
    try:
        if sandbox:
            sandboxes.require_loopback(host)
            sandboxes.claim(folder)
            sandbox_server.run(partial(_next_sandbox, itertools.count(), (folder, host, port)), host, port)
            return
        sandboxes.refuse_sandbox(folder)
    except sandboxes.NoSandbox as error:
        fail(str(error))
    except StartFailed as failure:
        fail(str(failure), failure.code)
    app, fresh = _open_demo(folder)
    _print_addresses(folder, host, port, fresh)
    if not second_city:
        server.run_demo(app, host, port)
        return
    with two_cities.running(folder, host, port) as second:
        typer.echo(f"  the second city           {second.url}/ in {second.folder}/")
        sys.stdout.flush()
        server.run_demo(app, host, port)


def _next_sandbox(rounds: Iterator[int], address: tuple[Path, str, int], reset: Callable[[], None]) -> Starlette:
    """Return the sandbox's application: of the city in its folder at first, then each time of a new one."""
    from service.demo import seed
    from service.sandbox import sandbox as sandboxes

    (folder, host, port), resets = address, next(rounds)
    if resets:
        sandboxes.empty(folder)
    sandbox = sandboxes.Sandbox(sandboxes.SandboxClock(sandboxes.claim(folder)), seed.issuer_of(folder), reset)
    app, fresh = _open_demo(folder, sandbox)
    if not resets:
        _print_addresses(folder, host, port, fresh)
        typer.echo(f"  the sandbox's page        {_base(host, port)}/sandbox")
        sys.stdout.flush()
    return app


def _open_demo(folder: Path, sandbox: Sandbox | None = None) -> tuple[Starlette, bool]:
    """Return the application of a demonstration's folder, with its city written if it is new, and whether it is."""
    from service import app as application
    from service.demo import seed, synthetic_people, synthetic_use
    from service.storage import database

    chosen = seed.settings_of(folder)
    issuer = seed.issuer_of(folder)
    app = application.create_app(chosen, issuer.verifier(), issuer=issuer, sandbox=sandbox)

    async def prepare() -> bool:
        await database.migrate_all(chosen.keyring)
        new = await seed.seed(app.state.app_context)
        await synthetic_people.add_to_population(app.state.app_context)
        await synthetic_use.add_to_figures(app.state.app_context)
        return new

    return app, run_with_database(chosen, prepare)


def _base(host: str, port: int) -> str:
    return f"http://{'[' + host + ']' if ':' in host else host}:{port}"


def _print_addresses(data_dir: Path, host: str, port: int, fresh: bool) -> None:
    base = _base(host, port)
    typer.echo(f"Credit-Easy+ demo city, {'new' if fresh else 'as you left it'} in {data_dir}/")
    typer.echo(f"  open it                   {base}/")
    typer.echo(f"  what everybody may read   {base}/v1/public/benefits")
    typer.echo(f"  every call                {base}/docs")
    typer.echo("  a token for a resident    " + _token_command(data_dir, "resident", "resident-1"))
    typer.echo("  a token for a venue       " + _token_command(data_dir, "venue", "city-library-main"))
    typer.echo("  a token for a source      " + _token_command(data_dir, "source", "green-travel"))
    typer.echo("  for an administrator      " + _token_command(data_dir, "administrator", "admin-1"))
    typer.echo("  for a privacy officer     " + _token_command(data_dir, "privacy", "officer-1"))
    sys.stdout.flush()


def serve(
    port: int = 8000,
    host: str = "127.0.0.1",
    workers: Annotated[
        int, typer.Option(help="processes that share the port; PostgreSQL only", min=1, max=WORKERS_MAX)
    ] = 1,
) -> None:
    """Serve in production. Settings come from CREDIT_EASY_*; nothing unsafe has a default.

    A start that fails prints one line and ends with an exit code, listed in docs/settings.md, "Exit codes".
    """
    from service.runtime import server
    from service.runtime.exit_codes import StartFailed

    if workers > 1 and read_settings().database_url.startswith("sqlite:"):
        fail("SQLite serves one process; several need PostgreSQL")
    try:
        server.run_production(host, port, workers)
    except StartFailed as failure:
        fail(str(failure), failure.code)


def doctor(data_dir: DataDir = None) -> None:
    """Check settings, keys, database, Redis, identity provider and log folder; name the first thing to do.

    Exits with 1 where a check failed.
    """
    from service import settings
    from service.doctor.examination import Examination
    from service.doctor.examine import examine

    if data_dir is not None:
        demo = read_settings(data_dir)
        files = {path.name: path for path in (*data_dir.glob("*.pem"), *data_dir.glob("*keyring.json"))}
        parts = {name: getattr(demo, name) for name in settings.READERS if hasattr(demo, name)}
        examination = Examination(parts, demo=demo, key_files=files)
    else:
        usable, faults = settings.read_each(os.environ)
        named = {name: os.environ.get(settings.PREFIX + name, "") for name in settings.KEY_FILES}
        files = {name: Path(path) for name, path in named.items() if path}
        examination = Examination(usable, faults, key_files=files)
    if not asyncio.run(examine(examination, typer.echo)):
        raise typer.Exit(1)


def print_openapi() -> None:
    """Print the OpenAPI document."""
    from service import app as application

    typer.echo(orjson.dumps(application.document(), option=orjson.OPT_INDENT_2).decode())


def print_bill_of_materials() -> None:
    """Print the installed packages, their licences and what needs what: CycloneDX 1.6."""
    from service.deployment import bill_of_materials

    typer.echo(orjson.dumps(bill_of_materials.document(), option=orjson.OPT_INDENT_2).decode())


def _token_command(folder: Path, audience: str, subject: str) -> str:
    # The path under which this command was called, so that the printed line can be pasted.
    command = sys.argv[0] if Path(sys.argv[0]).name == "credit-easy" else "credit-easy"
    return f"{command} token --data-dir {folder} --audience {audience} --subject {subject}"
