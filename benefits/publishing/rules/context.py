"""Values that the publication rules read: a document, the documents in force about it, and three severities."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benefits.rules.effects import Baseline
from consent.domain.document_kinds import Severity

Body = Mapping[str, Any]
REFUSED, FLAGGED, ADVICE = Severity.REFUSED, Severity.FLAGGED, Severity.ADVICE


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another benefit that is live or pending, with its service, its provider and its document."""

    benefit_id: str
    service_id: str
    provider_id: str
    body: Body


@dataclass(frozen=True, slots=True)
class PublicationContext:
    """The documents in force that a document is evaluated against; `benefits.publishing.publish` reads them."""

    provider: Body | None = None
    """The provider that a service names."""
    service: Body | None = None
    """The service that a benefit names."""
    baselines: Sequence[Baseline] = ()
    """Baselines of the same provider and service kind in force within BASELINE_DAYS, oldest first, under any id."""
    other_names: Sequence[str] = ()
    """Ids of other services of the same provider and kind within that time."""
    neighbours: Sequence[Neighbour] = ()
    """Every other benefit that is live or pending."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """Points by dimension that the scheme in force allows at most; empty before the first scheme."""
    scheme_years: Sequence[int] = ()
    """First years of every scheme that was ever approved."""
    this_year: int = 0
    """The civil year in the city."""
    before: Body | None = None
    """The version in force of the document itself."""
    clients: Collection[str] = ()
    """Clients that other documents of the same kind name."""
