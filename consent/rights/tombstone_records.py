"""Tombstones as records of 128 bytes, and the lines of earlier versions. Pure.

A record is one line of ASCII: state, kind, consent id, person id, microseconds, CRC-32. Its state is one byte, so that
it can be changed in place on a full disk. 128 divides the size of a disk's sector: a record lies within one.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent.kernel.instants import from_micros, to_micros

RECORD_BYTES = 128
ID_CHARACTERS = 48
"""Longest id that fits; those of this service have 32 hex digits."""
BODY = slice(1, 119)
"""The bytes that the CRC covers: all between the state, which changes in place, and the CRC."""


class TombstoneState(StrEnum):
    """The state of a record, its first byte.

    An open one counts unless its request is still running: its person was not told that nothing was stored.
    """

    OPEN = "?"
    CONFIRMED = "+"
    CANCELLED = "-"


class TombstoneKind(StrEnum):
    """The end of a consent, of a person by their id, or of a person by the keyed index of their subject (0.2.0)."""

    WITHDRAWN = "withdrawn"
    ERASED = "erased"
    SUBJECT_ERASED = "subject_erased"
    LEAF_ERASED = "leaf_erased"
    """The end of the person whose event has this leaf hash; written where a lost folder is repaired."""
    HINTS_STOPPED = "hints_stopped"
    """The end of a person's choice that the city's app may be told of unread messages."""
    TICKET_STOPPED = "ticket_stopped"
    """The end of a slip, binding or offline pass by its person."""
    BOOKING_CANCELLED = "booking_cancelled"
    """The end of a booking by its person."""


LETTERS = {
    TombstoneKind.WITHDRAWN: "W",
    TombstoneKind.ERASED: "E",
    TombstoneKind.LEAF_ERASED: "L",
    TombstoneKind.HINTS_STOPPED: "H",
    TombstoneKind.TICKET_STOPPED: "T",
    TombstoneKind.BOOKING_CANCELLED: "B",
}
KINDS = {letter: kind for kind, letter in LETTERS.items()}


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An end. `person_id` is empty in the lines of earlier versions.

    `name` is the id of the consent, slip, binding, pass or booking, the index for SUBJECT_ERASED, otherwise empty.
    """

    kind: TombstoneKind
    name: str
    person_id: str
    at: datetime


def encode(stone: Tombstone, state: TombstoneState) -> bytes:
    """Return the record of a tombstone, RECORD_BYTES long; ValueError for an id that does not fit."""
    if max(len(stone.name), len(stone.person_id)) > ID_CHARACTERS:
        raise ValueError("an id is longer than a record has room for")
    body = (
        f" {LETTERS[stone.kind]} {stone.name:{ID_CHARACTERS}} {stone.person_id:{ID_CHARACTERS}}"
        f" {to_micros(stone.at):016d} "
    ).encode("ascii")
    record = state.encode() + body + f"{zlib.crc32(body):08x}\n".encode("ascii")
    assert len(record) == RECORD_BYTES
    return record


def decode(record: bytes) -> tuple[TombstoneState, Tombstone] | None:
    """Return state and tombstone of a record; None if it is damaged, by a crash or a fault of the disk."""
    try:
        text = record.decode("ascii")
        if int(text[119:127], 16) != zlib.crc32(record[BODY]):
            return None
        stone = Tombstone(KINDS[text[2]], text[4:52].rstrip(), text[53:101].rstrip(), from_micros(int(text[102:118])))
        return TombstoneState(text[0]), stone
    except (ValueError, KeyError, IndexError):
        return None


def decode_line(line: bytes) -> Tombstone | None:
    """Return the tombstone of a line (JSON) of version 0.2.0 or earlier; None if a crash cut the line short."""
    try:
        stone = json.loads(line)
        erased = stone["kind"] == "erased"
        kind = TombstoneKind.SUBJECT_ERASED if erased else TombstoneKind(stone["kind"])
        return Tombstone(kind, stone["name"], "", datetime.fromisoformat(stone["at"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
