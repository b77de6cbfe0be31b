"""Run the campaign: `python -m tests.campaign --seed N --minutes M [--engine sqlite|postgres] [--faults a,b]`.

Prints a table by fault and the faults that were not run. Exits 1 when anything was lost, doubled or otherwise wrong,
and when a name of `--faults` stands for no fault that was run. A seed repeats the sequence of faults and the choices of
every client. Nothing is left behind, also after an interruption.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import time
from types import FrameType

from tests.campaign import faults
from tests.campaign.campaign import Campaign
from tests.campaign.city import machine


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign that the arguments describe; return the exit code."""
    chosen = _parser().parse_args(arguments)
    names = [name.strip() for name in chosen.faults.split(",") if name.strip()]
    signal.signal(signal.SIGTERM, _interrupt)
    with machine(chosen.engine) as shared:
        possible, impossible = faults.of_engine(chosen.engine, names, shared.mounts)
        if not possible:
            sys.exit(f"no such fault on {chosen.engine}; there are: {', '.join(faults.FAULTS)}")
        campaign = Campaign(shared, chosen.seed, random.Random(chosen.seed), chosen.rounds_per_city, chosen.verbose)
        deadline = time.monotonic() + chosen.minutes * 60
        try:
            asyncio.run(campaign.run(possible, deadline, chosen.rounds))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
        print(campaign.table())
        for name in campaign.not_run(possible):
            print(f"not run: {name}")
        for name in impossible:
            print(f"not run: {name} (needs a user who may mount)")
        for line in campaign.differences:
            print(line)
        missing = [name for name in names if not any(faults.is_named(run, [name]) for run in campaign.rows)]
        for name in missing:
            print(f"asked for and never run: {name}")
    return 1 if campaign.differences or missing else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description="Break the service and count losses.")
    parser.add_argument("--seed", type=int, default=1, help="repeats faults and clients' choices")
    parser.add_argument("--minutes", type=float, default=1.0, help="until no further fault strikes")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--faults", default="", help="names separated by commas, `kill*` for all that begin so")
    parser.add_argument("--rounds", type=int, default=0, help="faults at most; 0: as many as the minutes allow")
    parser.add_argument("--rounds-per-city", type=int, default=20, help="faults before a new city begins")
    parser.add_argument("--verbose", action="store_true", help="print each fault as it strikes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
