"""The tables of the service package: stored answers, fingerprints of keys, public keys. Imported only inside it."""

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
    sealed_body = Sealed("scope", use="stored-answer", short_lived=True)
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


class PublicKey(TableModel):
    """A public key that this service publishes for ever: of receipts, or of a log.

    `document` is the canonical JSON of its document in the policy log. `retired_at` is the moment of its replacement.
    """

    key_id = Text(primary_key=True)
    key_use = Text()
    document = Text()
    published_at = Micros()
    active_from = Micros()
    retired_at = Micros(null=True)

    class Meta:
        table = "public_key"
