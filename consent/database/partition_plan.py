"""The declaration of how a package's tables are partitioned on PostgreSQL and distributed on Citus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

PERSON_KEY = "person_id"
"""The distribution key of every table of a person; those tables are colocated, so a person's rows share a server."""


class MonthlyTable(NamedTuple):
    """An append-only table without persons, partitioned by the month of `at`."""

    id_column: str
    leaf_kind: str
    """The kind of its leaves, stored as their trace when a month is dropped."""


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """One package's partitioned tables; a table that is not named stays whole and on one server."""

    by_key: Mapping[str, str] = field(default_factory=dict)
    """Tables that grow with the city, and the column whose hash decides the partition; requests always name it."""
    monthly: Mapping[str, MonthlyTable] = field(default_factory=dict)
    reference: tuple[str, ...] = ()
    """Small tables that are read with everything: on a Citus cluster every server has a copy."""
