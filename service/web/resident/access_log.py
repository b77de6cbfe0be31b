"""Uses of records as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any


def together(uses: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """Equal uses of one hour in one line, with how many they are."""
    groups = (list(group) for _, group in groupby(uses, key=lambda one: (one["at"], one["text"])))
    return [(group[0], len(group)) for group in groups]
