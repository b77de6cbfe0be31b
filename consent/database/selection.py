"""Selections: what to read of a table, as the package that owns the table spells it for a query of another package."""

from __future__ import annotations

from typing import NamedTuple


class Selection(NamedTuple):
    """Columns under names unique in a query, their table with its alias, and the condition of the one row.

    `condition` has placeholders in braces for the expressions that the query compares with.
    """

    columns: tuple[str, ...]
    table: str
    condition: str

    def join(self, **expressions: str) -> str:
        """The LEFT JOIN of a larger query."""
        return f"LEFT JOIN {self.table} ON {self.condition.format(**expressions)}"

    def query(self, **expressions: str) -> str:
        """A query of its own, for tables that are distributed by different keys."""
        return f"SELECT {', '.join(self.columns)} FROM {self.table} WHERE {self.condition.format(**expressions)}"
