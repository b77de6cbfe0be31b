"""What a venue may ask of this service: by a handle, never by a person."""

from __future__ import annotations

from service import venue
from service.endpoints.calls import PAGING, get, post
from service.identity import Door
from service.openapi import Parameter
from service.shapes import common
from service.shapes import venue as shapes

VENUE = (
    get(
        Door.VENUE,
        "/v1/venue/me",
        "readVenue",
        "Who I am here, and the day",
        venue.read_venue,
        shapes.VenueAnswer,
        errors=("suspended",),
    ),
    post(
        Door.VENUE,
        "/v1/venue/checks",
        "checkBenefit",
        "Does it apply? Spends nothing",
        venue.check,
        shapes.HandleBody,
        {200: (shapes.CheckAnswer, shapes.Ordinary)},
        errors=("records_withheld", "suspended"),
    ),
    post(
        Door.VENUE,
        "/v1/venue/redemptions",
        "redeemBenefit",
        "Redeem it, once",
        venue.redeem,
        shapes.HandleBody,
        {201: shapes.RedemptionAnswer, 200: shapes.Ordinary},
        key="required",
        swift=venue.redeem_swiftly,
        errors=("records_withheld", "suspended"),
    ),
    post(
        Door.VENUE,
        "/v1/venue/redemptions/{redemption_id}/reversal",
        "reverseRedemption",
        "Take it back today",
        venue.reverse,
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
        venue.list_benefits,
        common.DocumentList,
        query=PAGING,
        errors=("suspended",),
    ),
    get(
        Door.VENUE,
        "/v1/venue/redemptions",
        "listRedemptions",
        "My own day, without persons",
        venue.list_redemptions,
        shapes.RedemptionList,
        query=(Parameter("day", {"type": "string", "format": "date"}), *PAGING),
        errors=("suspended",),
    ),
)
