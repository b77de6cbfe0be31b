"""Lines of the access log as pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any


def group_equal_uses(uses: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """Join neighbouring uses of the same hour and text; return each with the number of uses it stands for."""
    groups = (list(group) for _, group in groupby(uses, key=lambda use: (use["at"], use["text"])))
    return [(group[0], len(group)) for group in groups]
