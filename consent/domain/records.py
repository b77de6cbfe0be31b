"""Records of good deeds, their closed vocabulary, and `Released`, which only the gate makes.

A record has source, kind, quantity and civil day; no coordinates, times, free text or names. A new kind needs an entry
in several places and two migrations; `tests/structure/test_new_kinds.py` names each one that is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

QUANTITY_MAX = 1_000_000
"""The largest quantity of one record; above it a delivery is a mistake of units, not a deed."""


class Dimension(StrEnum):
    """The five dimensions of the plan, chapter 6."""

    ECOLOGICAL_PROTECTION = "ecological_protection"
    ECOLOGICAL_BUSINESS = "ecological_business"
    GREEN_LIVING = "green_living"
    ECOLOGICAL_CULTURE = "ecological_culture"
    SOCIAL_RESPONSIBILITY = "social_responsibility"


class RecordKind(StrEnum):
    """Every deed that can be recorded. Positive by construction; there is no other kind (R11)."""

    BIKE_TRIP = "bike_trip"
    TRANSIT_TRIP = "transit_trip"
    VOLUNTEER_MINUTES = "volunteer_minutes"
    COMMUNITY_MEETING = "community_meeting"
    ECO_COURSE = "eco_course"
    TREE_PLANTED = "tree_planted"
    GREEN_SHOP_MONTH = "green_shop_month"
    NATURE_OBSERVATION = "nature_observation"
    BATTERY_RETURNED = "battery_returned"
    ITEM_PASSED_ON = "item_passed_on"
    ITEM_REPAIRED = "item_repaired"
    READING_CIRCLE = "reading_circle"


class SourceCategory(StrEnum):
    """The category of a source, which decides the kinds of records it may deliver."""

    GREEN_LIVING = "green_living"
    VOLUNTEER = "volunteer"
    CIVIC = "civic"


KINDS_OF_CATEGORY = MappingProxyType(
    {
        SourceCategory.GREEN_LIVING: frozenset(
            {
                RecordKind.BIKE_TRIP,
                RecordKind.TRANSIT_TRIP,
                RecordKind.BATTERY_RETURNED,
                RecordKind.ITEM_PASSED_ON,
                RecordKind.ITEM_REPAIRED,
            }
        ),
        SourceCategory.VOLUNTEER: frozenset(
            {RecordKind.VOLUNTEER_MINUTES, RecordKind.TREE_PLANTED, RecordKind.NATURE_OBSERVATION}
        ),
        SourceCategory.CIVIC: frozenset(
            {
                RecordKind.COMMUNITY_MEETING,
                RecordKind.ECO_COURSE,
                RecordKind.GREEN_SHOP_MONTH,
                RecordKind.READING_CIRCLE,
            }
        ),
    }
)
STRENUOUS_KINDS = frozenset({RecordKind.BIKE_TRIP, RecordKind.TREE_PLANTED})
"""Deeds that need riding, walking far or lifting. Every other kind can be done sitting, at home or by telephone, so a
scheme leaves at least two of those in each dimension (R16)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One deed: `quantity` in the kind's unit (trips, minutes, meetings, …) on civil day `occurred_on`.

    `received_on` is the day (UTC) of a delivery after the deadline; None for one in time.
    """

    record_id: str
    source_id: str
    kind: RecordKind
    quantity: int
    occurred_on: date
    received_on: date | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """Records of one person, released for one purpose. Only `consent.records.gate` makes these.

    `epoch` is the person's consent epoch at the moment of release. A result derived from the records is stored only
    while the epoch is the same, and valid only before `covered_until`: the earliest end of a consent that covers one of
    the records or, where the clock was set back, the begin of one that was given later (None without either). It is
    valid only from `covered_from` on: the latest begin of a consent that covers one of the records (None without any).
    """

    person_id: str
    purpose: str
    epoch: int
    records: tuple[Record, ...]
    covered_until: datetime | None = None
    covered_from: datetime | None = None


NO_RECORDS = Released("", "points.compute", 0, ())
"""The release of a person who is not known here: no records."""
