"""Accounts at sources, records, and what sources must still hear."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from consent.database.fields import Sealed


class AccountLink(Model):
    """A person's account at a source: pending until proven by code, confirmed, then ended."""

    link_id = fields.CharField(32, primary_key=True)
    person_id = fields.CharField(32)
    consent_id = fields.CharField(32)
    source_id = fields.CharField(64)
    account_index = fields.CharField(32)
    sealed_account = Sealed("link_id")
    state = fields.CharField(16)
    since = fields.BigIntField()
    acknowledged_at = fields.BigIntField(null=True)

    class Meta:
        table = "account_link"


class LinkEnding(Model):
    """An ended link of somebody who was erased, until its source acknowledges it; sealed under the service's key."""

    link_id = fields.CharField(32, primary_key=True)
    source_id = fields.CharField(64)
    sealed_account = Sealed("link_id", use="farewell")
    since = fields.BigIntField()
    acknowledged_at = fields.BigIntField(null=True)

    class Meta:
        table = "farewell"


class Correction(Model):
    """What an officer's decision changed in a source's record, until the source acknowledges it."""

    correction_id = fields.CharField(32, primary_key=True)
    source_id = fields.CharField(64)
    source_record_id = fields.CharField(64)
    outcome = fields.CharField(16)
    quantity = fields.IntField(null=True)
    occurred_on = fields.IntField(null=True)
    since = fields.BigIntField()
    acknowledged_at = fields.BigIntField(null=True)

    class Meta:
        table = "correction"


class LinkCode(Model):
    """Finds a pending link by the blind index of its short code; the code itself is sealed for its person's eyes."""

    code_index = fields.CharField(32, primary_key=True)
    source_id = fields.CharField(64)
    account_index = fields.CharField(32)
    person_id = fields.CharField(32)
    link_id = fields.CharField(32)
    expires_at = fields.BigIntField()
    sealed_code = Sealed("link_id", null=True)

    class Meta:
        table = "link_code"


class LinkedAccount(Model):
    """At most one confirmed link for an account at a source."""

    account_index = fields.CharField(32, primary_key=True)
    source_id = fields.CharField(64)
    person_id = fields.CharField(32)
    link_id = fields.CharField(32)

    class Meta:
        table = "linked_account"


class LinkReview(Model):
    """A second claim on an account that is already linked; an officer looks at it."""

    review_id = fields.CharField(32, primary_key=True)
    source_id = fields.CharField(64)
    standing_link_id = fields.CharField(32)
    claiming_link_id = fields.CharField(32)
    state = fields.CharField(16)
    opened_at = fields.BigIntField()
    decision = fields.CharField(16, null=True)
    reason = fields.TextField(null=True)
    decided_at = fields.BigIntField(null=True)
    decided_by = fields.CharField(64, null=True)

    class Meta:
        table = "link_review"


class StoredRecord(Model):
    """A deed as delivered by a source and covered by a consent."""

    record_id = fields.CharField(32, primary_key=True)
    person_id = fields.CharField(32)
    source_id = fields.CharField(64)
    source_record_id = fields.CharField(64)
    kind = fields.CharField(32)
    quantity = fields.IntField()
    occurred_on = fields.IntField()
    received_at = fields.BigIntField()

    class Meta:
        table = "record"


class RecordKey(Model):
    """Finds a record by the source's own id; unique within the source."""

    source_record_id = fields.CharField(64, primary_key=True)
    source_id = fields.CharField(64)
    person_id = fields.CharField(32)
    record_id = fields.CharField(32)

    class Meta:
        table = "record_key"
