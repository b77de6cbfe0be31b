"""The closed condition language: all or any of "at least", about the points of the adult who presents.

There is no not, below, equals or range, so more points can never cost a benefit (R2). The classes check the limits
themselves: a condition outside them cannot be constructed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from consent.domain.records import Dimension
from consent.kernel.faults import Faulty, pointer_to

TOTAL: Literal["total"] = "total"
MEASURES = frozenset({TOTAL, *(str(dimension) for dimension in Dimension)})
"""The measures of a condition: the total and the five dimensions."""
AT_LEAST_MAX = 2**53 - 1
"""The largest integer canonical JSON (RFC 8785) carries; beyond it a condition would have no hash."""
DEPTH_MAX = 8
"""Levels of a condition, a bare "at least" being 1. Nobody can read a deeper one, and it bounds recursion."""
LEAVES_MAX = 64
"""The most "at least" in one condition; each is a line in the answer to a resident."""


class ConditionInvalid(Faulty):
    """The value is not a condition of this language."""


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Met by `at_least` points or more (1 or above) of `measure`, the total or a dimension."""

    measure: str
    at_least: int

    def __post_init__(self) -> None:
        if not isinstance(self.measure, str) or self.measure not in MEASURES:
            raise ConditionInvalid("/measure", "measure_unknown", "a measure is total or one of the five dimensions")
        if type(self.at_least) is not int:
            raise ConditionInvalid("/at_least", "integer_expected", "a threshold is an integer")
        if not 1 <= self.at_least <= AT_LEAST_MAX:
            raise ConditionInvalid("/at_least", "out_of_range", "a threshold is 1 or more", most=AT_LEAST_MAX)


@dataclass(frozen=True, slots=True)
class All:
    """Met when every part is met; has at least one part."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ConditionInvalid("/all", "empty", "all needs at least one part")


@dataclass(frozen=True, slots=True)
class Any:
    """Met when one part or more is met; has at least one part."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ConditionInvalid("/any", "empty", "any needs at least one part")


Condition = AtLeast | All | Any


class ConditionLine(NamedTuple):
    """One "at least" of a condition with the points that the person has."""

    measure: str
    at_least: int
    have: int
    met: bool


def parse(document: object) -> Condition:
    """Return the condition that a JSON value spells. Raises ConditionInvalid with the pointer of the first fault."""
    condition, _ = _parse(document, (), LEAVES_MAX)
    return condition


def to_document(condition: Condition) -> dict[str, object]:
    """Return the JSON value that `parse` reads back to the same condition."""
    match condition:
        case AtLeast(measure, at_least):
            return {"measure": str(measure), "at_least": at_least}
        case All(parts):
            return {"all": [to_document(part) for part in parts]}
        case Any(parts):
            return {"any": [to_document(part) for part in parts]}


def measures(condition: Condition) -> frozenset[str]:
    """Return the measures that a condition reads."""
    return frozenset(leaf.measure for leaf in leaves(condition))


def leaves(condition: Condition) -> Iterator[AtLeast]:
    """Yield every "at least" of a condition, in the order in which it is written."""
    match condition:
        case AtLeast():
            yield condition
        case All(parts) | Any(parts):
            for part in parts:
                yield from leaves(part)


def needs(condition: Condition, have: Mapping[str, int]) -> tuple[ConditionLine, ...]:
    """Return the lines that are still to be met: the nearest part of "any", every part of "all"; none when it is met.

    The nearest part misses the fewest points in sum; of equal ones the first.
    """
    match condition:
        case AtLeast(measure, at_least):
            points = have.get(measure, 0)
            return () if points >= at_least else (ConditionLine(measure, at_least, points, met=False),)
        case All(parts):
            return tuple(line for part in parts for line in needs(part, have))
        case Any(parts):
            return min((needs(part, have) for part in parts), key=missing)


def missing(lines: Iterable[ConditionLine]) -> int:
    """Return the points that lines miss in sum."""
    return sum(max(0, line.at_least - line.have) for line in lines)


def _parse(document: object, at: tuple[str | int, ...], leaves_left: int) -> tuple[Condition, int]:
    """Return the condition at a place, and the number of leaves that the rest of the document may still have."""
    here = pointer_to(at)
    if len(at) // 2 >= DEPTH_MAX:
        raise ConditionInvalid(here, "too_deep", f"a condition has at most {DEPTH_MAX} levels")
    if not isinstance(document, Mapping):
        raise ConditionInvalid(here, "object_expected", "a condition is an object")
    if document.keys() == {"measure", "at_least"}:
        if leaves_left < 1:
            raise ConditionInvalid(here, "too_many_parts", f"a condition has at most {LEAVES_MAX} thresholds")
        try:
            return AtLeast(document["measure"], document["at_least"]), leaves_left - 1
        except ConditionInvalid as error:
            fault = error.fault
            raise ConditionInvalid(here + fault.pointer, fault.code, fault.detail, **fault.values) from None
    if document.keys() not in ({"all"}, {"any"}):
        raise ConditionInvalid(
            here, "condition_unknown", 'a condition is {"measure","at_least"}, {"all":[…]} or {"any":[…]}'
        )
    (word,) = document
    inside = document[word]
    if not isinstance(inside, list):
        raise ConditionInvalid(f"{here}/{word}", "list_expected", f"{word} takes a list of conditions")
    if not inside:
        raise ConditionInvalid(f"{here}/{word}", "empty", f"{word} needs at least one part")
    parts = []
    for index, part in enumerate(inside):
        parsed, leaves_left = _parse(part, (*at, word, index), leaves_left)
        parts.append(parsed)
    return (All if word == "all" else Any)(tuple(parts)), leaves_left
