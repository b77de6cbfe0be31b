"""A read sends as many statements for a long life in the city as for a short one: none for each row (N+1)."""

from __future__ import annotations

from typing import Any

import pytest
from tortoise.backends.sqlite.client import SqliteClient

from service.api.routes import OPERATIONS
from service.auth.access_tokens import Audience
from service.jobs import background
from tests.stories.attacks.test_objects_of_others import Objects, owned_objects
from tests.support import calls
from tests.support.city import City, record

pytestmark = pytest.mark.anyio

RESIDENT = "wang"
AT_LIBRARY = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
PROVIDERS = ("city-bikes", "riverside-parking")
ACTS_OF_EACH_KIND = 5
"""More than statements of a read that differ by chance, fewer than a page of a list."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of statements that SQLite receives from now on, from queries and models alike."""
    sent: list[str] = []
    for name in ("execute_query", "execute_query_dict", "execute_insert", "execute_many"):
        original = getattr(SqliteClient, name)

        async def noted(client: Any, sql: str, *values: Any, _original: Any = original, **options: Any) -> Any:
            sent.append(sql)
            return await _original(client, sql, *values, **options)

        monkeypatch.setattr(SqliteClient, name, noted)
    return sent


async def live_longer(town: City) -> None:
    """Add rows of each kind to the resident, the library, the bike-share and the officer."""
    who, officer = town.resident(RESIDENT), town.actor(Audience.PRIVACY, "officer-1")
    for provider_id in PROVIDERS:
        await who.consent_to_provider(provider_id)
    for number in range(ACTS_OF_EACH_KIND):
        await town.source().deliver(record(f"more-{number}", "bike-9001", quantity=number + 1))
        missing = {"reason_code": "missing", "statement": f"Ride {number}.", "source_id": "green-travel"}
        await who.post("/v1/me/objections", missing)
        await officer.post("/v1/privacy/cases", {"reason_code": "yearly_audit", "text": f"Audit {number}."})
        await who.post("/v1/me/complaints", {**AT_LIBRARY, "reason_code": "other"})
        await who.post("/v1/me/bindings", AT_LIBRARY)
        ticket = await who.post("/v1/me/tickets", AT_LIBRARY)
        await town.venue().post("/v1/venue/redemptions", {"handle": ticket.json().get("handle", "")})
    await background.advance_logs(town.app_context)


async def counts(town: City, owned: Objects, statements: list[str]) -> dict[str, int]:
    """Return the number of statements of each GET of the API by its operation id."""
    tokens = {**calls.tokens_of(town), Audience.RESIDENT: town.resident(RESIDENT).token}
    counted = {}
    for operation in OPERATIONS:
        if operation.method == "GET":
            token = None if operation.audience is None else tokens[operation.audience]
            mine = owned.get(operation.audience, {}) if operation.audience else {}
            statements.clear()
            await calls.call(town, operation, token, {**calls.PARTS, **mine})
            counted[operation.operation_id] = len(statements)
    return counted


async def test_statements_do_not_grow(town: City, statements: list[str]) -> None:
    owned = await owned_objects(town)
    await background.advance_logs(town.app_context)
    before = await counts(town, owned, statements)
    await live_longer(town)
    after = await counts(town, owned, statements)
    assert {name: (before[name], number) for name, number in after.items() if number > before[name]} == {}
