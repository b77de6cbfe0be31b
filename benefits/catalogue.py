"""What is in force: schemes as a timeline, providers, venues, services with baselines, and the benefits on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from benefits import conditions, effects
from benefits import documents as shapes
from benefits.conditions import Condition
from benefits.effects import Effect
from benefits.scheme import Scheme, SchemeInvalid, Timeline
from consent import database, documents
from consent.documents import Finding, Kind, Severity
from consent.faults import DocumentInvalid

Body = Mapping[str, Any]


NAMED = {
    Kind.VENUES: {"provider_id": Kind.PROVIDERS},
    Kind.SERVICES: {"provider_id": Kind.PROVIDERS},
    Kind.BENEFITS: {"service_id": Kind.SERVICES},
}
"""Which members name another document, which must be in force first."""


@dataclass(frozen=True, slots=True)
class Benefit:
    """A benefit in force with the service it improves and the provider behind it; bodies are their documents."""

    benefit_id: str
    version: int
    body: Body
    service: Body
    provider: Body
    condition: Condition
    effect: Effect

    @property
    def provider_id(self) -> str:
        """The provider whose `benefit.check` consent is needed."""
        return str(self.provider["provider_id"])


async def gate(kind: Kind, body: Body) -> Sequence[Finding]:
    """What a document must pass before anybody may approve it: its shape, what it names, and that its effect adds."""
    try:
        if kind is Kind.SCHEMES:
            Scheme.from_document(body)
        else:
            shapes.read(kind, body)
    except DocumentInvalid as error:
        return [
            Finding(fault.code, "R3" if kind is Kind.BENEFITS else "R13", fault.pointer, Severity.REFUSED, fault.detail)
            for fault in error.faults
        ]
    except SchemeInvalid as error:
        return [Finding("scheme_invalid", "R1", "", Severity.REFUSED, str(error))]
    return await _unnamed(kind, body)


async def _unnamed(kind: Kind, body: Body) -> list[Finding]:
    at = await database.now()
    for member, named_kind in NAMED.get(kind, {}).items():
        named = await documents.in_force(named_kind, body[member], at)
        if named is None:
            detail = f"there is no {member} of this name in force"
            return [Finding("not_in_force", "R4", f"/{member}", Severity.REFUSED, detail)]
        if kind is Kind.BENEFITS and not effects.improves(effects.parse(body["effect"]), named.body["baseline"]):
            detail = "the effect must be strictly better than the baseline in one attribute and worse in none"
            return [Finding("no_improvement", "R3", "/effect", Severity.REFUSED, detail)]
    return []


async def timeline(at: datetime) -> Timeline:
    """The scheme versions in force, compiled; compiled once for each set of documents."""
    found = await documents.all_in_force(Kind.SCHEMES, at)
    return _compiled(tuple(json.dumps(version.body) for version in found))


@lru_cache(maxsize=8)
def _compiled(bodies: tuple[str, ...]) -> Timeline:
    return Timeline(tuple(Scheme.from_document(json.loads(body)) for body in bodies))


async def benefit(benefit_id: str, today: date, at: datetime) -> Benefit | None:
    """The benefit, if it, its service and its provider are in force and today is among its days."""
    found = await documents.in_force(Kind.BENEFITS, benefit_id, at)
    if found is None:
        return None
    service = await documents.in_force(Kind.SERVICES, found.body["service_id"], at)
    if service is None:
        return None
    provider = await documents.in_force(Kind.PROVIDERS, service.body["provider_id"], at)
    return _benefit(found, service, provider, today)


async def benefits(today: date, at: datetime) -> list[Benefit]:
    """Every benefit in force today, by id."""
    services = {one.document_id: one for one in await documents.all_in_force(Kind.SERVICES, at)}
    providers = {one.document_id: one for one in await documents.all_in_force(Kind.PROVIDERS, at)}
    live = []
    for found in await documents.all_in_force(Kind.BENEFITS, at):
        service = services.get(found.body["service_id"])
        provider = providers.get(service.body["provider_id"]) if service else None
        if one := _benefit(found, service, provider, today):
            live.append(one)
    return live


async def names(at: datetime) -> dict[str, Mapping[str, str]]:
    """What providers and benefits in force are called, by id, in both languages."""
    found: dict[str, Mapping[str, str]] = {}
    for kind, member in ((Kind.PROVIDERS, "name"), (Kind.BENEFITS, "title")):
        found.update({one.document_id: one.body[member] for one in await documents.all_in_force(kind, at)})
    return found


async def venues(at: datetime) -> list[Body]:
    """Every venue in force, by id."""
    return [one.body for one in await documents.all_in_force(Kind.VENUES, at)]


async def venue_of_client(client_id: str, at: datetime) -> Body | None:
    """The venue in force that this client speaks for; None when there is none or it is suspended."""
    return next((body for body in await venues(at) if body["client_id"] == client_id), None)


def _benefit(
    found: documents.Version, service: documents.Version | None, provider: documents.Version | None, today: date
) -> Benefit | None:
    if service is None or provider is None:
        return None
    valid = found.body["valid"]
    if not valid["from"] <= today.isoformat() <= valid["until"]:
        return None
    return Benefit(
        found.document_id,
        found.version,
        found.body,
        service.body,
        provider.body,
        conditions.parse(found.body["condition"]),
        effects.parse(found.body["effect"]),
    )
