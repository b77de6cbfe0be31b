"""Key files that a command replaces stay the service's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.auth import key_files

SERVICE = (4_321, 8_765)
"""The user and group of a service for which root runs the commands."""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


def owner(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_uid, stat.st_gid, stat.st_mode & 0o777


def test_the_next_receipt_key_has_the_owner_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    key_files.create_signing_key(path)
    os.chown(path, *SERVICE)
    key_files.create_signing_key(key_files.next_path(path))
    key_files.activate_next(path)
    assert owner(path) == (*SERVICE, 0o600)


def test_all_files_of_the_log_key_have_the_owner_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    key_files.create_log_key(path)
    os.chown(path, *SERVICE)
    key_files.create_log_key(key_files.next_path(path))
    key_files.give_to_owner_of(path, key_files.next_path(path))
    assert owner(key_files.next_path(path)) == (*SERVICE, 0o600)
    key_files.activate_next_log_key(path)
    assert {owner(file) for file in tmp_path.iterdir()} == {(*SERVICE, 0o600)}
    key_files.retire_previous_log_key(path)
    assert {file.name: owner(file) for file in tmp_path.iterdir()} == dict.fromkeys(
        ("log.pem", "log.pem.retired"), (*SERVICE, 0o600)
    )
