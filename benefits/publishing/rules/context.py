"""Values that the publication rules read: a document, the documents in force about it, and three severities."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from benefits.rules.effects import Baseline
from consent.domain.document_kinds import Body, Severity

REFUSED, FLAGGED, ADVICE = Severity.REFUSED, Severity.FLAGGED, Severity.ADVICE


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another benefit that is live or pending, with its service, its provider and its document.

    A benefit with a live and a pending version is listed twice.
    """

    benefit_id: str
    service_id: str
    provider_id: str
    body: Body


class Relation(StrEnum):
    """The reason why another service may be the same thing."""

    TWIN = "twin"
    """The same kind, of a provider that may be the same organisation."""
    NEIGHBOURING_KIND = "neighbouring_kind"
    """A kind for the same thing, of the provider or of one that may be the same organisation."""


@dataclass(frozen=True, slots=True)
class RelatedService:
    """A service that may be the same thing, with a baseline that was in force within BASELINE_DAYS."""

    service_id: str
    relation: Relation
    baseline: Baseline


@dataclass(frozen=True, slots=True)
class PublicationContext:
    """The documents in force that a document is evaluated against; `benefits.publishing.context_reader` reads them."""

    provider: Body | None = None
    """The provider that a venue or a service names, also by a benefit's service."""
    service: Body | None = None
    """The service that a benefit names."""
    baselines: Sequence[Baseline] = ()
    """Baselines of the same provider and service kind in force within BASELINE_DAYS, oldest first, under any id; as
    `baselines.comparable` returns them."""
    other_names: Sequence[str] = ()
    """Ids of other services of the same provider and kind within that time."""
    related: Sequence[RelatedService] = ()
    """Services of other ids, providers or kinds that may be the same thing as a service."""
    neighbours: Sequence[Neighbour] = ()
    """Every other benefit that is live or pending; of a service, the benefits on it."""
    recent: Sequence[Neighbour] = ()
    """Every version of any benefit, the document's own included, in force or suspended within BASELINE_DAYS."""
    organisation: Collection[str] = ()
    """The provider of a benefit, and the providers that share its owner or a client."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """Points by dimension that the scheme in force allows at most; empty before the first scheme."""
    gentle_caps: Mapping[str, int] = field(default_factory=dict)
    """Points by dimension that people who cannot ride, walk far or lift reach in a year, at most; empty likewise."""
    scheme_before: Body | None = None
    """The approved scheme of the years just before a scheme's first year."""
    scheme_years: Sequence[int] = ()
    """First years of every scheme that was ever approved."""
    this_year: int = 0
    """The civil year in the city."""
    before: Body | None = None
    """The version in force of the document itself."""
    predecessors: Sequence[Body] = ()
    """The versions of a provider, source or issuer before this one: the one begun last, in any state, and scheduled
    ones. People agree to those of a provider or source."""
    clients: Collection[str] = ()
    """Clients that other documents of the same kind name."""
    venues: Sequence[Body] = ()
    """The venues of a benefit's provider in force."""
    city_url: str = ""
    """The address by which passes name this city; "" where it is not known."""
    issuer_urls: Collection[str] = ()
    """The addresses of other issuers that are live or pending."""
    recognised: Mapping[str, Body] = field(default_factory=dict)
    """The benefits that an issuer names, by id, in force or pending."""
    known_texts: Collection[tuple[str, str]] = ()
    """(path, text) of every text of a scheme that was ever approved."""
