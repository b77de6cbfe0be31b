"""The database's URL: libpq's names are understood or refused by name, and TLS is what `sslmode` says."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from consent.database import queries
from service import settings
from service.settings import SettingsInvalid
from service.storage import connection_failures, database, database_url
from service.storage.database_url import DatabaseUrlInvalid
from tests.support import servers
from tests.support.environment import settings_environment
from tests.support.processes import ROOT, free_port


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p@one/city", {"host": "one", "port": 5432, "user": "u", "password": "p", "database": "city"}),
        ("postgresql://u@/c?host=%2Fsocket", {"host": "/socket", "user": "u", "password": None, "addresses": ()}),
        ("postgres://u@%2Frun%2Fpg/c", {"host": "/run/pg", "port": 5432}),
        ("postgres:///city", {"host": None, "user": None, "password": None, "database": "city"}),
        (
            "postgres://city%2Dapp:p%40ss%3A%2F+x@db/c%20d",
            {"user": "city-app", "password": "p@ss:/+x", "database": "c d"},
        ),
        ("postgres://u:p@s[s@db/c", {"user": "u", "password": "p@s[s", "host": "db"}),
        ("postgres:///?user=u&password=p%2B+x&dbname=c", {"user": "u", "password": "p++x", "database": "c"}),
        ("postgres://u@one:1,two/c?maxsize=3", {"addresses": (("one", 1), ("two", 5432)), "maxsize": 3}),
        ("postgres://u@[::1]:1,[::2]/c", {"addresses": (("::1", 1), ("::2", 5432)), "host": "::1"}),
        ("postgres://u@/c?host=/a,/b&port=1,2", {"addresses": (("/a", 1), ("/b", 2))}),
        ("postgres://u@/c?host=/a,/b", {"addresses": (("/a", 5432), ("/b", 5432))}),
        ("postgres://u@db/c?connect_timeout=3&application_name=city", {"timeout": 3.0, "application_name": "city"}),
        (
            "postgres://u@db/c?target_session_attrs=read-write&sslmode=require",
            {"dsn": "postgresql:///?sslmode=require"},
        ),
    ],
)
def test_urls_are_read_as_libpq_reads_them(url: str, expected: dict[str, Any]) -> None:
    read = database_url.arguments(url)
    assert {name: read[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://u@db/c", "postgres://"),
        ("postgres:/u@db/c", "postgres://"),
        ("postgres://u:se/cret@db/c", "percent-encode"),
        ("postgres://u@db:many/c", "port"),
        ("postgres://u@one,/c", "no host"),
        ("postgres://u@/c?host=/a,/b&port=1,2,3", "different numbers"),
        ("postgres://u@db/c?sslmode=on", "sslmode must be one of disable, allow"),
        ("postgres://u@db/c?ssl=true", "ssl is not supported"),
        ("postgres://u@db/c?slmode=require", "slmode is not supported"),
        ("postgres://u@db/c?options=-csecret", "options is not supported"),
        ("postgres://u@db/c?sslmode=require&sslmode=disable", "twice"),
        ("postgres://u@db/c?sslmode", "name=value"),
        ("postgres://u@db/c?sslmode=verify-full", "sslrootcert"),
        ("postgres://u@db/c?sslmode=verify-ca&sslrootcert=/nowhere/secret", "file of sslrootcert cannot be read"),
        ("postgres://u@db/c?sslrootcert=/etc/hosts", "sslmode is missing"),
        ("postgres://u@db/c?sslmode=require&sslcert=/etc/hosts", "come together"),
        ("postgres://u@db/c?passfile=/nowhere/secret", "passfile"),
        ("postgres://u@db/c?connect_timeout=soon", "connect_timeout"),
        ("postgres://u@db/c?connect_timeout=0", "connect_timeout"),
        ("postgres://u@db/c?target_session_attrs=standby", "target_session_attrs"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path: Path, url: str, reason: str) -> None:
    with pytest.raises(DatabaseUrlInvalid, match=reason):
        database_url.arguments(url)
    with pytest.raises(SettingsInvalid, match="CREDIT_EASY_DATABASE_URL: ") as refused:
        settings.read(settings_environment(tmp_path, DATABASE_URL=url))
    assert "secret" not in str(refused.value)
    assert "se/cret" not in str(refused.value)


def test_files_of_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    secret = tmp_path / "file"
    secret.write_text("*:*:*:*:password\n")
    for parameters in (f"passfile={secret}", f"sslmode=require&sslcert={secret}&sslkey={secret}"):
        secret.chmod(0o640)
        with pytest.raises(DatabaseUrlInvalid, match="0600"):
            database_url.arguments(f"postgres://u@db/c?{parameters}")
        secret.chmod(0o600)
        database_url.arguments(f"postgres://u@db/c?{parameters}")


@dataclass(frozen=True)
class Certificates:
    """A certificate authority and a key and certificate of `localhost`, as files."""

    authority: Path
    key: Path
    certificate: Path


def _signed(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now, is_authority = datetime.now(UTC), name == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    files = Certificates(folder / "authority.pem", folder / "key.pem", folder / "certificate.pem")
    pem = serialization.Encoding.PEM
    files.authority.write_bytes(_signed("ca", authority_key, "ca", authority_key).public_bytes(pem))
    files.certificate.write_bytes(_signed("localhost", key, "ca", authority_key).public_bytes(pem))
    files.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    files.key.chmod(0o600)
    return files


async def outcome(url: str) -> str:
    """Return `tls`, `clear` or the reason for which the database could not be opened."""
    try:
        await database.open_database(url)
        (row,) = await queries.fetch_all("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return "tls" if row["ssl"] else "clear"
    except Exception as error:
        failure = connection_failures.explain(error)
        assert failure is not None, error
        assert not failure.heals
        return failure.reason
    finally:
        await database.close_database()


@pytest.fixture(scope="module")
def debian_postgres(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a PostgreSQL of the distribution with `ssl = on`; the wheel's is built without TLS."""
    (binaries, *_) = [*Path("/usr/lib/postgresql").glob("*/bin"), None]
    if binaries is None or os.geteuid() != 0:
        pytest.skip("needs the distribution's PostgreSQL, and root to run it as its own user")
    owner = pwd.getpwnam("postgres")
    folder = Path("/tmp") / f"ce-tls-{os.getpid()}"
    folder.mkdir()
    for file in (certificates.key, certificates.certificate):
        shutil.copy(file, folder / file.name)
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    (folder / "key.pem").chmod(0o600)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=owner.pw_uid, group=owner.pw_gid, cwd=folder, capture_output=True)

    port, data = free_port(), folder / "data"
    run(str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres")
    options = (
        f"-p {port} -k {folder} -c ssl=on -c ssl_cert_file={folder}/certificate.pem -c ssl_key_file={folder}/key.pem"
    )
    (data / "pg_hba.conf").write_text(
        "hostssl all all 127.0.0.1/32 trust\nhostnossl postgres clear 127.0.0.1/32 trust\n"
    )
    run(str(binaries / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield port
    finally:
        run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.mark.anyio
@pytest.mark.campaign
async def test_tls_with_postgresql_is_what_sslmode_says(debian_postgres: int, certificates: Certificates) -> None:
    base = f"postgres://postgres@localhost:{debian_postgres}/postgres"
    trusted = f"sslrootcert={certificates.authority}"
    assert await outcome(f"{base}?sslmode=require") == "tls"
    assert await outcome(f"{base}?sslmode=verify-full&{trusted}") == "tls"
    assert await outcome(f"{base}") == "tls"
    by_address = base.replace("localhost", "127.0.0.1")
    assert await outcome(f"{by_address}?sslmode=verify-ca&{trusted}") == "tls"
    assert "certificate does not verify" in await outcome(f"{by_address}?sslmode=verify-full&{trusted}")
    assert "certificate does not verify" in await outcome(
        f"{base}?sslmode=verify-ca&sslrootcert={certificates.certificate}"
    )
    assert "pg_hba.conf" in await outcome(f"{base}?sslmode=disable")


@asynccontextmanager
async def behind_tls(socket_folder: str, certificates: Certificates) -> AsyncIterator[int]:
    """Yield a port on which PostgreSQL's TLS is spoken, and passed on to a server's socket without it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readexactly(8)
            assert request[4:] == (80_877_103).to_bytes(4, "big")
            writer.write(b"S")
            await writer.start_tls(context)
            theirs = await asyncio.open_unix_connection(f"{socket_folder}/.s.PGSQL.5432")
            await asyncio.gather(pass_on(reader, theirs[1]), pass_on(theirs[0], writer))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(serve, "localhost", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.anyio
@pytest.mark.both_engines
async def test_a_certificate_is_verified_as_sslmode_says(
    postgres: servers.Postgres, certificates: Certificates
) -> None:
    folder = database_url.arguments(postgres.url("postgres"))["host"]
    async with behind_tls(folder, certificates) as port:
        base = f"postgres://postgres@localhost:{port}/postgres"
        trusted = f"sslrootcert={certificates.authority}"
        # Behind the proxy the server itself sees no TLS, so "clear" is an accepted connection.
        assert await outcome(f"{base}?sslmode=verify-full&{trusted}") == "clear"
        assert await outcome(f"{base}?sslmode=require") == "clear"
        by_address = base.replace("localhost", "127.0.0.1")
        assert "certificate does not verify" in await outcome(f"{by_address}?sslmode=verify-full&{trusted}")
        other = f"sslrootcert={certificates.certificate}"
        assert "certificate does not verify" in await outcome(f"{base}?sslmode=verify-ca&{other}")


def test_every_parameter_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*) \|", page.partition("## Database address")[2].partition("\n## ")[0], re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    supported = {*database_url.PLACE_NAMES, *database_url.TLS_NAMES, *database_url.PARAMETERS, "target_session_attrs"}
    assert named == supported
