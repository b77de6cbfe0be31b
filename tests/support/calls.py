"""Addresses and bodies for every operation of the API, so that a test can send each one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
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
EXAMPLES: Final[Mapping[str, Any]] = json.loads(
    (resources.files("service.api") / "examples.json").read_text(encoding="utf-8")
)
"""The examples of the OpenAPI document: a request and answers by status, by operation id."""
BODIES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        **{name: example["request"] for name, example in EXAMPLES.items() if "request" in example},
        "sampleConsents": {"case": CASE, "size": 10},
        "restoreRecord": {"case": CASE, "reason": "It is back."},
        # A draft with faults of shape, so that no call changes what other calls read.
        "createDocument": {"benefit_id": "x1"},
        "findFaults": {"benefit_id": "x1"},
        "editDocument": {"benefit_id": "library-deposit"},
        "importCatalogue": {"catalogue": {"benefits": []}},
        "composeTexts": {"document": {}, "choose": {}},
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
        Audience.CITY_APP: "city-app",
    }
    return {audience: town.actor(audience, subject).token for audience, subject in callers.items()}
