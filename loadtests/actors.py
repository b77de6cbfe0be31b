"""Base class of the load's actors: sends a token and an Idempotency-Key, and reports unexpected answers."""

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
    """A user of one audience. `fixed_subject` is set where the demonstration city has only certain subjects."""

    abstract = True
    audience: ClassVar[Audience]
    fixed_subject: ClassVar[str | None] = None

    def on_start(self) -> None:
        """Choose the subject."""
        self.tokens: Tokens = self.environment.tokens
        self.subject = self.tokens.subject(self.audience, self.fixed_subject)

    def get(self, path: str, name: str | None = None, expected: tuple[int, ...] = (200,)) -> Any:
        """Send a reading call; return its JSON, or None when the status was not expected."""
        headers = self.tokens.header(self.audience, self.subject)
        return self._send("GET", path, name, None, expected, headers)

    def post(
        self,
        path: str,
        body: Any,
        name: str | None = None,
        expected: tuple[int, ...] = (200, 201),
        audience: Audience | None = None,
        subject: str | None = None,
    ) -> Any:
        """Send a writing call, as this actor or another (a resident in the source's app); return its JSON or None."""
        headers = self.tokens.header(audience or self.audience, subject or self.subject)
        headers["Idempotency-Key"] = secrets.token_hex(8)
        return self._send("POST", path, name, body, expected, headers)

    def _send(
        self, method: str, path: str, name: str | None, body: Any, expected: tuple[int, ...], headers: dict[str, str]
    ) -> Any:
        with self.client.request(
            method, path, name=name or path, json=body, headers=headers, catch_response=True
        ) as answer:
            if answer.status_code in expected:
                answer.success()
                return json.loads(answer.text) if answer.content else {}
            answer.failure(f"{answer.status_code}")
            return None
