"""C2SP formats: signed notes, checkpoints of a log, paths of tiles. Ed25519 only, no extension lines.

https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint, https://c2sp.org/tlog-tiles
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from consent.transparency.merkle import HASH_BYTES

ALGORITHM = b"\x01"
"""The algorithm byte of Ed25519 in signed notes."""
KEY_ID_BYTES = 4
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""The number of hashes in a full tile."""
LEVEL_MAX = 7
"""The highest level; tiles above it would cover more than 2 ** 64 leaves."""
SIZE_MAX = 2**63 - 1
TILE_PATH = re.compile(r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
NAME = re.compile(r"[^\s+]+")
SIGNATURE_MARK = "— "


class NoteInvalid(ValueError):
    """Not a note, not a checkpoint, or not signed by the given key."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A verifier's key: a name without spaces or `+`, and an Ed25519 public key of 32 bytes; ValueError otherwise."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or len(self.public) != HASH_BYTES:
            raise ValueError("a note key has a name without spaces or plus signs and 32 bytes")

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that distinguish keys of the same name."""
        return hashlib.sha256(self.name.encode() + b"\n" + ALGORITHM + self.public).digest()[:KEY_ID_BYTES]

    def text(self) -> str:
        """Return `name+id+key`, the form in which verifiers are configured."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ALGORITHM + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> NoteKey:
        """Parse a `name+id+key` text; NoteInvalid for another algorithm or a wrong id."""
        try:
            name, key_id, encoded = text.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            key = cls(name, raw[1:])
        except ValueError:
            raise NoteInvalid("a verifier key is name+id+key") from None
        if raw[:1] != ALGORITHM or key.key_id.hex() != key_id:
            raise NoteInvalid("the verifier key's id or algorithm does not fit")
        return key


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A signing key for notes, under a name, with the keys that it has replaced.

    `name` stands in each signature's line; for a checkpoint it is the log's origin (`Publisher.signer_of`). While
    `previous` is there, it signs too: verifiers that know one of the two accept the note. `retired` are public keys (32
    bytes each), which have signed older notes.
    """

    name: str
    private: Ed25519PrivateKey = field(repr=False)
    previous: Ed25519PrivateKey | None = field(default=None, repr=False)
    retired: tuple[bytes, ...] = ()

    @property
    def key(self) -> NoteKey:
        """Return the verifier's key."""
        return NoteKey(self.name, self.private.public_key().public_bytes_raw())

    @property
    def keys(self) -> list[NoteKey]:
        """Return the keys that verify this signer's notes: current, previous, retired. `sign` relies on this order."""
        previous = [] if self.previous is None else [self.previous.public_key().public_bytes_raw()]
        return [self.key, *[NoteKey(self.name, public) for public in (*previous, *self.retired)]]

    def sign(self, text: str) -> str:
        """Return the text, an empty line, and the line of a signature for each of `private` and `previous`.

        The signatures are over the text with its last line break; ValueError for a text without one.
        """
        if not text.endswith("\n"):
            raise ValueError("a note's text ends with a line break")
        signed = f"{text}\n"
        # `keys` begins with the public keys of `private` and `previous`, in this order.
        for private, key in zip((self.private, self.previous), self.keys, strict=False):
            if private is not None:
                signature = base64.b64encode(key.key_id + private.sign(text.encode())).decode()
                signed += f"{SIGNATURE_MARK}{self.name} {signature}\n"
        return signed


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state that a log signs: its origin, its number of leaves, and the root (32 bytes) over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def of_stored(cls, note: str) -> Checkpoint:
        """Return the checkpoint of a note that this service has stored itself; its signature is not verified."""
        return cls.parse(text_of(note))

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Parse the text of a note; NoteInvalid for anything but three well-formed lines."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0] or not SIZE.fullmatch(lines[1]) or int(lines[1]) > SIZE_MAX:
            raise NoteInvalid("a checkpoint is origin, size and root, a line each")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except ValueError:
            raise NoteInvalid("the root is not base64") from None
        if len(root) != HASH_BYTES or base64.b64encode(root).decode() != lines[2]:
            raise NoteInvalid("the root is 32 bytes")
        return cls(lines[0], int(lines[1]), root)


def text_of(note: str) -> str:
    """Return the text of a note without its signatures, which are not verified."""
    return note.rpartition("\n\n")[0] + "\n"


def open_note(note: str, key: NoteKey) -> str:
    """Return the text of a note that this key signed; signatures of other keys (witnesses) are skipped.

    Raises:
        NoteInvalid: not a note, not signed by this key, or the signature is wrong.
    """
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteInvalid("a note is a text, an empty line and signatures")
    text += "\n"
    for line in signatures.removesuffix("\n").split("\n"):
        name, _, encoded = line.removeprefix(SIGNATURE_MARK).rpartition(" ")
        if not line.startswith(SIGNATURE_MARK) or not NAME.fullmatch(name):
            raise NoteInvalid("a signature line is dash, name and signature")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise NoteInvalid("a signature is base64") from None
        if name != key.name or raw[:KEY_ID_BYTES] != key.key_id:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(raw[KEY_ID_BYTES:], text.encode())
        except InvalidSignature:
            raise NoteInvalid("the signature is wrong") from None
        return text
    raise NoteInvalid("this key has not signed the note")


def open_by_any(note: str, keys: Sequence[NoteKey]) -> str:
    """Return the text of a note that one of the keys signed; NoteInvalid as `open_note`, of the first key."""
    failure: NoteInvalid | None = None
    for key in keys:
        try:
            return open_note(note, key)
        except NoteInvalid as error:
            failure = failure or error
    raise failure or NoteInvalid("there is no key")


def is_signed(note: str, key: NoteKey) -> bool:
    """Report whether this key has signed a note."""
    try:
        open_note(note, key)
    except NoteInvalid:
        return False
    return True


def tile_path(number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile: its number in groups of three digits, `x001/x234/067`, and `.p/width` if partial."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(reversed(groups)) + partial


def parse_tile_path(path: str) -> tuple[int, int]:
    """Return (number, width) of a tile's path; ValueError for any but the canonical spelling."""
    match = TILE_PATH.fullmatch(path)
    if not match:
        raise ValueError("not the path of a tile")
    number = int(match[1].replace("x", "").replace("/", ""))
    width = int(match[2]) if match[2] else TILE_WIDTH
    if number > SIZE_MAX or width > TILE_WIDTH or tile_path(number, width) != path:
        raise ValueError("not the path of a tile")
    return number, width
