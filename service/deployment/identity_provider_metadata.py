"""The identity provider's own metadata (OpenID Connect Discovery 1.0), read once when a city's folder is written.

The operator names the issuer; nothing that came from elsewhere is fetched.
"""

from __future__ import annotations

from typing import Any

import httpx2
import orjson

from service.auth.access_tokens import is_tamper_proof
from service.deployment.plan import IdentityProviderPlan, PlanInvalid

TIMEOUT_SECONDS = 5.0
"""Longest wait for a connection, and for each further piece of the answer: an operator waits."""
METADATA_BYTES_MAX = 256 * 1024
"""A metadata document has some kilobytes; a larger one is refused."""
QUOTE = "'"
"""Encloses values in the written file of settings, so no address may contain it."""
UNNAMED_ISSUER = "https://login.city.example"
"""Stands in the written files until the operator fills in the city's own."""


class MetadataUnavailable(Exception):
    """The provider's metadata could not be read; the message says why."""


def guess_identity_provider(issuer: str | None) -> IdentityProviderPlan:
    """Return endpoints under the paths that many providers use, to be checked by the operator. Raises PlanInvalid."""
    base = _checked(issuer or UNNAMED_ISSUER).rstrip("/")
    return IdentityProviderPlan(
        issuer or UNNAMED_ISSUER, f"{base}/jwks", f"{base}/auth", f"{base}/token", named=issuer is not None
    )


def read_identity_provider(issuer: str) -> IdentityProviderPlan:
    """Fetch the provider's metadata and return its endpoints. Blocks until the provider has answered or timed out.

    Raises:
        PlanInvalid: the issuer is neither https nor http on this machine, or contains a quote.
        MetadataUnavailable: no answer, or none that this issuer may give.
    """
    address = _checked(issuer).rstrip("/") + "/.well-known/openid-configuration"
    try:
        answer = httpx2.get(address, timeout=TIMEOUT_SECONDS, headers={"accept": "application/json"})
    except (httpx2.HTTPError, OSError) as error:
        raise MetadataUnavailable(f"{address}: {type(error).__name__}") from None
    if answer.status_code != 200:
        raise MetadataUnavailable(f"{address}: answered {answer.status_code}")
    if len(answer.content) > METADATA_BYTES_MAX:
        raise MetadataUnavailable(f"{address}: answered more than {METADATA_BYTES_MAX // 1024} KiB")
    try:
        metadata: dict[str, Any] = orjson.loads(answer.content)
        stated = metadata["issuer"]
        provider = IdentityProviderPlan(
            issuer,
            metadata["jwks_uri"],
            metadata["authorization_endpoint"],
            metadata["token_endpoint"],
            metadata.get("revocation_endpoint"),
            metadata.get("end_session_endpoint"),
            confirmed=True,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise MetadataUnavailable(f"{address}: no metadata of an OpenID provider ({type(error).__name__})") from None
    if stated != issuer:
        raise MetadataUnavailable(f"{address}: states another issuer; give --issuer exactly as the provider states it")
    endpoints = (provider.jwks_url, provider.authorize_url, provider.token_url)
    optional = [url for url in (provider.revocation_url, provider.sign_out_url) if url is not None]
    if not all(isinstance(url, str) and is_tamper_proof(url) for url in (*endpoints, *optional)):
        raise MetadataUnavailable(f"{address}: names an endpoint that is neither https nor on this machine")
    if any(QUOTE in url for url in (*endpoints, *optional)):
        raise MetadataUnavailable(
            f"{address}: names an endpoint with a {QUOTE}, which ends a value in the written files"
        )
    return provider


def _checked(issuer: str) -> str:
    if not is_tamper_proof(issuer):
        raise PlanInvalid("--issuer: an https address, or http on this machine")
    if QUOTE in issuer:
        raise PlanInvalid(f"--issuer: an address without {QUOTE}, which ends a value in the written files")
    return issuer
