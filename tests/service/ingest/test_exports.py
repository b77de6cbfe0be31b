"""Public exports that nobody here wrote, and files of the same shape: guessed, corrected and read; see their README."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from service.ingest import guess, preview
from service.ingest.encodings import FileUnreadable, guess_encoding
from service.ingest.mapping import MappingInvalid, parse_mapping
from service.ingest.preview import Preview

EXPORTS = Path(__file__).parents[2] / "data" / "exports"
CITY = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def check(path: Path, mapping: str) -> Preview:
    return preview.check_file(path, parse_mapping(mapping, "m"), lambda at: at.astimezone(CITY).date(), NOW)


def test_rides_with_ids() -> None:
    """Transport for London: the guess takes ids and start; day and month must be decided by a person."""
    guessed = guess.guess_mapping(EXPORTS / "london-cycle-hire.csv")
    assert any("%m/%d/%Y %H:%M or %d/%m/%Y %H:%M" in doubt for doubt in guessed.doubts)
    assert any("is a bike, not a person" in doubt for doubt in guessed.doubts)
    understood = check(EXPORTS / "london-cycle-hire.csv", guessed.text.replace("%m/%d/%Y", "%d/%m/%Y"))
    assert (understood.report.rows, understood.report.accepted, understood.accounts) == (9, 9, 9)
    line, first = understood.first[0]
    assert (line, first) == (2, ("9340768", "893", "bike_trip", 1, "2012-01-04"))


def test_rides_in_utc_without_ids_or_riders(tmp_path: Path) -> None:
    """Oslo Bysykkel: times in UTC become civil days of the city; an account must be decided."""
    path = EXPORTS / "oslo-city-bike.csv"
    guessed = guess.guess_mapping(path)
    assert 'record_id: ["started_at", "ended_at"]' in guessed.text
    (doubt,) = (doubt for doubt in guessed.doubts if "no column reads as an account" in doubt)
    assert "in the place of CHOOSE" in doubt
    assert "write `account: THE_NUMBER`" in doubt
    assert "Without accounts a file cannot be imported" in doubt
    with pytest.raises(MappingInvalid) as undecided:
        check(path, guessed.text)
    assert str(undecided.value).startswith(
        "columns.account of the mapping is not decided: write one of the file's columns in the place of CHOOSE; or"
        " delete the line and write `account: THE_NUMBER` for all rows. The file has: started_at, ended_at, duration,"
    )
    mapping = guessed.text.replace('  account: "CHOOSE"\n', "")
    understood = check(path, mapping + "account: card-1\n")
    assert [record.occurred_on for _, record in understood.first] == ["2022-05-01"] * 3
    assert understood.report.accepted == 3
    late = tmp_path / "late.csv"
    late.write_text(path.read_text(encoding="utf-8").replace("05-01 03:", "05-01 16:"), encoding="utf-8")
    days = [record.occurred_on for _, record in check(late, mapping + "account: card-1\n").first]
    assert days == ["2022-05-01", "2022-05-02", "2022-05-02"]


def test_rides_without_ids() -> None:
    """Sixty rides of three bikes are sixty records, on which the guess decides alone."""
    guessed = guess.guess_mapping(EXPORTS / "capital-shape.csv")
    assert 'record_id: ["Bike number", "Start date"' in guessed.text
    understood = check(EXPORTS / "capital-shape.csv", guessed.text)
    assert (understood.report.accepted, understood.accounts, understood.report.refused.total()) == (60, 3, 0)
    members = check(EXPORTS / "capital-shape.csv", guessed.text + "where: {column: Member type, one_of: [Member]}\n")
    assert (members.report.accepted, members.report.filtered) == (54, 6)


def test_volunteer_hours_under_a_title_in_gb18030() -> None:
    path = EXPORTS / "volunteer-shape.csv"
    guessed = guess.guess_mapping(path)
    for line in ("encoding: gb18030", "skip_lines: 2", 'until: "合计"', "factor: 60", 'thousands: ","', "excel"):
        assert line in guessed.text
    understood = check(path, guessed.text)
    assert {kind: (count.records, count.quantity) for kind, count in understood.kinds.items()} == {
        "volunteer_minutes": (5, 120 + 90 + 120 + 45 + 60_000),
        "tree_planted": (1, 60),
    }
    assert any("factor counts for every kind" in doubt for doubt in guessed.doubts)
    assert [row[:1] + row[2:4] for row in understood.report.examples] == [
        (9, "invalid_date", "服务日期"),
        (10, "invalid_quantity", "服务时长(小时)"),
    ]


def test_shifts_with_semicolons_decimal_commas_and_line_breaks() -> None:
    path = EXPORTS / "shifts-shape.csv"
    guessed = guess.guess_mapping(path)
    for line in ('delimiter: ";"', "skip_lines: 3", "factor: 60", 'decimal: ","'):
        assert line in guessed.text
    with pytest.raises(MappingInvalid, match=r"`kind` is not decided: write one of battery_returned, .* of CHOOSE"):
        check(path, guessed.text)
    understood = check(path, guessed.text.replace("kind: CHOOSE", "kind: volunteer_minutes"))
    assert [(line, record.record_id, record.quantity, record.occurred_on) for line, record in understood.first] == [
        (5, "S-1001", 150, "2025-03-01"),
        (7, "S-1002", 75, "2025-03-01"),
        (8, "S-1003", 240, "2025-04-13"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_same_table_in_each_encoding_and_line_end(tmp_path: Path, encoding: str, end: str) -> None:
    header = "流水号,志愿者编号,服务日期,时长(小时),备注"
    lines = [header, 'a-1,2101,2025-05-03,2,"第一行', '第二行"', "a-2,2102,2025-05-04,1.5,"]
    path = tmp_path / "志愿服务.csv"
    path.write_bytes(end.join([*lines, ""]).encode(encoding))
    understood = check(path, guess.guess_mapping(path).text)
    assert [(line, record) for line, record in understood.first] == [
        (2, ("a-1", "2101", "volunteer_minutes", 120, "2025-05-03")),
        (4, ("a-2", "2102", "volunteer_minutes", 90, "2025-05-04")),
    ]


def test_a_workbook_and_a_json_file_are_guessed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Tree planting 2026"], [], ["id", "card no", "date", "trees", "kind"]):
        sheet.append(row)
    sheet.append(["t-1", "c-1", datetime(2026, 3, 12), 2, "植树"])  # noqa: DTZ001
    sheet.append(["t-2", "c-2", datetime(2026, 3, 13), 1, "植树"])  # noqa: DTZ001
    path = tmp_path / "trees.xlsx"
    book.save(path)
    guessed = guess.guess_mapping(path)
    assert "format: xlsx" in guessed.text
    assert "skip_lines: 2" in guessed.text
    assert check(path, guessed.text).kinds["tree_planted"].records == 2
    path = tmp_path / "rides.ndjson"
    path.write_text(
        '{"ride_id":"r-1","card_no":"c","start":"2026-03-01T20:00:00Z"}\n{"ride_id":"r-2","card_no":"c","start":"2026-03-02T08:00:00Z"}\n'
    )
    understood = check(path, guess.guess_mapping(path).text)
    assert [record.occurred_on for _, record in understood.first] == ["2026-03-02", "2026-03-02"]


@pytest.mark.parametrize("content", [b"", b"one column\nof text\n", b"\x00\x01\x02" * 100, b"%PDF-1.7"])
def test_what_shows_no_table_is_not_guessed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(FileUnreadable, match=r"rows\.csv"):
        guess.guess_mapping(path)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id,day\n", "utf-8"),
        ("志愿者编号,服务日期", "utf-8"),
        ("志愿者编号,服务日期", "gb18030"),
        ("志願者編號,服務日期", "big5"),
        ("志愿者编号,服务日期,123", "utf-16-le"),
        ("id,day,minutes", "utf-16-be"),
        ("naïve café,straße", "cp1252"),
    ],
)
def test_an_encoding_is_guessed_by_its_bytes(text: str, encoding: str) -> None:
    assert guess_encoding(text.encode(encoding)) == {"cp1252": "windows-1252"}.get(encoding, encoding)


def test_a_check_finds_repeated_ids_and_what_the_gate_would_refuse(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "id,who,day,n\na,w,2025-05-03,1\na,w,2025-05-03,1\na,w,2025-05-03,2\nb,w,2027-01-01,1\nc,w,1999-01-01,1\nd,w,2025-05-03,0\n"
    )
    understood = check(
        path, "format: csv\nkind: bike_trip\ncolumns: {record_id: id, account: who, occurred_on: day, quantity: n}\n"
    )
    assert (understood.report.accepted, understood.report.duplicates) == (1, 1)
    assert dict(understood.report.refused) == {"conflict": 1, "in_future": 1, "invalid_date": 1, "invalid_quantity": 1}
    lines = list(understood.lines())
    assert "  1 rows repeat a record and would change nothing" in lines
    assert "  line 4, id a: conflict" in lines
