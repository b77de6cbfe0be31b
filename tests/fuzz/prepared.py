"""Requests that succeed, for operations that generated values alone do not reach: each makes first what it needs.

Every call of a preparation returns what has to be sent; `Actors` make what it names. Passes, slips, bindings, sessions
and packages are in `tests/fuzz/prepared_means.py`.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from service.auth.access_tokens import Audience
from tests.factories import benefit_document
from tests.fuzz import prepared_means
from tests.fuzz.actors import APPROVER, AUTHOR, LIBRARY, OFFICER, SOURCE, VENUE, Actors, Prepared

FIRST_TILE: Final = {"name": "policy", "level": "0", "index": "000.p/1"}
"""The tile with the first leaf alone, which every log that is not empty has."""


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
    name, sha256 = actors.submitted()
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


def _included(actors: Actors) -> Prepared:
    """The first leaf of the policy log: the tile of one hash."""
    leaf_hash = actors.client.get("/log/policy/tile/0/000.p/1").raise_for_status().content
    return Prepared(None, {"name": "policy"}, {"leaf_hash": base64.b64encode(leaf_hash).decode()})


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
        **prepared_means.PREPARATIONS,
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
        "checkBenefit": _handle,
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
        "readTile": lambda _: Prepared(None, FIRST_TILE),
        "readEpochTile": lambda _: Prepared(None, {**FIRST_TILE, "epoch": "1"}),
        "proveInclusion": _included,
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
