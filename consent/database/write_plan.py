"""Plans: lists of typed writes that are committed all or none, by either of two executors.

`commit` runs a plan as one statement on PostgreSQL, and statement by statement in a transaction on SQLite and Citus,
which cannot write several tables in one. Both write the same rows and stop at the same conflicts. This module builds
SQL and names no table: the package that owns a table defines its writes as constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Literal, NamedTuple

from consent.database import queries
from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint


class WriteConflict(Exception):
    """A write of a plan changed no row: the state it was planned on has changed. Nothing of the plan is written."""


@dataclass(frozen=True, slots=True, eq=False)
class Insert:
    """Insert a row. Values: one for each column.

    `existing` says what a row with the same key means: an error of the database, a conflict of the plan, or nothing.
    """

    table: str
    columns: tuple[str, ...]
    existing: Literal["error", "conflict", "ignore"] = "error"

    @property
    def parameters(self) -> int:
        """The number of values."""
        return len(self.columns)

    @property
    def guards(self) -> bool:
        """True if the plan stops where no row was written."""
        return self.existing != "ignore"

    def sql(self, first: int, after: str = "") -> str:
        """The statement with parameters from `$first` on, executed once for each row of `after` where one is named."""
        marks = _marks(first, len(self.columns))
        rows = f"SELECT {marks} FROM {after}" if after else f"VALUES ({marks})"
        skip = "" if self.existing == "error" else " ON CONFLICT DO NOTHING"
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) {rows}{skip}"


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """Change the one row whose `matches` columns equal their values and whose `still_null` columns are NULL.

    Values: the new ones of `changes`, then those of `matches`. A row that no longer matches is a conflict.
    """

    table: str
    changes: tuple[str, ...]
    matches: tuple[str, ...]
    still_null: tuple[str, ...] = ()
    guards = True

    @property
    def parameters(self) -> int:
        """The number of values."""
        return len(self.changes) + len(self.matches)

    def sql(self, first: int, after: str = "") -> str:
        """The statement with parameters from `$first` on; only where `after`, if named, has a row."""
        changes = ", ".join(f"{column} = ${first + number}" for number, column in enumerate(self.changes))
        next_number = first + len(self.changes)
        conditions = [f"{self.table}.{column} = ${next_number + number}" for number, column in enumerate(self.matches)]
        conditions += [f"{self.table}.{column} IS NULL" for column in self.still_null]
        source = f" FROM {after}" if after else ""
        return f"UPDATE {self.table} SET {changes}{source} WHERE {' AND '.join(conditions)}"


@dataclass(frozen=True, slots=True, eq=False)
class TakeOne:
    """Add one to a counter that may not pass a limit, creating its row with 1. A full counter is a conflict.

    Values: the key, those of `columns` for a new row, the limit.
    """

    table: str
    key: str
    counter: str
    columns: tuple[str, ...]
    guards = True

    @property
    def parameters(self) -> int:
        """The number of values."""
        return len(self.columns) + 2

    def sql(self, first: int, after: str = "") -> str:
        """The statement with parameters from `$first` on; only where `after`, if named, has a row."""
        marks = _marks(first, 1 + len(self.columns))
        rows = f"SELECT {marks}, 1 FROM {after}" if after else f"VALUES ({marks}, 1)"
        return (
            f"INSERT INTO {self.table} ({', '.join((self.key, *self.columns, self.counter))}) {rows}"
            f" ON CONFLICT ({self.key}) DO UPDATE SET {self.counter} = {self.table}.{self.counter} + 1"
            f" WHERE {self.table}.{self.counter} < ${first + 1 + len(self.columns)}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Expect:
    """Require that an SQL expression still equals the given value, without writing. Values: that value.

    In one statement it is evaluated after the locks of the writes before it are granted if it is a volatile function,
    and as of the statement's beginning otherwise.
    """

    expression: str
    guards = True
    parameters = 1

    def sql(self, first: int, after: str = "") -> str:
        """A query of one row where the value is still the same."""
        source = f" FROM {after}" if after else ""
        return f"SELECT 1 AS same{source} WHERE {self.expression} = ${first}"


@dataclass(frozen=True, slots=True, eq=False)
class OneOrNone:
    """An insert or update of one row or, with the same text, of none. Values: those of it, then that number, 1 or 0.

    For statements whose text must not tell if there is a row. Any other number of rows is a conflict.
    """

    statement: Insert | Update
    guards = True

    @property
    def parameters(self) -> int:
        """The number of values."""
        return self.statement.parameters + 1

    def sql(self, first: int, after: str = "") -> str:
        """The statement with parameters from `$first` on; an insert has no effect where the number is 0."""
        if isinstance(self.statement, Update):
            return self.statement.sql(first, after)
        marks, source = _marks(first, self.statement.parameters), f" FROM {after}" if after else ""
        skip = "" if self.statement.existing == "error" else " ON CONFLICT DO NOTHING"
        return (
            f"INSERT INTO {self.statement.table} ({', '.join(self.statement.columns)}) SELECT {marks}{source}"
            f" WHERE ${first + self.statement.parameters} = 1{skip}"
        )


Statement = Insert | Update | TakeOne | Expect | OneOrNone


class Write(NamedTuple):
    """A statement, defined once by the owner of its table, with the values of one execution."""

    statement: Statement
    values: tuple[object, ...]


Plan = Sequence[Write]


async def commit(plan: Plan) -> None:
    """Commit a plan in a transaction of its own, not inside another one.

    Raises:
        WriteConflict: something has changed since the plan was made; nothing is written.
    """
    if not queries.supports_multi_table_writes():
        await execute_stepwise(plan)
    elif not await queries.execute_guarded(*_single(plan)):
        raise WriteConflict
    fault_points.reach(FaultPoint.PLAN_COMMITTED)


async def execute_stepwise(plan: Plan) -> None:
    """Execute a plan statement by statement, on every engine, in the running transaction or one of its own.

    Raises:
        WriteConflict: as `commit`; a running transaction must be rolled back by the caller.
    """
    async with queries.transaction():
        for statement, values in plan:
            if isinstance(statement, Expect):
                done = await queries.fetch_one(statement.sql(1), *values) is not None
            elif isinstance(statement, OneOrNone):
                done = await queries.execute(statement.sql(1), *_used(statement, values)) == values[-1]
            else:
                done = bool(await queries.execute(statement.sql(1), *values))
            if statement.guards and not done:
                raise WriteConflict


async def apply(plan: Plan) -> None:
    """Execute a plan inside the caller's transaction, in one round trip where the engine allows it.

    Raises:
        WriteConflict: as `commit`; the caller must roll the transaction back.
    """
    if not queries.supports_multi_table_writes():
        await execute_stepwise(plan)
    elif not await queries.execute_guarded(*_single(plan), in_transaction=True):
        raise WriteConflict


def _single(plan: Plan) -> tuple[Any, ...]:
    """The compiled statement of a plan and its values."""
    statements, values = zip(*plan, strict=True)
    return compiled(statements), *chain.from_iterable(values)


@lru_cache(maxsize=64)
def compiled(statements: tuple[Statement, ...]) -> str:
    """Return a plan's statements as a single one of PostgreSQL; each runs only if the one before it changed a row.

    The result has one row when all of it was done. A statement that changed no row makes the last SELECT divide by
    zero, which undoes the whole: PostgreSQL has no other way to undo a statement from within.
    """
    steps, last, first = [], "", 1
    for number, statement in enumerate(statements):
        returning = "" if isinstance(statement, Expect) else " RETURNING 1"
        steps.append(f"step_{number} AS ({statement.sql(first, last)}{returning})")
        first += statement.parameters
        if isinstance(statement, OneOrNone):
            source = f" FROM {last}" if last else ""
            rows = f"(SELECT count(*)::integer FROM step_{number})"
            steps.append(f"guard_{number} AS (SELECT 1 AS done{source} WHERE {rows} = ${first - 1})")
            last = f"guard_{number}"
        elif statement.guards:
            last = f"step_{number}"
    done = f"SELECT 1 / count(*) AS done FROM {last}" if last else "SELECT 1 AS done"
    return "WITH " + ",\n".join(steps) + "\n" + done


def _used(statement: OneOrNone, values: tuple[object, ...]) -> tuple[object, ...]:
    """Return the values that the text of the statement names: an update alone does not name the number of rows."""
    return values[:-1] if isinstance(statement.statement, Update) else values


def _marks(first: int, count: int) -> str:
    return ", ".join(f"${number}" for number in range(first, first + count))
