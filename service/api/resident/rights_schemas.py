"""Answer schemas of a resident's rights: messages, access log, receipts, erasure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from service.api.common_schemas import (
    Document,
    Instant,
    LeafHash,
    NextCursor,
)
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


class ErasedAnswer(ApiModel):
    """The erasure, with a signed receipt where anything was stored."""

    erased_at: Instant
    """The time of the erasure."""
    receipt: Annotated[Document, component("ErasureReceipt", ERASURE_RECEIPT)] | None = None
    """The receipt of the erasure."""
    jws: str | None = None
    """The detached signature, `header..signature`, over the receipt's canonical JSON."""
