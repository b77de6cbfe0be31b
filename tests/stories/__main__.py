"""Run the state machines: `python -m tests.stories --minutes 60 [--engine sqlite|postgres] [--seed N]`.

Each machine in turn acts on a city of its own, round after round, with a new seed each; a seed repeats a run. Prints
the number of examples and steps, and every failure once with its smallest sequence of acts; exits 1 after a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import hypothesis
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

from service.demo import seed
from service.settings import Settings
from tests.stories import test_consent_lives as consents
from tests.stories import test_generated_catalogues as catalogues
from tests.strategies import SUPPRESSED_HEALTH_CHECKS
from tests.support import servers
from tests.support.seeding import seed_database

MACHINES: Final = {
    "consents": (consents.Lives, consents.running_town),
    "catalogues": (catalogues.Worlds, catalogues.running),
}
"""Machines by name, each with the context in which its city runs."""


@dataclass(frozen=True)
class Extent:
    """Sequences in one round, on one city (its tables stay small), and the longest sequence of acts."""

    examples: int
    acts: int


@dataclass
class Counts:
    """Rounds of a machine, sequences, and steps with their checks of every invariant."""

    rounds: int = 0
    examples: int = 0
    steps: int = 0


@contextmanager
def _seeded(engine: str, folder: Path) -> Iterator[servers.Postgres | None]:
    """Seed a city to copy in `folder`, and on the server that is returned; None on SQLite."""
    settings = seed.settings_of(folder)
    if engine == "sqlite":
        asyncio.run(seed_database(settings))
        yield None
        return
    with servers.postgres() as server:
        server.create_service_role()
        settings = replace(settings, database_url=server.create())
        asyncio.run(seed_database(settings, service_role=servers.SERVICE_ROLE))
        yield server


@contextmanager
def _copied(server: servers.Postgres | None, folder: Path, place: Path) -> Iterator[Settings]:
    """Copy the seeded city to a database of its own with a log folder in `place`; both are deleted afterwards."""
    settings = seed.settings_of(folder)
    place.mkdir()
    publisher = replace(settings.publisher, folder=place)
    settings = replace(settings, publisher=publisher, integrate_seconds=3_600)
    try:
        if server is None:
            shutil.copy(folder / "city.sqlite3", place / "city.sqlite3")
            yield replace(settings, database_url=f"sqlite://{place / 'city.sqlite3'}")
        else:
            owner = server.create("city_1")
            yield replace(settings, database_url=server.url(servers.name_of(owner), servers.SERVICE_ROLE))
            server.drop(owner)
    finally:
        shutil.rmtree(place)


def act(machine: type[RuleBasedStateMachine], number: int, extent: Extent, counts: Counts) -> str | None:
    """Run a machine for one round under a seed; return None, or the failure with its smallest sequence of acts."""

    class Counted(machine):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            counts.examples += 1

        @invariant()
        def count_this_step(self) -> None:
            counts.steps += 1

    chosen = hypothesis.settings(
        max_examples=extent.examples,
        stateful_step_count=extent.acts,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=True,
        suppress_health_check=SUPPRESSED_HEALTH_CHECKS,
    )
    try:
        run_state_machine_as_test(hypothesis.seed(number)(Counted), settings=chosen)
    except Exception:
        return f"seed {number}\n{traceback.format_exc(limit=-6)}"
    return None


def run(engine: str, minutes: float, number: int, extent: Extent) -> tuple[dict[str, Counts], dict[str, str]]:
    """Run every machine in turn, and once at least, until the minutes are over; return counts and failures by name."""
    counts = {name: Counts() for name in MACHINES}
    failures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="credit-easy-machines-") as temporary:
        folder = Path(temporary) / "keys"
        folder.mkdir(mode=0o700)
        with _seeded(engine, folder) as server:
            deadline = time.monotonic() + minutes * 60
            for seed_of_round in itertools.count(number):
                for name in MACHINES.keys() - failures.keys():
                    machine, running = MACHINES[name]
                    counts[name].rounds += 1
                    with _copied(server, folder, Path(temporary) / "city") as settings, running(settings, folder):
                        failure = act(machine, seed_of_round, extent, counts[name])
                    if failure is not None:
                        failures[name] = failure
                        print(f"FAILURE {name}, {failure}", flush=True)
                if time.monotonic() > deadline or len(failures) == len(MACHINES):
                    break
    return counts, failures


def main() -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.stories", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="until no further round begins")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first round; each round adds one")
    parser.add_argument("--examples", type=int, default=10, help="sequences in one round")
    parser.add_argument("--acts", type=int, default=30, help="longest sequence of acts")
    chosen = parser.parse_args()
    began = time.monotonic()
    counts, failures = run(chosen.engine, chosen.minutes, chosen.seed, Extent(chosen.examples, chosen.acts))
    for name, count in counts.items():
        print(f"{name}: {count.rounds} rounds, {count.examples} examples, {count.steps} steps")
    minutes = (time.monotonic() - began) / 60
    print(f"{minutes:.1f} minutes ({time.process_time() / 60:.1f} of the processor), {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
