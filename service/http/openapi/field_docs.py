"""Docstrings of a model's members, read from the source. Python keeps none for an attribute."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import lru_cache

from pydantic import BaseModel


def describe_fields(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring of each member that has one, of the model or of the nearest base that declares it."""
    described: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            described |= _of_module(base.__module__).get(base.__qualname__, {})
    return {name: text for name, text in described.items() if name in model.model_fields}


@lru_cache(maxsize=64)
def _of_module(name: str) -> Mapping[str, Mapping[str, str]]:
    """Return docstrings by class and member; empty for a module without source, such as pydantic's own models."""
    module = sys.modules.get(name)
    try:
        tree = ast.parse(inspect.getsource(module)) if module else ast.Module([], [])
    except OSError:
        return {}
    return {node.name: _of_class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> dict[str, str]:
    described = {}
    member = None
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            member = statement.target.id
            continue
        if member and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            described[member] = inspect.cleandoc(str(statement.value.value))
        member = None
    return described
