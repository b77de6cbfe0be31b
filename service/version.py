"""The version of the installed package; `pyproject.toml` is the only place that states it."""

from __future__ import annotations

from importlib import metadata

VERSION = metadata.version("credit-easy-plus")
