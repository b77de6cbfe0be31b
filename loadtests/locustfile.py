"""A day of the city on any deployment: `locust -f loadtests/locustfile.py --headless --host H --demo-folder D`.

Residents in a morning peak, venues at noon, sources at night, an officer all day; `--day` says how many seconds the day
has, `--people` how many users its peak. Ends with exit code 1 when more than `--errors` of the requests failed or one
was answered with 5xx; `--html FILE` and `--csv PREFIX` write the report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from locust import LoadTestShape, events

from loadtests.officers import Officer
from loadtests.residents import Resident
from loadtests.sources import Source
from loadtests.tokens import Tokens
from loadtests.venues import Venue

DAY = (
    (0.15, 0.10, (Source, Officer)),
    (0.45, 1.00, (Resident, Venue, Officer)),
    (0.70, 0.60, (Resident, Venue, Officer)),
    (0.85, 0.30, (Resident, Venue, Source, Officer)),
    (1.00, 0.10, (Source, Officer)),
)
"""Until which part of the day, how many of the people, and who they are: night, morning, noon, evening, night."""
SPAWNED_A_SECOND = 20


@events.init_command_line_parser.add_listener
def _options(parser: Any) -> None:
    parser.add_argument("--demo-folder", type=Path, default=None, help="mint tokens with this demonstration's keys")
    parser.add_argument("--tokens", type=Path, default=None, help="a file of tokens, a JSON object a line")
    parser.add_argument("--day", type=int, default=120, help="seconds of the day")
    parser.add_argument("--people", type=int, default=50, help="users at its peak")
    parser.add_argument("--errors", type=float, default=0.001, help="share of requests that may fail")


@events.test_start.add_listener
def _begin(environment: Any, **_: Any) -> None:
    options = environment.parsed_options
    environment.tokens = Tokens(options.demo_folder, options.tokens)


@events.request.add_listener
def _seen(response: Any = None, **_: Any) -> None:
    if response is not None and getattr(response, "status_code", 0) >= 500:
        FAILED["5xx"] = FAILED.get("5xx", 0) + 1


FAILED: dict[str, int] = {}


@events.quitting.add_listener
def _gate(environment: Any, **_: Any) -> None:
    total = environment.stats.total
    if not total.num_requests or total.fail_ratio > environment.parsed_options.errors or FAILED:
        environment.process_exit_code = 1


class CityDay(LoadTestShape):
    """The actors of each part of the day."""

    def tick(self) -> tuple[int, float, list[type]] | None:
        """Return the number of users, the users started a second, and their classes; None when the day is over."""
        options = self.runner.environment.parsed_options
        part = self.get_run_time() / options.day
        for until, share, actors in DAY:
            if part < until:
                return max(len(actors), round(options.people * share)), SPAWNED_A_SECOND, list(actors)
        return None
