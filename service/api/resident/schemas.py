"""Request and answer schemas of residents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from consent.domain.purposes import Purpose
from consent.domain.records import QUANTITY_MAX, RecordKind
from service.api.common_schemas import (
    Account,
    Baseline,
    BenefitId,
    CivilDayText,
    ConditionTree,
    ConsentId,
    ConsentState,
    DimensionName,
    DivisionCode,
    DocumentId,
    EffectTerms,
    Id,
    Instant,
    Language,
    LinkId,
    Localized,
    MeasureName,
    NextCursor,
    NoticeId,
    NoticeTextFields,
    ProviderId,
    PurposeName,
    RecordId,
    RecordKindName,
    SceneName,
    SchemeVersion,
    Sha256,
    SourceId,
    VenueId,
)
from service.api.resident.points_schemas import MissingPoints, MonthAnswer, WayAnswer
from service.api.resident.ticket_schemas import CommitmentTerms
from service.http.json_io import ApiModel
from service.http.openapi.named import one_of

CHECK_CONSENT = one_of(
    "CheckConsent", "Needed while no live `benefit.check` consent covers the benefit's provider.", "given", "needed"
)


class ConsentRequest(ApiModel):
    """A request for the notice of one purpose and one counterpart."""

    purpose: Purpose
    """The purpose of the consent."""
    source_id: DocumentId | None = None
    """The source, for `points.compute` alone."""
    provider_id: DocumentId | None = None
    """The provider, for `benefit.check` alone."""
    account: Account | None = None
    """The resident's number at the source: required for `points.compute`, forbidden for `benefit.check`."""
    language: Language
    """The language in which the notice is shown."""
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
    """The ticket of the notice that is answered."""


class WithdrawAll(ApiModel):
    """A withdrawal of all live consents, or of those for one source or provider."""

    scope: Literal["all", "source", "provider"]
    """The consents that end: all, or those for one source or provider."""
    source_id: DocumentId | None = None
    """The source, with the scope `source` alone."""
    provider_id: DocumentId | None = None
    """The provider, with the scope `provider` alone."""

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


class AssumedRecord(ApiModel):
    """An assumed record of today; `quantity` is in the kind's unit (trips, minutes, …)."""

    kind: Annotated[RecordKind, Field(strict=False)]
    """The kind of deed."""
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
    """The quantity, in the kind's unit."""


class WhatIfBody(ApiModel):
    """Assumed records of today, up to ten."""

    deeds: Annotated[list[AssumedRecord], Field(min_length=1, max_length=10)]
    """The assumed records."""


class NoticeAnswer(ApiModel):
    """A notice as it was shown."""

    notice_id: NoticeId
    version: int
    """The version of the notice."""
    language: Language
    """The language of the text."""
    body: str
    """The whole text, to be shown before the resident answers."""
    sha256: Sha256
    """The SHA-256 of the notice's document, to which the consent is bound."""
    fields: NoticeTextFields
    """The clauses of the notice one by one."""


class ShownAnswer(ApiModel):
    """A shown notice with the one-time ticket that answers it."""

    request_id: str
    """The id of this request, for reading the notice again."""
    ticket: str
    """The one-time ticket that answers the notice."""
    expires_at: Instant
    """The end of the ticket."""
    notice: NoticeAnswer
    """The notice to show."""
    purpose: PurposeName | None = None
    source_id: SourceId | None = None
    provider_id: ProviderId | None = None
    account: str | None = None
    """The account at the source to which a yes applies."""


class LinkAnswer(ApiModel):
    """A pending link and its code, which only the resident reads."""

    link_id: LinkId
    state: Annotated[str, one_of("PendingLinkState", "The state of a link that is not proven yet.", "pending")]
    code: str
    """The code that the resident types into the source's own app."""
    code_expires_at: Instant
    """The end of the code; a new one can be had until the consent ends."""


class ConsentAnswer(ApiModel):
    """A consent or a refusal, in its state now or at the requested instant."""

    consent_id: ConsentId
    state: ConsentState
    purpose: PurposeName
    source_id: SourceId | None = None
    provider_id: ProviderId | None = None
    name: Localized | None = None
    """The name of the source or provider; the last one where it is no longer in force."""
    notice_id: NoticeId
    notice_version: int
    """The version of the notice that was answered."""
    notice_sha256: Sha256
    """The SHA-256 of the notice's document."""
    given_at: Instant
    """The time of the answer."""
    expires_at: Instant | None = None
    """The end of the consent; absent for a refusal."""
    ended_at: Instant | None = None
    """The time at which the consent ended, if it has."""
    previous_consent_id: ConsentId | None = None
    """The consent that was given again by this one."""
    link: LinkAnswer | None = None
    """The pending link, while the account is not proven and its code is valid."""
    linked: bool | None = None
    """For a live consent for a source: true when the account there is proven."""
    undo_until: Instant | None = None
    """For a consent withdrawn recently: until this time the withdrawal can be undone. Slips, bindings, passes and
    bookings that ended with it do not come back."""


class ConsentList(ApiModel):
    """A page of consents."""

    data: list[ConsentAnswer]
    """Consents and refusals, newest first."""
    next_cursor: NextCursor


class WithdrawnAnswer(ApiModel):
    """A consent after its withdrawal."""

    consent_id: ConsentId
    state: ConsentState
    withdrawn_at: Instant | None
    """The time of the withdrawal, or of the end that came before it."""


class WithdrawnCount(ApiModel):
    """The number of live consents that the withdrawal ended."""

    withdrawn: int
    """The number of consents that ended now."""


class DimensionAnswer(ApiModel):
    """Points of one of the five dimensions, with its cap."""

    dimension: DimensionName
    points: int
    """The points of the dimension."""
    cap: int
    """The most that the dimension can have."""
    capped_off: int | None = None
    """The points that the cap leaves out; in explanations alone."""


class PointsAnswer(ApiModel):
    """The person's points of today."""

    total: int
    """The points of all dimensions."""
    dimensions: list[DimensionAnswer]
    """The points of each dimension."""
    scheme_version: SchemeVersion
    as_of: CivilDayText
    """The civil day of these points."""
    valid_until: CivilDayText | None
    """The first civil day on which the total may differ without a new event; null if there is none."""


class ContributionAnswer(ApiModel):
    """The points that one record gives."""

    record_id: RecordId
    source_id: SourceId
    kind: RecordKindName
    dimension: DimensionName
    occurred_on: CivilDayText
    """The civil day of the deed."""
    quantity: int
    """The quantity, in the kind's unit."""
    unit: Localized
    """The name of the kind's unit."""
    points: int
    """The points of this record, 0 where the year's cap or a fraction leaves none."""
    expires_on: CivilDayText
    """The first civil day on which these points are gone."""


class ExplanationAnswer(PointsAnswer):
    """The person's points with a line for every record that contributes."""

    contributions: list[ContributionAnswer]
    """A line for every record."""
    history: list[MonthAnswer] | None = None
    """The points of the months before, as `?months=` asks for."""
    ways: list[WayAnswer] | None = None
    """Ways to the nearest condition of the benefit that `?benefit_id=` names."""


class ConditionAnswer(ApiModel):
    """One condition of a benefit: the points needed and the person's points."""

    measure: MeasureName
    at_least: int
    """The points that are needed."""
    have: int
    """The points that the person has."""
    met: bool
    """True where they are enough."""


class VenuePlace(ApiModel):
    """A venue that grants a benefit, and where it is."""

    venue_id: VenueId
    name: Localized
    division: DivisionCode
    """The division in which it is."""
    address: Localized | None
    """The postal address; null where the venue states none."""
    hours: str | None
    """The opening hours like `Mo-Fr 09:00-17:00; Sa 09:00-12:00`, where other days are closed; null if not stated."""
    geo: str | None
    """Latitude and longitude in degrees (WGS 84), apart by a comma; null if not stated."""
    map_url: str | None
    """The place as a `geo:` URI (RFC 5870), which opens the map of the device; null if not stated."""


class BenefitAnswer(ApiModel):
    """A benefit decided for the person; `baseline` is what everybody gets without points."""

    benefit_id: BenefitId
    version: int
    """The version of the benefit's document."""
    scene: SceneName
    division: DivisionCode
    title: Localized
    """The benefit's title."""
    description: Localized
    """The benefit in a few sentences."""
    provider_id: ProviderId
    provider: Localized
    """The name of the provider."""
    applies: bool
    """True where the person has the points."""
    consent: Annotated[Literal["given", "needed"], CHECK_CONSENT]
    condition: ConditionTree
    """The condition as a tree: tells apart conditions of which all are needed and those of which any is enough."""
    conditions: list[ConditionAnswer]
    """Every line of the condition with the person's points."""
    needs: list[MissingPoints]
    """The least that is missing: the nearest part of "any", every part of "all"; empty when the condition is met."""
    available_again_on: CivilDayText | None
    """The day after the period of a limit that is used up; null while the benefit can be used."""
    baseline: Baseline
    """The terms that everybody gets without points."""
    effect: EffectTerms
    """The improvement by the benefit."""
    terms: Localized
    """The terms at the venue."""
    commitment: CommitmentTerms | None = None
    """The promise that is accepted with the ticket; absent without one."""
    terms_sha256: Sha256
    """The SHA-256 of terms and commitment: send it as `accepted_terms_sha256`."""
    venues: list[VenuePlace]
    """The venues at which the benefit is redeemed."""
    need_based_alternative: Localized
    """The alternative for people in need, without points."""
    offline_path: Localized
    """The way without a phone."""


class BenefitList(ApiModel):
    """Benefits in force."""

    data: list[BenefitAnswer]
    """Benefits by id."""
    next_cursor: NextCursor


class WhatIfAnswer(ApiModel):
    """Points now and with the assumed records, and the benefits that would newly apply."""

    total: int
    """The points of now."""
    would_be: int
    """The points with the assumed records."""
    dimensions: list[DimensionAnswer]
    """Each dimension with the assumed records."""
    benefits: list[BenefitId]
    """The benefits that would newly apply."""
