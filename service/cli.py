"""`credit-easy`: the demonstration and the service, deliveries, keys, the logs and who checks them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import orjson
import typer

from benefits.balances import batch
from consent import persons
from consent.database import queries
from consent.kernel.errors import DomainError
from consent.oversight import staff
from consent.transparency import sequencer
from consent.transparency.checkpoint import NoteInvalid, NoteKey
from consent.transparency.logs import Log
from consent.transparency.tiles import TreeBroken
from consent.verification import logs
from service import app as application
from service import settings
from service.auth import key_files
from service.auth.access_tokens import Audience, Verifier
from service.compliance import erasure
from service.compliance import verify_receipt as receipt_verifier
from service.demo import seed
from service.http.context import AppContext
from service.http.rate_limits import make_limiter
from service.ingest import file_import
from service.logs import archive
from service.logs import witness as witnessing
from service.runtime import server
from service.settings import Settings, SettingsInvalid
from service.storage import database

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
DataDir = Annotated[Path, typer.Option(help="the demonstration's folder: keys and database")]
DEMO_FOLDER = Path("demo-city")
Result = TypeVar("Result")
UNUSABLE = 2
"""Exit code for what cannot be done as asked: settings, files, arguments."""


def main() -> None:
    """The console script."""
    cli()


@cli.command("demo")
def run_demo(port: int = 8000, host: str = "127.0.0.1", data_dir: DataDir = DEMO_FOLDER) -> None:
    """Run the demonstration city: SQLite, in-process cache, its own token issuer."""
    chosen = seed.settings_of(data_dir)
    issuer = seed.issuer_of(data_dir)
    app = application.create_app(chosen, issuer.verifier(), issuer=issuer)

    async def prepare() -> bool:
        await database.migrate_all()
        return await seed.seed(app.state.app_context)

    fresh = asyncio.run(_with_database(chosen, prepare))
    base = f"http://{'[' + host + ']' if ':' in host else host}:{port}"
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
    server.run(app, host, port)


@cli.command("serve")
def serve(
    port: int = 8000,
    host: str = "127.0.0.1",
    workers: Annotated[
        int, typer.Option(help="processes that share the port; PostgreSQL only", min=1, max=server.WORKERS_MAX)
    ] = 1,
) -> None:
    """Serve in production. Settings come from CREDIT_EASY_*; nothing unsafe has a default."""
    chosen = _settings()
    if workers > 1 and chosen.database_url.startswith("sqlite:"):
        _fail("SQLite serves one process; several need PostgreSQL")
    server.run_production(host, port, workers)


@cli.command("migrate")
def migrate(
    data_dir: Annotated[Path | None, typer.Option()] = None,
    partitions: Annotated[
        int | None, typer.Option(help="cut the tables that grow with the city into so many pieces", min=1)
    ] = None,
    citus: Annotated[bool, typer.Option(help="spread those tables over a Citus cluster")] = False,
) -> None:
    """Bring the database up to date."""
    chosen = _settings(data_dir)
    if (partitions or citus) and chosen.database_url.startswith("sqlite:"):
        _fail("SQLite has neither partitions nor other servers; they need PostgreSQL")
    if partitions and citus:
        _fail("Citus cuts the tables itself: either --partitions or --citus")

    async def work() -> list[str]:
        applied = await database.migrate_all()
        return [*applied, *(await database.distribute() if citus else await database.partition_tables(partitions))]

    try:
        applied = asyncio.run(_with_database(chosen, work))
    except (ValueError, RuntimeError) as error:
        _fail(str(error))
    typer.echo("\n".join(applied) if applied else "nothing to do")


@cli.command("token")
def token(
    door: Annotated[Audience, typer.Option()],
    subject: Annotated[str, typer.Option()],
    data_dir: DataDir = DEMO_FOLDER,
    birthdate: Annotated[str | None, typer.Option(help="YYYY-MM-DD, residents only")] = None,
    staff_id: Annotated[str | None, typer.Option(help="administrators and officers only")] = None,
) -> None:
    """Print a token that the demo server on the same folder accepts."""
    if not data_dir.is_dir():
        _fail(f"{data_dir} is no demonstration folder; `credit-easy demo --data-dir {data_dir}` makes one")
    try:
        born = date.fromisoformat(birthdate) if birthdate else None
        minted = seed.issuer_of(data_dir).mint(door, subject, now=datetime.now(UTC), birthdate=born, staff_id=staff_id)
    except ValueError as error:
        _fail(str(error))
    typer.echo(minted)


@cli.command("import")
def import_file(
    file: Path,
    source: Annotated[str, typer.Option()],
    mapping: Annotated[Path, typer.Option()],
    data_dir: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """Import a source's own CSV or NDJSON file through the consent gate. Safe to run again."""
    chosen = _settings(data_dir)

    async def work() -> file_import.ImportReport:
        return await file_import.import_file(
            chosen.keyring,
            queries.now,
            lambda at: at.astimezone(chosen.city_zone).date(),
            file,
            source,
            file_import.read_mapping(mapping),
            _progress,
        )

    try:
        report = asyncio.run(_with_database(chosen, work))
    except (file_import.MappingInvalid, file_import.ImportStopped, LookupError, OSError) as error:
        _fail(str(error))
    if sys.stderr.isatty():
        typer.echo("", err=True)
    typer.echo(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2).decode())


@cli.command("verify-log")
def verify_log(data_dir: Annotated[Path | None, typer.Option()] = None) -> None:
    """Compute logs and chains again, open every sealed field; name the first thing in each that does not fit."""
    chosen = _settings(data_dir)
    reports = asyncio.run(_with_database(chosen, lambda: logs.check_all(chosen.keyring, chosen.publisher)))
    for name, report in reports.items():
        said = (
            "ok" if report.fault is None else f"{report.fault.where}, number {report.fault.number}: {report.fault.what}"
        )
        typer.echo(f"{name:16} {report.checked:>12,} checked   {said}")
    if any(report.fault for report in reports.values()):
        raise typer.Exit(1)


@cli.command("export-logs")
def export_logs(
    folder: Annotated[Path, typer.Argument(help="where the files go; run again to bring them up to date")],
    data_dir: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """Write both logs as files for any web server: checkpoints, tiles, the policy log's entries and documents."""
    app_context = _city(_settings(data_dir))
    try:
        written = asyncio.run(_with_database(app_context.settings, lambda: archive.write(app_context, folder)))
    except (TreeBroken, OSError) as error:
        _fail(str(error))
    for name, size in written.sizes.items():
        typer.echo(f"{name:16} {size:>12,} leaves")
    typer.echo(f"{written.files} files written")


@cli.command("witness")
def witness(
    log: Annotated[str, typer.Argument(help="the log's address, http(s)://…/log/consent or file:///…/log/consent")],
    log_key: Annotated[str, typer.Option(help="the log's verifier key, from /v1/public/logs")],
    remembered: Annotated[Path, typer.Option(help="the file that keeps the last checkpoint seen")],
    name: Annotated[str | None, typer.Option(help="the witness's own name, to sign with")] = None,
    key: Annotated[Path | None, typer.Option(help="the witness's own key; made when it is not there")] = None,
) -> None:
    """Check that a log continues what it said before; exit code 1 and both checkpoints when it does not."""
    try:
        cosigner = None
        if name is not None and key is not None:
            key_files.create_log_key(key)
            cosigner = witnessing.Cosigner(name, key_files.load_log_key(key))
            typer.echo(f"witness {cosigner.verifier_key()}", err=True)
        note, _ = witnessing.cosign_log(log, NoteKey.parse(log_key), remembered, cosigner, datetime.now(UTC))
    except (witnessing.Forked, NoteInvalid) as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(1) from None
    except (witnessing.Unreachable, OSError, ValueError) as error:
        _fail(str(error))
    typer.echo(note, nl=False)


@cli.command("replay-tombstones")
def replay_tombstones(data_dir: Annotated[Path | None, typer.Option()] = None) -> None:
    """Withdraw and erase again what had been, after an older copy of the database was restored."""
    app_context = _city(_settings(data_dir))
    done = asyncio.run(_with_database(app_context.settings, lambda: erasure.replay_tombstones(app_context)))
    typer.echo(f"{done.read} read, {done.withdrawn} consents withdrawn, {done.erased} persons erased")


@cli.command("erase")
def erase(
    subject: Annotated[str, typer.Option(help="the person's sub, as the identity provider knows it")],
    data_dir: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """Erase somebody who cannot log in (a request at the counter, a death) and print the signed receipt."""
    app_context = _city(_settings(data_dir))

    async def work() -> dict[str, object] | None:
        async with queries.transaction():
            at = await queries.now()
            leaf_hash = await erasure.erase_subject(app_context, subject, at)
        return None if leaf_hash is None else erasure.signed_receipt(app_context, leaf_hash, at)

    made = asyncio.run(_with_database(app_context.settings, work))
    if made is None:
        _fail("nobody of this subject is known here")
    typer.echo(orjson.dumps(made, option=orjson.OPT_INDENT_2).decode())


@cli.command("change-subject")
def change_subject(
    old: Annotated[str, typer.Option()],
    new: Annotated[str, typer.Option()],
    data_dir: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """The identity provider has given somebody another sub: find their data by the new one."""
    chosen = _settings(data_dir)

    async def work() -> None:
        async with queries.transaction():
            await persons.change_subject(chosen.keyring, old, new)

    try:
        asyncio.run(_with_database(chosen, work))
    except DomainError as error:
        _fail(str(error))
    typer.echo("done")


@cli.command("suspend-staff")
def suspend_staff(
    staff_id: Annotated[str, typer.Argument()],
    resume: Annotated[bool, typer.Option(help="let them in again")] = False,
    data_dir: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """Refuse a member of staff from the next request on."""

    async def work() -> bool:
        async with queries.transaction():
            return await (staff.resume if resume else staff.suspend)(staff_id, await queries.now())

    done = asyncio.run(_with_database(_settings(data_dir), work))
    typer.echo("done" if done else "nothing to do")


@cli.command("rotate-keys")
def rotate_keys(data_dir: Annotated[Path | None, typer.Option()] = None) -> None:
    """Wrap every person's key under the keyring's current key-encryption key; while the service runs, repeatable."""
    chosen = _settings(data_dir)

    rewrapped = asyncio.run(_with_database(chosen, lambda: persons.rewrap_all(chosen.keyring)))
    typer.echo(f"{rewrapped} keys wrapped anew under key {chosen.keyring.current}")


@cli.command("recompute")
def recompute_everybody(
    after: Annotated[int, typer.Option(help="go on after so many parts, as the last line said", min=0)] = 0,
    of: Annotated[int | None, typer.Option(help="into how many parts; it stays the same when going on", min=1)] = None,
    jobs: Annotated[int, typer.Option(help="parts beside each other; on SQLite one", min=1, max=16)] = 1,
    data_dir: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """Compute everybody's points anew, while the service runs; for a new scheme, so that nobody waits."""
    app_context = _city(_settings(data_dir))

    def tell(ready: int, parts: int, done: batch.Done) -> None:
        typer.echo(f"--after {ready} --of {parts}: {done.computed:,} of {done.persons:,} persons computed", err=True)

    async def work() -> batch.Done:
        return await batch.run(await batch.plan(of), after, jobs, app_context.clock, app_context.day_of, tell)

    try:
        done = asyncio.run(_with_database(app_context.settings, work))
    except ValueError as error:
        _fail(str(error))
    typer.echo(f"{done.computed:,} computed, {done.persons - done.computed:,} passed over")


@cli.command("thaw-log")
def thaw_log(data_dir: Annotated[Path | None, typer.Option()] = None) -> None:
    """Let frozen logs go on, when the database continues what was published."""
    chosen = _settings(data_dir)

    async def work() -> None:
        for one in Log:
            await sequencer.unfreeze(one, chosen.publisher)

    try:
        asyncio.run(_with_database(chosen, work))
    except (TreeBroken, NoteInvalid) as error:
        _fail(f"stays frozen: {error}")
    typer.echo("both logs go on")


@cli.command("verify-receipt")
def verify_receipt(
    file: Path,
    jwks: Annotated[Path, typer.Option(help="the answer of /.well-known/jwks.json")],
    log_key: Annotated[str | None, typer.Option(help="verifier key of the consent log, of /v1/public/logs")] = None,
) -> None:
    """Verify a receipt offline. The same file runs alone: service/compliance/verify_receipt.py."""
    raise typer.Exit(
        receipt_verifier.main([str(file), "--jwks", str(jwks), *(["--log-key", log_key] if log_key else [])])
    )


@cli.command("openapi")
def print_openapi() -> None:
    """Print the OpenAPI document."""
    typer.echo(orjson.dumps(application.document(), option=orjson.OPT_INDENT_2).decode())


@cli.command("doctor")
def doctor(data_dir: Annotated[Path | None, typer.Option()] = None) -> None:
    """Say whether settings, database and migrations are fit to serve."""
    chosen = _settings(data_dir)
    typer.echo("settings     ok")
    try:
        missing = asyncio.run(_with_database(chosen, database.missing_migrations))
    except Exception as error:
        _fail(f"database     {type(error).__name__}: cannot be used")
    typer.echo("database     ok")
    if missing:
        _fail(f"migrations   missing: {', '.join(missing)}; run `credit-easy migrate`")
    typer.echo("migrations   ok")


def _city(chosen: Settings) -> AppContext:
    return AppContext(chosen, Verifier({}, {}), make_limiter(None), queries.now)


def _settings(data_dir: Path | None = None) -> Settings:
    if data_dir is not None:
        if not (data_dir / "keyring.json").exists():
            _fail(f"{data_dir} is no demonstration folder; `credit-easy demo --data-dir {data_dir}` makes one")
        return seed.settings_of(data_dir)
    try:
        return settings.read(os.environ)
    except SettingsInvalid as error:
        _fail(str(error))


async def _with_database(chosen: Settings, work: Callable[[], Awaitable[Result]]) -> Result:
    await database.open_database(chosen.database_url)
    try:
        return await work()
    finally:
        await database.close_database()


def _progress(report: file_import.ImportReport) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{report.rows:,} rows, {report.accepted:,} accepted", nl=False, err=True)


def _token_command(folder: Path, door: str, subject: str) -> str:
    # As it was called, so that what is printed can be pasted.
    command = sys.argv[0] if Path(sys.argv[0]).name == "credit-easy" else "credit-easy"
    return f"{command} token --data-dir {folder} --door {door} --subject {subject}"


def _fail(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(UNUSABLE)
