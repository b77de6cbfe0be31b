"""Nothing here can even spell a harm: every word of every enum, table, call, field and claim, against a list."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest

import benefits
import consent
import service
from benefits.catalogue.schema import MODELS
from service.api.routes import OPERATIONS
from service.auth.claims import TokenClaims
from service.storage import database

ROOT = Path(__file__).parents[2]
HARMS = """
punish punishment punitive penal penalty penalise penalize sanction sanctions blacklist blacklisted redlist denylist
enforcement enforce court courts police prosecutor judge judgment prison deduct deduction deducted debit demerit decay
downgrade negative violation violator offence offense crime criminal dishonest dishonesty untrustworthy defaulter
bankrupt restrict restricted restriction surcharge shame shaming rank ranking ranked leaderboard percentile score scores
rating rated badge insurer insurance bank lending mortgage lender employer recruiter recruitment hiring salary school
kindergarten admission landlord eviction emergency ambulance triage vaccination maternity dialysis household spouse
passport voting petition religion ethnicity race nationality gender politics health diagnosis face fingerprint biometric
advertising advertisement profile profiling ineligible
"""
"""Words of harms that no name in the project may have."""
DENIED = frozenset(HARMS.split())
EXEMPT = {
    # The declaration that a source is none of these (R11).
    "independent_of_employer_landlord_school_penal",
    # The hash of a request's body, so that a retry with another body is noticed.
    "fingerprint",
    # The state of the service.
    "Health",
    "readHealth",
}


def words(name: str) -> Iterator[str]:
    """The words of an identifier in snake, kebab, dotted or camel case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    yield from (word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word)


def modules() -> Iterator[object]:
    for package in (consent, benefits, service):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                yield importlib.import_module(module.name)


def enums() -> Iterator[str]:
    seen = set()
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Enum) and value.__module__.split(".")[0] in (
                "consent", "benefits", "service",
            ):  # fmt: skip
                seen.add(value)
    assert len(seen) >= 15
    for kind in seen:
        yield kind.__name__
        for member in kind:
            yield from (member.name, str(member.value))


def columns() -> Iterator[str]:
    """Tables and columns as the migrations write them."""
    for package in database.PACKAGES:
        for script in sorted((ROOT / package / "migrations").glob("*.sql")):
            text = script.read_text(encoding="utf-8")
            yield from re.findall(r"CREATE TABLE (\w+)", text)
            yield from re.findall(r"^  (\w+) (?:TEXT|BIGINT|INTEGER|BYTEA)", text, re.M)


def calls() -> Iterator[str]:
    for operation in OPERATIONS:
        yield from (operation.path, operation.operation_id)


def fields(value: object) -> Iterator[str]:
    """Every property, parameter, enum value and schema name of the published description."""
    if isinstance(value, dict):
        for name in ("properties", "schemas"):
            if isinstance(value.get(name), dict):
                yield from value[name]
        if isinstance(value.get("in"), str) and isinstance(value.get("name"), str):
            yield value["name"]
        if isinstance(value.get("enum"), list):
            yield from (str(item) for item in value["enum"])
        for inner in value.values():
            yield from fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner)


def documents() -> Iterator[str]:
    for model in MODELS.values():
        yield from fields(model.model_json_schema())


def described() -> Iterator[str]:
    yield from fields(json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8")))


def claims() -> Iterator[str]:
    yield from TokenClaims.model_fields


@pytest.mark.parametrize(
    ("source", "least"),
    [(enums, 150), (columns, 150), (calls, 100), (described, 300), (documents, 80), (claims, 8)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_no_word_of_ours_spells_a_harm(source: object, least: int) -> None:
    assert callable(source)
    names = list(source())
    assert len(names) >= least
    harms = {name for name in names if name not in EXEMPT and DENIED & {*words(name), name.lower()}}
    assert harms == set()
