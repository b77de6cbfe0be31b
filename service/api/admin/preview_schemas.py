"""Shapes of a benefit's trial with a synthetic person."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from consent.domain.records import Dimension
from service.api.common_schemas import Baseline, MeasureName
from service.http.json_io import ApiModel


class SyntheticPerson(ApiModel):
    """Points of a synthetic person by dimension; a dimension that is left out counts as zero."""

    points: dict[Annotated[Dimension, Field(strict=False)], Annotated[int, Field(ge=0, le=1_000_000)]]
    """Points by dimension."""


class DryRunLine(ApiModel):
    """One condition of a benefit: the points needed and the points of the synthetic person."""

    measure: MeasureName
    at_least: int
    """The points that are needed."""
    have: int
    """The points of the synthetic person."""
    met: bool
    """True where they are enough."""


class DryRun(ApiModel):
    """A benefit decided for a synthetic person: its conditions, the terms, and the baseline that everybody gets."""

    applies: bool
    """True where the benefit would apply."""
    conditions: list[DryRunLine]
    """Every line of the condition."""
    baseline: Baseline
    """The terms that everybody gets without points."""
    terms: Baseline
    """The terms that the person would get."""
