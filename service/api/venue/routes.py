"""Calls of the venue audience: by a handle, never by a person."""

from __future__ import annotations

from service.api import common_schemas
from service.api.venue import handlers, schemas
from service.auth.access_tokens import Audience
from service.http.openapi import Parameter
from service.http.operations import PAGING, Calls

CALLS = Calls(Audience.VENUE)
VENUE = (
    CALLS.get(
        "/v1/venue/me",
        "readVenue",
        "Who I am here, and the day",
        handlers.read_venue,
        schemas.VenueAnswer,
        errors=("suspended",),
    ),
    CALLS.post(
        "/v1/venue/checks",
        "checkBenefit",
        "Does it apply? Spends nothing",
        handlers.check,
        schemas.HandleBody,
        {200: (schemas.CheckAnswer, schemas.Ordinary)},
        own_clock=True,
        errors=("records_withheld", "suspended"),
    ),
    CALLS.post(
        "/v1/venue/redemptions",
        "redeemBenefit",
        "Redeem it, once",
        handlers.redeem,
        schemas.HandleBody,
        {201: schemas.RedemptionAnswer, 200: schemas.Ordinary},
        key="required",
        own_clock=True,
        hot=True,
        errors=("records_withheld", "suspended"),
    ),
    CALLS.post(
        "/v1/venue/redemptions/{redemption_id}/reversal",
        "reverseRedemption",
        "Take it back today",
        handlers.reverse,
        schemas.ReversalBody,
        {200: schemas.ReversalAnswer},
        key="optional",
        errors=("not_found", "reversal_not_possible", "suspended"),
    ),
    CALLS.get(
        "/v1/venue/benefits",
        "listVenueBenefits",
        "What is honoured here",
        handlers.list_benefits,
        common_schemas.DocumentList,
        query=PAGING,
        errors=("suspended",),
    ),
    CALLS.get(
        "/v1/venue/redemptions",
        "listRedemptions",
        "My own day, without persons",
        handlers.list_redemptions,
        schemas.RedemptionList,
        query=(Parameter("day", {"type": "string", "format": "date"}), *PAGING),
        errors=("suspended",),
    ),
)
