"""Objections, refused attempts, officers' cases and accesses, suspended staff, catalogue documents."""

from __future__ import annotations

from consent.database.composite_key import CompositeKeyModel
from consent.database.fields import BigInteger, CivilDay, Integer, Micros, Sealed, Text
from consent.database.table_model import TableModel


class StoredObjection(CompositeKeyModel):
    """A person's objection to a record, or about a missing one (`record_id` NULL); `decide_by` is a civil day.

    An upheld one about a missing record was asked of its source at `asked_at`, to be answered by civil day `answer_by`;
    `answer_code` is NULL where a record was delivered. `overdue_notice` is the last missed deadline of which the
    person was notified: 1 the decision's, 2 the source's.
    """

    KEY = ("person_id", "objection_id")
    person_id = Text()
    objection_id = Text()
    record_id = Text(null=True)
    source_id = Text(null=True)
    reason_code = Text()
    sealed_statement = Sealed("objection_id")
    state = Text()
    opened_at = Micros()
    decide_by = CivilDay()
    sealed_source_statement = Sealed("objection_id", null=True)
    stated_at = Micros(null=True)
    acknowledged_at = Micros(null=True)
    decided_at = Micros(null=True)
    decided_by = Text(null=True)
    sealed_decision = Sealed("objection_id", null=True)
    sealed_claim = Sealed("objection_id", null=True)
    asked_at = Micros(null=True)
    answer_by = CivilDay(null=True)
    answered_at = Micros(null=True)
    answer_code = Text(null=True)
    restored_at = Micros(null=True)
    overdue_notice = Integer(db_default=0)

    class Meta:
        table = "objection"


class StoredComplaint(CompositeKeyModel):
    """A person's complaint about a benefit at a venue; `answer_by` is the last civil day for the answer.

    `answering_staff_id` is the column `answered_by`.
    """

    KEY = ("person_id", "complaint_id")
    person_id = Text()
    complaint_id = Text()
    provider_id = Text()
    benefit_id = Text()
    venue_id = Text()
    reason_code = Text()
    sealed_statement = Sealed("complaint_id", null=True)
    state = Text()
    opened_at = Micros()
    answer_by = CivilDay()
    answered_at = Micros(null=True)
    answering_staff_id = Text(null=True, source_field="answered_by")
    sealed_answer = Sealed("complaint_id", null=True)

    class Meta:
        table = "complaint"


class ProviderCase(TableModel):
    """A complaint that an officer passed on to its provider, in the officer's words; `passed_on` is a civil day.

    It names neither the person nor the complaint, so that nothing leads from it to either.
    """

    case_id = Text(primary_key=True)
    provider_id = Text()
    venue_id = Text()
    benefit_id = Text()
    reason_code = Text()
    text = Text()
    passed_on = CivilDay()
    passed_by = Text()

    class Meta:
        table = "provider_case"


class RefusedAttempt(TableModel):
    """A refused request; the actor is a client or staff id, never a resident's. Appended only.

    `audience` is the column `door`. Cut by month, the key of the table on PostgreSQL is (attempt_id, at).
    """

    attempt_id = Text(primary_key=True)
    at = Micros()
    audience = Text(source_field="door")
    actor = Text()
    code = Text()
    what = Text()
    leaf_hash = Text(db_default="")
    salt = Text(db_default="")

    class Meta:
        table = "refused_attempt"


class OfficerCase(TableModel):
    """A privacy officer's reason to open data; every access to a consent names a case that is not closed."""

    case_id = Text(primary_key=True)
    staff_id = Text()
    reason_code = Text()
    text = Text()
    opened_at = Micros()
    closed_at = Micros(null=True)
    conclusion = Text(null=True)

    class Meta:
        table = "officer_case"


class OfficerCaseNote(CompositeKeyModel):
    """A note of the officer on their case, numbered from 1; never changed."""

    KEY = ("case_id", "number")
    case_id = Text()
    number = Integer()
    text = Text()
    at = Micros()

    class Meta:
        table = "officer_case_note"


class Oversight(TableModel):
    """An access or a decision of a privacy officer, with a leaf in the consent log; appended only.

    Cut by month, the key of the table on PostgreSQL is (look_id, at).
    """

    access_id = Text(primary_key=True, source_field="look_id")
    at = Micros()
    staff_id = Text()
    case_id = Text(null=True)
    what = Text()
    leaf_hash = Text()
    salt = Text()

    class Meta:
        table = "oversight"


class UseForAll(TableModel):
    """A use of everybody's records at once, with a leaf in the log; appended only.

    Covers the person ids from `first_id` to before `beyond_id`, or the piece `piece` of `pieces` of a cut table. Cut by
    month, the key of the table on PostgreSQL is (use_id, at).
    """

    use_id = Text(primary_key=True)
    at = Micros()
    kind = Text()
    organisation = Text()
    purpose = Text()
    what = Text()
    outcome = Text()
    first_id = Text()
    beyond_id = Text()
    leaf_hash = Text()
    salt = Text()
    piece = Integer(null=True)
    pieces = Integer(null=True)

    class Meta:
        table = "use_for_all"


class StaffSuspension(TableModel):
    """A member of staff whose tokens are refused."""

    staff_id = Text(primary_key=True)
    since = Micros()

    class Meta:
        table = "staff_suspension"


class CatalogueState(TableModel):
    """The number of changes of the catalogue, in a single row, so that a cache sees whether it is stale."""

    singleton = Integer(primary_key=True, source_field="one")
    changes = BigInteger()

    class Meta:
        table = "catalogue_state"


class StoredDocument(CompositeKeyModel):
    """A version of a catalogue document: `body` is its canonical JSON, `sha256` the hash of that.

    `recipient` is an officer's decision about whom people agreed with (`domain.recipients`), `recipient_applied_at` the
    instant at which it had been carried out for everybody. `package_id` is the open package that the version waits in.
    """

    KEY = ("kind", "document_id", "version")
    kind = Text()
    document_id = Text()
    version = Integer()
    state = Text()
    sha256 = Text()
    body = Text()
    in_force_from = Micros(null=True)
    ended_at = Micros(null=True)
    created_at = Micros()
    recipient = Text(null=True)
    recipient_applied_at = Micros(null=True)
    package_id = Text(null=True)

    class Meta:
        table = "document"


class StoredPackage(TableModel):
    """Versions that are submitted, reviewed and approved together.

    `members` is the canonical JSON that names them, `sha256` the hash of that.
    """

    package_id = Text(primary_key=True)
    sha256 = Text()
    state = Text()
    members = Text()
    submitted_at = Micros()
    submitted_by = Text()
    ended_at = Micros(null=True)
    ended_by = Text(null=True)

    class Meta:
        table = "document_package"


class DocumentStep(CompositeKeyModel):
    """A step of a version's lifecycle and the staff member who took it; the four-eyes rule counts these rows.

    Appended only.
    """

    KEY = ("kind", "document_id", "version", "number")
    kind = Text()
    document_id = Text()
    version = Integer()
    number = Integer()
    act = Text()
    staff_id = Text()
    sha256 = Text()
    at = Micros()
    reason = Text(null=True)

    class Meta:
        table = "document_step"


class ExpiredLeaf(TableModel):
    """The trace of an entry without a person after its three years: leaf hash, kind and civil day (UTC)."""

    leaf_hash = Text(primary_key=True)
    kind = Text()
    day = CivilDay()

    class Meta:
        table = "expired_leaf"


class DraftRefusal(CompositeKeyModel):
    """The number of refusals of one rule that a member of staff met on a civil day in drafts and previews."""

    KEY = ("staff_id", "day", "rule", "code")
    staff_id = Text()
    day = CivilDay()
    rule = Text()
    code = Text()
    refusals = BigInteger()

    class Meta:
        table = "draft_refusal"
