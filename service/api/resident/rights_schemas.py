"""Answer schemas of a resident's rights: messages, access log, receipts, export, erasure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from service.api.common_schemas import (
    BenefitId,
    CivilDayText,
    ConsentId,
    ConsentState,
    Document,
    Instant,
    LeafHash,
    LinkId,
    NextCursor,
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
from service.api.resident.schemas import ExplanationAnswer
from service.http.json_io import ApiModel
from service.http.openapi.named import component, one_of


def _object(description: str, **members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": members, "required": list(members)}


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


MESSAGE_FACTS = {
    "type": "object",
    "description": "The facts for programs; their members depend on `kind`.",
}
EVENT_KIND = _text("The kind of event, such as `consent.given`.")
AT = _text("The time of the event: RFC 3339 in UTC.", format="date-time")
EVENT = _object(
    "An event as its leaf commits to it: hashed exactly as it stands here. Further members depend on `kind`.",
    v={"type": "integer", "description": "The version of the event's form."},
    kind=EVENT_KIND,
) | {"additionalProperties": True}
NOTICE_OF_RECEIPT = _object(
    "The notice that was answered.",
    notice_id=_text("The id of the notice."),
    version={"type": "integer", "description": "The version of the notice."},
    sha256=_text("The SHA-256 of the notice's document."),
    shown_sha256=_text("The SHA-256 of the text as it was shown."),
    language=_text("The language in which it was shown."),
)
PROCESSING = _object(
    "The processing that the consent is about.",
    purpose=_text("The purpose of the consent."),
    dpv_purpose=_text("The purpose in the W3C Data Privacy Vocabulary.", format="uri"),
    lawful_basis=_text("The lawful basis in the W3C Data Privacy Vocabulary.", format="uri"),
    counterpart=_text("The source or provider."),
    privacy_notice={"title": "NoticeOfReceipt", **NOTICE_OF_RECEIPT},
)
CONTROLLER = _object(
    "A controller of the data.",
    role=_text("The role, `pii-controller`."),
    name=_text("The controller's name."),
    contact=_text("The controller's contact."),
)
RECEIPT_EVENT = _object("An event of the consent.", kind=EVENT_KIND, at=AT, leaf_hash=_text("The leaf, in base64."))
RECEIPT_EVENTS = {
    "type": "array",
    "description": "The events of the consent, oldest first.",
    "items": {"title": "ReceiptEvent", **RECEIPT_EVENT},
}
SCHEMA_VERSION = _text("The specification of the receipt.", examples=["ISO/IEC TS 27560:2023"])
RECEIPT = _object(
    "A receipt with the members of ISO/IEC TS 27560. It names no person.",
    schema_version=SCHEMA_VERSION,
    record_id=_text("The id of the consent."),
    pii_controllers={
        "type": "array",
        "description": "The controllers of the data.",
        "items": {"title": "ReceiptController", **CONTROLLER},
    },
    pii_processing={"title": "ReceiptProcessing", **PROCESSING},
    state=_text("The state after the latest event."),
    dpv_state=_text("The state in the W3C Data Privacy Vocabulary.", format="uri"),
    expires_at={"type": ["string", "null"], "format": "date-time", "description": "The end of the consent."},
    previous_record_id={"type": ["string", "null"], "description": "The consent that was given again by this one."},
    events=RECEIPT_EVENTS,
)
ERASURE_RECEIPT = _object(
    "A receipt of an erasure. It names no person.",
    schema_version=SCHEMA_VERSION,
    state=_text("The state, `erased`."),
    events=RECEIPT_EVENTS,
)


class MessageAnswer(ApiModel):
    """A message to the resident, with its text in the request's language."""

    message_id: str
    """The id of the message."""
    kind: str
    """The kind of the message; kinds may be added."""
    at: Instant
    """The time of the message."""
    text: str
    """The message for people."""
    facts: Annotated[Document, component("MessageFacts", MESSAGE_FACTS)]


class MessageList(ApiModel):
    """A page of messages."""

    data: list[MessageAnswer]
    """Messages, newest first."""
    next_cursor: NextCursor


class NotificationsBody(ApiModel):
    """The choice whether the city's app may be told that there is something to read."""

    city_app: bool
    """True: it may be told that, and since which hour; never what. False stops it at once."""


class NotificationsAnswer(ApiModel):
    """The stored choice."""

    city_app: bool
    """True where the city's app may be told that there is something to read; false unless chosen."""
    opted_in_at: Instant | None
    """The time of the choice; null while it is false."""


class AccessAnswer(ApiModel):
    """A use of the person's records or points."""

    at: Instant
    """The time of the use; of an officer's read, its hour."""
    organisation: str
    """The organisation that used them: its id in the catalogue, or the office of the privacy officer."""
    purpose: str
    """The purpose of the use."""
    what: str
    """The benefit, the record or the consent that was used."""
    outcome: str
    """The result, such as `applies`."""
    text: str
    """The use in a sentence, in the language of the request."""


class AccessList(ApiModel):
    """A page of uses."""

    data: list[AccessAnswer]
    """Uses, newest first."""
    next_cursor: NextCursor


class EventOpening(ApiModel):
    """An event with the salt of its leaf's commitment."""

    event: Annotated[Document, component("ConsentEvent", EVENT)]
    """The event to which the leaf commits."""
    salt: str
    """The salt of the commitment."""
    leaf_hash: LeafHash
    proof: str | None = None
    """A C2SP tlog-proof, once the leaf is published."""


class LogPlace(ApiModel):
    """The position of a decision in the log: the leaf hash of its first event and of its latest."""

    name: Annotated[Literal["consent"], one_of("ConsentLog", "The log of consents.", "consent")] = "consent"
    leaf_hash: LeafHash
    """The leaf of the first event."""
    latest_leaf_hash: LeafHash
    """The leaf of the latest event."""


class ReceiptAnswer(ApiModel):
    """A receipt, its detached signature, and the events that prove it in the log."""

    receipt: Annotated[Document, component("ConsentReceipt", RECEIPT)]
    """The receipt, with the members of ISO/IEC TS 27560."""
    jws: str
    """The detached signature, `header..signature`, over the receipt's canonical JSON."""
    log: LogPlace
    """The place in the consent log."""
    events: list[EventOpening]
    """The events of the consent, oldest first."""


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
    points: ExplanationAnswer
    """The points of today with a line for every record."""


class ErasedAnswer(ApiModel):
    """The erasure, with a signed receipt where anything was stored."""

    erased_at: Instant
    """The time of the erasure."""
    receipt: Annotated[Document, component("ErasureReceipt", ERASURE_RECEIPT)] | None = None
    """The receipt of the erasure."""
    jws: str | None = None
    """The detached signature, `header..signature`, over the receipt's canonical JSON."""
