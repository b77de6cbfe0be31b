"""Lints of conditions: out of reach under the scheme's caps, repeated, implied by another part, or a dead branch.

The lints are exact. A condition is turned into boxes: lower bounds for each dimension and the total, of which one box
must hold. Its negation is boxes of upper bounds. Implication is then a comparison of bounds, because the total is the
sum of the dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from benefits.rules.conditions import TOTAL, All, Any, AtLeast, Condition
from consent.domain.records import Dimension

MEASURES = (*(str(dimension) for dimension in Dimension), TOTAL)
BOUNDLESS = 2**62
Box = tuple[int, ...]
"""A bound for each of MEASURES: the least that is needed or, in a negation, the most that is allowed."""


@dataclass(frozen=True, slots=True)
class Lint:
    """A lint: its code and an RFC 6901 pointer into the condition."""

    code: str
    pointer: str


def lint(condition: Condition, caps: Mapping[str, int]) -> list[Lint]:
    """Return the lints of a condition under the caps of a scheme (points by dimension), outermost first."""
    return list(_lint(condition, caps, ""))


def implies(premise: Condition, conclusion: Condition, caps: Mapping[str, int]) -> bool:
    """Return True if nobody under the caps can meet `premise` without `conclusion`."""
    most = tuple(caps.get(measure, BOUNDLESS) for measure in MEASURES[:-1])
    return not any(
        _meet(needed, allowed, most) for needed, allowed in product(boxes(premise), boxes_of_negation(conclusion))
    )


def reachable(condition: Condition, caps: Mapping[str, int]) -> bool:
    """Return True if somebody under the caps can meet the condition."""
    most = tuple(caps.get(measure, BOUNDLESS) for measure in MEASURES[:-1])
    return any(_meet(needed, (BOUNDLESS,) * len(MEASURES), most) for needed in boxes(condition))


@lru_cache(maxsize=4_096)
def boxes(condition: Condition) -> list[Box]:
    """Return lower bounds of which one box must hold; no box contains another."""
    match condition:
        case AtLeast(measure, at_least):
            return [tuple(at_least if name == measure else 0 for name in MEASURES)]
        case Any(parts):
            return least(box for part in parts for box in boxes(part))
        case All(parts):
            combined: list[Box] = [(0,) * len(MEASURES)]
            for part in parts:
                combined = least(_pairwise(max, left, right) for left, right in product(combined, boxes(part)))
            return combined


@lru_cache(maxsize=4_096)
def boxes_of_negation(condition: Condition) -> list[Box]:
    """Return upper bounds of which one box holds exactly where the condition does not."""
    match condition:
        case AtLeast(measure, at_least):
            return [tuple(at_least - 1 if name == measure else BOUNDLESS for name in MEASURES)]
        case All(parts):
            return _largest(box for part in parts for box in boxes_of_negation(part))
        case Any(parts):
            combined: list[Box] = [(BOUNDLESS,) * len(MEASURES)]
            for part in parts:
                combined = _largest(
                    _pairwise(min, left, right) for left, right in product(combined, boxes_of_negation(part))
                )
            return combined


def _pairwise(choose: Callable[[int, int], int], left: Box, right: Box) -> Box:
    return tuple(choose(a, b) for a, b in zip(left, right, strict=True))


def _meet(needed: Box, allowed: Box, most: Box) -> bool:
    """Return True if some points are at least `needed` and at most `allowed` and `most`."""
    highest = [min(bound, cap) for bound, cap in zip(allowed[:-1], most, strict=True)]
    if any(low > high for low, high in zip(needed[:-1], highest, strict=True)):
        return False
    return max(needed[-1], sum(needed[:-1])) <= min(allowed[-1], sum(highest))


def least(boxes_: Iterable[Box]) -> list[Box]:
    """Drop boxes of lower bounds that another box contains."""
    minimal: list[Box] = []
    for box in sorted(set(boxes_), key=sum):
        if not any(all(low <= mine for low, mine in zip(other, box, strict=True)) for other in minimal):
            minimal.append(box)
    return minimal


def _largest(boxes_: Iterable[Box]) -> list[Box]:
    """Drop boxes of upper bounds that another box contains."""
    maximal: list[Box] = []
    for box in sorted(set(boxes_), key=sum, reverse=True):
        if not any(all(high >= mine for high, mine in zip(other, box, strict=True)) for other in maximal):
            maximal.append(box)
    return maximal


def _lint(condition: Condition, caps: Mapping[str, int], pointer: str) -> Iterator[Lint]:
    if not reachable(condition, caps):
        yield Lint("out_of_reach", pointer)
        return
    match condition:
        case All(parts):
            yield from _needless(parts, caps, f"{pointer}/all", dead=False)
        case Any(parts):
            yield from _needless(parts, caps, f"{pointer}/any", dead=True)
        case AtLeast():
            return
    word = "all" if isinstance(condition, All) else "any"
    for index, part in enumerate(parts):
        yield from _lint(part, caps, f"{pointer}/{word}/{index}")


def _needless(parts: Sequence[Condition], caps: Mapping[str, int], pointer: str, *, dead: bool) -> Iterator[Lint]:
    """Parts that change nothing: in `all` a part that another implies, in `any` a part that implies another."""
    for index, part in enumerate(parts):
        if part in parts[:index]:
            yield Lint("said_twice", f"{pointer}/{index}")
            continue
        for number, other in enumerate(parts):
            if number == index or other == part:
                continue
            stronger, weaker = (part, other) if dead else (other, part)
            # Of two parts with the same meaning only the second is reported.
            if implies(stronger, weaker, caps) and not (number > index and implies(weaker, stronger, caps)):
                yield Lint("dead_branch" if dead else "implied", f"{pointer}/{index}")
                break
