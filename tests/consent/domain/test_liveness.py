"""The rule of a live consent in Python and in SQL is one rule, on both engines."""

from __future__ import annotations

import itertools
from datetime import datetime

import pytest

from consent.database import queries
from consent.domain.document_kinds import DocumentKind
from consent.domain.grants import Grant, State
from consent.domain.liveness import ConsentPeriod, began_under, expired_sql, has_ended, is_live, live_sql
from consent.domain.purposes import Purpose
from consent.domain.recipients import RecipientChanges, end_sql

TIMES = (0, 1, 2, 3)
SCRIPT = """
CREATE TABLE c (purpose VARCHAR(16), counterpart VARCHAR(16), state VARCHAR(16), given_at BIGINT, expires_at BIGINT);
"""


def test_without_a_consent_nothing_lives() -> None:
    assert not is_live(ConsentPeriod(None, None), 1)


def test_a_consent_covers_rows_that_are_as_old_or_younger() -> None:
    period = ConsentPeriod(2, 9)
    assert [began_under(period, at) for at in (1, 2, 3)] == [False, True, True]
    assert not began_under(ConsentPeriod(None, None), 3)
    assert not began_under(None, 3)


@pytest.mark.anyio
async def test_python_and_sql_agree_at_every_edge(opened: str) -> None:
    await queries.execute_script(SCRIPT)
    seen = set()
    for given_at, expires_at, changed_at, state in itertools.product(
        TIMES, TIMES, (None, *TIMES), ("given", "withdrawn")
    ):
        await queries.execute("DELETE FROM c")
        await queries.execute("DELETE FROM document")
        await queries.execute("INSERT INTO c VALUES ('benefit.check', 'p', $1, $2, $3)", state, given_at, expires_at)
        await queries.execute_many(
            "INSERT INTO document (kind, document_id, version, recipient, in_force_from, state, sha256, body,"
            " created_at) VALUES ($1, $2, $3, $4, $5, 'approved', '', '', 0)",
            [
                ("providers", "p", 1, None, 1),
                ("providers", "p", 2, "another_recipient", changed_at),
                ("providers", "p", 3, "spelling_only", 1),
                ("providers", "q", 1, "another_recipient", 1),
                ("sources", "p", 1, "another_recipient", 1),
            ],
        )
        changes = RecipientChanges({} if changed_at is None else {(DocumentKind.PROVIDERS, "p"): [_at(changed_at)]})
        grant = Grant(
            "c", Purpose.BENEFIT_CHECK, "p", State(state), _at(given_at), _at(expires_at), None,
            changes.first_after(Purpose.BENEFIT_CHECK, "p", _at(given_at)),
        )  # fmt: skip
        row = await queries.fetch_one(f"SELECT {end_sql('c')} AS ends_at FROM c")
        assert row is not None
        assert queries.from_micros(row["ends_at"]) == grant.ends_at
        for at in TIMES:
            expected = state == "given" and is_live(ConsentPeriod(given_at, row["ends_at"]), at)
            assert (grant.state_at(_at(at)) is State.GIVEN and given_at <= at) == expected
            for condition in (live_sql("$1"), live_sql("$1", "c")):
                live = await queries.fetch_one(f"SELECT 1 AS live FROM c WHERE {condition}", at) is not None
                assert live == expected, (given_at, expires_at, changed_at, state, at)
                seen.add(live)
    assert seen == {True, False}


@pytest.mark.anyio
async def test_python_and_sql_agree_on_the_end(opened: str) -> None:
    await queries.execute_script("CREATE TABLE c (expires_at BIGINT)")
    await queries.execute("INSERT INTO c VALUES (2)")
    for condition, at in itertools.product((expired_sql("$1"), expired_sql("$1", "c")), TIMES):
        over = await queries.fetch_one(f"SELECT 1 AS is_over FROM c WHERE {condition}", at) is not None
        assert over is has_ended(2, at) is (at >= 2)


def _at(micros: int) -> datetime:
    return queries.from_micros(micros)
