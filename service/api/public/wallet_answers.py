"""The address to which wallets post their answers (OpenID4VP 1.0, 8.2): one reply for everything that arrives."""

from __future__ import annotations

from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

from benefits.passes.sd_jwt import KEY_BINDING_LENGTH_MAX, PASS_LENGTH_MAX
from benefits.redemption.offline_passes import wallet_requests
from benefits.redemption.offline_passes.wallet_requests import CREDENTIAL, WalletAnswer
from consent.database import queries
from service.api.public import pass_schemas
from service.api.venue import passes
from service.http import bodies
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

ANSWER_BYTES_MAX = 8 * 1024
"""Bytes of a wallet's answer: a pass with its key binding has at most 3 KiB, and its percent-encoding some more."""
FIELDS_MAX = 10
STATE_LENGTH_MAX = 64


async def receive(context: RequestContext, _: None) -> Answer:
    """Redeem the benefit of an open request with the pass that answers it.

    The wallet gets the same answer for every outcome, also for a request that does not exist, has ended or was
    answered before: the desk has the verdict.
    """
    answer = await _read(context.request)
    app_context, request_id = context.app_context, context.request.path_params["request_id"]
    async with queries.transaction():
        row = await wallet_requests.claim(request_id, answer, context.civil_time)
        if row is not None and answer.shown_pass is not None:
            catalogue = await app_context.catalogue.read(context.at)
            venue = catalogue.venue(row.venue_id)
            if venue is not None:
                pass_context = await passes.pass_context_at(context, venue)
                await wallet_requests.redeem(pass_context, row, answer.shown_pass, context.civil_time)
    return Answer(pass_schemas.WalletAnswerReceived())


async def _read(request: Request) -> WalletAnswer:
    """Return a posted answer; WalletAnswer("", None) where the form cannot be read; no request has an empty state.

    Raises:
        Problem: body_too_large; not_a_form (415) for another media type.
    """
    raw = await bodies.read_body(request, ANSWER_BYTES_MAX)
    if bodies.media_type(request) != bodies.FORM:
        raise Problem("not_a_form")
    try:
        fields = dict(parse_qsl(raw.decode("ascii"), strict_parsing=True, max_num_fields=FIELDS_MAX))
    except ValueError:
        return WalletAnswer("", None)
    return WalletAnswer(fields.get("state", "")[:STATE_LENGTH_MAX], _shown_pass(fields.get("vp_token", "")))


def _shown_pass(vp_token: str) -> str | None:
    """Return the one pass of a `vp_token`, with its key binding; None for another form."""
    try:
        credentials = orjson.loads(vp_token)
    except orjson.JSONDecodeError:
        return None
    shown = credentials.get(CREDENTIAL) if isinstance(credentials, dict) and len(credentials) == 1 else None
    if not isinstance(shown, list) or len(shown) != 1 or not isinstance(shown[0], str):
        return None
    text: str = shown[0]
    return text if len(text) <= PASS_LENGTH_MAX + KEY_BINDING_LENGTH_MAX else None
