"""Exact counts of people. They do not leave the service: `benefits.statistics.releases` adds noise first (R8a)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExactCounts:
    """Exact counts by cell, and the most that one person more or less can change the sum of all cells by.

    The names of the cells must not depend on who is counted: a cell that is there only if somebody is in it would say
    so. The query that counts must enforce `per_person`.
    """

    cells: Mapping[str, int]
    per_person: int
