"""Officers' decisions about the recipients of consents, which are columns of a document's version."""

from __future__ import annotations

from datetime import datetime

from consent.database import queries
from consent.documents import lifecycle
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import Body, DocumentKind
from consent.domain.recipients import Recipient, RecipientChanges
from consent.models import StoredDocument


async def load_changes() -> RecipientChanges:
    """Return every instant at which a document became, or is to become, another recipient."""
    rows = await (
        StoredDocument.filter(recipient=Recipient.ANOTHER_RECIPIENT, in_force_from__isnull=False)
        .order_by("in_force_from")
        .values("kind", "document_id", "in_force_from")
    )
    instants: dict[tuple[DocumentKind, str], list[datetime]] = {}
    for row in rows:
        document = DocumentKind(row["kind"]), row["document_id"]
        instants.setdefault(document, []).append(queries.from_micros(row["in_force_from"]))
    return RecipientChanges(instants)


async def decide(version: Version, recipient: Recipient) -> None:
    """Store an officer's decision about a version; needs the transaction of `lifecycle.review`."""
    await StoredDocument.filter(kind=version.kind, document_id=version.document_id, version=version.version).update(
        recipient=recipient
    )


async def changed_since(kind: DocumentKind, document_id: str, since: datetime, at: datetime) -> bool:
    """Report whether a version that an officer decided about came into force after `since`, at or before `at`."""
    return await StoredDocument.filter(
        kind=kind,
        document_id=document_id,
        recipient__isnull=False,
        in_force_from__gt=queries.to_micros(since),
        in_force_from__lte=queries.to_micros(at),
    ).exists()


async def begun(kind: DocumentKind, at: datetime) -> tuple[str, ...]:
    """Return `id version` of every version of a kind that is another recipient and came into force by `at`."""
    rows = await (
        StoredDocument.filter(
            kind=kind, recipient=Recipient.ANOTHER_RECIPIENT, in_force_from__lte=queries.to_micros(at)
        )
        .order_by("document_id", "version")
        .values("document_id", "version")
    )
    return tuple(f"{row['document_id']} {row['version']}" for row in rows)


async def not_applied(at: datetime) -> list[Version]:
    """Return the versions in force by `at` whose decision was not yet carried out for everybody, oldest first."""
    rows = await StoredDocument.filter(
        recipient__isnull=False, recipient_applied_at__isnull=True, in_force_from__lte=queries.to_micros(at)
    ).order_by("in_force_from", "version")
    return [lifecycle.from_row(row) for row in rows]


async def mark_applied(version: Version, at: datetime) -> None:
    """Record that the decision about a version was carried out for everybody."""
    await StoredDocument.filter(kind=version.kind, document_id=version.document_id, version=version.version).update(
        recipient_applied_at=queries.to_micros(at)
    )


async def body_before(version: Version) -> Body | None:
    """Return the body that was in force before a version, or None."""
    assert version.in_force_from is not None
    row = await (
        StoredDocument.filter(
            kind=version.kind,
            document_id=version.document_id,
            in_force_from__lt=queries.to_micros(version.in_force_from),
        )
        .order_by("-in_force_from", "-version")
        .first()
    )
    return None if row is None else lifecycle.from_row(row).body
