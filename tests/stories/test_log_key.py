"""The key of the logs is replaced: two signatures for a while, old receipts and checkpoints verify for ever."""

from __future__ import annotations

import base64
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from consent.database import queries
from consent.transparency import checkpoint, sequencer
from consent.transparency.checkpoint import NoteInvalid, NoteKey
from consent.transparency.logs import Log
from consent.verification import logs
from service.auth import key_files
from service.compliance import key_fingerprints, key_rotation, new_log_epoch, public_keys, verify_receipt
from service.compliance.key_fingerprints import KeyMismatch
from service.compliance.key_rotation import LOG_TRANSITION, NextKeyElsewhere, RotationStep
from service.demo import seed
from service.jobs import background
from service.logs import archive, witness
from service.models import PublicKey
from service.settings import Settings
from tests.support import city
from tests.support.city import City
from tests.support.command_line import run_command
from tests.support.copies import copied

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


@pytest.fixture
def path(tmp_path: Path, city_settings: Settings) -> Path:
    """The file of the key of the town's logs."""
    file = tmp_path / "log.pem"
    private = city_settings.publisher.signer.private
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    return file


def restarted(settings: Settings, path: Path) -> Settings:
    """The settings of a process that was restarted with the key files."""
    signer = key_files.load_log_signer(settings.publisher.signer.name, path)
    return replace(settings, publisher=replace(settings.publisher, signer=signer))


async def published_note(town: City) -> str:
    await background.advance_logs(town.app_context)
    note = (await sequencer.head(Log.CONSENT)).note
    assert note is not None
    return note


def signatures(note: str) -> int:
    return note.count(checkpoint.SIGNATURE_MARK)


async def listed_keys(town: City) -> dict[str, str | None]:
    answer = await town.client.get("/v1/public/logs")
    assert answer.status_code == 200, answer.text
    consent_log = next(row for row in answer.json()["data"] if row["name"] == "consent")
    for key in consent_log["keys"]:
        assert NoteKey.parse(key["verifier_key"]).key_id.hex() == key["key_id"]
    return {key["verifier_key"]: key["valid_until"] for key in consent_log["keys"]}


async def test_a_city_replaces_the_key_of_its_logs(city_settings: Settings, demo_folder: Path, path: Path) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        wang = town.resident("wang")
        consent = await wang.consent_to_provider("city-library")
        old_note = await published_note(town)
        receipt = (await wang.get(f"/v1/me/consents/{consent['consent_id']}/receipt")).json()
        jwks = (await town.client.get("/.well-known/jwks.json")).json()
        old_key = city_settings.publisher.signer_of(Log.CONSENT).key
        at = await queries.now()
        first = await key_rotation.rotate_log(path, at)
        assert first.step is RotationStep.PUBLISHED
        await background.log_keys_and_barred_uses(town.app_context)
        assert (await key_rotation.rotate_log(path, at)).step is RotationStep.WAITING
        assert len(await listed_keys(town)) == 2
        active = await key_rotation.rotate_log(path, at + public_keys.WAIT)
        assert (active.step, active.key_id) == (RotationStep.ACTIVE, first.key_id)

    both = restarted(city_settings, path)
    new_key = both.publisher.signer_of(Log.CONSENT).key
    async with city.running_city(both, demo_folder) as town:
        await key_fingerprints.require_known(both)
        # The same tree is published again, since its note lacks the new key's signature.
        note = await published_note(town)
        assert (signatures(old_note), signatures(note)) == (1, 2)
        for key in (old_key, new_key):
            assert checkpoint.open_note(note, key) == checkpoint.text_of(note)
        assert await published_note(town) == note
        assert (await town.client.get("/log/consent/check")).json()["sound"] is True
        # A host that has not been restarted reads the note by the old key, and does not publish in turn.
        assert await sequencer.publish(Log.CONSENT, city_settings.publisher) is None
        assert (await sequencer.head(Log.CONSENT)).frozen is None
        waiting = await key_rotation.rotate_log(path, at + LOG_TRANSITION)
        assert waiting.step is RotationStep.BOTH_SIGN
        last = await key_rotation.rotate_log(path, at + public_keys.WAIT + LOG_TRANSITION)
        assert last.step is RotationStep.RETIRED
        assert sorted(file.name for file in path.parent.glob("log.pem*")) == ["log.pem", "log.pem.retired"]

    alone = restarted(city_settings, path)
    async with city.running_city(alone, demo_folder) as town:
        await key_fingerprints.require_known(alone)
        await town.resident("zhang").consent_to_provider("city-library")
        note = await published_note(town)
        assert signatures(note) == 1
        assert checkpoint.is_signed(note, new_key)
        with pytest.raises(NoteInvalid):
            checkpoint.open_note(note, old_key)
        keys = await listed_keys(town)
        assert (keys[old_key.text()] is None, keys[new_key.text()]) == (False, None)
        # The old receipt and checkpoint verify by the old published key, also with both keys given.
        assert verify_receipt.verify(receipt, jwks, [new_key.text(), old_key.text()])
        with pytest.raises(verify_receipt.ReceiptRefused):
            verify_receipt.verify(receipt, jwks, [new_key.text()])
        assert checkpoint.open_by_any(old_note, alone.publisher.signer_of(Log.CONSENT).keys)
        with pytest.raises(KeyMismatch, match="LOG_KEY: the log key was replaced"):
            await key_fingerprints.require_known(city_settings)


async def receipt_of_new_consent(town: City, name: str) -> dict[str, Any]:
    """The receipt, with its proof, of a consent that a resident gives now."""
    given = await town.resident(name).consent_to_provider("city-library")
    await published_note(town)
    answer: dict[str, Any] = (await town.resident(name).get(f"/v1/me/consents/{given['consent_id']}/receipt")).json()
    return answer


def witnessed(folder: Path, keys: list[NoteKey], remembered: str, epoch: str = "") -> int:
    """The size of the consent log's checkpoint in an archive, which a witness has compared with the remembered one."""
    base = f"file://{folder}/log/consent{epoch}"
    return witness.cosign_log(base, keys, folder / remembered, None, datetime(2026, 11, 29, tzinfo=UTC))[1].size


@pytest.mark.both_engines
async def test_an_epoch_begins_while_the_key_changes(
    city_settings: Settings, demo_folder: Path, path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    files = tmp_path / "archive"
    old_key = city_settings.publisher.signer_of(Log.CONSENT).key
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        receipts = {"running epoch too": await receipt_of_new_consent(town, "wang")}
        await archive.write(town.app_context, files)
        assert witnessed(files, [old_key], "seen") > 0
        jwks = (await town.client.get("/.well-known/jwks.json")).json()
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        receipts["lost it since"] = await receipt_of_new_consent(town, "zhang")
        await archive.write(town.app_context, files)
        at = await queries.now()
        await key_rotation.rotate_log(path, at)
        assert (await key_rotation.rotate_log(path, at + public_keys.WAIT)).step is RotationStep.ACTIVE

    # The database is lost with the published keys; the copy knows the new key by its file alone.
    both = restarted(older, path)
    new_key = both.publisher.signer_of(Log.CONSENT, 2).key
    async with city.running_city(both, demo_folder) as town:
        await key_fingerprints.require_known(both)
        start = await new_log_epoch.begin(town.app_context, Log.CONSENT, "The disk was lost on 28 November.")
        assert signatures(start.first) == 2
        await background.log_keys_and_barred_uses(town.app_context)
        receipts["stands in the signed log of"] = await receipt_of_new_consent(town, "li")
        await archive.write(town.app_context, files)
        assert witnessed(files, [new_key], "seen 2") > 0
        await key_rotation.rotate_log(path, at + public_keys.WAIT + LOG_TRANSITION)

    alone = restarted(older, path)
    (tmp_path / "last").mkdir()
    last = copied(alone, tmp_path / "last", request)
    async with city.running_city(alone, demo_folder) as town:
        await key_fingerprints.require_known(alone)
        receipts[" leaves"] = await receipt_of_new_consent(town, "zhao")
        await archive.write(town.app_context, files)
        assert signatures((await sequencer.head(Log.CONSENT)).note or "") == 1
        public = (await town.client.get("/v1/public/logs")).json()
        consent_log = next(row for row in public["data"] if row["name"] == "consent")
        (ended,) = consent_log["previous"]
        assert (ended["verifier_key"], consent_log["verifier_key"]) == (old_key.text(), new_key.text())
        for words, receipt in receipts.items():
            assert words in verify_receipt.verify(receipt, jwks, None, public)[-1]
        # A witness that slept through the change knows both keys; each epoch has an address of its own.
        current = [new_key, NoteKey(new_key.name, old_key.public)]
        assert witnessed(files, current, "seen 2") == (await sequencer.head(Log.CONSENT)).size
        ended_keys = [NoteKey(old_key.name, new_key.public), old_key]
        assert witnessed(files, ended_keys, "seen", "/epochs/1") == ended["size"]
        with pytest.raises(NoteInvalid, match="several logs or epochs"):
            witnessed(files, [new_key, old_key], "seen 2")
        assert await faults(town) == []

    # A key that was replaced before an epoch began is none of its keys.
    async with city.running_city(restarted(last, path), demo_folder) as town:
        # An epoch begins at a whole second: everything here may take place in one.
        replaced = queries.to_micros(at - timedelta(seconds=1))
        await PublicKey.filter(key_id=public_keys.log_key_id(old_key.public)).update(retired_at=replaced)
        await new_log_epoch.begin(town.app_context, Log.CONSENT, "The disk was lost again on 29 November.")
        (row, _) = (await town.client.get("/v1/public/logs")).json()["data"]
        origin = row["verifier_key"].partition("+")[0]
        assert [key["verifier_key"] for key in row["keys"] if key["origin"] == origin] == [row["verifier_key"]]
        assert [key["verifier_key"] for key in row["keys"]].count(old_key.text()) == 1


async def faults(town: City) -> list[str]:
    """The faults that `verify-log` reports, with the keys of this process."""
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    return [f"{report.fault.where}: {report.fault.what}" for report in reports.values() if report.fault]


async def test_a_rotation_of_the_log_key_interrupted_at_any_step_is_continued(
    city_settings: Settings, demo_folder: Path, path: Path
) -> None:
    async with city.running_city(city_settings, demo_folder):
        await key_fingerprints.require_known(city_settings)
        at = await queries.now()
        key_files.create_log_key(key_files.next_path(path))  # stopped before the publication
        upcoming = key_files.load_log_key(key_files.next_path(path)).public_key().public_bytes_raw()
        assert (await key_rotation.rotate_log(path, at)).key_id == base64.b64encode(upcoming).decode()
        previous = path.with_name("log.pem.previous")
        shutil.copy(path, previous)  # stopped between the copy and the replacement
        assert (await key_rotation.rotate_log(path, at + public_keys.WAIT)).step is RotationStep.ACTIVE
        signer = key_files.load_log_signer("log", path)
        assert signer.key.public == upcoming
        assert signer.previous is not None
        end = at + public_keys.WAIT + LOG_TRANSITION
        assert (await key_rotation.rotate_log(path, end)).step is RotationStep.RETIRED
        assert len(key_files.load_log_signer("log", path).retired) == 1


async def test_two_keys_sign_for_the_whole_transition_also_if_the_key_was_published_long_ago(
    city_settings: Settings, demo_folder: Path, path: Path
) -> None:
    async with city.running_city(city_settings, demo_folder):
        await key_fingerprints.require_known(city_settings)
        at = await queries.now()
        assert (await key_rotation.rotate_log(path, at - 2 * LOG_TRANSITION)).step is RotationStep.PUBLISHED
        assert (await key_rotation.rotate_log(path, at)).step is RotationStep.ACTIVE
        assert (await key_rotation.rotate_log(path, at)).step is RotationStep.BOTH_SIGN
        assert key_files.load_log_signer("log", path).previous is not None
        later = await queries.now() + LOG_TRANSITION
        assert (await key_rotation.rotate_log(path, later)).step is RotationStep.RETIRED


async def test_another_host_takes_the_same_next_log_key(
    city_settings: Settings, demo_folder: Path, path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    shutil.copy(path, other)
    async with city.running_city(city_settings, demo_folder):
        await key_rotation.rotate_log(path, await queries.now())
        with pytest.raises(NextKeyElsewhere, match="rotate-keys log --retire"):
            await key_rotation.rotate_log(other, await queries.now())
        assert not key_files.next_path(other).exists()


@pytest.mark.processes
def test_the_command_publishes_the_next_log_key(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    seed.settings_of(folder)
    assert run_command("migrate", "--data-dir", str(folder)).returncode == 0
    done = run_command("rotate-keys", "log", "--data-dir", str(folder))
    assert (done.returncode, "is published; run this again after" in done.stdout) == (0, True), done.stderr
