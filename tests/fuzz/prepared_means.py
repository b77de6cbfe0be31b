"""Requests that succeed for slips, bindings, sessions, passes, wallets, other cities, complaints and packages.

As in `tests/fuzz/prepared.py`, each makes what it needs first.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from benefits.passes import claims, jose, sd_jwt
from consent.kernel.instants import rfc3339
from service.auth.access_tokens import Audience
from service.http.bodies import FORM
from tests.factories import PROVIDER_DOCUMENT, benefit_document
from tests.fuzz.actors import APPROVER, AUTHOR, LIBRARY, OFFICER, VENUE, Actors, Caller, Prepared
from tests.support.issuers import OtherCity
from tests.support.offline import DevicePass
from tests.support.passes import new_key

HOSPITAL: Final = (Audience.VENUE, "second-hospital-desk")
CHECKUP: Final = "checkup-window"
BINDINGS: Final = "/v1/venue/bindings"
OTHER_CITY: Final = OtherCity()
"""A city that the served one recognises, once a pass of it is prepared."""


def _ticket(actors: Actors) -> Prepared:
    who = actors.entitled()
    return Prepared(who, {"ticket_id": actors.call(who, "/v1/me/tickets", LIBRARY)["ticket_id"]})


def _withdrawn(actors: Actors) -> Prepared:
    who, given, _ = actors.link()
    actors.call(who, f"/v1/me/consents/{given['consent_id']}/withdraw")
    return Prepared(who, {"consent_id": given["consent_id"]})


def _choosing(actors: Actors) -> Prepared:
    """An answer to an objection is a message, of which the city's app hears from the next full hour on."""
    own = _own_objection(actors)
    assert own.caller is not None
    actors.call(own.caller, "/v1/me/notifications", {"city_app": True}, method="PUT")
    actors.decide(own.path["objection_id"])
    return Prepared(own.caller, body={"city_app": True})


def _committed_ticket(actors: Actors) -> Prepared:
    """A ticket for a benefit with a commitment: the request names the terms that the resident has read."""
    name, who = actors.in_force(commitment={"kind": "return_item", "within_days": 30}), actors.entitled()
    read = next(row for row in actors.read(who, "/v1/me/benefits")["data"] if row["benefit_id"] == name)
    body = {**LIBRARY, "benefit_id": name, "accepted_terms_sha256": read["terms_sha256"]}
    return Prepared(who, body=body)


def _issue_ticket(actors: Actors) -> Prepared:
    return _committed_ticket(actors) if actors.chance() else Prepared(actors.entitled(), body=LIBRARY)


def _redeem(actors: Actors) -> Prepared:
    """A redemption by the handle of a ticket, the code of a slip or the token of a binding, in turn."""
    who = actors.entitled()
    if actors.chance():
        return Prepared(VENUE, body={"handle": actors.call(who, "/v1/me/slips", LIBRARY)["short_code"]})
    if actors.chance():
        code = actors.call(who, "/v1/me/bindings", LIBRARY)["code"]
        return Prepared(VENUE, body={"binding_token": actors.call(VENUE, BINDINGS, {"code": code})["binding_token"]})
    return Prepared(VENUE, body={"handle": actors.call(who, "/v1/me/tickets", LIBRARY)["handle"]})


def _slip(actors: Actors) -> Prepared:
    who = actors.entitled()
    return Prepared(who, {"slip_id": actors.call(who, "/v1/me/slips", LIBRARY)["slip_id"]})


def _binding(actors: Actors) -> Prepared:
    who = actors.entitled()
    waiting = actors.call(who, "/v1/me/bindings", LIBRARY)
    actors.call(VENUE, BINDINGS, {"code": waiting["code"]})
    return Prepared(who, {"binding_id": waiting["binding_id"]})


def _create_binding(actors: Actors) -> Prepared:
    return Prepared(VENUE, body={"code": actors.call(actors.entitled(), "/v1/me/bindings", LIBRARY)["code"]})


def _session_body() -> dict[str, Any]:
    begins_at = datetime.now(UTC) + timedelta(days=2 + secrets.randbelow(88), minutes=1)
    times = {"begins_at": rfc3339(begins_at), "ends_at": rfc3339(begins_at + timedelta(hours=3))}
    return {"benefit_id": CHECKUP, "places": 2, **times}


def _free_session(actors: Actors) -> str:
    """Return the id of a session with a free place; the sessions of a week have no more than 20 places."""
    for row in actors.read(HOSPITAL, "/v1/venue/sessions?limit=200")["data"]:
        if row["benefit_id"] == CHECKUP and row["taken"] + row["returned"] < row["places"]:
            return str(row["session_id"])
    return str(actors.call(HOSPITAL, "/v1/venue/sessions", _session_body())["session_id"])


def _patient(actors: Actors) -> Caller:
    """Return a new resident to whom the added check-ups apply."""
    who, _, _ = actors.record("volunteer-service", "volunteer_minutes", 19_200)
    actors.consent(who, purpose="benefit.check", provider_id="second-hospital")
    return who


def _book(actors: Actors) -> Prepared:
    return Prepared(_patient(actors), body={"session_id": _free_session(actors)})


def _cancel(actors: Actors) -> Prepared:
    booked = _book(actors)
    assert booked.caller is not None
    booking_id = actors.call(booked.caller, "/v1/me/bookings", booked.body)["booking_id"]
    return Prepared(booked.caller, {"booking_id": booking_id})


def _issue_passes(actors: Actors) -> Prepared:
    return Prepared(actors.entitled(), body={**LIBRARY, "keys": [jose.public_jwk(new_key().public_key())]})


def _taken(actors: Actors) -> tuple[Caller, DevicePass]:
    """Return a new resident with a pass for the library."""
    who, key = actors.entitled(), new_key()
    keys = {"keys": [jose.public_jwk(key.public_key())]}
    (row,) = actors.call(who, "/v1/me/passes", {**LIBRARY, **keys})["passes"]
    return who, DevicePass(key, row["pass"], row["compact"])


def _status_list(actors: Actors) -> Prepared:
    _, taken = _taken(actors)
    return Prepared(None, {"number": taken.claims.status.uri.rpartition("/")[2]})


def _redeem_pass(actors: Actors) -> Prepared:
    if actors.chance():
        return Prepared(VENUE, body=_foreign_pass(actors))
    return Prepared(VENUE, body={"pass": _taken(actors)[1].code(int(time.time()))})


def _upload(actors: Actors) -> Prepared:
    at, (_, taken) = int(time.time()), _taken(actors)
    item = {"pass": taken.signed, "presentation": taken.key_binding(at), "at": rfc3339(datetime.fromtimestamp(at, UTC))}
    return Prepared(VENUE, body={"items": [item]})


def _recognise(actors: Actors) -> None:
    """Publish the document of OTHER_CITY, once."""
    answer = actors.get(AUTHOR, "/v1/admin/issuers/other-city")
    if answer.status_code == 404:
        actors.publish("issuers", "other-city", OTHER_CITY.document())


def _foreign_pass(actors: Actors) -> dict[str, Any]:
    """The body of a redemption of a pass of a recognised city."""
    _recognise(actors)
    at, venue = int(time.time()), claims.venue_url(actors.city.url, LIBRARY["venue_id"])
    return OTHER_CITY.new_pass(at, secrets.randbelow(100_000), venue=venue).shown(at)


def _answer_as_wallet(actors: Actors) -> Prepared:
    new = actors.call(VENUE, "/v1/venue/presentation-requests", {"benefit_id": LIBRARY["benefit_id"]})
    request = {name: value for name, (value,) in parse_qs(urlsplit(new["request_url"]).query).items()}
    _, taken = _taken(actors)
    binding = sd_jwt.sign_key_binding(taken.key, taken.signed, request["client_id"], request["nonce"], int(time.time()))
    form = {"vp_token": json.dumps({"pass": [taken.signed + binding]}), "state": request["state"]}
    return Prepared(None, {"request_id": new["request_id"]}, body=form, media_type=FORM)


def _read_presentation(actors: Actors) -> Prepared:
    """A presentation request that a wallet has answered."""
    answer = _answer_as_wallet(actors)
    actors.client.post(f"/v1/public/presentations/{answer.path['request_id']}", data=answer.body).raise_for_status()
    return Prepared(VENUE, answer.path)


def _redemption(actors: Actors) -> Prepared:
    done = actors.call(VENUE, "/v1/venue/redemptions", _redeem(actors).body)
    return Prepared(VENUE, {"redemption_id": done["redemption_id"]})


def _complaint(actors: Actors) -> tuple[Caller, str]:
    who = actors.resident()
    return who, actors.call(who, "/v1/me/complaints", {**LIBRARY, "reason_code": "other"})["complaint_id"]


def _own_complaint(actors: Actors) -> Prepared:
    who, complaint_id = _complaint(actors)
    return Prepared(who, {"complaint_id": complaint_id})


def _own_objection(actors: Actors) -> Prepared:
    who, _, record_id = actors.record()
    about = {"reason_code": "not_mine", "statement": "Not mine."}
    opened = actors.call(who, f"/v1/me/records/{record_id}/objections", about)
    return Prepared(who, {"objection_id": opened["objection_id"]})


def _answer_complaint(actors: Actors) -> Prepared:
    _, complaint_id = _complaint(actors)
    body = {"answer": "The library has told its desk.", "to_provider": "A reader was asked for a deposit."}
    return Prepared(OFFICER, {"complaint_id": complaint_id}, body=body)


def _partner(actors: Actors) -> list[dict[str, Any]]:
    """Draft a provider and a benefit; return how a package names them."""
    name = f"prepared-{secrets.token_hex(4)}"
    drafts = (
        ("providers", name, {**PROVIDER_DOCUMENT, "provider_id": name}),
        ("benefits", name, benefit_document(benefit_id=name)),
    )
    for kind, _, document in drafts:
        actors.call(AUTHOR, f"/v1/admin/{kind}", document)
    return [{"kind": kind, "id": document_id, "version": 1} for kind, document_id, _ in drafts]


def _package(actors: Actors) -> Any:
    """Submit a package and let the officer pass it; return it."""
    package = actors.call(AUTHOR, "/v1/admin/packages", {"documents": _partner(actors)})
    if package["state"] == "in_review":
        body = {"decision": "approve", "reason": "I read both.", "sha256": package["sha256"]}
        actors.call(OFFICER, f"/v1/privacy/reviews/package.{package['package_id']}/decision", body)
    return package


def _approve_package(actors: Actors) -> Prepared:
    package = _package(actors)
    return Prepared(APPROVER, {"package_id": package["package_id"]}, body={"sha256": package["sha256"]})


PREPARATIONS: Final[Mapping[str, Callable[[Actors], Prepared]]] = MappingProxyType(
    {
        "readTicket": _ticket,
        "undoWithdrawal": _withdrawn,
        "chooseNotifications": _choosing,
        "issueTicket": _issue_ticket,
        "redeemBenefit": _redeem,
        "issueSlip": lambda actors: Prepared(actors.entitled(), body=LIBRARY),
        "readSlip": _slip,
        "printSlip": _slip,
        "stopSlip": _slip,
        "requestBinding": lambda actors: Prepared(actors.entitled(), body=LIBRARY),
        "readBinding": _binding,
        "stopBinding": _binding,
        "createBinding": _create_binding,
        "offerSession": lambda _: Prepared(HOSPITAL, body=_session_body()),
        "bookSession": _book,
        "cancelBooking": _cancel,
        "issuePasses": _issue_passes,
        "stopPasses": lambda actors: Prepared(_taken(actors)[0]),
        "readStatusList": _status_list,
        "redeemPass": _redeem_pass,
        "uploadOfflineUses": _upload,
        "requestPresentation": lambda _: Prepared(VENUE, body={"benefit_id": LIBRARY["benefit_id"]}),
        "answerPresentationRequest": _answer_as_wallet,
        "readPresentationRequest": _read_presentation,
        "readRedemption": _redemption,
        "confirmDelivery": _redemption,
        "readMyComplaint": _own_complaint,
        "readMyObjection": _own_objection,
        "readComplaint": lambda actors: Prepared(OFFICER, _own_complaint(actors).path),
        "answerComplaint": _answer_complaint,
        "submitPackage": lambda actors: Prepared(AUTHOR, body={"documents": _partner(actors)}),
        "readPackage": lambda actors: Prepared(AUTHOR, {"package_id": _package(actors)["package_id"]}),
        "approvePackage": _approve_package,
        "recallPackage": lambda actors: Prepared(AUTHOR, {"package_id": _package(actors)["package_id"]}),
    }
)
"""Preparations by operation id."""
