"""The shape of the list of deeds that can earn points."""

from __future__ import annotations

from service.api.common_schemas import (
    DimensionName,
    DivisionCode,
    Localized,
    RecordKindName,
    SchemeVersion,
    SourceId,
)
from service.api.public.schemas import SourceCategoryName
from service.http.json_io import ApiModel


class DeedTier(ApiModel):
    """The worth of a deed up to a sum of the year: `points` for every `units`."""

    points: int
    """The points."""
    units: int
    """The units that give them, in the unit of the kind."""
    up_to: int | None = None
    """The year's sum up to which this holds; absent for the last tier."""


class DeedSource(ApiModel):
    """A source that records a kind of deed once a resident allows it."""

    source_id: SourceId
    name: Localized
    """The name of the source."""
    category: SourceCategoryName
    division: DivisionCode


class DeedRow(ApiModel):
    """A kind of deed that earns points this year, with its worth and the sources that record it."""

    kind: RecordKindName
    dimension: DimensionName
    unit: Localized
    """The unit in words."""
    tiers: list[DeedTier]
    """The worth, by the year's sum."""
    yearly_cap: int
    """The most points of a civil year."""
    validity_months: int
    """The months that each record counts."""
    gentle: bool
    """True where it needs no riding, walking far or lifting."""
    sources: list[DeedSource]
    """The sources in force that record it, by id; empty where none does yet."""


class DimensionCap(ApiModel):
    """The most points of one dimension."""

    dimension: DimensionName
    cap: int
    """The most points that count at a time."""


class Deeds(ApiModel):
    """Deeds that earn points under this civil year's scheme, with their sources; empty before there is a scheme."""

    scheme_version: SchemeVersion | None = None
    """The version of the scheme; absent before there is one."""
    dimensions: list[DimensionCap]
    """The dimensions in the scheme's order."""
    data: list[DeedRow]
    """Kinds of deed in the scheme's order."""
