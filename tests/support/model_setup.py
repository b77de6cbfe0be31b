"""Tortoise's set-up of all models, done once for each engine in a process of tests instead of at each start of a city.

It depends on the models and on the engine alone, and takes two fifths of a start's processor time. A process of the
service starts once.
"""

from __future__ import annotations

from typing import Any

from tortoise.apps import Apps
from tortoise.connection import get_connection
from tortoise.models import Model

from consent.database import queries

PARTS = (
    "filters",
    "db_native_fields",
    "db_default_fields",
    "db_complex_fields",
    "basetable",
    "basequery",
    "basequery_all_fields",
)
"""Attributes of a model's `_meta` that Tortoise 1.1.9 sets for an engine, in `Apps._build_initial_querysets`."""
CHANGED_IN_PLACE = PARTS[:4]

Parts = dict[type[Model], dict[str, Any]]


def set_up_models_once() -> None:
    """Remember the set-up for each engine from now on, and restore it where a process opens that engine again."""
    set_up = Apps._build_initial_querysets
    known: dict[type, Parts] = {}

    def build_or_restore(apps: Apps) -> None:
        engine = type(get_connection(queries.CONNECTION))
        models = set(apps.get_models_iterable())
        if known.get(engine, {}).keys() != models:
            # Copied, so that the other engine's remain as they are.
            for model in models:
                for name in CHANGED_IN_PLACE:
                    setattr(model._meta, name, getattr(model._meta, name).copy())
            set_up(apps)
            known[engine] = {model: {name: getattr(model._meta, name) for name in PARTS} for model in models}
            return
        for model, parts in known[engine].items():
            for name, value in parts.items():
                setattr(model._meta, name, value)

    Apps._build_initial_querysets = build_or_restore  # type: ignore[method-assign, assignment]
