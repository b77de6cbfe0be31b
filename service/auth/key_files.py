"""Key files of mode 0600: P-256 (ES256) for receipts and tokens, Ed25519 for the logs.

The service's ES256 key signs receipts and is published as a JWKS; the demonstration issuer has a key file of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm

from consent.kernel import atomic_file
from consent.transparency.checkpoint import NoteSigner

THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}
"""Members that identify a key, in the order in which they are hashed (RFC 7638, section 3.2)."""
OWNER_ALONE = 0o600
"""Mode of every key file."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 private key and its kid (RFC 7638 thumbprint)."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    kid: str

    def jwk(self) -> dict[str, str]:
        """Return the public key as a JWK."""
        return {**public_jwk(self.key), "kid": self.kid, "use": "sig", "alg": "ES256"}


def load_signing_key(path: Path) -> SigningKey:
    """Read a P-256 private key from a PEM file of mode 0600.

    Raises:
        OSError: the file does not exist.
        PermissionError: others may read it.
        ValueError: it holds no P-256 private key.
    """
    key = _load(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(f"{path.name} holds no P-256 private key")
    return SigningKey(key, thumbprint(public_jwk(key)))


def load_log_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key from a PEM file of mode 0600; raises as `load_signing_key` does."""
    key = _load(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path.name} holds no Ed25519 private key")
    return key


def next_path(path: Path) -> Path:
    """Return the path of the key file that will replace this one: `.next` at the end of its name."""
    return path.with_name(path.name + ".next")


def load_log_signer(name: str, path: Path) -> NoteSigner:
    """Read the log's key with the keys that it replaced, from files in the same folder.

    `.previous` is the private key that signs too during a rotation, `.retired` has older public keys, a line each.
    Raises as `load_signing_key` does.
    """
    key, previous = load_log_key(path), None
    if _companion(path, "previous").exists():
        previous = load_log_key(_companion(path, "previous"))
        if _public(previous) == _public(key):  # a rotation was interrupted before the key was replaced
            previous = None
    return NoteSigner(name, key, previous, _retired(path))


def activate_next_log_key(path: Path) -> None:
    """Replace the log's key by its next one; the key before stays as `.previous` and signs too. Repeatable."""
    previous = _companion(path, "previous")
    with suppress(FileExistsError):
        atomic_file.create(previous, _read_own(path), OWNER_ALONE)
    give_to_owner_of(path, previous)
    activate_next(path)


def previous_log_key_since(path: Path) -> datetime:
    """Return the time since which this host signs by two keys of the log: that of the `.previous` file."""
    return datetime.fromtimestamp(_companion(path, "previous").stat().st_mtime, UTC)


def retire_previous_log_key(path: Path) -> None:
    """Delete the log's previous private key; its public key stays among the retired ones."""
    previous, retired = _companion(path, "previous"), _retired(path)
    public = _public(load_log_key(previous))
    if public not in retired:
        lines = [base64.b64encode(key).decode() + "\n" for key in (*retired, public)]
        atomic_file.replace(_companion(path, "retired"), "".join(lines).encode(), OWNER_ALONE)
        give_to_owner_of(path, _companion(path, "retired"))
    previous.unlink()
    atomic_file.sync_folder(path.parent)


def _companion(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _retired(path: Path) -> tuple[bytes, ...]:
    try:
        lines = _companion(path, "retired").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return ()
    return tuple(base64.b64decode(line, validate=True) for line in lines)


def activate_next(path: Path) -> None:
    """Replace a key file by its next one, which deletes the old private key; FileNotFoundError without a next one.

    The new file has the owner of the old one, also where root runs the command: the service reads it.
    """
    give_to_owner_of(path, next_path(path))
    next_path(path).replace(path)
    atomic_file.sync_folder(path.parent)


def give_to_owner_of(path: Path, new: Path) -> None:
    """Give a new file to the owner and group of the key file at `path`; no effect unless root runs the command."""
    if os.geteuid() == 0:
        owner = path.stat()
        os.chown(new, owner.st_uid, owner.st_gid)


def create_signing_key(path: Path) -> None:
    """Create a P-256 key file; an existing file is left unchanged."""
    _create(path, ec.generate_private_key(ec.SECP256R1()))


def create_log_key(path: Path) -> None:
    """Create an Ed25519 key file; an existing file is left unchanged."""
    _create(path, Ed25519PrivateKey.generate())


def _load(path: Path) -> object:
    return serialization.load_pem_private_key(_read_own(path), password=None)


def _create(path: Path, key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    create_file(path, pem)


def create_file(path: Path, content: bytes) -> None:
    """Create a file of secrets and its folder for their owner alone; a file that exists is left unchanged."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        atomic_file.create(path, content, OWNER_ALONE)


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the RFC 7638 thumbprint (SHA-256, base64url without padding) of an EC or RSA public key."""
    members = {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """Return the JWK members that identify a P-256 public key."""
    members = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {name: str(members[name]) for name in THUMBPRINT_MEMBERS["EC"]}


def _read_own(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise PermissionError("the key file can be read by others: set its mode to 0600")
        return file.read()
