"""Schemathesis over the whole API, with an identity for every audience.

`python -m tests.fuzz.api --minutes 60 --seed 1` seeds a city on SQLite, with `--postgres` on a PostgreSQL of its own,
serves it on a free port and sends generated requests until the time is over: examples, coverage, fuzzing, and sequences
in which an answer's id is used by the next request. Some requests are replaced by prepared ones
(`tests/fuzz/prepared.py`), so that every operation succeeds.
A request that is answered by 503 with `Retry-After` is sent again (`tests/fuzz/unavailable.py`).
Prints the number of requests of each phase and of those sent again, the successes of each operation and every failure
once. Exits 1 after a failure, and where an operation never succeeded.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from service import app as application
from service.auth.access_tokens import Audience
from tests.fuzz.actors import Actors, Prepared
from tests.fuzz.prepared import PREPARATIONS
from tests.fuzz.served_city import CALLERS, ServedCity, make_objects, serve_city
from tests.fuzz.unavailable import RepeatingTransport, generated_requests_repeated
from tests.support import servers

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
    """Requests by phase and by status, answers by operation, failures with an example, and errors of the generator."""

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    """Requests sent again after 503 with `Retry-After`, by operation; those of preparations together."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    errors: set[str] = field(default_factory=set)

    @property
    def never_succeeded(self) -> list[str]:
        """The operations without a 2xx answer, in order."""
        return sorted(operation for operation in self.answers if not self.successes[operation])


HEADER_MISSING: Final = ["400", "401", "403", "404", "409", "412", "413", "415", "422", "428"]
"""Statuses of a request without a header that is required: 428 without `If-Match`, or an earlier refusal."""
REJECTED: Final = ["400", "401", "403", "404", "405", "406", "409", "410", "412", "413", "415", "422", "428", "429"]
"""Statuses that reject wrong data. Schemathesis lacks 413 by default: 33 long status lists, one more than allowed, are
refused as too large before anybody counts them. It also lacks 410 and 412. 503 is no answer to the data.
"""
LOCATIONS: Final = {
    **dict.fromkeys(("source_id", "provider_id", "size"), ("query", "body")),
    **dict.fromkeys(("benefit_id", "venue_id", "account", "handle", "sha256", "occurred_on"), ("body",)),
    "case": ("query", "body"),
}
"""Places of the known values that are no part of a path."""
SPARED: Final = ("suspendVersion", "retireVersion", "discardVersion")
"""Operations after which a document, and all that depends on it, is gone for the rest of the run.

No request of them names a seeded document: the phase `coverage` would, by the examples of the description.
"""
LEAVING: Final = frozenset({"eraseMe", "withdrawAll", "withdrawConsent"})
"""Operations that end a resident's consents: sent by residents who have nothing to lose, nine times in ten."""
PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")
PROBABILITY: Final = 0.8
"""Share of the requests in which a parameter has a known value."""
REPLACED: Final = 0.05
"""Share of the fitting requests that a prepared one replaces."""
REQUEST_SECONDS: Final = 300.0
"""Longest wait for an answer: an audit of both logs took more than a minute on a busy machine."""


@dataclass(frozen=True)
class Extent:
    """Extent of a run: the seed, the longest time (None: until the phases end), and the requests an operation.

    `operations` are ids of the operations that are called; none for all.
    """

    number: int
    seconds: int | None
    examples: int
    phases: tuple[str, ...] = PHASES
    operations: tuple[str, ...] = ()


def configuration(url: str, extent: Extent, known: Mapping[str, Sequence[str]]) -> SchemathesisConfig:
    """Return what is generated and checked; `known` has values by the name of the parameter that takes them.

    The ids under "spared" are for the operations SPARED.
    """
    parameters = {
        f"{place}.{name}": {"dictionary": name, "probability": PROBABILITY}
        for name in known
        if name != "spared"
        for place in LOCATIONS.get(name, ("path",))
    }
    other = {"path.id": {"dictionary": "spared", "probability": PROBABILITY}}
    return SchemathesisConfig.from_dict(
        {
            "base-url": url,
            "continue-on-failure": True,
            "workers": 1,
            "request-timeout": REQUEST_SECONDS,
            "seed": extent.number,
            **({} if extent.seconds is None else {"max-time": extent.seconds}),
            "phases": {name: {"enabled": name in extent.phases} for name in PHASES},
            "dictionaries": {name: {"values": sorted(set(values))} for name, values in known.items()},
            "parameters": parameters,
            "operations": [
                *({"include-operation-id": name, "parameters": other} for name in SPARED),
                *([{"exclude-operation-id": list(extent.operations), "enabled": False}] if extent.operations else []),
            ],
            "generation": {"max-examples": extent.examples, "database": "none"},
            "checks": {
                "enabled": False,
                **{name: {"enabled": True} for name in CHECKS},
                "missing_required_header": {"enabled": True, "expected-statuses": HEADER_MISSING},
                "negative_data_rejection": {"enabled": True, "expected-statuses": REJECTED},
            },
        }
    )


def run(city: ServedCity, extent: Extent) -> Outcome:
    """Make objects in the city, send the generated requests and return what came of them."""
    outcome = Outcome()
    with (
        httpx2.Client(
            base_url=city.url, timeout=REQUEST_SECONDS, transport=RepeatingTransport(outcome.repeated)
        ) as client,
        generated_requests_repeated(outcome.repeated),
    ):
        identity, actors = Identity(city, Random(extent.number)), Actors(city, client)
        known = make_objects(city, client)
        replacements = Replacements(actors, identity, Random(extent.number))
        config = configuration(city.url, extent, {**known, "spared": [replacements.spare, "no-such-thing"]})
        schema = schemathesis.openapi.from_dict(application.document(), config=config)

        @schema.auth(refresh_interval=None)
        class Provider:
            """The identity, as Schemathesis wants it: a class that it instantiates."""

            def get(self, case: Any, _: Any) -> str | None:
                return identity.token_for(case)

            def set(self, case: Any, data: str | None, _: Any) -> None:
                identity.add_to(case, data)

        @schemathesis.hook
        def before_call(_: Any, case: Any, __: Any) -> None:
            replacements.spare_seeded(case)
            replacements.replace_sometimes(case)

        try:
            for event in from_schema(schema).execute():
                if isinstance(event, events.ScenarioFinished):
                    _count(event, outcome)
                elif isinstance(event, events.NonFatalError):
                    outcome.errors.add(f"{event.label}: {event.value!r}"[:400])
                elif isinstance(event, events.FatalError):
                    outcome.errors.add(repr(event.exception))
        finally:
            schemathesis.hooks.unregister(before_call)
    return outcome


class Identity:
    """Tokens of a caller of the operation's audience."""

    def __init__(self, city: ServedCity, chance: Random) -> None:
        self.city, self.chance = city, chance
        self.headers: set[str] = set()
        """The headers that were sent; a check sends the same request without one, or with another."""

    def token_for(self, case: Any) -> str | None:
        """Return a token of a caller of the operation's audience; None for a public one."""
        described = case.operation.definition.raw
        names = list((described.get("security") or [{}])[0])
        if not names:
            return None
        audience = Audience(names[0])
        if described["operationId"] in LEAVING and self.chance.random() < 0.9:
            return self.city.token(audience, f"leaving-{self.chance.randrange(5)}")
        return self.city.token(audience, self.chance.choice(CALLERS[audience]))

    def add_to(self, case: Any, data: str | None) -> None:
        """Add the token to the request."""
        if data is not None:
            case.headers["Authorization"] = f"Bearer {data}"
            self.headers.add(case.headers["Authorization"])


class Replacements:
    """Replaces some generated requests by prepared ones that succeed; never one that is meant to be refused."""

    def __init__(self, actors: Actors, identity: Identity, chance: Random) -> None:
        self.actors, self.identity, self.chance = actors, identity, chance
        self.prepared: Counter[str] = Counter()
        self.seeded = actors.documents()
        """Ids of the documents that the run begins with; prepared requests name some of them."""
        self.spare = actors.in_force()
        """The id of a benefit that nothing needs: it may be suspended, resumed and retired."""

    def spare_seeded(self, case: Any) -> None:
        """Send an operation of SPARED to the benefit that nothing needs instead of a seeded document."""
        if (
            case.operation.definition.raw["operationId"] in SPARED
            and str(case.path_parameters.get("id")) in self.seeded
        ):
            case.path_parameters = {**case.path_parameters, "id": self.spare}

    def replace_sometimes(self, case: Any) -> None:
        """Replace the case's parameters, headers and body by those of a preparation: twice, then by chance."""
        operation_id = case.operation.definition.raw["operationId"]
        prepare = PREPARATIONS.get(operation_id) or self._plain_read(case)
        if prepare is None or (case.meta is not None and not case.meta.generation.mode.is_positive):
            return
        authorised = case.headers.get("Authorization")
        if case.operation.definition.raw.get("security") and authorised not in self.identity.headers:
            return
        if self.prepared[operation_id] >= 2 and self.chance.random() > REPLACED:
            return
        self.prepared[operation_id] += 1
        prepared = prepare(self.actors)
        case.path_parameters = dict(prepared.path)
        case.query = dict(prepared.query)
        headers = {"Idempotency-Key": f"prepared-{self.chance.getrandbits(64):x}", **prepared.headers}
        if prepared.caller is not None:
            headers["Authorization"] = f"Bearer {self.identity.city.token(*prepared.caller)}"
            self.identity.headers.add(headers["Authorization"])
        case.headers.clear()
        case.headers.update(headers)
        if prepared.body is not None:
            case.body, case.media_type = prepared.body, prepared.media_type

    def _plain_read(self, case: Any) -> Callable[[Actors], Prepared] | None:
        """Return a read without parameters, where the operation is one: nearly no generated cursor is one of a list."""
        described = case.operation.definition.raw
        required = [parameter for parameter in described["parameters"] if parameter.get("required")]
        if case.operation.method.upper() != "GET" or required:
            return None
        audiences = list((described.get("security") or [{}])[0])
        caller = (Audience(audiences[0]), CALLERS[Audience(audiences[0])][0]) if audiences else None
        return lambda _: Prepared(caller)


def _count(event: events.ScenarioFinished, outcome: Outcome) -> None:
    outcome.requests[event.phase.value] += len(event.recorder.interactions)
    for case_id, interaction in event.recorder.interactions.items():
        if interaction.response is not None:
            status, operation = interaction.response.status_code, event.recorder.cases[case_id].value.operation.label
            outcome.statuses[status] += 1
            outcome.answers[operation] += 1
            outcome.successes[operation] += 200 <= status < 300
    for case_id, nodes in event.recorder.checks.items():
        case = event.recorder.cases[case_id].value
        for node in nodes:
            if node.status == Status.FAILURE and node.failure_info is not None:
                failure = node.failure_info.failure
                key = (case.operation.label, f"{node.name}: {failure.title}")
                outcome.failures.setdefault(key, f"{failure.message}\n{node.failure_info.code_sample}"[:1500])


def report(outcome: Outcome, seconds: float) -> str:
    """Return the outcome as text: counts, then every failure with its example."""
    lines = [
        *(
            f"{outcome.successes[operation]:7} of {outcome.answers[operation]:7} succeeded: {operation}"
            for operation in sorted(outcome.answers)
        ),
        f"{sum(outcome.requests.values())} requests to {len(outcome.answers)} operations"
        f" in {seconds / 60:.1f} minutes: {json.dumps(dict(outcome.requests))}",
        f"sent again after 503 with Retry-After: {json.dumps(dict(outcome.repeated))}",
        f"never succeeded: {outcome.never_succeeded or 'none'}",
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
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=PHASES, help="phases, all by default")
    parser.add_argument("--operations", nargs="+", default=(), help="operation ids, all by default")
    chosen = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="credit-easy-fuzz-")))
        url = stack.enter_context(servers.postgres()).create() if chosen.postgres else None
        city = stack.enter_context(serve_city(folder, url))
        seconds = max(1, round(chosen.minutes * 60))
        extent = Extent(chosen.seed, seconds, chosen.examples, tuple(chosen.phases), tuple(chosen.operations))
        outcome = run(city, extent)
    print(report(outcome, time.monotonic() - began))
    return 1 if outcome.failures or outcome.errors or outcome.never_succeeded else 0


if __name__ == "__main__":
    sys.exit(main())
