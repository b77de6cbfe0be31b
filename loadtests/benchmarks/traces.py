"""Cost of traces for each request: `python -m loadtests.benchmarks.traces`.

Calls `RequestMiddleware` around an application that answers at once: without a collector, and with traces at a ratio of
0, 0.1 and 1. The measure is processor time, least of many turns in which the variants follow one another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from starlette.types import Message, Receive, Scope, Send

from service.http.context import AppContext
from service.http.middleware import RequestMiddleware
from service.observability.tracing import Tracer

RATIOS = {"off": None, "ratio 0": 0.0, "ratio 0.1": 0.1, "ratio 1": 1.0}


async def answer(_: Scope, __: Receive, send: Send) -> None:
    """Answer 200 at once."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def receive() -> Message:
    """Return an empty body."""
    return {"type": "http.request"}


async def send(message: Message) -> None:
    """Take an answer."""


@dataclass
class Unlimited:
    """A limiter that refuses nobody."""

    counted: dict[str, int] = field(default_factory=dict)

    def count(self, rate: str, who: str) -> None:
        """Refuse nobody."""

    def policy(self, rate: str) -> bytes:
        """Return the header of a rate."""
        return rate.encode()


def layer(ratio: float | None) -> RequestMiddleware:
    """Return the middleware, with a tracer unless the ratio is None."""
    telemetry = None if ratio is None else SimpleNamespace(tracer=Tracer(ratio))
    context = SimpleNamespace(settings=SimpleNamespace(allowed_hosts=("*",)), limiter=Unlimited(), telemetry=telemetry)
    return RequestMiddleware(answer, cast(AppContext, context))


async def microseconds(app: RequestMiddleware, requests: int) -> float:
    """Return the processor time of a request."""
    headers = [(b"host", b"city.example"), (b"authorization", b"Bearer x"), (b"accept", b"application/json")]
    began = time.process_time()
    for _ in range(requests):
        scope: Scope = {"type": "http", "headers": headers, "client": ("192.0.2.1", 1), "state": {}}
        await app(scope, receive, send)
    return (time.process_time() - began) / requests * 1e6


async def measure(turns: int, requests: int) -> dict[str, float]:
    """Return the least microseconds a request by variant."""
    layers = {name: layer(ratio) for name, ratio in RATIOS.items()}
    least: dict[str, float] = {}
    for _ in range(turns):
        for name, app in layers.items():
            least[name] = min(least.get(name, 1e9), await microseconds(app, requests))
            if app.tracer is not None:
                app.tracer.spans.clear()
    return {name: round(value, 2) for name, value in least.items()}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--requests", type=int, default=20_000)
    options: Any = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.turns, options.requests)), indent=1))


if __name__ == "__main__":
    main()
