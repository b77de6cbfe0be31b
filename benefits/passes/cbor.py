"""Deterministic CBOR (RFC 8949, section 4.2.1) of the few types in a pass: each value has a single accepted encoding.

Integers, byte and text strings, lists, maps with integer or text keys, and booleans.
"""

from __future__ import annotations

from typing import Any

from benefits.passes.jose import INTEGER_MAX
from benefits.passes.refusals import PassFault, PassRefused

UNSIGNED, NEGATIVE, BYTES, TEXT, LIST, MAP, SIMPLE = 0, 1, 2, 3, 4, 5, 7
FALSE, TRUE = 0xF4, 0xF5
DEPTH_MAX = 6
ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
"""Bytes of the argument that follows the initial byte, by its low five bits."""


def dumps(value: Any) -> bytes:
    """Return the encoding of a value; `loads` refuses integers beyond 53 bits and other keys than integers and texts.

    Raises:
        TypeError: a value is of another type.
        OverflowError: an integer is beyond 64 bits.
    """
    if value is True or value is False:
        return bytes((TRUE if value else FALSE,))
    if isinstance(value, int):
        return _head(UNSIGNED, value) if value >= 0 else _head(NEGATIVE, -1 - value)
    if isinstance(value, bytes):
        return _head(BYTES, len(value)) + value
    if isinstance(value, str):
        encoded = value.encode()
        return _head(TEXT, len(encoded)) + encoded
    if isinstance(value, list):
        return _head(LIST, len(value)) + b"".join(map(dumps, value))
    if isinstance(value, dict):
        members = sorted((dumps(key), dumps(member)) for key, member in value.items())
        return _head(MAP, len(members)) + b"".join(key + member for key, member in members)
    raise TypeError(f"no CBOR of {type(value).__name__}")


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    for code, length in ARGUMENT_BYTES.items():
        if argument < 1 << 8 * length:
            return bytes((major << 5 | code,)) + argument.to_bytes(length)
    raise OverflowError("an integer beyond 64 bits")


def loads(data: bytes) -> Any:
    """Decode one value that fills `data`; PassRefused for other types, a longer form, repeated or unordered keys."""
    reader = _Reader(data)
    value = reader.value(DEPTH_MAX)
    if reader.offset != len(data):
        raise PassRefused(PassFault.MALFORMED, "bytes are left over")
    return value


class _Reader:
    __slots__ = ("data", "offset")

    def __init__(self, data: bytes) -> None:
        self.data, self.offset = data, 0

    def value(self, levels: int) -> Any:
        """Read the next value, at most `levels` deep."""
        initial = self.take(1)[0]
        major, code = initial >> 5, initial & 31
        if levels == 0:
            raise PassRefused(PassFault.MALFORMED, "nested too deep")
        if initial in (FALSE, TRUE):
            return initial == TRUE
        if major not in (UNSIGNED, NEGATIVE, BYTES, TEXT, LIST, MAP):
            raise PassRefused(PassFault.MALFORMED, "another type of CBOR")
        argument = self.argument(code)
        if major in (UNSIGNED, NEGATIVE):
            if argument > INTEGER_MAX:
                raise PassRefused(PassFault.MALFORMED, "an integer beyond 53 bits")
            return argument if major == UNSIGNED else -1 - argument
        if major == BYTES:
            return self.take(argument)
        if major == TEXT:
            return self.text(argument)
        # Each member takes a byte at least: no list is longer than what is left.
        if argument > len(self.data) - self.offset:
            raise PassRefused(PassFault.MALFORMED, "it ends too early")
        if major == LIST:
            return [self.value(levels - 1) for _ in range(argument)]
        return self.map(argument, levels - 1)

    def argument(self, code: int) -> int:
        """Read the argument of an initial byte, in its shortest form."""
        if code < 24:
            return code
        length = ARGUMENT_BYTES.get(code)
        if length is None:
            raise PassRefused(PassFault.MALFORMED, "an indefinite length")
        argument = int.from_bytes(self.take(length))
        if argument < 24 or (length > 1 and argument < 1 << 4 * length):
            raise PassRefused(PassFault.MALFORMED, "a longer form than needed")
        return argument

    def map(self, count: int, levels: int) -> dict[Any, Any]:
        """Read the members of a map, whose keys must be integers or texts in the order of their encodings."""
        members: dict[Any, Any] = {}
        before = b""
        for _ in range(count):
            start = self.offset
            key = self.value(1)
            encoded = self.data[start : self.offset]
            if type(key) not in (int, str) or (members and encoded <= before):
                raise PassRefused(PassFault.MALFORMED, "keys repeated or out of order")
            before, members[key] = encoded, self.value(levels)
        return members

    def text(self, length: int) -> str:
        """Read a text of so many bytes in UTF-8."""
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise PassRefused(PassFault.MALFORMED, "not UTF-8") from None

    def take(self, length: int) -> bytes:
        """Read so many bytes."""
        taken = self.data[self.offset : self.offset + length]
        if len(taken) != length:
            raise PassRefused(PassFault.MALFORMED, "it ends too early")
        self.offset += length
        return taken
