"""The two transparency logs of a running city: proofs for outsiders, a fsck that names the fault, no silent fork."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tortoise import Tortoise

from consent.database import queries
from consent.database.composite_key import key_columns
from consent.database.fields import Sealed
from consent.transparency import checkpoint, merkle, sequencer, tiles
from consent.transparency.checkpoint import TILE_WIDTH, Checkpoint, NoteKey
from consent.transparency.logs import Log
from consent.transparency.tiles import TreeBroken
from consent.verification import logs
from consent.verification.rows import IntegrityFault
from service.auth.access_tokens import Audience
from service.compliance import verify_receipt
from service.jobs import background
from service.observability import metrics
from service.storage import database
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


async def latest(town: City, log: str) -> Checkpoint:
    keys = {log["name"]: log["verifier_key"] for log in (await town.client.get("/v1/public/logs")).json()["data"]}
    answer = await town.client.get(f"/log/{log}/checkpoint")
    assert answer.headers["content-type"].startswith("text/plain")
    return Checkpoint.parse(checkpoint.open_note(answer.text, NoteKey.parse(keys[log])))


def decoded(hashes: list[str]) -> list[bytes]:
    return [base64.b64decode(digest, validate=True) for digest in hashes]


async def advance(town: City) -> None:
    await background.log_keys_and_barred_uses(town.app_context)
    await background.advance_logs(town.app_context)


@pytest.mark.both_engines(everyday=False)
async def test_every_leaf_is_proven_and_every_checkpoint_continues_the_last(town: City) -> None:
    await advance(town)
    first = {log: await latest(town, log) for log in Log}
    assert first[Log.CONSENT].origin.endswith("/consent")
    wang = town.resident("wang")
    given = await wang.consent_to_provider("city-library")
    receipt = (await wang.get(f"/v1/me/consents/{given['consent_id']}/receipt")).json()
    leaf = receipt["log"]["leaf_hash"]
    waiting = await town.client.get("/log/consent/proof/inclusion", params={"leaf_hash": leaf})
    assert waiting.status_code == 404
    await advance(town)
    second = await latest(town, "consent")
    assert second.size == first[Log.CONSENT].size + 1
    proof = (await town.client.get("/log/consent/proof/inclusion", params={"leaf_hash": leaf})).json()
    assert proof["size"] == second.size
    merkle.check_inclusion(base64.b64decode(leaf), proof["index"], proof["size"], decoded(proof["hashes"]), second.root)
    sizes = {"from": first[Log.CONSENT].size, "to": second.size}
    grown = (await town.client.get("/log/consent/proof/consistency", params=sizes)).json()
    merkle.check_consistency(
        first[Log.CONSENT].size, second.size, first[Log.CONSENT].root, second.root, decoded(grown["hashes"])
    )
    await advance(town)
    assert await latest(town, "consent") == second


@pytest.mark.both_engines(everyday=False)
async def test_tiles_have_the_root_of_the_tree(town: City) -> None:
    await advance(town)
    head = await latest(town, "policy")
    full, rest = divmod(head.size, TILE_WIDTH)
    hashes: list[bytes] = []
    for number, width in [(tile, TILE_WIDTH) for tile in range(full)] + ([(full, rest)] if rest else []):
        path = checkpoint.tile_path(number, width)
        answer = await town.client.get(f"/log/policy/tile/0/{path}")
        assert (answer.status_code, len(answer.content)) == (200, width * 32)
        assert "immutable" in answer.headers["cache-control"]
        hashes += tiles.split(answer.content)
    assert merkle.root_of(hashes) == head.root
    beyond = [f"0/{checkpoint.tile_path(full + 1, 1)}", f"0/{checkpoint.tile_path(full, rest + 1)}"]
    for absent in (*beyond, "7/000", "8/000", "0/0", "-1/000", "x/000", "0/x000/000"):
        assert (await town.client.get(f"/log/policy/tile/{absent}")).status_code == 404, absent


@pytest.mark.both_engines(everyday=False)
async def test_the_policy_log_names_every_rule_by_a_hash_that_serves_it(town: City) -> None:
    await advance(town)
    entries = (await town.client.get("/log/policy/entries")).json()
    assert entries["size"] == len(entries["data"]) == (await latest(town, "policy")).size
    kinds = {entry["leaf"]["kind"] for entry in entries["data"]}
    assert kinds == {
        "providers", "venues", "sources", "services", "benefits", "schemes", "notices", "barred_use", "key",
    }  # fmt: skip
    for entry in entries["data"]:
        leaf = entry["leaf"]
        assert set(leaf) == {"v", "kind", "id", "version", "sha256", "in_force_from"}
        served = await town.client.get(f"/v1/public/documents/{leaf['sha256']}")
        assert served.status_code == 200, leaf
        assert hashlib.sha256(verify_receipt.canonical(served.json())).hexdigest() == leaf["sha256"]
    assert "admin-1" not in json.dumps(entries)
    part = (await town.client.get("/log/policy/entries", params={"start": 3, "end": 5})).json()["data"]
    assert [entry["index"] for entry in part] == [3, 4]
    assert (await town.client.get("/v1/public/documents/" + "0" * 64)).status_code == 404
    await advance(town)
    assert (await town.client.get("/log/policy/entries")).json()["size"] == entries["size"]


OUT_OF_RANGE = {
    "/log/nothing/checkpoint": 404,
    "/log/consent/proof/inclusion": 400,
    "/log/consent/proof/inclusion?leaf_hash=x": 400,
    "/log/consent/proof/inclusion?leaf_hash=" + "A" * 43 + "%3D": 404,
    "/log/consent/proof/inclusion?leaf_hash=" + "A" * 43 + "%3D&size=-1": 400,
    "/log/consent/proof/consistency": 400,
    "/log/consent/proof/consistency?from=1&to=99999999": 404,
    "/log/consent/proof/consistency?from=5&to=2": 404,
    "/log/consent/proof/consistency?from=x": 400,
    "/log/policy/entries?start=99999999999999999999": 400,
    "/log/consent/entries": 404,
}
"""Queries to a log, and the status of their answers."""


@pytest.mark.both_engines(everyday=False)
async def test_log_queries_out_of_range_are_answered_404_or_400(town: City) -> None:
    await advance(town)
    assert {path: (await town.client.get(path)).status_code for path in OUT_OF_RANGE} == OUT_OF_RANGE


@pytest.mark.both_engines(everyday=False)
async def test_an_unpublished_log_serves_nothing(town: City) -> None:
    assert (await town.client.get("/log/consent/checkpoint")).status_code == 404
    assert (await town.client.get("/log/consent/tile/0/000")).status_code == 404


async def test_a_leaf_reveals_no_person(town: City) -> None:
    wang = town.resident("canary-subject")
    await wang.volunteer(60, "canary-account")
    await advance(town)
    for row in await queries.fetch_all("SELECT leaf FROM log_entry WHERE log = 'consent'"):
        leaf = json.loads(row["leaf"])
        assert set(leaf) == {"v", "k", "c"}
        assert "canary" not in row["leaf"]


# Receipts ---------------------------------------------------------------------------------------------------------


async def receipt_of(town: City, name: str, folder: Path) -> tuple[Path, Path, str, dict[str, Any]]:
    """A receipt of a consent that was withdrawn, published; the files a verifier needs, and the log's key."""
    wang = town.resident(name)
    given = await wang.consent_to_provider("city-library")
    await wang.post(f"/v1/me/consents/{given['consent_id']}/withdraw")
    await advance(town)
    answer = (await wang.get(f"/v1/me/consents/{given['consent_id']}/receipt")).json()
    keys = {log["name"]: log["verifier_key"] for log in (await town.client.get("/v1/public/logs")).json()["data"]}
    receipt, jwks = folder / "receipt.json", folder / "jwks.json"
    receipt.write_text(json.dumps(answer))
    jwks.write_text((await town.client.get("/.well-known/jwks.json")).text)
    return receipt, jwks, keys["consent"], answer


def run_alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of the verifier where none of our packages can be imported."""
    alone = folder / "verifier.py"
    alone.write_text(Path(verify_receipt.__file__).read_text())
    return subprocess.run(
        [sys.executable, "-I", str(alone), *arguments], capture_output=True, text=True, check=False, cwd=folder
    )


@pytest.mark.both_engines(everyday=False)
async def test_a_receipt_is_verified_without_any_of_our_code(town: City, tmp_path: Path) -> None:
    receipt, jwks, log_key, answer = await receipt_of(town, "wang", tmp_path)
    assert answer["receipt"]["state"] == "withdrawn"
    assert [event["kind"] for event in answer["receipt"]["events"]] == ["consent.given", "consent.withdrawn"]
    assert answer["log"]["leaf_hash"] != answer["log"]["latest_leaf_hash"]
    assert "wang" not in json.dumps(answer)
    done = run_alone(tmp_path, str(receipt), "--jwks", str(jwks), "--log-key", log_key)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4


@pytest.mark.both_engines(everyday=False)
async def test_receipts_of_refusals_and_of_others(town: City) -> None:
    wang = town.resident("wang")
    shown = await wang.request_notice(purpose="benefit.check", provider_id="city-library")
    refused = (await wang.post("/v1/me/refusals", {"ticket": shown["ticket"]})).json()
    answer = (await wang.get(f"/v1/me/consents/{refused['consent_id']}/receipt")).json()
    assert (answer["receipt"]["state"], answer["receipt"]["expires_at"]) == ("refused", None)
    assert answer["receipt"]["pii_processing"]["privacy_notice"]["sha256"] == shown["notice"]["sha256"]
    for other in (town.resident("li"), town.resident("resident-1")):
        assert (await other.get(f"/v1/me/consents/{refused['consent_id']}/receipt")).status_code == 404


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_c15_a_changed_or_foreign_receipt_is_refused(town: City, tmp_path: Path) -> None:
    _, jwks_path, log_key, answer = await receipt_of(town, "wang", tmp_path)
    jwks = json.loads(jwks_path.read_text())
    assert verify_receipt.verify(answer, jwks, [log_key])
    other = town.issuer.jwks()
    changed: list[tuple[dict[str, Any], dict[str, Any], str | None]] = [
        (answer, other, None),
        ({**answer, "receipt": {**answer["receipt"], "state": "given"}}, jwks, None),
        ({**answer, "receipt": {**answer["receipt"], "events": answer["receipt"]["events"][:1]}}, jwks, None),
        ({**answer, "events": answer["events"][:1]}, jwks, None),
        ({**answer, "events": answer["events"][::-1]}, jwks, None),
        (answer, jwks, log_key.replace("/consent+", "/policy+")),
    ]
    header = {"alg": "none", "kid": jwks["keys"][0]["kid"], "typ": "consent-receipt+jws"}
    for forged in ({**header}, {**header, "alg": "HS256"}, {**header, "alg": "ES256", "typ": "JWT"}):
        encoded = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=").decode()
        changed.append(({**answer, "jws": f"{encoded}..{answer['jws'].split('.')[2]}"}, jwks, None))
    for position, opening in enumerate(answer["events"]):
        for member, value in (
            ("salt", "0" * 64), ("leaf_hash", answer["events"][1 - position]["leaf_hash"]),
            ("event", {**opening["event"], "at": "2020-01-01T00:00:00+00:00"}), ("proof", None),
            ("proof", answer["events"][1 - position]["proof"]),
            ("proof", opening["proof"].replace("index ", "index 1")), ("proof", opening["proof"].replace("@v1", "@v2")),
        ):  # fmt: skip
            events = list(answer["events"])
            events[position] = {**opening, member: value}
            changed.append(({**answer, "events": events}, jwks, log_key))
    for receipt, keys, key in changed:
        with pytest.raises((verify_receipt.ReceiptRefused, ValueError)):
            verify_receipt.verify(receipt, keys, None if key is None else [key])


# The fsck ---------------------------------------------------------------------------------------------------------


async def without_triggers() -> None:
    """Take away what stops an honest operator; somebody with the database can."""
    if queries.is_sqlite():
        for row in await queries.fetch_all("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            await queries.execute(f"DROP TRIGGER {row['name']}")
    else:
        for table in ("event", "log_entry", "refused_attempt", "document_step"):
            await queries.connection().execute_script(f"ALTER TABLE {table} DISABLE TRIGGER ALL")


async def check(town: City) -> list[IntegrityFault]:
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    return [report.fault for report in reports.values() if report.fault is not None]


EVENT = "WHERE person_id = $person AND number"
OTHERS = "(SELECT wrapped_key FROM person p2 WHERE p2.person_id <> person.person_id LIMIT 1)"
FIRST = "(SELECT sealed FROM event e2 WHERE e2.person_id = event.person_id AND e2.number = 1)"
LAST = "(SELECT events FROM person WHERE person_id = $person)"
HARMS = [
    ("UPDATE log_entry SET leaf = replace(leaf, '1', '2') WHERE log = 'consent' AND position = 7", "consent", 7),
    ("UPDATE log_entry SET leaf_hash = 'ff' WHERE log = 'policy' AND position = 3", "policy", 3),
    ("DELETE FROM log_entry WHERE log = 'consent' AND position = 5", "consent", 5),
    ("UPDATE log_head SET size = size - 1 WHERE log = 'consent'", "consent", None),
    ("UPDATE log_head SET checkpoint = replace(checkpoint, 'e', 'f') WHERE log = 'consent'", "consent", 0),
    (f"UPDATE event SET sealed = {FIRST} {EVENT} = 3", "person $person", 3),
    (f"UPDATE event SET kind = 'consent.refused' {EVENT} = 4", "person $person", 4),
    (f"UPDATE event SET at = at - 1 {EVENT} = 4", "person $person", 4),
    (f"UPDATE event SET leaf_hash = 'ff' {EVENT} = 2", "person $person", 2),
    (f"DELETE FROM event {EVENT} = 2", "person $person", 2),
    (f"DELETE FROM event {EVENT} = {LAST}", "person $person", None),
    (f"UPDATE event SET number = number + 1000 {EVENT} = 2", "person $person", 2),
    (f"UPDATE person SET wrapped_key = {OTHERS} WHERE person_id = $person", "person $person", 0),
    ("DELETE FROM person WHERE person_id = $person", "person $person", None),
]


@pytest.mark.parametrize(("harm", "where", "number"), HARMS)
@pytest.mark.database_owner
async def test_c14_every_change_is_detected_and_named(town: City, harm: str, where: str, number: int | None) -> None:
    await advance(town)
    assert await check(town) == []
    (person,) = await queries.fetch_all("SELECT person_id FROM person ORDER BY events DESC, person_id LIMIT 1")
    await without_triggers()
    await queries.execute(harm.replace("$person", f"'{person['person_id']}'"))
    faults = await check(town)
    assert faults, harm
    assert faults[0].where == where.replace("$person", person["person_id"])
    if number is not None:
        assert faults[0].number == number
    assert faults[0].what


@pytest.mark.database_owner
async def test_c14_a_removed_person_is_detected(town: City) -> None:
    await advance(town)
    (person,) = await queries.fetch_all("SELECT person_id FROM person ORDER BY events DESC, person_id LIMIT 1")
    await without_triggers()
    for table in ("event", "person", "consent", "record"):
        await queries.execute(f"DELETE FROM {table} WHERE person_id = $1", person["person_id"])
    fault = (await check(town))[0]
    assert (fault.where, fault.what) == ("consent", "no event stands behind the leaf")


async def test_a_flipped_bit_in_any_tile_is_detected(town: City) -> None:
    await advance(town)
    for row in await queries.fetch_all("SELECT log, level, number, hashes FROM log_tile"):
        hashes = bytearray(bytes(row["hashes"]))
        hashes[-1] ^= 1
        where = "UPDATE log_tile SET hashes = $4 WHERE log = $1 AND level = $2 AND number = $3"
        key = (row["log"], row["level"], row["number"])
        await queries.execute(where, *key, bytes(hashes))
        faults = await check(town)
        assert faults[0].where == f"{row['log']} tile {row['level']}/{row['number']}"
        assert faults[0].number == len(hashes) // 32 - 1
        await queries.execute(where, *key, bytes(row["hashes"]))
    assert await check(town) == []


@pytest.mark.database_owner
async def test_a_refused_attempt_cannot_be_rewritten(town: City) -> None:
    await town.venue().get("/v1/me/points")
    await advance(town)
    assert await check(town) == []
    await without_triggers()
    await queries.execute("UPDATE refused_attempt SET code = 'nothing'")
    (fault,) = await check(town)
    assert fault.where == "refused_attempt"


@pytest.mark.both_engines(everyday=False)
async def test_erased_persons_leave_a_chain_that_still_holds(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(60, "v-wang")
    await advance(town)
    await wang.delete("/v1/me")
    await advance(town)
    assert await check(town) == []


# No silent fork ---------------------------------------------------------------------------------------------------


async def test_an_older_copy_freezes_the_log_and_withholds_records(town: City, tmp_path: Path) -> None:
    await advance(town)
    wang = town.resident("resident-1")
    # The published checkpoint belongs to a later state; this database is an older copy.
    publisher = town.app_context.settings.publisher
    signer = publisher.signer_of(Log.CONSENT)
    head = await latest(town, "consent")
    ahead = signer.sign(Checkpoint(signer.name, head.size + 1, bytes(32)).text())
    published = publisher.path_of(Log.CONSENT).read_text()
    publisher.path_of(Log.CONSENT).write_text(ahead)
    await advance(town)
    frozen = await sequencer.head(Log.CONSENT)
    assert frozen.frozen is not None
    assert frozen.withheld
    assert f"{head.size + 1} were published" in frozen.frozen
    explained = await wang.get("/v1/me/points/explanation")
    assert (explained.status_code, explained.json()["code"]) == (503, "records_withheld")
    for path in ("/v1/me/consents", "/v1/me/messages", "/v1/me/records"):
        assert (await wang.get(path)).status_code == 200, path
    assert (await town.client.get("/v1/public/benefits")).status_code == 200
    assert (await town.client.get("/log/policy/checkpoint")).status_code == 200
    # Stopping still works, and its event waits.
    assert (await wang.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    size = (await sequencer.head(Log.CONSENT)).size
    await advance(town)
    assert (await sequencer.head(Log.CONSENT)).size == size
    with pytest.raises(TreeBroken):
        await sequencer.unfreeze(Log.CONSENT, publisher)
    publisher.path_of(Log.CONSENT).write_text(published)
    await sequencer.unfreeze(Log.CONSENT, publisher)
    await advance(town)
    assert (await latest(town, "consent")).size > size
    assert (await wang.get("/v1/me/points/explanation")).status_code == 200


@pytest.mark.both_engines(everyday=False)
@pytest.mark.parametrize("harm", ["other root", "not ours", "tile"])
async def test_a_contradiction_to_the_published_checkpoint_freezes_the_log(town: City, harm: str) -> None:
    await advance(town)
    publisher = town.app_context.settings.publisher
    path, signer = publisher.path_of(Log.POLICY), publisher.signer_of(Log.POLICY)
    head = await latest(town, "policy")
    if harm == "other root":
        path.write_text(signer.sign(Checkpoint(signer.name, head.size, bytes(32)).text()))
    elif harm == "not ours":
        path.write_text(path.read_text().replace("policy", "p0licy"))
    else:
        await queries.execute(
            "UPDATE log_tile SET hashes = $1 WHERE log = 'policy' AND level = 0 AND number = 0", bytes(32)
        )
    await advance(town)
    stored = await sequencer.head(Log.POLICY)
    assert stored.frozen
    assert not stored.withheld
    assert 'credit_easy_log_frozen{log="policy"} 1.0' in metrics.text().decode()


@pytest.mark.both_engines(everyday=False)
@pytest.mark.parametrize("harm", ["last checkpoint gone", "another folder", "folder gone"])
async def test_a_process_without_the_last_checkpoint_does_not_sequence_and_freezes_nothing(
    town: City, tmp_path: Path, harm: str
) -> None:
    await advance(town)
    folder, away = town.app_context.settings.publisher.folder, tmp_path / "away"
    shutil.copytree(folder, away)
    if harm == "last checkpoint gone":
        (folder / "policy.checkpoint").unlink()
        shutil.rmtree(folder / "checkpoints" / "policy")
    elif harm == "another folder":
        (folder / "folder-id").write_text("another\n")
    else:
        shutil.rmtree(folder)
    wang = town.resident("wang")
    await wang.consent_to_provider("city-library")
    sizes = [(await sequencer.head(log)).size for log in Log]
    await advance(town)
    assert [(await sequencer.head(log)).size for log in Log] == sizes
    assert [(await sequencer.head(log)).frozen for log in Log] == [None, None]
    assert "credit_easy_log_folder_unfit 1.0" in metrics.text().decode()
    assert await wang.total() == 0
    # Nobody is told "withdrawn" while the tombstone would be lost.
    withdrawn = await wang.post("/v1/me/withdrawals", {"scope": "all"})
    assert withdrawn.status_code == (200 if harm == "last checkpoint gone" else 503), withdrawn.text

    shutil.copytree(away, folder, dirs_exist_ok=True)
    await advance(town)
    assert (await sequencer.head(Log.CONSENT)).size > sizes[0]
    assert "credit_easy_log_folder_unfit 0.0" in metrics.text().decode()
    assert (await wang.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200


@pytest.mark.parametrize(
    ("harm", "bad"),
    [(None, set()), ("tile", {"continued"}), ("short", {"continued"}), ("note", {"signed", "continued"}),
     ("frozen", {"growing"})],
)  # fmt: skip
async def test_anybody_can_ask_whether_a_log_is_sound(town: City, harm: str | None, bad: set[str]) -> None:
    assert (await town.client.get("/log/policy/check")).status_code == 404
    await advance(town)
    if harm == "tile":
        await queries.execute("UPDATE log_tile SET hashes = $1 WHERE log = 'policy' AND level = 0", bytes(32 * 256))
    elif harm == "short":
        await queries.execute("UPDATE log_head SET size = size - 1 WHERE log = 'policy'")
    elif harm == "note":
        await queries.execute("UPDATE log_head SET checkpoint = replace(checkpoint, '/policy', '/other')")
    elif harm == "frozen":
        await queries.execute("UPDATE log_head SET frozen = 'looked into' WHERE log = 'policy'")
    report = (await town.client.get("/log/policy/check")).json()
    assert {name for name in ("signed", "continued", "growing") if not report[name]} == bad
    assert report["sound"] == (not bad)
    browser = await Browser(town).go("/logs")
    assert ("No problems found in either log" in browser.text) == (not bad)
    # Once more than in the verdict of the visitor's own browser, which is hidden where no script runs.
    assert browser.text.count("Problems found") == 1 + bool(bad)
    assert browser.status == 200


@pytest.mark.both_engines(everyday=False)
async def test_the_page_of_the_logs_explains_them_in_words(town: City) -> None:
    await advance(town)
    for language, words in (
        ("en", ("Barred use", "Data source", "in force from")),
        ("zh-CN", ("禁止的用途", "数据来源")),
    ):
        browser = await Browser(town, language).go("/logs")
        newest = browser.text.split({"en": "The newest rules", "zh-CN": "最新规则"}[language])[1]
        assert any(word in newest for word in words)
        assert "barred_use" not in browser.text
        assert "key:" not in browser.text
        assert not re.search(r"\b[0-9a-f]{64}\b", browser.text)
        assert f"witness http://city.test/log/consent --log-key '{(await key_of(town, 'consent'))}'" in browser.text


async def key_of(town: City, log: str) -> str:
    listed = (await town.client.get("/v1/public/logs")).json()["data"]
    return str(next(listing["verifier_key"] for listing in listed if listing["name"] == log))


async def test_a_death_between_file_and_database_is_caught_up(town: City) -> None:
    await advance(town)
    await town.resident("wang").consent_to_provider("city-library")
    await sequencer.integrate(Log.CONSENT, await town.app_context.clock())
    before = await queries.fetch_all("SELECT checkpoint FROM log_head WHERE log = 'consent'")
    published = await sequencer.publish(Log.CONSENT, town.app_context.settings.publisher)
    await queries.execute("UPDATE log_head SET checkpoint = $1 WHERE log = 'consent'", before[0]["checkpoint"])
    assert await sequencer.publish(Log.CONSENT, town.app_context.settings.publisher) == published
    assert await latest(town, "consent") == published


async def test_a_forged_leaf_in_the_outbox_freezes_before_it_is_signed(town: City) -> None:
    await advance(town)
    await queries.execute("INSERT INTO outbox (leaf_hash, leaf, log, put_at) VALUES ('00', '{}', 'consent', 0)")
    await advance(town)
    assert "not what its hash says" in ((await sequencer.head(Log.CONSENT)).frozen or "")


@pytest.mark.both_engines(everyday=False)
async def test_a_late_leaf_is_an_alarm(town: City) -> None:
    at = await town.app_context.clock()
    leaves, waited = await sequencer.backlog(Log.CONSENT, at)
    assert leaves > 0
    assert (await sequencer.backlog(Log.CONSENT, at + timedelta(minutes=30)))[1] > sequencer.LATE_AFTER
    assert timedelta(0) <= waited < timedelta(minutes=30)
    await advance(town)
    assert await sequencer.backlog(Log.CONSENT, at + timedelta(minutes=30)) == (0, timedelta(0))


# Growing ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_a_tree_grown_in_any_batches_is_the_same_tree(
    batches: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def run() -> None:
        await database.open_database(f"sqlite://{tmp_path_factory.mktemp('tree') / 'x.sqlite3'}")
        try:
            await database.migrate_all()
            size, hashes = 0, [hashlib.sha256(str(number).encode()).digest() for number in range(sum(batches))]
            for batch in batches:
                async with queries.transaction():
                    size = await tiles.grow(Log.CONSENT, size, hashes[size : size + batch])
            assert size == len(hashes)
            for at in {0, 1, size // 2, size}:
                if at <= size:
                    assert await tiles.root_at(Log.CONSENT, at) == merkle.root_of(hashes[:at])
            if size:
                for index in {0, size // 3, size - 1}:
                    proof = await tiles.inclusion(Log.CONSENT, index, size)
                    merkle.check_inclusion(hashes[index], index, size, proof, merkle.root_of(hashes))
                old = size // 2
                merkle.check_consistency(
                    old, size, merkle.root_of(hashes[:old]), merkle.root_of(hashes),
                    await tiles.consistency(Log.CONSENT, old, size),
                )  # fmt: skip
        finally:
            await database.close_database()

    asyncio.run(run())


async def test_two_sequencers_move_each_leaf_once(town: City) -> None:
    at = await town.app_context.clock()
    (before,) = await queries.fetch_all("SELECT count(*) AS leaves FROM outbox WHERE log = 'consent'")
    moved = await asyncio.gather(*(sequencer.integrate(Log.CONSENT, at) for _ in range(4)))
    assert sum(moved) == before["leaves"]
    (entries,) = await queries.fetch_all(
        "SELECT count(*) AS n, max(position) AS last FROM log_entry WHERE log = 'consent'"
    )
    assert (entries["n"], entries["last"]) == (before["leaves"], before["leaves"] - 1)


async def test_a_call_to_another_audience_is_logged_as_an_attempt(town: City) -> None:
    await town.actor(Audience.VENUE, "city-library-main").get("/v1/me/points")
    (row,) = await queries.fetch_all("SELECT leaf_hash FROM refused_attempt")
    await advance(town)
    assert await queries.fetch_all("SELECT 1 AS there FROM log_entry WHERE leaf_hash = $1", row["leaf_hash"])


async def everything_sealed(town: City) -> None:
    """One person with something in every sealed field."""
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    await wang.ticket()
    slip = await wang.post("/v1/me/slips", {"benefit_id": "library-deposit", "venue_id": "city-library-main"})
    assert slip.status_code == 201, slip.text
    await wang.consent_to_source("green-travel", "bike-wang")  # a code waits to be typed
    (stored,) = (await wang.get("/v1/me/records")).json()["data"]
    path = f"/v1/me/records/{stored['record_id']}/objections"
    source, officer = town.source("volunteer-service"), town.actor(Audience.PRIVACY, "officer-1")
    for decision in ("rejected", "upheld"):  # upheld, the record is retracted and its source hears of it
        body = {"reason_code": "not_mine", "statement": "It was not me.", "claim": {"quantity": 60}}
        objection_id = (await wang.post(path, body)).json()["objection_id"]
        stated = await source.post(f"/v1/source/objections/{objection_id}/statement", {"statement": "It was."})
        decided = await officer.post(
            f"/v1/privacy/objections/{objection_id}/decision", {"decision": decision, "reason": "The source was asked."}
        )
        assert (stated.status_code, decided.status_code) == (200, 200)
    complaint = {"benefit_id": "library-deposit", "venue_id": "city-library-main", "reason_code": "not_honoured"}
    complained = (await wang.post("/v1/me/complaints", complaint | {"statement": "I paid a deposit."})).json()
    answered = await officer.post(
        f"/v1/privacy/complaints/{complained['complaint_id']}/answer", {"answer": "The library was told."}
    )
    assert answered.status_code == 200
    linked = await wang.link("civic-life", "civic-wang")
    await wang.post(f"/v1/me/consents/{linked['consent_id']}/withdraw")  # a copy stays for the undo
    await town.resident("gone").volunteer(60, "v-gone")
    await town.resident("gone").delete("/v1/me")


@pytest.mark.database_owner
async def test_a_flipped_byte_in_any_sealed_field_is_detected_and_named(town: City) -> None:
    await everything_sealed(town)
    await advance(town)
    assert await check(town) == []
    await without_triggers()
    tried = 0
    for app in Tortoise.apps.values():
        for model in app.values():
            table = model._meta.db_table
            key = "leaf_hash" if table == "event" else key_columns(model)[-1]
            for column in [name for name, field in model._meta.fields_map.items() if isinstance(field, Sealed)]:
                rows = await queries.fetch_all(f"SELECT {key} AS key, {column} AS held FROM {table}")
                row = next(row for row in rows if row["held"] is not None)
                whole = bytes(row["held"])
                for place in (0, len(whole) // 2, len(whole) - 1):
                    harmed = bytearray(whole)
                    harmed[place] ^= 1
                    await queries.execute(
                        f"UPDATE {table} SET {column} = $2 WHERE {key} = $1", row["key"], bytes(harmed)
                    )
                    (fault,) = await check(town)
                    assert table == "event" or (fault.where, fault.what) == (
                        f"{table} {row['key']}", f"{column} does not open",
                    )  # fmt: skip
                    tried += 1
                await queries.execute(f"UPDATE {table} SET {column} = $2 WHERE {key} = $1", row["key"], whole)
    assert tried == 3 * 20
    assert await check(town) == []


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        ("UPDATE consent SET state = 'given', ended_at = NULL WHERE consent_id = $1", "its state is not"),
        ("UPDATE consent SET expires_at = expires_at + 1 WHERE consent_id = $1", "its expires_at is not"),
        ("UPDATE consent SET counterpart = 'green-travel' WHERE consent_id = $1", "its counterpart is not"),
        ("DELETE FROM consent WHERE consent_id = $1", "its row is missing"),
    ],
)
async def test_an_edited_consent_is_detected_by_its_events(town: City, harm: str, what: str) -> None:
    wang = town.resident("wang")
    consent = (await wang.link("volunteer-service", "v-wang"))["consent_id"]
    await wang.post(f"/v1/me/consents/{consent}/withdraw")
    await advance(town)
    await queries.execute(harm, consent)
    (fault,) = await check(town)
    assert (fault.where, fault.what.startswith(what)) == (f"consent {consent}", True)


@pytest.mark.both_engines(everyday=False)
@pytest.mark.parametrize("rounds", [2, pytest.param(10, marks=pytest.mark.campaign)])
async def test_the_fsck_sees_one_instant_while_others_write(town: City, rounds: int) -> None:
    wang = town.resident("wang")

    async def write() -> None:
        for number in range(rounds):
            consent = await wang.link("volunteer-service", f"v-{number}")
            await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
            await advance(town)

    async def verify() -> None:
        while not writing.done():
            assert await check(town) == []

    writing = asyncio.create_task(write())
    await asyncio.gather(writing, verify())
