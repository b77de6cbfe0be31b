"""Fuzz every parser: `python -m tests.fuzz --minutes 60`. Exits 1 after an error that no parser should raise."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.fuzz.generated import search
from tests.fuzz.parser import attempt
from tests.fuzz.parsers import PARSERS

EXAMPLES = 500
"""Inputs of a parser in one round."""
REPORT_CHARACTERS = 8_000
"""Characters of a failure that are printed, the last ones: an input of brackets has a traceback of megabytes."""
LINE_CHARACTERS = 4_000
"""Characters of each of its lines: the input comes last, and the error before it is printed too."""


def main() -> int:
    """Let every parser read generated inputs, round after round, until the minutes are over; print the counts."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10.0)
    chosen = arguments.parse_args()
    began, rounds, failed = time.monotonic(), 0, set()
    for parser in PARSERS:
        for sample in parser.samples:
            attempt(parser, sample)
    while time.monotonic() - began < chosen.minutes * 60:
        for parser in PARSERS:
            try:
                search(parser, EXAMPLES, same=False)
            except BaseException:
                if sys.exc_info()[0] is KeyboardInterrupt:
                    raise
                if parser.name not in failed:
                    lines = [line[:LINE_CHARACTERS] for line in traceback.format_exc(limit=-6).splitlines()]
                    print(f"FAILURE {parser.name}\n" + "\n".join(lines)[-REPORT_CHARACTERS:], flush=True)
                failed.add(parser.name)
        rounds += 1
    minutes = (time.monotonic() - began) / 60
    print(
        f"{len(PARSERS)} parsers, {rounds * EXAMPLES} inputs each, {minutes:.1f} minutes"
        f" ({time.process_time() / 60:.1f} of the processor), {len(failed)} failures"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
