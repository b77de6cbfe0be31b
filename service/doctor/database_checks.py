"""Checks of the database: reachable, encrypted, new enough, migrated, under the right role and with the right keys."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime

from consent import persons
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.database.migrate import MigrationChanged
from service.compliance import key_fingerprints, keyring_rotation, public_keys
from service.compliance.key_fingerprints import KeyMismatch
from service.doctor.examination import CheckResult, Examination, failed, not_checked, ok, warning
from service.storage import connection_failures, database, roles

VERSION_MIN = 14
"""Oldest major version of PostgreSQL that its developers still maintain."""
CLOCK_SECONDS_MAX = 1.0
"""Largest difference between this machine's clock, which judges tokens, and the database's, which judges consents."""


async def reachable(examination: Examination) -> list[CheckResult]:
    """Open the database; name its version, and whether the connection to another machine is encrypted."""
    url = examination.usable.get("database_url")
    if url is None:
        return [not_checked("DATABASE_URL")]
    try:
        await database.open_database(url)
    except Exception as error:
        await database.close_database()
        failure = connection_failures.explain(error)
        reason = failure.reason if failure else f"it cannot be opened ({type(error).__name__})"
        return [failed(reason, "correct CREDIT_EASY_DATABASE_URL, or start the database")]
    examination.opened = True
    if queries.is_sqlite():
        return [ok("SQLite, one process")]
    (row,) = await queries.fetch_all(
        "SELECT current_setting('server_version_num')::int / 10000 AS version,"
        " host(inet_server_addr()) AS server, host(inet_client_addr()) AS client,"
        " COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,"
        " current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS durable"
    )
    results = []
    if row["version"] < VERSION_MIN:
        results.append(failed(f"PostgreSQL {row['version']}", f"upgrade to PostgreSQL {VERSION_MIN} or later"))
    if crosses_network(row["server"], row["client"]) and not row["encrypted"]:
        results.append(warning("the connection is not encrypted", "add ?sslmode=verify-full to DATABASE_URL"))
    if not row["durable"]:
        results.append(failed("fsync or synchronous_commit is off", "switch both on: a power cut loses withdrawals"))
    return results or [ok(f"PostgreSQL {row['version']}, {'TLS' if row['encrypted'] else 'on this machine'}")]


def crosses_network(server: str | None, client: str | None) -> bool:
    """Report whether a connection between two IP addresses leaves this machine; a socket has none."""
    if server is None or client is None or server == client:
        return False
    return not ipaddress.ip_address(server).is_loopback


async def migrations(examination: Examination) -> list[CheckResult]:
    """Report missing and edited migrations."""
    if not examination.opened:
        return [not_checked("the database")]
    try:
        missing = await database.missing_migrations()
    except MigrationChanged as error:
        return [failed(str(error), "install the version that the database was migrated with")]
    if missing:
        return [failed(f"missing: {', '.join(missing)}", "run `credit-easy migrate`")]
    examination.migrated = True
    return [ok()]


async def role(examination: Examination) -> list[CheckResult]:
    """Report rights of the connected role beyond those that serving needs, and those that it lacks."""
    if not examination.migrated:
        return [not_checked("the migrations")]
    if faults := await roles.role_faults():
        remedy = "serve as a role of its own: `credit-easy migrate --service-role NAME` grants its rights"
        return [failed("; ".join(faults), remedy)]
    return [ok()]


async def keys(examination: Examination) -> list[CheckResult]:
    """Compare the keys with those that the database was written with, and name keys that are missing or unused."""
    if not examination.migrated or examination.settings is None:
        return [not_checked("the settings and the migrations")]
    keyring = examination.settings.keyring
    results = _encryption_keys(keyring, await persons.count_by_key_version())
    if left := await keyring_rotation.index_rotation_left(keyring):
        results.append(warning(left, "finish it: docs/how-to/rotate-keys.md, The index key"))
    try:
        new = await key_fingerprints.new_keys(examination.settings)
    except KeyMismatch as error:
        return [*results, failed(str(error), "restore the key file from its backup")]
    for use, key in examination.settings.signing_keys().items():
        if left := await public_keys.rotation_left(key, use):
            results.append(warning(left, f"finish it: docs/how-to/rotate-keys.md, The key of {use}"))
    return results or [ok(f"added at the next start: {', '.join(new)}" if new else "")]


def _encryption_keys(keyring: Keyring, persons_by_version: Mapping[int, int]) -> list[CheckResult]:
    """Report rows whose encryption key is missing, rows under an older key, and keys that no row uses."""
    results, guide = [], "docs/how-to/rotate-keys.md, The encryption key"
    for version, number in sorted(persons_by_version.items()):
        if version not in keyring.encryption_keys:
            remedy = f"put encryption key {version} back into the keyring, from its backup"
            results.append(failed(f"no key of the keyring opens {number} persons: version {version}", remedy))
        elif version != keyring.current:
            remedy = "run `credit-easy rotate-keys` until it prints 0"
            results.append(warning(f"{number} persons are still under encryption key {version}", remedy))
    for version in sorted(keyring.encryption_keys.keys() - persons_by_version.keys() - {keyring.current}):
        if version > keyring.current:
            reason, remedy = f"encryption key {version} waits to be the current one", f"finish it: {guide}"
        else:
            reason = f"no row uses encryption key {version}"
            remedy = f"remove it from the keyring only when no backup or copy of the database needs it: {guide}"
        results.append(warning(reason, remedy))
    return results


async def clock(examination: Examination) -> list[CheckResult]:
    """Compare this machine's clock with the database's."""
    if not examination.opened:
        return [not_checked("the database")]
    before = datetime.now(UTC)
    theirs = await queries.now()
    after = datetime.now(UTC)
    apart = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    if apart > CLOCK_SECONDS_MAX:
        return [warning(f"{apart:.1f} s apart from the database's", "let chrony or ntpd set both clocks")]
    return [ok()]
