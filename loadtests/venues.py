"""Venues at noon: they scan what residents show, and now and then something that is nothing."""

from __future__ import annotations

import secrets

from locust import between, task

from loadtests.actors import HANDLES, Actor
from loadtests.residents import VENUE
from service.auth.access_tokens import Audience


class Venue(Actor):
    """A desk with a scanner."""

    audience = Audience.VENUE
    fixed_subject = VENUE
    weight = 3
    wait_time = between(0.2, 1)

    @task(20)
    def scan(self) -> None:
        """Check and redeem; a 200 means standard terms, for any reason."""
        if HANDLES:
            handle = HANDLES.popleft()
            self.post("/v1/venue/checks", {"handle": handle})
            self.post("/v1/venue/redemptions", {"handle": handle})

    @task(1)
    def scan_nothing(self) -> None:
        """A photographed code of yesterday."""
        self.post("/v1/venue/redemptions", {"handle": secrets.token_hex(16)})

    @task(1)
    def read_the_day(self) -> None:
        """The day's list."""
        self.get("/v1/venue/redemptions")
