"""Answer schemas of a resident's export: everything that is stored about them."""

from __future__ import annotations

from typing import Annotated

from service.api.common_schemas import (
    BenefitId,
    CivilDayText,
    ConsentId,
    ConsentState,
    Document,
    Instant,
    LeafHash,
    LinkId,
    NoticeId,
    ObjectionId,
    ObjectionReasonName,
    ObjectionStateName,
    PurposeName,
    RecordId,
    RecordKindName,
    Sha256,
    SourceId,
    SourceRecordId,
    VenueId,
)
from service.api.complaint_schemas import ComplaintId, ReasonName, StateName
from service.api.resident.rights_schemas import EVENT, MESSAGE_FACTS
from service.api.resident.schemas import ExplanationAnswer
from service.http.json_io import ApiModel
from service.http.openapi.named import component


class ExportedConsent(ApiModel):
    """A consent or refusal as stored."""

    consent_id: ConsentId
    purpose: PurposeName
    counterpart: str
    """The source or provider."""
    state: ConsentState
    given_at: Instant
    """The time of the answer."""
    expires_at: Instant
    """The end of the consent."""
    notice_id: NoticeId
    notice_version: int
    """The version of the notice that was answered."""
    notice_sha256: Sha256
    """The SHA-256 of the notice's document."""


class ExportedAccount(ApiModel):
    """A link to an account at a source."""

    link_id: LinkId
    source_id: SourceId
    state: str
    """The state of the link."""
    account: str
    """The person's number at the source."""


class ExportedRecord(ApiModel):
    """A record as stored."""

    record_id: RecordId
    source_id: SourceId
    source_record_id: SourceRecordId
    kind: RecordKindName
    quantity: int
    """The quantity, in the kind's unit."""
    occurred_on: CivilDayText
    """The civil day of the deed."""


class ExportedMessage(ApiModel):
    """A message as stored."""

    kind: str
    """The kind of the message."""
    at: Instant
    """The time of the message."""
    facts: Annotated[Document, component("MessageFacts", MESSAGE_FACTS)]


class ExportedComplaint(ApiModel):
    """A complaint about a benefit at a venue with the words of both sides."""

    complaint_id: ComplaintId
    benefit_id: BenefitId
    venue_id: VenueId
    reason_code: ReasonName
    state: StateName
    opened_at: Instant
    """The time of the complaint."""
    answer_by: CivilDayText
    """The last day for the answer."""
    statement: str | None = None
    """The person's words."""
    answer: str | None = None
    """The officer's answer."""


class ExportedObjection(ApiModel):
    """An objection with the words of both sides."""

    objection_id: ObjectionId
    record_id: RecordId | None
    """This service's id of the record; null for a missing one."""
    source_id: SourceId | None
    """The source; null once the objection is no longer about one."""
    reason_code: ObjectionReasonName
    state: ObjectionStateName
    opened_at: Instant
    """The time of the objection."""
    decide_by: CivilDayText
    """The last day for a decision."""
    statement: str | None = None
    """The person's words."""
    claim: str | None = None
    """The values that the person named, as JSON."""
    source_statement: str | None = None
    """The source's words."""
    decision: str | None = None
    """The officer's written reason."""


class ExportedReplacedRecord(ApiModel):
    """A record as it was before a correction or retraction."""

    record_id: RecordId
    source_id: SourceId
    source_record_id: SourceRecordId
    change: str
    """The change that was made."""
    decided_by: str
    """The deciding side: `source` or `officer`."""
    changed_at: Instant
    """The time of the change."""
    kind: RecordKindName
    quantity: int
    """The quantity, in the kind's unit."""
    occurred_on: CivilDayText
    """The civil day of the deed."""
    restored: bool
    """True where the record was brought back."""


class ExportedHintChoice(ApiModel):
    """The choice that the city's app may be told that there is something to read."""

    opted_in_at: Instant
    """The time of the choice."""


class ExportedWithdrawalCopy(ApiModel):
    """A sealed copy of what a withdrawal has deleted, for the time in which it can be undone."""

    consent_id: ConsentId
    """The withdrawn consent."""
    withdrawn_at: Instant
    """The time of the withdrawal."""
    deleted_after: Instant
    """The time from which the withdrawal cannot be undone; the next cleanup deletes the copy."""
    account: str | None
    """The account that waited for its code; null where none did."""
    records: list[ExportedRecord]
    """The records; nothing uses them."""
    replaced_records: list[ExportedReplacedRecord]
    """Records as they were before a correction or retraction."""


class ExportedLastingTicket(ApiModel):
    """A slip or binding as stored."""

    id: str
    """Its id."""
    kind: str
    """The kind: `slip` or `binding`."""
    benefit_id: BenefitId
    venue_id: VenueId
    created_at: Instant
    """The time at which it was made."""
    valid_until: Instant
    """Its end."""
    code: str | None
    """The code of a slip, or of a binding while it waits."""


class ExportedBooking(ApiModel):
    """A booking of a place in an added session."""

    booking_id: str
    """Its id."""
    benefit_id: BenefitId
    venue_id: VenueId
    begins_at: Instant
    """The beginning of the session."""
    ends_at: Instant
    """The end of the session."""


class ExportedPass(ApiModel):
    """An offline pass as stored."""

    venue_id: VenueId
    issuer_id: str | None
    """The other city that has the venue; null for a venue of this city."""
    benefit_id: BenefitId
    issued_at: Instant
    """The full hour in which it was issued."""
    expires_at: Instant
    """Its end."""
    used_at: Instant | None
    """The time of its use, once the venue has reported it."""
    stopped_at: Instant | None
    """The time from which status lists have it as revoked because the person stopped it."""


class ExportedEvent(ApiModel):
    """An event with the salt of its leaf's commitment."""

    event: Annotated[Document, component("ConsentEvent", EVENT)]
    """The event to which the leaf commits."""
    salt: str
    """The salt of the commitment."""
    leaf_hash: LeafHash
    proof: str | None
    """A C2SP tlog-proof; null until the leaf is published."""


class ExportAnswer(ApiModel):
    """Everything that is stored about the person; empty lists for somebody of whom nothing is stored."""

    subject: str
    """The `sub` of the person's token."""
    consents: list[ExportedConsent]
    """Consents and refusals."""
    accounts: list[ExportedAccount]
    """Accounts at sources."""
    records: list[ExportedRecord]
    """Records."""
    events: list[ExportedEvent]
    """The person's events with their proofs."""
    uses_for_all: list[ExportedEvent]
    """Uses of the records of all people together, such as weekly figures."""
    messages: list[ExportedMessage]
    """Messages."""
    objections: list[ExportedObjection]
    """Objections."""
    complaints: list[ExportedComplaint]
    """Complaints about venues."""
    replaced_records: list[ExportedReplacedRecord]
    """Records as they were before a correction or retraction."""
    city_app_hints: list[ExportedHintChoice]
    """The choice of hints to the city's app; empty while it is off."""
    withdrawal_copies: list[ExportedWithdrawalCopy]
    """Copies of what a withdrawal of the last day has deleted."""
    lasting_tickets: list[ExportedLastingTicket]
    """Slips and bindings."""
    bookings: list[ExportedBooking]
    """Bookings of places in added sessions."""
    passes: list[ExportedPass]
    """Offline passes, until three days after their end."""
    points: ExplanationAnswer
    """The points of today with a line for every record."""
