"""Another's object is answered like an absent one, at every operation that takes an id (API1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

import pytest

from consent.kernel.instants import rfc3339
from service.api.routes import OPERATIONS
from service.auth.access_tokens import Audience
from service.http.openapi.operation import Operation
from tests.support import calls
from tests.support.answers import PER_REQUEST_HEADERS
from tests.support.city import City, Resident, record, row_counts

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

SHARED: Final[Mapping[Audience | None, frozenset[str]]] = MappingProxyType(
    {
        None: frozenset({"name", "level", "index", "sha256", "version", "code", "epoch", "number", "request_id"}),
        Audience.RESIDENT: frozenset({"benefit_id"}),
        Audience.ADMINISTRATOR: frozenset({"kind", "id", "version", "package_id"}),
        # Every officer decides about each review, objection, complaint and record of their division; reads are logged.
        Audience.PRIVACY: frozenset({"review_id", "objection_id", "complaint_id", "record_id"}),
    }
)
"""Path parameters of each audience that name something all its callers may see."""
ROWS_OF_READING: Final = frozenset({"oversight", "use_for_all", "event", "outbox", "refused_attempt"})
"""Tables in which a refused call is recorded."""


def names(operation: Operation) -> set[str]:
    """Return the parameters of an operation that name one object: those of its path, and the case it is read under."""
    in_path = set(re.findall(r"\{(\w+)", operation.path))
    return in_path | ({"case"} & {query.name for query in operation.query if query.required})


OWNED: Final = tuple(
    operation for operation in OPERATIONS if names(operation) - SHARED.get(operation.audience, frozenset())
)
"""Operations that name an object of one caller alone."""


Objects = dict[Audience | str, dict[str, str]]


def parts_of(operation: Operation, owned: Objects) -> dict[str, str]:
    """Return the ids for an operation: its own where only objects in one state have it, else those of its audience."""
    assert operation.audience is not None
    return owned.get(operation.operation_id) or owned[operation.audience]


async def booked(town: City, who: Resident) -> dict[str, Any]:
    """Let a resident book a place in a session that the hospital adds in three days; return the booking."""
    await who.consent_to_provider("second-hospital")
    begins_at = await town.app_context.clock() + timedelta(days=3)
    body = {
        "benefit_id": "checkup-window",
        "begins_at": rfc3339(begins_at),
        "ends_at": rfc3339(begins_at + timedelta(hours=3)),
        "places": 20,
    }
    session = (await town.venue("second-hospital-desk").post("/v1/venue/sessions", body)).json()
    answer = await who.post("/v1/me/bookings", {"session_id": session["session_id"]})
    assert answer.status_code == 201, answer.text
    booking: dict[str, Any] = answer.json()
    return booking


async def owned_objects(town: City) -> Objects:
    """Make one object of each kind, and return their ids by the audience that owns them, or by operation id."""
    wang, green, library = town.resident("wang"), town.source(), town.venue()
    consent = await wang.link("green-travel", "bike-9001")
    await green.deliver(record("r-1", "bike-9001", quantity=10), record("r-2", "bike-9001", quantity=9))
    shown = await wang.request_notice(purpose="benefit.check", provider_id="city-library")
    stored = (await wang.get("/v1/me/records")).json()["data"]
    stored.sort(key=lambda row: -row["quantity"])
    about = f"/v1/me/records/{stored[0]['record_id']}/objections"
    objection = (await wang.post(about, {"reason_code": "not_mine", "statement": "Not mine."})).json()
    officer = town.actor(Audience.PRIVACY, "officer-1")
    case = (await officer.post("/v1/privacy/cases", {"reason_code": "yearly_audit", "text": "The audit."})).json()
    # A decided objection about the other record is a correction, which its source acknowledges.
    about = f"/v1/me/records/{stored[1]['record_id']}/objections"
    second = (await wang.post(about, {"reason_code": "not_mine", "statement": "Not mine."})).json()
    decision = {"decision": "upheld", "reason": "Seen."}
    await officer.post(f"/v1/privacy/objections/{second['objection_id']}/decision", decision)
    (correction,) = (await green.get("/v1/source/corrections")).json()["data"]
    await wang.volunteer(19_200, "v-wang")
    await wang.consent_to_provider("city-library")
    booking = await booked(town, wang)
    at_library = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
    binding = (await wang.post("/v1/me/bindings", at_library)).json()
    slip = (await wang.post("/v1/me/slips", at_library)).json()
    ticket = await wang.ticket()
    redeemed = (await library.post("/v1/venue/redemptions", {"handle": ticket["handle"]})).json()
    request = await library.post("/v1/venue/presentation-requests", {"benefit_id": "library-deposit"})
    about_library = {"benefit_id": "library-deposit", "venue_id": "city-library-main", "reason_code": "other"}
    complaint = (await wang.post("/v1/me/complaints", about_library)).json()
    pending = await wang.consent_to_source("civic-life", "civic-wang")
    left = await town.resident("li").link("green-travel", "bike-9002")
    await town.resident("li").post("/v1/me/withdrawals", {"scope": "all"})
    return {
        "renewLinkCode": {"consent_id": pending["consent_id"]},
        "acknowledgeLink": {"link_id": left["link"]["link_id"]},
        Audience.RESIDENT: {
            "consent_id": consent["consent_id"],
            "request_id": shown["request_id"],
            "record_id": stored[0]["record_id"],
            "ticket_id": ticket["ticket_id"],
            "objection_id": objection["objection_id"],
            "complaint_id": complaint["complaint_id"],
            "binding_id": binding["binding_id"],
            "slip_id": slip["slip_id"],
            "booking_id": booking["booking_id"],
        },
        Audience.SOURCE: {
            "link_id": consent["link"]["link_id"],
            "correction_id": correction["correction_id"],
            "objection_id": objection["objection_id"],
            "record_id": "r-1",
        },
        Audience.VENUE: {
            "redemption_id": redeemed["redemption_id"],
            "request_id": request.json()["request_id"],
        },
        Audience.PRIVACY: {"case_id": case["case_id"], "case": case["case_id"], "consent_id": consent["consent_id"]},
    }


def without_id(answer: Any) -> tuple[int, Any, list[tuple[str, str]]]:
    """Return status, body and headers of an answer without what differs between any two requests."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return answer.status_code, body, sorted((k, v) for k, v in answer.headers.items() if k not in PER_REQUEST_HEADERS)


async def test_anothers_object_is_answered_like_an_absent_one(town: City) -> None:
    owned = await owned_objects(town)
    strangers = {
        Audience.RESIDENT: town.resident("stranger").token,
        Audience.SOURCE: town.source("civic-life").token,
        Audience.VENUE: town.venue("riverside-hotel-desk").token,
        Audience.PRIVACY: town.actor(Audience.PRIVACY, "officer-2").token,
    }
    assert (await town.venue("riverside-hotel-desk").get("/v1/venue/me")).status_code == 200
    assert (await town.source("civic-life").get("/v1/source/links")).status_code == 200
    before = await row_counts()
    for operation in OWNED:
        assert operation.audience is not None
        parts, stranger = parts_of(operation, owned), strangers[operation.audience]
        anothers = await calls.call(town, operation, stranger, parts)
        absent = await calls.call(town, operation, stranger, dict.fromkeys(parts, calls.ABSENT))
        assert anothers.status_code == 404, (operation.operation_id, anothers.text)
        assert without_id(anothers) == without_id(absent), operation.operation_id
    after = await row_counts()
    assert {table for table, count in after.items() if count != before[table]} <= ROWS_OF_READING


async def test_the_owner_is_answered_where_a_stranger_is_not(town: City) -> None:
    """The ids of the test above are real: their owner gets another answer than 404."""
    owned = await owned_objects(town)
    owners = {
        Audience.RESIDENT: town.resident("wang").token,
        Audience.SOURCE: town.source().token,
        Audience.VENUE: town.venue().token,
        Audience.PRIVACY: town.actor(Audience.PRIVACY, "officer-1").token,
    }
    # Reads first, and the end of the consent last: what ends takes its links and records with it.
    for operation in sorted(
        OWNED, key=lambda operation: (operation.method != "GET", operation.operation_id == "withdrawConsent")
    ):
        assert operation.audience is not None
        answer = await calls.call(town, operation, owners[operation.audience], parts_of(operation, owned))
        assert answer.status_code != 404, (operation.operation_id, answer.text)


def test_every_parameter_that_names_an_object_is_owned_or_shared() -> None:
    tried = {(operation.audience, name) for operation in OWNED for name in names(operation)}
    tried -= {(audience, name) for audience, shared in SHARED.items() for name in shared}
    assert tried == {
        (Audience.RESIDENT, "consent_id"),
        (Audience.RESIDENT, "request_id"),
        (Audience.RESIDENT, "record_id"),
        (Audience.RESIDENT, "ticket_id"),
        (Audience.RESIDENT, "objection_id"),
        (Audience.RESIDENT, "complaint_id"),
        (Audience.RESIDENT, "binding_id"),
        (Audience.RESIDENT, "slip_id"),
        (Audience.RESIDENT, "booking_id"),
        (Audience.SOURCE, "link_id"),
        (Audience.SOURCE, "correction_id"),
        (Audience.SOURCE, "objection_id"),
        (Audience.SOURCE, "record_id"),
        (Audience.VENUE, "redemption_id"),
        (Audience.VENUE, "request_id"),
        (Audience.PRIVACY, "case_id"),
        (Audience.PRIVACY, "case"),
        (Audience.PRIVACY, "consent_id"),
    }
