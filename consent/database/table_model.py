"""The base of all Tortoise models of the project."""

from __future__ import annotations

from typing import Any

from tortoise.models import Model, ModelMeta


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
