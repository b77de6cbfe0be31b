"""Answer schemas of the operations without a token."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from benefits.statistics.privacy_budget import ReleaseKind
from consent.domain.records import SourceCategory
from service.api.common_schemas import (
    Baseline,
    BenefitId,
    CivilDayText,
    ConditionTree,
    DimensionName,
    DivisionCode,
    Document,
    EffectTerms,
    Instant,
    Localized,
    NextCursor,
    NoticeId,
    ProviderId,
    PurposeName,
    RecordKindName,
    SceneName,
    SchemeVersion,
    Sha256,
    SourceId,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import closed_set, one_of, reference, text

SourceCategoryName = Annotated[str, closed_set(SourceCategory)]
SchemeState = Annotated[str, one_of("SchemeState", "The state of a version of the scheme.", "in_force", "scheduled")]
PointsChangeName = Annotated[
    str,
    one_of(
        "PointsChange",
        "The comparison of a kind's points under two versions.",
        *("added", "removed", "more", "less", "mixed", "same"),
    ),
]
NoticeTexts = Annotated[Document, reference("NoticeLanguages")]
ValidDays = Annotated[Document, reference("Valid")]
SchemeBody = Annotated[Document, reference("SchemeDocument")]


class NoticeRow(ApiModel):
    """A notice in force."""

    notice_id: NoticeId
    version: int
    """The version of the notice."""
    sha256: Sha256
    """The SHA-256 of the notice's document."""
    purpose: PurposeName
    languages: NoticeTexts


class NoticeList(ApiModel):
    """Notices in force."""

    data: list[NoticeRow]
    """Notices by id."""
    next_cursor: NextCursor


class SourceRow(ApiModel):
    """A data source in force."""

    source_id: SourceId
    name: Localized
    """The name of the source."""
    category: SourceCategoryName
    kinds: list[RecordKindName]
    """The kinds of deed that it delivers."""
    division: DivisionCode


class SourceList(ApiModel):
    """Data sources in force."""

    data: list[SourceRow]
    """Sources by id."""
    next_cursor: NextCursor


class PublicBenefit(ApiModel):
    """A published benefit; `baseline` is what everybody gets without points.

    `owner_id` is the organisation behind the provider, null where none is stated.
    """

    benefit_id: BenefitId
    version: int
    """The version of the benefit's document."""
    scene: SceneName
    title: Localized
    """The benefit's title."""
    description: Localized
    """The benefit in a few sentences."""
    provider_id: ProviderId
    provider: Localized
    """The name of the provider."""
    owner_id: str | None = None
    """The organisation behind the provider, where one is stated."""
    division: DivisionCode
    condition: ConditionTree
    baseline: Baseline
    """The terms that everybody gets without points."""
    effect: EffectTerms
    """The improvement by the benefit."""
    terms: Localized
    """The terms at the venue."""
    valid: ValidDays
    need_based_alternative: Localized
    """The alternative for people in need, without points."""
    offline_path: Localized
    """The way without a phone."""


class PublicBenefits(ApiModel):
    """A page of published benefits."""

    data: list[PublicBenefit]
    """Benefits by id."""
    next_cursor: NextCursor


class ReferenceRow(ApiModel):
    """A clause that forbids a use: `original` quotes it as published, `means` is its meaning in both languages."""

    where: Localized
    """The law or plan, and the clause."""
    original: str | None = None
    """The clause as published."""
    means: Localized | None = None
    """The meaning of the clause."""


class BarredUseRow(ApiModel):
    """A use of points that this service cannot make, with its reason and references."""

    code: str
    """The use for programs."""
    title: Localized
    """The use."""
    reason: Localized
    """The reason that makes it impossible here."""
    reference: str
    """The references in one line, as the policy log announces them."""
    references: list[ReferenceRow]
    """The references."""


class BarredUses(ApiModel):
    """All barred uses."""

    data: list[BarredUseRow]
    """The barred uses."""


class SchemeRow(ApiModel):
    """A version of the scheme, in force or scheduled for the civil years from `from_year` on."""

    version: SchemeVersion
    from_year: int
    """The first civil year that it scores."""
    state: SchemeState
    title: Localized
    """The title."""
    sha256: Sha256
    """The SHA-256 of the scheme's document."""


class SchemeList(ApiModel):
    """Versions of the scheme in force and scheduled."""

    data: list[SchemeRow]
    """Versions by first year."""
    next_cursor: NextCursor


class IndicatorChangeRow(ApiModel):
    """A kind whose worth differs: `points` is added, removed, more, less, mixed or same; null months mean absent."""

    kind: RecordKindName
    dimension: DimensionName
    points: PointsChangeName
    months_before: int | None
    """The months that a record counted; null where the kind was absent."""
    months_after: int | None
    """The months that a record counts; null where the kind is absent."""


class CapChangeRow(ApiModel):
    """A dimension whose cap in points differs."""

    dimension: DimensionName
    before: int
    """The cap of the years before."""
    after: int
    """The cap of the new years."""


class SchemeChanges(ApiModel):
    """Differences from the version of the years before, for records of the new years; points given before stay."""

    since: SchemeVersion
    indicators: list[IndicatorChangeRow]
    """Kinds whose worth differs."""
    caps: list[CapChangeRow]
    """Dimensions whose cap differs."""


class SchemeAnswer(ApiModel):
    """A version of the scoring scheme, sufficient to recompute points from records.

    `ways` names, by dimension, the kinds that need no riding, walking far or lifting; `changes` is null for the first
    version.
    """

    version: SchemeVersion
    sha256: Sha256
    """The SHA-256 of the scheme's document."""
    scheme: SchemeBody
    limits: dict[str, int]
    """The numbers of the publication rules, by name."""
    state: SchemeState
    ways: dict[DimensionName, list[RecordKindName]]
    """Kinds that need no riding, walking far or lifting, by dimension."""
    changes: SchemeChanges | None
    """The differences from the version before; null for the first."""


class Health(ApiModel):
    """The state of the process; `checks` names each dependency and is true where it is usable."""

    status: str
    """`ok`, `ready` or `not_ready`."""
    checks: dict[str, bool] | None = None
    """Each dependency; true where it is usable."""


class MarginsOfSums(ApiModel):
    """The distance from the truth that nineteen of twenty sums of noisy counts stay within, for each sum."""

    total: int | None = None
    """Of all redemptions together."""
    scenes: dict[str, int] = Field(default_factory=dict)
    """Of the redemptions of a scene, by scene."""
    divisions: dict[str, int] = Field(default_factory=dict)
    """Of the redemptions of a division, by division."""


class Figures(ApiModel):
    """Figures of a finished week, with noise, unchanged once released; null where a count is too small to publish.

    All of them are null, with `too_few_people`, where fewer than 200 people have a consent.
    """

    first_day: CivilDayText
    """The first civil day of the week."""
    last_day: CivilDayText
    """The last civil day of the week."""
    redemptions: dict[str, int | None]
    """Redemptions by scene."""
    redemptions_by_division: dict[str, int | None] = Field(default_factory=dict)
    """Redemptions by division."""
    live_consents: dict[str, int | None]
    """Live consents by purpose."""
    too_few_people: bool = False
    """True where fewer than 200 people have a consent: nothing is published then."""
    give_or_take: dict[str, int] = Field(default_factory=dict)
    """By kind of figure, the distance from the truth that nineteen of twenty such counts stay within."""
    give_or_take_of_sums: MarginsOfSums = Field(default_factory=MarginsOfSums)
    """The same for the sums over a scene's or a division's benefits; empty for weeks released before version 0.3.0."""
    synthetic: bool | None = None
    """True in a demonstration city, whose figures are invented."""


class BudgetOfKind(ApiModel):
    """The privacy budget of a kind of number: the cost of one release, the week's share, the part used.

    Epsilon is in thousandths. `give_or_take` is the distance from the truth that nineteen of twenty counts stay within.
    """

    kind: ReleaseKind
    """The kind of number."""
    cost_milli_epsilon: int
    """The cost of one release."""
    share_milli_epsilon: int
    """The week's share of the kind."""
    spent_milli_epsilon: int
    """The part that is used."""
    releases: int
    """The releases of the week."""
    give_or_take: int
    """The distance from the truth that nineteen of twenty such counts stay within."""


class PrivacyBudget(ApiModel):
    """The city's privacy budget of this week for all numbers about people; epsilon is in thousandths."""

    week: CivilDayText
    """The Monday of this week."""
    next_week: CivilDayText
    """The Monday of the next week."""
    total_milli_epsilon: int
    """The budget of a week."""
    spent_milli_epsilon: int
    """The part that is used."""
    by_kind: list[BudgetOfKind]
    """The budget by kind of number."""


class PublicKeyAnswer(ApiModel):
    """A public key as a JWK (RFC 7517)."""

    kty: str
    """The key type."""
    crv: str
    """The curve."""
    x: str
    """The coordinate x, in base64url."""
    y: str
    """The coordinate y, in base64url."""
    kid: str
    """The id of the key."""
    use: str
    """The use, `sig`."""
    alg: str
    """The algorithm, `ES256`."""
    status: Annotated[str, one_of("KeyStatus", "The status of a key.", "next", "current", "retired")]
    active_from: Instant | None = None
    """The time from which the key signs."""
    retired_at: Instant | None = None
    """The time at which the key was replaced."""


class PublicKeySet(ApiModel):
    """The keys that verify receipts: the one in use, the next one and all retired ones."""

    keys: list[PublicKeyAnswer]
    """The keys."""


class ErrorRow(ApiModel):
    """A code of problems with its texts."""

    code: str
    """The code, as in a problem."""
    type: Annotated[str, text("The address of this row, as in a problem.", format="uri-reference")]
    status: int
    """The HTTP status."""
    title: Localized
    """The problem in a few words."""
    detail: Localized
    """The next step."""
    retry: bool
    """True where the same request may succeed later."""


class ErrorList(ApiModel):
    """Every code of problems; codes may be added."""

    data: list[ErrorRow]
    """The codes in order of the alphabet."""
