"""Reviews: what was flagged or stopped, and two claims on one account; read whole, decided with reasons."""

from __future__ import annotations

from typing import Any

from benefits.publishing import publish
from consent.consents import account_links
from consent.documents import lifecycle, versions
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import DocumentKind
from consent.events import ledger
from consent.kernel.errors import NotFound
from consent.oversight import reviews
from consent.oversight.reviews import Review
from service.api.admin.schemas import Difference
from service.api.privacy import schemas
from service.auth.access_tokens import PrivacyOfficer
from service.http.endpoints import Answer, RequestContext
from service.i18n import findings

VERSION_DIGITS = 9
"""More is no version of anything."""


def staff_of(context: RequestContext) -> str:
    """The officer who asks."""
    assert isinstance(context.principal, PrivacyOfficer)
    return context.principal.staff_id


async def list_reviews(context: RequestContext, _: None) -> Answer:
    """What waits for an officer."""
    await ledger.record_officer_read(staff_of(context), None, "reviews.listed", context.at)
    rows = []
    for one in await reviews.open_reviews():
        about = _document_of(one.review_id)
        found = None if about is None else await lifecycle.get(*about)
        rows.append(schemas.ReviewRow(**await _row(context, one, found)))
    return Answer(schemas.Reviews(data=rows))


async def read_review(context: RequestContext, _: None) -> Answer:
    """One review, waiting or decided.

    Of two claims on an account nothing more can be said without saying whose they are.
    """
    review_id = context.request.path_params["review_id"]
    about = _document_of(review_id)
    waiting = next((one for one in await reviews.open_reviews() if one.review_id == review_id), None)
    decision = None if waiting else await reviews.decision_of(review_id)
    if waiting is None and decision is None:
        raise NotFound("there is no such review")
    await ledger.record_officer_read(staff_of(context), None, f"review.read {review_id}", context.at)
    found = None if about is None else await lifecycle.get(*about)
    if waiting is None:
        waiting = await reviews.closed_review(review_id, about)
    answer: dict[str, Any] = {**await _row(context, waiting, found), "findings": [], "state": "open"}
    if decision is not None:
        answer |= {
            "state": "decided",
            "decision": decision.decision,
            "reason": decision.reason,
            "decided_by": decision.staff_id,
            "decided_on": context.app_context.day_of(decision.decided_at).isoformat(),
        }
    if found is None:
        return Answer(schemas.ReviewAnswer(**answer))
    answer |= {"version": found.version, "sha256": found.sha256, "document": found.body, **await _compared(found)}
    if decision is None:
        said = await publish.check(found.kind, found.body, context.at, context.today)
        answer["findings"] = [schemas.ReviewFinding(**findings.localize(one, context.language)) for one in said]
    return Answer(schemas.ReviewAnswer(**answer))


def _document_of(review_id: str) -> tuple[DocumentKind, str, int] | None:
    """The version that a review is about; None for two claims on an account. NotFound for what can be neither."""
    kind, _, rest = review_id.partition(".")
    document_id, _, version = rest.rpartition(".")
    if not document_id:
        return None
    if kind not in list(DocumentKind) or not version.isdecimal() or len(version) > VERSION_DIGITS:
        raise NotFound("there is no such review")
    return DocumentKind(kind), document_id, int(version)


async def _row(context: RequestContext, one: Review, found: Version | None) -> dict[str, Any]:
    """What a list says of a review; the name is the document's, or that of the source two claims are about."""
    named = found if found is not None else await lifecycle.in_force(DocumentKind.SOURCES, one.about, context.at)
    return {
        "review_id": one.review_id,
        "kind": one.kind,
        "about": one.about,
        "name": (named and versions.name_of(named.kind, named.body)) or None,
        "opened_on": context.app_context.day_of(one.opened_at).isoformat(),
    }


async def _compared(found: Version) -> dict[str, Any]:
    """What a version changes of the last one that was in force; nothing where it is the first."""
    before = await lifecycle.versions_between(found.kind, found.document_id, 0, found.version - 1)
    if not before:
        return {}
    changes = versions.differences(before[-1].body, found.body)
    return {"since_version": before[-1].version, "differences": [Difference(**one) for one in changes]}


async def decide_review(context: RequestContext, body: schemas.DecisionBody) -> Answer:
    """Let a flagged document go on or send it back; settle two claims on one account."""
    review_id, staff_id, approve = (
        context.request.path_params["review_id"],
        staff_of(context),
        body.decision == "approve",
    )
    about = _document_of(review_id)
    if about is not None:
        await _decide_document(*about, staff_id, approve, context)
    else:
        link_id = await reviews.decide_contested(review_id, staff_id, approve, body.reason, context.at)
        if approve:
            await account_links.end_contested_link(context.app_context.keyring, link_id, context.at)
    await reviews.record_decision(review_id, staff_id, body.decision, body.reason, context.at)
    return Answer(schemas.ReviewDecided(review_id=review_id, decision=body.decision))


async def _decide_document(
    kind: DocumentKind, document_id: str, version: int, staff_id: str, approve: bool, context: RequestContext
) -> None:
    """A flagged version goes on or back; one that the gate has stopped may be asked back, or ends."""
    found = await lifecycle.get(kind, document_id, version)
    if found.state != "suspended":
        await (lifecycle.review if approve else lifecycle.send_back)(kind, document_id, version, staff_id, context.at)
    elif approve:
        await publish.resume(found, staff_id, context.at, context.today)
    else:
        await lifecycle.retire_suspended(kind, document_id, version, staff_id, context.at)
