"""Privacy officers through the day: what needs them, and whether the logs are sound."""

from __future__ import annotations

from locust import between, task

from loadtests.actors import Actor
from service.auth.access_tokens import Audience


class Officer(Actor):
    """One officer with a few lists open."""

    audience = Audience.PRIVACY
    fixed_subject = "officer-1"
    fixed_count = 1
    wait_time = between(2, 5)

    @task
    def read_the_queue(self) -> None:
        """Objections and refused attempts."""
        self.get("/v1/privacy/objections")
        self.get("/v1/privacy/refused-attempts")

    @task
    def read_a_checkpoint(self) -> None:
        """Read the current checkpoint; 404 is expected, because a new city has published nothing yet."""
        with self.client.get("/log/consent/checkpoint", name="/log/{name}/checkpoint", catch_response=True) as answer:
            if answer.status_code in (200, 404):
                answer.success()
