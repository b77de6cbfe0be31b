"""Shapes of complaints as a provider reads them through its venues: never with a person."""

from __future__ import annotations

from typing import Annotated

from service.api.common_schemas import BenefitId, CivilDayText, Localized, NextCursor, ProviderId, VenueId
from service.api.complaint_schemas import ReasonName
from service.http.json_io import ApiModel
from service.http.openapi.named import text


class ProviderCaseRow(ApiModel):
    """A complaint that a privacy officer passed on, in the officer's words."""

    case_id: Annotated[str, text("The id of the case; no resident has it.")]
    venue_id: VenueId
    venue: Localized | None = None
    """The name of the venue."""
    benefit_id: BenefitId
    reason_code: ReasonName
    text: str
    """The case in the officer's words."""
    passed_on: CivilDayText
    """The civil day on which the officer passed it on; the day of the complaint is not told."""


class ProviderComplaints(ApiModel):
    """The provider's number of complaints with noise, and the cases that officers passed on to it."""

    provider_id: ProviderId
    count: int | None
    """People whose latest complaint of the last 365 days is about the provider, in tens; null where it may be noise."""
    give_or_take: int
    """The distance from the truth that nineteen of twenty such counts stay within."""
    counted_until: CivilDayText
    """The last civil day of the week in which the number was released."""
    too_few_people: bool
    """True where fewer than 200 people have a consent: nothing is published then."""
    data: list[ProviderCaseRow]
    """Cases, newest first."""
    next_cursor: NextCursor
