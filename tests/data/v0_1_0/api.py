"""A client of a running city: tokens from its own command line, requests by HTTP and nothing else."""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import time
from collections.abc import Sequence
from typing import Any

import httpx2

STAFF_TOKEN_SECONDS = 240
"""A staff token lives five minutes; another is asked for before that."""
PAGE = 200
SETTLED_ROUNDS = 10
SETTLE_SECONDS_MAX = 120


class Api:
    """Requests to the city at `base` with tokens that `command` prints (`credit-easy token … --data-dir FOLDER`)."""

    def __init__(self, base: str, command: Sequence[str], folder: str) -> None:
        self.client = httpx2.Client(base_url=base, timeout=60)
        self.command, self.folder = command, folder
        self.tokens: dict[tuple[str, str], tuple[str, float]] = {}

    def token(self, audience: str, subject: str) -> str:
        """Return a token for a subject of an audience (`resident`, `venue`, `source`, `administrator`, `privacy`)."""
        token, minted_at = self.tokens.get((audience, subject), ("", 0.0))
        if not token or time.monotonic() - minted_at > STAFF_TOKEN_SECONDS:
            arguments = ["token", "--data-dir", self.folder, "--door", audience, "--subject", subject]
            printed = subprocess.run([*self.command, *arguments], check=True, capture_output=True, text=True)
            token, minted_at = printed.stdout.strip(), time.monotonic()
            self.tokens[audience, subject] = token, minted_at
        return token

    def send(
        self, who: tuple[str, str], method: str, path: str, text: str | None = None, **headers: str
    ) -> httpx2.Response:
        """Send the text unchanged, with a fresh Idempotency-Key unless `headers` names another."""
        fixed = {"Authorization": f"Bearer {self.token(*who)}", "Idempotency-Key": secrets.token_hex(8)}
        content = {} if text is None else {"Content-Type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, content=text, headers={**fixed, **content, **named})

    def get(self, who: tuple[str, str], path: str) -> Any:
        """Return the JSON of an answer 200."""
        answer = self.send(who, "GET", path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    def pages(self, who: tuple[str, str], path: str) -> list[Any]:
        """Return the rows of every page of a list."""
        rows: list[Any] = []
        cursor = ""
        while True:
            page = self.get(who, f"{path}{'&' if '?' in path else '?'}limit={PAGE}{cursor}")
            rows += page["data"]
            if not page.get("next_cursor"):
                return rows
            cursor = f"&cursor={page['next_cursor']}"

    def post(self, who: tuple[str, str], path: str, body: Any = None, status: int = 0, **headers: str) -> Any:
        """Send JSON by POST; return the JSON of the answer, which has the `status`, or 200 or 201 where that is 0."""
        answer = self.send(who, "POST", path, None if body is None else json.dumps(body), **headers)
        assert answer.status_code in ((200, 201) if status == 0 else (status,)), f"{path}: {answer.text}"
        return answer.json()

    def public(self, path: str) -> httpx2.Response:
        """Return the answer 200 to a request without a token."""
        answer = self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer

    def settle(self) -> None:
        """Wait until neither log's checkpoint has changed for some rounds: everything is integrated and published."""
        began, last, rounds = time.monotonic(), "", 0
        while rounds < SETTLED_ROUNDS:
            assert time.monotonic() - began < SETTLE_SECONDS_MAX, "the logs do not come to rest"
            time.sleep(0.5)
            now = "".join(self.client.get(f"/log/{log}/checkpoint").text for log in ("consent", "policy"))
            last, rounds = now, rounds + 1 if now == last else 0


def digest_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Count rows and hash what every later version must say of each: the members that a record has in both lists."""
    members = ("record_id", "source_id", "kind", "quantity", "occurred_on", "points", "expires_on")
    texts = sorted(json.dumps([row.get(name) for name in members]) for row in rows)
    return {"count": len(rows), "sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest()}
