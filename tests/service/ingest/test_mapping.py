"""A mapping that does not fit itself is refused with the field and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.ingest.mapping import MappingInvalid, parse_mapping, read_mapping

MAPPING = """
format: csv
columns: {record_id: id, account: who, occurred_on: day}
kind: bike_trip
quantity: 1
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("encoding: utf-7", "encoding: write one of big5, gb18030"),
        ("delimiter: ab", "delimiter: write one character"),
        ("delimiter: '\"'", "delimiter: write one character"),
        ("date_format: '%Y-%m-%d %Z'", "%Z reads no time zone"),
        ("date_format: '%d/%m'", "%d/%m has no year or no month"),
        ("date_format: '%Q'", "%Q is no date format; write one such as %Y-%m-%d, or epoch_milliseconds, "),
        ("date_format: []", "date_format: "),
        ("zone: Shenyang", "zone: write a time zone such as Asia/Shanghai or UTC"),
        ("zone: ../etc/passwd", "zone: write a time zone"),
        ("factor: 1e3", "factor: write a number such as 60 or 0.5"),
        ("factor: 0", "factor: "),
        ("factor: -60", "factor: write a number"),
        ("thousands: x", "thousands: write one of"),
        ("thousands: '.'", "thousands and decimal are the same mark"),
        ("kinds: {a: bike_trip}", "kinds needs columns.kind"),
        ("account: card-1", "name the account once, as a constant or as a column"),
        ("occurred_on: 2025-05-03", "name the occurred_on once"),
        ("occurred_on: 3.5.2025", "occurred_on: write a day such as 2025-05-03"),
        ("sheet: a", "sheet belongs to the format xlsx"),
        ("skip_lines: -1", "skip_lines: "),
        ("until: ''", "until: "),
        ("where: {column: a, one_of: []}", "where.one_of: "),
        ("quantity: 2", "m.yaml cannot be read: line 2: quantity is there twice"),
        ("kind: trip", "kind is there twice"),
        ("columns: [", "m.yaml cannot be read: line "),
    ],
)
def test_a_field_that_does_not_fit_says_what_to_write(line: str, message: str) -> None:
    with pytest.raises(MappingInvalid) as refused:
        parse_mapping(MAPPING + line + "\n", "m.yaml")
    assert str(refused.value).startswith("m.yaml")
    assert message in str(refused.value)


def test_all_faults_are_named_together() -> None:
    with pytest.raises(MappingInvalid) as refused:
        parse_mapping(MAPPING.replace("bike_trip", "trip") + "zone: Mars\nsurprise: 1\n", "m.yaml")
    assert all(part in str(refused.value) for part in ("kind: Input should be 'bike_trip'", "zone: ", "surprise: "))


def test_fields_of_another_format_are_refused() -> None:
    for format_name, line, named in (("ndjson", "delimiter: tab", "csv"), ("xlsx", "encoding: gbk", "csv or ndjson")):
        with pytest.raises(MappingInvalid, match=f"belongs to the format {named}"):
            parse_mapping(MAPPING.replace("csv", format_name) + line + "\n", "m.yaml")


def test_values_are_texts_as_they_are_written() -> None:
    text = """
format: csv
columns: {record_id: 1, account: yes, occurred_on: 2025, kind: "null"}
date_format: iso
kinds: {no: bike_trip, 017: transit_trip}
quantity: 012
where: {column: on, one_of: [1.50, true, 2025-05-03]}
"""
    mapping = parse_mapping(text, "m.yaml")
    assert mapping.columns.model_dump(exclude_none=True) == {
        "record_id": "1",
        "account": "yes",
        "occurred_on": "2025",
        "kind": "null",
    }
    assert set(mapping.kinds) == {"no", "017"}
    assert mapping.quantity == 12
    assert mapping.where is not None
    assert mapping.where.one_of == ["1.50", "true", "2025-05-03"]


def test_null_is_a_field_that_is_not_there() -> None:
    assert parse_mapping(MAPPING + "zone: null\nuntil:\n", "m.yaml").zone is None


def test_names_of_delimiters_and_encodings() -> None:
    mapping = parse_mapping(MAPPING + "delimiter: tab\nencoding: GBK\n", "m.yaml")
    assert (mapping.delimiter, mapping.encoding) == ("\t", "gb18030")
    assert parse_mapping(MAPPING + 'delimiter: "\\t"\n', "m.yaml").delimiter == "\t"


def test_a_mapping_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(MappingInvalid, match="does not exist; `credit-easy import FILE --check --mapping"):
        read_mapping(tmp_path / "absent.yaml")
    (tmp_path / "m.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(MappingInvalid, match="cannot be read: UnicodeDecodeError"):
        read_mapping(tmp_path / "m.yaml")
