"""What residents send and receive."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from consent.domain.objections import Reason
from consent.domain.purposes import Purpose
from consent.domain.records import RecordKind
from service.api.common_schemas import Account, Document, DocumentId, Id, Language, Localized
from service.http.json_io import ApiModel


class ConsentRequest(ApiModel):
    """Ask to be shown the notice for one purpose and one counterpart."""

    purpose: Purpose
    source_id: DocumentId | None = None
    provider_id: DocumentId | None = None
    account: Account | None = None
    language: Language
    previous_consent_id: Id | None = None
    """The stopped consent to be taken up again: its account is remembered, and its proof for a short while."""

    @model_validator(mode="after")
    def one_counterpart(self) -> ConsentRequest:
        """Exactly the counterpart that belongs to the purpose."""
        named = self.source_id if self.purpose is Purpose.POINTS_COMPUTE else self.provider_id
        other = self.provider_id if self.purpose is Purpose.POINTS_COMPUTE else self.source_id
        if named is None or other is not None:
            raise ValueError("points.compute names a source_id, benefit.check a provider_id, and nothing else")
        return self

    @property
    def counterpart(self) -> str:
        """The source or the provider."""
        return self.source_id or self.provider_id or ""


class TicketBody(ApiModel):
    """The one-time ticket that came with the notice."""

    ticket: Annotated[str, Field(min_length=1, max_length=256)]


class WithdrawAll(ApiModel):
    """Stop everything, or everything about one source or one provider."""

    scope: Literal["all", "source", "provider"]
    source_id: DocumentId | None = None
    provider_id: DocumentId | None = None

    @model_validator(mode="after")
    def named_by_scope(self) -> WithdrawAll:
        """Exactly the name that the scope asks for."""
        named = {"source": self.source_id, "provider": self.provider_id}
        if any((name is None) == (scope == self.scope) for scope, name in named.items()):
            raise ValueError("scope source names a source_id, scope provider a provider_id, scope all neither")
        return self

    @property
    def counterpart(self) -> str | None:
        """The source or the provider, or None for all."""
        return self.source_id or self.provider_id


class TicketRequest(ApiModel):
    """Show a benefit at a venue."""

    benefit_id: DocumentId
    venue_id: DocumentId


class AssumedRecord(ApiModel):
    """A deed somebody thinks of doing, in the kind's own unit (trips, minutes, …)."""

    kind: Annotated[RecordKind, Field(strict=False)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]


class WhatIfBody(ApiModel):
    """What if I did these today?"""

    deeds: Annotated[list[AssumedRecord], Field(min_length=1, max_length=10)]


class ObjectionBody(ApiModel):
    """Why a record is wrong."""

    reason_code: Reason
    statement: Annotated[str, Field(min_length=1, max_length=2000)]


class MissingObjectionBody(ObjectionBody):
    """What is missing, at which source."""

    source_id: DocumentId


class NoticeAnswer(ApiModel):
    """A notice as shown."""

    notice_id: str
    version: int
    language: str
    body: str
    sha256: str
    fields: Document


class ShownAnswer(ApiModel):
    """The notice and the ticket that may answer it."""

    request_id: str
    ticket: str
    expires_at: str
    notice: NoticeAnswer
    purpose: str | None = None
    source_id: str | None = None
    provider_id: str | None = None
    account: str | None = None
    """The account at the source that a yes is about."""


class LinkAnswer(ApiModel):
    """A pending link and its code, for the resident's eyes only."""

    link_id: str
    state: str
    code: str
    code_expires_at: str


class ConsentAnswer(ApiModel):
    """A consent, a refusal or what became of them."""

    consent_id: str
    state: str
    purpose: str
    source_id: str | None = None
    provider_id: str | None = None
    name: Localized | None = None
    """What the source or provider is called; absent once it is no longer in force."""
    notice_id: str
    notice_version: int
    notice_sha256: str
    given_at: str
    expires_at: str | None = None
    ended_at: str | None = None
    previous_consent_id: str | None = None
    link: LinkAnswer | None = None
    """While the account is not proven and its code can still be typed."""
    linked: bool | None = None
    """Of a live consent for a source, when it is read: whether the account there is proven."""
    undo_until: str | None = None
    """Of a consent stopped a moment ago: until when a new one that names it may rest on its account's proof."""


class ConsentList(ApiModel):
    """A page of consents."""

    data: list[ConsentAnswer]
    next_cursor: str | None


class WithdrawnAnswer(ApiModel):
    """A consent after its withdrawal."""

    consent_id: str
    state: str
    withdrawn_at: str | None


class WithdrawnCount(ApiModel):
    """How many live consents ended."""

    withdrawn: int


class DimensionAnswer(ApiModel):
    """One of the five dimensions."""

    dimension: str
    points: int
    cap: int
    capped_off: int | None = None


class PointsAnswer(ApiModel):
    """My points today."""

    total: int
    dimensions: list[DimensionAnswer]
    scheme_version: str
    as_of: str
    valid_until: str | None


class ContributionAnswer(ApiModel):
    """What one record gives."""

    record_id: str
    source_id: str
    kind: str
    dimension: str
    occurred_on: str
    quantity: int
    unit: Localized
    points: int
    expires_on: str


class ExplanationAnswer(PointsAnswer):
    """My points with a line for every contribution."""

    contributions: list[ContributionAnswer]


class ConditionAnswer(ApiModel):
    """What is needed and what I have."""

    measure: str
    at_least: int
    have: int
    met: bool


class VenueName(ApiModel):
    """A place where a benefit is honoured."""

    venue_id: str
    name: Localized


class BenefitAnswer(ApiModel):
    """A benefit, whether it applies to me, and what everyone gets anyway."""

    benefit_id: str
    version: int
    scene: str
    title: Localized
    description: Localized
    provider_id: str
    provider: Localized
    applies: bool
    consent: Literal["given", "needed"]
    conditions: list[ConditionAnswer]
    baseline: Document
    effect: Document
    terms: Localized
    venues: list[VenueName]
    need_based_alternative: Localized
    offline_path: Localized


class BenefitList(ApiModel):
    """Benefits in force."""

    data: list[BenefitAnswer]
    next_cursor: str | None


class WhatIfAnswer(ApiModel):
    """Points now and as they would be, and which benefits would apply that do not now."""

    total: int
    would_be: int
    dimensions: list[DimensionAnswer]
    benefits: list[DocumentId]


class TicketAnswer(ApiModel):
    """A one-time yes to show."""

    ticket_id: str
    handle: str
    qr_svg: str
    expires_at: str


class MessageAnswer(ApiModel):
    """Something I must be told."""

    message_id: str
    kind: str
    at: str
    text: str
    facts: Document


class MessageList(ApiModel):
    """A page of messages."""

    data: list[MessageAnswer]
    next_cursor: str | None


class AccessAnswer(ApiModel):
    """A use of my records or points."""

    at: str
    organisation: str
    purpose: str
    what: str
    outcome: str
    text: str


class AccessList(ApiModel):
    """A page of uses, newest first."""

    data: list[AccessAnswer]
    next_cursor: str | None


class RecordAnswer(ApiModel):
    """A record held about me; `record_id` is the service's own, `source_record_id` the source's."""

    record_id: str
    source_record_id: str
    source_id: str
    kind: str
    quantity: int
    occurred_on: str
    received_at: str


class RecordList(ApiModel):
    """A page of records."""

    data: list[RecordAnswer]
    next_cursor: str | None


class ObjectedRecord(ApiModel):
    """What an objection is about: the record as it is now, or as it was when it was taken back."""

    kind: str
    quantity: int
    occurred_on: str


class ObjectionAnswer(ApiModel):
    """An objection of mine, with what I said and what was decided in writing."""

    objection_id: Id
    state: str
    decide_by: str
    record_id: str | None = None
    source_id: str | None = None
    reason_code: str
    name: Localized | None = None
    """What the source is called; absent once it is no longer in force."""
    record: ObjectedRecord | None = None
    statement: str
    opened_at: str
    acknowledged_at: str | None = None
    decided_at: str | None = None
    decision: str | None = None
    """The decision's reason, as it was written."""


class ObjectionList(ApiModel):
    """A page of objections."""

    data: list[ObjectionAnswer]
    next_cursor: str | None


class EventOpening(ApiModel):
    """An event with the salt its leaf commits with; `proof` is a C2SP tlog-proof once the leaf is published."""

    event: Document
    salt: str
    leaf_hash: str
    proof: str | None = None


class LogPlace(ApiModel):
    """Where the decision stands: the leaf of the event that made it, and of the latest event about it."""

    name: Literal["consent"] = "consent"
    leaf_hash: str
    latest_leaf_hash: str


class ReceiptAnswer(ApiModel):
    """A receipt, its detached signature, and what proves it in the log."""

    receipt: Document
    jws: str
    log: LogPlace
    events: list[EventOpening]
