"""Residents: they read their points, the explanation and their benefits; some show a ticket or withdraw."""

from __future__ import annotations

import random
from datetime import date

from locust import between, task

from loadtests.actors import HANDLES, Actor
from service.auth.access_tokens import Audience

SOURCE, PROVIDER, BENEFIT, VENUE = "volunteer-service", "city-library", "library-deposit", "city-library-main"
MINUTES = 7_200


class Resident(Actor):
    """Consents to a source and a provider first, proves the account, and gets a record; then lives with it."""

    audience = Audience.RESIDENT
    weight = 20
    wait_time = between(1, 5)

    def on_start(self) -> None:
        """The first day: consent, link, record."""
        super().on_start()
        account = f"v-{self.subject}"
        given = self._consent(purpose="points.compute", source_id=SOURCE, account=account)
        if given is not None and given.get("link"):
            confirmed = {"code": given["link"]["code"], "account": account}
            path, source = "/v1/source/links/confirm", {"audience": Audience.SOURCE, "subject": SOURCE}
            self.post(path, confirmed, **source)  # type: ignore[arg-type]
            day = f"{date.today().year - 1}-03-05"
            record = {"record_id": f"r-{self.subject}", "account": account, "kind": "volunteer_minutes"}
            records = {"records": [{**record, "quantity": MINUTES, "occurred_on": day}]}
            self.post("/v1/source/records", records, **source)  # type: ignore[arg-type]
        self._consent(purpose="benefit.check", provider_id=PROVIDER)

    def _consent(self, **asked: str) -> dict[str, dict[str, str]] | None:
        shown = self.post("/v1/me/consent-requests", {"language": "en", **asked}, expected=(201, 409))
        if shown is None or "ticket" not in shown:
            return None
        given: dict[str, dict[str, str]] | None = self.post("/v1/me/consents", {"ticket": shown["ticket"]})
        return given

    @task(60)
    def read_points(self) -> None:
        """The first page of the app."""
        self.get("/v1/me/points")

    @task(10)
    def ask_why(self) -> None:
        """The records behind the number."""
        self.get("/v1/me/points/explanation")

    @task(15)
    def read_benefits(self) -> None:
        """Read the benefits that apply today."""
        self.get("/v1/me/benefits")

    @task(5)
    def read_access_log(self) -> None:
        """The access log."""
        self.get("/v1/me/access-log")

    @task(8)
    def show_a_ticket(self) -> None:
        """A handle for the venue's scanner; once a day, then the quota says no."""
        ticket = self.post("/v1/me/tickets", {"benefit_id": BENEFIT, "venue_id": VENUE}, expected=(201, 409))
        if ticket is not None and "handle" in ticket:
            HANDLES.append(ticket["handle"])

    @task(1)
    def stop_and_come_back(self) -> None:
        """Withdraw the provider's consent and give it again."""
        consents = self.get("/v1/me/consents?limit=50", name="/v1/me/consents")
        live = [
            consent
            for consent in (consents or {}).get("data", [])
            if consent["state"] == "given" and "provider_id" in consent
        ]
        if live:
            consent_id = random.choice(live)["consent_id"]
            self.post(f"/v1/me/consents/{consent_id}/withdraw", None, name="/v1/me/consents/{consent_id}/withdraw")
            self._consent(purpose="benefit.check", provider_id=PROVIDER)
