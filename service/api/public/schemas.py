"""Answer schemas of the operations without a token."""

from __future__ import annotations

from pydantic import Field

from benefits.statistics.privacy_budget import ReleaseKind
from service.api.common_schemas import Document, Localized
from service.http.json_io import ApiModel


class NoticeRow(ApiModel):
    """A notice in force."""

    notice_id: str
    version: int
    sha256: str
    purpose: str
    languages: Document


class NoticeList(ApiModel):
    """Notices in force."""

    data: list[NoticeRow]
    next_cursor: str | None


class SourceRow(ApiModel):
    """A data source in force."""

    source_id: str
    name: Localized
    category: str
    kinds: list[str]
    division: str


class SourceList(ApiModel):
    """Data sources in force."""

    data: list[SourceRow]
    next_cursor: str | None


class PublicBenefit(ApiModel):
    """A published benefit; `baseline` is what everybody gets without points.

    `owner_id` is the organisation behind the provider, null where none is stated.
    """

    benefit_id: str
    version: int
    scene: str
    title: Localized
    description: Localized
    provider_id: str
    provider: Localized
    owner_id: str | None = None
    division: str
    condition: Document
    baseline: Document
    effect: Document
    terms: Localized
    valid: Document
    need_based_alternative: Localized
    offline_path: Localized


class PublicBenefits(ApiModel):
    """A page of published benefits."""

    data: list[PublicBenefit]
    next_cursor: str | None


class ReferenceRow(ApiModel):
    """A clause that forbids a use: `original` quotes it as published, `means` is its meaning in both languages."""

    where: Localized
    original: str | None = None
    means: Localized | None = None


class BarredUseRow(ApiModel):
    """A use of points that this service cannot make, with its reason and references."""

    code: str
    title: Localized
    reason: Localized
    reference: str
    references: list[ReferenceRow]


class BarredUses(ApiModel):
    """All barred uses."""

    data: list[BarredUseRow]


class SchemeRow(ApiModel):
    """A version of the scheme, in force or scheduled for the civil years from `from_year` on."""

    version: str
    from_year: int
    state: str
    title: Localized
    sha256: str


class SchemeList(ApiModel):
    """Versions of the scheme in force and scheduled."""

    data: list[SchemeRow]
    next_cursor: str | None


class IndicatorChangeRow(ApiModel):
    """A kind whose worth differs: `points` is added, removed, more, less, mixed or same; null months mean absent."""

    kind: str
    dimension: str
    points: str
    months_before: int | None
    months_after: int | None


class CapChangeRow(ApiModel):
    """A dimension whose cap in points differs."""

    dimension: str
    before: int
    after: int


class SchemeChanges(ApiModel):
    """Differences from the version of the years before, for records of the new years; points given before stay."""

    since: str
    indicators: list[IndicatorChangeRow]
    caps: list[CapChangeRow]


class SchemeAnswer(ApiModel):
    """A version of the scoring scheme, sufficient to recompute points from records.

    `ways` names, by dimension, the kinds that need no riding, walking far or lifting; `changes` is null for the first
    version.
    """

    version: str
    sha256: str
    scheme: Document
    limits: Document
    state: str
    ways: dict[str, list[str]]
    changes: SchemeChanges | None


class Health(ApiModel):
    """The state of the process; `checks` names each dependency and is true where it is usable."""

    status: str
    checks: dict[str, bool] | None = None


class InclusionProof(ApiModel):
    """The proof that a leaf is at `index` in the tree of `size` leaves (RFC 6962, 2.1.1); hashes in base64."""

    index: int
    size: int
    hashes: list[str]


class ConsistencyProof(ApiModel):
    """The proof that the tree of `size` leaves extends the older one (RFC 6962, 2.1.2); hashes in base64."""

    size: int
    hashes: list[str]


class PolicyEntry(ApiModel):
    """A leaf of the policy log."""

    index: int
    leaf: Document


class PolicyEntries(ApiModel):
    """Leaves of the policy log in order; `size` counts the published ones."""

    data: list[PolicyEntry]
    size: int


class LogKey(ApiModel):
    """A log and the C2SP verifier key of its checkpoints."""

    name: str
    verifier_key: str


class LogKeys(ApiModel):
    """Both logs with their keys."""

    data: list[LogKey]


class LogCheck(ApiModel):
    """The check of a log's last checkpoint.

    `signed`: the signature is valid under the log's key. `continued`: the current tree begins with exactly the signed
    leaves. `growing`: the log accepts new leaves. `sound`: all three. This service makes the check itself: to verify
    independently, store a checkpoint and request a consistency proof.
    """

    name: str
    checked_at: str
    size: int
    signed: bool
    continued: bool
    growing: bool
    sound: bool


class Figures(ApiModel):
    """Figures of a finished week, with noise, unchanged once released; null where a count is too small to publish.

    All of them are null, with `too_few_people`, where fewer than 200 people have a consent.
    """

    first_day: str
    last_day: str
    redemptions: dict[str, int | None]
    redemptions_by_division: dict[str, int | None] = Field(default_factory=dict)
    live_consents: dict[str, int | None]
    too_few_people: bool = False
    give_or_take: dict[str, int] = Field(default_factory=dict)
    """By kind of figure, the distance from the truth that nineteen of twenty such counts stay within."""


class BudgetOfKind(ApiModel):
    """The privacy budget of a kind of number: the cost of one release, the week's share, the part used.

    Epsilon is in thousandths. `give_or_take` is the distance from the truth that nineteen of twenty counts stay within.
    """

    kind: ReleaseKind
    cost_milli_epsilon: int
    share_milli_epsilon: int
    spent_milli_epsilon: int
    releases: int
    give_or_take: int


class PrivacyBudget(ApiModel):
    """The city's privacy budget of this week for all numbers about people; epsilon is in thousandths."""

    week: str
    next_week: str
    total_milli_epsilon: int
    spent_milli_epsilon: int
    by_kind: list[BudgetOfKind]
