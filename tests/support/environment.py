"""Environment variables of a production service, valid unless a test changes one."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from service.auth import key_files
from service.auth.access_tokens import Audience

DEMO_LOG_HOST = "demo.credit-easy.invalid"


def issuers(**changes: object) -> str:
    issuer = {
        "issuer": "https://id.city.example",
        "audience": "credit-easy",
        "jwks_url": "https://id.city.example/jwks",
        "algorithms": ["ES256"],
    }
    return json.dumps({audience: {**issuer, "audience": f"credit-easy:{audience}", **changes} for audience in Audience})


def keyring_file(folder: Path, *, mode: int = 0o600, key: str | None = None, **members: object) -> Path:
    path = folder / f"keyring-{secrets.token_hex(4)}.json"
    document = {
        "current": 1,
        "encryption_keys": {"1": key or secrets.token_hex(32)},
        "index_key": secrets.token_hex(32),
        **members,
    }
    path.write_text(json.dumps(document))
    path.chmod(mode)
    return path


def demo_keys(folder: Path) -> dict[str, str]:
    """Return the changes that name the keys of the demonstration in `folder`, which a seeded database knows."""
    files = {"KEYRING": "keyring.json", "SIGNING_KEY": "signing-key.pem", "LOG_KEY": "log-key.pem"}
    # The host belongs to the log's key: it is hashed into the key's id.
    return {name: str(folder / file) for name, file in files.items()} | {"LOG_HOST": DEMO_LOG_HOST}


def settings_environment(folder: Path, **changes: str | None) -> dict[str, str]:
    key = folder / "signing.pem"
    if not key.exists():
        key_files.create_signing_key(key)
        key_files.create_log_key(folder / "log.pem")
    values: dict[str, str | None] = {
        "DATABASE_URL": "postgres://city@/city",
        "ISSUERS": issuers(),
        "KEYRING": str(keyring_file(folder)),
        "SIGNING_KEY": str(key),
        "LOG_KEY": str(folder / "log.pem"),
        "LOG_HOST": "credit.city.example",
        "LOG_FOLDER": str(folder),
        "OPS_ADDRESS": "",  # tests run in parallel, and a port is free for one process alone
        "ALLOWED_HOSTS": "credit.city.example, api.city.example",
        **changes,
    }
    return {f"CREDIT_EASY_{name}": value for name, value in values.items() if value is not None}
