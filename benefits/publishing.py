"""The gate with its surroundings read from the catalogue, and what a worse baseline does to live benefits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from benefits import catalogue
from benefits import documents as shapes
from benefits import gate as rules
from benefits.gate import Neighbour, Surroundings
from benefits.scheme import Scheme, SchemeInvalid
from benefits.vocabulary import BASELINE_DAYS
from consent import database, documents
from consent.documents import Version
from consent.errors import Prohibited
from consent.faults import DocumentInvalid, Fault
from consent.kinds import Finding, Kind, Severity

Body = Mapping[str, Any]
NAMED = {
    Kind.VENUES: {"provider_id": Kind.PROVIDERS},
    Kind.SERVICES: {"provider_id": Kind.PROVIDERS},
    Kind.BENEFITS: {"service_id": Kind.SERVICES},
}
"""Which members name another document, which must be in force first."""
RULES = (("/condition", "R2"), ("/effect", "R3"), ("/service_id", "R4"), ("/offline", "R14"), ("/need_based", "R14"))


async def gate(kind: Kind, body: Body, at: datetime, today: date) -> Sequence[Finding]:
    """What a document must pass before anybody may approve it: its shape, what it names, every rule.

    `today` is the city's civil day at `at`: a year begins at its midnight.
    """
    wrong = shape_faults(kind, body)
    if wrong:
        return [
            Finding(fault.code, _rule_of(kind, fault.pointer), fault.pointer, Severity.REFUSED, fault.detail)
            for fault in wrong
        ]
    for member, named_kind in NAMED.get(kind, {}).items():
        if await documents.in_force(named_kind, body[member], at) is None:
            detail = f"there is no {member} of this name in force"
            return [Finding("not_in_force", "R4", f"/{member}", Severity.REFUSED, detail)]
    return rules.judge(kind, body, await _around(kind, body, at, today))


async def must_pass(version: Version, at: datetime, today: date) -> None:
    """Prohibited when the gate refuses the version as the world is now."""
    found = await gate(version.kind, version.body, at, today)
    refused = [asdict(one) for one in found if one.severity is Severity.REFUSED]
    if refused:
        raise Prohibited(refused)


async def resume(version: Version, staff_id: str, at: datetime, today: date) -> tuple[Version, bool]:
    """Start a suspended version again, by two who both find the world as the gate wants it; whether it is started."""
    await must_pass(version, at, today)
    return await documents.resume(version.kind, version.document_id, version.version, staff_id, at)


def shape_faults(kind: Kind, body: Body) -> Sequence[Fault]:
    """Why a document cannot even be read; nothing when it can."""
    try:
        if kind is Kind.SCHEMES:
            Scheme.from_document(body)
        else:
            shapes.read(kind, body)
    except DocumentInvalid as error:
        return error.faults
    except SchemeInvalid as error:
        return [Fault("", "scheme_invalid", str(error))]
    return []


async def after_approval(version: Version, at: datetime, today: date) -> list[str]:
    """Suspend every benefit, live or scheduled, that the gate refuses on its service's new version; their ids.

    Each is then a review that waits for a privacy officer.
    """
    if version.kind is not Kind.SERVICES:
        return []
    stopped = []
    for one in (*await documents.all_in_force(Kind.BENEFITS, at), *await documents.scheduled(Kind.BENEFITS, at)):
        if one.body["service_id"] != version.document_id:
            continue
        found = await gate(Kind.BENEFITS, one.body, at, today)
        if any(finding.severity is Severity.REFUSED for finding in found):
            await documents.hold(one, documents.GATE, at)
            stopped.append(one.document_id)
    return sorted(set(stopped))


def _rule_of(kind: Kind, pointer: str) -> str:
    """The rule that a fault of shape is about."""
    if kind is Kind.BENEFITS:
        return next((rule for beginning, rule in RULES if pointer.startswith(beginning)), "R13")
    if pointer.startswith("/kind") or pointer.startswith("/category"):
        return "R11" if kind is Kind.SOURCES else "R5"
    by_kind = {Kind.SERVICES: "R4", Kind.SOURCES: "R11", Kind.NOTICES: "R9", Kind.SCHEMES: "R1"}
    return by_kind.get(kind, "R13")


async def _around(kind: Kind, body: Body, at: datetime, today: date) -> Surroundings:
    if kind is Kind.SERVICES:
        provider = await documents.in_force(Kind.PROVIDERS, body["provider_id"], at)
        past = await _services_like(body, at)
        names = sorted({one for one, _ in past} - {body["service_id"]})
        before = await documents.in_force(Kind.SERVICES, body["service_id"], at)
        return Surroundings(
            None if provider is None else provider.body,
            None,
            [one for _, one in past],
            names,
            before=None if before is None else before.body,
        )
    if kind is Kind.BENEFITS:
        service = await documents.in_force(Kind.SERVICES, body["service_id"], at)
        assert service is not None
        past = await _services_like(service.body, at)
        caps: dict[str, int] = {}
        if await documents.all_in_force(Kind.SCHEMES, at):
            scheme = (await catalogue.timeline(at)).version_for(today.year)
            caps = {str(dimension): cap for dimension, cap in scheme.caps.items()}
        return Surroundings(
            None, service.body, [one for _, one in past], (), await _neighbours(body["benefit_id"], at), caps
        )
    if kind is Kind.SCHEMES:
        rows = await database.rows("SELECT body FROM document WHERE kind = 'schemes' AND in_force_from IS NOT NULL")
        return Surroundings(scheme_years=[json.loads(row["body"])["from_year"] for row in rows], this_year=today.year)
    document_id = body[shapes.ID_MEMBER[kind]]
    shown = await documents.in_force(kind, document_id, at)
    clients = [one["client_id"] for one in (await _others(kind, document_id)).values() if "client_id" in one]
    return Surroundings(before=None if shown is None else shown.body, clients=clients)


async def _services_like(service: Body, at: datetime) -> list[tuple[str, Body]]:
    """Baselines of this provider and kind that were in force in the last 180 days, under any name, oldest first."""
    found = await database.rows(
        "SELECT document_id, body, in_force_from FROM document WHERE kind = 'services' AND in_force_from IS NOT NULL"
        " AND in_force_from <= $1 ORDER BY document_id, in_force_from DESC, version DESC",
        database.to_micros(at),
    )
    since = database.to_micros(at - timedelta(days=BASELINE_DAYS))
    past: list[tuple[int, str, Body]] = []
    ended: dict[str, int] = {}
    for row in found:
        body = json.loads(row["body"])
        until = ended.get(row["document_id"])
        ended[row["document_id"]] = row["in_force_from"]
        same_kind = body["provider_id"] == service["provider_id"] and body["kind"] == service["kind"]
        # Its own history goes with it, too, whatever provider or kind it is given.
        alike = same_kind or row["document_id"] == service["service_id"]
        if alike and (until is None or until > since):
            past.append((row["in_force_from"], row["document_id"], body["baseline"]))
    return [(name, baseline) for _, name, baseline in sorted(past, key=lambda one: (one[0], one[1]))]


async def _neighbours(benefit_id: str, at: datetime) -> list[Neighbour]:
    """The newest version of every other benefit that is live or on its way."""
    services = {one.document_id: one.body for one in await documents.all_in_force(Kind.SERVICES, at)}
    return [
        Neighbour(name, body["service_id"], services[body["service_id"]]["provider_id"], body)
        for name, body in (await _others(Kind.BENEFITS, benefit_id)).items()
        if body["service_id"] in services
    ]


async def _others(kind: Kind, document_id: str) -> dict[str, Body]:
    """The newest version, by id, of every other document of a kind that is live or on its way."""
    found = await database.rows(
        "SELECT document_id, body FROM document WHERE kind = $1 AND document_id <> $2"
        " AND state IN ('submitted', 'in_review', 'approved') ORDER BY document_id, version",
        kind,
        document_id,
    )
    return {row["document_id"]: json.loads(row["body"]) for row in found}
