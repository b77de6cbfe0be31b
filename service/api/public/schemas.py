"""What anybody may read."""

from __future__ import annotations

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
    """Sources in force."""

    data: list[SourceRow]
    next_cursor: str | None


class PublicBenefit(ApiModel):
    """A published benefit with what everybody gets without points."""

    benefit_id: str
    version: int
    scene: str
    title: Localized
    description: Localized
    provider_id: str
    provider: Localized
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
    """A sentence or clause that forbids a use; `original` is quoted as it was published, `means` says it again."""

    where: Localized
    original: str | None = None
    means: Localized | None = None


class BarredUseRow(ApiModel):
    """A use that is impossible here, and why."""

    code: str
    title: Localized
    reason: Localized
    reference: str
    references: list[ReferenceRow]


class BarredUses(ApiModel):
    """Every barred use."""

    data: list[BarredUseRow]


class SchemeAnswer(ApiModel):
    """A version of the scoring scheme, by which anybody can recompute their points."""

    version: str
    sha256: str
    scheme: Document
    limits: Document


class Health(ApiModel):
    """Whether it lives, and whether it can work."""

    status: str
    checks: dict[str, bool] | None = None


class InclusionProof(ApiModel):
    """That a leaf stands at `index` in the tree of `size` leaves (RFC 6962, 2.1.1); hashes in base64."""

    index: int
    size: int
    hashes: list[str]


class ConsistencyProof(ApiModel):
    """That the tree of `size` leaves continues the older one (RFC 6962, 2.1.2); hashes in base64."""

    size: int
    hashes: list[str]


class PolicyEntry(ApiModel):
    """A leaf of the policy log."""

    index: int
    leaf: Document


class PolicyEntries(ApiModel):
    """Leaves of the policy log in order, and how many are published."""

    data: list[PolicyEntry]
    size: int


class LogKey(ApiModel):
    """A log and the C2SP verifier key of its checkpoints."""

    name: str
    verifier_key: str


class LogKeys(ApiModel):
    """Both logs."""

    data: list[LogKey]


class LogCheck(ApiModel):
    """What a log's last checkpoint was held against just now.

    `signed`: its signature is the log's own key's. `continued`: the tree as it is now begins with exactly the leaves
    that were signed. `growing`: the log takes new leaves. It is this service that says so: to trust nobody, keep a
    checkpoint of your own and ask for the proof.
    """

    name: str
    checked_at: str
    size: int
    signed: bool
    continued: bool
    growing: bool
    sound: bool


class Figures(ApiModel):
    """Figures of a finished week, frozen when released; null where a count is too small to say."""

    first_day: str
    last_day: str
    redemptions: dict[str, int | None]
    live_consents: dict[str, int | None]
