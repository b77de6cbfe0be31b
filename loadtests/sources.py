"""Data sources at night: streams of a thousand records, of which most are of people this service does not know."""

from __future__ import annotations

import json
import secrets
from datetime import date

from locust import between, task

from loadtests.actors import Actor
from loadtests.residents import SOURCE
from service.auth.access_tokens import Audience

LINES = 1_000


class Source(Actor):
    """Fetches its links and delivers."""

    audience = Audience.SOURCE
    fixed_subject = SOURCE
    weight = 1
    wait_time = between(1, 3)

    @task
    def deliver(self) -> None:
        """A stream for the linked accounts, mixed with strangers'."""
        links = self.get("/v1/source/links?state=confirmed&limit=200", name="/v1/source/links")
        accounts = [link["account"] for link in (links or {}).get("data", [])] or ["nobody"]
        day = f"{date.today().year - 1}-06-01"
        body = "".join(
            json.dumps(
                {
                    "record_id": secrets.token_hex(8),
                    "account": accounts[number % len(accounts)] if number % 4 == 0 else f"stranger-{number}",
                    "kind": "volunteer_minutes",
                    "quantity": 60,
                    "occurred_on": day,
                }
            )
            + "\n"
            for number in range(LINES)
        )
        headers = {**self.tokens.header(self.audience, self.subject), "Content-Type": "application/x-ndjson"}
        with self.client.post("/v1/source/records", data=body, headers=headers, catch_response=True) as answer:
            if answer.status_code == 200 and len(answer.text.splitlines()) == LINES:
                answer.success()
            else:
                answer.failure(f"{answer.status_code}")

    @task
    def hear_what_ended(self) -> None:
        """Links that ended, each acknowledged."""
        ended = self.get("/v1/source/links?state=ended&limit=50", name="/v1/source/links")
        for link in (ended or {}).get("data", []):
            path = "/v1/source/links/{link_id}/acknowledge"
            self.post(path.format(link_id=link["link_id"]), None, name=path)
