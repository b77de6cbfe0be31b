"""Compares a model's promises with the table that the migrations created, on the engine that is open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields

from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from consent.database import queries
from consent.database.composite_key import key_columns

SQLITE_COLUMNS = 'SELECT name, type, "notnull" AS required, dflt_value AS "default", pk FROM pragma_table_info($1)'
SQLITE_INDEXES = (
    "SELECT l.name, i.name AS column_name, m.sql FROM pragma_index_list($1) AS l, pragma_index_info(l.name) AS i"
    " LEFT JOIN sqlite_master AS m ON m.name = l.name"
    " WHERE l.\"unique\" = 1 AND l.origin <> 'pk' ORDER BY l.name, i.seqno"
)
POSTGRES_COLUMNS = """
SELECT c.column_name AS name, upper(c.data_type) AS type, CASE c.is_nullable WHEN 'NO' THEN 1 ELSE 0 END AS required,
  c.column_default AS "default",
  coalesce(array_position(i.indkey::smallint[], c.ordinal_position::smallint), -1) + 1 AS pk
FROM information_schema.columns c LEFT JOIN pg_index i ON i.indrelid = to_regclass($1) AND i.indisprimary
WHERE c.table_schema = 'public' AND c.table_name = $1
"""
POSTGRES_INDEXES = """
SELECT i.indexrelid::regclass::text AS name, a.attname AS column_name, pg_get_expr(i.indpred, i.indrelid) AS condition
FROM pg_index i JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place) ON true
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = to_regclass($1) AND i.indisunique AND NOT i.indisprimary ORDER BY 1, k.place
"""


@dataclass(frozen=True)
class Column:
    """A column: SQL type, whether it takes NULL, and its default as the catalogue spells it (None for none)."""

    type: str
    nullable: bool
    default: str | None


@dataclass(frozen=True)
class Table:
    """A table: columns by name, the primary key's columns in order, unique indexes as (columns, condition)."""

    columns: dict[str, Column]
    primary_key: tuple[str, ...]
    unique: frozenset[tuple[tuple[str, ...], str | None]]


def promised(model: type[Model]) -> Table:
    """Return the table that a model describes."""
    meta = model._meta
    dialect = "sqlite" if queries.is_sqlite() else "postgres"
    columns: dict[str, Column] = {}
    unique: set[tuple[tuple[str, ...], str | None]] = set()
    for name, column in meta.fields_db_projection.items():
        field = meta.fields_map[name]
        default = _quoted(field.db_default) if field.has_db_default() else None
        columns[column] = Column(field.get_for_dialect(dialect, "SQL_TYPE"), field.null, default)
        if field.unique and not field.pk:
            unique.add(((column,), None))
    for names in meta.unique_together:
        unique.add((tuple(meta.fields_db_projection[name] for name in names), None))
    for constraint in meta.constraints:
        assert isinstance(constraint, UniqueConstraint)
        unique.add((constraint.fields, constraint.condition))
    return Table(columns, key_columns(model), frozenset(unique))


async def actual(name: str) -> Table:
    """Return the table of this name as the database's catalogue describes it; no columns where there is none."""
    sqlite = queries.is_sqlite()
    rows = await queries.fetch_all(SQLITE_COLUMNS if sqlite else POSTGRES_COLUMNS, name)
    columns = {
        row["name"]: Column(row["type"], not row["required"], row["default"] and _plain(row["default"])) for row in rows
    }
    key = sorted((row["pk"], row["name"]) for row in rows if row["pk"] > 0)
    indexes: dict[str, tuple[list[str], str | None]] = {}
    for row in await queries.fetch_all(SQLITE_INDEXES if sqlite else POSTGRES_INDEXES, name):
        condition = row["condition"] if not sqlite else (row["sql"] or "").partition(" WHERE ")[2] or None
        indexes.setdefault(row["name"], ([], condition and _plain(condition)))[0].append(row["column_name"])
    unique = frozenset((tuple(names), condition) for names, condition in indexes.values())
    return Table(columns, tuple(column for _, column in key), unique)


async def drift(model: type[Model]) -> list[str]:
    """Return one line for each difference between a model and its table; none when they agree."""
    return [
        f"{model._meta.db_table}: {line}" for line in _differences(promised(model), await actual(model._meta.db_table))
    ]


def _differences(model: Table, table: Table) -> Iterator[str]:
    for name in sorted(model.columns.keys() | table.columns.keys()):
        expected, real = model.columns.get(name), table.columns.get(name)
        if expected is None or real is None:
            yield f"{name} is missing in the {'model' if expected is None else 'table'}"
            continue
        for part in fields(Column):
            ours, theirs = getattr(expected, part.name), getattr(real, part.name)
            if ours != theirs:
                yield f"{name}: {part.name} is {theirs!r}, in the model {ours!r}"
    if model.primary_key != table.primary_key:
        yield f"primary key is {table.primary_key}, in the model {model.primary_key}"
    if model.unique != table.unique:
        yield f"unique are {sorted(table.unique)}, in the model {sorted(model.unique)}"


def _quoted(default: object) -> str:
    return f"'{default}'" if isinstance(default, str) else str(default)


def _plain(expression: str) -> str:
    """Remove the casts and the outer parentheses that PostgreSQL adds."""
    plain = re.sub(r"::\w+", "", expression)
    return plain[1:-1] if plain.startswith("(") else plain
