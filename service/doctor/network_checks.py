"""Checks of other services: Redis, the identity provider, and the collector of traces."""

from __future__ import annotations

import asyncio

from service.auth.access_tokens import Audience, TrustedTokenIssuer
from service.auth.jwks import KeySource
from service.doctor.examination import CheckResult, Examination, failed, not_checked, ok, warning
from service.settings import Collector

REDIS_SECONDS = 2.0
"""Longest wait for Redis's answer."""
COLLECTOR_SECONDS = 2.0
"""Longest wait for the collector's answer."""


async def redis(examination: Examination) -> list[CheckResult]:
    """Ask Redis for an answer, where one is set."""
    if "redis_url" not in examination.usable:
        return [not_checked("REDIS_URL")]
    url = examination.usable["redis_url"]
    if url is None:
        return [ok("not set: each process counts rates for itself")]
    from redis.asyncio import Redis

    client = Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            await client.ping()
    except Exception as error:
        reason = f"Redis does not answer ({type(error).__name__})"
        return [warning(reason, "start Redis or correct REDIS_URL; until then each process counts for itself")]
    finally:
        await client.aclose()
    return [ok()]


async def collector(examination: Examination) -> list[CheckResult]:
    """Send a message without spans to the collector of traces and metrics, where one is set."""
    if "telemetry" not in examination.usable:
        return [not_checked("OTLP_ENDPOINT and TRACE_RATIO")]
    chosen: Collector | None = examination.usable["telemetry"]
    if chosen is None:
        return [ok("not set: no traces are sent")]
    from service.observability import telemetry

    error = await telemetry.try_collector(chosen.endpoint, COLLECTOR_SECONDS)
    if error is not None:
        reason = f"the collector at {chosen.endpoint} takes no message ({error})"
        return [warning(reason, "start it or correct OTLP_ENDPOINT; until then traces and metrics are lost")]
    return [ok(chosen.endpoint)]


async def identity_provider(examination: Examination) -> list[CheckResult]:
    """Fetch the keys of every audience's issuer, and compare them with the algorithms that the audience accepts."""
    if examination.demo is not None:
        return [ok("the demonstration's")]
    issuers: dict[Audience, TrustedTokenIssuer] | None = examination.usable.get("token_issuers")
    if issuers is None:
        return [not_checked("ISSUERS")]
    urls = list(dict.fromkeys(str(issuer.jwks_url) for issuer in issuers.values()))
    fetched = dict(zip(urls, await asyncio.gather(*map(_fetch, urls)), strict=True))
    results = []
    for audience, issuer in issuers.items():
        keys = fetched[str(issuer.jwks_url)]
        if isinstance(keys, str):
            remedy = "correct jwks_url, or let this machine reach it: tokens of this audience are refused"
            results.append(failed(f"{audience}: the keys at {issuer.jwks_url} cannot be read ({keys})", remedy))
        elif not keys & issuer.algorithms:
            accepted = ", ".join(sorted(issuer.algorithms))
            remedy = "let the identity provider sign with one, or correct `algorithms`"
            results.append(failed(f"{audience}: no key of {accepted} at {issuer.jwks_url}", remedy))
    return results or [ok(f"{len(urls)} key sets for {len(issuers)} audiences")]


async def _fetch(url: str) -> frozenset[str] | str:
    """Return the algorithms of the keys at a URL, or the name of the error."""
    try:
        return frozenset(key.algorithm for key in (await KeySource(url).fetch()).keys.values())
    except Exception as error:
        return type(error).__name__
