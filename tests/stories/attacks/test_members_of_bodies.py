"""Members of bodies and answers: unknown ones are refused, and no answer has one that its schema does not (API3)."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from service import app
from service.api.routes import OPERATIONS
from service.auth.access_tokens import Audience
from service.http.openapi.schemas import used_schemas
from tests.stories.attacks.test_objects_of_others import owned_objects, parts_of
from tests.support import answers, calls
from tests.support.city import City, row_counts

pytestmark = pytest.mark.anyio

FREE_DOCUMENTS: Final = frozenset({"createDocument", "findFaults", "editDocument", "composeTexts", "importCatalogue"})
"""Operations whose body contains a catalogue document: the publication rules refuse its unknown members."""
OPEN: Final = frozenset(
    {
        # A draft that does not fit its schema yet.
        "StoredUnfinishedDocument",
        # Hashed literally: its members are part of what is verified.
        "ConsentEvent",
        # A message's facts differ by kind.
        "MessageFacts",
    }
)
"""Schemas of answers whose members the OpenAPI document does not list, with the reasons."""


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the place of every object in a JSON value."""
    if isinstance(value, dict):
        yield at
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*at, name))


async def test_an_unknown_member_is_refused_in_every_body_at_every_depth(shared_city: City) -> None:
    tokens, before = calls.tokens_of(shared_city), await row_counts()
    for operation in OPERATIONS:
        if operation.request is None or operation.operation_id in FREE_DOCUMENTS:
            continue
        assert operation.audience is not None
        good = calls.BODIES[operation.operation_id]
        for place in places(good):
            if place == ("points",):  # a map by dimension: an unknown operation is no member but a wrong key
                continue
            body = copy.deepcopy(good)
            inner = body
            for step in place:
                inner = inner[step]
            inner["is_admin"] = True
            answer = await calls.call(shared_city, operation, tokens[operation.audience], body=body)
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (422, "body_invalid"), (operation.operation_id, place)
            pointer = "".join(f"/{step}" for step in (*place, "is_admin"))
            faults = {error["pointer"]: error["code"] for error in problem["errors"]}
            assert faults.get(pointer) == "unknown_field", (operation.operation_id, place, faults)
    assert await row_counts() == before


async def test_an_unknown_member_of_a_catalogue_document_never_comes_into_force(town: City) -> None:
    """A draft may be faulty, and says so; it cannot be submitted, so nothing reads it."""
    admin = town.actor(Audience.ADMINISTRATOR, "admin-1")
    benefit = (await admin.get("/v1/admin/benefits/library-deposit")).json()["document"]
    changes: list[dict[str, Any]] = [
        {"approved": True},
        {"state": "in_force"},
        {"quota": {**benefit.get("quota", {}), "unlimited": True}},
        {"condition": {**benefit["condition"], "is_admin": True}},
    ]
    for number, change in enumerate(changes):
        body = {**benefit, **change, "benefit_id": f"library-deposit-{number}"}
        checked = await admin.post("/v1/admin/benefits/findings", body)
        codes = {finding["code"] for finding in checked.json()["findings"]}
        assert codes & {"unknown_field", "condition_unknown"}, change
        drafted = await admin.post("/v1/admin/benefits", body)
        assert drafted.json()["state"] == "draft"
        submitted = await admin.post(f"/v1/admin/benefits/{body['benefit_id']}/versions/1/submit")
        assert (submitted.status_code, submitted.json()["code"]) == (422, "prohibited"), submitted.text


HOSTILE: Final[tuple[Any, ...]] = ("a\x00b", "", "9999-12-31", 2**31, 2**63, -(10**30), 1.5, True, None, [], {})
"""Values that PostgreSQL, 32 or 64 bits, the calendar or a type may have no place for."""


def leaves(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of every value in a JSON value that is no object and no list."""
    if not isinstance(value, dict | list):
        yield at
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from leaves(inner, (*at, name))


def with_value(body: Any, place: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(body)
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return changed


@pytest.mark.slow
@pytest.mark.both_engines
@pytest.mark.parametrize("values", [4, pytest.param(len(HOSTILE), marks=pytest.mark.campaign)])
async def test_no_value_of_any_member_is_an_error_of_ours(town: City, values: int) -> None:
    """Each member meets a sample of the values, another one than its neighbours; in the campaign all of them."""
    owned, tokens, chance = await owned_objects(town), calls.tokens_of(town), random.Random(3)
    failed, sent = [], 0
    for operation in OPERATIONS:
        good = calls.EXAMPLES.get(operation.operation_id, {}).get("request")
        if good is None or operation.audience is None:
            continue
        ids = parts_of(operation, owned) if operation.audience in owned else {}
        path = calls.address(operation, {**calls.PARTS, **ids})
        for place in leaves(good):
            for value in chance.sample(HOSTILE, values):
                headers = {
                    "Authorization": f"Bearer {tokens[operation.audience]}",
                    "Idempotency-Key": f"hostile-{sent}",
                    "If-Match": "*",
                }
                body = with_value(good, place, value)
                answer = await town.client.request(operation.method, path, json=body, headers=headers)
                sent += 1
                if answer.status_code >= 500:
                    failed.append((operation.operation_id, place, value, answer.status_code))
    assert failed == []
    assert sent > 100 * values


NAMES: Final = ("%00", "a%00b", "9" * 30, "-1", "0", "9223372036854775808", "%F0%9F%92%A9", "x" * 2_000, "%20", "..")
"""Names in a path that no object has."""


@pytest.mark.both_engines
async def test_no_name_in_any_path_is_an_error_of_ours(town: City) -> None:
    tokens, failed, sent = calls.tokens_of(town), [], 0
    for operation in OPERATIONS:
        token = None if operation.audience is None else tokens[operation.audience]
        for part in re.findall(r"\{(\w+)", operation.path):
            for name in NAMES:
                answer = await calls.call(town, operation, token, {**calls.PARTS, part: name})
                sent += 1
                if answer.status_code >= 500:
                    failed.append((operation.operation_id, part, name, answer.status_code))
    assert failed == []
    assert sent > 500


async def test_members_that_only_the_service_sets_cannot_be_set(shared_city: City) -> None:
    """Names of columns and answers in a body, which an automatic binding would store."""
    resident = shared_city.resident("wang")
    good = calls.BODIES["requestConsent"]
    for name in (
        "person_id",
        "sub",
        "state",
        "consent_id",
        "given_at",
        "epoch",
        "notice_version",
        "expires_at",
        "__proto__",
    ):
        answer = await resident.post("/v1/me/consent-requests", {**good, name: "x"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_field"), name


async def test_every_answer_has_the_members_of_its_schema_alone(town: City) -> None:
    """Every operation is called by a caller with objects of each kind; each answer is checked as a closed schema."""
    owned = await owned_objects(town)
    who = {
        Audience.RESIDENT: town.resident("wang").token,
        Audience.SOURCE: town.source().token,
        Audience.VENUE: town.venue().token,
        Audience.ADMINISTRATOR: town.actor(Audience.ADMINISTRATOR, "admin-1").token,
        Audience.PRIVACY: town.actor(Audience.PRIVACY, "officer-1").token,
        Audience.CITY_APP: town.city_app().token,
    }
    last = ("withdrawConsent", "withdrawAll", "eraseMe")
    answered = set()
    for operation in sorted(
        OPERATIONS, key=lambda operation: (operation.operation_id in last, operation.method != "GET")
    ):
        token = None if operation.audience is None else who[operation.audience]
        for parts in ({}, {**calls.PARTS, **(parts_of(operation, owned) if operation.audience in owned else {})}):
            answer = await calls.call(town, operation, token, parts)
            assert answers.undescribed(answer) == []
            assert "+00:00" not in answer.text, operation.operation_id  # an instant is written with `Z`
            if answer.is_success:
                answered.add(operation.operation_id)
    assert len(answered) > 60, sorted({operation.operation_id for operation in OPERATIONS} - answered)


def lists_no_members(schema: Any) -> bool:
    """Report whether an object somewhere in a schema may contain anything."""
    if isinstance(schema, list):
        return any(map(lists_no_members, schema))
    if not isinstance(schema, dict):
        return False
    unnamed = schema.get("type") == "object" and not {"properties", "additionalProperties"} & schema.keys()
    return unnamed or schema.get("additionalProperties") is True or any(map(lists_no_members, schema.values()))


def test_every_schema_of_an_answer_lists_its_members() -> None:
    api = app.document()
    answered = [call["responses"] for methods in api["paths"].values() for call in methods.values()]
    schemas = used_schemas({"answers": answered}, api["components"]["schemas"])
    assert {name for name, schema in schemas.items() if lists_no_members(schema)} == OPEN
