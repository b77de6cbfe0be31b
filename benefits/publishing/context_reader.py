"""Reading what the publication rules compare a document with: histories, neighbours, organisations, the scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from benefits.catalogue import in_force as catalogue
from benefits.catalogue import schema
from benefits.publishing.rules import baselines, closed_texts, organisations
from benefits.publishing.rules.context import Neighbour, PublicationContext, RelatedService, Relation
from benefits.publishing.rules.organisations import Organisation
from benefits.rules.effects import Baseline
from benefits.rules.vocabulary import BASELINE_DAYS
from benefits.scoring import scheme_changes
from consent.database import queries
from consent.documents import bodies, lifecycle
from consent.documents.bodies import BodyInForce
from consent.domain.document_kinds import Body, DocumentKind


async def read(kind: DocumentKind, body: Body, at: datetime, today: date) -> PublicationContext:
    """Read the context of a document that fits its schema and whose references are in force or pending."""
    if kind is DocumentKind.SERVICES:
        return await _of_service(body, at)
    if kind is DocumentKind.BENEFITS:
        service = await _in_force_or_pending(DocumentKind.SERVICES, body["service_id"], at)
        assert service is not None
        return await of_benefit(body, service, at, today)
    if kind is DocumentKind.SCHEMES:
        schemes = await bodies.ever_approved(DocumentKind.SCHEMES)
        earlier = [scheme.body for scheme in schemes if scheme.body["from_year"] < body["from_year"]]
        return PublicationContext(
            scheme_before=max(earlier, key=lambda scheme: int(scheme["from_year"]), default=None),
            scheme_years=[scheme.body["from_year"] for scheme in schemes],
            this_year=today.year,
            known_texts=frozenset[tuple[str, str]]().union(
                *(closed_texts.texts_of_scheme(scheme.body) for scheme in schemes)
            ),
        )
    if kind is DocumentKind.ISSUERS:
        return await _of_issuer(body, at)
    document_id = body[schema.ID_MEMBER[kind]]
    shown = await lifecycle.in_force(kind, document_id, at)
    others = await bodies.live_or_pending(kind, document_id)
    clients = [other["client_id"] for other in others.values() if "client_id" in other]
    of_venue = kind is DocumentKind.VENUES
    return PublicationContext(
        provider=await _in_force_or_pending(DocumentKind.PROVIDERS, body["provider_id"], at) if of_venue else None,
        before=None if shown is None else shown.body,
        predecessors=await bodies.begun_or_scheduled(kind, document_id, at),
        clients=clients,
    )


async def _of_issuer(body: Body, at: datetime) -> PublicationContext:
    shown = await lifecycle.in_force(DocumentKind.ISSUERS, body["issuer_id"], at)
    others = await bodies.live_or_pending(DocumentKind.ISSUERS, body["issuer_id"])
    named = {row["benefit_id"] for row in body["recognises"]}
    benefits = {
        benefit_id: await _in_force_or_pending(DocumentKind.BENEFITS, benefit_id, at) for benefit_id in sorted(named)
    }
    return PublicationContext(
        before=None if shown is None else shown.body,
        predecessors=await bodies.begun_or_scheduled(DocumentKind.ISSUERS, body["issuer_id"], at),
        issuer_urls=[str(other.get("url")) for other in others.values()],
        recognised={benefit_id: benefit for benefit_id, benefit in benefits.items() if benefit is not None},
    )


async def _in_force_or_pending(kind: DocumentKind, document_id: str, at: datetime) -> Body | None:
    """Return the body of a document in force; of its newest pending version where none is; None without either."""
    live = await lifecycle.in_force(kind, document_id, at)
    return live.body if live is not None else (await bodies.live_or_pending(kind, "")).get(document_id)


async def of_benefit(body: Body, service: Body, at: datetime, today: date) -> PublicationContext:
    """Read the context of a benefit on a version of its service, which need not be the one in force."""
    caps: dict[str, int] = {}
    gentle_caps: dict[str, int] = {}
    if await lifecycle.all_in_force(DocumentKind.SCHEMES, at):
        scheme = (await catalogue.timeline(at)).version_for(today.year)
        caps = {str(dimension): cap for dimension, cap in scheme.caps.items()}
        gentle_caps = {str(dimension): scheme_changes.gentle_cap(scheme, dimension) for dimension in scheme.caps}
    services = await _services(at)
    own, _ = _history(service, {}, services.approved, at)
    provider = await lifecycle.in_force(DocumentKind.PROVIDERS, service["provider_id"], at)
    return PublicationContext(
        provider=None if provider is None else provider.body,
        service=service,
        venues=await venues_of(service["provider_id"], at),
        baselines=[baseline for _, baseline in own],
        neighbours=await _neighbours(body["benefit_id"], services, at),
        recent=await _recent(services, at),
        organisation=organisations.same_organisation(service["provider_id"], await _organisations()),
        caps=caps,
        gentle_caps=gentle_caps,
    )


async def venues_of(provider_id: str, at: datetime) -> list[Body]:
    """Return the venues of a provider in force, by id."""
    venues = await lifecycle.all_in_force(DocumentKind.VENUES, at)
    return [venue.body for venue in venues if venue.body["provider_id"] == provider_id]


async def _of_service(body: Body, at: datetime) -> PublicationContext:
    provider = await _in_force_or_pending(DocumentKind.PROVIDERS, body["provider_id"], at)
    before = await lifecycle.in_force(DocumentKind.SERVICES, body["service_id"], at)
    services = await _services(at)
    own, related = _history(body, await _organisations(), services.approved, at)
    neighbours = await _neighbours("", services, at)
    return PublicationContext(
        provider=provider,
        baselines=[baseline for _, baseline in own],
        other_names=sorted({document_id for document_id, _ in own} - {body["service_id"]}),
        related=related,
        neighbours=[neighbour for neighbour in neighbours if neighbour.service_id == body["service_id"]],
        before=None if before is None else before.body,
    )


class KnownServices(NamedTuple):
    """Services that documents are compared with, read once for a document.

    `approved` are all versions that were in force until now, by document id, the latest first; `present` is the version
    of each that is in force, else the earliest.
    """

    approved: Sequence[BodyInForce]
    present: Mapping[str, Body]


async def _services(at: datetime) -> KnownServices:
    approved = await bodies.ever_approved(DocumentKind.SERVICES, at)
    present = {service.document_id: service.body for service in approved}
    present |= {
        service.document_id: service.body for service in await lifecycle.all_in_force(DocumentKind.SERVICES, at)
    }
    return KnownServices(approved, present)


def _history(
    service: Body, known: Mapping[str, Organisation], approved: Sequence[BodyInForce], at: datetime
) -> tuple[list[tuple[str, Baseline]], list[RelatedService]]:
    """Return (id, baseline) of the provider's services of this kind, and the related services of `known` providers.

    Both are of versions in force in the last BASELINE_DAYS, the oldest first. A new id does not hide a worse baseline:
    services count by provider and kind.
    """
    since = queries.to_micros(at - timedelta(days=BASELINE_DAYS))
    similar = organisations.possibly_same_organisation(service["provider_id"], known)
    own: list[tuple[int, str, Baseline]] = []
    related: list[tuple[int, RelatedService]] = []
    ended: dict[str, int] = {}
    for document_id, in_force_from, body in approved:
        until = ended.get(document_id)
        ended[document_id] = in_force_from
        if until is not None and until <= since:
            continue
        ours, like = body["provider_id"] == service["provider_id"], body["provider_id"] in similar
        same_kind = body["kind"] == service["kind"]
        # The service's own history counts as well: a changed provider or kind must not hide a worse baseline.
        if (ours and same_kind) or document_id == service["service_id"]:
            own.append((in_force_from, document_id, baselines.comparable(body)))
        elif like and same_kind:
            related.append((in_force_from, RelatedService(document_id, Relation.TWIN, baselines.comparable(body))))
        elif (ours or like) and baselines.are_neighbours(body["kind"], service["kind"]):
            relation = Relation.NEIGHBOURING_KIND
            related.append((in_force_from, RelatedService(document_id, relation, baselines.comparable(body))))
    return (
        [(name, baseline) for _, name, baseline in sorted(own, key=lambda version: version[:2])],
        [service for _, service in sorted(related, key=lambda version: version[0])],
    )


async def _neighbours(benefit_id: str, services: KnownServices, at: datetime) -> list[Neighbour]:
    """Return every version of every other benefit that is live or pending, where its service is known."""
    known = await bodies.open_bodies(DocumentKind.BENEFITS, at)
    return _with_providers([(name, body) for name, body in known if name != benefit_id], services.present)


async def _recent(services: KnownServices, at: datetime) -> list[Neighbour]:
    """Return every version of every benefit in force or suspended within BASELINE_DAYS, where its service is known."""
    since = at - timedelta(days=BASELINE_DAYS)
    return _with_providers(await bodies.in_force_after(DocumentKind.BENEFITS, since, at), services.present)


def _with_providers(benefits: Sequence[tuple[str, Body]], services: Mapping[str, Body]) -> list[Neighbour]:
    return [
        Neighbour(name, body["service_id"], services[body["service_id"]]["provider_id"], body)
        for name, body in benefits
        if body["service_id"] in services
    ]


async def _organisations() -> dict[str, Organisation]:
    """Return every provider that was ever approved or is pending, with the clients of its venues, over all versions."""
    names: dict[str, set[str]] = {}
    owners: dict[str, set[str]] = {}
    clients: dict[str, set[str]] = {}
    for provider_id, body in await bodies.ever_known(DocumentKind.PROVIDERS):
        names.setdefault(provider_id, set()).update(organisations.fold_name(name) for name in body["name"].values())
        owners.setdefault(provider_id, {provider_id}).update({body["owner_id"]} if "owner_id" in body else ())
    for _, body in await bodies.ever_known(DocumentKind.VENUES):
        clients.setdefault(body["provider_id"], set()).add(body["client_id"])
    return {
        name: Organisation(name, frozenset(names[name]), frozenset(owners[name]), frozenset(clients.get(name, ())))
        for name in names
    }
