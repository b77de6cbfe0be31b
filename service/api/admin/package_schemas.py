"""Shapes of packages: documents that are submitted, reviewed and approved together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from consent.domain.document_kinds import DocumentKind
from service.api.admin.schemas import FindingAnswer, Hash
from service.api.common_schemas import (
    CatalogueId,
    DocumentKindName,
    DocumentState,
    Id,
    Instant,
    Localized,
    NextCursor,
    Sha256,
    StaffId,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import closed_set, one_of, text

PACKAGE_DOCUMENTS_MAX = 50
"""Documents of one package: a partner with forty venues. Each is checked against all others in one transaction."""
STATES = ("in_review", "submitted", "approved", "returned", "recalled")
PackageId = Annotated[str, text("The id of the package.")]
PackageState = Annotated[
    str, one_of("PackageState", "The state of a package; `returned` by an officer, `recalled` by staff.", *STATES)
]


class PackageMember(ApiModel):
    """A draft that a package is to have."""

    kind: Annotated[DocumentKind, Field(strict=False), closed_set(DocumentKind)]
    id: Id
    """The id of the document."""
    version: Annotated[int, Field(ge=1, le=999_999_999)]
    """The number of the version."""


class PackageBody(ApiModel):
    """Drafts to be submitted together."""

    documents: Annotated[list[PackageMember], Field(min_length=1, max_length=PACKAGE_DOCUMENTS_MAX, fail_fast=True)]
    """The drafts, in any order; a document that waits in another open package recalls that package."""


class PackagedDocument(ApiModel):
    """A document of a package."""

    kind: DocumentKindName
    id: CatalogueId
    version: int
    """The number of the version."""
    state: DocumentState
    sha256: Sha256
    """The SHA-256 of the document's canonical JSON."""
    name: Localized | None = None
    """The name or title, where the kind has one."""
    findings: list[FindingAnswer] | None = None
    """The findings of the publication rules, as if the other documents were in force; absent for an ended package."""


class PackageAnswer(ApiModel):
    """A package with its documents, in the order in which they name each other."""

    package_id: PackageId
    sha256: Sha256
    """The hash of the package, over kinds, ids, versions and hashes of its documents; an approver names it."""
    state: PackageState
    changed: bool
    """True where a document has a newer version: the package can no longer be decided, only recalled."""
    submitted_by: StaffId
    submitted_at: Instant
    """The time of the submission."""
    ended_by: StaffId | None = None
    ended_at: Instant | None = None
    """The time at which it was approved, returned or recalled."""
    documents: list[PackagedDocument]
    """The documents."""


class PackageList(ApiModel):
    """A page of packages, newest first, without findings."""

    data: list[PackageAnswer]
    """Packages, newest first."""
    next_cursor: NextCursor


class ApprovePackageBody(ApiModel):
    """The hash of the package that the approver read."""

    sha256: Hash
    """The hash that came with the package."""


class PackageDecided(ApiModel):
    """A package after a step; `in_review` where the rules now flag a document that no privacy officer has read."""

    package_id: PackageId
    state: PackageState
    suspended: list[str] | None = None
    """The ids of benefits that a worse baseline suspended."""
