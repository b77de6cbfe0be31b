"""A source's own record ids: sealed with the record, and looked up by a blind index of source and id.

A source may build its record ids from account numbers. They are therefore treated as accounts are: nowhere in clear.
"""

from __future__ import annotations

from collections.abc import Callable

from consent.crypto import vault
from consent.crypto.blind_index import IndexUse, indexer
from consent.crypto.vault import CellAddress, Keyring
from consent.persons import Person

TABLE, COLUMN = "record", "sealed_source_record_id"
CORRECTION_KEY = "correction"
"""The use of the service's key for ids in a source's feed of corrections, which may outlive their person's key."""


def index_of(keyring: Keyring, source_id: str) -> Callable[[str], str]:
    """Return the function from a record id of this source to its blind index (32 hex digits)."""
    return indexer(keyring, IndexUse.RECORD, source_id)


def seal_id(person: Person, record_id: str, source_record_id: str) -> bytes:
    """Encrypt a source's record id for the row of the record."""
    return person.seal(TABLE, COLUMN, record_id, source_record_id.encode())


def open_id(person: Person, record_id: str, sealed_id: bytes) -> str:
    """Decrypt the source's record id of a row of records; vault.SealBroken where it belongs to another row."""
    return person.open(TABLE, COLUMN, record_id, bytes(sealed_id)).decode()


def seal_for_feed(keyring: Keyring, correction_id: str, source_record_id: str) -> bytes:
    """Encrypt a source's record id for a row of its feed of corrections."""
    cipher = vault.service_cipher(keyring, CORRECTION_KEY)
    return vault.seal(cipher, _cell_of(correction_id), source_record_id.encode())


def open_from_feed(keyring: Keyring, correction_id: str, sealed_id: bytes) -> str:
    """Decrypt the record id of a row of a source's feed of corrections."""
    return vault.open_service(keyring, CORRECTION_KEY, _cell_of(correction_id), bytes(sealed_id)).decode()


def seal_retracted(person: Person, record_id: str, source_record_id: str) -> bytes:
    """Encrypt a source's record id for the row of the index, where it stays when the record is retracted."""
    return person.seal("record_index", COLUMN, record_id, source_record_id.encode())


def open_retracted(person: Person, record_id: str, sealed_id: bytes) -> str:
    """Decrypt the record id of a row of the index."""
    return person.open("record_index", COLUMN, record_id, bytes(sealed_id)).decode()


def _cell_of(correction_id: str) -> CellAddress:
    return CellAddress("correction", COLUMN, "", correction_id)
