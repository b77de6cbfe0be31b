"""Requests that succeed, for operations that generated values alone do not reach: each makes first what it needs.

A draft to approve, a ticket to redeem, a link to confirm: every call of a `Preparation` acts as the callers would, over
HTTP, and returns what has to be sent. Its acts are those of two administrators, an officer, a source and new residents.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import httpx2

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
    """A request that succeeds now: its caller (None: public), parameters of path and query, headers, JSON body."""

    caller: Caller | None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


class Actors:
    """The callers of a served city, who prepare a request by sending others."""

    def __init__(self, city: ServedCity, client: httpx2.Client) -> None:
        self.city, self.client = city, client
        self.numbers = itertools.count(1)
        self.consenting = 0

    def call(self, caller: Caller, path: str, body: Any = None, method: str = "POST", **headers: str) -> Any:
        """Send a request; return the answer's JSON. HTTPStatusError for a refusal."""
        answer = self.client.request(
            method,
            path,
            headers={
                "Authorization": f"Bearer {self.city.token(*caller)}",
                "Idempotency-Key": secrets.token_hex(8),
                **headers,
            },
            **({} if body is None else {"json": body}),
        )
        answer.raise_for_status()
        return answer.json()

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

    def draft(self) -> tuple[str, str]:
        """Return id and SHA-256 of a new draft of a benefit."""
        name = f"prepared-{secrets.token_hex(4)}"
        drafted = self.call(AUTHOR, "/v1/admin/benefits", benefit_document(benefit_id=name))
        return name, drafted["sha256"]

    def submitted(self, *, reviewed: bool) -> tuple[str, str]:
        """Return id and SHA-256 of a submitted benefit, approved by the officer where the rules ask for it."""
        name, sha256 = self.draft()
        state = self.call(AUTHOR, f"/v1/admin/benefits/{name}/versions/1/submit")["state"]
        if reviewed and state == "in_review":
            body = {"decision": "approve", "reason": "Read it."}
            self.call(OFFICER, f"/v1/privacy/reviews/benefits.{name}.1/decision", body)
        return name, sha256

    def in_force(self) -> str:
        """Return the id of a benefit that is in force since now."""
        name, sha256 = self.submitted(reviewed=True)
        self.call(APPROVER, f"/v1/admin/benefits/{name}/versions/1/approve", {"sha256": sha256})
        return name

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


def _version(name: str, kind: str = "benefits") -> dict[str, str]:
    return {"kind": kind, "id": name, "version": "1"}


def _edit(actors: Actors) -> Prepared:
    name, _ = actors.draft()
    body = benefit_document(benefit_id=name, assessment_id="PIA-2026-002")
    return Prepared(AUTHOR, {"kind": "benefits", "id": name}, headers={"If-Match": "*"}, body=body)


def _diff(actors: Actors) -> Prepared:
    return Prepared(AUTHOR, {"kind": "benefits", "id": actors.draft()[0]}, {"from": 1, "to": 1})


def _create(actors: Actors) -> Prepared:
    body = benefit_document(benefit_id=f"prepared-{secrets.token_hex(4)}")
    return Prepared(AUTHOR, {"kind": "benefits"}, body=body)


def _approve(actors: Actors) -> Prepared:
    name, sha256 = actors.submitted(reviewed=True)
    return Prepared(APPROVER, _version(name), body={"sha256": sha256})


def _resume(actors: Actors) -> Prepared:
    name = actors.in_force()
    actors.call(AUTHOR, f"/v1/admin/benefits/{name}/versions/1/suspend")
    return Prepared(AUTHOR, _version(name))


def _retire(actors: Actors) -> Prepared:
    day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    return Prepared(AUTHOR, _version(actors.in_force()), body={"from": day})


def _read_request(actors: Actors) -> Prepared:
    resident = actors.resident()
    shown = actors.notice(resident, purpose="benefit.check", provider_id="city-library")
    return Prepared(resident, {"request_id": shown["request_id"]})


def _give(actors: Actors) -> Prepared:
    resident = actors.resident()
    shown = actors.notice(resident, purpose="benefit.check", provider_id="city-library")
    return Prepared(resident, body={"ticket": shown["ticket"]})


def _renew_code(actors: Actors) -> Prepared:
    resident, given, _ = actors.unconfirmed_link()
    return Prepared(resident, {"consent_id": given["consent_id"]})


def _issue_ticket(actors: Actors) -> Prepared:
    return Prepared(actors.entitled(), body=LIBRARY)


def _handle(actors: Actors) -> Prepared:
    return Prepared(VENUE, body={"handle": actors.call(actors.entitled(), "/v1/me/tickets", LIBRARY)["handle"]})


def _reverse(actors: Actors) -> Prepared:
    done = actors.call(VENUE, "/v1/venue/redemptions", _handle(actors).body)
    return Prepared(VENUE, {"redemption_id": done["redemption_id"]}, body={"reason_code": "mistaken_scan"})


def _own_consent(actors: Actors) -> Prepared:
    resident, given, _ = actors.link()
    return Prepared(resident, {"consent_id": given["consent_id"]})


def _own_record(actors: Actors) -> Prepared:
    resident, _, record_id = actors.record()
    return Prepared(resident, {"record_id": record_id})


def _object_to_record(actors: Actors) -> Prepared:
    own = _own_record(actors)
    return Prepared(own.caller, own.path, body={"reason_code": "not_mine", "statement": "Not mine."})


def _leaving(actors: Actors) -> Prepared:
    return Prepared(actors.link()[0], body={"scope": "all"})


def _decide(actors: Actors) -> Prepared:
    body = {"decision": "rejected", "reason": "It is right as it is."}
    return Prepared(OFFICER, {"objection_id": actors.objection()[0]}, body=body)


def _consent_under_case(actors: Actors) -> Prepared:
    _, given, _ = actors.link()
    return Prepared(OFFICER, {"consent_id": given["consent_id"]}, {"case": actors.case()})


def _readable_document(_: Actors) -> Prepared:
    return Prepared(AUTHOR, {"kind": "benefits", "id": "library-deposit"})


def _readable_version(_: Actors) -> Prepared:
    return Prepared(AUTHOR, _version("library-deposit"))


def _published(actors: Actors) -> Prepared:
    sha256 = actors.read(AUTHOR, "/v1/admin/benefits/library-deposit")["sha256"]
    return Prepared(None, {"sha256": sha256})


def _confirm(actors: Actors) -> Prepared:
    _, given, account = actors.unconfirmed_link()
    return Prepared((Audience.SOURCE, SOURCE), body={"code": given["link"]["code"], "account": account})


def _acknowledge_link(actors: Actors) -> Prepared:
    resident, given, _ = actors.link()
    actors.call(resident, f"/v1/me/consents/{given['consent_id']}/withdraw")
    return Prepared((Audience.SOURCE, SOURCE), {"link_id": given["link"]["link_id"]})


def _correct(actors: Actors) -> Prepared:
    _, at_source, _ = actors.record()
    body = {"quantity": 10, "reason_code": "counted_again"}
    return Prepared((Audience.SOURCE, SOURCE), {"record_id": at_source}, body=body)


def _retract(actors: Actors) -> Prepared:
    _, at_source, _ = actors.record()
    return Prepared((Audience.SOURCE, SOURCE), {"record_id": at_source}, body={"reason_code": "counted_again"})


def _sample(actors: Actors) -> Prepared:
    actors.crowd()
    return Prepared(OFFICER, body={"case": actors.case(), "size": 20})


def _restore(actors: Actors) -> Prepared:
    _, at_source, record_id = actors.record()
    body = {"reason_code": "counted_again"}
    actors.call((Audience.SOURCE, SOURCE), f"/v1/source/records/{at_source}/retraction", body)
    return Prepared(OFFICER, {"record_id": record_id}, body={"case": actors.case()})


def _acknowledge_correction(actors: Actors) -> Prepared:
    objection_id, at_source = actors.objection()
    actors.decide(objection_id, correction={"quantity": 12})
    rows = actors.read((Audience.SOURCE, SOURCE), "/v1/source/corrections?limit=200")["data"]
    correction_id = next(row["correction_id"] for row in rows if row["record_id"] == at_source)
    return Prepared((Audience.SOURCE, SOURCE), {"correction_id": correction_id})


def _state(actors: Actors) -> Prepared:
    objection_id, _ = actors.objection()
    return Prepared((Audience.SOURCE, SOURCE), {"objection_id": objection_id}, body={"statement": "There were nine."})


def _answer_without_record(actors: Actors) -> Prepared:
    resident, _, _ = actors.link()
    body = {"source_id": SOURCE, "reason_code": "missing", "statement": "A ride is missing."}
    objection_id = actors.call(resident, "/v1/me/objections", body)["objection_id"]
    actors.decide(objection_id)
    return Prepared((Audience.SOURCE, SOURCE), {"objection_id": objection_id}, body={"reason_code": "no_such_deed"})


PREPARATIONS: Final[Mapping[str, Callable[[Actors], Prepared]]] = MappingProxyType(
    {
        "createDocument": _create,
        "editDocument": _edit,
        "diffVersions": _diff,
        "composeTexts": lambda _: Prepared(AUTHOR, body={"document": benefit_document()}),
        "readChanges": lambda actors: Prepared(AUTHOR, _version(actors.draft()[0])),
        "submitVersion": lambda actors: Prepared(AUTHOR, _version(actors.draft()[0])),
        "approveVersion": _approve,
        "discardVersion": lambda actors: Prepared(APPROVER, _version(actors.draft()[0])),
        "suspendVersion": lambda actors: Prepared(AUTHOR, _version(actors.in_force()), body={}),
        "resumeVersion": _resume,
        "retireVersion": _retire,
        "readConsentRequest": _read_request,
        "giveConsent": _give,
        "refuseConsent": _give,
        "renewLinkCode": _renew_code,
        "issueTicket": _issue_ticket,
        "checkBenefit": _handle,
        "redeemBenefit": _handle,
        "reverseRedemption": _reverse,
        "requestConsent": lambda actors: Prepared(
            actors.resident(), body={"purpose": "benefit.check", "provider_id": "city-library", "language": "en"}
        ),
        "readConsent": _own_consent,
        "readReceipt": _own_consent,
        "withdrawConsent": _own_consent,
        "withdrawAll": _leaving,
        "eraseMe": lambda actors: Prepared(actors.link()[0]),
        "readRecord": _own_record,
        "objectToRecord": _object_to_record,
        "readCatalogueDocument": _readable_document,
        "readDependents": _readable_document,
        "listVersions": _readable_document,
        "readVersion": _readable_version,
        "listSteps": _readable_version,
        "simulateVersion": _readable_version,
        "tryVersion": lambda _: Prepared(AUTHOR, _version("library-deposit"), body={"points": {"green_living": 70}}),
        "readDocument": _published,
        "countConsents": lambda actors: Prepared(OFFICER, query={"case": actors.case()}),
        "readConsentUnderCase": _consent_under_case,
        "acknowledgeObjection": lambda actors: Prepared(OFFICER, {"objection_id": actors.objection()[0]}),
        "decideObjection": _decide,
        "readReview": lambda actors: Prepared(OFFICER, {"review_id": actors.review()}),
        "decideReview": lambda actors: Prepared(
            OFFICER, {"review_id": actors.review()}, body={"decision": "refuse", "reason": "Another one exists."}
        ),
        "sampleConsents": _sample,
        "restoreRecord": _restore,
        "readSchemeVersion": lambda _: Prepared(None, {"version": "2026.1"}),
        "confirmLink": _confirm,
        "acknowledgeLink": _acknowledge_link,
        "acknowledgeCorrection": _acknowledge_correction,
        "answerWithoutRecord": _answer_without_record,
        "stateAboutObjection": _state,
        "correctRecord": _correct,
        "retractRecord": _retract,
    }
)
"""Preparations by operation id."""
