"""Lines of the access log as pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

OWN_VIEW = ("credit-easy", "records")
"""Organisation and object of the uses by which a person's points were computed for the person alone."""


def split_own_views(
    uses: Sequence[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return the uses by others and the computations for the person alone, each in its order."""
    own = [use for use in uses if (use["organisation"], use["what"]) == OWN_VIEW]
    return [use for use in uses if (use["organisation"], use["what"]) != OWN_VIEW], own


def group_equal_uses(uses: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """Join neighbouring uses of the same hour and text; return each with the number of uses it stands for."""
    groups = (list(group) for _, group in groupby(uses, key=lambda use: (use["at"], use["text"])))
    return [(group[0], len(group)) for group in groups]
