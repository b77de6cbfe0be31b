"""The keyring file: created once, read strictly, extended by an encryption key without losing one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.auth import keyring_file
from service.auth.keyring_file import EncryptionKey, EncryptionStep, KeyringInvalid


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "keyring.json"
    keyring_file.create(file)
    return file


def test_a_new_key_is_current_and_the_ones_before_stay(path: Path) -> None:
    before = keyring_file.read(path)
    assert keyring_file.add_encryption_key(path, make_current=True) == EncryptionKey(EncryptionStep.CURRENT, 2)
    after = keyring_file.read(path)
    assert (after.current, after.encryption_keys[1]) == (2, before.encryption_keys[1])
    assert (after.index_key, path.stat().st_mode & 0o777) == (before.index_key, 0o600)
    assert len(set(after.encryption_keys.values())) == 2
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_waiting_key_becomes_current_and_no_further_key_is_added(path: Path) -> None:
    for _ in range(2):
        assert keyring_file.add_encryption_key(path, make_current=False) == EncryptionKey(EncryptionStep.ADDED, 2)
    waiting = keyring_file.read(path)
    assert waiting.current == 1
    assert keyring_file.add_encryption_key(path, make_current=True).version == 2
    assert keyring_file.read(path).encryption_keys == waiting.encryption_keys


def test_an_existing_file_and_what_others_wrote_into_it_stay(path: Path) -> None:
    document = {**json.loads(path.read_text()), "note": "kept in the safe"}
    keyring_file.replace(path, document)
    keyring_file.create(path)
    keyring_file.add_encryption_key(path, make_current=True)
    assert json.loads(path.read_text())["note"] == "kept in the safe"


def test_a_link_to_the_file_stays_a_link(path: Path) -> None:
    link = path.with_name("link.json")
    link.symlink_to(path)
    keyring_file.add_encryption_key(link, make_current=True)
    assert link.is_symlink()
    assert keyring_file.read(path).current == 2


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"current": 1, "encryption_keys": {}, "index_key": ""}'])
def test_what_is_no_keyring_is_refused_and_unchanged(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(KeyringInvalid):
        keyring_file.add_encryption_key(path, make_current=True)
    assert path.read_text() == content
