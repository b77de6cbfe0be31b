"""Check of every service before it is measured: the contract of both routes, and sealed chains that verify."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import orjson

from loadtests.benchmarks.peers.city import BENEFIT, CHECKED_BENEFIT, CHECKED_TOTAL, City, fetch_all, issue
from loadtests.benchmarks.peers.identity import Issuer
from loadtests.benchmarks.peers.kinds import REDEMPTIONS
from loadtests.benchmarks.peers.services import ROOT, Running

POINTS = "/v1/me/points"
RACERS = 6
NO = b'{"applies":false}'
OUTCOMES = """
SELECT (SELECT count(*) FROM redemption), (SELECT sum(taken) FROM quota_use), (SELECT count(*) FROM stored_answer),
       (SELECT count(*) FROM ticket WHERE redemption_id IS NOT NULL)
"""
LEAVES = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM log_entry), (SELECT count(*) FROM event)"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers in lower case, and a body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Checker:
    """Requests to one service with the tokens of a city."""

    def __init__(self, running: Running, city: City, issuer: Issuer) -> None:
        self.running, self.city, self.issuer = running, city, issuer

    def send(self, method: str, path: str, token: str | None, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request; names of `headers` have underscores for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {} if token is None else {"authorization": f"Bearer {token}"}
        sent |= {} if body is None else {"content-type": "application/json"}
        connection = HTTPConnection("localhost", self.running.port, timeout=30)
        connection.request(method, path, body, sent)
        answer: HTTPResponse = connection.getresponse()
        seen = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return seen

    def redeem(self, place: int, handle: str, key: str | None = None) -> Answer:
        """Redeem a handle at the venue of this place."""
        token = self.issuer.token("venue", self.city.venues[place])
        body = orjson.dumps({"handle": handle})
        return self.send("POST", REDEMPTIONS, token, body, idempotency_key=key or secrets.token_hex(8))

    def expect(self, condition: bool, what: str, seen: Any = "") -> None:
        """Raise AssertionError with the service's name unless the condition holds."""
        assert condition, f"{self.running.name}: {what} {seen}"

    def run(self) -> None:
        """Check both routes. Raises AssertionError for the first thing that is not as it must be."""
        self._reading()
        self._tokens()
        self._redeeming()
        self._quotas()
        self._races()

    def _reading(self) -> None:
        token = self.issuer.token("resident", self.city.residents[0])
        answer = self.send("GET", POINTS, token)
        self.expect(answer.status == 200, "read", answer)
        body = orjson.loads(answer.body)
        names = ["total", "dimensions", "scheme_version", "as_of", "valid_until"]
        self.expect(list(body) == names and body["total"] in (10, 63), "points", body)
        self.expect(answer.headers["cache-control"] == "private, no-cache", "cache headers", answer)
        self.expect(answer.headers["x-frame-options"] == "DENY" and "x-request-id" in answer.headers, "headers", answer)
        again = self.send("GET", POINTS, token, if_none_match=answer.headers["etag"])
        self.expect(again.status == 304 and not again.body, "not modified", again)

    def _tokens(self) -> None:
        wrong = self.issuer.token("venue", self.city.residents[0])
        typed = Issuer()  # the same claims under another key
        old = self.issuer.token("resident", self.city.residents[0], exp=int(time.time()) - 600, iat=1)
        child = self.issuer.token("resident", self.city.residents[0], birthdate="2020-01-01")
        for name, token, statuses in (
            ("no token", None, (401,)),
            ("another audience", wrong, (401, 403)),
            ("another key", typed.token("resident", self.city.residents[0]), (401,)),
            ("expired", old, (401,)),
            ("a child", child, (403,)),
        ):
            answer = self.send("GET", POINTS, token)
            self.expect(answer.status in statuses, name, answer)
            self.expect(answer.headers["content-type"].startswith("application/problem+json"), name, answer)

    def _redeeming(self) -> None:
        rich, poor, venues = self.city.rich[0], self.city.poor[0], self.city.venues
        first, second, third = self._issue([rich, rich, poor], BENEFIT)
        leaves = self._numbers(LEAVES)
        key = secrets.token_hex(8)
        yes = self.redeem(0, first.upper(), key)
        self.expect(yes.status == 201, "yes", yes)
        body = orjson.loads(yes.body)
        names = ["applies", "redemption_id", "benefit_id", "effect", "terms", "runs_until"]
        self.expect(list(body) == names and body["applies"] is True, "terms", body)
        replay = self.redeem(0, first.upper(), key)
        self.expect((replay.status, replay.body) == (201, yes.body), "replay", replay)
        self.expect(replay.headers.get("idempotency-replayed") == "true", "replay header", replay)
        self.expect(self.redeem(0, second, key).status == 422, "key of another body")
        refusals = {
            "a spent ticket": self.redeem(0, first),
            "another venue": self.redeem(1, second),
            "too few points": self.redeem(2, third),
            "an unknown handle": self.redeem(0, secrets.token_hex(16)),
        }
        for name, answer in refusals.items():
            self.expect((answer.status, answer.body) == (200, NO), name, answer)
        lengths = {tuple(sorted(answer.headers)) for answer in refusals.values()}
        self.expect(len(lengths) == 1, "headers of a no differ", lengths)
        token = self.issuer.token("venue", venues[0])
        self.expect(self.send("POST", REDEMPTIONS, token, b'{"handle":"x"}').status == 400, "no key")
        for bad in (b'{"handle":1}', b'{"handle":"x","name":"y"}', b"{}"):
            answer = self.send("POST", REDEMPTIONS, token, bad, idempotency_key=secrets.token_hex(8))
            self.expect(answer.status in (400, 422), "a bad body", answer)
        # One leaf for each of five decided requests, one event for each of two decided about a person.
        self.expect(self._numbers(LEAVES) == (leaves[0] + 5, leaves[1] + 2), "leaves and events", self._numbers(LEAVES))
        self.expect(self._numbers(OUTCOMES) == (1, 1, 5, 1), "rows", self._numbers(OUTCOMES))

    def _quotas(self) -> None:
        first, second, third = self.city.rich[:3]
        handles = self._issue([first, first, second, third], CHECKED_BENEFIT)
        statuses = [self.redeem(place, handle).status for place, handle in enumerate(handles)]
        # The first resident's second redemption fails at their own quota, the last at the total.
        self.expect(statuses == [201, 200, 201, 200], "quotas", statuses)
        self.expect(self._numbers(OUTCOMES)[:2] == (CHECKED_TOTAL, 2 * CHECKED_TOTAL), "counters")

    def _races(self) -> None:
        rich = self.city.rich[0]
        contested, repeated, _ = self._issue([rich, rich, rich], BENEFIT)
        key = secrets.token_hex(8)
        with ThreadPoolExecutor(RACERS) as racers:
            scans = list(racers.map(lambda _: self.redeem(0, contested), range(RACERS)))
            retries = list(racers.map(lambda _: self.redeem(0, repeated, key), range(RACERS)))
        self.expect([answer.status for answer in scans].count(201) == 1, "a ticket redeemed at once", scans)
        self.expect({answer.body for answer in scans if answer.status != 201} == {NO}, "losers", scans)
        self.expect(len({(answer.status, answer.body) for answer in retries}) == 1, "a key sent at once", retries)
        self.expect(self._numbers(OUTCOMES)[0] == 2, "redemptions after races", self._numbers(OUTCOMES))

    def _issue(self, persons: list[str], benefit: str) -> list[str]:
        venues = self.city.venues[: len(persons)]
        if benefit == BENEFIT:
            venues = [self.city.venues[0], self.city.venues[0], self.city.venues[2]]
        return asyncio.run(issue(self.running.database_url, self.city, persons, venues, benefit))

    def _numbers(self, statement: str) -> tuple[int, ...]:
        [row] = asyncio.run(fetch_all(self.running.database_url, statement))
        return tuple(int(value) for value in row)


def verify_chains(environment: Mapping[str, str]) -> None:
    """Run `credit-easy verify-log` on a service's database: every chain, every sealed field.

    Raises AssertionError with its output when something does not fit.
    """
    command = [str(Path(sys.executable).parent / "credit-easy"), "verify-log"]
    variables = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
