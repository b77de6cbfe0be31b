"""One frozen Settings, read once and passed in. Nothing that is unsafe to guess has a default.

`serve` reads the environment (`CREDIT_EASY_*`); the demonstration makes its own, with keys in its data folder.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from consent.crypto.vault import KEY_BYTES, Keyring
from consent.transparency.checkpoint import NoteSigner
from consent.transparency.sequencer import Publisher
from service.auth import key_files
from service.auth.access_tokens import CITY_ZONE, Audience, TrustedIssuer, is_tamper_proof
from service.auth.demo_issuer import DEMO_ISSUER
from service.auth.key_files import SigningKey

PREFIX = "CREDIT_EASY_"


class SettingsInvalid(Exception):
    """The service must not start like this; the message says which setting and why."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where people sign in at one door's pages, and what these pages are called there (RFC 6749, OpenID Connect)."""

    client_id: str
    authorize_url: str
    token_url: str
    client_secret: str | None = field(default=None, repr=False)
    scope: str = "openid"
    sign_out_url: str | None = None
    revocation_url: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the service needs to know about where it runs."""

    database_url: str
    keyring: Keyring = field(repr=False)
    issuers: Mapping[Audience, TrustedIssuer]
    signing_key: SigningKey
    publisher: Publisher
    integrate_seconds: float = 10.0
    redis_url: str | None = None
    city_zone: ZoneInfo = CITY_ZONE
    allowed_hosts: tuple[str, ...] = ("*",)
    demo: bool = False
    pages: Mapping[Audience, SignIn] = field(default_factory=dict)
    """Doors with pages for people; without any, the public pages alone are there."""
    public_url: str | None = None
    """How browsers reach this service, without a slash at the end; None in the demonstration: as they did."""


def read(environment: Mapping[str, str]) -> Settings:
    """Settings for `serve`. Raises SettingsInvalid for anything missing, weak, world-readable or demonstrational."""
    database_url = _required(environment, "DATABASE_URL")
    issuers = _issuers(_required(environment, "ISSUERS"))
    keyring = read_keyring(Path(_required(environment, "KEYRING")))
    try:
        signing_key = key_files.load_signing_key(Path(_required(environment, "SIGNING_KEY")))
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"{PREFIX}SIGNING_KEY: {error}") from None
    publisher = _publisher(environment)
    hosts = tuple(one.strip() for one in _required(environment, "ALLOWED_HOSTS").split(",") if one.strip())
    try:
        zone = ZoneInfo(environment.get(PREFIX + "CITY_ZONE", "Asia/Shanghai"))
    except (KeyError, ValueError):
        raise SettingsInvalid(f"{PREFIX}CITY_ZONE names no time zone") from None
    return Settings(
        database_url=database_url,
        keyring=keyring,
        issuers=issuers,
        signing_key=signing_key,
        publisher=publisher,
        redis_url=environment.get(PREFIX + "REDIS_URL"),
        city_zone=zone,
        allowed_hosts=hosts,
        **_pages(environment),
    )


PAGE_AUDIENCES = frozenset({Audience.RESIDENT, Audience.VENUE, Audience.ADMINISTRATOR, Audience.PRIVACY})


def _pages(environment: Mapping[str, str]) -> dict[str, Any]:
    """Sign-in for pages: `PAGES` is JSON by door, and then `PUBLIC_URL` is needed for the way back."""
    text = environment.get(PREFIX + "PAGES", "").strip()
    if not text:
        return {}
    public = _required(environment, "PUBLIC_URL").rstrip("/")
    try:
        found = {Audience(audience): _sign_in(one) for audience, one in json.loads(text).items()}
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise SettingsInvalid(
            f"{PREFIX}PAGES must be JSON: door → client_id, authorize_url, token_url, and if need be"
            f" client_secret_file, scope, sign_out_url, revocation_url ({type(error).__name__})"
        ) from None
    if not found.keys() <= PAGE_AUDIENCES:
        raise SettingsInvalid(f"{PREFIX}PAGES: there are no pages for a data source")
    addresses = [public, *(one for client in found.values() for one in _addresses(client))]
    if not all(is_tamper_proof(one) for one in addresses):
        raise SettingsInvalid(f"{PREFIX}PAGES and PUBLIC_URL: addresses are https, or http on this machine")
    return {"pages": found, "public_url": public}


def _sign_in(one: Mapping[str, str]) -> SignIn:
    members = {name: value for name, value in one.items() if name != "client_secret_file"}
    if file := one.get("client_secret_file"):
        if stat.S_IMODE(Path(file).stat().st_mode) & 0o077:
            raise SettingsInvalid(f"{PREFIX}PAGES: {file} must be readable by its owner alone (mode 0600)")
        members["client_secret"] = Path(file).read_text(encoding="utf-8").strip()
    return SignIn(**members)


def _addresses(client: SignIn) -> list[str]:
    found = (client.authorize_url, client.token_url, client.sign_out_url, client.revocation_url)
    return [one for one in found if one is not None]


def _publisher(environment: Mapping[str, str]) -> Publisher:
    host, folder = _required(environment, "LOG_HOST"), Path(_required(environment, "LOG_FOLDER"))
    try:
        key = key_files.load_log_key(Path(_required(environment, "LOG_KEY")))
        signer = NoteSigner(host, key)
        signer.key.text()
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"{PREFIX}LOG_KEY or {PREFIX}LOG_HOST: {error}") from None
    if not folder.is_dir():
        raise SettingsInvalid(
            f"{PREFIX}LOG_FOLDER is no folder; it keeps what was published and must outlive the database"
        )
    return Publisher(signer, folder)


def read_keyring(path: Path) -> Keyring:
    """The keyring of a JSON file of mode 0600: `{"current": 1, "encryption_keys": {"1": hex}, "index_key": hex}`."""
    try:
        mode = path.stat().st_mode
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"{PREFIX}KEYRING cannot be read: {type(error).__name__}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise SettingsInvalid(f"{PREFIX}KEYRING must be readable by its owner alone (mode 0600)")
    try:
        keyring = Keyring(
            {int(version): bytes.fromhex(key) for version, key in document["encryption_keys"].items()},
            document["current"],
            bytes.fromhex(document["index_key"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise SettingsInvalid(f"{PREFIX}KEYRING must hold keys of {KEY_BYTES} bytes in hex") from None
    keys = (*keyring.encryption_keys.values(), keyring.index_key)
    if len(set(keys)) != len(keys):
        raise SettingsInvalid(f"{PREFIX}KEYRING uses one key twice; every key has one purpose")
    for secret in keys:
        if len(set(secret)) < KEY_BYTES // 4:
            raise SettingsInvalid(f"{PREFIX}KEYRING holds a key that is not random")
    return keyring


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(PREFIX + name, "").strip()
    if not value:
        raise SettingsInvalid(f"{PREFIX}{name} is not set, and it has no safe default")
    return value


def _issuers(text: str) -> dict[Audience, TrustedIssuer]:
    try:
        document: dict[str, dict[str, Any]] = json.loads(text)
        issuers = {
            Audience(audience): TrustedIssuer(
                one["issuer"], one["audience"], one["jwks_url"], frozenset(one["algorithms"])
            )
            for audience, one in document.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsInvalid(f"{PREFIX}ISSUERS must be JSON: door → issuer, audience, jwks_url, algorithms") from None
    if missing := set(Audience) - set(issuers):
        raise SettingsInvalid(f"{PREFIX}ISSUERS lacks the doors {', '.join(sorted(missing))}")
    if any(one.issuer == DEMO_ISSUER for one in issuers.values()):
        raise SettingsInvalid(f"{PREFIX}ISSUERS names the demonstration issuer, which nobody may trust in production")
    return issuers
