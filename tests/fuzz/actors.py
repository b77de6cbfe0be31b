"""Callers who prepare a request by sending others, over HTTP: two administrators, officers, sources, new residents.

A draft to approve, a ticket to redeem, a link to confirm: each method acts as the callers would, and returns what the
prepared request names.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx2

from consent.domain.document_kinds import DocumentKind
from service.auth.access_tokens import Audience
from tests.factories import benefit_document
from tests.fuzz.served_city import ServedCity
from tests.support.city import record

SOURCE: Final = "green-travel"
OFFICER: Final = (Audience.PRIVACY, "officer-1")
VENUE: Final = (Audience.VENUE, "city-library-main")
AUTHOR, APPROVER = (Audience.ADMINISTRATOR, "admin-1"), (Audience.ADMINISTRATOR, "admin-2")
SAMPLED_FROM: Final = 200
"""Consents below which no sample is drawn."""
LIBRARY: Final = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
Caller = tuple[Audience, str]


@dataclass(frozen=True)
class Prepared:
    """A request that succeeds now: its caller (None: public), parameters of path and query, headers, body."""

    caller: Caller | None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    media_type: str = "application/json"


class Actors:
    """The callers of a served city, who prepare a request by sending others."""

    def __init__(self, city: ServedCity, client: httpx2.Client) -> None:
        self.city, self.client = city, client
        self.numbers = itertools.count(1)
        self.turns = itertools.count()
        self.consenting = 0

    def call(self, caller: Caller, path: str, body: Any = None, method: str = "POST", **headers: str) -> Any:
        """Send a request; return the answer's JSON. HTTPStatusError for a refusal."""
        answer = self.client.request(
            method,
            path,
            headers={**self.authorised(caller), "Idempotency-Key": secrets.token_hex(8), **headers},
            **({} if body is None else {"json": body}),
        )
        answer.raise_for_status()
        return answer.json()

    def authorised(self, caller: Caller) -> dict[str, str]:
        """Return the header with a new token of a caller."""
        return {"Authorization": f"Bearer {self.city.token(*caller)}"}

    def get(self, caller: Caller, path: str) -> httpx2.Response:
        """Return the response to a GET, also a refusal."""
        return self.client.get(path, headers=self.authorised(caller))

    def chance(self) -> bool:
        """Return True at every third call."""
        return next(self.turns) % 3 == 0

    def read(self, caller: Caller, path: str) -> Any:
        """Return the JSON of a GET."""
        return self.call(caller, path, method="GET")

    def resident(self) -> Caller:
        """Return a resident whom the service does not know yet."""
        return Audience.RESIDENT, f"prepared-{next(self.numbers)}-{secrets.token_hex(4)}"

    def notice(self, resident: Caller, **asked: str) -> Any:
        """Ask for a notice in English; return it with its ticket."""
        return self.call(resident, "/v1/me/consent-requests", {"language": "en", **asked})

    def consent(self, resident: Caller, **asked: str) -> Any:
        """Give a consent; return it."""
        return self.call(resident, "/v1/me/consents", {"ticket": self.notice(resident, **asked)["ticket"]})

    def unconfirmed_link(self, source: str = SOURCE) -> tuple[Caller, Any, str]:
        """Return a new resident, their consent to the source with the link's code, and the account."""
        resident = self.resident()
        account = f"{source}-{resident[1]}"
        return resident, self.consent(resident, purpose="points.compute", source_id=source, account=account), account

    def link(self, source: str = SOURCE) -> tuple[Caller, Any, str]:
        """Return a new resident, their consent to the source and the account, which is confirmed."""
        resident, given, account = self.unconfirmed_link(source)
        body = {"code": given["link"]["code"], "account": account}
        self.call((Audience.SOURCE, source), "/v1/source/links/confirm", body)
        return resident, given, account

    def record(self, source: str = SOURCE, kind: str = "bike_trip", quantity: int = 9) -> tuple[Caller, str, str]:
        """Return a new linked resident with one record: its id at the source, and that of the service."""
        resident, _, account = self.link(source)
        row = record(f"record-{secrets.token_hex(6)}", account, kind, quantity, f"{datetime.now(UTC).year - 1}-03-05")
        self.call((Audience.SOURCE, source), "/v1/source/records", {"records": [row]})
        stored = self.read(resident, "/v1/me/records")["data"]
        return resident, row["record_id"], stored[0]["record_id"]

    def entitled(self) -> Caller:
        """Return a new resident who may use LIBRARY."""
        resident, _, _ = self.record("volunteer-service", "volunteer_minutes", 7_200)
        self.consent(resident, purpose="benefit.check", provider_id="city-library")
        return resident

    def objection(self) -> tuple[str, str]:
        """Return the id of an open objection to a record's quantity, and the source's id of the record."""
        resident, at_source, record_id = self.record()
        body = {"reason_code": "wrong_quantity", "statement": "There were more.", "claim": {"quantity": 12}}
        opened = self.call(resident, f"/v1/me/records/{record_id}/objections", body)
        return opened["objection_id"], at_source

    def decide(self, objection_id: str, **more: Any) -> None:
        """Uphold an objection as the officer."""
        body = {"decision": "upheld", "reason": "It is right.", **more}
        self.call(OFFICER, f"/v1/privacy/objections/{objection_id}/decision", body)

    def draft(self, **members: Any) -> tuple[str, str]:
        """Return id and SHA-256 of a new draft of a benefit, with some members replaced."""
        name = f"prepared-{secrets.token_hex(4)}"
        drafted = self.call(AUTHOR, "/v1/admin/benefits", benefit_document(benefit_id=name, **members))
        return name, drafted["sha256"]

    def submit(self, kind: str, name: str) -> None:
        """Submit the first version of a document, and let the officer pass it where the rules ask for it."""
        state = self.call(AUTHOR, f"/v1/admin/{kind}/{name}/versions/1/submit")["state"]
        if state == "in_review":
            body = {"decision": "approve", "reason": "Read it."}
            self.call(OFFICER, f"/v1/privacy/reviews/{kind}.{name}.1/decision", body)

    def publish(self, kind: str, name: str, document: Any) -> None:
        """Publish a new document."""
        sha256 = self.call(AUTHOR, f"/v1/admin/{kind}", document)["sha256"]
        self.submit(kind, name)
        self.call(APPROVER, f"/v1/admin/{kind}/{name}/versions/1/approve", {"sha256": sha256})

    def submitted(self) -> tuple[str, str]:
        """Return id and SHA-256 of a submitted benefit that waits for its approval."""
        name, sha256 = self.draft()
        self.submit("benefits", name)
        return name, sha256

    def in_force(self, **members: Any) -> str:
        """Return the id of a benefit that is in force since now, with some members replaced."""
        name = f"prepared-{secrets.token_hex(4)}"
        self.publish("benefits", name, benefit_document(benefit_id=name, **members))
        return name

    def documents(self) -> frozenset[str]:
        """Return the ids of all documents of the catalogue, of every kind."""
        rows = [row for kind in DocumentKind for row in self.read(AUTHOR, f"/v1/admin/{kind}?limit=200")["data"]]
        return frozenset(row["id"] for row in rows)

    def review(self) -> str:
        """Return the id of an open review: of a provider with a new name, which always waits for an officer."""
        name = f"prepared-{secrets.token_hex(4)}"
        provider = self.read(AUTHOR, "/v1/admin/providers/city-library")["document"]
        self.call(AUTHOR, "/v1/admin/providers", {**provider, "provider_id": name})
        self.call(AUTHOR, f"/v1/admin/providers/{name}/versions/1/submit")
        return f"providers.{name}.1"

    def crowd(self) -> None:
        """Let so many residents consent that an officer may draw a sample; once a city."""
        while self.consenting < SAMPLED_FROM:
            self.consent(self.resident(), purpose="benefit.check", provider_id="city-library")
            self.consenting += 1

    def case(self) -> str:
        """Return the id of the officer's new case."""
        body = {"reason_code": "yearly_audit", "text": "The audit."}
        case_id: str = self.call(OFFICER, "/v1/privacy/cases", body)["case_id"]
        return case_id
