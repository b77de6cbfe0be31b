"""Requests repeated while the service says that it is unavailable: 503 with `Retry-After`, as described.

On a machine without a free core the service misses deadlines of its own and answers so; a client is to send the same
request again after the wait, and that answer is checked. Each repetition is counted by operation.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import httpx2
from schemathesis.transport.requests import REQUESTS_TRANSPORT

from tests.support.deadlines import WAIT_SECONDS

PAUSE_SECONDS_MAX: Final = 5.0
"""Longest pause before a repetition; an answer may ask for a longer one."""
PREPARATIONS: Final = "preparations"
"""Label of the requests that prepare others."""


def pause_of(answer: Any) -> float | None:
    """Return the seconds that a 503 asks to wait, at most PAUSE_SECONDS_MAX; None for other answers.

    Schemathesis has a list of each header's values, httpx2 one text.
    """
    asked = answer.headers.get("retry-after", "")
    text = asked[0] if isinstance(asked, list) else asked
    return min(float(text), PAUSE_SECONDS_MAX) if answer.status_code == 503 and text.isdigit() else None


def send_until_available(send: Callable[[], Any], label: str, repeated: Counter[str]) -> Any:
    """Send a request, again after each 503 with `Retry-After`, for WAIT_SECONDS; return the last answer.

    Counts each repetition under `label`.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        answer = send()
        pause = pause_of(answer)
        if pause is None or time.monotonic() > deadline:
            return answer
        repeated[label] += 1
        time.sleep(pause)


class RepeatingTransport(httpx2.HTTPTransport):
    """Sends the requests that prepare others, again while the service is unavailable."""

    def __init__(self, repeated: Counter[str]) -> None:
        super().__init__()
        self.repeated = repeated

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request until the service is available."""
        return send_until_available(lambda: self._send(request), PREPARATIONS, self.repeated)  # type: ignore[no-any-return]

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        return super().handle_request(request)


@contextmanager
def generated_requests_repeated(repeated: Counter[str]) -> Iterator[None]:
    """Let Schemathesis send a request again while the service is unavailable, where its description has this answer.

    Its own `request-retries` are for connections that break.
    """
    send = REQUESTS_TRANSPORT.send

    def send_again(case: Any, **options: Any) -> Any:
        if "Retry-After" not in case.operation.definition.raw["responses"].get("503", {}).get("headers", {}):
            return send(case, **options)
        return send_until_available(lambda: send(case, **options), case.operation.label, repeated)

    with patch.object(REQUESTS_TRANSPORT, "send", send_again):
        yield
