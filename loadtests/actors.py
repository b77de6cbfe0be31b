"""What every actor of the load does: send with a token and an Idempotency-Key, and say what was not as it should be."""

from __future__ import annotations

import json
import secrets
from collections import deque
from typing import Any, ClassVar

from locust import FastHttpUser

from loadtests.tokens import Tokens
from service.auth.access_tokens import Audience

HANDLES: deque[str] = deque(maxlen=10_000)
"""Handles that residents show and venues scan."""


class Actor(FastHttpUser):
    """A user at one door. `fixed_subject` is the subject of a demonstration city where only some exist."""

    abstract = True
    audience: ClassVar[Audience]
    fixed_subject: ClassVar[str | None] = None

    def on_start(self) -> None:
        """Become somebody."""
        self.tokens: Tokens = self.environment.tokens
        self.subject = self.tokens.subject(self.audience, self.fixed_subject)

    def get(self, path: str, name: str | None = None, expected: tuple[int, ...] = (200,)) -> Any:
        """A reading call; its JSON, or None when it was not answered as expected."""
        return self._send("GET", path, name, None, expected)

    def post(
        self,
        path: str,
        body: Any,
        name: str | None = None,
        expected: tuple[int, ...] = (200, 201),
        audience: Audience | None = None,
        subject: str | None = None,
    ) -> Any:
        """A writing call, at one's own door or as somebody else (a resident in the source's app)."""
        return self._send("POST", path, name, body, expected, audience or self.audience, subject or self.subject)

    def _send(
        self,
        method: str,
        path: str,
        name: str | None,
        body: Any,
        expected: tuple[int, ...],
        audience: Audience | None = None,
        subject: str | None = None,
    ) -> Any:
        headers = self.tokens.header(audience or self.audience, subject or self.subject)
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(8)
        with self.client.request(
            method, path, name=name or path, json=body, headers=headers, catch_response=True
        ) as answer:
            if answer.status_code in expected:
                answer.success()
                return json.loads(answer.text) if answer.content else {}
            answer.failure(f"{answer.status_code}")
            return None
