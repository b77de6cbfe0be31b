"""Catalogue documents: the contract's own examples are read, everything else is refused with its place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from benefits.catalogue import schema as documents
from consent.documents import schema as documents_schema
from consent.documents.schema import FAULTS_MAX, NAME_MAX, TEXT_MAX
from consent.kernel.canonical_json import canonical_json, sha256_of
from consent.kernel.faults import DocumentInvalid

NAME = {"zh-CN": "示例", "en": "Example"}
BENEFIT: dict[str, Any] = {
    "benefit_id": "readers-600",
    "scene": "library",
    "title": {"zh-CN": "免押金借阅", "en": "Borrow without deposit"},
    "description": dict(NAME),
    "service_id": "book-loan",
    "division": "21",
    "condition": {"all": [{"measure": "total", "at_least": 600}, {"measure": "green_living", "at_least": 50}]},
    "effect": {"kind": "deposit_waiver", "up_to_fen": 10000},
    "quota": {"per_resident": {"count": 1, "period": "day"}, "total": {"count": 500, "period": "day"}},
    "valid": {"from": "2027-01-01", "until": "2027-12-31"},
    "terms": dict(NAME),
    "need_based_alternative": dict(NAME),
    "offline_path": dict(NAME),
    "assessment_id": "PIA-2026-001",
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "providers": {"provider_id": "city-library", "kind": "library", "name": NAME, "division": "2101"},
    "venues": {
        "venue_id": "city-library-main",
        "provider_id": "city-library",
        "name": NAME,
        "division": "210102",
        "client_id": "city-library-main",
        "address": dict(NAME),
        "hours": "Mo-Fr 09:00-17:00; Sa 09:00-12:00",
        "geo": "41.80570,123.43150",
    },
    "sources": {
        "source_id": "green-travel",
        "name": NAME,
        "category": "green_living",
        "kinds": ["bike_trip", "transit_trip"],
        "division": "2101",
        "client_id": "green-travel",
        "onboarding": {
            "legal_basis": "…",
            "voluntary": True,
            "independent_of_employer_landlord_school_penal": True,
            "assessment_id": "PIA-2026-002",
        },
    },
    "services": {
        "service_id": "book-loan",
        "provider_id": "city-library",
        "kind": "library_loan",
        "name": NAME,
        "baseline": {"price_fen": 0, "deposit_fen": 10000, "period_days": 30, "items": 5},
        "evidence": "…",
    },
    "benefits": BENEFIT,
}


def changed(kind: str, path: str, value: Any) -> dict[str, Any]:
    """The example of a kind with the member at `path` set."""
    document = deepcopy(EXAMPLES[kind])
    *parents, last = path.strip("/").split("/")
    place = document
    for parent in parents:
        place = place[parent]
    place[last] = value
    return document


def places_of(members: dict[str, Any], prefix: str = "") -> list[str]:
    """Every member of an object, and of the objects inside it."""
    places = []
    for name, value in members.items():
        places.append(f"{prefix}/{name}")
        if isinstance(value, dict):
            places += places_of(value, f"{prefix}/{name}")
    return places


def faults_of(kind: str, document: Any) -> set[tuple[str, str]]:
    with pytest.raises(DocumentInvalid) as caught:
        documents.read(kind, document)
    return {(fault.pointer, fault.code) for fault in caught.value.faults}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_contracts_examples_are_read_and_keep_their_hash(kind: str) -> None:
    read = documents.read(kind, EXAMPLES[kind])
    assert documents_schema.to_document(read) == EXAMPLES[kind]
    assert sha256_of(documents_schema.to_document(read)) == sha256_of(EXAMPLES[kind])
    assert getattr(read, documents.ID_MEMBER[kind]) == EXAMPLES[kind][documents.ID_MEMBER[kind]]


OPTIONAL = {
    "/quota",
    "/quota/per_resident",
    "/quota/total",
    "/baseline/price_fen",
    "/baseline/deposit_fen",
    "/baseline/period_days",
    "/baseline/items",
    "/address",
    "/hours",
    "/geo",
}


@pytest.mark.parametrize(("kind", "place"), [(kind, place) for kind in EXAMPLES for place in places_of(EXAMPLES[kind])])
def test_no_member_may_be_null_and_each_but_the_optional_is_needed(kind: str, place: str) -> None:
    null = faults_of(kind, changed(kind, place, None))
    # A condition or effect is parsed whole; its faults lie at the member or above it.
    assert all(place.startswith(pointer) for pointer, _ in null)
    if place not in OPTIONAL:
        without = changed(kind, place, None)
        *parents, last = place.strip("/").split("/")
        parent = without
        for name in parents:
            parent = parent[name]
        del parent[last]
        assert faults_of(kind, without)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_unknown_member_is_refused_wherever_it_stands(kind: str) -> None:
    inside = [place for place in places_of(EXAMPLES[kind]) if isinstance(at(EXAMPLES[kind], place), dict)]
    for place in ("", *inside):
        assert faults_of(kind, changed(kind, f"{place}/display_label", "x")), place
    assert faults_of(kind, {**EXAMPLES[kind], "a/b": 1}) == {("/a~1b", "unknown_field")}


def at(document: Any, place: str) -> Any:
    for name in place.strip("/").split("/"):
        document = document[name]
    return document


@pytest.mark.parametrize(
    ("kind", "path", "value", "pointer", "code"),
    [
        ("providers", "/kind", "public_security", "/kind", "enum"),
        ("providers", "/kind", "bank", "/kind", "enum"),
        ("providers", "/provider_id", "City", "/provider_id", "string_pattern_mismatch"),
        ("providers", "/provider_id", "a", "/provider_id", "string_pattern_mismatch"),
        ("providers", "/provider_id", "a" * 64, "/provider_id", "string_pattern_mismatch"),
        ("providers", "/provider_id", "city-library\n", "/provider_id", "string_pattern_mismatch"),
        ("providers", "/division", "210100", "/division", "string_pattern_mismatch"),
        ("providers", "/division", "211", "/division", "string_pattern_mismatch"),
        ("providers", "/division", "99", "/division", "string_pattern_mismatch"),
        ("providers", "/division", "２１", "/division", "string_pattern_mismatch"),
        ("providers", "/division", 21, "/division", "string_type"),
        ("providers", "/name/en", " ", "/name/en", "blank"),
        ("providers", "/name/en", "x" * (NAME_MAX + 1), "/name/en", "string_too_long"),
        ("providers", "/name/zh-CN", "警\u200b察", "/name/zh-CN", "invisible_character"),
        ("providers", "/name/en", "a\u202eb", "/name/en", "invisible_character"),
        ("providers", "/name/en", "Library\n\nHow to withdraw", "/name/en", "line_break"),
        ("venues", "/client_id", "two words", "/client_id", "string_pattern_mismatch"),
        ("sources", "/kinds", [], "/kinds", "empty"),
        ("sources", "/kinds", ["bike_trip", "bike_trip"], "/kinds", "kinds_repeated"),
        ("sources", "/kinds", ["volunteer_minutes"], "/kinds", "kind_outside_category"),
        ("sources", "/kinds", ["traffic_violation"], "/kinds/0", "enum"),
        ("sources", "/onboarding/voluntary", 1, "/onboarding/voluntary", "bool_type"),
        ("services", "/kind", "water_supply", "/kind", "enum"),
        ("services", "/baseline", {}, "/baseline", "baseline_empty"),
        ("services", "/baseline/price_fen", -1, "/baseline/price_fen", "greater_than_equal"),
        ("services", "/baseline/price_fen", 1.5, "/baseline/price_fen", "int_type"),
        ("services", "/baseline/price_fen", True, "/baseline/price_fen", "int_type"),
        ("services", "/baseline/price_fen", 10**30, "/baseline/price_fen", "less_than_equal"),
        ("services", "/baseline/delivery", 1, "/baseline/delivery", "bool_type"),
        ("services", "/baseline/delivery", None, "/baseline/delivery", "null_forbidden"),
        ("services", "/evidence", "x" * (TEXT_MAX + 1), "/evidence", "string_too_long"),
        ("benefits", "/scene", "loans", "/scene", "enum"),
        ("benefits", "/condition", {"not": {"measure": "total", "at_least": 1}}, "/condition", "condition_unknown"),
        ("benefits", "/condition", {"any": [{"measure": "x", "at_least": 1}]}, "/condition/any/0/measure", None),
        ("benefits", "/effect", {"kind": "fee_discount", "percent": 31}, "/effect/percent", "out_of_range"),
        ("benefits", "/quota/total/count", 0, "/quota/total/count", "greater_than_equal"),
        ("benefits", "/quota/total/period", "hour", "/quota/total/period", "enum"),
        ("benefits", "/valid/until", "2026-12-31", "/valid/until", "until_before_from"),
        ("benefits", "/valid/from", "2027-02-29", "/valid/from", "civil_day_expected"),
        ("benefits", "/valid/from", "２０２７-01-01", "/valid/from", "civil_day_expected"),
        ("benefits", "/valid/from", "2027-01-01T00:00:00Z", "/valid/from", "civil_day_expected"),
        ("benefits", "/valid/from", 20270101, "/valid/from", "civil_day_expected"),
    ],
)
def test_a_document_with_a_fault_is_refused_with_its_pointer(
    kind: str, path: str, value: Any, pointer: str, code: str | None
) -> None:
    assert faults_of(kind, changed(kind, path, value)) == {(pointer, code or "measure_unknown")}


def test_faults_never_repeat_what_was_sent_and_are_bounded() -> None:
    canary = "canary-7f3a"
    for kind in EXAMPLES:
        for place in places_of(EXAMPLES[kind]):
            with pytest.raises(DocumentInvalid) as refused:
                documents.read(kind, changed(kind, place, [canary]))
            assert canary not in str(refused.value) + repr(refused.value.faults)
    with pytest.raises(DocumentInvalid) as caught:
        documents.read("providers", {f"m{number}": number for number in range(10_000)})
    assert len(caught.value.faults) == FAULTS_MAX


def test_a_document_that_was_read_cannot_be_changed() -> None:
    with pytest.raises(ValueError):
        documents.read("benefits", BENEFIT).assessment_id = "X-2"  # type: ignore[attr-defined]


def test_the_hash_depends_on_values_not_on_their_spelling() -> None:
    assert canonical_json({"b": 1, "a": "阅"}) == '{"a":"阅","b":1}'.encode()
    assert sha256_of({"a": 1, "b": 2}) == sha256_of({"b": 2, "a": 1}) != sha256_of({"a": 1, "b": 3})
    for beyond in (float("nan"), 2**53, "\ud800"):
        with pytest.raises(ValueError):
            canonical_json({"a": beyond})


def test_every_model_describes_itself() -> None:
    for model in documents.MODELS.values():
        schema = model.model_json_schema(by_alias=True)
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    "geo", ["91.00000,0.00000", "41.8,123.4", "41.80570, 123.43150", "41.80570,181.00000", "٤١.80570,123.43150"]
)
def test_a_place_that_is_not_on_earth_is_refused(geo: str) -> None:
    with pytest.raises(DocumentInvalid) as refused:
        documents.read("venues", changed("venues", "/geo", geo))
    assert [fault.pointer for fault in refused.value.faults] == ["/geo"]


def test_hours_say_what_is_wrong_with_them() -> None:
    with pytest.raises(DocumentInvalid) as refused:
        documents.read("venues", changed("venues", "/hours", "Mo-Fr 09:00-17:00; Fr 18:00-20:00"))
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/hours", "hours_invalid")]
    assert "each day once" in refused.value.faults[0].detail
