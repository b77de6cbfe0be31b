"""Request and answer schemas of residents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from consent.domain.purposes import Purpose
from consent.domain.records import RecordKind
from service.api.common_schemas import Account, Document, DocumentId, Id, Language, Localized
from service.http.json_io import ApiModel


class ConsentRequest(ApiModel):
    """A request for the notice of one purpose and one counterpart."""

    purpose: Purpose
    source_id: DocumentId | None = None
    provider_id: DocumentId | None = None
    account: Account | None = None
    language: Language
    previous_consent_id: Id | None = None
    """The withdrawn consent to give again: its account is filled in, and its proof stays valid for a short time."""

    @model_validator(mode="after")
    def one_counterpart(self) -> ConsentRequest:
        """Require the counterpart that belongs to the purpose, and no other."""
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
    """A withdrawal of all live consents, or of those for one source or provider."""

    scope: Literal["all", "source", "provider"]
    source_id: DocumentId | None = None
    provider_id: DocumentId | None = None

    @model_validator(mode="after")
    def named_by_scope(self) -> WithdrawAll:
        """Require the id that belongs to the scope, and no other."""
        named = {"source": self.source_id, "provider": self.provider_id}
        if any((name is None) == (scope == self.scope) for scope, name in named.items()):
            raise ValueError("scope source names a source_id, scope provider a provider_id, scope all neither")
        return self

    @property
    def counterpart(self) -> str | None:
        """The source or the provider, or None for all."""
        return self.source_id or self.provider_id


class TicketRequest(ApiModel):
    """A request for a one-time ticket for a benefit at a venue."""

    benefit_id: DocumentId
    venue_id: DocumentId


class AssumedRecord(ApiModel):
    """An assumed record of today; `quantity` is in the kind's unit (trips, minutes, …)."""

    kind: Annotated[RecordKind, Field(strict=False)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]


class WhatIfBody(ApiModel):
    """Assumed records of today, up to ten."""

    deeds: Annotated[list[AssumedRecord], Field(min_length=1, max_length=10)]


class NoticeAnswer(ApiModel):
    """A notice as it was shown."""

    notice_id: str
    version: int
    language: str
    body: str
    sha256: str
    fields: Document


class ShownAnswer(ApiModel):
    """A shown notice with the one-time ticket that answers it."""

    request_id: str
    ticket: str
    expires_at: str
    notice: NoticeAnswer
    purpose: str | None = None
    source_id: str | None = None
    provider_id: str | None = None
    account: str | None = None
    """The account at the source to which a yes applies."""


class LinkAnswer(ApiModel):
    """A pending link and its code, which only the resident reads."""

    link_id: str
    state: str
    code: str
    code_expires_at: str


class ConsentAnswer(ApiModel):
    """A consent or a refusal, in its state now or at the requested instant."""

    consent_id: str
    state: str
    purpose: str
    source_id: str | None = None
    provider_id: str | None = None
    name: Localized | None = None
    """The name of the source or provider; the last one where it is no longer in force."""
    notice_id: str
    notice_version: int
    notice_sha256: str
    given_at: str
    expires_at: str | None = None
    ended_at: str | None = None
    previous_consent_id: str | None = None
    link: LinkAnswer | None = None
    """The pending link, while the account is not proven and its code is valid."""
    linked: bool | None = None
    """For a live consent for a source: true when the account there is proven."""
    undo_until: str | None = None
    """For a consent withdrawn recently: until this time, a new consent that names it needs no new proof."""


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
    """The number of live consents that the withdrawal ended."""

    withdrawn: int


class DimensionAnswer(ApiModel):
    """Points of one of the five dimensions, with its cap."""

    dimension: str
    points: int
    cap: int
    capped_off: int | None = None


class PointsAnswer(ApiModel):
    """The person's points of today."""

    total: int
    dimensions: list[DimensionAnswer]
    scheme_version: str
    as_of: str
    valid_until: str | None


class ContributionAnswer(ApiModel):
    """The points that one record gives."""

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
    """The person's points with a line for every record that contributes."""

    contributions: list[ContributionAnswer]


class ConditionAnswer(ApiModel):
    """One condition of a benefit: the points needed and the person's points."""

    measure: str
    at_least: int
    have: int
    met: bool


class VenueName(ApiModel):
    """A venue that grants a benefit."""

    venue_id: str
    name: Localized


class BenefitAnswer(ApiModel):
    """A benefit decided for the person; `baseline` is what everybody gets without points."""

    benefit_id: str
    version: int
    scene: str
    division: str
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
    """Points now and with the assumed records, and the benefits that would newly apply."""

    total: int
    would_be: int
    dimensions: list[DimensionAnswer]
    benefits: list[DocumentId]


class TicketAnswer(ApiModel):
    """A one-time ticket: the handle that a venue scans, also as a QR code in SVG, and its expiry."""

    ticket_id: str
    handle: str
    qr_svg: str
    expires_at: str


class MessageAnswer(ApiModel):
    """A message to the resident, with its text in the request's language."""

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
    """A use of the person's records or points."""

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


class EventOpening(ApiModel):
    """An event with the salt of its leaf's commitment; `proof` is a C2SP tlog-proof once the leaf is published."""

    event: Document
    salt: str
    leaf_hash: str
    proof: str | None = None


class LogPlace(ApiModel):
    """The position of a decision in the log: the leaf hash of its first event and of its latest."""

    name: Literal["consent"] = "consent"
    leaf_hash: str
    latest_leaf_hash: str


class ReceiptAnswer(ApiModel):
    """A receipt, its detached signature, and the events that prove it in the log."""

    receipt: Document
    jws: str
    log: LogPlace
    events: list[EventOpening]
