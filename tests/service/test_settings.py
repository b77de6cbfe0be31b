"""`serve` refuses what is missing, weak, world-readable or demonstrational; every setting is in the docs."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from service import settings
from service.auth import key_files
from service.auth.access_tokens import Audience
from service.auth.demo_token_issuer import DEMO_ISSUER
from service.settings import SettingsInvalid
from tests.support.environment import issuers, keyring_file, settings_environment

ROOT = Path(__file__).parents[2]
NAMES = ("DATABASE_URL", "ISSUERS", "KEYRING", "SIGNING_KEY", "ALLOWED_HOSTS", "LOG_KEY", "LOG_HOST", "LOG_FOLDER")


def test_good_settings_are_read(tmp_path: Path) -> None:
    read = settings.read(settings_environment(tmp_path, REDIS_URL="redis://cache/0", CITY_ZONE="Asia/Urumqi"))
    assert read.allowed_hosts == ("credit.city.example", "api.city.example")
    assert (read.redis_url, read.city_zone.key, read.demo) == ("redis://cache/0", "Asia/Urumqi", False)
    assert "index_key" not in repr(read)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_nothing_unsafe_to_guess_has_a_default(tmp_path: Path, name: str, value: str | None) -> None:
    with pytest.raises(SettingsInvalid, match=f"CREDIT_EASY_{name}"):
        settings.read(settings_environment(tmp_path, **{name: value}))


def sign_in(**changes: object) -> str:
    application = {
        "client_id": "credit-easy",
        "authorize_url": "https://id.city.example/authorize",
        "token_url": "https://id.city.example/token",
        **changes,
    }
    return json.dumps({"resident": {name: value for name, value in application.items() if value is not None}})


def test_pages_know_where_people_sign_in(tmp_path: Path) -> None:
    secret = tmp_path / "client-secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    pages = sign_in(client_secret_file=str(secret), scope="openid offline_access")
    read = settings.read(settings_environment(tmp_path, PAGES=pages, PUBLIC_URL="https://points.city.example/"))
    assert read.public_url == "https://points.city.example"
    (client,) = read.pages.values()
    assert (client.client_secret, client.scope) == ("s3cret", "openid offline_access")
    assert "s3cret" not in repr(read)
    assert settings.read(settings_environment(tmp_path)).pages == {}


def test_the_public_address_is_read_without_pages_and_passes(tmp_path: Path) -> None:
    assert settings.read(settings_environment(tmp_path)).public_url is None
    environment = settings_environment(tmp_path, PUBLIC_URL="https://points.city.example/")
    assert settings.read(environment).public_url == "https://points.city.example"
    with pytest.raises(SettingsInvalid, match="CREDIT_EASY_PUBLIC_URL"):
        settings.read(settings_environment(tmp_path, PUBLIC_URL="http://points.city.example"))


def test_the_pages_client_of_desks_may_stand_for_many_venues(tmp_path: Path) -> None:
    (resident,) = json.loads(sign_in()).values()
    pages = json.dumps({"resident": resident, "venue": {**resident, "client_id": "desk-pages"}})
    read = settings.read(settings_environment(tmp_path, PAGES=pages, PUBLIC_URL="https://points.city.example"))
    desk_clients = {audience: issuer.desk_clients for audience, issuer in read.token_issuers.items()}
    assert desk_clients.pop(Audience.VENUE) == {"desk-pages"}
    assert not any(desk_clients.values())
    assert settings.read(settings_environment(tmp_path)).token_issuers[Audience.VENUE].desk_clients == frozenset()


@pytest.mark.parametrize(
    ("pages", "public"),
    [
        (sign_in(), None),
        (sign_in(), "http://points.city.example"),
        (sign_in(token_url="http://id.city.example/token"), "https://points.city.example"),
        (sign_in(authorize_url="javascript:alert(1)"), "https://points.city.example"),
        (sign_in(client_id=None), "https://points.city.example"),
        (sign_in(password="x"), "https://points.city.example"),
        (sign_in(client_secret_file="/nowhere"), "https://points.city.example"),
        ('{"source": {}}', "https://points.city.example"),
        ("[]", "https://points.city.example"),
        ("{", "https://points.city.example"),
    ],
)
def test_pages_that_could_not_be_trusted_are_refused(tmp_path: Path, pages: str, public: str | None) -> None:
    with pytest.raises(SettingsInvalid, match="CREDIT_EASY_P"):
        settings.read(settings_environment(tmp_path, PAGES=pages, PUBLIC_URL=public))


def test_a_client_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    secret = tmp_path / "client-secret"
    secret.write_text("s3cret")
    secret.chmod(0o644)
    with pytest.raises(SettingsInvalid, match="0600"):
        settings.read(
            settings_environment(tmp_path, PAGES=sign_in(client_secret_file=str(secret)), PUBLIC_URL="https://a.b")
        )


def test_the_demonstration_issuer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="demonstration issuer"):
        settings.read(settings_environment(tmp_path, ISSUERS=issuers(issuer=DEMO_ISSUER)))


@pytest.mark.parametrize("value", ["{", "[]", "{}", '{"resident": {}}', json.dumps({"stranger": {}})])
def test_malformed_issuers_are_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsInvalid, match="ISSUERS"):
        settings.read(settings_environment(tmp_path, ISSUERS=value))


@pytest.mark.parametrize("changes", [{"algorithms": ["HS256"]}, {"algorithms": ["none"]}, {"issuer": ""}])
def test_unsafe_issuers_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(SettingsInvalid, match="ISSUERS"):
        settings.read(settings_environment(tmp_path, ISSUERS=issuers(**changes)))


@pytest.mark.parametrize(
    "key", ["00" * 32, "ab" * 32, "0001" * 16, bytes(range(16)).hex(), "not hex", bytes(range(33)).hex()]
)
def test_weak_keys_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsInvalid, match="KEYRING"):
        settings.read(settings_environment(tmp_path, KEYRING=str(keyring_file(tmp_path, key=key))))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666])
def test_keys_that_others_can_read_are_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SettingsInvalid, match="owner alone"):
        settings.read(settings_environment(tmp_path, KEYRING=str(keyring_file(tmp_path, mode=mode))))
    key = tmp_path / "loose.pem"
    key_files.create_signing_key(key)
    key.chmod(mode)
    with pytest.raises(SettingsInvalid, match="SIGNING_KEY"):
        settings.read(settings_environment(tmp_path, SIGNING_KEY=str(key)))


@pytest.mark.parametrize("members", [{"current": 2}, {"current": "1"}, {"encryption_keys": {}}, {"index_key": 7}])
def test_a_keyring_that_does_not_fit_is_refused(tmp_path: Path, members: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid, match="KEYRING"):
        settings.read(settings_environment(tmp_path, KEYRING=str(keyring_file(tmp_path, **members))))


def test_one_key_for_two_purposes_is_refused(tmp_path: Path) -> None:
    key = secrets.token_hex(32)
    with pytest.raises(SettingsInvalid, match="KEYRING"):
        settings.read(settings_environment(tmp_path, KEYRING=str(keyring_file(tmp_path, key=key, index_key=key))))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_an_unknown_time_zone_is_refused(tmp_path: Path, zone: str) -> None:
    with pytest.raises(SettingsInvalid, match="CITY_ZONE"):
        settings.read(settings_environment(tmp_path, CITY_ZONE=zone))


def test_the_operations_address_is_on_this_machine_unless_it_is_set(tmp_path: Path) -> None:
    assert settings.read(settings_environment(tmp_path, OPS_ADDRESS=None)).operations_address == ("127.0.0.1", 9090)
    assert settings.read(settings_environment(tmp_path, OPS_ADDRESS="[::1]:80")).operations_address == ("::1", 80)
    assert settings.read(settings_environment(tmp_path, OPS_ADDRESS=" ")).operations_address is None


@pytest.mark.parametrize(
    "value", ["9090", ":9090", "127.0.0.1", "127.0.0.1:", "::1:9090", "[::1]", "[h]:1", "h:70000", "h:" + "9" * 5_000]
)
def test_an_operations_address_without_host_or_port_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsInvalid, match="CREDIT_EASY_OPS_ADDRESS"):
        settings.read(settings_environment(tmp_path, OPS_ADDRESS=value))


def test_every_setting_is_in_the_docs_and_nothing_else_is() -> None:
    import re

    source = (ROOT / "service" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'(?:_required\(environment, |PREFIX \+ )"([A-Z_]+)"', source))
    known = {f"CREDIT_EASY_{name}" for name in read} | {"CREDIT_EASY_SERVICE_ROLE"}  # read by `migrate` alone
    table = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(CREDIT_EASY_[A-Z_]+)` \|", table, re.M)) == known
    for page in (ROOT / "docs").rglob("*.md"):
        assert set(re.findall(r"CREDIT_EASY_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))) <= known, page.name


@pytest.mark.parametrize("url", ["redis://cache:6379/0", "rediss://user:secret@cache/1", "unix:///run/redis.sock", " "])
def test_addresses_of_redis_are_read(tmp_path: Path, url: str) -> None:
    assert settings.read(settings_environment(tmp_path, REDIS_URL=url)).redis_url == (url.strip() or None)


@pytest.mark.parametrize(
    "url", ["notaurl", "http://cache", "redis://", "unix://", "redis://cache:many", "redis:secret"]
)
def test_an_unusable_address_of_redis_is_refused_by_name(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"CREDIT_EASY_REDIS_URL.*rediss://") as refused:
        settings.read(settings_environment(tmp_path, REDIS_URL=url))
    assert "secret" not in str(refused.value)


def test_every_faulty_setting_is_reported_and_the_others_are_usable(tmp_path: Path) -> None:
    environment = settings_environment(tmp_path, REDIS_URL="notaurl", CITY_ZONE="Mars", KEYRING=None)
    usable, faults = settings.read_each(environment)
    assert {*settings.READERS} - {*usable} == {"redis_url", "city_zone", "keyring"}
    assert [fault.split()[0].rstrip(":") for fault in faults] == [
        "CREDIT_EASY_KEYRING", "CREDIT_EASY_CITY_ZONE", "CREDIT_EASY_REDIS_URL",
    ]  # fmt: skip
