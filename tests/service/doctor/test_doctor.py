"""`doctor`: each fault is named by its own check, the later checks still run, and the last line is what to do first."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consent.database import queries
from consent.transparency import sequencer
from consent.transparency.logs import Log
from service import settings
from service.auth.access_tokens import Audience
from service.compliance import key_fingerprints
from service.doctor import network_checks, own_checks
from service.doctor.database_checks import crosses_network
from service.doctor.examination import Examination
from service.doctor.examine import CHECKS, examine
from service.settings import Settings
from service.storage import database
from tests.support import servers, tokens
from tests.support.city import City
from tests.support.collectors import collecting
from tests.support.copies import copied
from tests.support.deadlines import WAIT_SECONDS
from tests.support.environment import issuers, keyring_file, settings_environment
from tests.support.issuers import recognised
from tests.support.processes import free_port

pytestmark = pytest.mark.anyio


def states(lines: list[str]) -> dict[str, str]:
    """The worst state of each check, by its name."""
    worst: dict[str, str] = {}
    for line in lines:
        if not line.startswith("first: "):
            state = line[19:].split(":")[0]
            worst[line[:18].strip()] = state if worst.get(line[:18].strip()) != "failed" else "failed"
    return worst


async def examined(examination: Examination) -> list[str]:
    lines: list[str] = []
    sound = await examine(examination, lines.append)
    assert sound == (not lines[-1].startswith("first: "))
    assert set(states(lines)) == set(CHECKS)
    return lines


def of_environment(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Examination:
    for name in [name for name in os.environ if name.startswith("CREDIT_EASY_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    usable, faults = settings.read_each(environment)
    named = {name: environment.get(f"CREDIT_EASY_{name}") for name in settings.KEY_FILES}
    paths = {name: Path(path) for name, path in named.items() if path}
    return Examination(usable, faults, key_files=paths)


def of_city(city: Settings) -> Examination:
    return Examination({name: getattr(city, name) for name in settings.READERS if hasattr(city, name)}, demo=city)


@pytest.mark.parametrize(
    ("server", "client", "crosses"),
    [
        (None, None, False),  # a socket
        ("127.0.0.1", "127.0.0.1", False),
        ("127.1.2.3", "127.0.0.1", False),
        ("::1", "::1", False),
        ("10.0.0.5", "10.0.0.5", False),  # this machine, by its own address
        ("10.0.0.5", "10.0.0.6", True),
        ("fd00::5", "fd00::6", True),
    ],
)
def test_a_connection_within_the_machine_needs_no_tls(server: str | None, client: str | None, crosses: bool) -> None:
    assert crosses_network(server, client) is crosses


@pytest.mark.processes
async def test_a_database_at_a_loopback_address_is_no_finding(city_settings: Settings) -> None:
    with servers.postgres() as server:
        server.listen(address := f"127.88.{secrets.randbelow(250)}.{secrets.randbelow(250) + 1}")
        server.psql("CREATE ROLE tcp LOGIN PASSWORD 'not-a-secret'")
        url = f"postgres://tcp:not-a-secret@{address}:5432/postgres?sslmode=disable"
        (line,) = [
            line for line in await examined(of_city(replace(city_settings, database_url=url))) if "database  " in line
        ]
        assert "not encrypted" not in line
        assert "fsync" in line, "the database was reached"


@pytest.mark.both_engines
async def test_a_sound_city_is_ok(city_settings: Settings) -> None:
    lines = await examined(of_city(city_settings))
    # The tests' PostgreSQL is not durable, which doctor must say.
    faulty = [] if city_settings.database_url.startswith("sqlite") else ["database"]
    assert [name for name, state in states(lines).items() if state != "ok"] == faulty, lines
    if faulty:
        assert "fsync" in lines[-1] or "power cut" in lines[-1]


async def test_every_check_runs_although_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    lines = await examined(Examination(*settings.read_each({})))
    assert lines[-1] == "first: settings: correct CREDIT_EASY_DATABASE_URL"
    assert sum("is not set" in line for line in lines) == 6


async def test_each_fault_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    with tokens.listener(tokens.documents()) as (jwks_url, _):
        environment = settings_environment(
            tmp_path,
            DATABASE_URL=f"sqlite://{tmp_path / 'city.sqlite3'}",
            ISSUERS=issuers(jwks_url=jwks_url),
            REDIS_URL=redis_url,
            PUBLIC_URL="https://elsewhere.example",
            PAGES='{"resident": {"client_id": "x", "authorize_url": "https://id.example/a", "token_url": "https://id.example/t"}}',
        )
        lines = await examined(of_environment(environment, monkeypatch))
        assert states(lines) == {
            **dict.fromkeys(CHECKS, "ok"),
            **dict.fromkeys(("role", "keys"), "not checked"),
            "migrations": "failed",
            "public address": "failed",
        }
        assert lines[-1] == "first: migrations: run `credit-easy migrate`"
        away = {
            **environment,
            "CREDIT_EASY_REDIS_URL": f"unix://{tmp_path / 'nothing.sock'}",
            "CREDIT_EASY_ISSUERS": issuers(jwks_url=f"{jwks_url}-elsewhere", algorithms=["RS256"]),
            "CREDIT_EASY_DATABASE_URL": f"postgres://x@/y?host={tmp_path}",
            "CREDIT_EASY_KEYRING": str(keyring_file(tmp_path, mode=0o644)),
        }
        lines = await examined(of_environment(away, monkeypatch))
        expected = {"settings": "failed", "key files": "failed", "database": "failed", "redis": "warning"}
        assert {name: states(lines)[name] for name in expected} == expected
        assert next(line for line in lines if line.startswith("key files")).endswith(
            "chmod 600 " + away["CREDIT_EASY_KEYRING"]
        )


async def test_a_city_that_recognises_another_without_a_public_address_is_warned(town: City) -> None:
    usable: dict[str, Any] = {"allowed_hosts": ("city.example",), "public_url": None}
    (result,) = await own_checks.public_address(Examination(usable, migrated=True))
    assert result.state == "ok"
    await recognised(town)
    (result,) = await own_checks.public_address(Examination(usable, migrated=True))
    assert (result.state, result.text.split()[0]) == ("warning", "PUBLIC_URL")
    (result,) = await own_checks.public_address(Examination({**usable, "public_url": "https://city.example"}))
    assert result.state == "ok"


@pytest.mark.parametrize("trusted", ["*", "10.0.0.1, *", "0.0.0.0/0", "::/0", "10.0.0.1,10.1.0.0/16", "proxy"])
async def test_proxies_that_are_everybody_are_a_warning(monkeypatch: pytest.MonkeyPatch, trusted: str) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    (result,) = await own_checks.proxies(Examination({}))
    assert result.state == ("ok" if trusted.startswith("10.0.0.1,1") or trusted == "proxy" else "warning")


async def test_a_collector_that_takes_no_message_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        examination = Examination({"telemetry": settings.Collector(collector.endpoint, 0.1)})
        monkeypatch.setattr(network_checks, "COLLECTOR_SECONDS", WAIT_SECONDS)
        (result,) = await network_checks.collector(examination)
        assert (result.state, collector.spans()) == ("ok", [])
        collector.status = 503
        (result,) = await network_checks.collector(examination)
        assert (result.state, "status 503" in result.text) == ("warning", True)
        collector.status = 200
        collector.released.clear()
        monkeypatch.setattr(network_checks, "COLLECTOR_SECONDS", 0.3)
        (result,) = await network_checks.collector(examination)
        assert result.state == "warning"
        collector.released.set()
    monkeypatch.setattr(network_checks, "COLLECTOR_SECONDS", WAIT_SECONDS)
    (result,) = await network_checks.collector(examination)
    assert (result.state, "ConnectError" in result.text) == ("warning", True)
    (result,) = await network_checks.collector(Examination({"telemetry": None}))
    assert result.state == "ok"


async def test_keys_of_an_algorithm_that_an_audience_refuses_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tokens.listener({"keys": []}) as (jwks_url, _):
        environment = settings_environment(tmp_path, ISSUERS=issuers(jwks_url=jwks_url))
        lines = await examined(of_environment(environment, monkeypatch))
    refused = [line for line in lines if line.startswith("identity provider")]
    assert len(refused) == len(Audience)
    assert all("no key of ES256" in line for line in refused)


async def test_an_identity_provider_that_is_away_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = settings_environment(tmp_path, ISSUERS=issuers(jwks_url=f"http://127.0.0.1:{free_port()}/jwks"))
    lines = await examined(of_environment(environment, monkeypatch))
    away = [line for line in lines if line.startswith("identity provider")]
    assert states(lines)["identity provider"] == "failed"
    assert len(away) == len(Audience)
    assert all("cannot be read (ConnectError): correct jwks_url" in line for line in away), away


async def test_another_key_and_a_lost_log_folder_are_named(city_settings: Settings, tmp_path: Path) -> None:
    await database.open_database(city_settings.database_url)
    await key_fingerprints.require_known(city_settings)
    await sequencer.integrate(Log.CONSENT, await queries.now())
    await sequencer.publish(Log.CONSENT, city_settings.publisher)
    await database.close_database()
    other = replace(city_settings, keyring=replace(city_settings.keyring, index_key=secrets.token_bytes(32)))
    lines = await examined(of_city(other))
    assert states(lines)["keys"] == "failed"
    empty = tmp_path / "empty"
    empty.mkdir()
    moved = replace(city_settings, publisher=replace(city_settings.publisher, folder=empty))
    lines = await examined(of_city(moved))
    assert "the folder has none" in "".join(lines)
    shutil.rmtree(empty)
    lines = await examined(of_city(moved))
    assert "cannot be written to" in "".join(lines)


async def test_a_log_that_is_behind_its_checkpoint_is_named_with_what_to_do(
    city_settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    await database.open_database(city_settings.database_url)
    await key_fingerprints.require_known(city_settings)
    await database.close_database()
    older = copied(city_settings, tmp_path, request)
    await database.open_database(city_settings.database_url)
    await sequencer.integrate(Log.CONSENT, await queries.now())
    await sequencer.publish(Log.CONSENT, city_settings.publisher)
    await database.close_database()
    (line,) = [line for line in await examined(of_city(older)) if line.startswith("log folder")]
    assert "the consent log is behind its checkpoint: the database has 0 leaves" in line
    assert "credit-easy new-log-epoch consent --reason" in line
    await database.open_database(city_settings.database_url)
    await queries.execute("UPDATE log_head SET frozen = 'examined' WHERE log = 'consent'")
    await database.close_database()
    (line,) = [line for line in await examined(of_city(city_settings)) if line.startswith("log folder")]
    assert "the consent log is frozen" in line
    assert "thaw-log" in line


async def test_little_space_and_a_wrong_clock_are_named(
    city_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def behind() -> datetime:
        return datetime.now(UTC) - timedelta(seconds=90)

    monkeypatch.setattr(queries, "now", behind)
    for space, state in ((own_checks.FREE_BYTES_MIN - 1, "failed"), (own_checks.FREE_BYTES_WARNED - 1, "warning")):
        usage = shutil._ntuple_diskusage(0, 0, space)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        lines = await examined(of_city(city_settings))
        assert (states(lines)["log folder"], states(lines)["clock"]) == (state, "warning")


async def test_a_check_that_breaks_hides_no_other(city_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: Examination) -> list[object]:
        raise ZeroDivisionError("with a secret in it")

    monkeypatch.setitem(CHECKS, "key files", broken)
    lines = await examined(of_city(city_settings))
    assert states(lines)["key files"] == "failed"
    assert states(lines)["public address"] == "ok"
    assert "secret" not in "".join(lines)
