"""A venue's request for a pass in a wallet, by OpenID for Verifiable Presentations 1.0: made, answered once, read.

The wallet's answer redeems the benefit, as a scanned pass does. The request names the venue's benefit and nobody; the
wallet is told only that its answer has arrived, the venue only if the benefit applies.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from benefits.catalogue.model import LiveBenefit, is_offered_at
from benefits.models import WalletRequest
from benefits.passes import claims, jose, sd_jwt
from benefits.passes.refusals import PassRefused
from benefits.redemption.decision import CivilTime
from benefits.redemption.offline_passes import issuance, redeem_pass
from benefits.redemption.offline_passes.reported_use import Asked, ReportedUse, VenuePassContext
from consent.crypto.blind_index import new_id
from consent.database import named_locks, queries
from consent.documents import versions
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import Conflict, NotFound

REQUEST_LIFE = timedelta(minutes=3)
"""Time in which a request can be answered: to open a wallet and agree. Its link is on the desk's screen."""
OPEN_REQUESTS_MAX = 20
"""Requests of a venue that wait for an answer: more than a venue has desks."""
STORED_REQUESTS_MAX = 15_000
"""Requests of a venue that are stored, for a day after their end: one a minute for twelve hours at each of
OPEN_REQUESTS_MAX desks is 14,400. The rate of venues alone would allow millions of rows."""
RETENTION = timedelta(days=1)
"""Time after its end for which a venue can read a request and its verdict."""
CREDENTIAL = "pass"
"""The id of the one credential query."""
CLIENT_PREFIX = "redirect_uri:"
SECRET_BYTES = 16
FORMAT = {"sd-jwt_alg_values": [jose.ALGORITHM], "kb-jwt_alg_values": [jose.ALGORITHM]}


class NewRequest(NamedTuple):
    """A request that was made: its id, its link for the wallet, and its end."""

    request_id: str
    url: str
    expires_at: datetime


class StoredRequest(NamedTuple):
    """A request as its venue reads it: open, answered or expired; `redemption_id` where the benefit was redeemed."""

    benefit_id: str
    state: str
    redemption_id: str | None


class WalletAnswer(NamedTuple):
    """The answer of a wallet; `shown_pass` is None where it sent an error, or nothing that can be a pass."""

    state: str
    shown_pass: str | None


def response_uri(city_url: str, request_id: str) -> str:
    """Return the address to which a wallet posts its answer."""
    return f"{city_url}/v1/public/presentations/{request_id}"


async def create(context: VenuePassContext, benefit_id: str, now: CivilTime) -> NewRequest:
    """Store a request for a pass for a benefit at the context's venue, in the running transaction.

    Raises:
        NotFound: the benefit is not offered at the venue.
        NoOfflinePass: the benefit gives places.
        Conflict: OPEN_REQUESTS_MAX of the venue are open, or STORED_REQUESTS_MAX are stored.
    """
    venue_id = context.venue["venue_id"]
    benefit = context.catalogue.benefit(benefit_id, now.today)
    if benefit is None or not is_offered_at(benefit, context.venue):
        raise NotFound("the benefit is not offered at this venue")
    issuance.require_passes(benefit)
    await _require_within_limits(venue_id, now)
    expires_at = now.at + REQUEST_LIFE
    row = await WalletRequest.create(
        request_id=new_id(),
        venue_id=venue_id,
        benefit_id=benefit_id,
        nonce=secrets.token_urlsafe(SECRET_BYTES),
        state=secrets.token_urlsafe(SECRET_BYTES),
        expires_at=queries.to_micros(expires_at),
    )
    return NewRequest(row.request_id, _url(context, row, await _versions_with_passes(benefit, now.at)), expires_at)


async def _require_within_limits(venue_id: str, now: CivilTime) -> None:
    """Raise Conflict unless a venue may have one more request; its other requests wait until this transaction ends."""
    # Two requests at once would both count before either is stored.
    await named_locks.acquire(f"wallet-request|{venue_id}")
    stored = WalletRequest.filter(venue_id=venue_id)
    if await stored.filter(answered_at=None, expires_at__gt=now.micros).count() >= OPEN_REQUESTS_MAX:
        raise Conflict(f"at most {OPEN_REQUESTS_MAX} requests of a venue are open at a time")
    if await stored.count() >= STORED_REQUESTS_MAX:
        raise Conflict(f"at most {STORED_REQUESTS_MAX} requests of a venue are stored, each until a day after its end")


async def _versions_with_passes(benefit: LiveBenefit, at: datetime) -> list[int]:
    """Return the versions of a benefit of which a pass can be valid: in force now or within the life of a pass."""
    approved = await versions.versions_between(DocumentKind.BENEFITS, benefit.benefit_id, 0, benefit.version)
    recent = [
        older.version
        for older, newer in pairwise(approved)
        if newer.in_force_from is not None and newer.in_force_from > at - issuance.LIFETIME
    ]
    return [*recent, benefit.version]


def _url(context: VenuePassContext, row: WalletRequest, with_passes: Sequence[int]) -> str:
    """Return the request for a pass of one of these versions as a link.

    It is not signed: the prefix `redirect_uri` forbids that (OpenID4VP 1.0, 5.9.3).
    """
    answer_to = response_uri(context.city_url, row.request_id)
    query = {
        "id": CREDENTIAL,
        "format": sd_jwt.TYPE,
        "require_cryptographic_holder_binding": True,
        "meta": {
            "vct_values": [claims.benefit_type(context.city_url, row.benefit_id, version) for version in with_passes]
        },
        # A wallet may have passes of other venues, which prove nothing here.
        "claims": [{"path": ["aud"], "values": [claims.venue_url(context.city_url, row.venue_id)]}],
    }
    request: Mapping[str, Any] = {
        "response_type": "vp_token",
        "response_mode": "direct_post",
        "client_id": CLIENT_PREFIX + answer_to,
        "response_uri": answer_to,
        "nonce": row.nonce,
        "state": row.state,
        "dcql_query": orjson.dumps({"credentials": [query]}).decode(),
        "client_metadata": orjson.dumps({"vp_formats_supported": {sd_jwt.TYPE: FORMAT}}).decode(),
    }
    return f"openid4vp://?{urlencode(request)}"


async def claim(request_id: str, answer: WalletAnswer, now: CivilTime) -> WalletRequest | None:
    """Return the open request that an answer is for, which nobody can answer again; None for any other.

    An answer with another state takes nothing.
    """
    row = await WalletRequest.get_or_none(request_id=request_id)
    if row is None or not hmac.compare_digest(row.state.encode(), answer.state.encode()):
        return None
    taken = await WalletRequest.filter(request_id=request_id, answered_at=None, expires_at__gt=now.micros).update(
        answered_at=now.micros
    )
    return row if taken else None


async def redeem(context: VenuePassContext, row: WalletRequest, shown_pass: str, now: CivilTime) -> None:
    """Redeem the benefit of a claimed request with the pass that answers it, `<JWS>~<key-binding JWT>`.

    A "no" stores no redemption; it can spend the pass (`redeem_pass.redeem_shown`).
    """
    try:
        signed_pass, key_binding = sd_jwt.split(shown_pass)
    except PassRefused:
        return
    asked = Asked(CLIENT_PREFIX + response_uri(context.city_url, row.request_id), row.nonce, row.benefit_id)
    redeemed = await redeem_pass.redeem_shown(context, ReportedUse(signed_pass, key_binding, now.at, asked), now)
    if redeemed is not None:
        await WalletRequest.filter(request_id=row.request_id).update(redemption_id=redeemed.redemption_id)


async def get(venue_id: str, request_id: str, at: datetime) -> StoredRequest:
    """Return a request of a venue with its state at `at`; NotFound for any other."""
    row = await WalletRequest.get_or_none(request_id=request_id, venue_id=venue_id)
    if row is None:
        raise NotFound("the venue has no such request")
    state = "expired" if row.expires_at <= queries.to_micros(at) else "open"
    return StoredRequest(row.benefit_id, "answered" if row.answered_at is not None else state, row.redemption_id)


async def delete_old(at: datetime) -> int:
    """Delete the requests that ended RETENTION ago, answered or not; return their number."""
    return await WalletRequest.filter(expires_at__lte=queries.to_micros(at - RETENTION)).delete()
