"""Workbooks: what is in their cells, and files that are none, are damaged, or unpack to more than they should."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from service.ingest import workbook
from service.ingest.encodings import FileUnreadable
from service.ingest.mapping import FileMapping, MappingInvalid, parse_mapping
from service.ingest.table import Row

MAPPING = parse_mapping(
    "format: xlsx\nkind: bike_trip\nquantity: 1\ncolumns: {record_id: id, account: who, occurred_on: day}\n", "m"
)


def book_with(path: Path, *rows: list[Any]) -> Path:
    """Write a workbook with one sheet of the rows."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def changed(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """Rewrite one part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts.get(part, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def with_shared_strings(path: Path) -> Path:
    """Write a workbook with the texts in a table of their own, as Excel does and openpyxl does not."""
    texts = [*HEADER, "a", "w", "2026-03-01"]
    strings = "".join(f"<si><t>{text}</t></si>" for text in texts).encode()
    rows = b"".join(
        b"<row>" + b"".join(b'<c t="s"><v>%d</v></c>' % (row * 3 + column) for column in range(3)) + b"</row>"
        for row in range(2)
    )
    book_with(path, HEADER)
    table = b"<sheetData>" + rows + b"</sheetData>"
    changed(path, SHEET, lambda xml: re.sub(rb"<sheetData>.*</sheetData>", table, xml))
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    listed = b'<Override PartName="/xl/sharedStrings.xml" ContentType="' + kind + b'"/></Types>'
    changed(path, "[Content_Types].xml", lambda xml: xml.replace(b"</Types>", listed))
    main = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return changed(path, STRINGS, lambda _: b"<sst " + main + b">" + strings + b"</sst>")


def test_texts_in_a_table_of_their_own(tmp_path: Path) -> None:
    assert rows_of(with_shared_strings(tmp_path / "a.xlsx")) == [{"id": "a", "who": "w", "day": "2026-03-01"}]


def test_an_endless_text_is_refused(tmp_path: Path) -> None:
    path = with_shared_strings(tmp_path / "a.xlsx")
    changed(path, STRINGS, lambda xml: xml.replace(b"<t>a</t>", b"<t>" + b"a" * 5 * 2**20 + b"</t>"))
    with pytest.raises(FileUnreadable, match="a row or text of more than 4 MiB"):
        rows_of(path)


def rows_of(path: Path, mapping: FileMapping = MAPPING) -> list[dict[str, Any]]:
    """Return the cells of every row."""
    return [row.cells for row in workbook.workbook_rows(path, mapping) if isinstance(row, Row)]


SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
HEADER = ["id", "who", "day"]


def test_cells_are_read_as_excel_shows_them(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 1, 8, 30)  # noqa: DTZ001
    path = book_with(
        tmp_path / "a.xlsx",
        HEADER,
        [1, 0.1 + 0.2, moment],
        ["007", True, time(1, 30)],
        [1.2345678901234567e18, 2.0, timedelta(hours=30)],
        [None, None, None],
        ["x", "=1+1", None, "to the right of the table"],
    )
    assert rows_of(path) == [
        {"id": 1, "who": "0.3", "day": moment},
        {"id": "007", "who": "TRUE", "day": "01:30:00"},
        # Such a number is refused as an id: its last digits are lost.
        {"id": "1.23456789012346e+18", "who": 2, "day": "1 day, 6:00:00"},
        # A formula has no value until a spreadsheet has computed it.
        {"id": "x", "who": None, "day": None},
    ]


def test_line_numbers_are_the_sheets(tmp_path: Path) -> None:
    path = book_with(tmp_path / "a.xlsx", ["a title"], [], HEADER, [], ["a", "w", "2026-03-01"], ["total", 1])
    mapping = MAPPING.model_copy(update={"skip_lines": 2, "until": "total"})
    assert [(row.line, row.cells["id"]) for row in workbook.workbook_rows(path, mapping) if isinstance(row, Row)] == [
        (5, "a")
    ]


def test_more_rows_than_the_sheet_states_are_read(tmp_path: Path) -> None:
    path = book_with(tmp_path / "a.xlsx", HEADER, ["a", "w", "d"], ["b", "w", "d"])
    changed(path, SHEET, lambda xml: xml.replace(b'<dimension ref="A1:C3" />', b'<dimension ref="A1:A1" />'))
    assert [cells["id"] for cells in rows_of(path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("FILE_BYTES_MAX", 1_000, "is larger than"),
        ("UNPACKED_BYTES_MAX", 2_000, "unpacks to more than"),
        ("PARTS_MAX", 3, "unpacks to more than"),
        ("STRINGS_BYTES_MAX", 100, "of texts"),
        ("SMALL_PART_BYTES_MAX", 300, "is larger than"),
        ("ROWS_MAX", 1, "has more than 1 rows"),
    ],
)
def test_beyond_each_limit_a_workbook_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int, message: str
) -> None:
    path = with_shared_strings(tmp_path / "a.xlsx")
    assert len(rows_of(path)) == 1
    monkeypatch.setattr(workbook, name, value)
    with pytest.raises(FileUnreadable, match=message):
        rows_of(path)


@pytest.mark.slow
def test_a_small_file_that_unpacks_to_a_large_one_is_refused_unread(tmp_path: Path) -> None:
    path = book_with(tmp_path / "bomb.xlsx", HEADER)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/media/image1.png", bytes(2**10))
        # As in a file whose part really has this size, which takes seconds to write.
        archive.infolist()[-1].file_size = 513 * 2**20
    assert path.stat().st_size < 2**20
    with pytest.raises(FileUnreadable, match="unpacks to more than 512 MiB"):
        rows_of(path)


@pytest.mark.parametrize("cells", [b"<c/>", b"row row&gt; "])
def test_an_endless_row_is_refused_before_it_is_read(tmp_path: Path, cells: bytes) -> None:
    """openpyxl would need many times its size in memory."""
    path = book_with(tmp_path / "a.xlsx", HEADER, ["a", "w", "d"])
    endless = b'<row r="9">' + cells * 1_100_000 + b"</row></sheetData>"
    changed(path, SHEET, lambda xml: xml.replace(b"</sheetData>", endless))
    with pytest.raises(FileUnreadable, match="a row or text of more than 4 MiB"):
        rows_of(path)


@pytest.mark.slow
def test_rows_of_a_large_sheet_are_no_endless_row(tmp_path: Path) -> None:
    path = book_with(tmp_path / "a.xlsx", HEADER, ["a", "w", "d"])
    empty = b"".join(b'<row r="%d" ht="15"%s/>' % (number, b" " * 300) for number in range(3, 20_000))
    changed(path, SHEET, lambda xml: xml.replace(b"</sheetData>", empty + b"</sheetData>"))
    assert [cells["id"] for cells in rows_of(path)] == ["a"]


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/styles.xml"])
def test_entities_are_refused(tmp_path: Path, part: str) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    path = changed(book_with(tmp_path / "a.xlsx", HEADER), part, lambda xml: bomb + xml.removeprefix(b"<?xml"))
    with pytest.raises(FileUnreadable, match="is not as Excel writes it"):
        rows_of(path)


def test_files_that_are_no_workbooks_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    for content, message in (
        (b"id,who,day\n", "is no .xlsx workbook"),
        (b"\xd0\xcf\x11\xe0 old", "an old Excel file"),
        (b"PK\x03\x04 cut off", "is no .xlsx workbook"),
        (b"", "is no .xlsx workbook"),
    ):
        path.write_bytes(content)
        with pytest.raises(FileUnreadable, match=message):
            rows_of(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "an archive")
    with pytest.raises(FileUnreadable, match=r"is no \.xlsx workbook; for CSV"):
        rows_of(path)
    with pytest.raises(OSError, match="absent"):
        rows_of(tmp_path / "absent.xlsx")


@pytest.mark.parametrize("part", ["xl/workbook.xml", SHEET, "xl/styles.xml", STRINGS, "[Content_Types].xml"])
def test_a_damaged_workbook_is_no_traceback(tmp_path: Path, part: str) -> None:
    path = changed(with_shared_strings(tmp_path / "a.xlsx"), part, lambda xml: xml[: len(xml) // 2])
    with pytest.raises(FileUnreadable, match="damaged"):
        rows_of(path)


def test_a_workbook_whose_beginning_is_missing_is_no_traceback(tmp_path: Path) -> None:
    """The places in it are counted from its end, so that the first parts would begin before the file does."""
    path = book_with(tmp_path / "a.xlsx", HEADER)
    path.write_bytes(path.read_bytes()[1:])
    with pytest.raises(FileUnreadable, match="its beginning is missing"):
        rows_of(path)


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("说明")
    book.create_sheet("明细").append(HEADER)
    book["明细"].append(["a", "w", "d"])
    path = tmp_path / "a.xlsx"
    book.save(path)
    assert workbook.sheet_names(path) == ["Sheet", "说明", "明细"]
    assert [cells["id"] for cells in rows_of(path, MAPPING.model_copy(update={"sheet": "明细"}))] == ["a"]
    with pytest.raises(MappingInvalid, match="it is empty"):
        rows_of(path)
