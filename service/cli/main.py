"""The console script `credit-easy`: the table of its commands and their groups' modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from service.cli import data, init, key_set, logs, people, rotate_keys, serving, tokens
from service.version import VERSION

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

COMMANDS: dict[str, Callable[..., None]] = {
    "demo": serving.run_demo,
    "init": init.init,
    "serve": serving.serve,
    "migrate": data.migrate,
    "backup": data.backup,
    "token": tokens.print_token,
    "import": data.import_file,
    "verify-log": logs.verify_log,
    "export-logs": logs.export_logs,
    "witness": logs.witness,
    "replay-tombstones": people.replay_tombstones,
    "erase": people.erase,
    "change-subject": people.change_subject,
    "suspend-staff": people.suspend_staff,
    "rotate-keys": rotate_keys.rotate,
    "key-set": key_set.print_key_set,
    "recompute": data.recompute,
    "thaw-log": logs.thaw_log,
    "adopt-log-folder": logs.adopt_log_folder,
    "new-log-epoch": logs.new_log_epoch,
    "verify-receipt": logs.verify_receipt,
    "openapi": serving.print_openapi,
    "sbom": serving.print_bill_of_materials,
    "doctor": serving.doctor,
}
"""Every command by its word on the command line, in the order in which `--help` lists them."""

for _word, _command in COMMANDS.items():
    cli.command(_word)(_command)


def main() -> None:
    """Run the command that `sys.argv` names; the console script's entry point."""
    cli()


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"credit-easy {VERSION}")
        raise typer.Exit


@cli.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Serve Credit-Easy+ (信易+) and operate its database, keys and logs."""


if __name__ == "__main__":
    main()
