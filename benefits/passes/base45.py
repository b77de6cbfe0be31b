"""Base45 (RFC 9285): bytes as the characters of a QR code's alphanumeric mode, each text with a single meaning."""

from __future__ import annotations

from benefits.passes.refusals import PassFault, PassRefused

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
VALUES = {character: value for value, character in enumerate(ALPHABET)}
BASE = len(ALPHABET)


def encode(data: bytes) -> str:
    """Return three characters for every two bytes, and two for a last one."""
    text = []
    for first in range(0, len(data) - 1, 2):
        number = data[first] << 8 | data[first + 1]
        text += [number % BASE, number // BASE % BASE, number // BASE**2]
    if len(data) % 2:
        text += [data[-1] % BASE, data[-1] // BASE]
    return "".join(ALPHABET[value] for value in text)


def decode(text: str) -> bytes:
    """Return the bytes of a text; PassRefused for another length, other characters and numbers that no bytes have."""
    try:
        values = [VALUES[character] for character in text]
    except KeyError:
        raise PassRefused(PassFault.MALFORMED, "not Base45") from None
    whole, left = divmod(len(values), 3)
    data = bytearray()
    for start in range(0, 3 * whole, 3):
        number = values[start] + values[start + 1] * BASE + values[start + 2] * BASE**2
        if number > 0xFFFF:
            raise PassRefused(PassFault.MALFORMED, "not Base45")
        data += number.to_bytes(2)
    if left:
        number = values[-2] + values[-1] * BASE if left == 2 else 0x100
        if number > 0xFF:
            raise PassRefused(PassFault.MALFORMED, "not Base45")
        data.append(number)
    return bytes(data)
