"""Compare the service with the journal after each fault: nothing lost, nothing doubled, every invariant intact."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx2

from consent.database import queries
from consent.transparency import checkpoint, merkle
from consent.transparency.checkpoint import Checkpoint
from consent.transparency.logs import Log
from consent.verification import logs, retention
from service.auth.access_tokens import Audience
from service.storage import database
from tests.campaign.calls import Caller
from tests.campaign.city import City, Process
from tests.campaign.expected import Redeemed
from tests.campaign.journal import Journal
from tests.campaign.residents import VENUES, ResidentClient
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS

ZONE = ZoneInfo("Asia/Shanghai")
SAMPLE = 3
"""Idempotency keys of redemptions that are sent again in each round."""


@dataclass
class Findings:
    """Differences between the journal and the service; empty when all is well."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def compare(self, what: str, expected: set[str], stored: Sequence[str]) -> None:
        """Note what is missing from `stored`, and what is there twice or without a reason."""
        present = Counter(stored)
        self.lost += [f"{what} {name}" for name in sorted(expected - present.keys())]
        self.doubled += [f"{what} {name}" for name, times in present.items() if times > 1 or name not in expected]

    def require(self, condition: bool, message: str) -> None:
        """Note a message unless a condition holds."""
        if not condition:
            self.broken.append(message)

    @property
    def all(self) -> list[str]:
        """Every difference, with its kind."""
        return [
            *(f"lost: {text}" for text in self.lost),
            *(f"doubled: {text}" for text in self.doubled),
            *(f"broken: {text}" for text in self.broken),
        ]


class Witness:
    """An observer of both logs, which checks that each checkpoint continues the one before it."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.last: dict[Log, Checkpoint] = {}
        self.seen = 0

    async def observe(self, caller: Caller, findings: Findings) -> None:
        """Read the checkpoint of each log and verify its signature and the RFC 6962 proof from the last one."""
        publisher = self.city.settings.publisher
        for log in Log:
            answer = await caller.read(None, f"/log/{log}/checkpoint")
            if answer.status_code == 404:
                continue
            note = checkpoint.open_note(answer.text, publisher.signer_of(log).key)
            present, last = Checkpoint.parse(note), self.last.get(log)
            self.last[log] = present
            if last is None or last == present:
                continue
            self.seen += 1
            if last.size == present.size or last.size == 0:
                findings.require(last.root == present.root or last.size == 0, f"{log}: two roots of one size")
                continue
            proof = await caller.read(None, f"/log/{log}/proof/consistency?from={last.size}&to={present.size}")
            findings.require(proof.status_code == 200, f"{log}: no proof from {last.size} to {present.size}")
            if proof.status_code == 200:
                hashes = [base64.b64decode(text) for text in proof.json()["hashes"]]
                try:
                    merkle.check_consistency(last.size, present.size, last.root, present.root, hashes)
                except merkle.ProofInvalid as error:
                    findings.require(False, f"{log}: {error}")


async def check(city: City, caller: Caller, clients: Sequence[ResidentClient], redeemed: Redeemed) -> Findings:
    """Compare everything while nobody acts; every call of the clients is settled."""
    findings = Findings()
    for client in clients:
        await check_resident(caller, client, findings, city.clock_is_off)
    await _check_redemptions(caller, redeemed, findings)
    await check_rows(city, findings)
    await check_privacy(city, caller, clients, findings)
    return findings


async def check_resident(
    caller: Caller, client: ResidentClient, findings: Findings, clock_is_off: timedelta = timedelta(0)
) -> None:
    """Compare consents, records, objections and points of a resident with the journal."""
    expected, name = client.expected, client.subject
    consents = await caller.pages(client.me, "/v1/me/consents")
    states = {row["consent_id"]: row["state"] for row in consents}
    findings.compare(f"{name} consent", set(expected.consents), [row["consent_id"] for row in consents])
    for consent_id, (_, _, state) in expected.consents.items():
        findings.require(
            states.get(consent_id, state) == state,
            f"{name} consent {consent_id} is {states.get(consent_id)}, not {state}",
        )
    records = await caller.pages(client.me, "/v1/me/records")
    delivered = {
        f"{source} {record_id} {content}"
        for source, rows in expected.records.items()
        for record_id, content in rows.items()
    }
    stored = [
        f"{row['source_id']} {row['source_record_id']} {(row['kind'], row['quantity'], row['occurred_on'])}"
        for row in records
    ]
    findings.compare(f"{name} record", delivered, stored)
    objections = await caller.pages(client.me, "/v1/me/objections")
    findings.compare(f"{name} objection", expected.objections, [row["objection_id"] for row in objections])
    answer = await caller.read(client.me, "/v1/me/points")
    total, computed = (
        answer.json().get("total"),
        expected.points((datetime.now(UTC) + clock_is_off).astimezone(ZONE).date()),
    )
    findings.require(total == computed, f"{name} has {total} points, and a replay gives {computed}")


async def _check_redemptions(caller: Caller, redeemed: Redeemed, findings: Findings) -> None:
    stored: list[tuple[str, str]] = []
    for venue in VENUES:
        rows = await caller.pages((Audience.VENUE, venue), "/v1/venue/redemptions")
        stored += [(row["redemption_id"], row["state"]) for row in rows]
    findings.compare("redemption", set(redeemed.done), [redemption_id for redemption_id, _ in stored])
    for redemption_id, state in stored:
        expected = redeemed.done.get(redemption_id, ("", "", state))[2]
        findings.require(state == expected, f"redemption {redemption_id} is {state}, not {expected}")
    for redemption_id, (venue, key, _) in list(redeemed.done.items())[-SAMPLE:]:
        body = {"handle": redeemed.handles[redemption_id]}
        again = await caller.repeat((Audience.VENUE, venue), "/v1/venue/redemptions", body, key)
        same = again.json().get("redemption_id") == redemption_id
        findings.require(same, f"the key of redemption {redemption_id} gives {again.status_code}")


async def check_rows(city: City, findings: Findings) -> None:
    """Verify logs, chains, sealed fields, quotas, and that nothing was used without a consent."""
    await database.open_database(city.database_url)
    try:
        await _check_rows(city, findings)
    finally:
        await database.close_database()


async def _check_rows(city: City, findings: Findings) -> None:
    reports = await logs.check_all(city.settings.keyring, city.settings.publisher)
    for name, report in reports.items():
        findings.require(report.fault is None, f"verify-log: {name}: {report.fault}")
    for check_of in (retention.UNCOVERED_RECORDS, retention.UNCOVERED_USES):
        findings.require(await check_of.count(2**62) == 0, check_of.name)
    taken: Counter[str] = Counter()
    for row in await queries.fetch_all(
        "SELECT t.counters FROM ticket t JOIN redemption r ON r.redemption_id = t.redemption_id"
        " WHERE r.state = 'redeemed'"
    ):
        taken.update(json.loads(row["counters"]))
    for row in await queries.fetch_all("SELECT quota_key, taken FROM quota_use"):
        findings.require(row["taken"] == taken.pop(row["quota_key"], 0), "a quota counts other than was redeemed")
    findings.require(not +taken, "redemptions that no quota counts")
    twice = await queries.fetch_one(
        "SELECT count(*) AS rows FROM log_entry l JOIN outbox o ON o.leaf_hash = l.leaf_hash WHERE l.log = o.log"
    )
    findings.require(twice == {"rows": 0}, "a leaf is in the outbox and in the log")


async def check_privacy(city: City, caller: Caller, clients: Sequence[ResidentClient], findings: Findings) -> None:
    """Search log lines, leaves, metrics and errors for the subjects, accounts and record ids of the residents."""
    async with httpx2.AsyncClient(timeout=WAIT_SECONDS) as http:
        counted = [await metrics_of(process, http) for process in city.processes]
    findings.require(any(counted), "no process answers at its operations address")
    metrics = "\n".join(counted)
    places = {"log lines": city.log_lines(), "metrics": metrics, "errors": "\n".join(caller.journal.bodies)}
    await database.open_database(city.database_url)
    try:
        rows = await queries.fetch_all("SELECT leaf FROM log_entry UNION ALL SELECT leaf FROM outbox")
    finally:
        await database.close_database()
    places["leaves"] = "\n".join(row["leaf"] for row in rows)
    for place, text in places.items():
        planted = [value for client in clients for value in client.planted if value in text]
        findings.require(not planted, f"{place} contain {planted[:1]}")


async def metrics_of(process: Process, http: httpx2.AsyncClient) -> str:
    """Return the metrics of a process; nothing of one that has ended.

    A process that was killed and started again may not listen yet, while another one has answered every client.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while process.is_alive and time.monotonic() < deadline:
        with suppress(httpx2.ConnectError):
            return (await http.get(process.operations + "/metrics")).text
        await asyncio.sleep(POLL_SECONDS)
    return ""


def unexpected(journal: Journal) -> list[str]:
    """Return answers that no fault excuses: 500."""
    return [f"{journal.statuses[500]} answers were 500"] if journal.statuses[500] else []
