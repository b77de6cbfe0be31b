"""Public operations for verifiers of passes: the issuer's keys, the status lists, other cities whose passes count."""

from __future__ import annotations

import math
from typing import Any

from starlette.responses import Response

from benefits.passes import status_list
from benefits.redemption.offline_passes import status_list_steps, status_lists
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.kernel.ascii_text import parse_digits
from service.api import pass_signer
from service.api.public import pass_schemas
from service.compliance import public_keys
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

DIGITS_MAX = 9
"""Digits of a list's number; more are no list of any day."""


async def read_issuer(context: RequestContext, _: None) -> Answer:
    """Return the address and the keys by which passes of this city verify; not_found where it issues none."""
    key = context.app_context.settings.pass_key
    if key is None:
        raise Problem("not_found")
    keys = await public_keys.issuer_keys(key, context.at)
    answer = pass_schemas.PassIssuerMetadata(
        issuer=pass_signer.city_url(context),
        jwks=pass_schemas.PassKeySet(keys=[pass_schemas.PassKey(**jwk) for jwk in keys]),
    )
    return Answer(answer, headers={"Cache-Control": f"public, max-age={public_keys.CACHE_SECONDS}"})


async def list_issuers(context: RequestContext, _: None) -> Any:
    """List the other cities in force whose passes count here, by id."""
    issuers = await lifecycle.all_in_force(DocumentKind.ISSUERS, context.at)
    return json_io.respond_with_etag(
        context.request,
        pass_schemas.IssuerList(data=[pass_schemas.IssuerRow(**issuer.body) for issuer in issuers], next_cursor=None),
    )


async def read_status_list(context: RequestContext, _: None) -> Response:
    """Return a signed status list of passes; the same for everybody in a step of five minutes.

    A cache may store it until the next step.
    """
    text = context.request.path_params["number"]
    number = parse_digits(text, DIGITS_MAX)
    if number is None or str(number) != text:
        raise Problem("not_found")
    signer = await pass_signer.signer(context)
    app_context = context.app_context
    step = app_context.civil_time_at(status_list_steps.step_of(context.at))

    async def make() -> str:
        catalogue = await app_context.catalogue.read(context.at)
        return await status_lists.sign_list(app_context.keyring, number, catalogue, signer, step)

    token = await app_context.status_lists.read(signer, number, step, make)
    fresh = status_list_steps.next_step(context.at) - context.at
    headers = {"Cache-Control": f"public, max-age={math.ceil(fresh.total_seconds())}"}
    return Response(token, media_type=status_list.MEDIA_TYPE, headers=headers)
