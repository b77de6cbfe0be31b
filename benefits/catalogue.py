"""What is in force: schemes as a timeline, providers, venues, services with baselines, and the benefits on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from benefits import conditions, effects
from benefits.decisions import Rule
from benefits.effects import Effect
from benefits.scheme import Scheme, Timeline
from consent import documents
from consent.kinds import Kind

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Benefit:
    """A benefit in force with the service it improves and the provider behind it; bodies are their documents."""

    benefit_id: str
    version: int
    body: Body
    service: Body
    provider: Body
    rule: Rule
    effect: Effect

    @property
    def provider_id(self) -> str:
        """The provider whose `benefit.check` consent is needed."""
        return str(self.provider["provider_id"])


async def timeline(at: datetime) -> Timeline:
    """The scheme versions in force, compiled; compiled once for each set of documents."""
    found = await documents.all_in_force(Kind.SCHEMES, at)
    return _compiled(tuple(json.dumps(version.body) for version in found))


@dataclass(frozen=True, slots=True)
class Dated:
    """A timeline with the catalogue's number of changes it was read at, and from when until before when it holds."""

    timeline: Timeline
    changes: int
    since: datetime
    until: datetime | None

    def holds(self, changes: int, at: datetime) -> bool:
        """Whether this is still the timeline at a number of changes and a moment."""
        return changes == self.changes and self.since <= at and (self.until is None or at < self.until)


async def dated_timeline(at: datetime) -> Dated:
    """The timeline of `at`, to be kept for as long as it holds. Not inside a transaction that changes documents."""
    # The number first: what changes meanwhile is then seen as a change.
    changes = await documents.changes()
    return Dated(await timeline(at), changes, at, await documents.next_change(Kind.SCHEMES, at))


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
        Rule(conditions.parse(found.body["condition"])),
        effects.parse(found.body["effect"]),
    )
