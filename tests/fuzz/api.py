"""Schemathesis over the whole API, with an identity for every audience.

`python -m tests.fuzz.api --minutes 60 --seed 1` seeds a city on SQLite, serves it on a free port and sends generated
requests until the time is over: examples, coverage, fuzzing, and sequences in which an answer's id is used by the next
request. Prints the number of requests of each phase and every failure once; exits 1 after a failure.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from service import app as application
from service.auth.access_tokens import Audience
from tests.fuzz.served_city import CALLERS, ServedCity, make_objects, serve_city

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
)
"""Checks of every answer."""


@dataclass
class Outcome:
    """Requests by phase and by status, failures with an example of each, and errors of the generator itself."""

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    succeeded: set[str] = field(default_factory=set)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    errors: set[str] = field(default_factory=set)


LOCATIONS: Final = {
    **dict.fromkeys(("source_id", "provider_id", "size"), ("query", "body")),
    **dict.fromkeys(("benefit_id", "venue_id", "account", "handle", "sha256", "occurred_on"), ("body",)),
    "case": ("query", "body"),
}
"""Places of the known values that are no part of a path."""
SPARED: Final = ("suspendVersion", "retireVersion", "discardVersion")
"""Operations after which a document, and all that depends on it, is gone for the rest of the run: they get another."""
LEAVING: Final = frozenset({"eraseMe", "withdrawAll", "withdrawConsent"})
"""Operations that end a resident's consents: sent by residents who have nothing to lose, nine times in ten."""
PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")
PROBABILITY: Final = 0.8
"""Share of the requests in which a parameter has a known value."""


@dataclass(frozen=True)
class Extent:
    """Extent of a run: the seed, the longest time (None: until the phases end), and the requests an operation."""

    number: int
    seconds: int | None
    examples: int
    phases: tuple[str, ...] = PHASES


def configuration(url: str, extent: Extent, known: Mapping[str, Sequence[str]]) -> SchemathesisConfig:
    """Return what is generated and checked; `known` has values by the name of the parameter that takes them."""
    parameters = {
        f"{place}.{name}": {"dictionary": name, "probability": PROBABILITY}
        for name in known
        for place in LOCATIONS.get(name, ("path",))
    }
    other = {"path.id": {"dictionary": "spared", "probability": PROBABILITY}}
    return SchemathesisConfig.from_dict(
        {
            "base-url": url,
            "continue-on-failure": True,
            "workers": 1,
            "request-timeout": 20.0,
            "seed": extent.number,
            **({} if extent.seconds is None else {"max-time": extent.seconds}),
            "phases": {name: {"enabled": name in extent.phases} for name in PHASES},
            "dictionaries": {
                **{name: {"values": sorted(set(values))} for name, values in known.items()},
                "spared": {"values": ["riverside-parking", "forest-park-gate", "no-such-thing"]},
            },
            "parameters": parameters,
            "operations": [{"include-operation-id": name, "parameters": other} for name in SPARED],
            "generation": {"max-examples": extent.examples, "database": "none"},
            "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
        }
    )


def run(city: ServedCity, extent: Extent) -> Outcome:
    """Make objects in the city, send the generated requests and return what came of them."""
    config = configuration(city.url, extent, make_objects(city))
    schema = schemathesis.openapi.from_dict(application.document(), config=config)
    chance = Random(extent.number)

    @schema.auth(refresh_interval=None)
    class Identity:
        """Token of a caller of the operation's audience."""

        def get(self, case: Any, _: Any) -> str | None:
            described = case.operation.definition.raw
            names = list((described.get("security") or [{}])[0])
            if not names:
                return None
            audience = Audience(names[0])
            if described["operationId"] in LEAVING and chance.random() < 0.9:
                return city.token(audience, f"leaving-{chance.randrange(5)}")
            return city.token(audience, chance.choice(CALLERS[audience]))

        def set(self, case: Any, data: str | None, _: Any) -> None:
            if data is not None:
                case.headers["Authorization"] = f"Bearer {data}"

    outcome = Outcome()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _count(event, outcome)
        elif isinstance(event, events.NonFatalError):
            outcome.errors.add(f"{event.label}: {event.value!r}"[:400])
        elif isinstance(event, events.FatalError):
            outcome.errors.add(repr(event.exception))
    return outcome


def _count(event: events.ScenarioFinished, outcome: Outcome) -> None:
    outcome.requests[event.phase.value] += len(event.recorder.interactions)
    for case_id, interaction in event.recorder.interactions.items():
        if interaction.response is not None:
            outcome.statuses[interaction.response.status_code] += 1
            if interaction.response.status_code < 400:
                outcome.succeeded.add(event.recorder.cases[case_id].value.operation.label)
    for case_id, nodes in event.recorder.checks.items():
        case = event.recorder.cases[case_id].value
        outcome.operations.add(case.operation.label)
        for node in nodes:
            if node.status == Status.FAILURE and node.failure_info is not None:
                failure = node.failure_info.failure
                key = (case.operation.label, f"{node.name}: {failure.title}")
                outcome.failures.setdefault(key, f"{failure.message}\n{node.failure_info.code_sample}"[:1500])


def report(outcome: Outcome, seconds: float) -> str:
    """Return the outcome as text: counts, then every failure with its example."""
    lines = [
        f"{sum(outcome.requests.values())} requests to {len(outcome.operations)} operations"
        f" in {seconds / 60:.1f} minutes: {json.dumps(dict(outcome.requests))}",
        f"{len(outcome.succeeded)} operations succeeded; never: {sorted(outcome.operations - outcome.succeeded)}",
        f"statuses: {json.dumps({str(status): count for status, count in sorted(outcome.statuses.items())})}",
    ]
    for (operation, what), example in sorted(outcome.failures.items()):
        lines += ["", f"FAILURE {operation}: {what}", example]
    lines += [f"ERROR {text}" for text in sorted(outcome.errors)]
    lines.append(f"{len(outcome.failures)} failures, {len(outcome.errors)} errors")
    return "\n".join(lines)


def main() -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=100, help="requests for each operation in a round of fuzzing")
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="credit-easy-fuzz-") as folder, serve_city(Path(folder)) as city:
        seconds = max(1, round(chosen.minutes * 60))
        outcome = run(city, Extent(chosen.seed, seconds, chosen.examples))
    print(report(outcome, time.monotonic() - began))
    return 1 if outcome.failures or outcome.errors else 0


if __name__ == "__main__":
    sys.exit(main())
