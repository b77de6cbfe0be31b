"""Import of a catalogue: limits, faults in YAML by line and pointer, and time outside of the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consent.domain.document_kinds import DocumentKind
from service.api.admin import catalogue_import, handlers, schemas, yaml_export, yaml_import
from service.api.admin.yaml_import import TooManyValues, YamlUnfit
from service.http import json_io
from tests.factories import administrator, benefit_document
from tests.support.city import City
from tests.support.deadlines import WAIT_SECONDS

IMPORT = "/v1/admin/catalogue/import"
anyio = pytest.mark.anyio


def converted(text: str) -> Any:
    return orjson.loads(yaml_import.to_json(text.encode(), 1_000, time.monotonic() + 60))


@pytest.mark.parametrize(
    ("text", "code", "line", "pointer"),
    [
        ("catalogue:\n  benefits:\n  - {}\n  - &one {}\n", "yaml_anchor", 4, "/catalogue/benefits/1"),
        ("a:\n- *one\n", "yaml_anchor", 2, "/a/0"),
        ("a: {b: [1, !!int '2']}", "yaml_tag", 1, "/a/b/1"),
        ("a: !!python/object/apply:os.system ['true']", "yaml_tag", 1, "/a"),
        ("a:\n  b: 1\n  b: 2\n", "yaml_repeated", 3, "/a/b"),
        ("a/b: {1: x}", "yaml_key", 1, "/a~1b"),
        ("no: x", "yaml_key", 1, ""),
        ("{[a]: 1}", "yaml_key", 1, ""),
        ("a: 9223372036854775808", "yaml_number", 1, "/a"),
        ("a: 1e999", "yaml_number", 1, "/a"),
        ("a: {\n", "yaml_syntax", 2, "/a"),
        ("--- 1\n--- 2\n", "yaml_several", 2, ""),
        ("- " * 40 + "1", "yaml_deep", 1, "/0" * json_io.DEPTH_MAX),
        ("\ufeffa: 1", "yaml_encoding", 1, ""),
    ],
)
def test_b9_a_fault_in_yaml_has_its_code_line_and_pointer(text: str, code: str, line: int, pointer: str) -> None:
    with pytest.raises(YamlUnfit) as unfit:
        converted(text)
    assert (unfit.value.code, unfit.value.line, unfit.value.pointer) == (code, line, pointer)


def test_bytes_that_are_not_utf_8_are_named_by_their_line() -> None:
    with pytest.raises(YamlUnfit) as unfit:
        yaml_import.to_json(b"a: 1\nb: \xff\n", 10, time.monotonic() + 60)
    assert (unfit.value.code, unfit.value.line) == ("yaml_encoding", 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1:30", "1:30"), ("190:20:30", "190:20:30"), ("010", "010"), ("0x1F", "0x1F"), ("0o17", "0o17"),
        ("1_000", "1_000"), (".inf", ".inf"), (".nan", ".nan"), ("2026-01-01", "2026-01-01"), ("=", "="),
        ("12", 12), ("-7", -7), ("0", 0), ("1.50", 1.5), ("1e3", 1000.0), (".5", 0.5), ("9" * 18, int("9" * 18)),
        ("true", True), ("No", False), ("~", None), ("", None), ("'12'", "12"), ("!!str 12", "12"),
        ("1" * 500, "1" * 500), ("|\n  12\n", "12\n"), ("{}", {}), ("[]", []),
        ("[1, [2], {a: {b: 3}}]", [1, [2], {"a": {"b": 3}}]),
    ],
)  # fmt: skip
def test_plain_values_are_read_as_json_has_them(text: str, value: Any) -> None:
    assert converted(text) == value
    assert type(converted(text)) is type(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False, width=32),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
@example(2.0**63)
@example({"a\x85b": "\x85", "c": ["\u2028 d", "e\u2029"]})
@example({"0E0": "1e5"})
def test_an_exported_document_is_read_back_as_it_was(document: Any) -> None:
    assert converted(yaml_export.from_document(document)) == document


@given(st.binary(max_size=120) | st.text("{}[]:,-&*!?|>'\"#%@ \nab01~", max_size=60).map(str.encode))
def test_any_bytes_are_json_or_a_named_fault(raw: bytes) -> None:
    try:
        orjson.loads(yaml_import.to_json(raw, 1_000, time.monotonic() + 60))
    except YamlUnfit as unfit:
        assert unfit.code.startswith("yaml_")
        assert unfit.line >= 1


def test_a_text_of_very_many_values_or_one_that_takes_too_long_is_given_up() -> None:
    many = b"- {}\n" * 1_000
    with pytest.raises(TooManyValues):
        yaml_import.to_json(many, 100, time.monotonic() + 60)
    with pytest.raises(TimeoutError):
        yaml_import.to_json(many, 10_000, time.monotonic() - 1)


async def refusal(town: City, catalogue: Any, language: str = "en") -> Any:
    headers = administrator(town).headers({"Accept-Language": language})
    answer = await town.client.post(IMPORT, json={"catalogue": catalogue}, headers=headers)
    assert answer.status_code == 422, answer.text
    return answer.json()


@anyio
async def test_b9_an_import_of_yaml_with_an_anchor_says_so_in_both_languages(shared_city: City) -> None:
    text = "catalogue:\n  benefits:\n  - {}\n  - &one {}\n"
    for language, sentence in (("en", "Line 4 has an anchor"), ("zh-CN", "第 4 行使用了锚点")):
        headers = administrator(shared_city).headers({"Content-Type": "application/yaml", "Accept-Language": language})
        answer = await shared_city.client.post(IMPORT, content=text, headers=headers)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
        assert "YAML" in answer.json()["title"]
        assert (error["code"], error["line"], error["pointer"]) == ("yaml_anchor", 4, "/catalogue/benefits/1")
        assert error["detail"].startswith(sentence)


@anyio
async def test_an_import_reports_the_first_faults_and_that_there_are_more(shared_city: City) -> None:
    refused = await refusal(shared_city, {"benefits": [{}] * 200})
    assert (len(refused["errors"]), refused["more_errors"]) == (json_io.ERRORS_MAX, True)
    few = await refusal(shared_city, {"benefits": [benefit_document(title=1)]})
    assert "more_errors" not in few


@anyio
async def test_an_import_has_a_maximum_of_documents_also_over_several_kinds(shared_city: City) -> None:
    half = schemas.DOCUMENTS_MAX // 2 + 1
    refused = await refusal(shared_city, {"benefits": [{}] * half, "services": [{}] * half})
    (error,) = refused["errors"]
    assert (error["code"], error["pointer"]) == ("too_many_documents", "/catalogue")
    assert "2000" in error["detail"]
    refused = await refusal(shared_city, {"benefits": [{}] * (schemas.DOCUMENTS_MAX + 1)})
    assert refused["errors"][0]["pointer"] == "/catalogue/benefits"


@anyio
async def test_a_document_has_a_maximum_size_on_every_way_in(shared_city: City) -> None:
    large = benefit_document(title={"zh-CN": "书" * (handlers.DOCUMENT_BYTES_MAX // 3), "en": "a"})
    (error,) = (await refusal(shared_city, {"benefits": [large]}, "zh-CN"))["errors"]
    assert (error["code"], error["pointer"]) == ("document_too_large", "/catalogue/benefits/0")
    assert "64 KB" in error["detail"]
    admin = administrator(shared_city)
    for path in ("/v1/admin/benefits", "/v1/admin/benefits/findings"):
        answer = await admin.post(path, large)
        assert [error["code"] for error in answer.json()["errors"]] == ["document_too_large"], path


@anyio
async def test_an_import_that_takes_too_long_is_refused(shared_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_import, "PARSE_SECONDS", -1.0)
    refused = await refusal(shared_city, {"benefits": [benefit_document()]})
    assert [error["code"] for error in refused["errors"]] == ["takes_too_long"]


@anyio
async def test_others_read_and_write_while_an_import_is_parsed(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of the event loop, which answers everybody else, and before any transaction, which would lock SQLite."""
    began, released, read = threading.Event(), threading.Event(), catalogue_import._read

    def slow(raw: bytes, is_yaml: bool, language: str) -> Any:
        began.set()
        assert released.wait(WAIT_SECONDS)
        return read(raw, is_yaml, language)

    monkeypatch.setattr(catalogue_import, "_read", slow)
    body = {"catalogue": {"benefits": [benefit_document()]}}
    importing = asyncio.create_task(administrator(town).post(IMPORT, body))
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            assert await asyncio.to_thread(began.wait, WAIT_SECONDS)
            assert (await town.client.get("/v1/public/benefits")).status_code == 200
            await town.resident("wang").consent_to_provider("city-library")
            assert not importing.done()
    finally:
        released.set()
    assert (await importing).status_code == 201


@anyio
async def test_an_import_of_very_many_values_is_refused(shared_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    # A limit that is reached before a busy machine has taken too long for it.
    monkeypatch.setattr(catalogue_import, "VALUES_MAX", 2_000)
    monkeypatch.setattr(catalogue_import, "PARSE_SECONDS", WAIT_SECONDS)
    headers = administrator(shared_city).headers({"Content-Type": "application/yaml"})
    text = "catalogue:\n  benefits:\n" + "  - {}\n" * (catalogue_import.VALUES_MAX + 10)
    answer = await shared_city.client.post(IMPORT, content=text, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_every_kind_of_document_can_be_imported_at_once() -> None:
    assert len(DocumentKind) <= schemas.KINDS_MAX
