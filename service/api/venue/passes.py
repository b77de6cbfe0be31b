"""Venues' operations on offline passes: redeem one that is scanned with a network, upload those honoured without."""

from __future__ import annotations

from datetime import datetime

from benefits.errors import VenueSuspended
from benefits.passes import issuers
from benefits.redemption.decision import CivilTime
from benefits.redemption.offline_passes import recognised_passes, redeem_pass
from benefits.redemption.offline_passes.recognised_passes import BroughtTexts
from benefits.redemption.offline_passes.reported_use import ReportedUse, VenuePassContext
from consent.domain.document_kinds import Body
from consent.kernel.instants import parse_instant
from service.api import pass_signer
from service.api.venue import pass_schemas, schemas
from service.auth.access_tokens import Venue
from service.compliance import public_keys
from service.http.context import InstantOutOfRange
from service.http.endpoints import Answer, RequestContext
from service.http.problems import body_invalid

NOTHING_BROUGHT = BroughtTexts((), ())
"""For passes of this city alone."""


async def redeem(context: RequestContext, body: pass_schemas.ShownPassBody) -> Answer:
    """Redeem a pass that is shown, of this city or of one that it recognises, once; one answer for every "no".

    No reason needs points to be computed, so that a "no" takes the same time without a pause.
    """
    brought = BroughtTexts(
        () if body.issuer is None else (body.issuer,), () if body.status_list is None else (body.status_list,)
    )
    use = ReportedUse(body.signed, body.key_binding, context.at)
    redeemed = await redeem_pass.redeem_shown(await pass_context_of_client(context, brought), use, context.civil_time)
    if redeemed is None:
        return Answer(schemas.StandardTermsAnswer())
    benefit, runs_until = redeemed.benefit, redeemed.runs_until
    assert benefit is not None
    assert runs_until is not None
    assert redeemed.redemption_id is not None
    return Answer(
        schemas.RedemptionAnswer(
            redemption_id=redeemed.redemption_id,
            benefit_id=benefit.benefit_id,
            effect=benefit.body["effect"],
            terms=benefit.body["terms"],
            runs_until=runs_until.isoformat(),
        ),
        201,
    )


async def upload(context: RequestContext, body: pass_schemas.OfflineBody) -> Answer:
    """Record the uses of passes, each once; a result for each."""
    brought = BroughtTexts(body.issuers or (), body.status_lists or ())
    app_context, pass_context = context.app_context, await pass_context_of_client(context, brought)
    uses: list[tuple[ReportedUse, CivilTime | None]] = []
    for index, item in enumerate(body.items):
        at = _instant(item.at, index)
        try:
            uses.append((ReportedUse(item.signed, item.key_binding, at), app_context.civil_time_at(at)))
        except InstantOutOfRange:
            uses.append((ReportedUse(item.signed, item.key_binding, at), None))
    results = [
        pass_schemas.OfflineResult(
            result=recorded.result,
            redemption_id=recorded.redemption_id,
            runs_until=None if recorded.runs_until is None else recorded.runs_until.isoformat(),
        )
        for recorded in await redeem_pass.record_all(pass_context, uses, context.at)
    ]
    return Answer(pass_schemas.OfflineAnswer(results=results))


async def pass_context_of_client(context: RequestContext, brought: BroughtTexts = NOTHING_BROUGHT) -> VenuePassContext:
    """Return everything that passes at the client's venue are decided by.

    Raises:
        VenueSuspended: no venue in force belongs to the client.
    """
    assert isinstance(context.principal, Venue)
    app_context = context.app_context
    catalogue = await app_context.catalogue.read(context.at)
    venue = catalogue.venue_by_client.get(context.principal.client_id)
    if venue is None:
        raise VenueSuspended("no venue in force belongs to this client")
    return await pass_context_at(context, venue, brought)


async def pass_context_at(
    context: RequestContext, venue: Body, brought: BroughtTexts = NOTHING_BROUGHT
) -> VenuePassContext:
    """Return everything that passes at a venue in force are decided by."""
    app_context = context.app_context
    catalogue = await app_context.catalogue.read(context.at)
    keys = await public_keys.recent_pass_keys(context.at)
    city_url = pass_signer.city_url(context)
    return VenuePassContext(
        app_context.keyring,
        catalogue,
        venue,
        city_url,
        issuers.read_keys(keys) if keys else {},
        recognised_passes.read_issuers(catalogue, city_url, brought),
    )


def _instant(text: str, index: int) -> datetime:
    """Return an instant of RFC 3339; Problem body_invalid for another text, and without an offset."""
    at = parse_instant(text)
    if at is None:
        raise body_invalid(
            f"/items/{index}/at", "invalid", "Send an instant of RFC 3339, such as 2027-01-02T08:00:00Z."
        )
    return at
