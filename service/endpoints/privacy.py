"""What a privacy officer may ask of this service. Every look is itself in the log, so every call writes."""

from __future__ import annotations

from service import privacy
from service.endpoints.calls import PAGING, get, post
from service.identity import Door
from service.openapi import Parameter
from service.shapes import privacy as shapes

OFFICER = Door.PRIVACY
CASE = Parameter("case", {"type": "string"}, required=True, description="the case that this look belongs to")
FILTERS = tuple(
    Parameter(name, {"type": "string"}) for name in ("purpose", "source_id", "provider_id", "notice_version", "state")
)

PRIVACY = (
    post(
        OFFICER,
        "/v1/privacy/cases",
        "openCase",
        "Say why you look",
        privacy.open_case,
        shapes.CaseBody,
        {201: shapes.CaseAnswer},
        key="optional",
    ),
    get(
        OFFICER,
        "/v1/privacy/consents",
        "countConsents",
        "Consents by day and state, small cells suppressed",
        privacy.count_consents,
        shapes.Counts,
        query=(CASE, *FILTERS, Parameter("on", {"type": "string", "format": "date"})),
        errors=("bad_query", "not_found"),
        writes=True,
    ),
    post(
        OFFICER,
        "/v1/privacy/samples",
        "sampleConsents",
        "A random sample of consents for audit",
        privacy.sample_consents,
        shapes.SampleBody,
        {201: shapes.Sample},
        errors=("not_found",),
    ),
    get(
        OFFICER,
        "/v1/privacy/consents/{consent_id}",
        "readConsentUnderCase",
        "One consent with its events, notice and proofs",
        privacy.read_consent,
        shapes.ConsentUnderCase,
        query=(CASE,),
        errors=("bad_query", "not_found"),
        writes=True,
    ),
    get(
        OFFICER,
        "/v1/privacy/reviews",
        "listReviews",
        "What waits for you",
        privacy.list_reviews,
        shapes.Reviews,
        writes=True,
    ),
    post(
        OFFICER,
        "/v1/privacy/reviews/{review_id}/decision",
        "decideReview",
        "Settle a review",
        privacy.decide_review,
        shapes.DecisionBody,
        {200: shapes.ReviewDecided},
        key="optional",
        errors=("not_found", "conflict", "four_eyes"),
    ),
    get(
        OFFICER,
        "/v1/privacy/objections",
        "listOpenObjections",
        "Open objections, the most urgent first",
        privacy.list_objections,
        shapes.Objections,
        query=PAGING,
        writes=True,
    ),
    post(
        OFFICER,
        "/v1/privacy/objections/{objection_id}/acknowledgement",
        "acknowledgeObjection",
        "Take an objection up",
        privacy.acknowledge_objection,
        None,
        {200: shapes.ObjectionDecided},
        errors=("not_found",),
    ),
    post(
        OFFICER,
        "/v1/privacy/objections/{objection_id}/decision",
        "decideObjection",
        "Decide an objection, with reasons",
        privacy.decide_objection,
        shapes.ObjectionDecision,
        {200: shapes.ObjectionDecided},
        key="optional",
        errors=("not_found", "conflict"),
    ),
    get(
        OFFICER,
        "/v1/privacy/refused-attempts",
        "listRefusedAttempts",
        "What was tried and refused",
        privacy.list_attempts,
        shapes.Attempts,
        query=PAGING,
        writes=True,
    ),
    get(
        OFFICER,
        "/v1/privacy/propagations",
        "listPropagations",
        "Ended links that their source has not dealt with",
        privacy.list_propagations,
        shapes.Propagations,
        query=(Parameter("state", {"type": "string", "enum": ["unacknowledged"]}), *PAGING),
        errors=("bad_query",),
        writes=True,
    ),
    post(
        OFFICER,
        "/v1/privacy/verification",
        "verifyLogs",
        "Compute the logs and chains again",
        privacy.verify,
        None,
        {200: shapes.Verification},
        raw=True,
    ),
    get(
        OFFICER,
        "/v1/privacy/processing-register",
        "readProcessingRegister",
        "The record of processing",
        privacy.read_register,
        shapes.Register,
        writes=True,
    ),
    get(
        OFFICER,
        "/v1/privacy/self-audit",
        "readSelfAudit",
        "What must never be found",
        privacy.self_audit,
        shapes.SelfAudit,
        writes=True,
    ),
    get(
        OFFICER,
        "/v1/privacy/statistics",
        "readStatistics",
        "Objections, for analysis",
        privacy.read_statistics,
        shapes.Statistics,
        writes=True,
    ),
)
