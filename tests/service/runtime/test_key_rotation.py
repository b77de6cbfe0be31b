"""Rotation of the receipts' key: published before its first use, old receipts verify for ever."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from consent.database import queries
from consent.kernel.canonical_json import sha256_of
from service.auth import key_files
from service.auth.key_files import SigningKey
from service.compliance import announcements, key_rotation, public_keys, receipts, verify_receipt
from service.compliance.key_rotation import NextKeyElsewhere, RotationStep
from service.demo import seed
from service.jobs import background
from service.models import PublicKey
from tests.support.city import City
from tests.support.command_line import run_command

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]
RECEIPT = {"state": "erased", "events": []}


@pytest.fixture
async def key_file(tmp_path: Path, town: City) -> Path:
    """The file of the key that the town's service signs with, on the first host."""
    path = tmp_path / "signing.pem"
    private = town.app_context.settings.signing_key.key
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


def copied(path: Path, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    to.write_bytes(path.read_bytes())
    to.chmod(0o600)


def with_key(town: City, path: Path) -> SigningKey:
    """Let the town's service sign with the key of the file, as after a restart; return it."""
    key = key_files.load_signing_key(path)
    settings = replace(town.app_context.settings, signing_key=key)
    object.__setattr__(town.app_context, "settings", settings)
    return key


async def statuses(town: City) -> dict[str, str]:
    answer = await town.client.get("/.well-known/jwks.json")
    return {key["kid"]: key["status"] for key in answer.json()["keys"]}


async def test_a_key_is_published_waits_signs_and_old_receipts_verify(town: City, key_file: Path) -> None:
    old = with_key(town, key_file)
    await public_keys.ensure_published(old)
    await background.log_keys_and_barred_uses(town.app_context)
    old_jws = receipts.sign(RECEIPT, old)
    at = await queries.now()
    first = await key_rotation.rotate_signing(key_file, at)
    assert (first.step, first.next_step_at - at) == (RotationStep.PUBLISHED, timedelta(seconds=330))
    published = await statuses(town)
    moments = [key["active_from"] for key in (await town.client.get("/.well-known/jwks.json")).json()["keys"]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment) for moment in moments)
    assert (published[old.kid], published[first.key_id]) == ("current", "next")
    assert (await public_keys.rotation_left(old) or "").startswith(f"the key {first.key_id}")
    early = await key_rotation.rotate_signing(key_file, at + timedelta(seconds=329))
    assert early == replace(first, step=RotationStep.WAITING)
    assert key_files.load_signing_key(key_file).kid == old.kid

    last = await key_rotation.rotate_signing(key_file, at + timedelta(seconds=330))
    assert (last.step, last.key_id) == (RotationStep.ACTIVE, first.key_id)
    new = with_key(town, key_file)
    assert (new.kid, [path.name for path in key_file.parent.glob("signing*")]) == (first.key_id, [key_file.name])
    jwks = (await town.client.get("/.well-known/jwks.json")).json()
    for jws in (old_jws, receipts.sign(RECEIPT, new)):
        verify_receipt.check_signature(RECEIPT, jws, jwks)
    assert (await statuses(town))[old.kid] == "retired"
    assert (await public_keys.rotation_left(old) or "").endswith("was replaced")
    assert await public_keys.rotation_left(new) is None
    # The document of the old key's policy leaf is served under its hash, as before.
    for key in (old, new):
        sha256 = sha256_of(public_keys.signing_document(key, public_keys.RECEIPTS))
        assert (await town.client.get(f"/v1/public/documents/{sha256}")).json()["key"] == key.kid
    assert len(await announcements.keys(town.app_context)) == 3 + 2


async def test_a_rotation_interrupted_at_any_step_is_continued(town: City, key_file: Path) -> None:
    old, at = key_files.load_signing_key(key_file), await queries.now()
    key_files.create_signing_key(key_files.next_path(key_file))  # stopped before the publication
    upcoming = key_files.load_signing_key(key_files.next_path(key_file))
    assert (await key_rotation.rotate_signing(key_file, at)).key_id == upcoming.kid
    later = at + public_keys.WAIT
    assert await public_keys.retire(old.kid, later)  # stopped before the file was replaced
    done = await key_rotation.rotate_signing(key_file, later + timedelta(minutes=1))
    assert (done.step, done.key_id) == (RotationStep.ACTIVE, upcoming.kid)
    row = await PublicKey.get(key_id=old.kid)
    assert row.retired_at == queries.to_micros(later)


async def test_another_host_takes_the_same_next_key(town: City, key_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "signing.pem"
    copied(key_file, other)
    at = await queries.now()
    first = await key_rotation.rotate_signing(key_file, at)
    with pytest.raises(NextKeyElsewhere, match=first.key_id):
        await key_rotation.rotate_signing(other, at)
    assert not key_files.next_path(other).exists()
    copied(key_files.next_path(key_file), key_files.next_path(other))
    for path in (key_file, other):
        assert (await key_rotation.rotate_signing(path, at + public_keys.WAIT)).step is RotationStep.ACTIVE
        assert key_files.load_signing_key(path).kid == first.key_id


async def test_a_lost_next_key_is_retired_and_replaced(town: City, key_file: Path) -> None:
    at = await queries.now()
    lost = await key_rotation.rotate_signing(key_file, at)
    key_files.next_path(key_file).unlink()
    with pytest.raises(NextKeyElsewhere, match="--retire"):
        await key_rotation.rotate_signing(key_file, at)
    assert await public_keys.retire(lost.key_id, at)
    assert not await public_keys.retire("unknown", at)
    assert (await key_rotation.rotate_signing(key_file, at)).key_id != lost.key_id


@pytest.mark.processes
def test_the_command_rotates_and_removes_the_key_of_passes(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    old = seed.settings_of(folder).pass_key
    assert old is not None
    assert run_command("migrate", "--data-dir", str(folder)).returncode == 0
    command = ("rotate-keys", "pass", "--data-dir", str(folder))
    first = run_command(*command)
    assert (first.returncode, "is published; run this again after" in first.stdout) == (0, True), first.stderr
    assert key_files.next_path(folder / "pass-key.pem").stat().st_mode & 0o077 == 0
    assert not key_files.next_path(folder / "signing-key.pem").exists()
    removed = run_command(*command, "--remove", old.kid)
    assert (removed.returncode, removed.stdout.startswith(f"{old.kid} is removed")) == (0, True), removed.stderr
    unknown = run_command(*command, "--remove", "nothing")
    assert (unknown.returncode, "ever published" in unknown.stderr) == (2, True)


@pytest.mark.processes
def test_the_command_publishes_waits_and_names_an_unknown_key(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    seed.settings_of(folder)
    assert run_command("migrate", "--data-dir", str(folder)).returncode == 0
    command = ("rotate-keys", "signing", "--data-dir", str(folder))
    first, second = run_command(*command), run_command(*command)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout == second.stdout
    assert "is published; run this again after" in first.stdout
    assert key_files.next_path(folder / "signing-key.pem").stat().st_mode & 0o077 == 0
    warned = run_command("doctor", "--data-dir", str(folder)).stdout
    assert "keys               warning: the key" in warned, warned
    unknown = run_command(*command, "--retire", "nothing")
    assert (unknown.returncode, "ever published" in unknown.stderr) == (2, True)
