"""The condition engine compared with well-known ones: `python -m loadtests.benchmarks.engines` (extra `peers`).

The same 100 generated conditions over the same people, each engine in its quickest documented form: compiled once,
asked with a dict. Ours answers with its full trace, and once more with the lines people read; the others with a bare
verdict. All must give the same verdicts. OpenFisca is asked too where somebody has installed it (it is under the AGPL,
so nothing here depends on it), one person at a time like the others, and once about everybody as one array.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import and_, or_
from random import Random
from typing import Any

import cedarpy
import cel
import zen

from benefits.rules import conditions
from benefits.rules.compiled import Rule
from benefits.rules.conditions import All, AtLeast, Condition
from benefits.statistics import population
from loadtests.benchmarks import rules, turns

OURS = "ours, full trace"
PEERS = ("common-expression-language", "zen-engine", "cedarpy", "OpenFisca")
SLOW = {"cedarpy": 10, "OpenFisca": 3}
"""Of how many people the slow ones are asked, so that their part of a round is not the longest."""
Points = Mapping[str, int]
Ask = Callable[[Points], object]
Engine = Callable[[Condition], Ask]


def spelled(condition: Condition, every: str, either: str, prefix: str = "") -> str:
    """The condition in another language's words."""
    if isinstance(condition, AtLeast):
        return f"{prefix}{condition.measure} >= {condition.at_least}"
    word = every if isinstance(condition, All) else either
    return "(" + f" {word} ".join(spelled(part, every, either, prefix) for part in condition.parts) + ")"


def cedar(condition: Condition) -> Ask:
    """Cedar: one policy, everything parsed before."""
    text = f"permit (principal, action, resource) when {{ {spelled(condition, '&&', '||', 'context.')} }};"
    policies, entities = cedarpy.PolicySet.from_str(text), cedarpy.Entities.from_json_str("[]")
    request = {"principal": 'User::"a"', "action": 'Action::"b"', "resource": 'Venue::"c"'}
    return lambda points: cedarpy.is_authorized({**request, "context": points}, policies, entities).allowed


def fulfilled(condition: Condition, person: Callable[[str, object], Any], period: object) -> Any:
    """The condition as a formula of OpenFisca: arrays of measures in, one array of verdicts out."""
    if isinstance(condition, AtLeast):
        return person(str(condition.measure), period) >= condition.at_least
    every = isinstance(condition, All)
    return reduce(and_ if every else or_, (fulfilled(part, person, period) for part in condition.parts))


class OpenFisca:
    """A country whose persons have our measures, and a variable for each condition."""

    PERIOD = "2026-01"

    def __init__(self) -> None:
        from openfisca_core.entities import build_entity
        from openfisca_core.taxbenefitsystems import TaxBenefitSystem
        from openfisca_core.variables import Variable

        self.person = build_entity(key="person", plural="persons", label="", is_person=True)
        self.system, self.variable, self.conditions = TaxBenefitSystem([self.person]), Variable, 0
        for measure in population.MEASURES:
            self._add(str(measure), value_type=int)

    def _add(self, name: str, **members: object) -> None:
        from openfisca_core.periods import DateUnit

        members |= {"entity": self.person, "definition_period": DateUnit.MONTH, "label": name}
        self.system.add_variable(type(name, (self.variable,), members))

    def named(self, condition: Condition) -> str:
        """The name of a new variable that is the condition."""
        self.conditions += 1
        self._add(
            f"condition_{self.conditions}",
            value_type=bool,
            formula=lambda person, period: fulfilled(condition, person, period),
        )
        return f"condition_{self.conditions}"

    def simulation(self, count: int) -> Any:
        """So many persons of whom nothing is known yet."""
        from openfisca_core.simulation_builder import SimulationBuilder

        return SimulationBuilder().build_default_simulation(self.system, count)

    def question(self, condition: Condition) -> Ask:
        """One person at a time, on a simulation that is made once."""
        name, simulation = self.named(condition), self.simulation(1)

        def asked(points: Points) -> object:
            simulation.invalidated_caches.clear()
            simulation.delete_arrays(name)
            for measure, value in points.items():
                simulation.delete_arrays(measure)
                simulation.set_input(measure, self.PERIOD, [value])
            return bool(simulation.calculate(name, self.PERIOD)[0])

        return asked

    def at_once(self, conditions_drawn: Sequence[Condition], people: Sequence[Points]) -> float:
        """Verdicts a second about everybody at once, from arrays that are there."""
        names, simulation = [self.named(condition) for condition in conditions_drawn], self.simulation(len(people))
        for measure in population.MEASURES:
            simulation.set_input(measure, self.PERIOD, [points[measure] for points in people])
        began = time.perf_counter()
        for name in names:
            simulation.calculate(name, self.PERIOD)
        return len(conditions_drawn) * len(people) / (time.perf_counter() - began)


ENGINES: Mapping[str, Engine] = {
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
    for engine in asks:
        for points in people:
            engine(points)
    return len(asks) * len(people) / (time.perf_counter() - began)


def run(rounds: int, count: int) -> dict[str, Any]:
    """All in turns over so many people: rates, and how often the quickest of the others ours is."""
    random = Random(1)
    drawn = [rules.generated(random, 2) for _ in range(100)]
    people = [dict(zip(population.MEASURES, row, strict=True)) for row in rules.people(random, count)]
    engines, openfisca = dict(ENGINES), None
    if importlib.util.find_spec("openfisca_core") is not None:
        openfisca = OpenFisca()
        engines["OpenFisca"] = openfisca.question
    asks = {name: [engine(condition) for condition in drawn] for name, engine in engines.items()}
    truth = [[engine(points).applies for points in people] for engine in asks[OURS]]  # type: ignore[attr-defined]
    peers = [name for name in PEERS if name in asks]
    for name in peers:
        some = SLOW.get(name, 50)
        assert [[engine(points) for points in people[:some]] for engine in asks[name]] == [
            row[:some] for row in truth
        ], name
    for rates in turns.tries():
        for _ in range(rounds):
            for name in engines:
                rates.add(name, measure(asks[name], people[: SLOW.get(name, count)]))
    size = sum(len(list(conditions.leaves(condition))) for condition in drawn) / len(drawn)
    figures = {
        "conditions": len(drawn),
        "thresholds_on_average": round(size, 1),
        "people": count,
        "evaluations_a_second": {name: round(rates.median(name)) for name in engines},
        "spreads": {name: round(rates.spread_of(name), 3) for name in engines},
        "times_the_quickest_other": round(rates.median(OURS) / max(rates.median(name) for name in peers), 2),
        **rates.verdict(),
    }
    if openfisca is not None:
        figures["OpenFisca, everybody at once"] = round(openfisca.at_once(drawn, people))
    return figures


def main() -> None:
    """Run them in turns and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=9)
    asked.add_argument("--people", type=int, default=300)
    arguments = asked.parse_args()
    print(json.dumps(run(arguments.rounds, arguments.people), indent=1))


if __name__ == "__main__":
    main()
