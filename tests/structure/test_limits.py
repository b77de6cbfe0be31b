"""The tables of limits in docs/limits.md have every limit of a request, with its value."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from service.app import document
from service.http import rate_limits

LIMITS_PAGE = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
MODULES = (
    "benefits.redemption.bindings",
    "benefits.redemption.lasting_tickets",
    "benefits.redemption.offline_passes.issuance",
    "benefits.redemption.offline_passes.redeem_pass",
    "benefits.redemption.offline_passes.recognised_passes",
    "benefits.redemption.added_sessions",
    "benefits.redemption.slips",
    "benefits.rules.vocabulary",
    "consent.domain.complaints",
    "consent.domain.objections",
    "consent.oversight.cases",
    "service.api.admin.catalogue_import",
    "service.api.admin.package_schemas",
    "service.api.source.handlers",
    "service.http.bodies",
    "service.http.json_io",
    "service.ingest.mapping",
    "service.ingest.preview",
    "service.ingest.report",
    "service.ingest.table",
    "service.ingest.text_rows",
    "service.ingest.workbook",
    "service.observability.bounded_lines",
    "service.runtime.connections",
    "service.runtime.file_limit",
    "service.web.dispatch",
)
"""Modules whose every limit must be listed."""
LIMIT = re.compile(r"\w+_(?:MAX|MIN|SECONDS|BITS|FILES|LIFE|WINDOW)")
NO_LIMITS = {
    "benefits.rules.vocabulary.CAPACITY_SHARE_PERCENT_MAX",
    "benefits.rules.vocabulary.THRESHOLDS_MAX",
    "service.ingest.workbook.BOUNDARY_BYTES_MAX",
    "service.runtime.connections.SWEEP_SECONDS",
}
"""Constants with such a name that bound no request: rules of publication (docs/policy.md), parts of computations."""


def rows(heading: str) -> Iterator[list[str]]:
    section = re.search(rf"^## {heading}\n(.*?)^## ", LIMITS_PAGE, re.S | re.M)
    assert section
    for line in section[1].splitlines():
        if line.startswith("| ") and "`" in line:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def number_in(text: str) -> float:
    match = re.search(r"[\d,]+", text)
    assert match, text
    return float(match[0].replace(",", ""))


def value_in(text: str) -> float | timedelta:
    """The value of a cell: a time of days, hours or minutes, or a number."""
    time = re.search(r" (days|hours|minutes)$", text)
    return timedelta(**{time[1]: number_in(text)}) if time else number_in(text)


def listed() -> dict[str, float | timedelta]:
    """The value of each listed constant by its module and name."""
    named = (row for row in rows("Limits") if len(row) == 4)
    return {row[-1].strip("`"): value_in(row[1]) for row in named}


def test_every_listed_limit_has_its_value() -> None:
    limits = listed()
    assert len(limits) > 25
    for place, value in limits.items():
        module, _, name = place.rpartition(".")
        assert getattr(importlib.import_module(module), name) == value, place


def test_every_limit_of_a_request_is_listed() -> None:
    limits = {
        f"{name}.{constant}"
        for name in MODULES
        for constant, value in vars(importlib.import_module(name)).items()
        if LIMIT.fullmatch(constant) and isinstance(value, (int, float, Decimal, timedelta)) and _is_own(name, constant)
    }
    assert limits - NO_LIMITS <= listed().keys()
    assert limits >= NO_LIMITS


def _is_own(module: str, constant: str) -> bool:
    """Report whether the module assigns the constant itself, rather than importing it."""
    source = Path(importlib.import_module(module).__file__ or "").read_text(encoding="utf-8")
    return re.search(rf"^{constant}\b[^\n=]*= ", source, re.M) is not None


def test_every_rate_is_listed_with_its_value() -> None:
    rates = {row[2].strip("`"): number_in(row[1]) for row in rows("Limits") if len(row) == 3}
    assert rates == rate_limits.RATES


def test_every_list_in_a_body_has_a_maximum() -> None:
    api = document()
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for methods in api["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    ]
    assert len(bodies) > 20
    # A catalogue document as a whole has at most DOCUMENT_BYTES_MAX bytes.
    bodies = [body for body in bodies if body["$ref"] != "#/components/schemas/DocumentBody"]
    unlimited = [place for body in bodies for place in _unlimited(api, body, "")]
    assert unlimited == []


def _unlimited(api: dict[str, Any], schema: Any, place: str) -> Iterator[str]:
    """Yield the places of lists without a maximum, through references."""
    if isinstance(schema, list):
        for inner in schema:
            yield from _unlimited(api, inner, place)
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in place.split("/"):
            yield from _unlimited(api, api["components"]["schemas"][name], f"{place}/{name}")
    if schema.get("type") == "array" and "maxItems" not in schema:
        yield place
    for name, inner in schema.items():
        if name != "$ref":
            yield from _unlimited(api, inner, f"{place}/{name}")
