"""The logs as files, and a witness that signs only what continues what it saw."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from consent.database import queries
from consent.events import ledger
from consent.transparency import checkpoint, merkle, tiles
from consent.transparency.checkpoint import Checkpoint, NoteInvalid, NoteKey
from consent.transparency.logs import Log
from consent.transparency.tiles import TreeBroken
from service.compliance import announcements
from service.demo import seed
from service.jobs import background
from service.logs import archive, witness
from service.logs.witness import Cosigner, Forked, Unreachable
from service.storage import database
from tests.support import city as cities
from tests.support.city import City
from tests.support.command_line import run_command

pytestmark = [pytest.mark.anyio, pytest.mark.processes]
NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def grow(town: City, leaves: int) -> None:
    """More leaves in the policy log, published."""
    async with queries.transaction():
        at = await queries.now()
        for number in range(leaves):
            await ledger.enqueue_policy_leaf("key", f"key:{at.isoformat()}-{number}", 1, "0" * 64, at)
    await background.advance_logs(town.app_context)


def base_of(folder: Path) -> str:
    return f"file://{folder}/log/policy"


async def test_an_archive_is_a_log_that_a_witness_can_follow(town: City, tmp_path: Path) -> None:
    folder, remembered = tmp_path / "archive", tmp_path / "seen"
    key = announcements.log_key(town.app_context, Log.POLICY)
    await background.log_keys_and_barred_uses(town.app_context)
    await grow(town, 200)
    first = await archive.write(town.app_context, folder)
    assert (await archive.write(town.app_context, folder)).files == 0
    cosigner = Cosigner("witness.test", Ed25519PrivateKey.generate())
    note, head = witness.cosign_log(base_of(folder), [key], remembered, cosigner, NOW)
    assert head.size == first.sizes[Log.POLICY] > 200
    for leaves in (1, 130, 400):
        await grow(town, leaves)
        written = await archive.write(town.app_context, folder)
        assert written.files < 20
        note, grown = witness.cosign_log(base_of(folder), [key], remembered, cosigner, NOW)
        assert grown.size == head.size + leaves
        head = grown
    assert checkpoint.open_note(note, key) == head.text()
    # The cosignature, by the specification and none of our code.
    name, key_id, encoded = cosigner.verifier_key().split("+", 2)
    raw_key = base64.b64decode(encoded)
    assert key_id == hashlib.sha256(name.encode() + b"\n" + raw_key).hexdigest()[:8]
    signature = base64.b64decode(note.rstrip("\n").rsplit(" ", 1)[1])
    (seconds,) = struct.unpack(">Q", signature[4:12])
    assert (signature[:4].hex(), datetime.fromtimestamp(seconds, UTC)) == (key_id, NOW)
    signed = f"cosignature/v1\ntime {seconds}\n{head.text()}".encode()
    Ed25519PublicKey.from_public_bytes(raw_key[1:]).verify(signature[12:], signed)


async def test_the_archives_entries_are_the_leaves_and_name_its_documents(town: City, tmp_path: Path) -> None:
    await background.log_keys_and_barred_uses(town.app_context)
    await background.advance_logs(town.app_context)
    await archive.write(town.app_context, tmp_path)
    leaves = (tmp_path / "log/policy/entries.ndjson").read_bytes().splitlines()
    head = Checkpoint.parse(
        checkpoint.open_note(
            (tmp_path / "log/policy/checkpoint").read_text(), announcements.log_key(town.app_context, Log.POLICY)
        )
    )
    assert merkle.root_of([merkle.leaf_hash(leaf) for leaf in leaves]) == head.root
    for path in (tmp_path / "v1/public/documents").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    named = {json.loads(leaf)["sha256"] for leaf in leaves}
    assert named == {path.name for path in (tmp_path / "v1/public/documents").iterdir()}
    assert not (tmp_path / "log/consent/entries.ndjson").exists()


async def test_a_fork_is_refused_with_both_signed_checkpoints(town: City, tmp_path: Path) -> None:
    folder, remembered = tmp_path / "archive", tmp_path / "seen"
    key = announcements.log_key(town.app_context, Log.POLICY)
    signer = town.app_context.settings.publisher.signer_of(Log.POLICY)
    await grow(town, 300)
    await archive.write(town.app_context, folder)
    witness.cosign_log(base_of(folder), [key], remembered, None, NOW)
    before = remembered.read_text()
    head = Checkpoint.parse(checkpoint.open_note(before, key))
    smaller = Checkpoint(head.origin, head.size - 1, await tiles.root_at(Log.POLICY, head.size - 1))
    (folder / "log/policy/checkpoint").write_text(signer.sign(smaller.text()))
    with pytest.raises(Forked) as refused:
        witness.cosign_log(base_of(folder), [key], remembered, None, NOW)
    assert before in str(refused.value)
    # Another history of the same log, signed by its own key.
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(400)]
    other = tmp_path / "other/log/policy"
    for level, hashes in ((0, leaves), (1, [merkle.root_of(leaves[:256])])):
        for number, start in enumerate(range(0, len(hashes), 256)):
            some = hashes[start : start + 256]
            path = other / "tile" / str(level) / checkpoint.tile_path(number, len(some))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(some))
    (other / "checkpoint").write_text(signer.sign(Checkpoint(head.origin, 400, merkle.root_of(leaves)).text()))
    with pytest.raises(Forked):
        witness.cosign_log(f"file://{other}", [key], remembered, None, NOW)
    fresh = tmp_path / "fresh"
    assert witness.cosign_log(f"file://{other}", [key], fresh, None, NOW)[1].size == 400
    assert remembered.read_text() == before


async def test_a_bad_copy_proves_nothing(town: City, tmp_path: Path) -> None:
    folder, remembered = tmp_path / "archive", tmp_path / "seen"
    key = announcements.log_key(town.app_context, Log.POLICY)
    await grow(town, 300)
    await archive.write(town.app_context, folder)
    witness.cosign_log(base_of(folder), [key], remembered, None, NOW)
    await grow(town, 5)
    await archive.write(town.app_context, folder)
    (tile,) = (
        (folder / "log/policy/tile/0/001.p").iterdir()
        if False
        else [  # the last, partial one
            max((folder / "log/policy/tile/0").rglob("*.p/*"), key=lambda path: int(path.name))
        ]
    )
    whole = tile.read_bytes()
    for harmed in (whole[:-32], bytes([whole[0] ^ 1]) + whole[1:]):
        tile.write_bytes(harmed)
        with pytest.raises(Unreachable):
            witness.cosign_log(base_of(folder), [key], remembered, None, NOW)
    tile.unlink()
    with pytest.raises(Unreachable):
        witness.cosign_log(base_of(folder), [key], remembered, None, NOW)
    for base in ("/etc", "gopher://x", f"file://{tmp_path}/nowhere"):
        with pytest.raises(Unreachable):
            witness.cosign_log(base, [key], remembered, None, NOW)
    tile.write_bytes(whole)
    stranger = NoteKey(key.name, Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    with pytest.raises(NoteInvalid):
        witness.cosign_log(base_of(folder), [stranger], remembered, None, NOW)
    witness.cosign_log(base_of(folder), [key], remembered, None, NOW)
    await queries.execute("DELETE FROM log_tile WHERE log = 'policy' AND level = 1")
    with pytest.raises(TreeBroken):
        await archive.write(town.app_context, tmp_path / "another")


async def test_archive_and_witness_commands(tmp_path: Path) -> None:
    city, folder, seen = tmp_path / "city", tmp_path / "archive", str(tmp_path / "seen")
    settings = seed.settings_of(city)
    await database.open_database(settings.database_url)
    await database.migrate_all()
    await database.close_database()
    async with cities.running_city(settings, city) as town:
        nothing = run_command("export-logs", str(folder), "--data-dir", str(city))
        assert (nothing.returncode, nothing.stdout) == (0, "0 files written\n")
        await background.log_keys_and_barred_uses(town.app_context)
        await background.advance_logs(town.app_context)
    log_key = settings.publisher.signer_of(Log.POLICY).key.text()
    command = ("witness", base_of(folder), "--log-key", log_key, "--remembered", seen)
    absent = run_command(*command)
    assert (absent.returncode, "checkpoint" in absent.stderr) == (2, True)
    exported = run_command("export-logs", str(folder), "--data-dir", str(city))
    assert "policy" in exported.stdout
    signed = run_command(*command, "--name", "witness.test", "--key", str(tmp_path / "witness.pem"))
    assert (signed.returncode, signed.stdout.count("\n— ")) == (0, 2)
    assert signed.stderr.startswith("witness witness.test+")
    assert run_command(*command).returncode == 0
    note = folder / "log/policy/checkpoint"
    note.write_text(note.read_text().replace("/policy\n", "/policy\n9", 1))
    assert run_command(*command).returncode == 1
