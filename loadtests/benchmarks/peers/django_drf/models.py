"""Models of the tables that the two routes read and write. Times are microseconds, days are `yyyymmdd`."""

from __future__ import annotations

from django.db import models


class Person(models.Model):
    """A resident, their fencing epoch and the end of their chain of events."""

    person_id = models.TextField(primary_key=True)
    epoch = models.BigIntegerField()
    events = models.BigIntegerField()
    last_leaf = models.TextField()
    wrapped_key = models.BinaryField()
    sealed_subject = models.BinaryField()
    created_at = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "person"


class Subject(models.Model):
    """The blind index of a token's subject."""

    subject_index = models.TextField(primary_key=True)
    person = models.ForeignKey(Person, models.DO_NOTHING, db_constraint=False)

    class Meta:
        managed = False
        db_table = "subject"


class Consent(models.Model):
    """A consent of a person for a purpose and a counterpart."""

    pk = models.CompositePrimaryKey("person_id", "consent_id")
    person_id = models.TextField()
    consent_id = models.TextField()
    purpose = models.TextField()
    counterpart = models.TextField()
    state = models.TextField()
    given_at = models.BigIntegerField()
    expires_at = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "consent"


class Event(models.Model):
    """An event of a person's chain, sealed."""

    pk = models.CompositePrimaryKey("person_id", "number")
    person_id = models.TextField()
    number = models.BigIntegerField()
    leaf_hash = models.TextField()
    kind = models.TextField()
    at = models.BigIntegerField()
    sealed = models.BinaryField()

    class Meta:
        managed = False
        db_table = "event"


class OutboxLeaf(models.Model):
    """A leaf that waits for the transparency log's sequencer."""

    leaf_hash = models.TextField(primary_key=True)
    leaf = models.TextField()
    log = models.TextField()
    put_at = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "outbox"


class LogHead(models.Model):
    """The state of a log; nothing may be used while `withheld` is 1."""

    log = models.TextField(primary_key=True)
    withheld = models.IntegerField()

    class Meta:
        managed = False
        db_table = "log_head"


class CatalogueState(models.Model):
    """The number of changes of the catalogue, a table of a single row."""

    row = models.IntegerField(primary_key=True, db_column="one")
    changes = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "catalogue_state"


class Document(models.Model):
    """A version of a catalogue document."""

    pk = models.CompositePrimaryKey("kind", "document_id", "version")
    kind = models.TextField()
    document_id = models.TextField()
    version = models.IntegerField()
    state = models.TextField()
    body = models.TextField()
    in_force_from = models.BigIntegerField(null=True)
    ended_at = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "document"


class Snapshot(models.Model):
    """A person's stored balance, computed under an epoch."""

    person = models.OneToOneField(Person, models.DO_NOTHING, primary_key=True, db_constraint=False)
    epoch = models.BigIntegerField()
    scheme_version = models.TextField()
    timeline_sha256 = models.TextField()
    total = models.IntegerField()
    dimensions = models.TextField()
    as_of = models.IntegerField()
    valid_until = models.IntegerField(null=True)
    covered_until = models.BigIntegerField(null=True)
    covered_from = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "snapshot"


class Ticket(models.Model):
    """A one-time ticket."""

    handle_index = models.TextField(primary_key=True)
    person = models.ForeignKey(Person, models.DO_NOTHING, null=True, db_constraint=False)
    benefit_id = models.TextField()
    venue_id = models.TextField()
    expires_at = models.BigIntegerField()
    redemption_id = models.TextField(null=True)
    counters = models.TextField()

    class Meta:
        managed = False
        db_table = "ticket"


class Redemption(models.Model):
    """A redeemed benefit, without a person."""

    redemption_id = models.TextField(primary_key=True)
    handle_index = models.TextField()
    venue_id = models.TextField()
    benefit_id = models.TextField()
    benefit_version = models.IntegerField()
    day = models.IntegerField()
    hour = models.IntegerField()
    state = models.TextField()
    runs_until = models.IntegerField(null=True)

    class Meta:
        managed = False
        db_table = "redemption"


class QuotaUse(models.Model):
    """A quota counter of a period."""

    quota_key = models.TextField(primary_key=True)
    taken = models.IntegerField()
    ends_on = models.IntegerField()

    class Meta:
        managed = False
        db_table = "quota_use"


class StoredAnswer(models.Model):
    """The answer to a request with an Idempotency-Key, sealed."""

    scope = models.TextField(primary_key=True)
    caller_index = models.TextField()
    fingerprint = models.TextField()
    status = models.IntegerField()
    sealed_body = models.BinaryField()
    created_at = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "stored_answer"
