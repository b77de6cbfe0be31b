"""The identity of the folder with checkpoints and tombstones: a random id in the folder and in the database.

A process whose folder is another one, for example an empty one on a second host, would publish over the last checkpoint
and write tombstones where nobody reads them. It must not start.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from consent.kernel import atomic_file
from consent.models import LogFolder, LogHead
from consent.transparency import publication
from consent.transparency.logs import Log
from consent.transparency.publication import FolderBehind, Publisher

MARKER = "folder-id"
"""The file with the folder's id, and below it the ids of lost folders that this one replaces, a line each."""
ID_BYTES = 16


class WrongFolder(Exception):
    """The folder is not that of this database; the message is one line that says what to do."""


async def require(publisher: Publisher) -> str:
    """Return the id of the folder, which must be the one that this database stores.

    At the first start with this version, the folder gets an id and the database stores it. A folder without the last
    checkpoint of the database is then refused.

    Raises:
        WrongFolder: the folder is another one, has no id, or cannot be read and written.
    """
    try:
        return await _require(publisher)
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError):
            raise  # the database's
        raise WrongFolder(f"{publisher.folder} cannot be used ({type(error).__name__})") from None


async def _require(publisher: Publisher) -> str:
    stored = await LogFolder.get_or_none(singleton=1)
    present = read_id(publisher.folder)
    if stored is None:
        await _require_checkpoints(publisher)
        present = present or _create_id(publisher.folder)
        await LogFolder.bulk_create([LogFolder(singleton=1, folder_id=present)], ignore_conflicts=True)
        stored = await LogFolder.get(singleton=1)
    if present is None:
        raise WrongFolder(
            f"{publisher.folder} has no file {MARKER}: it is not the folder of this database. Mount the folder that all"
            " hosts share; if it is lost, run `credit-easy adopt-log-folder`"
        )
    # An older copy of the database knows the folder that was lost since.
    if stored.folder_id not in _read_ids(publisher.folder):
        raise WrongFolder(
            f"{publisher.folder} is the folder of another database. Mount the folder of this one; if it is lost, run"
            " `credit-easy adopt-log-folder`"
        )
    return present


async def is_another(folder: Path) -> bool:
    """Report whether the database stores the id of another folder; changes nothing."""
    stored = await LogFolder.get_or_none(singleton=1)
    return stored is not None and stored.folder_id not in _read_ids(folder)


async def adopt(folder: Path) -> str:
    """Make the folder the one of this database, in the place of the one it stores; return the folder's id."""
    present = read_id(folder) or _create_id(folder)
    stored = await LogFolder.get_or_none(singleton=1)
    if stored is None:
        await LogFolder.create(singleton=1, folder_id=present)
    elif stored.folder_id not in (ids := _read_ids(folder)):
        content = "".join(f"{folder_id}\n" for folder_id in (*ids, stored.folder_id))
        atomic_file.replace(folder / MARKER, content.encode())
    await LogFolder.filter(singleton=1).update(folder_id=present)
    return present


def read_id(folder: Path) -> str | None:
    """Return the folder's id, or None for a folder without one."""
    return next(iter(_read_ids(folder)), None)


def _read_ids(folder: Path) -> list[str]:
    try:
        return (folder / MARKER).read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []


def _create_id(folder: Path) -> str:
    """Give the folder a random id, unless another process does so first; return it."""
    # Of several processes that start together one writes the file.
    with suppress(FileExistsError):
        atomic_file.create(folder / MARKER, f"{secrets.token_hex(ID_BYTES)}\n".encode())
    created = read_id(folder)
    assert created is not None
    return created


async def _require_checkpoints(publisher: Publisher) -> None:
    for log in Log:
        head = await LogHead.get(log=log)
        try:
            publication.require_published(publication.read_last(publisher, log), head.checkpoint, log)
        except FolderBehind as error:
            raise WrongFolder(
                f"{publisher.folder}: {error}. Mount the folder that all hosts share; if it is lost, run"
                " `credit-easy adopt-log-folder`"
            ) from None
