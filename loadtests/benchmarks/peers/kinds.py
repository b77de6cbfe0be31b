"""The kinds of request that are measured: a read, a "yes", two sorts of "no", and a replay."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from loadtests.benchmarks import served
from loadtests.benchmarks.peers import load
from loadtests.benchmarks.peers.city import BENEFIT, City, fetch_all, issue
from loadtests.benchmarks.peers.identity import Issuer
from loadtests.benchmarks.peers.services import Running

READ, YES, NO, UNKNOWN, REPLAY = "read", "yes", "no", "unknown", "replay"
KINDS = (READ, YES, NO, UNKNOWN, REPLAY)
LABELS = {
    READ: "read my points",
    YES: 'redeem: "yes"',
    NO: 'redeem: "no", too few points',
    UNKNOWN: 'redeem: "no", unknown handle',
    REPLAY: "redeem: a replayed key",
}
STATUS = {READ: 200, YES: 201, NO: 200, UNKNOWN: 200, REPLAY: 201}
REDEMPTIONS = "/v1/venue/redemptions"
REPLAYED = 200
"""Different keys that a turn of replays repeats."""


@dataclass(frozen=True, slots=True)
class Senders:
    """Tokens of the residents and venues of a city."""

    city: City
    issuer: Issuer
    reads: Sequence[bytes] = field(init=False)
    venue_tokens: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        tokens = [self.issuer.token("resident", subject) for subject in self.city.residents]
        object.__setattr__(self, "reads", [served.get("/v1/me/points", token) for token in tokens])
        object.__setattr__(self, "venue_tokens", [self.issuer.token("venue", venue) for venue in self.city.venues])

    def prepare(self, kind: str, running: Running, count: int) -> Sequence[bytes]:
        """Return so many requests of a kind, with what they need in the service's database. Clears its tickets."""
        if kind == READ:
            return list(itertools.islice(itertools.cycle(self.reads), count))
        if kind == UNKNOWN:
            asyncio.run(issue(running.database_url, self.city, (), (), BENEFIT))
            return [self._redeem(place, secrets.token_hex(16)) for place in range(count)]
        persons = self.city.poor if kind == NO else self.city.rich
        expected = min(count, REPLAYED) if kind == REPLAY else count
        venues = [self.city.venues[place % len(self.city.venues)] for place in range(expected)]
        holders = [persons[place % len(persons)] for place in range(expected)]
        handles = asyncio.run(issue(running.database_url, self.city, holders, venues, BENEFIT))
        requests = [self._redeem(place, handle) for place, handle in enumerate(handles)]
        if kind != REPLAY:
            return requests
        load.full(running.port, requests, STATUS[YES])
        return list(itertools.islice(itertools.cycle(requests), count))

    def verify(self, kind: str, running: Running, count: int) -> None:
        """Count the redemptions in the service's database after a turn. Raises AssertionError for a wrong number."""
        if kind == READ:
            return
        expected = {YES: count, REPLAY: min(count, REPLAYED)}.get(kind, 0)
        [(redeemed,)] = asyncio.run(fetch_all(running.database_url, "SELECT count(*) FROM redemption"))
        assert redeemed == expected, f"{running.name}: {redeemed} redemptions after {count} requests of kind {kind}"

    def _redeem(self, place: int, handle: str) -> bytes:
        token = self.venue_tokens[place % len(self.venue_tokens)]
        return served.post(REDEMPTIONS, token, orjson.dumps({"handle": handle}), secrets.token_hex(8))
