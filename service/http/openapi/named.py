"""JSON schemas with a name of their own in the OpenAPI document, for use as annotations of members.

An annotation changes the published schema alone. Nothing is validated with it, so answers cost what they did before.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from pydantic import WithJsonSchema

COMPONENT: Final = "title"
"""Marks a schema that becomes a component of this name; the member then refers to it. No other schema has a title."""
REFERENCE: Final = "x-reference"
"""A reference to a component by its name. Pydantic 2.13 refuses a `$ref` to a schema that it did not make itself."""


def component(name: str, schema: Mapping[str, Any]) -> WithJsonSchema:
    """Return the annotation of members whose schema is the component `name`."""
    return WithJsonSchema({**schema, COMPONENT: name})


def reference(name: str) -> WithJsonSchema:
    """Return the annotation of members whose schema is a component that is declared elsewhere."""
    return WithJsonSchema({REFERENCE: name})


def closed_set(values: type[StrEnum], name: str | None = None) -> WithJsonSchema:
    """Return the annotation of texts that are one of an enumeration, described by its docstring."""
    return component(name or values.__name__, enumeration([str(value) for value in values], values.__doc__ or ""))


def one_of(name: str, description: str, *values: str) -> WithJsonSchema:
    """Return the annotation of texts that are one of `values`."""
    return component(name, enumeration(values, description))


def enumeration(values: Sequence[str], description: str) -> dict[str, Any]:
    """Return the schema of a closed set of texts."""
    return {"type": "string", "enum": list(values), "description": inspect.cleandoc(description)}


def text(description: str, **more: Any) -> WithJsonSchema:
    """Return the annotation of a text with further keywords, such as `format`; it gets no name of its own."""
    return WithJsonSchema({"type": "string", "description": description, **more})
