"""The identity of the log folder: one folder for each database, on every host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.models import LogFolder, LogHead
from consent.transparency import log_folder
from consent.transparency.checkpoint import Checkpoint, NoteSigner
from consent.transparency.log_folder import WrongFolder
from consent.transparency.publication import Publisher

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return empty(Publisher(NoteSigner("logs.city.example", Ed25519PrivateKey.generate()), tmp_path / "shared"))


def empty(publisher: Publisher) -> Publisher:
    publisher.folder.mkdir()
    return publisher


async def test_the_first_start_gives_the_folder_an_id_and_others_must_have_it(
    opened: str, publisher: Publisher, tmp_path: Path
) -> None:
    first = await log_folder.require(publisher)
    assert await log_folder.require(publisher) == first
    assert (await LogFolder.get(singleton=1)).folder_id == first
    second_host = empty(replace(publisher, folder=tmp_path / "second"))
    with pytest.raises(WrongFolder, match="adopt-log-folder") as refused:
        await log_folder.require(second_host)
    assert len(str(refused.value).splitlines()) == 1
    assert list(second_host.folder.iterdir()) == []
    (second_host.folder / log_folder.MARKER).write_text("f" * 32)
    with pytest.raises(WrongFolder, match="another database"):
        await log_folder.require(second_host)
    with pytest.raises(WrongFolder, match=r"cannot be used|has no file"):
        await log_folder.require(replace(publisher, folder=tmp_path / "absent"))


async def test_a_database_from_before_its_first_id_takes_the_folders(opened: str, publisher: Publisher) -> None:
    first = await log_folder.require(publisher)
    await LogFolder.all().delete()
    assert await log_folder.require(publisher) == first


async def test_an_upgraded_city_is_not_started_with_an_empty_folder(opened: str, publisher: Publisher) -> None:
    signer = NoteSigner(f"{publisher.signer.name}/consent", publisher.signer.private)
    note = signer.sign(Checkpoint(signer.name, 12, bytes(32)).text())
    await LogHead.filter(log="consent").update(checkpoint=note)
    with pytest.raises(WrongFolder, match="12 leaves, the folder has none"):
        await log_folder.require(publisher)
    assert log_folder.read_id(publisher.folder) is None
    (publisher.folder / "consent.checkpoint").write_text(note)
    assert await log_folder.require(publisher) == log_folder.read_id(publisher.folder)


async def test_a_folder_that_is_adopted_replaces_the_old_one(opened: str, publisher: Publisher, tmp_path: Path) -> None:
    await log_folder.require(publisher)
    new = empty(replace(publisher, folder=tmp_path / "new"))
    assert await log_folder.adopt(new.folder) == await log_folder.require(new)
    with pytest.raises(WrongFolder):
        await log_folder.require(publisher)
