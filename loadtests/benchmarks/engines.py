"""The condition engine beside three well-known ones: `python -m loadtests.benchmarks.engines` (extra `peers`).

The same 100 generated conditions over the same people, each engine in its quickest documented form: compiled once,
asked with a dict. Ours answers with its full trace, and once more with the lines people read; the others with a bare
verdict. All must give the same verdicts. Rounds in turns, medians; a run whose rates spread by more is void.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random

import cedarpy
import cel
import zen

from benefits import conditions, population
from benefits.conditions import All, AtLeast, Condition
from benefits.decisions import Rule
from loadtests.benchmarks import rules

SPREAD_MAX = 0.1
"""Of the standard deviation to the median."""
OURS = "ours, full trace"
Points = Mapping[str, int]
Ask = Callable[[Points], object]


def spelled(condition: Condition, every: str, one: str, prefix: str = "") -> str:
    """The condition in another language's words."""
    if isinstance(condition, AtLeast):
        return f"{prefix}{condition.measure} >= {condition.at_least}"
    word = every if isinstance(condition, All) else one
    return "(" + f" {word} ".join(spelled(part, every, one, prefix) for part in condition.parts) + ")"


def cedar(condition: Condition) -> Ask:
    """Cedar: one policy, everything parsed before."""
    text = f"permit (principal, action, resource) when {{ {spelled(condition, '&&', '||', 'context.')} }};"
    policies, entities = cedarpy.PolicySet.from_str(text), cedarpy.Entities.from_json_str("[]")
    request = {"principal": 'User::"a"', "action": 'Action::"b"', "resource": 'Venue::"c"'}
    return lambda points: cedarpy.is_authorized({**request, "context": points}, policies, entities).allowed


ENGINES: Mapping[str, Callable[[Condition], Ask]] = {
    OURS: lambda condition: Rule(condition).decide,
    "ours, lines for people": lambda condition: _with_lines(Rule(condition)),
    "common-expression-language": lambda condition: cel.compile(spelled(condition, "&&", "||")).execute,
    "zen-engine": lambda condition: zen.compile_expression(spelled(condition, "and", "or")).evaluate,
    "cedarpy": cedar,
}


def _with_lines(rule: Rule) -> Ask:
    return lambda points: rule.lines(rule.decide(points))


def measure(asks: Sequence[Ask], people: Sequence[Points]) -> float:
    """Evaluations a second."""
    began = time.perf_counter()
    for ask in asks:
        for points in people:
            ask(points)
    return len(asks) * len(people) / (time.perf_counter() - began)


def main() -> None:
    """Run them in turns and print rates and how often ours is ahead."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=9)
    asked.add_argument("--people", type=int, default=300)
    arguments = asked.parse_args()
    random = Random(1)
    made = [rules.generated(random, 2) for _ in range(100)]
    people = [dict(zip(population.MEASURES, row, strict=True)) for row in rules.people(random, arguments.people)]
    asks = {name: [engine(condition) for condition in made] for name, engine in ENGINES.items()}
    truth = [[ask(points).applies for points in people] for ask in asks[OURS]]  # type: ignore[attr-defined]
    for name in ("common-expression-language", "zen-engine", "cedarpy"):
        assert [[ask(points) for points in people[:50]] for ask in asks[name]] == [row[:50] for row in truth], name
    rates: dict[str, list[float]] = {name: [] for name in ENGINES}
    for _ in range(arguments.rounds):
        for name in ENGINES:
            rates[name].append(measure(asks[name], people[:10] if name == "cedarpy" else people))
    size = sum(len(list(conditions.leaves(one))) for one in made) / len(made)
    print(f"{len(made)} conditions of {size:.1f} thresholds on average, {len(people)} people")
    ours = statistics.median(rates[OURS])
    for name, found in rates.items():
        rate, spread = statistics.median(found), statistics.pstdev(found) / statistics.median(found)
        void = "" if spread <= SPREAD_MAX else " (VOID)"
        print(f"{name:28} {rate:>12,.0f} evaluations/s; ours with full trace {ours / rate:5.2f} of it;"
              f" spread {spread:.2f}{void}")  # fmt: skip


if __name__ == "__main__":
    main()
