"""Addresses and bodies for every operation of the API, so that a test can send each one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import httpx2

from service.auth.access_tokens import Audience
from service.http.openapi.operation import Operation
from tests.support.city import City

CASE: Final = "case-of-nobody"
PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {"kind": "benefits", "id": "library-deposit", "version": "1", "name": "consent", "level": "0", "index": "000"}
)
"""Path parameters that name something of the demonstration city."""
ABSENT: Final = "00000000-0000-7000-8000-000000000000"
"""An id that nothing has."""
BODIES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "requestConsent": {
            "purpose": "points.compute",
            "source_id": "green-travel",
            "account": "bike-1",
            "language": "en",
        },
        "giveConsent": {"ticket": "x"},
        "refuseConsent": {"ticket": "x"},
        "withdrawAll": {"scope": "all"},
        "supposePoints": {"deeds": [{"kind": "bike_trip", "quantity": 1}]},
        "issueTicket": {"benefit_id": "library-deposit", "venue_id": "city-library-main"},
        "objectToRecord": {"reason_code": "wrong_quantity", "statement": "Two.", "claim": {"quantity": 2}},
        "objectToMissing": {
            "reason_code": "missing",
            "statement": "One is missing.",
            "claim": {"quantity": 2},
            "source_id": "green-travel",
        },
        "confirmLink": {"code": "AAAA2222", "account": "bike-1"},
        "deliverRecords": {
            "records": [
                {
                    "record_id": "r",
                    "account": "bike-1",
                    "kind": "bike_trip",
                    "quantity": 1,
                    "occurred_on": "2025-06-01",
                }
            ]
        },
        "correctRecord": {"quantity": 1, "reason_code": "typo"},
        "retractRecord": {"reason_code": "typo"},
        "stateAboutObjection": {"statement": "It is right."},
        "answerWithoutRecord": {"reason_code": "no_such_deed"},
        "checkBenefit": {"handle": "0" * 32},
        "redeemBenefit": {"handle": "0" * 32},
        "reverseRedemption": {"reason_code": "mistaken_scan"},
        "importCatalogue": {"catalogue": {"benefits": []}},
        "composeTexts": {"document": {}, "choose": {}},
        "createDocument": {"benefit_id": "x1"},
        "findFaults": {"benefit_id": "x1"},
        "editDocument": {"benefit_id": "library-deposit"},
        "approveVersion": {"sha256": "0" * 64},
        "tryVersion": {"points": {"volunteering": 10}},
        "suspendVersion": {"reason": "A fault."},
        "retireVersion": {"from": "2099-01-01"},
        "openCase": {"reason_code": "yearly_audit", "text": "The yearly audit."},
        "sampleConsents": {"case": CASE, "size": 10},
        "decideReview": {"decision": "refuse", "reason": "No."},
        "decideObjection": {"decision": "upheld", "reason": "Yes.", "correction": {"quantity": 1}},
        "restoreRecord": {"case": CASE, "reason": "It is back."},
    }
)
"""A body that fits the schema of each operation that takes JSON, by operation id."""


def address(operation: Operation, parts: Mapping[str, str] = PARTS) -> str:
    """Return the operation's path with `parts` in it, each missing one ABSENT, and every required query parameter."""
    path = re.sub(r"\{(\w+)(?::path)?\}", lambda match: parts.get(match[1], ABSENT), operation.path)
    required = [f"{query.name}={parts.get(query.name, CASE)}" for query in operation.query if query.required]
    return path + "?" * bool(required) + "&".join(required)


async def call(
    town: City, operation: Operation, token: str | None, parts: Mapping[str, str] = PARTS, body: Any = ...
) -> httpx2.Response:
    """Send an operation with a token (None: without one) and a new Idempotency-Key; its body of BODIES by default."""
    headers = {"Idempotency-Key": re.sub(r"\W", "", f"{operation.operation_id}{sorted(parts.items())}")[:200]}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    content = BODIES.get(operation.operation_id) if body is ... else body
    more = {} if content is None else {"json": content}
    return await town.client.request(operation.method, address(operation, parts), headers=headers, **more)


def tokens_of(town: City) -> dict[Audience, str]:
    """Return a valid token for each audience, of callers that the demonstration city knows."""
    callers = {
        Audience.RESIDENT: "resident-1",
        Audience.VENUE: "city-library-main",
        Audience.SOURCE: "green-travel",
        Audience.ADMINISTRATOR: "admin-1",
        Audience.PRIVACY: "officer-1",
    }
    return {audience: town.actor(audience, subject).token for audience, subject in callers.items()}
