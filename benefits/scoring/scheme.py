"""The scoring scheme: dated data with the worth of each kind of deed, compiled once and hashed.

A version begins on 1 January and scores the deeds of its civil years; a later version changes no points that an earlier
one gave. A base score, a deduction or a decay cannot be written: there is no field for one.
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from benefits.rules.vocabulary import AMOUNT_MAX
from consent.documents import schema
from consent.documents.schema import Closed, LongText, Name, StrictDocument
from consent.domain.records import Dimension, RecordKind
from consent.kernel.canonical_json import sha256_of
from consent.kernel.faults import DocumentInvalid

FIRST_YEAR, LAST_YEAR = 2000, 2999
"""Civil years in which a scheme may begin; any other is a typing error."""
VALIDITY_MONTHS_MAX = 120
"""Ten years: for longer nobody can check or contest a record."""
CAP_MAX = 10_000
"""Points of a dimension, or of an indicator in a year; keeps every sum far inside 32 bits."""
TIERS_MAX = 16
UNITS_MAX = 1_000_000
SCALE_MAX = 10**12
"""The largest least common multiple of an indicator's units; keeps every sum of parts inside 64 bits."""
VERSION = r"^[0-9]{4}\.[0-9]{1,3}$"


class SchemeInvalid(ValueError):
    """The versions make no timeline: there is none, or two begin in the same year."""


def _stated(value: object) -> object:
    """Refuse null: a member is stated or left out."""
    if value is None:
        raise PydanticCustomError("null_forbidden", "leave the member out instead of null")
    return value


class TierDocument(StrictDocument):
    """`points` for every `units` of the year's sum, up to `up_to` units of it; the last tier has no end."""

    up_to: Annotated[int | None, Field(ge=1, le=AMOUNT_MAX), BeforeValidator(_stated)] = None
    """The units of the year's sum at which the tier ends; the last tier has none."""
    units: Annotated[int, Field(ge=1, le=UNITS_MAX)]
    """The units that give `points`."""
    points: Annotated[int, Field(ge=1, le=CAP_MAX)]
    """The points for every `units`."""


class IndicatorDocument(StrictDocument):
    """The worth of a kind of record, its dimension, its yearly cap and the months that it counts."""

    kind: Annotated[RecordKind, Closed]
    """The kind of deed."""
    dimension: Annotated[Dimension, Closed]
    """The dimension of its points."""
    yearly_cap: Annotated[int, Field(ge=1, le=CAP_MAX)]
    """The most points of a civil year."""
    validity_months: Annotated[int, Field(ge=1, le=VALIDITY_MONTHS_MAX)]
    """The months that a record counts."""
    reference: LongText
    """The clause that the worth follows."""
    tiers: Annotated[tuple[TierDocument, ...], Field(strict=False, min_length=1, max_length=TIERS_MAX)]
    """The tiers of the year's sum, rising."""
    unit: Name
    """The name of the kind's unit."""

    @model_validator(mode="after")
    def _tiers_rise(self) -> Self:
        ends = [tier.up_to for tier in self.tiers]
        if ends[-1] is not None:
            raise PydanticCustomError("last_tier_ends", "the last tier has no up_to", {"pointer": "/tiers"})
        if None in ends[:-1] or any(
            later <= earlier for earlier, later in itertools.pairwise(ends) if earlier and later
        ):
            raise PydanticCustomError("tiers_not_rising", "each up_to is above the last", {"pointer": "/tiers"})
        if math.lcm(*(tier.units for tier in self.tiers)) > SCALE_MAX:
            raise PydanticCustomError("units_too_odd", "the units share no small multiple", {"pointer": "/tiers"})
        return self


class DimensionDocument(StrictDocument):
    """A dimension and its cap in points."""

    dimension: Annotated[Dimension, Closed]
    """The dimension."""
    cap: Annotated[int, Field(ge=1, le=CAP_MAX)]
    """The most points that it can have."""


class SchemeDocument(StrictDocument):
    """A version of the scheme, for civil years from `from_year` until the next version begins."""

    version: Annotated[str, Field(pattern=VERSION)]
    """The version, such as `2026.1`."""
    from_year: Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR)]
    """The first civil year that it scores."""
    reference: LongText
    """The decision that it follows."""
    title: Name
    """The title."""
    dimensions: Annotated[tuple[DimensionDocument, ...], Closed]
    """The five dimensions with their caps."""
    indicators: Annotated[tuple[IndicatorDocument, ...], Field(strict=False, min_length=1)]
    """The worth of each kind of deed."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if sorted(member.dimension for member in self.dimensions) != sorted(Dimension):
            raise PydanticCustomError(
                "dimensions_incomplete", "each of the five dimensions is named once", {"pointer": "/dimensions"}
            )
        kinds = [indicator.kind for indicator in self.indicators]
        if len(set(kinds)) != len(kinds):
            raise PydanticCustomError("kind_repeated", "each kind has one indicator", {"pointer": "/indicators"})
        return self


@dataclass(frozen=True, slots=True)
class Tier:
    """From `begins` units of the year's sum to `ends`, each unit gives `weight` / `Indicator.scale` of a point."""

    begins: int
    ends: int | None
    weight: int


@dataclass(frozen=True, slots=True)
class Indicator:
    """A compiled indicator. All tiers share the denominator `scale`, so that sums are exact and floored once."""

    kind: RecordKind
    dimension: Dimension
    yearly_cap: int
    validity_months: int
    unit: Mapping[str, str]
    scale: int
    tiers: tuple[Tier, ...]

    def points_of(self, year_sum: int) -> int:
        """Return the points for a civil year's sum of units: tiers, then floor, then the yearly cap."""
        parts = 0
        for tier in self.tiers:
            if year_sum <= tier.begins:
                break
            upper = year_sum if tier.ends is None else min(year_sum, tier.ends)
            parts += (upper - tier.begins) * tier.weight
        return min(parts // self.scale, self.yearly_cap)

    def least_for(self, points: int) -> int:
        """Return the smallest sum of units in a civil year that gives `points`, which are at most `yearly_cap`."""
        lacking = points * self.scale
        for tier in self.tiers:
            units = -(-lacking // tier.weight)
            if tier.ends is None or tier.begins + units <= tier.ends:
                return tier.begins + units
            lacking -= (tier.ends - tier.begins) * tier.weight
        raise AssertionError("the last tier has no end")


@dataclass(frozen=True, slots=True)
class Scheme:
    """A compiled version of the scheme; `sha256` is over its document's canonical JSON."""

    version: str
    from_year: int
    sha256: str
    caps: Mapping[Dimension, int]
    indicators: Mapping[RecordKind, Indicator] = field(repr=False)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Scheme:
        """Compile a scheme document. Raises DocumentInvalid with the pointer of every fault."""
        read = schema.parse_document(SchemeDocument, document)
        return cls(
            read.version,
            read.from_year,
            sha256_of(document),
            MappingProxyType({member.dimension: member.cap for member in read.dimensions}),
            MappingProxyType({indicator.kind: _compiled(indicator) for indicator in read.indicators}),
        )

    def lowered_by(self, other: Scheme) -> tuple[str, ...]:
        """Return each kind of which some year's sum, and each dimension of which the cap, gives less under `other`."""
        kinds = [
            str(kind)
            for kind, indicator in self.indicators.items()
            if (then := other.indicators.get(kind)) is None
            or any(
                then.points_of(indicator.least_for(points)) < points for points in range(1, indicator.yearly_cap + 1)
            )
        ]
        return (*kinds, *(str(dimension) for dimension, cap in self.caps.items() if other.caps[dimension] < cap))


@dataclass(frozen=True, slots=True)
class Timeline:
    """Scheme versions in order of their first year, and the changes of sources that make older points unusable.

    `recipients` names each version of a source that is another recipient and in force: consents to the earlier one have
    ended, and points that were computed under them are not used any more. `sha256` is over the hashes of all. Raises
    SchemeInvalid.
    """

    schemes: tuple[Scheme, ...]
    recipients: tuple[str, ...] = ()
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.schemes, key=lambda scheme: scheme.from_year))
        if not ordered:
            raise SchemeInvalid("there is no scheme in force")
        years = [scheme.from_year for scheme in ordered]
        if len(set(years)) != len(years):
            raise SchemeInvalid("two scheme versions begin in one year")
        object.__setattr__(self, "schemes", ordered)
        hashed = {"schemes": [scheme.sha256 for scheme in ordered]}
        if self.recipients:
            hashed["recipients"] = list(self.recipients)
        object.__setattr__(self, "sha256", sha256_of(hashed))

    def scoring(self, year: int) -> Scheme | None:
        """Return the version that scores the deeds of a civil year; None before the first version."""
        last = None
        for scheme in self.schemes:
            if scheme.from_year <= year:
                last = scheme
        return last

    def version_for(self, year: int) -> Scheme:
        """Return the version in force in a civil year. Raises LookupError before the first version."""
        scheme = self.scoring(year)
        if scheme is None:
            raise LookupError(f"no scheme is in force in {year}")
        return scheme


NO_SCHEME = Scheme(
    "none", FIRST_YEAR, sha256_of({}), MappingProxyType(dict.fromkeys(Dimension, 0)), MappingProxyType({})
)
"""Stands in the timeline of a city that has not published a scheme yet: nothing earns points."""


def shipped() -> list[dict[str, Any]]:
    """Return the scheme documents of the package, oldest first.

    Raises:
        DocumentInvalid: a document is broken; a note names its file.
    """
    folder = resources.files("benefits") / "schemes"
    documents = []
    for entry in folder.iterdir():
        if entry.name.endswith(".toml"):
            document = tomllib.loads(entry.read_text(encoding="utf-8"))
            try:
                Scheme.from_document(document)
            except DocumentInvalid as error:
                error.add_note(f"in benefits/schemes/{entry.name}")
                raise
            documents.append(document)
    return sorted(documents, key=lambda document: int(document["from_year"]))


def _compiled(read: IndicatorDocument) -> Indicator:
    scale = math.lcm(*(tier.units for tier in read.tiers))
    tiers, begins = [], 0
    for tier in read.tiers:
        tiers.append(Tier(begins, tier.up_to, scale // tier.units * tier.points))
        begins = tier.up_to or begins
    return Indicator(
        read.kind,
        read.dimension,
        read.yearly_cap,
        read.validity_months,
        MappingProxyType({"zh-CN": read.unit.zh_cn, "en": read.unit.en}),
        scale,
        tuple(tiers),
    )
