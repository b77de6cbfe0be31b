"""Public keys of a token issuer: selection of the acceptable keys of a JWKS, and their refresh in the background.

The request path never fetches. A background task polls the one configured URL; a token with an unknown kid can trigger
one fetch per cooldown. A failed fetch changes nothing; after a day without a successful one no key is trusted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from service.auth.trust_store import trust_store
from service.observability.log_events import LogEvent
from service.observability.logging import log_event

REFRESH_SECONDS = 300
"""Between two fetches of a JWKS; with FETCH_SECONDS below the 330 s in which a removed key must be refused."""
RETRY_SECONDS = 10
"""Between a failed fetch and the next; short, because tokens under a new key are refused until one succeeds."""
COOLDOWN_SECONDS = 30
"""Unknown kids cause at most one fetch in this time, however many they are."""
FETCH_SECONDS = 10
"""Deadline of the whole fetch, so that an answer sent a byte at a time ends too."""
KEYS_USABLE_SECONDS = 86_400
"""Lifetime of keys without a successful fetch: a day later they may have been withdrawn."""
JWKS_BYTES = 65_536
JWKS_KEYS = 64
"""Largest accepted JWKS; issuers publish a handful of keys."""
RSA_BITS = range(2048, 8193)
"""Accepted RSA key sizes: smaller ones are weak, larger ones take milliseconds to verify with."""

NANOSECONDS = 1_000_000_000

Algorithm = Literal["ES256", "RS256"]


@dataclass(frozen=True, slots=True)
class Key:
    """A public signing key. Its type fixes the algorithm; the `alg` of a token is only compared with it."""

    algorithm: Algorithm
    public: EllipticCurvePublicKey | RSAPublicKey


@dataclass(frozen=True, slots=True)
class KeySet:
    """The acceptable keys of a JWKS, by kid."""

    keys: Mapping[str, Key]

    @classmethod
    def read(cls, document: Mapping[str, object]) -> KeySet:
        """Return the P-256 and RSA public signing keys that have a kid; other entries are ignored.

        A key that is listed twice counts once. Two different keys of one kid are both left out: nobody can tell which
        of them a token means. Raises ValueError when the document is no JWKS.
        """
        members = document.get("keys")
        if not isinstance(members, list) or len(members) > JWKS_KEYS:
            raise ValueError(f"a JWKS has a list of at most {JWKS_KEYS} keys")
        keys: dict[str, Key] = {}
        ambiguous: set[str] = set()
        for member in members:
            key = _public_key(member) if isinstance(member, dict) else None
            if key is not None and keys.setdefault(member["kid"], key) != key:
                ambiguous.add(member["kid"])
        if ambiguous:
            log_event(LogEvent.KEY_SET_AMBIGUOUS)
        return cls({kid: key for kid, key in keys.items() if kid not in ambiguous})


def _public_key(member: dict[str, Any]) -> Key | None:
    """Return the key of a JWK, or None when tokens must not be verified with it."""
    kid, kind, named = member.get("kid"), member.get("kty"), member.get("alg")
    # "d" and "k" are private or symmetric parts: anybody who reads the JWKS could sign with such a key.
    if not isinstance(kid, str) or not kid or "d" in member or "k" in member:
        return None
    try:
        if member.get("use", "sig") != "sig" or "verify" not in member.get("key_ops", ["verify"]):
            return None
        if kind == "EC" and member.get("crv") == "P-256" and named in (None, "ES256"):
            point = ECAlgorithm.from_jwk({name: member[name] for name in ("kty", "crv", "x", "y")})
            return Key("ES256", point) if isinstance(point, EllipticCurvePublicKey) else None
        if kind == "RSA" and named in (None, "RS256"):
            modulus = RSAAlgorithm.from_jwk({name: member[name] for name in ("kty", "n", "e")})
            if isinstance(modulus, RSAPublicKey) and modulus.key_size in RSA_BITS:
                return Key("RS256", modulus)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    return None


class KeySource:
    """An issuer's keys: given once (`fixed`), or fetched from a URL by a background task.

    `start` and `stop` own the task; `current` and `miss` serve the request path and never wait.
    """

    def __init__(
        self,
        url: str,
        *,
        refresh_seconds: int = REFRESH_SECONDS,
        cooldown_seconds: int = COOLDOWN_SECONDS,
        usable_seconds: int = KEYS_USABLE_SECONDS,
    ) -> None:
        self._url: str | None = url
        self._host = urlsplit(url).hostname or ""
        self._refresh_seconds = refresh_seconds
        self._cooldown_ns = cooldown_seconds * NANOSECONDS
        self._usable_ns = usable_seconds * NANOSECONDS
        self._keys: KeySet | None = None
        self._seen_ns = 0
        self._next_miss_ns = 0
        self._fetch_soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def fixed(cls, document: Mapping[str, object]) -> KeySource:
        """Make a source whose keys never change. Raises ValueError when the JWKS holds no acceptable key."""
        source = cls("")
        source._url = None
        source._keys = KeySet.read(document)
        if not source._keys.keys:
            raise ValueError("the JWKS holds no ES256 or RS256 public signing key with a kid")
        return source

    def current(self) -> KeySet | None:
        """Return the keys to trust now, the same object while they are unchanged; None when none can be trusted."""
        if self._url is not None and time.monotonic_ns() - self._seen_ns > self._usable_ns:
            return None
        return self._keys

    def age_seconds(self) -> float | None:
        """Return the seconds since the last successful fetch; None before the first, and for keys that are given."""
        if self._url is None or self._keys is None:
            return None
        return (time.monotonic_ns() - self._seen_ns) / NANOSECONDS

    def miss(self) -> None:
        """Trigger a fetch because a token named an unknown kid, at most once in the cooldown.

        A miss during the cooldown is dropped: the next token under a new key triggers the fetch.
        """
        instant = time.monotonic_ns()
        if self._url is not None and instant >= self._next_miss_ns:
            self._next_miss_ns = instant + self._cooldown_ns
            self._fetch_soon.set()

    async def start(self) -> None:
        """Fetch once (at most FETCH_SECONDS), then start the background task. A failed fetch is retried there."""
        if self._url is not None and self._task is None:
            self._fetch_soon = asyncio.Event()  # an Event belongs to the event loop that first waits for it
            fresh = await self.refresh()
            self._task = asyncio.create_task(self._run(fresh), name="jwks-refresh")

    async def stop(self) -> None:
        """Cancel the background task and wait for its end."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def refresh(self) -> bool:
        """Fetch once; True when the answer was a JWKS. On any failure the keys known so far stay."""
        try:
            keys = await self.fetch()
        except Exception as error:  # the task that retries must survive any answer
            log_event(LogEvent.KEY_SET_NOT_FETCHED, host=self._host, error=type(error).__name__)
            return False
        if not keys.keys:
            log_event(LogEvent.KEY_SET_EMPTY, host=self._host)
        self._seen_ns = time.monotonic_ns()
        if keys != self._keys:  # the verifier compares by identity: a new object invalidates its cached tokens
            self._keys = keys
        return True

    async def fetch(self) -> KeySet:
        """Fetch the keys without storing them; raises the error of the network or of the document."""
        return KeySet.read(json_object(await self._fetch()))

    async def _run(self, fresh: bool) -> None:
        while True:
            try:
                async with asyncio.timeout(self._refresh_seconds if fresh else RETRY_SECONDS):
                    await self._fetch_soon.wait()
            except TimeoutError:
                pass
            self._fetch_soon.clear()
            fresh = await self.refresh()

    async def _fetch(self) -> bytes:
        """GET the document without redirects, proxies of the environment, or compression (no decompression bomb)."""
        assert self._url is not None
        body = bytearray()
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx2.AsyncClient(
                timeout=FETCH_SECONDS, follow_redirects=False, trust_env=False, verify=trust_store()
            ) as client,
            client.stream("GET", self._url, headers={"accept-encoding": "identity"}) as answer,
        ):
            if answer.status_code != 200 or answer.headers.get("content-encoding", "identity") != "identity":
                raise ValueError("a JWKS is a plain 200 answer")
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > JWKS_BYTES:
                    raise ValueError(f"a JWKS has at most {JWKS_BYTES} bytes")
        return bytes(body)


def json_object(data: bytes) -> dict[str, object]:
    """Parse a JSON object in UTF-8. ValueError for anything else, deep nesting and a repeated name."""
    try:
        parsed = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(parsed, dict):
        raise ValueError("not an object")
    return parsed


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name comes twice")
    return names
