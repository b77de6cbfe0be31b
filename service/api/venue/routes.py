"""Calls of the venue audience: by a handle, never by a person."""

from __future__ import annotations

from service.api.common_parameters import CIVIL_DAY
from service.api.venue import complaint_schemas, complaints, handlers, pass_schemas, passes, schemas
from service.auth.access_tokens import Audience
from service.http.openapi.operation import Parameter
from service.http.operations import PAGING, Calls

CALLS = Calls(Audience.VENUE)
VENUE = (
    CALLS.get(
        "/v1/venue/me",
        "readVenue",
        "Read the venue and its civil day",
        handlers.read_venue,
        schemas.VenueAnswer,
        errors=("suspended",),
    ),
    CALLS.post(
        "/v1/venue/checks",
        "checkBenefit",
        "Check whether a benefit applies, without spending the ticket",
        handlers.check,
        schemas.HandleBody,
        {200: (schemas.CheckAnswer, schemas.StandardTermsAnswer)},
        own_clock=True,
        errors=("records_withheld", "suspended"),
    ),
    CALLS.post(
        "/v1/venue/redemptions",
        "redeemBenefit",
        "Redeem a benefit and spend its ticket",
        handlers.redeem,
        schemas.HandleBody,
        {201: schemas.RedemptionAnswer, 200: schemas.StandardTermsAnswer},
        key="required",
        own_clock=True,
        hot=True,
        errors=("records_withheld", "suspended"),
        location="/v1/venue/redemptions/{redemption_id}",
    ),
    # Before the redemption of an id: the path fits both.
    CALLS.post(
        "/v1/venue/redemptions/offline",
        "uploadOfflineUses",
        "Book uses of offline passes",
        passes.upload,
        pass_schemas.OfflineBody,
        {200: pass_schemas.OfflineAnswer},
        key="required",
        errors=("suspended",),
    ),
    CALLS.get(
        "/v1/venue/redemptions/{redemption_id}",
        "readRedemption",
        "Read one of the venue's redemptions, without a person",
        handlers.read_redemption,
        schemas.RedemptionRow,
        errors=("not_found", "suspended"),
    ),
    CALLS.post(
        "/v1/venue/bindings",
        "createBinding",
        "Turn a code that a resident typed in your app into a binding",
        handlers.create_binding,
        schemas.BindingCodeBody,
        {201: schemas.BindingTokenAnswer},
        key="required",
        errors=("code_unknown", "suspended"),
    ),
    CALLS.post(
        "/v1/venue/redemptions/{redemption_id}/reversal",
        "reverseRedemption",
        "Reverse a redemption of today",
        handlers.reverse,
        schemas.ReversalBody,
        {200: schemas.ReversalAnswer},
        key="optional",
        errors=("not_found", "reversal_not_possible", "suspended"),
    ),
    CALLS.post(
        "/v1/venue/redemptions/{redemption_id}/delivered",
        "confirmDelivery",
        "Confirm that what was redeemed has been delivered",
        handlers.confirm_delivery,
        None,
        {200: schemas.DeliveryAnswer},
        key="optional",
        errors=("conflict", "not_found", "suspended"),
    ),
    CALLS.get(
        "/v1/venue/benefits",
        "listVenueBenefits",
        "List the benefits of this venue",
        handlers.list_benefits,
        schemas.VenueBenefits,
        query=PAGING,
        errors=("suspended",),
    ),
    CALLS.get(
        "/v1/venue/redemptions",
        "listRedemptions",
        "List the venue's redemptions of a day, without persons",
        handlers.list_redemptions,
        schemas.RedemptionList,
        query=(Parameter("day", CIVIL_DAY, "The civil day; today unless given."), *PAGING),
        errors=("bad_query", "suspended"),
    ),
    CALLS.get(
        "/v1/venue/complaints",
        "listProviderComplaints",
        "Read the provider's number of complaints and the cases passed on to it",
        complaints.list_complaints,
        complaint_schemas.ProviderComplaints,
        query=PAGING,
        errors=("suspended",),
        writes=True,
    ),
)
