"""What is odd about a condition, exactly: out of reach under the caps, said twice, implied, or without any effect.

A condition is turned into boxes: lower bounds for each dimension and for the total, of which one must hold. Its
negation is boxes of upper bounds. Whether one condition implies another is then a comparison of bounds, since the total
is the sum of the dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from benefits.rules.conditions import TOTAL, All, Any, AtLeast, Condition
from consent.domain.records import Dimension

MEASURES = (*(str(one) for one in Dimension), TOTAL)
BOUNDLESS = 2**62
Box = tuple[int, ...]
"""A bound for each of MEASURES: the least of each that is needed, or (of a negation) the most that is allowed."""


@dataclass(frozen=True, slots=True)
class Lint:
    """What is odd, and where: a code and an RFC 6901 pointer into the condition."""

    code: str
    pointer: str


def lint(condition: Condition, caps: Mapping[str, int]) -> list[Lint]:
    """Everything odd about a condition under the caps of a scheme (points by dimension), outermost first."""
    return list(_lint(condition, caps, ""))


def implies(one: Condition, other: Condition, caps: Mapping[str, int]) -> bool:
    """Whether nobody under the caps can have `one` without `other`."""
    most = tuple(caps.get(measure, BOUNDLESS) for measure in MEASURES[:-1])
    return not any(_meet(needed, allowed, most) for needed, allowed in product(boxes(one), boxes_of_negation(other)))


def reachable(condition: Condition, caps: Mapping[str, int]) -> bool:
    """Whether somebody under the caps can have it."""
    most = tuple(caps.get(measure, BOUNDLESS) for measure in MEASURES[:-1])
    return any(_meet(needed, (BOUNDLESS,) * len(MEASURES), most) for needed in boxes(condition))


@lru_cache(maxsize=4_096)
def boxes(condition: Condition) -> list[Box]:
    """Lower bounds of which one must hold, none of them needless."""
    match condition:
        case AtLeast(measure, at_least):
            return [tuple(at_least if name == measure else 0 for name in MEASURES)]
        case Any(parts):
            return _least(box for part in parts for box in boxes(part))
        case All(parts):
            found: list[Box] = [(0,) * len(MEASURES)]
            for part in parts:
                found = _least(_pairwise(max, left, right) for left, right in product(found, boxes(part)))
            return found


@lru_cache(maxsize=4_096)
def boxes_of_negation(condition: Condition) -> list[Box]:
    """Upper bounds of which one holds exactly where the condition does not."""
    match condition:
        case AtLeast(measure, at_least):
            return [tuple(at_least - 1 if name == measure else BOUNDLESS for name in MEASURES)]
        case All(parts):
            return _largest(box for part in parts for box in boxes_of_negation(part))
        case Any(parts):
            found: list[Box] = [(BOUNDLESS,) * len(MEASURES)]
            for part in parts:
                found = _largest(_pairwise(min, left, right) for left, right in product(found, boxes_of_negation(part)))
            return found


def _pairwise(choose: Callable[[int, int], int], left: Box, right: Box) -> Box:
    return tuple(choose(one, other) for one, other in zip(left, right, strict=True))


def _meet(needed: Box, allowed: Box, most: Box) -> bool:
    """Whether some points have at least `needed` and at most `allowed` and `most`."""
    highest = [min(one, cap) for one, cap in zip(allowed[:-1], most, strict=True)]
    if any(low > high for low, high in zip(needed[:-1], highest, strict=True)):
        return False
    return max(needed[-1], sum(needed[:-1])) <= min(allowed[-1], sum(highest))


def _least(found: Iterable[Box]) -> list[Box]:
    """Without boxes that another one contains."""
    kept: list[Box] = []
    for box in sorted(set(found), key=sum):
        if not any(all(low <= mine for low, mine in zip(one, box, strict=True)) for one in kept):
            kept.append(box)
    return kept


def _largest(found: Iterable[Box]) -> list[Box]:
    kept: list[Box] = []
    for box in sorted(set(found), key=sum, reverse=True):
        if not any(all(high >= mine for high, mine in zip(one, box, strict=True)) for one in kept):
            kept.append(box)
    return kept


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
    """Parts that change nothing: in `all` what another part implies, in `any` what implies another part."""
    for index, part in enumerate(parts):
        if part in parts[:index]:
            yield Lint("said_twice", f"{pointer}/{index}")
            continue
        for number, other in enumerate(parts):
            if number == index or other == part:
                continue
            stronger, weaker = (part, other) if dead else (other, part)
            # Of two that are the same in other words, the first stays.
            if implies(stronger, weaker, caps) and not (number > index and implies(weaker, stronger, caps)):
                yield Lint("dead_branch" if dead else "implied", f"{pointer}/{index}")
                break
