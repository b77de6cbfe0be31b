"""Accounts at sources, records, and the feeds that sources acknowledge."""

from __future__ import annotations

from consent.database.composite_key import CompositeKeyModel
from consent.database.fields import BigInteger, CivilDay, Integer, Micros, Sealed, Text
from consent.database.table_model import TableModel


class AccountLink(CompositeKeyModel):
    """A person's account at a source: `pending` until proven by code, then `confirmed`, then `ended`."""

    KEY = ("person_id", "link_id")
    person_id = Text()
    link_id = Text()
    consent_id = Text()
    source_id = Text()
    account_index = Text()
    sealed_account = Sealed("link_id")
    state = Text()
    since = Micros()
    acknowledged_at = Micros(null=True)

    class Meta:
        table = "account_link"


class LinkEnding(TableModel):
    """An ended link of an erased person, until its source acknowledges it; sealed under the service's key."""

    link_id = Text(primary_key=True)
    source_id = Text()
    sealed_account = Sealed("link_id", use="farewell")
    since = Micros()
    acknowledged_at = Micros(null=True)

    class Meta:
        table = "farewell"


class StoredCorrection(TableModel):
    """The change that an officer's decision made to a source's record, until the source acknowledges it.

    The source's record id is sealed under the service's key: the feed must outlive the person's. `quantity` and
    `occurred_on` are the new values; NULL for a retraction. `restored` is 1 where the decision brought the record back.
    """

    correction_id = Text(primary_key=True)
    source_id = Text()
    sealed_source_record_id = Sealed("correction_id", use="correction")
    outcome = Text()
    quantity = Integer(null=True)
    occurred_on = CivilDay(null=True)
    since = Micros()
    acknowledged_at = Micros(null=True)
    restored = Integer(db_default=0)

    class Meta:
        table = "correction"


class LinkCode(TableModel):
    """Maps the blind index of a short code to the pending link it proves; the code itself is sealed for its person."""

    code_index = Text(primary_key=True)
    source_id = Text()
    account_index = Text()
    person_id = Text()
    link_id = Text()
    expires_at = Micros()
    sealed_code = Sealed("link_id", null=True)

    class Meta:
        table = "link_code"


class LinkedAccount(CompositeKeyModel):
    """The confirmed link of an account at a source; the key allows one."""

    KEY = ("source_id", "account_index")
    source_id = Text()
    account_index = Text()
    person_id = Text()
    link_id = Text()
    index_version = Integer(db_default=1)

    class Meta:
        table = "linked_account"


class LinkReview(TableModel):
    """A second claim on an account that is already linked, for an officer to decide."""

    review_id = Text(primary_key=True)
    source_id = Text()
    standing_link_id = Text()
    claiming_link_id = Text()
    state = Text()
    opened_at = Micros()
    decision = Text(null=True)
    reason = Text(null=True)
    decided_at = Micros(null=True)
    decided_by = Text(null=True)

    class Meta:
        table = "link_review"


class StoredRecord(CompositeKeyModel):
    """A deed as delivered by a source under a consent."""

    KEY = ("person_id", "record_id")
    person_id = Text()
    record_id = Text()
    source_id = Text()
    sealed_source_record_id = Sealed("record_id")
    kind = Text()
    quantity = Integer()
    occurred_on = CivilDay()
    received_at = Micros()

    class Meta:
        table = "record"


class RecordKey(CompositeKeyModel):
    """Maps the blind index of a source's own record id to the record; has the id, sealed, of a retracted one."""

    KEY = ("source_id", "source_record_index")
    source_id = Text()
    source_record_index = Text()
    person_id = Text()
    record_id = Text()
    index_version = Integer(db_default=1)
    sealed_source_record_id = Sealed("record_id", null=True)

    class Meta:
        table = "record_index"


class ReplacedRecord(CompositeKeyModel):
    """A sealed copy of a record as it was before a correction or retraction, while its person may object to that."""

    KEY = ("person_id", "change_id")
    person_id = Text()
    change_id = Text()
    record_id = Text()
    source_id = Text()
    change = Text()
    decided_by = Text()
    changed_at = Micros()
    sealed = Sealed("change_id")
    restored_at = Micros(null=True)

    class Meta:
        table = "replaced_record"


class WithdrawalCopy(CompositeKeyModel):
    """The rows that a withdrawal deleted, sealed, for the day in which it can be undone."""

    KEY = ("person_id", "consent_id")
    person_id = Text()
    consent_id = Text()
    ended_at = Micros()
    sealed = Sealed("consent_id")

    class Meta:
        table = "withdrawal_copy"


class SourceChange(CompositeKeyModel):
    """The number of corrections or retractions of a source's records on a civil day, by who decided; no persons."""

    KEY = ("source_id", "day", "change", "decided_by")
    source_id = Text()
    day = CivilDay()
    change = Text()
    decided_by = Text()
    changes = BigInteger()

    class Meta:
        table = "source_change"
