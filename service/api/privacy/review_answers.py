"""Members of answers about reviews that a document on its own and a document of a package share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benefits.publishing import document_checks
from consent.documents import versions
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import Finding
from consent.oversight.reviews import Decision
from service.api.admin.schemas import Difference
from service.api.privacy import review_schemas
from service.http.endpoints import RequestContext
from service.i18n import findings


def decided_members(context: RequestContext, decision: Decision | None) -> dict[str, Any]:
    """Return the members of an answer that say whether a review is decided, and how."""
    if decision is None:
        return {"state": "open"}
    return {
        "state": "decided",
        "decision": decision.decision,
        "reason": decision.reason,
        "decided_by": decision.staff_id,
        "decided_on": context.app_context.day_of(decision.decided_at).isoformat(),
    }


async def changes_since_last_in_force(version: Version) -> dict[str, Any]:
    """Return `since_version` and `differences` from the last version in force; an empty mapping for the first."""
    earlier = await versions.versions_between(version.kind, version.document_id, 0, version.version - 1)
    if not earlier:
        return {}
    changes = versions.differences(earlier[-1].body, version.body)
    return {"since_version": earlier[-1].version, "differences": [Difference(**change) for change in changes]}


async def names_of_references(reviewed: Iterable[Version]) -> dict[str, dict[str, str]]:
    """Return names of the documents that versions under review refer to, by id.

    A document under review itself has the name that it would get; any other has its last approved one, or is left out.
    """
    reviewed = list(reviewed)
    own = {version.document_id: versions.name_of(version.kind, version.body) for version in reviewed}
    names = {}
    for version in reviewed:
        for _, kind, document_id in document_checks.named_documents(version.kind, version.body):
            if isinstance(document_id, str):
                names[document_id] = own.get(document_id) or await versions.last_name_of(kind, document_id)
    return {document_id: name for document_id, name in names.items() if name}


def findings_for_officer(context: RequestContext, reported: Sequence[Finding]) -> list[review_schemas.ReviewFinding]:
    """Return findings in the language of the request."""
    return [review_schemas.ReviewFinding(**findings.localize(finding, context.language)) for finding in reported]
