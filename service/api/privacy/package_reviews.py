"""A privacy officer's review of a package: every document of it, decided by the hash of all of them.

Every read and every decision is written to the consent log in the request's transaction.
"""

from __future__ import annotations

from benefits.publishing import packages as package_rules
from consent.documents import packages, versions
from consent.documents.packages import Package
from consent.events import ledger
from consent.kernel.errors import NotFound
from consent.oversight import reviews
from service.api.pass_signer import city_url
from service.api.privacy import review_schemas
from service.api.privacy.review_answers import (
    changes_since_last_in_force,
    decided_members,
    findings_for_officer,
    names_of_references,
)
from service.api.staff_divisions import require_own
from service.http.endpoints import Answer, RequestContext
from service.http.problems import body_invalid
from service.i18n import findings


def is_package(review_id: str) -> bool:
    """Report whether a review's id is that of a package's review."""
    return review_id.startswith(f"{reviews.PACKAGE}.")


async def read(context: RequestContext, review_id: str, staff_id: str) -> Answer:
    """Return the review of a package: its documents with changes and findings, or the decision."""
    package = await _package_of(review_id)
    members = await packages.members_of(package)
    waits = package.state == "open" and any(member.state == "in_review" for member in members)
    decision = None if waits else await reviews.decision_of(review_id)
    if not waits and decision is None:
        raise NotFound("there is no such review")
    await ledger.record_officer_read(staff_id, None, f"review.read {review_id}", context.at)
    checks = (
        await package_rules.check(members, context.at, context.today, city_url(context))
        if waits
        else [()] * len(members)
    )
    documents = [
        review_schemas.ReviewedDocument(
            kind=member.kind,
            id=member.document_id,
            version=member.version,
            state=await versions.state_of(member, context.at),
            sha256=member.sha256,
            name=versions.name_of(member.kind, member.body) or None,
            document=member.body,
            findings=findings_for_officer(context, reported),
            **await changes_since_last_in_force(member),
        )
        for member, reported in zip(members, checks, strict=True)
    ]
    return Answer(
        review_schemas.ReviewAnswer(
            review_id=review_id,
            kind=reviews.PACKAGE,
            about=package.package_id,
            name=documents[0].name,
            opened_on=context.app_context.day_of(package.submitted_at).isoformat(),
            sha256=package.sha256,
            documents=documents,
            findings=[],
            names=await names_of_references(members),
            asks_recipient=False if waits else None,
            **decided_members(context, decision),
        )
    )


async def decide(context: RequestContext, review_id: str, body: review_schemas.DecisionBody, staff_id: str) -> Answer:
    """Pass a package on to approval, or return all of it to drafts, by the hash that the officer read.

    Problem body_invalid without the hash, or with a recipient; Changed where the hash is not the package's, or a
    document of it has a newer version; Conflict for an ended package; FourEyes for an author of any document.
    """
    if body.sha256 is None or body.recipient is not None:
        pointer, code = ("/sha256", "required") if body.sha256 is None else ("/recipient", "unfit")
        raise body_invalid(pointer, code, findings.detail_text(code, pointer, {}, context.language))
    package = await _package_of(review_id)
    for member in await packages.members_of(package):
        await require_own(context, member.kind, member.body)
    await packages.require_current(package, body.sha256)
    if body.decision == "approve":
        reviewed = await packages.review(package, staff_id, context.at)
    else:
        reviewed = await packages.members_of(package)
        await packages.send_back(package, staff_id, context.at)
    for member in reviewed:
        named = f"{member.kind}.{member.document_id}.{member.version}"
        await reviews.record_decision(named, staff_id, body.decision, body.reason, context.at)
    await reviews.record_decision(review_id, staff_id, body.decision, body.reason, context.at)
    return Answer(review_schemas.ReviewDecided(review_id=review_id, decision=body.decision))


async def _package_of(review_id: str) -> Package:
    return await packages.lock(review_id.removeprefix(f"{reviews.PACKAGE}."))
