"""The rule of a live consent in Python and in SQL is one rule, on both engines."""

from __future__ import annotations

import itertools

import pytest

from consent.database import queries
from consent.domain.liveness import ConsentPeriod, expired_sql, has_expired, is_live, live_sql

TIMES = (0, 1, 2, 3)


def test_without_a_consent_nothing_lives() -> None:
    assert not is_live(ConsentPeriod(None, None), 1)


@pytest.mark.anyio
async def test_python_and_sql_agree_at_every_edge(opened: str) -> None:
    await queries.execute_script("CREATE TABLE c (state VARCHAR(16), given_at BIGINT, expires_at BIGINT)")
    seen = set()
    for given_at, expires_at, at, state in itertools.product(TIMES, TIMES, TIMES, ("given", "withdrawn")):
        await queries.execute("DELETE FROM c")
        await queries.execute("INSERT INTO c VALUES ($1, $2, $3)", state, given_at, expires_at)
        for condition in (live_sql("$1"), live_sql("$1", "c")):
            live = await queries.fetch_one(f"SELECT 1 AS live FROM c WHERE {condition}", at) is not None
            assert live == (state == "given" and is_live(ConsentPeriod(given_at, expires_at), at))
            seen.add(live)
    assert seen == {True, False}


@pytest.mark.anyio
async def test_python_and_sql_agree_on_the_end(opened: str) -> None:
    await queries.execute_script("CREATE TABLE c (expires_at BIGINT)")
    await queries.execute("INSERT INTO c VALUES (2)")
    for condition, at in itertools.product((expired_sql("$1"), expired_sql("$1", "c")), TIMES):
        over = await queries.fetch_one(f"SELECT 1 AS is_over FROM c WHERE {condition}", at) is not None
        assert over is has_expired(2, at) is (at >= 2)
