"""Commands for logs and receipts: verify, export, thaw, adopt a folder, begin an epoch, witness, verify a receipt."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from service.cli.environment import DataDir, app_context, fail, read_settings, run_with_database


def verify_log(data_dir: DataDir = None) -> None:
    """Compute logs and chains again, open every sealed field; name the first thing in each that does not fit."""
    from consent.verification import logs

    chosen = read_settings(data_dir)
    reports = run_with_database(chosen, lambda: logs.check_all(chosen.keyring, chosen.publisher))
    for name, report in reports.items():
        fault = report.fault
        verdict = "ok" if fault is None else f"{fault.where}, number {fault.number}: {fault.what}"
        if report.lost:
            verdict += f"; {report.lost:,} published leaves are lost for good, see /v1/public/logs"
        typer.echo(f"{name:16} {report.checked:>12,} checked   {verdict}")
    if any(report.fault for report in reports.values()):
        raise typer.Exit(1)


def export_logs(
    folder: Annotated[Path, typer.Argument(help="where the files go; run again to bring them up to date")],
    data_dir: DataDir = None,
) -> None:
    """Write both logs as files for any web server: checkpoints, tiles, the policy log's entries and documents."""
    from consent.transparency.tiles import TreeBroken
    from service.logs import archive

    context = app_context(read_settings(data_dir))
    try:
        written = run_with_database(context.settings, lambda: archive.write(context, folder))
    except (TreeBroken, OSError) as error:
        fail(str(error))
    for name, size in written.sizes.items():
        typer.echo(f"{name:16} {size:>12,} leaves")
    typer.echo(f"{written.files} files written")


def thaw_log(data_dir: DataDir = None) -> None:
    """Unfreeze both logs, if the database continues the last published checkpoints."""
    from consent.transparency import sequencer
    from consent.transparency.checkpoint import NoteInvalid
    from consent.transparency.logs import Log
    from consent.transparency.publication import FolderBehind
    from consent.transparency.tiles import TreeBroken

    chosen = read_settings(data_dir)

    async def work() -> None:
        for log in Log:
            await sequencer.unfreeze(log, chosen.publisher)

    try:
        run_with_database(chosen, work)
    except (TreeBroken, NoteInvalid, FolderBehind) as error:
        fail(f"stays frozen: {error}; if the leaves are lost for good, docs/runbooks/new-log-epoch.md has the way")
    typer.echo("both logs go on")


def adopt_log_folder(data_dir: DataDir = None) -> None:
    """Make CREDIT_EASY_LOG_FOLDER the folder of this database, and write checkpoints and tombstones into it."""
    from consent.rights import folder_repair
    from consent.rights.folder_repair import DatabaseBehind
    from consent.transparency.checkpoint import NoteInvalid

    context = app_context(read_settings(data_dir))
    try:
        adopted = run_with_database(
            context.settings, lambda: folder_repair.adopt(context.settings.publisher, context.tombstones)
        )
    except (DatabaseBehind, NoteInvalid) as error:
        fail(f"not adopted: {error}")
    typer.echo(f"the folder {adopted.folder_id} is this database's; {adopted.tombstones} tombstones written")


def new_log_epoch(
    log: Annotated[str, typer.Argument(help="the log that lost leaves: consent or policy")],
    reason: Annotated[str, typer.Option(help="a sentence that is published for ever; it names nobody")],
    data_dir: DataDir = None,
) -> None:
    """Begin a log again with the leaves of this database, where published leaves are lost for good. Repeatable."""
    from consent.transparency.checkpoint import NoteInvalid
    from consent.transparency.log_epochs import NothingLost, ReasonUnfit
    from consent.transparency.log_folder import WrongFolder
    from consent.transparency.logs import Log
    from consent.transparency.publication import FolderBehind, PublishedByAnother
    from service.compliance import new_log_epoch as beginning
    from service.compliance.new_log_epoch import DatabaseDamaged

    if log not in list(Log):
        fail(f"there is no log {log}; the logs are {' and '.join(Log)}")
    context = app_context(read_settings(data_dir))
    try:
        start = run_with_database(context.settings, lambda: beginning.begin(context, Log(log), reason))
    except NothingLost as error:
        fail(f"no new epoch: {error}; if the log is frozen, `credit-easy thaw-log` lets it continue")
    except DatabaseDamaged as error:
        fail(f"no new epoch: this database is damaged ({error}); restore an undamaged copy first")
    except PublishedByAnother as error:
        fail(f"no new epoch: another process publishes in this folder ({error}); stop it and run this again")
    except (ReasonUnfit, WrongFolder, FolderBehind, NoteInvalid) as error:
        fail(f"no new epoch: {error}")
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError):
            raise  # the database's
        fail(f"no new epoch: {context.settings.publisher.folder} cannot be written to ({type(error).__name__})")
    typer.echo(f"epoch {start.epoch} of the {log} log begins with {start.leaves:,} leaves; it was announced")
    typer.echo(f"of {start.published:,} published leaves those from number {start.first_lost:,} on are lost for good")


def witness(
    log: Annotated[str, typer.Argument(help="the log's address, http(s)://…/log/consent or file:///…/log/consent")],
    log_key: Annotated[list[str], typer.Option(help="the log's verifier key, from /v1/public/logs; repeatable")],
    remembered: Annotated[Path, typer.Option(help="the file that keeps the last checkpoint seen")],
    name: Annotated[str | None, typer.Option(help="the witness's own name, to sign with")] = None,
    key: Annotated[Path | None, typer.Option(help="the witness's own key; made when it is not there")] = None,
) -> None:
    """Check that a log continues the checkpoint remembered; exit code 1 and both checkpoints when it does not."""
    from consent.transparency.checkpoint import NoteInvalid, NoteKey
    from service.auth import key_files
    from service.logs import witness as witnessing

    try:
        cosigner = None
        if name is not None and key is not None:
            key_files.create_log_key(key)
            cosigner = witnessing.Cosigner(name, key_files.load_log_key(key))
            typer.echo(f"witness {cosigner.verifier_key()}", err=True)
        keys = [NoteKey.parse(text) for text in log_key]
        note, _ = witnessing.cosign_log(log, keys, remembered, cosigner, datetime.now(UTC))
    except (witnessing.Forked, NoteInvalid) as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(1) from None
    except (witnessing.Unreachable, OSError, ValueError) as error:
        fail(str(error))
    typer.echo(note, nl=False)


def verify_receipt(
    file: Path,
    jwks: Annotated[Path, typer.Option(help="the answer of /.well-known/jwks.json")],
    log_key: Annotated[
        list[str] | None, typer.Option(help="verifier key of the consent log, of /v1/public/logs; repeatable")
    ] = None,
    logs: Annotated[Path | None, typer.Option(help="the answer of /v1/public/logs: the key of every epoch")] = None,
) -> None:
    """Verify a receipt offline. The same file runs alone: service/compliance/verify_receipt.py."""
    from service.compliance import verify_receipt as receipt_verifier

    trust = [argument for key in log_key or [] for argument in ("--log-key", key)]
    trust += ["--logs", str(logs)] if logs else []
    raise typer.Exit(receipt_verifier.main([str(file), "--jwks", str(jwks), *trust]))
