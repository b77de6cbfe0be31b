"""Schemas of answers about points over time, about what is missing for a benefit, and about a ticket's state."""

from __future__ import annotations

from typing import Annotated

from benefits.redemption.tickets import TicketState
from service.api.common_schemas import (
    BenefitId,
    CivilDayText,
    DimensionName,
    Instant,
    MeasureName,
    RecordKindName,
    ShortCodeText,
    VenueId,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import closed_set, text

Month = Annotated[str, text("A month, `YYYY-MM`.", pattern=r"^[0-9]{4}-[0-9]{2}$", examples=["2026-11"])]
TicketStateName = Annotated[str, closed_set(TicketState)]


class MonthDimension(ApiModel):
    """Points of one dimension on a month's last day."""

    dimension: DimensionName
    points: int
    """The points of the dimension."""
    cap: int
    """The most that the dimension can have."""


class MonthAnswer(ApiModel):
    """Points on the last day of a month, of the running month on the present day."""

    month: Month
    total: int
    """The points in all."""
    dimensions: list[MonthDimension]
    """The points of each of the five dimensions."""


class PointsHistory(ApiModel):
    """Points by month, oldest first, under the records that are here today."""

    data: list[MonthAnswer]
    """A row for each month; months before the first scheme are left out."""


class WayAnswer(ApiModel):
    """A quantity of one kind of record, done this year, that gives the points missing for a condition."""

    kind: RecordKindName
    dimension: DimensionName
    quantity: int
    """The least quantity that is enough, in the kind's unit."""


class MissingPoints(ApiModel):
    """Points of one measure that are missing for a benefit."""

    measure: MeasureName
    points: int
    """The points that are missing, 1 or more."""


class TicketStateAnswer(ApiModel):
    """A ticket as it stands now; handle, short code and QR code while it is open, `runs_until` once it was used."""

    ticket_id: str
    """The id of the ticket."""
    state: TicketStateName
    benefit_id: BenefitId
    venue_id: VenueId
    expires_at: Instant
    """The end of the ticket."""
    handle: str | None = None
    """The handle, while the ticket is open."""
    short_code: ShortCodeText | None = None
    qr_svg: str | None = None
    """The handle as a QR code, an `svg` element, while the ticket is open."""
    runs_until: CivilDayText | None = None
    """The last civil day of the benefit that was redeemed."""
    reversed: bool | None = None
    """True when the venue has taken the redemption back."""
