"""The folder of a new city: keys, settings and every file that an operator needs, from the templates of this package.

Nothing is ever overwritten: a folder that has any of the files is refused before the first is written.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.auth import key_files, keyring_file
from service.deployment.plan import PASSWORD_BYTES, CityPlan

PUBLIC_MODE, SECRET_MODE, FOLDER_MODE = 0o644, 0o600, 0o700
FILES = {
    "credit-easy.env": SECRET_MODE,
    "owner.env": SECRET_MODE,
    "NEXT-STEPS.md": PUBLIC_MODE,
    "starter-catalogue.yaml": PUBLIC_MODE,
    "database/roles.sql": PUBLIC_MODE,
    "systemd/credit-easy.service": PUBLIC_MODE,
    "systemd/credit-easy-migrate.service": PUBLIC_MODE,
    "systemd/credit-easy-migrate.timer": PUBLIC_MODE,
    "systemd/credit-easy-backup.service": PUBLIC_MODE,
    "systemd/credit-easy-backup.timer": PUBLIC_MODE,
    "proxy/nginx.conf": PUBLIC_MODE,
    "proxy/Caddyfile": PUBLIC_MODE,
    "monitoring/prometheus.yml": PUBLIC_MODE,
    "monitoring/prometheus-rules.yaml": PUBLIC_MODE,
    "monitoring/grafana-dashboard.json": PUBLIC_MODE,
    "containers/Containerfile": PUBLIC_MODE,
    "containers/compose.yaml": PUBLIC_MODE,
    "containers/nginx.conf": PUBLIC_MODE,
    "containers/service.env": SECRET_MODE,
    "containers/owner.env": SECRET_MODE,
    "containers/postgres.env": SECRET_MODE,
}
"""Every file by its path and mode. The folder is closed to others; 0644 is for files that are copied elsewhere."""
KEY_FILES = {
    "keyring.json": keyring_file.create,
    "signing-key.pem": key_files.create_signing_key,
    "pass-key.pem": key_files.create_signing_key,
    "log-key.pem": key_files.create_log_key,
}
PUBLISHED = "published"
"""The folder of checkpoints and tombstones."""
TEMPLATE_OF = {"containers/nginx.conf": "proxy/nginx.conf"}
"""A file that is made from another one's template, with other values."""
MONITORING = "monitoring/"
"""Files that are copied unchanged from this package, where it has them; their braces are not ours."""
DIVISION = "2101"
"""Stands in the starter catalogue, marked, where the operator named no division."""
PROXY_NETWORK = "172.30.57.0/24"
"""The containers' own network: the proxy's address in it is believed."""
SCRAM_ITERATIONS = 4096
"""PostgreSQL's own default; the passwords are random, so that more would protect nothing."""


class FolderInUse(Exception):
    """The folder has files of a city; the message names the first."""


@dataclass(frozen=True, slots=True)
class ProxyValues:
    """Differences between a proxy on the machine and one in a container."""

    upstream: str
    certificate: str
    certificate_key: str


def write_city_folder(plan: CityPlan) -> list[Path]:
    """Create the folder with keys, settings and files; return their paths.

    Raises:
        FolderInUse: one of the files exists; nothing was written.
        OSError: the folder or a file cannot be written.
    """
    plan.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    for name in (*KEY_FILES, *FILES, PUBLISHED):
        if os.path.lexists(plan.folder / name):
            raise FolderInUse(f"{plan.folder / name} exists, and nothing is overwritten; choose another folder")
    texts = {name: _render(name, plan) for name in FILES}
    plan.folder.chmod(FOLDER_MODE)
    (plan.folder / PUBLISHED).mkdir(mode=FOLDER_MODE)
    for name, create in KEY_FILES.items():
        create(plan.folder / name)
    for name, text in texts.items():
        _write(plan.folder / name, text, FILES[name])
    return [plan.folder / name for name in (*KEY_FILES, *FILES)]


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)  # a wider or narrower umask changes nothing
        file.write(text)
        file.flush()
        os.fsync(descriptor)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    # These are no pages: quotes in JSON and shell must stay quotes.
    return Environment(
        loader=PackageLoader("service.deployment"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(name: str, plan: CityPlan) -> str:
    shipped = resources.files("service.deployment") / name.removeprefix(MONITORING)
    if name.startswith(MONITORING) and shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    inside = name.startswith("containers/")
    proxy = _proxy_values(plan, inside=inside)
    database_host = "postgres" if inside else None
    return (
        _templates()
        .get_template(TEMPLATE_OF.get(name, name))
        .render(
            folder=plan.folder,
            host=plan.host,
            program=plan.program,
            port=plan.port,
            workers=plan.workers,
            database=plan.database,
            database_url=plan.database.service_url(database_host),
            owner_database_url=plan.database.owner_url(database_host),
            service_verifier=scram_verifier(plan.database.service_password),
            owner_verifier=scram_verifier(plan.database.owner_password),
            superuser_password=secrets.token_urlsafe(PASSWORD_BYTES),
            redis_url="redis://127.0.0.1:6379/0",
            identity_provider=plan.identity_provider,
            division=plan.division or DIVISION,
            division_named=plan.division is not None,
            year=plan.year,
            issuers=plan.issuers(),
            pages=plan.pages(),
            proxy_addresses="127.0.0.1",
            proxy_network=PROXY_NETWORK,
            upstream=proxy.upstream,
            certificate=proxy.certificate,
            certificate_key=proxy.certificate_key,
        )
    )


def _proxy_values(plan: CityPlan, *, inside: bool) -> ProxyValues:
    if inside:
        return ProxyValues("service:8000", "/etc/nginx/certificate.pem", "/etc/nginx/certificate-key.pem")
    live = f"/etc/letsencrypt/live/{plan.host}"
    return ProxyValues(f"127.0.0.1:{plan.port}", f"{live}/fullchain.pem", f"{live}/privkey.pem")


def scram_verifier(password: str) -> str:
    """Return PostgreSQL's stored form of a password (SCRAM-SHA-256, RFC 5803), from which nobody can sign in."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(SCRAM_ITERATIONS, *parts)
