"""CSV as programs and people write it: quotes, line ends, lines of the wrong length; a bad row spoils itself alone."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import text_rows
from service.ingest.encodings import FileUnreadable
from service.ingest.mapping import MappingInvalid, parse_mapping
from service.ingest.table import BadRow, Row, rows_of

MAPPING = parse_mapping(
    "format: csv\nkind: bike_trip\nquantity: 1\ncolumns: {record_id: id, account: who, occurred_on: day}\n", "m"
)
Read = list[tuple[int, str] | tuple[int, str, str]]


def read(text: str, **changes: object) -> Read:
    """Return (line, id) of each row and (line, reason, message) of each bad one."""
    mapping = MAPPING.model_copy(update=changes)
    rows = rows_of(text_rows.csv_values(io.StringIO(text, newline=""), mapping), mapping)
    return [
        (row.line, row.cells["id"]) if isinstance(row, Row) else (row.line, row.reason, row.message) for row in rows
    ]


UNCLOSED = ("malformed_row", "a quotation mark is not closed; double it, or remove it")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_and_a_quoted_one(end: str) -> None:
    text = end.join(["id,who,day", f'a,w,"two{end}lines"', "", 'b,w,"say ""hello"""', "c,w,d"])
    assert read(text) == [(2, "a"), (5, "b"), (6, "c")]


def test_a_quote_that_is_never_closed_costs_its_own_row_alone() -> None:
    rows = [f"{number},w,d" for number in range(1_000)]
    rows[10] = '10,w,"d'
    rows[700] = '"700,w,d'
    entries = read("\n".join(["id,who,day", *rows]))
    assert [entry for entry in entries if len(entry) == 3] == [(12, *UNCLOSED), (702, *UNCLOSED)]
    assert [entry[1] for entry in entries if len(entry) == 2] == [str(n) for n in range(1_000) if n not in (10, 700)]


def test_a_quote_that_the_file_ends_in() -> None:
    assert read('id,who,day\na,w,d\nb,w,"d\nc,w,d\n') == [(2, "a"), (3, *UNCLOSED), (4, "c")]


def test_lines_beyond_the_limit_cost_themselves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_rows, "LINE_CHARACTERS_MAX", 100)
    too_long = ("line_too_long", "more than 100 characters")
    assert read("id,who,day\na,w,d\nb,w," + "d" * 500 + "\nc,w,d\n") == [(2, "a"), (3, *too_long), (4, "c")]
    entries = read('id,who,day\na,w,"d\nb,w,' + "d" * 500 + "\nc,w,d\n")
    assert entries == [(2, *UNCLOSED), (3, *too_long), (4, "c")]
    # A row of several lines counts as a whole.
    entries = read('id,who,day\na,w,"' + ("x" * 30 + "\n") * 5 + '"\nb,w,d\n')
    assert entries[0] == (2, *UNCLOSED)
    assert entries[-1] == (8, "b")


def test_rows_of_another_length() -> None:
    text = "id,who,day\na,w\nb,w,d,,\nc,w,d,more\nd,w,d\n"
    assert [entry[:2] for entry in read(text)] == [(2, "malformed_row"), (3, "b"), (4, "malformed_row"), (5, "d")]


def test_a_header_over_two_lines_or_with_spaces_is_the_same_column() -> None:
    columns = MAPPING.columns.model_copy(update={"record_id": "ride id"})
    mapping = MAPPING.model_copy(update={"columns": columns})
    text = io.StringIO('"ride\n id" , who,day\na,w,d\n', newline="")
    rows = rows_of(text_rows.csv_values(text, mapping), mapping)
    assert list(rows) == [Row(3, {"ride id": "a", "who": "w", "day": "d"})]


def test_a_column_that_is_there_twice_is_refused_if_it_is_read() -> None:
    assert read("id,who,day,x,x\na,w,d,1,2\n") == [(2, "a")]
    with pytest.raises(MappingInvalid, match="more than one column day"):
        read("id,who,day,day\na,w,d,e\n")


def test_a_message_names_the_columns_that_are_there_and_the_one_that_was_meant() -> None:
    with pytest.raises(MappingInvalid) as refused:
        read("ID,who,days\na,w,d\n")
    assert str(refused.value) == "the file has no column day, id; line 1 has: ID, who, days; is days meant by day?"


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=20).map(
            lambda text: '"' + text.replace('"', '""') + '"'
        ),
        max_size=30,
    )
)
def test_every_quoted_row_is_read_whatever_is_in_it(cells: list[str]) -> None:
    entries = read("id,who,day\n" + "".join(f"{place},{cell},d\n" for place, cell in enumerate(cells)))
    assert [entry[1] for entry in entries] == [str(place) for place in range(len(cells))]


@given(st.text(max_size=200))
def test_no_text_stops_the_reader(text: str) -> None:
    entries = read("id,who,day\n" + text + "\nlast,w,d\n")
    assert (entries[-1][1] == "last") or '"' in text


def test_reading_ends_for_a_file_of_quotes() -> None:
    """Each line opens a cell that no other closes; each is given back and read again at most ROW_LINES_MAX times."""
    rows = rows_of(text_rows.csv_values(io.StringIO("id,who,day\n" + 'a,w,"\n' * 4_001, newline=""), MAPPING), MAPPING)
    assert sum(1 for _ in islice(rows, 10_000)) <= 4_001


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for content, message in (
        (b"PK\x03\x04", "write `format: xlsx`"),
        (b"\xd0\xcf\x11\xe0", "save it as .xlsx or CSV"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b", "unpack it"),
    ):
        path.write_bytes(content + b" and more")
        with pytest.raises(FileUnreadable, match=message):
            list(text_rows.csv_rows(path, MAPPING))
        with pytest.raises(FileUnreadable, match=message):
            list(text_rows.ndjson_rows(path, MAPPING))


def test_bad_rows_say_what_to_do() -> None:
    rows = list(text_rows.ndjson_lines(io.StringIO('{"a": 1}\n\n[1]\nNaN\n{"a": "\n')))
    assert rows == [
        Row(1, {"a": 1}),
        BadRow(3, "malformed_row", "the line is no JSON object"),
        BadRow(4, "malformed_row", "the line is no JSON object"),
        BadRow(5, "malformed_row", "the line is no JSON object"),
    ]
