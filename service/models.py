"""The tables of the service package: answers stored for retries, fingerprints of keys. Imported only inside it."""

from __future__ import annotations

from consent.database.fields import Integer, Micros, Sealed, Text
from consent.database.table_model import TableModel


class StoredAnswer(TableModel):
    """The answer to a request with an Idempotency-Key, written in the transaction of its effect.

    `caller_index` is a keyed hash of the caller, by which an erasure deletes all of a person's answers.
    """

    scope = Text(primary_key=True)
    fingerprint = Text()
    status = Integer()
    sealed_body = Sealed("scope", use="stored-answer")
    created_at = Micros()
    caller_index = Text(db_default="")

    class Meta:
        table = "stored_answer"


class KnownKey(TableModel):
    """The fingerprint of a key that this database was written with; a rotated key leaves its fingerprint."""

    fingerprint = Text(primary_key=True)
    key_name = Text()
    added_at = Micros()

    class Meta:
        table = "known_key"
