"""SQL text over the product's own tables is counted: a plain read or write of one table is a QuerySet."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from tests.structure import syntax
from tests.structure.test_table_ownership import modules, texts

SQL_TEXTS_MAX = 140
"""SQL texts in the three packages. Locks, joins, set-based writes, COPY and hot paths need them; little else does."""
QUOTED_VERB = re.compile(r"[\"']\\?\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s")
STATEMENT = re.compile(r"\s*(?:SELECT\s|INSERT INTO\s|UPDATE (?:\w+|\{\}) SET\b|DELETE FROM\s|WITH \w+)")
"""The beginning of a statement that reads or writes rows; `{}` is a part that an f-string inserts."""
OF_THE_ENGINE = re.compile(
    r"\bpg_|citus|sqlite_master|to_reg|schema_migration|create_distributed|create_reference|quote_ident|current_schema"
    r"|SELECT 1 AS done"
)
"""Tables and functions of the engines and of the migrations, which no model has."""


def statements(source: str) -> list[str]:
    """Return the SQL texts of a module that read or write rows of the product's own tables."""
    if not QUOTED_VERB.search(source):
        return []  # most modules; going through a module's nodes takes ten times as long
    every_text = texts(syntax.walk(ast.parse(source)))
    return [text for _, text in every_text if STATEMENT.match(text) and not OF_THE_ENGINE.search(text)]


def test_a_plain_read_or_write_of_one_table_is_a_query_set() -> None:
    by_module = Counter({path: len(sql_texts) for path, source in modules() if (sql_texts := statements(source))})
    listed = "\n".join(f"{number:4} {path}" for path, number in by_module.most_common())
    assert by_module.total() <= SQL_TEXTS_MAX, (
        f"there are {by_module.total()} SQL texts, at most {SQL_TEXTS_MAX} may be: write a plain read or write of one"
        f" table as a QuerySet, as consent/models/__init__.py describes. SQL texts of each module:\n{listed}"
    )


@pytest.mark.parametrize(
    "source",
    [
        'await fetch("SELECT epoch FROM person WHERE person_id = $1", x)',
        'SQL = f"INSERT INTO event ({columns}) VALUES ($1)"',
        'SQL = f"UPDATE {table} SET {changes} WHERE person_id = $1"',
        'SQL = """\nWITH live AS (SELECT 1) SELECT 2"""',
        'SQL = "DELETE FROM snapshot" + condition',
    ],
)
def test_a_statement_is_counted(source: str) -> None:
    assert len(statements(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        '"""SELECT in a docstring."""',
        'SQL = "SELECT relname FROM pg_class"',
        'MESSAGE = "With every SELECT comes a reason"',
        'SQL = f"(SELECT {columns} FROM person)"',
        'SQL = "DROP TABLE person"',
    ],
)
def test_other_text_is_not_counted(source: str) -> None:
    assert statements(source) == []
