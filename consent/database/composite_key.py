"""Models whose primary key has several columns, which Tortoise 1.1.9 does not know.

Tortoise takes one column for the whole key: `get(pk=…)` then finds several rows, and `instance.save()` or `.delete()`
would change all of them. Here each of these calls raises `CompositeKeyError`; everything that filters by columns works.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn, TypeVar

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import BaseORMException
from tortoise.expressions import Q
from tortoise.manager import Manager
from tortoise.models import Model
from tortoise.queryset import CountQuery, QuerySet

from consent.database.table_model import TableModel, TableModelMeta

MODEL = TypeVar("MODEL", bound=Model)


class CompositeKeyError(BaseORMException):
    """A call that takes a single primary key, on a table that has a composite one; filter by all of its columns."""


class CompositeKeyMeta(TableModelMeta):
    """Marks every column of `KEY` as part of the primary key and removes the filters `pk`, `pk__in` and so on."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> CompositeKeyMeta:
        """Build the model; Tortoise sees the first column as its primary key, since it insists on exactly one."""
        key: tuple[str, ...] = attrs.get("KEY", ())
        if key:
            attrs[key[0]].pk = True
        model: Any = super().__new__(cls, name, bases, attrs)
        for column in key:
            model._meta.fields_map[column].pk = True
        model._meta.manager = _CompositeKeyManager(model)
        for condition in [*model._meta._filters]:
            if condition.partition("__")[0] == "pk":
                del model._meta._filters[condition]
        result: CompositeKeyMeta = model
        return result


class CompositeKeyQuerySet(QuerySet[MODEL]):
    """A QuerySet that refuses each call that needs a primary key of one column."""

    def _filter_or_exclude(self, *args: Q, negate: bool, **kwargs: Any) -> QuerySet[MODEL]:
        for condition in [*kwargs, *(name for node in args for name in _conditions(node))]:
            if condition.partition("__")[0] == "pk":
                refuse(self.model)
        return super()._filter_or_exclude(*args, negate=negate, **kwargs)

    async def in_bulk(self, *_: Any, **__: Any) -> NoReturn:
        """Raise CompositeKeyError: no column of the key is unique by itself."""
        refuse(self.model)

    def bulk_update(self, *_: Any, **__: Any) -> NoReturn:
        """Raise CompositeKeyError: it would update every row that shares the key's first column."""
        refuse(self.model)

    def count(self) -> CountQuery:
        """Count the rows; CompositeKeyError after `distinct()`, which counts the key's first column only."""
        if self._distinct:
            refuse(self.model)
        return super().count()


class _CompositeKeyManager(Manager):
    def get_queryset(self) -> CompositeKeyQuerySet[Any]:
        return CompositeKeyQuerySet(self._model)


class CompositeKeyModel(TableModel, metaclass=CompositeKeyMeta):
    """A model with a primary key of several columns, named in order in `KEY`.

    `filter`, `get`, `get_or_none`, `values`, `create`, `bulk_create`, and `update` and `delete` of a QuerySet work as
    usual; name all columns of the key to reach one row.
    """

    KEY: ClassVar[tuple[str, ...]]

    class Meta:
        abstract = True

    @property
    def pk(self) -> tuple[Any, ...]:
        """The values of the key's columns, in order; they make instances equal and hashable."""
        return tuple(getattr(self, column) for column in self.KEY)

    async def save(
        self,
        using_db: BaseDBAsyncClient | None = None,
        update_fields: Iterable[str] | None = None,
        force_create: bool = False,
        force_update: bool = False,
    ) -> None:
        """Insert with `force_create` (as `create` does); else raise CompositeKeyError: use `filter(…).update(…)`."""
        if not force_create:
            refuse(type(self))
        await super().save(using_db, update_fields, force_create, force_update)

    async def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Raise CompositeKeyError: use `filter(…).delete()`."""
        refuse(type(self))

    async def refresh_from_db(self, *_: Any, **__: Any) -> NoReturn:
        """Raise CompositeKeyError: use `get(…)`."""
        refuse(type(self))


def key_columns(model: type[Model]) -> tuple[str, ...]:
    """Return the columns of a model's primary key, in order."""
    names = model.KEY if issubclass(model, CompositeKeyModel) else (model._meta.pk_attr,)
    return tuple(model._meta.fields_db_projection[name] for name in names)


def refuse(model: type[Model]) -> NoReturn:
    """Raise the CompositeKeyError that names the model's table and the columns of its key."""
    columns = key_columns(model)
    number = "both" if len(columns) == 2 else f"all {len(columns)}"
    raise CompositeKeyError(f"{model._meta.db_table} has the composite key ({', '.join(columns)}): filter by {number}")


def _conditions(node: Q) -> list[str]:
    return [*node.filters, *(name for child in node.children if isinstance(child, Q) for name in _conditions(child))]
