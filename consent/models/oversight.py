"""Objections, refused attempts, officers' cases and looks, suspended staff, the documents that bind people."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from consent.database.fields import Sealed


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


class UseForAll(Model):
    """A use of everybody's records at once, for a range of random ids, with a leaf in the log; appended only."""

    use_id = fields.CharField(32, primary_key=True)
    at = fields.BigIntField()
    kind = fields.CharField(32)
    organisation = fields.CharField(64)
    purpose = fields.CharField(32)
    what = fields.CharField(64)
    outcome = fields.CharField(32)
    first_id = fields.CharField(32)
    beyond_id = fields.CharField(32)
    leaf_hash = fields.CharField(64)
    salt = fields.CharField(64)
    piece = fields.IntField(null=True)
    pieces = fields.IntField(null=True)

    class Meta:
        table = "use_for_all"


class StaffSuspension(Model):
    """Staff whose tokens are refused."""

    staff_id = fields.CharField(64, primary_key=True)
    since = fields.BigIntField()

    class Meta:
        table = "staff_suspension"


class CatalogueState(Model):
    """How often the catalogue has changed."""

    one = fields.IntField(primary_key=True)
    changes = fields.BigIntField()

    class Meta:
        table = "catalogue_state"


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


class ExpiredLeaf(Model):
    """What stays of an entry that is nobody's own when its three years are over: its leaf hash, kind and day (UTC)."""

    leaf_hash = fields.CharField(64, primary_key=True)
    kind = fields.CharField(32)
    day = fields.IntField()

    class Meta:
        table = "expired_leaf"
