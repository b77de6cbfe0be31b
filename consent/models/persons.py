"""Persons, what they were shown and agreed to, what happened to their data, what stays of the erased."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from consent.database.fields import Sealed


class Person(Model):
    """A resident known here: the epoch that fences computations, the running number of events, the wrapped data key."""

    person_id = fields.CharField(32, primary_key=True)
    epoch = fields.BigIntField()
    events = fields.BigIntField()
    last_leaf = fields.CharField(64)
    wrapped_key = fields.BinaryField()
    sealed_subject = Sealed("person_id")
    created_at = fields.BigIntField()

    class Meta:
        table = "person"


class Subject(Model):
    """Finds a person by the blind index of the token's `sub`."""

    subject_index = fields.CharField(32, primary_key=True)
    person_id = fields.CharField(32)

    class Meta:
        table = "subject"


class Presentation(Model):
    """A notice that was shown, and the answer to it. What the one-time ticket stands for."""

    presentation_id = fields.CharField(32, primary_key=True)
    person_id = fields.CharField(32)
    purpose = fields.CharField(32)
    counterpart = fields.CharField(64)
    counterpart_version = fields.IntField()
    notice_id = fields.CharField(64)
    notice_version = fields.IntField()
    notice_sha256 = fields.CharField(64)
    body_sha256 = fields.CharField(64)
    language = fields.CharField(8)
    account_index = fields.CharField(32, null=True)
    sealed_account = Sealed("presentation_id", null=True)
    shown_at = fields.BigIntField()
    expires_at = fields.BigIntField()
    answered_at = fields.BigIntField(null=True)
    previous_id = fields.CharField(32, null=True)

    class Meta:
        table = "presentation"


class Consent(Model):
    """A projection of consent events: at most one row in state `given` for person, purpose and counterpart."""

    consent_id = fields.CharField(32, primary_key=True)
    person_id = fields.CharField(32)
    purpose = fields.CharField(32)
    counterpart = fields.CharField(64)
    counterpart_version = fields.IntField()
    told_days = fields.IntField(null=True)
    notice_id = fields.CharField(64)
    notice_version = fields.IntField()
    notice_sha256 = fields.CharField(64)
    state = fields.CharField(16)
    given_at = fields.BigIntField()
    expires_at = fields.BigIntField()
    ended_at = fields.BigIntField(null=True)
    previous_id = fields.CharField(32, null=True)

    class Meta:
        table = "consent"


class Event(Model):
    """What happened to a person's data, numbered without gaps for each person; appended only."""

    leaf_hash = fields.CharField(64, primary_key=True)
    person_id = fields.CharField(32)
    number = fields.BigIntField()
    kind = fields.CharField(32)
    at = fields.BigIntField()
    sealed = Sealed("number")

    class Meta:
        table = "event"


class Erasure(Model):
    """That somebody was erased: the opened event behind its leaf. It names nobody."""

    leaf_hash = fields.CharField(64, primary_key=True)
    event = fields.TextField()
    salt = fields.CharField(64)

    class Meta:
        table = "erasure"


class ErasedLeaf(Model):
    """What stays of an erased person's event: leaf, kind, civil day (UTC), the notice's version of a consent."""

    leaf_hash = fields.CharField(64, primary_key=True)
    kind = fields.CharField(32)
    day = fields.IntField()
    notice_version = fields.IntField(null=True)

    class Meta:
        table = "erased_leaf"


class Message(Model):
    """Something a person must be told; the text is made from `kind` and the sealed facts when it is read."""

    message_id = fields.CharField(32, primary_key=True)
    person_id = fields.CharField(32)
    kind = fields.CharField(32)
    at = fields.BigIntField()
    sealed = Sealed("message_id")

    class Meta:
        table = "message"
