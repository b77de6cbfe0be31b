"""The issuer of this city's passes, as a request reaches it."""

from __future__ import annotations

from benefits.redemption.offline_passes.issuance import PassSigner
from service.compliance import public_keys
from service.http.endpoints import RequestContext
from service.http.problems import Problem


def city_url(context: RequestContext) -> str:
    """Return the address by which passes name this city; in the demonstration that of the request."""
    public = context.app_context.settings.public_url
    return public or str(context.request.base_url).rstrip("/")


async def signer(context: RequestContext, without: str = "not_found") -> PassSigner:
    """Return the address and the key that passes and status lists are signed with.

    Raises:
        Problem: of code `without`, where this city issues no passes; `unavailable` where this process must be restarted
            to sign with the key that has replaced its own.
    """
    key = context.app_context.settings.pass_key
    if key is None:
        raise Problem(without)
    if not await public_keys.may_sign_passes(key, context.at):
        raise Problem("unavailable")
    return PassSigner(city_url(context), key.key)
