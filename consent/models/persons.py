"""Persons, their presentations and consents, the events of their data, and the traces that an erasure leaves."""

from __future__ import annotations

from tortoise.migrations.constraints import UniqueConstraint

from consent.database.composite_key import CompositeKeyModel
from consent.database.fields import BigInteger, Bytes, CivilDay, Integer, Micros, Sealed, Text
from consent.database.table_model import TableModel


class StoredPerson(TableModel):
    """A known resident.

    `epoch` fences computations (every change of consent raises it), `events` counts the person's events, `last_leaf` is
    the leaf hash of the latest, `wrapped_key` the data key under the service's key-encryption key.
    """

    person_id = Text(primary_key=True)
    epoch = BigInteger()
    events = BigInteger()
    last_leaf = Text()
    wrapped_key = Bytes()
    sealed_subject = Sealed("person_id")
    created_at = Micros()

    class Meta:
        table = "person"


class Subject(TableModel):
    """Maps the blind index of a token's `sub` to a person."""

    subject_index = Text(primary_key=True)
    person_id = Text()
    index_version = Integer(db_default=1)

    class Meta:
        table = "subject"


class StoredIndexRotation(TableModel):
    """The progress of the index key's rotation: one row.

    Rows of versions older than `oldest_version` are not read; every value has a row of `complete_version`; a process
    that lacks the key of `written_version` may not write.
    """

    rotation_id = Integer(primary_key=True)
    oldest_version = Integer()
    complete_version = Integer()
    written_version = Integer()
    changed_at = Micros()

    class Meta:
        table = "index_rotation"


class ReindexPosition(TableModel):
    """The position of the re-index to a version of the index key: its step, and the last key in it (JSON)."""

    version = Integer(primary_key=True)
    step = Text()
    after_key = Text()

    class Meta:
        table = "reindex_position"


class Presentation(CompositeKeyModel):
    """A notice shown to a person, which its one-time ticket stands for, and when it was answered."""

    KEY = ("person_id", "presentation_id")
    person_id = Text()
    presentation_id = Text()
    purpose = Text()
    counterpart = Text()
    notice_id = Text()
    notice_version = Integer()
    notice_sha256 = Text()
    body_sha256 = Text()
    language = Text()
    account_index = Text(null=True)
    sealed_account = Sealed("presentation_id", null=True)
    shown_at = Micros()
    expires_at = Micros()
    answered_at = Micros(null=True)
    counterpart_version = Integer(db_default=1)
    previous_id = Text(null=True)

    class Meta:
        table = "presentation"


class StoredConsent(CompositeKeyModel):
    """The state of a consent, projected from its events; at most one is `given` for person, purpose and counterpart.

    `reminded_days` (column `told_days`) is the number of days before the end of the latest reminder, `respelled_at` the
    instant of the last change of the counterpart's spelling that the person was told about.
    """

    KEY = ("person_id", "consent_id")
    person_id = Text()
    consent_id = Text()
    purpose = Text()
    counterpart = Text()
    notice_id = Text()
    notice_version = Integer()
    notice_sha256 = Text()
    state = Text()
    given_at = Micros()
    expires_at = Micros()
    ended_at = Micros(null=True)
    previous_id = Text(null=True)
    counterpart_version = Integer(db_default=1)
    reminded_days = Integer(null=True, source_field="told_days")
    respelled_at = Micros(null=True)

    class Meta:
        table = "consent"
        constraints = (
            UniqueConstraint(("person_id", "purpose", "counterpart"), "consent_one_live", "state = 'given'"),
        )


class StoredEvent(CompositeKeyModel):
    """An event in a person's chain, numbered from 1 without gaps; appended only, deleted only with its person."""

    KEY = ("person_id", "number")
    person_id = Text()
    number = BigInteger()
    leaf_hash = Text()
    kind = Text()
    at = Micros()
    sealed = Sealed("number")

    class Meta:
        table = "event"


class Erasure(TableModel):
    """The opened event behind the leaf of an erasure; it names nobody. Appended only."""

    leaf_hash = Text(primary_key=True)
    event = Text()
    salt = Text()

    class Meta:
        table = "erasure"


class ErasedLeaf(TableModel):
    """The trace of an erased person's event: leaf hash, kind, civil day (UTC) and a consent's notice version."""

    leaf_hash = Text(primary_key=True)
    kind = Text()
    day = CivilDay()
    notice_version = Integer(null=True)

    class Meta:
        table = "erased_leaf"


class StoredMessage(CompositeKeyModel):
    """A message to a person: a kind and sealed facts, from which the text is made in the reader's language."""

    KEY = ("person_id", "message_id")
    person_id = Text()
    message_id = Text()
    kind = Text()
    at = Micros()
    sealed = Sealed("message_id")

    class Meta:
        table = "message"


class AppHint(TableModel):
    """A person who lets the city's app be told that they have something unread; `since` while they have.

    `since` is the hour of the first unread message, `acknowledged_at` the instant at which the app had passed `hint_id`
    on. `next_hint_id` replaces `hint_id` from `next_from` on, a full hour.
    """

    person_id = Text(primary_key=True)
    opted_in_at = Micros()
    hint_id = Text(null=True)
    since = Micros(null=True)
    acknowledged_at = Micros(null=True)
    next_hint_id = Text(null=True)
    next_from = Micros(null=True)

    class Meta:
        table = "app_hint"
