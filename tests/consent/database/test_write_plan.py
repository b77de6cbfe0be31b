"""Plans of writes: both executors do what a model in plain Python does, all of a plan or nothing of it."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from consent.database import queries, write_plan
from consent.database.write_plan import Expect, Insert, OneOrNone, Plan, TakeOne, Update, Write, WriteConflict
from service.storage import database
from tests.support.clusters import VARIABLE, Cluster

pytestmark = pytest.mark.anyio

PLANS = 150
TABLES = (
    "CREATE TABLE plan_row (id VARCHAR(8) PRIMARY KEY, number BIGINT NOT NULL, note VARCHAR(8))",
    "CREATE TABLE plan_counter (name VARCHAR(8) PRIMARY KEY, ends_on INT NOT NULL, taken INT NOT NULL)",
)
ADD = Insert("plan_row", ("id", "number"), existing="conflict")
ADD_ONCE = Insert("plan_row", ("id", "number"), existing="ignore")
NUMBER = Update("plan_row", changes=("number",), matches=("id", "number"))
NOTE = Update("plan_row", changes=("note",), matches=("id",), still_null=("note",))
TAKE = TakeOne("plan_counter", key="name", counter="taken", columns=("ends_on",))
COUNT = Expect("(SELECT count(*) FROM plan_counter WHERE name = 'c0')")
ADD_OR_NONE, NUMBER_OR_NONE = OneOrNone(ADD), OneOrNone(NUMBER)
IDS = ("a", "b", "c", "d")
Rows = dict[str, tuple[int, str | None]]
Counters = dict[str, int]


async def reset() -> None:
    async with queries.transaction():
        await queries.execute("DELETE FROM plan_row")
        await queries.execute("DELETE FROM plan_counter")
        await queries.execute("INSERT INTO plan_row (id, number) VALUES ('a', 1)")
        await queries.execute("INSERT INTO plan_row (id, number, note) VALUES ('b', 2, 'spent')")
        await queries.execute("INSERT INTO plan_counter (name, ends_on, taken) VALUES ('c0', 20261231, 2)")


async def stored() -> tuple[Rows, Counters]:
    rows = await queries.fetch_all("SELECT id, number, note FROM plan_row")
    counters = await queries.fetch_all("SELECT name, taken FROM plan_counter")
    return {row["id"]: (row["number"], row["note"]) for row in rows}, {row["name"]: row["taken"] for row in counters}


def some_plan(chance: random.Random) -> Plan:
    """Up to four writes, no row changed by two of them: PostgreSQL changes a row once in a statement."""
    ids, counters = chance.sample(IDS, 4), chance.sample(("c0", "c1"), 2)
    makers: list[Callable[[], Write]] = [
        lambda: Write(ADD, (ids.pop(), chance.randint(1, 3))),
        lambda: Write(ADD_ONCE, (ids.pop(), chance.randint(1, 3))),
        lambda: Write(NUMBER, (9, ids.pop(), chance.randint(1, 2))),
        lambda: Write(NOTE, ("done", ids.pop())),
        lambda: Write(ADD_OR_NONE, (ids.pop(), chance.randint(1, 3), chance.randint(0, 1))),
        lambda: Write(NUMBER_OR_NONE, (9, ids.pop(), chance.randint(1, 2), chance.randint(0, 1))),
        lambda: Write(TAKE, (counters.pop(), 20261231, chance.randint(1, 4))) if counters else Write(COUNT, (1,)),
        lambda: Write(COUNT, (chance.choice((1, 1, 1, 0)),)),
    ]
    return [chance.choice(makers)() for _ in range(chance.randint(1, 4))]


class Model:
    """The tables in plain Python; each method executes one kind of write and tells whether it changed its row."""

    def __init__(self) -> None:
        self.rows: Rows = {"a": (1, None), "b": (2, "spent")}
        self.counters: Counters = {"c0": 2}

    def add(self, row_id: str, number: int) -> bool:
        if row_id in self.rows:
            return False
        self.rows[row_id] = number, None
        return True

    def add_once(self, row_id: str, number: int) -> bool:
        self.add(row_id, number)
        return True

    def change_number(self, number: int, row_id: str, before: int) -> bool:
        if row_id not in self.rows or self.rows[row_id][0] != before:
            return False
        self.rows[row_id] = number, self.rows[row_id][1]
        return True

    def note(self, text: str, row_id: str) -> bool:
        if row_id not in self.rows or self.rows[row_id][1] is not None:
            return False
        self.rows[row_id] = self.rows[row_id][0], text
        return True

    def add_or_none(self, row_id: str, number: int, rows: int) -> bool:
        return not rows or self.add(row_id, number)

    def change_number_or_none(self, number: int, row_id: str, before: int, rows: int) -> bool:
        return self.change_number(number, row_id, before) == bool(rows)

    def take(self, name: str, _: int, limit: int) -> bool:
        if name in self.counters and self.counters[name] >= limit:
            return False
        self.counters[name] = self.counters.get(name, 0) + 1
        return True

    def expect(self, count: int) -> bool:
        return count == 1


WORK: dict[Any, Callable[..., bool]] = {
    ADD: Model.add,
    ADD_ONCE: Model.add_once,
    NUMBER: Model.change_number,
    NOTE: Model.note,
    ADD_OR_NONE: Model.add_or_none,
    NUMBER_OR_NONE: Model.change_number_or_none,
    TAKE: Model.take,
    COUNT: Model.expect,
}


def expected(plan: Plan) -> tuple[bool, tuple[Rows, Counters]]:
    """Return True if the model writes the plan, and the rows after it."""
    model = Model()
    if all(WORK[statement](model, *values) for statement, values in plan):
        return True, (model.rows, model.counters)
    return False, (Model().rows, Model().counters)


async def written_by(executor: Callable[[Plan], Awaitable[None]], plan: Plan) -> bool:
    try:
        await executor(plan)
    except WriteConflict:
        return False
    return True


async def both_executors_write_the_same() -> None:
    for statement in TABLES:
        await queries.execute_script(statement)
    chance = random.Random(20261128)
    outcomes = set()
    for _ in range(PLANS):
        plan = some_plan(chance)
        done, rows = expected(plan)
        outcomes.add(done)
        for executor in (write_plan.commit, write_plan.execute_stepwise, in_a_transaction):
            await reset()
            assert await written_by(executor, plan) == done, plan
            assert await stored() == rows, plan
    assert outcomes == {True, False}


async def in_a_transaction(plan: Plan) -> None:
    async with queries.transaction():
        await write_plan.apply(plan)


async def test_both_executors_write_the_same_rows(opened: str) -> None:
    await both_executors_write_the_same()


@pytest.fixture
async def cluster_database() -> AsyncIterator[str]:
    """An open database on the cluster that the environment names."""
    cluster = Cluster(os.environ[VARIABLE])
    url = await cluster.create()
    await database.open_database(url)
    yield url
    await database.close_database()
    await cluster.drop(url)


@pytest.mark.campaign
@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no cluster")
async def test_both_executors_write_the_same_rows_on_a_cluster(cluster_database: str) -> None:
    await both_executors_write_the_same()


async def test_a_write_that_the_database_refuses_undoes_the_plan(opened: str) -> None:
    for statement in TABLES:
        await queries.execute_script(statement)
    await reset()
    before = await stored()
    twice: list[Any] = [Write(TAKE, ("c1", 20261231, 1)), Write(Insert("plan_row", ("id", "number")), ("a", 1))]
    with pytest.raises(queries.RETRYABLE_ERRORS):
        await write_plan.commit(twice)
    assert await stored() == before
