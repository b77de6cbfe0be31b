"""The base of all Tortoise models of the project.

SQL text: `insert_if_absent` needs the number of rows of INSERT … ON CONFLICT. Names come from the model alone.
"""

from __future__ import annotations

from typing import Any

from tortoise.fields.base import DatabaseDefault
from tortoise.models import Model, ModelMeta

from consent.database import queries


class TableModelMeta(ModelMeta):
    """Builds models without reading their source text."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> TableModelMeta:
        """Build the model.

        Tortoise 1.1.9 parses a model's whole module for `#:` comments on its fields unless the class has
        `_no_comments`. No model here has such comments, and parsing took an eighth of every process's start.
        """
        attrs["_no_comments"] = True
        model: Any = super().__new__(cls, name, bases, attrs)
        result: TableModelMeta = model
        return result


class TableModel(Model, metaclass=TableModelMeta):
    """A model of one table whose primary key is a single column."""

    class Meta:
        abstract = True

    async def insert_if_absent(self) -> bool:
        """Insert this row; return False, and change nothing, where a row has one of its unique keys already.

        Tortoise 1.1.9's `bulk_create(ignore_conflicts=True)` does not return whether the row was inserted.
        """
        columns, values = list[str](), list[object]()
        for name, column in self._meta.fields_db_projection.items():
            value = getattr(self, name)
            if not isinstance(value, DatabaseDefault):
                columns.append(column)
                values.append(self._meta.fields_map[name].to_db_value(value, self))
        marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        return bool(
            await queries.execute(
                f"INSERT INTO {self._meta.db_table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING",
                *values,
            )
        )
