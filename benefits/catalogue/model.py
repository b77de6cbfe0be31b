"""The catalogue in force as values: benefits ready to be decided, and everything that is in force at one instant.

Pure: `in_force` reads it from the documents, `benefits.redemption.decision` decides with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from benefits.catalogue.limits import QuotaLimit, limits_of
from benefits.rules import conditions, effects
from benefits.rules.compiled import Rule
from benefits.rules.effects import Effect
from benefits.scoring.scheme import Timeline
from consent.domain import divisions
from consent.domain.document_kinds import Body

COMPILED_MAX = 10_000
"""Compiled benefits in memory, one for each benefit and civil day; beyond it the cache is emptied."""


@dataclass(frozen=True, slots=True)
class LiveBenefit:
    """A benefit in force on a civil day, with the service it improves and the provider behind it.

    Bodies are their documents. `limits` are those of the day; `period_days` is how long what was redeemed runs.
    """

    benefit_id: str
    version: int
    body: Body
    service: Body
    provider: Body
    rule: Rule
    effect: Effect
    limits: tuple[QuotaLimit, ...]
    period_days: int

    @property
    def provider_id(self) -> str:
        """The provider whose `benefit.check` consent is needed."""
        return str(self.provider["provider_id"])

    @property
    def adds_places(self) -> bool:
        """True for a benefit of places, which are booked by session."""
        return effects.adds_places(self.body["effect"])

    @property
    def has_commitment(self) -> bool:
        """True where a resident has to accept a commitment first."""
        return has_commitment(self.body)


class Offer(NamedTuple):
    """The documents of a benefit in force: its id and version, and the bodies of itself, its service, its provider."""

    benefit_id: str
    version: int
    body: Body
    service: Body
    provider: Body

    def on(self, today: date) -> LiveBenefit | None:
        """The benefit compiled, or None where `today` is not among its days."""
        valid = self.body["valid"]
        if not valid["from"] <= today.isoformat() <= valid["until"]:
            return None
        rule, effect = Rule(conditions.parse(self.body["condition"])), effects.parse(self.body["effect"])
        improved = effects.apply(effect, self.service["baseline"])
        limits, period_days = limits_of(self.body, today), int(improved.get("period_days") or 0)
        return LiveBenefit(*self, rule, effect, limits, period_days)


def has_commitment(benefit: Body) -> bool:
    """Report whether a benefit's document has a commitment."""
    return benefit.get("commitment") is not None


def is_offered_at(benefit: LiveBenefit, venue: Body) -> bool:
    """Return True if the venue is the provider's and lies within the benefit's and the provider's divisions (R15)."""
    return (
        bool(venue["provider_id"] == benefit.provider_id)
        and divisions.contains(benefit.body["division"], venue["division"])
        and divisions.contains(benefit.provider["division"], venue["division"])
    )


@dataclass(frozen=True, slots=True)
class InForce:
    """Everything that decides at a venue or over points, with the catalogue's change number it was read at.

    It is current from `since` until before `until`, at which something begins or ends by date.
    """

    timeline: Timeline
    changes: int
    since: datetime
    until: datetime | None
    venues: tuple[Body, ...]
    """Ordered by id."""
    offers: Mapping[str, Offer]
    """By benefit id, ordered by it."""
    venue_by_client: Mapping[str, Body] = field(default_factory=dict)
    issuer_by_url: Mapping[str, Body] = field(default_factory=dict)
    compiled: dict[tuple[str, date], LiveBenefit | None] = field(default_factory=dict, compare=False)

    def is_current(self, changes: int, at: datetime) -> bool:
        """Report whether this is still in force at a change number and a moment."""
        return changes == self.changes and self.since <= at and (self.until is None or at < self.until)

    def benefit(self, benefit_id: str, today: date) -> LiveBenefit | None:
        """The benefit, if it, its service and its provider are in force and `today` is among its days."""
        key = benefit_id, today
        if key not in self.compiled:
            if len(self.compiled) >= COMPILED_MAX:
                self.compiled.clear()
            offer = self.offers.get(benefit_id)
            self.compiled[key] = None if offer is None else offer.on(today)
        return self.compiled[key]

    def benefits(self, today: date) -> list[LiveBenefit]:
        """Every benefit in force today, by id."""
        return [benefit for benefit_id in self.offers if (benefit := self.benefit(benefit_id, today)) is not None]

    def venues_of(self, benefit: LiveBenefit) -> list[Body]:
        """The venues at which a benefit is offered, by id."""
        return [venue for venue in self.venues if is_offered_at(benefit, venue)]

    def is_offered(self, benefit: LiveBenefit, venue_id: str, issuer_id: str | None = None) -> bool:
        """Report whether a benefit is offered at a venue in force; of another city's venue, if that is recognised.

        Venues of other cities are not known here: the pass for one that does not exist is worth nothing.
        """
        if issuer_id is not None:
            return any(issuer["issuer_id"] == issuer_id for issuer in self.issuer_by_url.values())
        venue = self.venue(venue_id)
        return venue is not None and is_offered_at(benefit, venue)

    def issuer_url(self, issuer_id: str) -> str:
        """The address of a recognised issuer; KeyError for another id."""
        urls = {issuer["issuer_id"]: url for url, issuer in self.issuer_by_url.items()}
        return urls[issuer_id]

    def venue(self, venue_id: str) -> Body | None:
        """The venue of an id, if it is in force."""
        return next((body for body in self.venues if body["venue_id"] == venue_id), None)
