"""Encodings of text files: the closed list, opening a file in one of them, and the guess from a file's bytes."""

from __future__ import annotations

import codecs
from pathlib import Path
from types import MappingProxyType
from typing import Final, TextIO

ENCODINGS: Final = MappingProxyType(
    {
        "utf-8": "utf-8",
        "utf8": "utf-8",
        "gb18030": "gb18030",
        "gbk": "gb18030",
        "gb2312": "gb18030",
        "big5": "big5",
        "utf-16": "utf-16",
        "utf-16-le": "utf-16-le",
        "utf-16-be": "utf-16-be",
        "windows-1252": "cp1252",
        "latin-1": "cp1252",
    }
)
"""Names that a mapping may use, and Python's codec for each. GB18030 contains GBK and GB2312, Windows-1252 Latin-1."""
SAMPLE_BYTES: Final = 65_536
"""Bytes at a file's begin by which its encoding and its columns are guessed."""
MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
"""Byte-order marks at a file's begin, and the encoding that each proves."""
NOT_TEXT: Final = (
    (b"PK\x03\x04", "it is a workbook or an archive; for an .xlsx write `format: xlsx`"),
    (b"\xd0\xcf\x11\xe0", "it is an old Excel file (.xls); save it as .xlsx or CSV"),
    (b"%PDF", "it is a PDF; ask for the table behind it"),
    (b"\x1f\x8b", "it is compressed; unpack it first"),
)
"""First bytes of files that are no text, and the advice for each."""
COMMON_LEAD_BYTES: Final = MappingProxyType({"gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6)})
"""Lead bytes of the common characters in each encoding: a wrong guess reads mostly rare ones."""
ZEROS_SHARE: Final = 0.1
"""The share of zero bytes from which a text without a mark is UTF-16: ASCII digits and delimiters have them."""


class FileUnreadable(Exception):
    """The file is not what the mapping says, or beyond a limit; the message says what to do."""


def read_sample(path: Path) -> bytes:
    """Return the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(SAMPLE_BYTES)


def open_text(path: Path, encoding: str | None) -> TextIO:
    """Open a text file in an encoding of ENCODINGS, or in the one that its mark proves, or in UTF-8.

    Bytes that are not of the encoding become U+FFFD, so that they spoil their own row alone.

    Raises:
        FileUnreadable: its first bytes are those of another kind of file, or of another encoding.
        OSError: the file cannot be read.
    """
    sample = read_sample(path)
    for start, advice in NOT_TEXT:
        if sample.startswith(start):
            raise FileUnreadable(f"{path.name} is no text file: {advice}")
    marked = marked_encoding(sample)
    if encoding and marked and not encoding.startswith(marked):
        raise FileUnreadable(
            f"{path.name} begins with the mark of {marked}: write `encoding: {marked}`, or leave it out"
        )
    chosen = encoding or marked or "utf-8"
    return path.open(encoding="utf-8-sig" if chosen == "utf-8" else chosen, errors="replace", newline="")


def marked_encoding(sample: bytes) -> str | None:
    """Return the encoding that the byte-order mark proves, or None without a mark."""
    return next((encoding for mark, encoding in MARKS if sample.startswith(mark)), None)


def guess_encoding(sample: bytes) -> str | None:
    """Return the encoding of a sample by its mark, its zero bytes or how common its characters are, or None."""
    if marked := marked_encoding(sample):
        return marked
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if even + odd > len(sample) * ZEROS_SHARE:
        return "utf-16-le" if odd > even else "utf-16-be"
    if _decodes(sample, "utf-8"):
        return "utf-8"
    shares = {name: _common_share(sample, name) for name in COMMON_LEAD_BYTES if _decodes(sample, name)}
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is None or shares[best] < 0.5:
        return "windows-1252" if _decodes(sample, "cp1252") else best
    return best


def _decodes(sample: bytes, encoding: str) -> bool:
    """Report whether every byte is of the encoding; a character that the sample's end cuts is no fault."""
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _common_share(sample: bytes, encoding: str) -> float:
    """Return the share of common characters among those beyond ASCII."""
    first, last = COMMON_LEAD_BYTES[encoding]
    beyond = [letter for letter in sample.decode(encoding, "ignore") if letter > "\x7f"]
    common = sum(1 for letter in beyond if first <= letter.encode(encoding)[0] <= last)
    return common / len(beyond) if beyond else 0.0
