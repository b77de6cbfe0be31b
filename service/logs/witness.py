"""A witness of a log, for others to run: it stores the last checkpoint and cosigns only a checkpoint that continues it.

It reads checkpoint and tiles by C2SP paths, from a running service or a copy of its archive, computes the consistency
proof from the tiles and checks it. https://c2sp.org/tlog-cosignature
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.kernel import atomic_file
from consent.transparency import checkpoint, merkle
from consent.transparency.checkpoint import (
    KEY_ID_BYTES,
    SIGNATURE_MARK,
    TILE_HEIGHT,
    TILE_WIDTH,
    Checkpoint,
    NoteInvalid,
    NoteKey,
)
from consent.transparency.merkle import HASH_BYTES, Node, ProofInvalid, Range

COSIGNATURE = b"\x04"
"""Signature type of a timestamped Ed25519 cosignature."""
NEXT_EPOCH = re.compile(r"/[1-9][0-9]{0,8}", re.ASCII)
"""The end of the origin of a later epoch; the first one's origin has none."""
READ_MAX = 1_000_000
"""Bytes read of a checkpoint or a tile at most; both are far smaller."""
TIMEOUT_SECONDS = 10


class Unreachable(Exception):
    """The log, or a part of it, cannot be read now; that is no evidence against the log."""


class Forked(Exception):
    """The log does not continue its last checkpoint; the message has both signed checkpoints, which prove it."""


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's name and signing key."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    def verifier_key(self) -> str:
        """Return `name+id+key`, which parties that trust this witness configure."""
        raw = COSIGNATURE + self.private.public_key().public_bytes_raw()
        return f"{self.name}+{self._key_id().hex()}+{base64.b64encode(raw).decode()}"

    def line(self, text: str, at: datetime) -> str:
        """Return the signature line over a checkpoint's text at a time, in whole seconds."""
        seconds = int(at.timestamp())
        signed = self.private.sign(f"cosignature/v1\ntime {seconds}\n{text}".encode())
        raw = self._key_id() + struct.pack(">Q", seconds) + signed
        return f"{SIGNATURE_MARK}{self.name} {base64.b64encode(raw).decode()}\n"

    def _key_id(self) -> bytes:
        public = COSIGNATURE + self.private.public_key().public_bytes_raw()
        return hashlib.sha256(self.name.encode() + b"\n" + public).digest()[:KEY_ID_BYTES]


def cosign_log(
    base: str, keys: Sequence[NoteKey], remembered: Path, cosigner: Cosigner | None, at: datetime
) -> tuple[str, Checkpoint]:
    """Read the log at `base` (http, https or file URL) and compare it with the last checkpoint in `remembered`.

    `keys` are keys of one origin: several where the log's key was replaced between the two checkpoints. One of them
    must have signed each. Return the note, cosigned if there is a cosigner, and its checkpoint; writes the note to
    `remembered`.

    Raises:
        Unreachable: the log cannot be read, or a copy of its tiles is damaged.
        NoteInvalid: no key of the log has signed the checkpoint, or the keys are of several origins.
        Forked: the checkpoint does not continue the remembered one. `remembered` is unchanged after any error.
    """
    note = _read(base, "checkpoint").decode()
    new = _opened(note, keys)
    if remembered.exists():
        last_note = remembered.read_text(encoding="utf-8")
        last = _opened(last_note, keys)
        if not _continues(_Log(base, new.size), last, new):
            raise Forked(f"the log does not continue what it said\n\nbefore:\n{last_note}\nnow:\n{note}")
    atomic_file.replace(remembered, note.encode())
    return (note if cosigner is None else note + cosigner.line(checkpoint.text_of(note), at)), new


def _continues(log: _Log, last: Checkpoint, new: Checkpoint) -> bool:
    if new.size < last.size:
        return False
    try:
        proof = [log.root_of(leaves) for leaves in merkle.consistency_ranges(last.size, new.size)]
        merkle.check_consistency(last.size, new.size, last.root, new.root, proof)
    except ProofInvalid:
        if log.root_of((0, new.size)) != new.root:
            raise Unreachable("the tiles read do not lead to the signed root; a bad copy proves nothing") from None
        return False
    return True


class _Log:
    """Tiles of a log with `size` leaves, read when they are needed."""

    def __init__(self, base: str, size: int) -> None:
        self.base, self.size = base, size
        self.tiles: dict[tuple[int, int], bytes] = {}

    def root_of(self, leaves: Range) -> bytes:
        """Return the root of a range of leaves. Raises Unreachable."""
        return merkle.fold([self._subtree(node) for node in merkle.nodes_of(leaves)])

    def _subtree(self, node: Node) -> bytes:
        level, rest = divmod(node.level, TILE_HEIGHT)
        number, start = divmod(node.index << rest, TILE_WIDTH)
        hashes = self._tile(level, number)[start * HASH_BYTES : (start + (1 << rest)) * HASH_BYTES]
        return merkle.root_of([hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)])

    def _tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self.tiles:
            width = min(TILE_WIDTH, (self.size >> (level * TILE_HEIGHT)) - number * TILE_WIDTH)
            path = checkpoint.tile_path(number, width)
            hashes = _read(self.base, f"tile/{level}/{path}")
            if len(hashes) != width * HASH_BYTES:
                raise Unreachable(f"tile/{level}/{path} has not {width} hashes")
            self.tiles[level, number] = hashes
        return self.tiles[level, number]


def _opened(note: str, keys: Sequence[NoteKey]) -> Checkpoint:
    name, origin = keys[0].name, note.partition("\n")[0]
    if any(key.name != name for key in keys):
        raise NoteInvalid("the keys are of several logs or epochs; a witness follows one")
    if origin.startswith(name) and NEXT_EPOCH.fullmatch(origin.removeprefix(name)):
        raise NoteInvalid(
            f"the log's origin is now {origin}: it began a new epoch, because leaves were lost. Compare the"
            " announcement in /v1/public/logs with the checkpoint remembered here; then follow the new epoch with its"
            " own key and a file of its own"
        )
    opened = Checkpoint.parse(checkpoint.open_by_any(note, keys))
    if opened.origin != name:
        raise NoteInvalid("the checkpoint is of another log")
    return opened


def _read(base: str, path: str) -> bytes:
    address = f"{base.rstrip('/')}/{path}"
    if not address.startswith(("http://", "https://", "file:///")):
        raise Unreachable("a log is read by an http, https or file URL")
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked above
            content: bytes = answer.read(READ_MAX + 1)
    except (urllib.error.URLError, OSError) as error:
        raise Unreachable(f"{path}: {error}") from None
    if len(content) > READ_MAX:
        raise Unreachable(f"{path} is larger than any part of a log")
    return content
