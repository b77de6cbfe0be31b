"""One definition of a document's id: the catalogue, the API and the paths accept the same ids."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from consent.documents import schema
from consent.domain.document_kinds import DocumentKind
from service.api import common_schemas
from service.auth.access_tokens import Audience
from service.http import endpoints

UNFIT = ["a", "a" * 64, "-a", "A1", "a_b", "a.b", "ａb", "", "a/b"]
FIT = ["a1", "a" * 63, "green-travel", "0-"]


def accepts(identifier: Any, text: str) -> bool:
    try:
        TypeAdapter(identifier).validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("text", FIT + UNFIT)
def test_every_definition_agrees(text: str) -> None:
    fits = text in FIT
    assert accepts(schema.DocumentId, text) is fits
    assert accepts(common_schemas.DocumentId, text) is fits
    assert schema.is_document_id(DocumentKind.SOURCES, text) is fits
    path = endpoints.document_of(Audience.ADMINISTRATOR, {"kind": "sources", "id": text})
    assert path == ((f"sources/{text}",) if fits else ())


@pytest.mark.parametrize("text", FIT + UNFIT)
def test_a_notice_names_any_document_as_its_counterpart_or_all(text: str) -> None:
    field = schema.NoticeDocument.model_fields["counterpart"]
    counterpart = Annotated[str, *field.metadata]
    assert accepts(counterpart, text) is (text in FIT)
    assert accepts(counterpart, "*")


def test_a_scheme_is_named_by_its_version() -> None:
    assert schema.is_document_id(DocumentKind.SCHEMES, "2026.1")
    assert not schema.is_document_id(DocumentKind.BENEFITS, "2026.1")
    assert not schema.is_document_id(DocumentKind.SCHEMES, "2026.1\n")


@pytest.mark.parametrize(
    ("spelling", "module"),
    [
        ("[a-z0-9][a-z0-9-]", "consent/documents/schema.py"),
        ("[0-9]{4}-[0-9]{2}-[0-9]{2}", "consent/kernel/civil_day.py"),
    ],
)
def test_the_pattern_of_an_id_and_of_a_civil_day_is_spelt_in_one_module(spelling: str, module: str) -> None:
    root = Path(__file__).parents[3]
    spelt = {
        str(path.relative_to(root))
        for package in ("consent", "benefits", "service")
        for path in (root / package).rglob("*.py")
        if spelling in path.read_text(encoding="utf-8")
    }
    assert spelt == {module}
