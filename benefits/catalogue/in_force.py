"""What is in force: schemes as a timeline, providers, venues, services with baselines, and the benefits on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from benefits.rules import conditions, effects
from benefits.rules.compiled import Rule
from benefits.rules.effects import Effect
from benefits.scoring.scheme import Scheme, Timeline
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind

Body = Mapping[str, Any]
IN_FORCE_KINDS = (
    DocumentKind.SCHEMES,
    DocumentKind.PROVIDERS,
    DocumentKind.VENUES,
    DocumentKind.SERVICES,
    DocumentKind.BENEFITS,
)
COMPILED_MAX = 10_000
"""Benefits kept ready, by day; beyond it they are made ready again."""


@dataclass(frozen=True, slots=True)
class LiveBenefit:
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
    found = await lifecycle.all_in_force(DocumentKind.SCHEMES, at)
    return _compiled(tuple(json.dumps(version.body) for version in found))


@dataclass(frozen=True, slots=True)
class InForce:
    """Everything that decides at a venue or over points, with the catalogue's number of changes it was read at.

    It holds from `since` until before `until`, at which something begins or ends of itself.
    """

    timeline: Timeline
    changes: int
    since: datetime
    until: datetime | None
    venues: Mapping[str, Body]
    """By client."""
    parts: Mapping[str, tuple[lifecycle.Version, lifecycle.Version, lifecycle.Version]]
    """By benefit: itself, its service, its provider."""
    compiled: dict[tuple[str, date], LiveBenefit | None] = field(default_factory=dict, compare=False)

    def holds(self, changes: int, at: datetime) -> bool:
        """Whether this is still what is in force at a number of changes and a moment."""
        return changes == self.changes and self.since <= at and (self.until is None or at < self.until)

    def benefit(self, benefit_id: str, today: date) -> LiveBenefit | None:
        """The benefit, if it is in force and today is among its days."""
        key = benefit_id, today
        if key not in self.compiled:
            if len(self.compiled) >= COMPILED_MAX:
                self.compiled.clear()
            parts = self.parts.get(benefit_id)
            self.compiled[key] = None if parts is None else _benefit(*parts, today)
        return self.compiled[key]


async def load(at: datetime) -> InForce:
    """What is in force at `at`, to be kept for as long as it holds. Not inside a transaction that changes documents."""
    # The number first: what changes meanwhile is then seen as a change.
    changes = await lifecycle.change_count()
    services = {one.document_id: one for one in await lifecycle.all_in_force(DocumentKind.SERVICES, at)}
    providers = {one.document_id: one for one in await lifecycle.all_in_force(DocumentKind.PROVIDERS, at)}
    parts = {}
    for found in await lifecycle.all_in_force(DocumentKind.BENEFITS, at):
        service = services.get(found.body["service_id"])
        provider = providers.get(service.body["provider_id"]) if service else None
        if service is not None and provider is not None:
            parts[found.document_id] = (found, service, provider)
    # The first by id, as `venue_of_client` finds it.
    by_client = {body["client_id"]: body for body in reversed(await venues(at))}
    until = await lifecycle.next_change_at(IN_FORCE_KINDS, at)
    return InForce(await timeline(at), changes, at, until, by_client, parts)


@lru_cache(maxsize=8)
def _compiled(bodies: tuple[str, ...]) -> Timeline:
    return Timeline(tuple(Scheme.from_document(json.loads(body)) for body in bodies))


async def benefit(benefit_id: str, today: date, at: datetime) -> LiveBenefit | None:
    """The benefit, if it, its service and its provider are in force and today is among its days."""
    found = await lifecycle.in_force(DocumentKind.BENEFITS, benefit_id, at)
    if found is None:
        return None
    service = await lifecycle.in_force(DocumentKind.SERVICES, found.body["service_id"], at)
    if service is None:
        return None
    provider = await lifecycle.in_force(DocumentKind.PROVIDERS, service.body["provider_id"], at)
    return _benefit(found, service, provider, today)


async def benefits(today: date, at: datetime) -> list[LiveBenefit]:
    """Every benefit in force today, by id."""
    services = {one.document_id: one for one in await lifecycle.all_in_force(DocumentKind.SERVICES, at)}
    providers = {one.document_id: one for one in await lifecycle.all_in_force(DocumentKind.PROVIDERS, at)}
    live = []
    for found in await lifecycle.all_in_force(DocumentKind.BENEFITS, at):
        service = services.get(found.body["service_id"])
        provider = providers.get(service.body["provider_id"]) if service else None
        if one := _benefit(found, service, provider, today):
            live.append(one)
    return live


async def names(at: datetime) -> dict[str, Mapping[str, str]]:
    """What providers, sources and benefits in force are called, by id, in both languages."""
    found: dict[str, Mapping[str, str]] = {}
    for kind, member in (
        (DocumentKind.PROVIDERS, "name"),
        (DocumentKind.SOURCES, "name"),
        (DocumentKind.BENEFITS, "title"),
    ):
        found.update({one.document_id: one.body[member] for one in await lifecycle.all_in_force(kind, at)})
    return found


async def venues(at: datetime) -> list[Body]:
    """Every venue in force, by id."""
    return [one.body for one in await lifecycle.all_in_force(DocumentKind.VENUES, at)]


async def venue_of_client(client_id: str, at: datetime) -> Body | None:
    """The venue in force that this client speaks for; None when there is none or it is suspended."""
    return next((body for body in await venues(at) if body["client_id"] == client_id), None)


def _benefit(
    found: lifecycle.Version, service: lifecycle.Version | None, provider: lifecycle.Version | None, today: date
) -> LiveBenefit | None:
    if service is None or provider is None:
        return None
    valid = found.body["valid"]
    if not valid["from"] <= today.isoformat() <= valid["until"]:
        return None
    return LiveBenefit(
        found.document_id,
        found.version,
        found.body,
        service.body,
        provider.body,
        Rule(conditions.parse(found.body["condition"])),
        effects.parse(found.body["effect"]),
    )
