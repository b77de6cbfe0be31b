"""Reviews that a privacy officer decides: contested account links, flagged documents, documents stopped by the rules.

SQL text remains where documents are read together with their steps (joins).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tortoise.expressions import Q

from consent.database import queries
from consent.documents.lifecycle import SYSTEM_ACTOR
from consent.domain.document_kinds import DocumentKind
from consent.events import ledger
from consent.kernel.errors import Conflict, NotFound
from consent.models import LinkReview, Oversight, StoredDocument, StoredPackage

PACKAGE = "package"
"""The kind of a package's review, and the first part of its id."""


@dataclass(frozen=True, slots=True)
class Review:
    """A matter that waits for an officer; `kind` is contested_link, document, stopped_document or package."""

    review_id: str
    kind: str
    about: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a review: `approve` or `refuse`, the reason in writing, by whom and when."""

    decision: str
    reason: str
    staff_id: str
    decided_at: datetime


async def open_reviews() -> list[Review]:
    """Return the contested links, flagged and stopped documents and packages that wait for an officer, oldest first.

    A flagged document of a package is part of the package's review.
    """
    contested = await LinkReview.filter(state="open")
    flagged = await StoredDocument.filter(state="in_review", package_id__isnull=True).values(
        "kind", "document_id", "version", "created_at"
    )
    stopped = await queries.fetch_all(
        "SELECT d.kind, d.document_id, d.version, max(s.at) AS at FROM document d JOIN document_step s"
        " ON s.kind = d.kind AND s.document_id = d.document_id AND s.version = d.version"
        " WHERE d.state = 'suspended' AND s.act = 'suspend' AND s.staff_id = $1"
        " GROUP BY d.kind, d.document_id, d.version",
        SYSTEM_ACTOR,
    )
    waiting = StoredDocument.filter(state="in_review", package_id__isnull=False)
    package_ids = {row["package_id"] for row in await waiting.values("package_id")}
    packaged = await StoredPackage.filter(package_id__in=sorted(package_ids)) if package_ids else []
    reviews = [_contested(review) for review in contested]
    reviews += [_about_package(package) for package in packaged]
    reviews += [_about_document(row, "document", row["created_at"]) for row in flagged]
    reviews += [_about_document(row, "stopped_document", row["at"]) for row in stopped]
    return sorted(reviews, key=lambda review: (review.opened_at, review.review_id))


async def closed_review(review_id: str, about: tuple[DocumentKind, str, int] | None) -> Review:
    """Return a review that no longer waits; NotFound when it is deleted.

    `about` is the document's kind, id and version, or None for a contested link.
    """
    if about is None:
        review = await LinkReview.get_or_none(review_id=review_id)
        if review is None:
            raise NotFound("there is no such review")
        return _contested(review)
    row = await queries.fetch_one(
        "SELECT d.kind, d.document_id, d.version, d.created_at, max(s.at) AS stopped_at FROM document d"
        " LEFT JOIN document_step s ON s.kind = d.kind AND s.document_id = d.document_id AND s.version = d.version"
        " AND s.act = 'suspend' AND s.staff_id = $4 WHERE d.kind = $1 AND d.document_id = $2 AND d.version = $3"
        " GROUP BY d.kind, d.document_id, d.version, d.created_at",
        *about,
        SYSTEM_ACTOR,
    )
    if row is None:
        raise NotFound("there is no such review")
    if row["stopped_at"] is None:
        return _about_document(row, "document", row["created_at"])
    return _about_document(row, "stopped_document", row["stopped_at"])


def _contested(review: LinkReview) -> Review:
    return Review(review.review_id, "contested_link", review.source_id, queries.from_micros(review.opened_at))


def package_review_id(package_id: str) -> str:
    """Return the id of a package's review."""
    return f"{PACKAGE}.{package_id}"


def _about_package(package: StoredPackage) -> Review:
    review_id = package_review_id(package.package_id)
    return Review(review_id, PACKAGE, package.package_id, queries.from_micros(package.submitted_at))


def _about_document(row: queries.Row, kind: str, since: int) -> Review:
    return Review(
        f"{row['kind']}.{row['document_id']}.{row['version']}",
        kind,
        f"{row['kind']}/{row['document_id']}",
        queries.from_micros(since),
    )


def _decision_mark(decision: str, review_id: str) -> str:
    """Return the beginning of the entry of a decision in the table of officers' accesses; the reason follows."""
    return f"review.{decision}d {review_id}: "


async def record_decision(review_id: str, staff_id: str, decision: str, reason: str, at: datetime) -> None:
    """Record the decision (`approve` or `refuse`) on a review, with a leaf in the consent log."""
    await ledger.record_officer_read(staff_id, None, _decision_mark(decision, review_id) + reason, at)


async def decision_of(review_id: str) -> Decision | None:
    """Return the latest decision on a review, or None.

    A document can be changed, flagged and decided again under the same review id.
    """
    approved, refused = (_decision_mark(decision, review_id) for decision in ("approve", "refuse"))
    rows = (
        await Oversight.filter(Q(what__startswith=approved) | Q(what__startswith=refused))
        .order_by("-at")
        .limit(1)
        .values("staff_id", "what", "at")
    )
    if not rows:
        return None
    what = rows[0]["what"]
    decision, mark = ("approve", approved) if what.startswith(approved) else ("refuse", refused)
    return Decision(decision, what.removeprefix(mark), rows[0]["staff_id"], queries.from_micros(rows[0]["at"]))


async def decide_contested(review_id: str, staff_id: str, approve: bool, reason: str, at: datetime) -> str:
    """Decide the review of a contested link; return the id of the link that stands and was contested.

    Raises:
        NotFound: no such review.
        Conflict: it is decided already.
    """
    review = await LinkReview.get_or_none(review_id=review_id)
    if review is None:
        raise NotFound("there is no such review")
    # Two officers may decide at once: only the one whose UPDATE changes the row continues.
    if not await LinkReview.filter(review_id=review_id, state="open").update(
        state="decided",
        decision="approve" if approve else "refuse",
        reason=reason,
        decided_at=queries.to_micros(at),
        decided_by=staff_id,
    ):
        raise Conflict("the review is decided")
    return review.standing_link_id
