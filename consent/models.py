"""The consent room's tables. Imported only inside this room; the migrations create them, a drift test compares both.

Every per-person table has the person's id first in its key. Times are microseconds since 1970, civil days `yyyymmdd`.
A `Sealed` field holds ciphertext, under the person's own data key unless it says otherwise.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from consent.sealed import Sealed


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


class Outbox(Model):
    """Leaves waiting for one of the transparency logs."""

    leaf_hash = fields.CharField(64, primary_key=True)
    leaf = fields.TextField()
    log = fields.CharField(16)
    put_at = fields.BigIntField()

    class Meta:
        table = "outbox"


class RefusedAttempt(Model):
    """Something that was tried and refused; the actor is a client or staff id, never a resident's."""

    attempt_id = fields.CharField(32, primary_key=True)
    at = fields.BigIntField()
    door = fields.CharField(16)
    actor = fields.CharField(255)
    code = fields.CharField(64)
    what = fields.CharField(200)
    leaf_hash = fields.CharField(64)
    salt = fields.CharField(64)

    class Meta:
        table = "refused_attempt"


class LogEntry(Model):
    """A leaf in its place in a log; appended only."""

    log = fields.CharField(16, primary_key=True)
    position = fields.BigIntField()
    leaf_hash = fields.CharField(64)
    leaf = fields.TextField()

    class Meta:
        table = "log_entry"


class LogTile(Model):
    """Up to 256 hashes of one level of a log's tree (C2SP tlog-tiles)."""

    log = fields.CharField(16, primary_key=True)
    level = fields.IntField()
    number = fields.BigIntField()
    hashes = fields.BinaryField()

    class Meta:
        table = "log_tile"


class LogHead(Model):
    """A log's size, its last signed checkpoint, why it is frozen if it is, and whether records are withheld."""

    log = fields.CharField(16, primary_key=True)
    size = fields.BigIntField()
    checkpoint = fields.TextField(null=True)
    checked_at = fields.BigIntField()
    frozen = fields.TextField(null=True)
    withheld = fields.IntField()

    class Meta:
        table = "log_head"


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


class Farewell(Model):
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


class StaffSuspension(Model):
    """Staff whose tokens are refused."""

    staff_id = fields.CharField(64, primary_key=True)
    since = fields.BigIntField()

    class Meta:
        table = "staff_suspension"


class LinkCode(Model):
    """Finds a pending link by the blind index of its short code."""

    code_index = fields.CharField(32, primary_key=True)
    source_id = fields.CharField(64)
    account_index = fields.CharField(32)
    person_id = fields.CharField(32)
    link_id = fields.CharField(32)
    expires_at = fields.BigIntField()

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


class OfficerCase(Model):
    """Why a privacy officer looks; every look at a consent names one."""

    case_id = fields.CharField(32, primary_key=True)
    staff_id = fields.CharField(64)
    reason_code = fields.CharField(64)
    text = fields.TextField()
    opened_at = fields.BigIntField()

    class Meta:
        table = "officer_case"


class Oversight(Model):
    """A look or a decision of a privacy officer, with a leaf in the consent log; appended only."""

    look_id = fields.CharField(32, primary_key=True)
    at = fields.BigIntField()
    staff_id = fields.CharField(64)
    case_id = fields.CharField(32, null=True)
    what = fields.CharField(200)
    leaf_hash = fields.CharField(64)
    salt = fields.CharField(64)

    class Meta:
        table = "oversight"


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


class Message(Model):
    """Something a person must be told; the text is made from `kind` and the sealed facts when it is read."""

    message_id = fields.CharField(32, primary_key=True)
    person_id = fields.CharField(32)
    kind = fields.CharField(32)
    at = fields.BigIntField()
    sealed = Sealed("message_id")

    class Meta:
        table = "message"


class Objection(Model):
    """A person's objection to a record, or about a missing one."""

    objection_id = fields.CharField(32, primary_key=True)
    person_id = fields.CharField(32)
    record_id = fields.CharField(32, null=True)
    source_id = fields.CharField(64, null=True)
    reason_code = fields.CharField(32)
    sealed_statement = Sealed("objection_id")
    sealed_source_statement = Sealed("objection_id", null=True)
    stated_at = fields.BigIntField(null=True)
    state = fields.CharField(16)
    opened_at = fields.BigIntField()
    decide_by = fields.IntField()
    acknowledged_at = fields.BigIntField(null=True)
    decided_at = fields.BigIntField(null=True)
    decided_by = fields.CharField(64, null=True)
    sealed_decision = Sealed("objection_id", null=True)

    class Meta:
        table = "objection"


class Document(Model):
    """One version of a catalogue document; `body` is its canonical JSON, `sha256` the hash of that."""

    sha256 = fields.CharField(64, primary_key=True)
    kind = fields.CharField(16)
    document_id = fields.CharField(64)
    version = fields.IntField()
    state = fields.CharField(16)
    body = fields.TextField()
    in_force_from = fields.BigIntField(null=True)
    ended_at = fields.BigIntField(null=True)
    created_at = fields.BigIntField()

    class Meta:
        table = "document"


class DocumentStep(Model):
    """Who did what to a version, appended only: four eyes are counted here."""

    kind = fields.CharField(16, primary_key=True)
    document_id = fields.CharField(64)
    version = fields.IntField()
    number = fields.IntField()
    act = fields.CharField(16)
    staff_id = fields.CharField(64)
    sha256 = fields.CharField(64)
    at = fields.BigIntField()

    class Meta:
        table = "document_step"
