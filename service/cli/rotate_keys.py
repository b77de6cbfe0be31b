"""The command `rotate-keys`: wrap persons' keys again, or take the next step of a key's replacement."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.environment import DataDir, app_context, fail, read_settings, run_with_database

if TYPE_CHECKING:
    from service.compliance.key_rotation import Rotation
    from service.settings import Settings


class KeyName(StrEnum):
    """The keys that `rotate-keys` replaces step by step."""

    SIGNING = "signing"
    ENCRYPTION = "encryption"
    INDEX = "index"
    LOG = "log"
    PASSES = "pass"


def rotate(
    which: Annotated[
        KeyName | None, typer.Argument(help="the key to replace; without it persons' keys are wrapped again")
    ] = None,
    retire: Annotated[
        str | None,
        typer.Option(help="signing, pass, log: the id of a key whose private half is lost; marked as replaced"),
    ] = None,
    add_only: Annotated[
        bool, typer.Option("--add-only", help="encryption: add the key for reading; with several hosts, the first step")
    ] = False,
    remove: Annotated[
        str | None, typer.Option(help="pass: the id of a key that somebody else may have; refused everywhere at once")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Wrap every person's key under the keyring's current key, or take the next step of a key's replacement.

    Repeatable, while the service runs.
    """
    chosen = read_settings(data_dir)
    if which is KeyName.SIGNING:
        _rotate_signing(chosen, _key_file(data_dir, "signing-key.pem", "SIGNING_KEY"), retire)
    elif which is KeyName.PASSES:
        path = _key_file(data_dir, "pass-key.pem", "PASS_KEY")
        _rotate_pass(chosen, path, retire) if remove is None else _remove_pass_key(chosen, remove)
    elif which is KeyName.LOG:
        _rotate_log(chosen, _key_file(data_dir, "log-key.pem", "LOG_KEY"), retire)
    elif which is KeyName.ENCRYPTION:
        _rotate_encryption(chosen, _key_file(data_dir, "keyring.json", "KEYRING"), make_current=not add_only)
    elif which is KeyName.INDEX:
        _rotate_index(chosen, _key_file(data_dir, "keyring.json", "KEYRING"))
    else:
        _wrap_again(chosen)


def _wrap_again(chosen: Settings) -> None:
    from consent import persons

    rewrapped = run_with_database(chosen, lambda: persons.rewrap_all(chosen.keyring))
    typer.echo(f"{rewrapped} keys wrapped anew under key {chosen.keyring.current}")


def _rotate_encryption(chosen: Settings, path: Path, *, make_current: bool) -> None:
    from service.auth.keyring_file import EncryptionStep
    from service.compliance import keyring_rotation

    try:
        key = run_with_database(chosen, lambda: keyring_rotation.add_encryption_key(path, make_current=make_current))
    except (keyring_rotation.KeyElsewhere, OSError, ValueError) as error:
        fail(str(error))
    if key.step is EncryptionStep.ADDED:
        typer.echo(
            f"key {key.version} is in {path.name} for reading; copy the file to every host, restart serve there, and"
            " run this again without --add-only"
        )
    else:
        typer.echo(
            f"key {key.version} is the current one of {path.name}; copy the file to every host, restart serve, and run"
            " `credit-easy rotate-keys` until it prints 0"
        )


def _rotate_index(chosen: Settings, path: Path) -> None:
    from consent.database import queries
    from service.compliance import keyring_rotation
    from service.compliance.keyring_rotation import IndexStep

    async def work() -> keyring_rotation.IndexRotation:
        return await keyring_rotation.rotate_index(path, await queries.now())

    try:
        rotation = run_with_database(chosen, work)
    except (keyring_rotation.KeyElsewhere, OSError, ValueError) as error:
        fail(str(error))
    after = "copy the file to every host, restart serve there, and run this again"
    if rotation.step is IndexStep.ADDED:
        typer.echo(f"index key {rotation.version} is in {path.name} and is not used yet; {after}")
    elif rotation.written is not None:
        typer.echo(
            f"{rotation.written.rows} rows written; index key {rotation.version} is the current one of {path.name};"
            f" {after} after {keyring_rotation.WAIT.days} days"
        )
        if rotation.written.unknown:
            typer.echo(
                f"{rotation.written.unknown} records were retracted before version 0.3.0 and are not known under the"
                " new key: if a source delivers one of them again, it is stored again"
            )
    elif rotation.until is not None:
        typer.echo(f"the old index key is needed until {rotation.until.isoformat()}; run this again then")
    else:
        typer.echo(
            f"the old index key is removed from {path.name}; copy the file to every host and restart serve there"
        )


def _rotate_log(chosen: Settings, path: Path, retire: str | None) -> None:
    from service.compliance import key_rotation, public_keys
    from service.compliance.key_rotation import RotationStep

    own = public_keys.log_key_id(chosen.publisher.signer.key.public)
    rotation = _next_step(chosen, own, retire, lambda at: key_rotation.rotate_log(path, at))
    if rotation is None:
        return
    if rotation.step is RotationStep.ACTIVE:
        days = key_rotation.LOG_TRANSITION.days
        typer.echo(
            f"{rotation.key_id} signs checkpoints from the next restart of serve on, and the key before too; run this"
            f" again after {days} days"
        )
    else:
        typer.echo(
            f"{rotation.key_id} signs alone from the next restart of serve on; the private key before is deleted"
        )


def _rotate_signing(chosen: Settings, path: Path, retire: str | None) -> None:
    from service.compliance import key_rotation

    rotation = _next_step(chosen, chosen.signing_key.kid, retire, lambda at: key_rotation.rotate_signing(path, at))
    if rotation is not None:
        typer.echo(
            f"{rotation.key_id} signs receipts from the next restart of serve on; the old private key is deleted"
        )


def _rotate_pass(chosen: Settings, path: Path, retire: str | None) -> None:
    from service.compliance import key_rotation, public_keys

    if chosen.pass_key is None:
        fail("no passes are issued here: CREDIT_EASY_PASS_KEY is not set")
    rotation = _next_step(
        chosen, chosen.pass_key.kid, retire, lambda at: key_rotation.rotate_signing(path, at, public_keys.PASSES)
    )
    if rotation is not None:
        hours = public_keys.PASS_KEY_STAYS // timedelta(hours=1)
        typer.echo(
            f"{rotation.key_id} signs passes from the next restart of serve on, which must come within 24 hours; the"
            f" old private key is deleted, and its public key removed after {hours} hours"
        )


def _remove_pass_key(chosen: Settings, key_id: str) -> None:
    from consent.database import queries
    from service.compliance import public_keys

    async def work() -> bool:
        return await public_keys.remove(key_id, await queries.now())

    if not run_with_database(chosen, work):
        fail(f"no key {key_id} of passes was ever published")
    typer.echo(f"{key_id} is removed: venues that follow the keys refuse its passes within 330 seconds")


def _next_step(
    chosen: Settings, own: str, retire: str | None, rotate: Callable[[datetime], Awaitable[Rotation]]
) -> Rotation | None:
    """Take the next step of a published key's replacement and return it, or mark the key `retire` as replaced.

    `own` is the id of the key in use on this host. Returns None where a key was marked, or where the next step has to
    wait, which is printed.
    """
    from consent.database import queries
    from service.compliance import public_keys
    from service.compliance.key_rotation import NextKeyElsewhere, RotationStep
    from service.jobs import background

    if retire == own:
        fail("this is the key in use on this host; run the command without --retire to replace it")

    async def work() -> Rotation | None:
        at = await queries.now()
        if retire is not None:
            if not await public_keys.retire(retire, at):
                fail(f"no key {retire} was ever published")
            return None
        rotation = await rotate(at)
        await background.log_keys_and_barred_uses(app_context(chosen))
        return rotation

    try:
        rotation = run_with_database(chosen, work)
    except (NextKeyElsewhere, OSError, ValueError) as error:
        fail(str(error))
    if rotation is None:
        typer.echo(f"{retire} is marked as replaced; what it has signed verifies as before")
        return None
    if rotation.step in (RotationStep.PUBLISHED, RotationStep.WAITING):
        typer.echo(f"{rotation.key_id} is published; run this again after {rotation.next_step_at.isoformat()}")
        return None
    if rotation.step is RotationStep.BOTH_SIGN:
        until = rotation.next_step_at.isoformat()
        typer.echo(f"{rotation.key_id} signs, and the key before it too; run this again after {until}")
        return None
    return rotation


def _key_file(data_dir: Path | None, name: str, setting: str) -> Path:
    return data_dir / name if data_dir else Path(os.environ[f"CREDIT_EASY_{setting}"])
