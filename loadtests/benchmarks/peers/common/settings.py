"""Settings of a peer service, read from the same `CREDIT_EASY_*` variables that `credit-easy serve` reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from loadtests.benchmarks.peers.common.crypto import Keyring

CONNECTIONS = 10
"""Connections of one process to PostgreSQL, as many as `credit-easy serve` opens at most."""
BODY_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer whose tokens an audience accepts, and the address of its public keys."""

    issuer: str
    audience: str
    jwks_url: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Frozen settings of one process; `issuers` by audience name (`resident`, `venue`)."""

    database_url: str
    issuers: Mapping[str, Issuer]
    keyring: Keyring = field(repr=False)
    zone: ZoneInfo
    allowed_hosts: frozenset[str]

    @property
    def database(self) -> tuple[str, str, str]:
        """User, socket folder and name of the database."""
        url = urlsplit(self.database_url)
        return url.username or "postgres", parse_qs(url.query)["host"][0], url.path.removeprefix("/")


def read() -> Settings:
    """Read the environment. Raises KeyError for a missing variable."""
    environment = os.environ
    issuers = json.loads(environment["CREDIT_EASY_ISSUERS"])
    keyring = json.loads(Path(environment["CREDIT_EASY_KEYRING"]).read_text(encoding="utf-8"))
    return Settings(
        database_url=environment["CREDIT_EASY_DATABASE_URL"].replace("postgres://", "postgresql://", 1),
        issuers={
            audience: Issuer(entry["issuer"], entry["audience"], entry["jwks_url"])
            for audience, entry in issuers.items()
        },
        keyring=Keyring(
            {int(version): bytes.fromhex(key) for version, key in keyring["encryption_keys"].items()},
            bytes.fromhex(keyring["index_key"]),
        ),
        zone=ZoneInfo(environment.get("CREDIT_EASY_CITY_ZONE", "Asia/Shanghai")),
        allowed_hosts=frozenset(environment["CREDIT_EASY_ALLOWED_HOSTS"].split(",")),
    )
