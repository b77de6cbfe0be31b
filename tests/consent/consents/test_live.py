"""Reads of consents across persons, as the replay of tombstones makes them."""

from __future__ import annotations

import pytest

from consent.consents import live
from consent.database import queries
from tests.support.city import City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


async def test_only_the_named_persons_own_consents_are_returned(town: City) -> None:
    wang, li = town.resident("wang"), town.resident("li")
    given = [(await who.consent_to_provider("city-library"))["consent_id"] for who in (wang, li)]
    rows = await queries.fetch_all("SELECT person_id, consent_id FROM consent")
    person_of = {row["consent_id"]: row["person_id"] for row in rows}
    pairs = [(person_of[consent_id], consent_id) for consent_id in given]
    assert sorted(await live.stored_as_given(pairs)) == sorted(pairs)
    assert sorted(await live.stored_as_given([("", consent_id) for consent_id in given])) == sorted(pairs)
    assert await live.stored_as_given([pairs[0], (pairs[1][0], "unknown")]) == [pairs[0]]


async def test_sqlite_reads_each_person_one_time_for_all_their_consents(town: City) -> None:
    if not queries.is_sqlite():
        return
    sql = live.given_sql(f" AND {queries.any_of('person_id', 2)}")
    ids = queries.array_param(["a", "b"])
    plan = " ".join(str(row["detail"]) for row in await queries.fetch_all(f"EXPLAIN QUERY PLAN {sql}", ids, ids))
    assert "person_id=?" in plan
    assert "consent_id=?" not in plan
