"""Texts, examples and documents of the OpenAPI document, by operation; read when somebody asks for it."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Final

import orjson
from pydantic import BaseModel

from benefits.catalogue.schema import MODELS
from benefits.scoring.scheme import SchemeDocument
from service.http.openapi.document import Texts

DOCUMENTS: Final[tuple[type[BaseModel], ...]] = (*MODELS.values(), SchemeDocument)
"""The models of catalogue documents."""


def load() -> Texts:
    """Return the texts of `calls.toml` and the examples of `examples.json`."""
    folder = resources.files("service.api")
    descriptions = tomllib.loads((folder / "calls.toml").read_text(encoding="utf-8"))
    examples = orjson.loads((folder / "examples.json").read_bytes())
    return Texts({name: " ".join(text.split()) for name, text in descriptions.items()}, examples)
