"""Schemas of answers about points over time, and about what is missing for a benefit."""

from __future__ import annotations

from typing import Annotated

from service.api.common_schemas import (
    DimensionName,
    MeasureName,
    RecordKindName,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import text

Month = Annotated[str, text("A month, `YYYY-MM`.", pattern=r"^[0-9]{4}-[0-9]{2}$", examples=["2026-11"])]


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
