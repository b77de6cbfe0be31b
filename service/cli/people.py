"""Commands about one person or member of staff: `erase`, `change-subject`, `replay-tombstones`, `suspend-staff`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from service.cli.environment import DataDir, app_context, fail, read_settings, run_with_database


def replay_tombstones(data_dir: DataDir = None) -> None:
    """Withdraw and erase again what the tombstones list, after an older copy of the database was restored."""
    from service.compliance import replay

    context = app_context(read_settings(data_dir))
    done = run_with_database(context.settings, lambda: replay.replay_tombstones(context, from_the_start=True))
    typer.echo(f"{done.read} read, {done.withdrawn} consents withdrawn, {done.erased} persons erased")


def erase(
    subject: Annotated[
        str | None, typer.Option(help="the person's sub; every user of this machine sees it in the list of processes")
    ] = None,
    subject_file: Annotated[
        Path | None, typer.Option(help="a file with the person's sub alone, or - for standard input")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Erase somebody who cannot log in (a request at the counter, a death) and print the signed receipt."""
    known_as = read_subject(subject, subject_file)
    from consent.database import queries
    from service.compliance import full_erasure
    from service.storage import write_ahead_log

    context = app_context(read_settings(data_dir))

    async def work() -> dict[str, object] | None:
        async with context.tombstones.transaction():
            at = await queries.now()
            leaf_hash = await full_erasure.erase_subject(context, known_as, at)
        await write_ahead_log.empty()
        return None if leaf_hash is None else full_erasure.signed_receipt(context, leaf_hash, at)

    receipt = run_with_database(context.settings, work)
    if receipt is None:
        fail("nobody of this subject is known here")
    typer.echo(orjson.dumps(receipt, option=orjson.OPT_INDENT_2).decode())


def read_subject(subject: str | None, file: Path | None) -> str:
    """Return the subject of the command line, or of a file or standard input without its last line break.

    Exits with 2 unless exactly one of both is given and it is one line.
    """
    if (subject is None) == (file is None):
        fail("either --subject-file or --subject is needed; `--subject-file -` reads standard input")
    (line,) = [subject or ""] if file is None else _read_lines(file, 1)
    if not line or len(line.splitlines()) != 1:
        fail("the subject must be one line of UTF-8")
    return line


def read_subjects(old: str | None, new: str | None, file: Path | None) -> tuple[str, str]:
    """Return the old and the new subject of the command line, or of the two lines of a file or standard input.

    Exits with 2 unless exactly one of both ways is used.
    """
    if file is None and old and new:
        return old, new
    if file is None or old is not None or new is not None:
        fail("either --subjects-file or --old with --new is needed; `--subjects-file -` reads standard input")
    first, second = _read_lines(file, 2)
    return first, second


def _read_lines(file: Path, count: int) -> list[str]:
    """Return the lines of a file, or of standard input for `-`; exits with 2 unless it has this many, none empty."""
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        lines = raw.decode("utf-8").splitlines()
    except (OSError, ValueError) as error:
        fail(f"the file cannot be read ({type(error).__name__})")
    if len(lines) != count or not all(lines):
        fail("the subject must be one line of UTF-8" if count == 1 else f"the file must have {count} lines of UTF-8")
    return lines


def change_subject(
    old: Annotated[
        str | None, typer.Option(help="the sub of before; every user of this machine sees it in the list of processes")
    ] = None,
    new: Annotated[str | None, typer.Option(help="the new sub; likewise")] = None,
    subjects_file: Annotated[
        Path | None,
        typer.Option(help="a file with the old sub and, on a second line, the new one; or - for standard input"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Attach a person's data to the new sub that the identity provider has given them."""
    before, after = read_subjects(old, new, subjects_file)
    from consent import persons
    from consent.database import queries
    from consent.kernel.errors import DomainError

    chosen = read_settings(data_dir)

    async def work() -> None:
        async with queries.transaction():
            await persons.change_subject(chosen.keyring, before, after)

    try:
        run_with_database(chosen, work)
    except DomainError as error:
        fail(str(error))
    typer.echo("done")


def suspend_staff(
    staff_id: Annotated[str, typer.Argument()],
    resume: Annotated[bool, typer.Option(help="let them in again")] = False,
    data_dir: DataDir = None,
) -> None:
    """Refuse a member of staff from the next request on."""
    from consent.database import queries
    from consent.oversight import staff

    async def work() -> bool:
        async with queries.transaction():
            return await (staff.resume if resume else staff.suspend)(staff_id, await queries.now())

    done = run_with_database(read_settings(data_dir), work)
    typer.echo("done" if done else "nothing to do")
