"""Commands for tokens and keys: `token`, `rotate-keys`."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.environment import DEMO_FOLDER, DataDir, DemoDir, app_context, fail, read_settings, run_with_database

if TYPE_CHECKING:
    from service.settings import Settings


class KeyName(StrEnum):
    """The keys that `rotate-keys` replaces step by step."""

    SIGNING = "signing"


def print_token(
    audience: Annotated[str, typer.Option("--door", help="resident, venue, source, administrator or privacy")],
    subject: Annotated[str, typer.Option()],
    data_dir: DemoDir = DEMO_FOLDER,
    birthdate: Annotated[str | None, typer.Option(help="YYYY-MM-DD, residents only")] = None,
    staff_id: Annotated[str | None, typer.Option(help="administrators and officers only")] = None,
    division: Annotated[list[str] | None, typer.Option(help="administrators and officers only, repeatable")] = None,
) -> None:
    """Print a token that the demo server on the same folder accepts."""
    from service.auth.access_tokens import Audience
    from service.demo import seed

    if not data_dir.is_dir():
        fail(f"{data_dir} is no demonstration folder; `credit-easy demo --data-dir {data_dir}` makes one")
    try:
        born = date.fromisoformat(birthdate) if birthdate else None
        token = seed.issuer_of(data_dir).mint(
            Audience(audience),
            subject,
            now=datetime.now(UTC),
            birthdate=born,
            staff_id=staff_id,
            divisions=division or None,
        )
    except ValueError as error:
        fail(str(error))
    typer.echo(token)


def rotate(
    which: Annotated[
        KeyName | None, typer.Argument(help="the key to replace; without it persons' keys are wrapped again")
    ] = None,
    retire: Annotated[
        str | None, typer.Option(help="signing: the id of a key whose private half is lost; marked as replaced")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Wrap every person's key under the keyring's current key, or take the next step of a key's replacement.

    Repeatable, while the service runs.
    """
    chosen = read_settings(data_dir)
    if which is KeyName.SIGNING:
        _rotate_signing(chosen, _signing_key_file(data_dir), retire)
        return
    from consent import persons

    rewrapped = run_with_database(chosen, lambda: persons.rewrap_all(chosen.keyring))
    typer.echo(f"{rewrapped} keys wrapped anew under key {chosen.keyring.current}")


def _rotate_signing(chosen: Settings, path: Path, retire: str | None) -> None:
    from consent.database import queries
    from service.compliance import key_rotation, public_keys
    from service.compliance.key_rotation import NextKeyElsewhere, RotationStep
    from service.jobs import background

    if retire == chosen.signing_key.kid:
        fail("this is the key in use on this host; run the command without --retire to replace it")

    async def work() -> key_rotation.Rotation | None:
        at = await queries.now()
        if retire is not None:
            if not await public_keys.retire(retire, at):
                fail(f"no key {retire} was ever published")
            return None
        taken = await key_rotation.rotate_signing(path, at)
        await background.log_keys_and_barred_uses(app_context(chosen))
        return taken

    try:
        rotation = run_with_database(chosen, work)
    except (NextKeyElsewhere, OSError, ValueError) as error:
        fail(str(error))
    if rotation is None:
        typer.echo(f"{retire} is marked as replaced; what it has signed verifies as before")
    elif rotation.step is RotationStep.ACTIVE:
        typer.echo(
            f"{rotation.key_id} signs receipts from the next restart of serve on; the old private key is deleted"
        )
    else:
        typer.echo(f"{rotation.key_id} is published; run this again after {rotation.active_from.isoformat()}")


def _signing_key_file(data_dir: Path | None) -> Path:
    return data_dir / "signing-key.pem" if data_dir else Path(os.environ["CREDIT_EASY_SIGNING_KEY"])
