"""Compare `credit-easy serve` with what teams would write: `python -m loadtests.benchmarks.peers --json FILE`.

Starts PostgreSQL (durable), Redis, the service and every peer whose packages are installed, each one process on a copy
of the same filled database; checks that all do the same work; then measures them in turns, at full load and at half of
what each carried at full load. Counts the processor time of the whole process tree of a service. README.md in this
folder lists the work of each. Needs `pip install -e '.[test,peer-services]'` and `npm install` in `fastify/`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtests.benchmarks.peers import check, city, report, services
from loadtests.benchmarks.peers.identity import Issuer, jwks_server
from loadtests.benchmarks.peers.kinds import KINDS, Senders
from loadtests.benchmarks.peers.measuring import Plan, compare
from loadtests.benchmarks.peers.services import Running
from tests.support import servers

FIRST_PORT = 8481


def run(names: list[str], kinds: list[str], plan: Plan, residents: int, json_file: Path | None) -> dict[str, Any]:
    """Fill, start, check and measure; return everything measured. Writes `json_file` after each kind of request."""
    chosen = [service for service in services.SERVICES if service.name in names and service.installed()]
    absent = [name for name in names if name not in {service.name for service in chosen}]
    measured: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="minutes"), "absent": absent, "kinds": {}}
    issuer = Issuer()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(servers.postgres(durable=True, tuned=True))
        redis_url = stack.enter_context(servers.redis())
        jwks_url = stack.enter_context(jwks_server(issuer))
        filled = city.fill(folder, server, issuer, jwks_url, residents)
        started: list[Running] = []
        for number, service in enumerate(chosen):
            url, published = city.copy(filled, server, service.name)
            variables = city.environment(folder, published, url, jwks_url)
            if service.name == services.OURS:
                variables["CREDIT_EASY_REDIS_URL"] = redis_url
            log = folder / f"{service.name}.log"
            running = stack.enter_context(services.running(service, FIRST_PORT + number, variables, log))
            check.Checker(running, filled, issuer).run()
            check.verify_chains(variables)
            print(f"{service.name}: checked", file=sys.stderr, flush=True)
            started.append(running)
        senders = Senders(filled, issuer)
        for kind in kinds:
            measured["kinds"][kind] = compare(kind, started, senders, plan)
            print(kind, json.dumps(measured["kinds"][kind]), file=sys.stderr, flush=True)
            if json_file is not None:
                json_file.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    return measured


def main() -> None:
    """Run, print the table and the goals."""
    names = [service.name for service in services.SERVICES]
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--slices", type=int, default=2, help="turns of each service in a round")
    arguments.add_argument("--seconds", type=float, default=1.5, help="of each turn, about")
    arguments.add_argument("--tries", type=int, default=2, help="of a kind of request whose ratios spread too far")
    arguments.add_argument("--residents", type=int, default=600)
    arguments.add_argument("--services", nargs="+", choices=names, default=names)
    arguments.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    arguments.add_argument("--check", action="store_true", help="check that all do the same work, measure nothing")
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    # Python ends at once on SIGTERM unless told otherwise, and would leave every server running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    plan = Plan(given.rounds, given.slices, given.seconds, given.tries)
    measured = run(given.services, [] if given.check else given.kinds, plan, given.residents, given.json)
    if measured["absent"]:
        print(f"not installed, left out: {', '.join(measured['absent'])}")
    if not given.check:
        print(report.text(measured))


if __name__ == "__main__":
    main()
