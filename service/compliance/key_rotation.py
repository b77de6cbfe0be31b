"""Rotation of the keys of receipts, passes and logs: make the next key, publish it, wait, replace the old key by it.

Each step may be interrupted and repeated. The files are this host's; the published keys are in the database, which all
hosts read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from consent.database import queries
from service.auth import key_files
from service.compliance import public_keys
from service.models import PublicKey

LOG_TRANSITION = timedelta(days=30)
"""Time in which two keys sign the checkpoints, so that witnesses and verifiers can take up the new one."""


COMMAND_OF_USE = {public_keys.RECEIPTS: "signing", public_keys.PASSES: "pass", public_keys.LOGS: "log"}
"""The argument of `rotate-keys` by the use of a key."""


class RotationStep(StrEnum):
    """The step that a call of the command has reached."""

    PUBLISHED = "published"
    WAITING = "waiting"
    BOTH_SIGN = "both sign"
    """Of the logs' key alone: the new key signs, and so does the key before."""
    ACTIVE = "active"
    RETIRED = "retired"
    """Of the logs' key alone: the private half of the key before is deleted."""


class NextKeyElsewhere(Exception):
    """Another host has made the next key, and its file is not on this host; the message says which one to copy."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A step, the id of the next or new key, and when a call takes the next step (in the past: none is left)."""

    step: RotationStep
    key_id: str
    next_step_at: datetime


async def rotate_signing(path: Path, at: datetime, use: str = public_keys.RECEIPTS) -> Rotation:
    """Take the next step of a rotation of the key of receipts or passes, whose file is `path`.

    First call: creates the file of the next key in the same folder and publishes the key. A later call, once the wait
    is over: marks the old key as retired and replaces its file, which deletes the old private key.

    Raises:
        NextKeyElsewhere: the database has another key in use, and there is no next file here.
        OSError, ValueError: a key file is absent, readable by others, or holds no P-256 key.
    """
    current, following = key_files.load_signing_key(path), key_files.next_path(path)
    await public_keys.publish(current, at, at, use)
    if not following.exists():
        await _require_newest(current.kid, following, use)
        key_files.create_signing_key(following)
    key_files.give_to_owner_of(path, following)
    upcoming = key_files.load_signing_key(following)
    new = not await PublicKey.filter(key_id=upcoming.kid).exists()
    await public_keys.publish(upcoming, at, at + public_keys.WAIT, use)
    active_from = queries.from_micros((await PublicKey.get(key_id=upcoming.kid)).active_from)
    if active_from > at:
        return Rotation(RotationStep.PUBLISHED if new else RotationStep.WAITING, upcoming.kid, active_from)
    # The database first: interrupted between the two, the next call finds the next file and repeats both.
    await public_keys.retire(current.kid, at)
    key_files.activate_next(path)
    return Rotation(RotationStep.ACTIVE, upcoming.kid, active_from)


async def rotate_log(path: Path, at: datetime) -> Rotation:
    """Take the next step of a rotation of the logs' key, whose file is `path`.

    The steps of `rotate_signing`; but the key before stays and signs too, for LOG_TRANSITION, and a last call deletes
    its private half then. Raises as `rotate_signing`.
    """
    signer, following = key_files.load_log_signer("log", path), key_files.next_path(path)
    current = public_keys.log_key_id(signer.key.public)
    await public_keys.publish_log_key(signer.key.public, at, at)
    if signer.previous is not None and not following.exists():
        row = await PublicKey.get(key_id=current)
        # The file, too: the key may have been published long before this host began to sign by it.
        began = max(queries.from_micros(row.active_from), key_files.previous_log_key_since(path))
        until = began + LOG_TRANSITION
        if at < until:
            return Rotation(RotationStep.BOTH_SIGN, current, until)
        await public_keys.retire(public_keys.log_key_id(signer.keys[1].public), at)
        key_files.retire_previous_log_key(path)
        return Rotation(RotationStep.RETIRED, current, until)
    if not following.exists():
        await _require_newest(current, following, public_keys.LOGS)
        key_files.create_log_key(following)
    key_files.give_to_owner_of(path, following)
    public = key_files.load_log_signer("log", following).key.public
    upcoming = public_keys.log_key_id(public)
    new = not await PublicKey.filter(key_id=upcoming).exists()
    await public_keys.publish_log_key(public, at, at + public_keys.WAIT)
    active_from = queries.from_micros((await PublicKey.get(key_id=upcoming)).active_from)
    if active_from > at:
        return Rotation(RotationStep.PUBLISHED if new else RotationStep.WAITING, upcoming, active_from)
    key_files.activate_next_log_key(path)
    return Rotation(RotationStep.ACTIVE, upcoming, active_from)


async def _require_newest(key_id: str, following: Path, use: str) -> None:
    """Raise NextKeyElsewhere if another key is published and not retired: its private key is on another host."""
    rows = await public_keys.published(use)
    others = [row.key_id for row in rows if row.retired_at is None and row.key_id != key_id]
    if others:
        command = f"credit-easy rotate-keys {COMMAND_OF_USE[use]}"
        raise NextKeyElsewhere(
            f"the key {others[-1]} was made on another host; copy its file from there to {following} and run this"
            f" again, or, if its private key is lost, run `{command} --retire {others[-1]}`"
        )
