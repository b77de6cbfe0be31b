"""Privacy officers' reviews of flagged and suspended documents and of contested account links.

Every read and every decision is written to the consent log in the request's transaction.
"""

from __future__ import annotations

from typing import Any

from benefits.publishing import document_checks
from benefits.publishing.rules import names
from consent.consents import account_links
from consent.documents import lifecycle, packages, recipients, versions
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import DocumentKind
from consent.events import ledger
from consent.kernel.errors import Changed, NotFound
from consent.oversight import reviews
from consent.oversight.reviews import Review
from service.api.pass_signer import city_url
from service.api.privacy import package_reviews, review_schemas
from service.api.privacy.review_answers import (
    changes_since_last_in_force,
    decided_members,
    findings_for_officer,
    names_of_references,
)
from service.api.staff_divisions import require_own, require_own_source
from service.auth.access_tokens import PrivacyOfficer
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem, body_invalid

VERSION_DIGITS = 9
"""Digits of a version number; nine fit the column's 32-bit integer."""
SOURCES = DocumentKind.SOURCES


def staff_of(context: RequestContext) -> str:
    """Return the id of the officer who sent the request."""
    assert isinstance(context.principal, PrivacyOfficer)
    return context.principal.staff_id


async def list_reviews(context: RequestContext, _: None) -> Answer:
    """List the reviews that wait for an officer, oldest first; the number of queries does not grow with theirs."""
    await ledger.record_officer_read(staff_of(context), None, "reviews.listed", context.at)
    opened = await reviews.open_reviews()
    packaged = await packages.get_many({review.about for review in opened if review.kind == reviews.PACKAGE})
    # A package has the name of its first document, for example of the provider on which the others stand.
    waiting = [
        (review, packaged[review.about].members[0] if review.about in packaged else _document_of(review.review_id))
        for review in opened
    ]
    documents = await versions.by_reference([about for _, about in waiting if about is not None])
    sources = {version.document_id: version for version in await lifecycle.all_in_force(SOURCES, context.at)}
    rows = []
    for review, about in waiting:
        named = sources.get(review.about) if about is None else documents[about]
        rows.append(review_schemas.ReviewRow(**_row(context, review, named)))
    return Answer(review_schemas.Reviews(data=rows))


async def read_review(context: RequestContext, _: None) -> Answer:
    """Return one review, open or decided: the document, its changes, its findings or the decision.

    A review of a contested link names the source alone: anything more would tell whose account it is.
    """
    review_id = context.request.path_params["review_id"]
    if package_reviews.is_package(review_id):
        return await package_reviews.read(context, review_id, staff_of(context))
    about = _document_of(review_id)
    waiting = next((review for review in await reviews.open_reviews() if review.review_id == review_id), None)
    decision = None if waiting else await reviews.decision_of(review_id)
    if waiting is None and decision is None:
        raise NotFound("there is no such review")
    await ledger.record_officer_read(staff_of(context), None, f"review.read {review_id}", context.at)
    version = None if about is None else await lifecycle.get(*about)
    if waiting is None:
        waiting = await reviews.closed_review(review_id, about)
    named = version if about is not None else await lifecycle.in_force(SOURCES, waiting.about, context.at)
    answer: dict[str, Any] = {**_row(context, waiting, named), "findings": [], **decided_members(context, decision)}
    if version is None:
        return Answer(review_schemas.ReviewAnswer(**answer))
    answer |= {
        "version": version.version,
        "sha256": version.sha256,
        "document": version.body,
        "recipient": version.recipient,
        "names": await names_of_references([version]),
        **await changes_since_last_in_force(version),
    }
    if decision is None:
        reported = await document_checks.check(version.kind, version.body, context.at, context.today, city_url(context))
        answer["asks_recipient"] = version.state == "in_review" and names.asks_for_recipient(reported)
        answer["findings"] = findings_for_officer(context, reported)
    return Answer(review_schemas.ReviewAnswer(**answer))


def _document_of(review_id: str) -> tuple[DocumentKind, str, int] | None:
    """Parse `kind.document_id.version`; None for the id of a contested link's review, NotFound for other text."""
    kind, _, rest = review_id.partition(".")
    document_id, _, version = rest.rpartition(".")
    if not document_id:
        return None
    if kind not in list(DocumentKind) or not version.isdecimal() or len(version) > VERSION_DIGITS:
        raise NotFound("there is no such review")
    return DocumentKind(kind), document_id, int(version)


def _row(context: RequestContext, review: Review, named: Version | None) -> dict[str, Any]:
    """Return the members of a ReviewRow; `named` is the document, or a contested link's source if it is in force."""
    return {
        "review_id": review.review_id,
        "kind": review.kind,
        "about": review.about,
        "name": (named and versions.name_of(named.kind, named.body)) or None,
        "opened_on": context.app_context.day_of(review.opened_at).isoformat(),
    }


async def decide_review(context: RequestContext, body: review_schemas.DecisionBody) -> Answer:
    """Decide a review with a reason: pass a flagged document on or send it back, or settle a contested link.

    Approving the second claim ends the first holder's link and deletes its records. Writes the decision to the
    consent log. NotFound for an unknown review, Conflict for a decided one; FourEyes and Prohibited from the lifecycle.
    """
    review_id, staff_id, approve = (
        context.request.path_params["review_id"],
        staff_of(context),
        body.decision == "approve",
    )
    if package_reviews.is_package(review_id):
        return await package_reviews.decide(context, review_id, body, staff_id)
    about = _document_of(review_id)
    if about is not None:
        await _decide_document(await lifecycle.get(*about), staff_id, body, context)
    elif approve and body.recipient is not None:
        raise _recipient_fault("unfit")
    else:
        contested = await reviews.closed_review(review_id, None)
        await require_own_source(context, contested.about)
        link_id = await reviews.decide_contested(review_id, staff_id, approve, body.reason, context.at)
        if approve:
            await account_links.end_contested_link(context.app_context.keyring, link_id, context.at)
    await reviews.record_decision(review_id, staff_id, body.decision, body.reason, context.at)
    return Answer(review_schemas.ReviewDecided(review_id=review_id, decision=body.decision))


async def _decide_document(
    stored: Version, staff_id: str, body: review_schemas.DecisionBody, context: RequestContext
) -> None:
    """Approve or send back a flagged version; request to resume, or retire, one that the rules suspended.

    Problem body_invalid where the decision about the recipient is missing, or given and not asked for.
    """
    await require_own(context, stored.kind, stored.body)
    if body.sha256 not in (None, stored.sha256):
        raise Changed("the document is not the one that was read; read it again")
    version, approve = (stored.kind, stored.document_id, stored.version), body.decision == "approve"
    asked = approve and stored.state == "in_review" and await _asks_recipient(stored, context)
    if approve and asked != (body.recipient is not None):
        raise _recipient_fault("required" if asked else "unfit")
    if stored.state != "suspended":
        await (lifecycle.review if approve else lifecycle.send_back)(*version, staff_id, context.at)
        if approve and body.recipient is not None:
            await recipients.decide(stored, body.recipient)
    elif approve:
        await document_checks.resume(stored, staff_id, context.at, context.today, city_url(context))
    else:
        await lifecycle.retire_suspended(*version, staff_id, context.at)


async def _asks_recipient(version: Version, context: RequestContext) -> bool:
    reported = await document_checks.check(version.kind, version.body, context.at, context.today, city_url(context))
    return names.asks_for_recipient(reported)


def _recipient_fault(code: str) -> Problem:
    detail = "spelling_only or another_recipient, for a version with another name, owner or client alone"
    return body_invalid("/recipient", code, detail)
