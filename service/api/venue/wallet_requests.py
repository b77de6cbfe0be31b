"""Venues' operations on requests for a pass in a wallet (OpenID4VP): make one, read its verdict."""

from __future__ import annotations

import segno

from benefits.redemption import reversal
from benefits.redemption.offline_passes import wallet_requests
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from service.api.venue import handlers, passes, schemas, wallet_request_schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def create_request(context: RequestContext, body: wallet_request_schemas.WalletRequestBody) -> Answer:
    """Make a request for a pass for a benefit at the venue. Errors as `wallet_requests.create`."""
    pass_context = await passes.pass_context_of_client(context)
    request = await wallet_requests.create(pass_context, body.benefit_id, context.civil_time)
    drawn = segno.make_qr(request.url, error="l").svg_inline(scale=4, border=4, unit="px")
    return Answer(
        wallet_request_schemas.WalletRequestAnswer(
            request_id=request.request_id,
            request_url=request.url,
            qr_svg=drawn,
            expires_at=json_io.rfc3339(request.expires_at),
        ),
        201,
    )


async def read_request(context: RequestContext, _: None) -> Answer:
    """Return the state of one of the venue's requests, and its verdict; NotFound for any other."""
    venue, request_id = await handlers.own_venue(context), context.request.path_params["request_id"]
    stored = await wallet_requests.get(venue["venue_id"], request_id, context.at)
    verdict = None if stored.state != "answered" else await _verdict(venue["venue_id"], stored.redemption_id)
    return Answer(
        wallet_request_schemas.WalletRequestResult(request_id=request_id, state=stored.state, verdict=verdict)
    )


async def _verdict(venue_id: str, redemption_id: str | None) -> schemas.RedemptionAnswer | schemas.StandardTermsAnswer:
    """Return what was redeemed, by the version of that time; standard terms if nothing was or it was taken back."""
    if redemption_id is None:
        return schemas.StandardTermsAnswer()
    redemption = await reversal.get_for_venue(venue_id, redemption_id)
    if redemption["state"] == "reversed":
        return schemas.StandardTermsAnswer()
    redeemed = await lifecycle.get(DocumentKind.BENEFITS, redemption["benefit_id"], redemption["benefit_version"])
    return schemas.RedemptionAnswer(
        redemption_id=redemption_id,
        benefit_id=redemption["benefit_id"],
        effect=redeemed.body["effect"],
        terms=redeemed.body["terms"],
        runs_until=queries.from_day_number(redemption["runs_until"]).isoformat(),
    )
