"""Commands about the database as a whole: `migrate`, `import`, `recompute`, `backup`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import orjson
import typer

from service.cli.environment import (
    DataDir,
    app_context,
    fail,
    read_settings,
    run_on_caught_up_database,
    run_with_database,
)
from service.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    from service.ingest.report import ImportReport


def migrate(
    data_dir: DataDir = None,
    partitions: Annotated[
        int | None, typer.Option(help="cut the tables that grow with the city into so many pieces", min=1)
    ] = None,
    citus: Annotated[bool, typer.Option(help="spread those tables over a Citus cluster")] = False,
    service_role: Annotated[
        str | None,
        typer.Option(
            envvar="CREDIT_EASY_SERVICE_ROLE",
            help="PostgreSQL: the role of `serve`, which is granted exactly what serving needs",
        ),
    ] = None,
) -> None:
    """Bring the database up to date, as the owner of its tables."""
    from service.compliance import key_fingerprints
    from service.storage import database

    chosen = read_settings(data_dir)
    if (partitions or citus) and chosen.database_url.startswith("sqlite:"):
        fail("SQLite has neither partitions nor other servers; they need PostgreSQL")
    if partitions and citus:
        fail("Citus cuts the tables itself: either --partitions or --citus")

    async def work() -> list[str]:
        applied = await database.migrate_all(chosen.keyring, service_role)
        await key_fingerprints.require_known(chosen)
        if citus:
            return [*applied, *(await database.distribute(service_role))]
        return [*applied, *(await database.partition_tables(partitions, service_role))]

    try:
        applied = run_with_database(chosen, work)
    except (ValueError, RuntimeError) as error:
        fail(str(error))
    typer.echo("\n".join(applied) if applied else "nothing to do")


def import_file(
    file: Path,
    source: Annotated[str | None, typer.Option(help="id of the source that delivers the file")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="how rows become records; with --check, written if it does not exist")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="read the file, print what was understood, and send nothing")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Import a source's own CSV, NDJSON or .xlsx file through the consent gate. Safe to run again.

    Ends first, in a restored copy of the database, all that has ended since the copy was made.
    """
    from service.ingest import file_import
    from service.ingest.batch import DeliveryContext
    from service.ingest.encodings import FileUnreadable
    from service.ingest.mapping import MappingInvalid, read_mapping
    from service.ingest.report import ImportReport

    if check:
        check_file(file, mapping, data_dir)
        return
    if source is None or mapping is None:
        fail("an import needs --source and --mapping; `credit-easy import FILE --check` writes a first mapping")
    context, report = app_context(read_settings(data_dir)), ImportReport()

    async def work() -> None:
        delivery = DeliveryContext(context.keyring, context.clock, context.day_of)
        await file_import.import_file(delivery, file, source, read_mapping(mapping), report, _show_progress)

    try:
        run_on_caught_up_database(context, work)
    except (MappingInvalid, FileUnreadable, file_import.ImportStopped, LookupError, OSError) as error:
        _print_unfinished(report)
        fail(str(error))
    except BaseException:
        _print_unfinished(report)
        raise
    if sys.stderr.isatty():
        typer.echo("", err=True)
    typer.echo(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2).decode())
    for line in report.summary():
        typer.echo(line, err=True)
    _exit_by(report)


def check_file(file: Path, mapping: Path | None, data_dir: Path | None) -> None:
    """Print what an import of the file would send; without a mapping, guess one and write it. Needs no database."""
    from service.ingest import guess, preview
    from service.ingest.encodings import FileUnreadable
    from service.ingest.mapping import MappingInvalid, read_mapping

    zone = _city_zone(data_dir)
    path = mapping or file.with_name(file.name + ".mapping.yaml")
    try:
        if not path.exists():
            guessed = guess.guess_mapping(file)
            with path.open("x", encoding="utf-8") as target:
                target.write(guessed.text)
            typer.echo(f"wrote {path}, guessed from the file:\n{guessed.text}")
        understood = preview.check_file(
            file, read_mapping(path), lambda at: at.astimezone(zone).date(), datetime.now(UTC)
        )
    except (MappingInvalid, FileUnreadable, OSError) as error:
        fail(str(error))
    for line in understood.lines():
        typer.echo(line)
    typer.echo("nothing was sent")
    _exit_by(understood.report)


def _city_zone(data_dir: Path | None) -> ZoneInfo:
    """Return the city's time zone, which a check needs of the settings and no more."""
    from service import settings

    if data_dir is not None:
        return read_settings(data_dir).city_zone
    try:
        zone: ZoneInfo = settings.READERS["city_zone"](os.environ)
        return zone
    except settings.SettingsInvalid as error:
        fail(str(error))


def _print_unfinished(report: ImportReport) -> None:
    """Say what is stored already of an import that did not end; importing the file again repeats nothing."""
    if report.rows:
        typer.echo(
            f"the import did not end: {report.accepted:,} rows were accepted, {report.duplicates:,} were there already;"
            " import the file again, nothing is stored twice",
            err=True,
        )


def _exit_by(report: ImportReport) -> None:
    """Exit with a code of its own where rows are missing that the file or the mapping could bring."""
    if report.nothing_taken:
        raise SystemExit(ExitCode.NOTHING_TAKEN)
    if report.faults:
        raise SystemExit(ExitCode.ROWS_REFUSED)


def recompute(
    after: Annotated[int, typer.Option(help="continue after so many parts, as the last line shows", min=0)] = 0,
    parts: Annotated[
        int | None, typer.Option("--of", help="into how many parts; the same number when continuing", min=1)
    ] = None,
    jobs: Annotated[int, typer.Option(help="parts computed at the same time; on SQLite one", min=1, max=16)] = 1,
    data_dir: DataDir = None,
) -> None:
    """Compute everybody's points again, while the service runs; for a new scheme, so that nobody waits.

    Ends first, in a restored copy of the database, all that has ended since the copy was made.
    """
    from benefits.balances import batch

    context = app_context(read_settings(data_dir))

    def show(ready: int, parts: int, done: batch.BatchResult) -> None:
        typer.echo(f"--after {ready} --of {parts}: {done.computed:,} of {done.persons:,} persons computed", err=True)

    async def work() -> batch.BatchResult:
        return await batch.run(await batch.list_parts(parts), after, jobs, context.clock, context.day_of, show)

    try:
        done = run_on_caught_up_database(context, work)
    except ValueError as error:
        fail(str(error))
    typer.echo(f"{done.computed:,} computed, {done.persons - done.computed:,} passed over")


def backup(
    file: Annotated[Path, typer.Argument(help="the file to create; an existing one is never replaced")],
    data_dir: DataDir = None,
) -> None:
    """Copy the SQLite database to a new file of mode 0600, while the service runs. PostgreSQL has tools of its own."""
    import sqlite3

    from service.storage import database_url, sqlite_backup

    url = read_settings(data_dir).database_url
    if not database_url.is_sqlite(url):
        fail("for SQLite alone; PostgreSQL: pg_basebackup and pg_dump, see docs/how-to/back-up-and-restore.md")
    try:
        size = sqlite_backup.create(Path(url.removeprefix("sqlite://")), file)
    except FileExistsError:
        fail(f"{file} exists, and nothing is overwritten; choose another name")
    except sqlite_backup.CopyBroken as error:
        fail(f"the database is damaged: {error}; nothing was written, keep the copies of before")
    except (OSError, sqlite3.Error) as error:
        fail(f"{file} was not written: {error}")
    typer.echo(f"{file}: {size:,} bytes, checked")


def _show_progress(report: ImportReport) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{report.rows:,} rows, {report.accepted:,} accepted", nl=False, err=True)
