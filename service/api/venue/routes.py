"""What a venue may ask of this service: by a handle, never by a person."""

from __future__ import annotations

from service.api import common_schemas
from service.api.venue import handlers
from service.api.venue import schemas as shapes
from service.auth.access_tokens import Door
from service.http.openapi import Parameter
from service.http.operations import PAGING, get, post

VENUE = (
    get(
        Door.VENUE,
        "/v1/venue/me",
        "readVenue",
        "Who I am here, and the day",
        handlers.read_venue,
        shapes.VenueAnswer,
        errors=("suspended",),
    ),
    post(
        Door.VENUE,
        "/v1/venue/checks",
        "checkBenefit",
        "Does it apply? Spends nothing",
        handlers.check,
        shapes.HandleBody,
        {200: (shapes.CheckAnswer, shapes.Ordinary)},
        errors=("records_withheld", "suspended"),
    ),
    post(
        Door.VENUE,
        "/v1/venue/redemptions",
        "redeemBenefit",
        "Redeem it, once",
        handlers.redeem,
        shapes.HandleBody,
        {201: shapes.RedemptionAnswer, 200: shapes.Ordinary},
        key="required",
        swift=handlers.redeem_swiftly,
        errors=("records_withheld", "suspended"),
    ),
    post(
        Door.VENUE,
        "/v1/venue/redemptions/{redemption_id}/reversal",
        "reverseRedemption",
        "Take it back today",
        handlers.reverse,
        shapes.ReversalBody,
        {200: shapes.ReversalAnswer},
        key="optional",
        errors=("not_found", "reversal_not_possible", "suspended"),
    ),
    get(
        Door.VENUE,
        "/v1/venue/benefits",
        "listVenueBenefits",
        "What is honoured here",
        handlers.list_benefits,
        common_schemas.DocumentList,
        query=PAGING,
        errors=("suspended",),
    ),
    get(
        Door.VENUE,
        "/v1/venue/redemptions",
        "listRedemptions",
        "My own day, without persons",
        handlers.list_redemptions,
        shapes.RedemptionList,
        query=(Parameter("day", {"type": "string", "format": "date"}), *PAGING),
        errors=("suspended",),
    ),
)
