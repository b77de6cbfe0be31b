"""Reading what is in force: schemes as a timeline, providers, venues, services with baselines, the benefits on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from benefits.catalogue.model import InForce, Offer
from benefits.scoring.scheme import NO_SCHEME, Scheme, Timeline
from consent.documents import bodies, change_number, lifecycle, recipients, versions
from consent.domain.document_kinds import DocumentKind

IN_FORCE_KINDS = (
    DocumentKind.SCHEMES,
    DocumentKind.PROVIDERS,
    DocumentKind.SOURCES,
    DocumentKind.VENUES,
    DocumentKind.SERVICES,
    DocumentKind.BENEFITS,
    DocumentKind.ISSUERS,
)


class CatalogueCache:
    """The catalogue in force as this process last read it; every path that decides takes it from here.

    It is used only while the catalogue's change number, read again by every request, is the one it was read at.
    """

    def __init__(self) -> None:
        self.current: InForce | None = None

    def get(self, changes: int, at: datetime) -> InForce | None:
        """Return the catalogue if the one stored here is current at a change number and a moment, else None."""
        current = self.current
        return current if current is not None and current.is_current(changes, at) else None

    async def read(self, at: datetime) -> InForce:
        """Return the catalogue in force at `at`, by one query while nothing has changed; restrictions as `refresh`."""
        return self.get(await change_number.read(), at) or await self.refresh(at)

    async def refresh(self, at: datetime) -> InForce:
        """Read the catalogue again and store it for the process.

        Not inside a transaction that has changed documents: other requests would decide by changes that may roll back.
        """
        self.current = current = await load(at)
        return current


async def load(at: datetime) -> InForce:
    """Read everything in force at `at`, with the change number as of before the reads."""
    # The number first: after a change during the reads the next request reads a higher number, and everything again.
    changes = await change_number.read()
    services = {version.document_id: version for version in await lifecycle.all_in_force(DocumentKind.SERVICES, at)}
    providers = {version.document_id: version for version in await lifecycle.all_in_force(DocumentKind.PROVIDERS, at)}
    offers = {}
    for benefit in await lifecycle.all_in_force(DocumentKind.BENEFITS, at):
        service = services.get(benefit.body["service_id"])
        provider = providers.get(service.body["provider_id"]) if service else None
        if service is not None and provider is not None:
            offers[benefit.document_id] = Offer(
                benefit.document_id, benefit.version, benefit.body, service.body, provider.body
            )
    venues = tuple(version.body for version in await lifecycle.all_in_force(DocumentKind.VENUES, at))
    # If two venues name the same client, the first by id counts.
    by_client = {body["client_id"]: body for body in reversed(venues)}
    # If two issuers have the same address, the first by id counts.
    issuers = reversed(await lifecycle.all_in_force(DocumentKind.ISSUERS, at))
    by_url = {version.body["url"]: version.body for version in issuers}
    until = await versions.next_change_at(IN_FORCE_KINDS, at)
    return InForce(await timeline(at), changes, at, until, venues, offers, by_client, by_url)


async def timeline(at: datetime) -> Timeline:
    """Return the scheme versions in force, compiled once for each set of documents, and the changes of recipients.

    A city without a scheme has NO_SCHEME.
    """
    schemes = await lifecycle.all_in_force(DocumentKind.SCHEMES, at)
    changes = await recipients.begun(DocumentKind.SOURCES, at)
    return _compiled(tuple(json.dumps(scheme.body) for scheme in schemes), changes)


@lru_cache(maxsize=8)
def _compiled(bodies: tuple[str, ...], changes: tuple[str, ...]) -> Timeline:
    return Timeline(tuple(Scheme.from_document(json.loads(body)) for body in bodies) or (NO_SCHEME,), changes)


async def names(at: datetime) -> dict[str, Mapping[str, str]]:
    """Return the names of providers, sources and benefits by id, in both languages; of those that ended, the last."""
    by_id: dict[str, Mapping[str, str]] = {}
    for kind, member in (
        (DocumentKind.PROVIDERS, "name"),
        (DocumentKind.SOURCES, "name"),
        (DocumentKind.BENEFITS, "title"),
    ):
        # The latest comes first, and the last entry of a dict wins.
        by_id.update({name: body[member] for name, _, body in reversed(await bodies.ever_approved(kind, at))})
        by_id.update({version.document_id: version.body[member] for version in await lifecycle.all_in_force(kind, at)})
    return by_id


async def provider_of(benefit_id: str, venue_id: str, at: datetime) -> str | None:
    """Return a provider that had the benefit and the venue by `at`, perhaps not at once; None without one.

    Of several, the one of the first service by id, and of its newest version that fits. Reads every approved version
    of benefits, venues and services.
    """
    services = {
        body.body["service_id"]
        for body in await bodies.ever_approved(DocumentKind.BENEFITS, at)
        if body.document_id == benefit_id
    }
    venues = {
        body.body["provider_id"]
        for body in await bodies.ever_approved(DocumentKind.VENUES, at)
        if body.document_id == venue_id
    }
    providers = (
        body.body["provider_id"]
        for body in await bodies.ever_approved(DocumentKind.SERVICES, at)
        if body.document_id in services and body.body["provider_id"] in venues
    )
    return next(providers, None)
