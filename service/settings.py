"""Settings of a process: read from `CREDIT_EASY_*` at its start, frozen, passed in. No unsafe setting has a default.

A new setting is a field of `Settings` with its reader in READERS; a test compares the names with docs/settings.md.
`service.demo.seed` makes the demonstration's settings, with keys in its data folder.
"""

from __future__ import annotations

import importlib.util
import json
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from consent.crypto.vault import Keyring
from consent.kernel.ascii_text import parse_digits
from consent.transparency.publication import Publisher
from service.auth import key_files, keyring_file
from service.auth.access_tokens import CITY_ZONE, OPTIONAL_AUDIENCES, Audience, TrustedTokenIssuer, is_tamper_proof
from service.auth.demo_token_issuer import DEMO_ISSUER
from service.auth.key_files import SigningKey
from service.storage import database_url

PREFIX = "CREDIT_EASY_"
KEY_FILES = ("KEYRING", "SIGNING_KEY", "LOG_KEY", "PASS_KEY")
"""Settings that name a file of secrets."""
OPERATIONS_ADDRESS = "127.0.0.1:9090"
"""Reachable from this machine alone, until an operator decides otherwise."""
PORT_MAX = 65_535
TRACE_RATIO = "0.1"
"""Share of requests that are traced: one in ten shows where time goes, and costs nine in ten nothing."""


class SettingsInvalid(Exception):
    """The service must not start with these settings; the message names the setting and the reason, never a secret."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The OpenID Connect client of one audience's pages: endpoints of the provider, client id and secret, scope."""

    client_id: str
    authorize_url: str
    token_url: str
    client_secret: str | None = field(default=None, repr=False)
    scope: str = "openid"
    sign_out_url: str | None = None
    revocation_url: str | None = None


@dataclass(frozen=True, slots=True)
class Collector:
    """A collector of traces and metrics: its base URL for OTLP over HTTP, and the share of requests to trace."""

    endpoint: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a process. Times in seconds; `integrate_seconds` is the pause between two rounds of the sequencer."""

    database_url: str
    keyring: Keyring = field(repr=False)
    token_issuers: Mapping[Audience, TrustedTokenIssuer]
    signing_key: SigningKey
    publisher: Publisher
    integrate_seconds: float = 10.0
    redis_url: str | None = None
    city_zone: ZoneInfo = CITY_ZONE
    allowed_hosts: tuple[str, ...] = ("*",)
    demo: bool = False
    pages: Mapping[Audience, SignIn] = field(default_factory=dict)
    """Sign-in by audience; an audience without an entry has no pages. The public pages are always served."""
    public_url: str | None = None
    """Base URL of the service for browsers and in passes, without a trailing slash; None: the Host of the request."""
    pass_key: SigningKey | None = None
    """The key that signs offline passes; None: none are issued."""
    operations_address: tuple[str, int] | None = None
    """Host and port of metrics and probes for operators; None: there are none, as in the demonstration."""
    telemetry: Collector | None = None
    """The collector to which traces and metrics are sent; None: nothing is traced."""

    def signing_keys(self) -> Mapping[str, SigningKey]:
        """Return the ES256 keys of this process by their use: `receipts`, and `passes` where passes are issued."""
        return {"receipts": self.signing_key, **({} if self.pass_key is None else {"passes": self.pass_key})}


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings of `serve` from the environment.

    Raises SettingsInvalid for a setting that is missing, weak, readable by others, or the demonstration's.
    """
    members = {name: reader(environment) for name, reader in READERS.items()}
    members.pop("sandbox")
    members["token_issuers"] = with_desk_client(members["token_issuers"], members["pages"])
    return Settings(**members)


def read_each(environment: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Read every setting by itself; return the usable ones by their name in READERS, and the faults of the others."""
    usable, faults = {}, []
    for name, reader in READERS.items():
        try:
            usable[name] = reader(environment)
        except SettingsInvalid as error:
            faults.append(str(error))
    return usable, faults


def with_desk_client(
    token_issuers: Mapping[Audience, TrustedTokenIssuer], pages: Mapping[Audience, SignIn]
) -> dict[Audience, TrustedTokenIssuer]:
    """Return the token issuers; that of venues knows the client through which desks sign in at the pages."""
    desks = frozenset(client.client_id for audience, client in pages.items() if audience is Audience.VENUE)
    return {**token_issuers, Audience.VENUE: replace(token_issuers[Audience.VENUE], desk_clients=desks)}


def _operations_address(environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Read `host:port` or `[IPv6]:port`; None for an empty value, which switches the operations address off."""
    text = environment.get(PREFIX + "OPS_ADDRESS", OPERATIONS_ADDRESS).strip()
    if not text:
        return None
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    number = parse_digits(port, len(str(PORT_MAX)))
    if not host or (":" in host) is not bracketed or number is None or number > PORT_MAX:
        raise SettingsInvalid(f"{PREFIX}OPS_ADDRESS must be host:port, such as {OPERATIONS_ADDRESS}, or empty for none")
    return host, number


PAGE_AUDIENCES = frozenset({Audience.RESIDENT, Audience.VENUE, Audience.ADMINISTRATOR, Audience.PRIVACY})


def _pages(environment: Mapping[str, str]) -> dict[Audience, SignIn]:
    """Read `PAGES`, JSON by audience; the redirect URI of a sign-in needs `PUBLIC_URL`."""
    text = environment.get(PREFIX + "PAGES", "").strip()
    if not text:
        return {}
    _required(environment, "PUBLIC_URL")
    try:
        clients = {Audience(audience): _sign_in(members) for audience, members in json.loads(text).items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise SettingsInvalid(
            f"{PREFIX}PAGES must be JSON: audience → client_id, authorize_url, token_url, and if need be"
            f" client_secret_file, scope, sign_out_url, revocation_url ({type(error).__name__})"
        ) from None
    if not clients.keys() <= PAGE_AUDIENCES:
        raise SettingsInvalid(f"{PREFIX}PAGES: there are no pages for a data source or the city app")
    if not all(is_tamper_proof(address) for client in clients.values() for address in _addresses(client)):
        raise SettingsInvalid(f"{PREFIX}PAGES: addresses are https, or http on this machine")
    return clients


def _public_url(environment: Mapping[str, str]) -> str | None:
    """Read `PUBLIC_URL`; None without it, so that addresses have the Host of the request."""
    public = environment.get(PREFIX + "PUBLIC_URL", "").strip().rstrip("/")
    if public and not is_tamper_proof(public):
        raise SettingsInvalid(f"{PREFIX}PUBLIC_URL: addresses are https, or http on this machine")
    return public or None


def _sign_in(described: Mapping[str, str]) -> SignIn:
    members = {name: value for name, value in described.items() if name != "client_secret_file"}
    if file := described.get("client_secret_file"):
        if stat.S_IMODE(Path(file).stat().st_mode) & 0o077:
            raise SettingsInvalid(f"{PREFIX}PAGES: {file} must be readable by its owner alone (mode 0600)")
        members["client_secret"] = Path(file).read_text(encoding="utf-8").strip()
    return SignIn(**members)


def _addresses(client: SignIn) -> list[str]:
    addresses = (client.authorize_url, client.token_url, client.sign_out_url, client.revocation_url)
    return [address for address in addresses if address is not None]


def _publisher(environment: Mapping[str, str]) -> Publisher:
    host, folder = _required(environment, "LOG_HOST"), Path(_required(environment, "LOG_FOLDER"))
    try:
        signer = key_files.load_log_signer(host, Path(_required(environment, "LOG_KEY")))
        signer.key.text()
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"{PREFIX}LOG_KEY or {PREFIX}LOG_HOST: {error}") from None
    if not folder.is_dir():
        raise SettingsInvalid(
            f"{PREFIX}LOG_FOLDER is no folder; it keeps what was published and must outlive the database"
        )
    return Publisher(signer, folder)


def read_keyring(path: Path) -> Keyring:
    """Read the keyring file; SettingsInvalid where it may not be used."""
    try:
        return keyring_file.read(path)
    except keyring_file.KeyringInvalid as error:
        raise SettingsInvalid(f"{PREFIX}KEYRING {error}") from None


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(PREFIX + name, "").strip()
    if not value:
        raise SettingsInvalid(f"{PREFIX}{name} is not set, and it has no safe default")
    return value


def _issuers(text: str) -> dict[Audience, TrustedTokenIssuer]:
    try:
        document: dict[str, dict[str, Any]] = json.loads(text)
        issuers = {
            Audience(audience): TrustedTokenIssuer(
                members["issuer"], members["audience"], members["jwks_url"], frozenset(members["algorithms"])
            )
            for audience, members in document.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SettingsInvalid(
            f"{PREFIX}ISSUERS must be JSON: audience → issuer, audience, jwks_url, algorithms"
        ) from None
    if missing := set(Audience) - OPTIONAL_AUDIENCES - set(issuers):
        raise SettingsInvalid(f"{PREFIX}ISSUERS lacks the audiences {', '.join(sorted(missing))}")
    if any(issuer.issuer == DEMO_ISSUER for issuer in issuers.values()):
        raise SettingsInvalid(f"{PREFIX}ISSUERS names the demonstration issuer, which nobody may trust in production")
    return issuers


def _database_url(environment: Mapping[str, str]) -> str:
    url = _required(environment, "DATABASE_URL")
    try:
        if not database_url.is_sqlite(url):
            database_url.arguments(url)
    except database_url.DatabaseUrlInvalid as error:
        raise SettingsInvalid(f"{PREFIX}DATABASE_URL: {error}") from None
    return url


def _signing_key(environment: Mapping[str, str]) -> SigningKey:
    try:
        return key_files.load_signing_key(Path(_required(environment, "SIGNING_KEY")))
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"{PREFIX}SIGNING_KEY: {error}") from None


def _pass_key(environment: Mapping[str, str]) -> SigningKey | None:
    """Read `PASS_KEY`, which needs `PUBLIC_URL`, by which passes name their issuer; None without a key."""
    file = environment.get(PREFIX + "PASS_KEY", "").strip()
    if not file:
        return None
    _required(environment, "PUBLIC_URL")
    try:
        return key_files.load_signing_key(Path(file))
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"{PREFIX}PASS_KEY: {error}") from None


def _no_sandbox(environment: Mapping[str, str]) -> None:
    """Refuse `SANDBOX`: its clock, tokens and resets belong to `credit-easy demo --sandbox` alone."""
    if environment.get(PREFIX + "SANDBOX", "").strip():
        raise SettingsInvalid(f"{PREFIX}SANDBOX must not be set: a city has no sandbox; use credit-easy demo --sandbox")


def _hosts(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(host.strip() for host in _required(environment, "ALLOWED_HOSTS").split(",") if host.strip())


def _zone(environment: Mapping[str, str]) -> ZoneInfo:
    try:
        return ZoneInfo(environment.get(PREFIX + "CITY_ZONE", "Asia/Shanghai"))
    except (KeyError, ValueError):
        raise SettingsInvalid(f"{PREFIX}CITY_ZONE names no time zone") from None


def _redis_url(environment: Mapping[str, str]) -> str | None:
    """Read `REDIS_URL`, whose form the library checks; None without it, so that counts stay in the process."""
    url = environment.get(PREFIX + "REDIS_URL", "").strip()
    if not url:
        return None
    # Imported here: processes without Redis need not load it.
    from redis.asyncio.connection import parse_url

    try:
        parsed = parse_url(url)
    except (ValueError, TypeError):
        parsed = {}
    if not parsed.get("host") and not parsed.get("path"):
        raise SettingsInvalid(
            f"{PREFIX}REDIS_URL must be redis://host:port/number, rediss:// for TLS, or unix:///path/to/socket"
        )
    return url


def _telemetry(environment: Mapping[str, str]) -> Collector | None:
    """Read `OTLP_ENDPOINT` and `TRACE_RATIO`; None without an endpoint."""
    endpoint = environment.get(PREFIX + "OTLP_ENDPOINT", "").strip()
    if not endpoint:
        return None
    if not is_tamper_proof(endpoint):
        raise SettingsInvalid(f"{PREFIX}OTLP_ENDPOINT must be https, or http on this machine")
    if not _is_installed("opentelemetry.proto.collector"):
        raise SettingsInvalid(
            f"{PREFIX}OTLP_ENDPOINT needs the extra packages: pip install 'credit-easy-plus[telemetry]'"
        )
    text = environment.get(PREFIX + "TRACE_RATIO", TRACE_RATIO).strip()
    # Plain digits alone: float() also takes "nan" and "1e-3".
    ratio = float(text) if re.fullmatch(r"\d(\.\d{1,6})?", text, re.ASCII) else -1.0
    if not 0 <= ratio <= 1:
        raise SettingsInvalid(f"{PREFIX}TRACE_RATIO must be a number from 0 to 1, such as {TRACE_RATIO}")
    return Collector(endpoint, ratio)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


READERS: Mapping[str, Callable[[Mapping[str, str]], Any]] = MappingProxyType(
    {
        "database_url": _database_url,
        "token_issuers": lambda environment: _issuers(_required(environment, "ISSUERS")),
        "keyring": lambda environment: read_keyring(Path(_required(environment, "KEYRING"))),
        "signing_key": _signing_key,
        "public_url": _public_url,
        "pass_key": _pass_key,
        "publisher": _publisher,
        "allowed_hosts": _hosts,
        "city_zone": _zone,
        "redis_url": _redis_url,
        "operations_address": _operations_address,
        "telemetry": _telemetry,
        "sandbox": _no_sandbox,
        "pages": _pages,
    }
)
"""The reader of each setting, in the order in which faults are reported."""
