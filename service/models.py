"""The service room's table: answers kept for retries."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from consent.database.fields import Sealed


class StoredAnswer(Model):
    """The answer to a request with an Idempotency-Key, written in the same transaction as its effect."""

    scope = fields.CharField(64, primary_key=True)
    caller_index = fields.CharField(64)
    fingerprint = fields.CharField(64)
    status = fields.IntField()
    sealed_body = Sealed("scope", use="stored-answer")
    created_at = fields.BigIntField()

    class Meta:
        table = "stored_answer"
