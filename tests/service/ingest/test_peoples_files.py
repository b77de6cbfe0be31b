"""Files as people have them: each input that once failed has its right value, through the gate and into the records."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from service.ingest import lanes
from service.ingest.encodings import FileUnreadable
from service.ingest.mapping import MappingInvalid
from service.ingest.report import ImportReport
from tests.support.city import City
from tests.support.imports import before_commit, lose_database, run_import, write_file

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]

COLUMNS = "columns: {record_id: id, account: member, occurred_on: day, quantity: n}\n"
VOLUNTEER = "volunteer-service"
Stored = dict[str, tuple[str, int, str]]


async def imported(
    town: City, path: Path, mapping: str, source_id: str = "green-travel", account: str = "card-1"
) -> tuple[ImportReport, Stored]:
    """Import for one linked account; return the report and (kind, quantity, day) by the source's record id."""
    wang = town.resident("wang")
    await wang.link(source_id, account)
    report = await run_import(town, path, mapping, source_id)
    records = (await wang.get("/v1/me/records?limit=200")).json()["data"]
    return report, {row["source_record_id"]: (row["kind"], row["quantity"], row["occurred_on"]) for row in records}


async def test_a1_a_moment_counts_on_the_civil_day_of_the_city(town: City, tmp_path: Path) -> None:
    path = write_file(
        tmp_path,
        "id,member,day,n\n"
        "utc,card-1,2024-12-31T16:30:00Z,1\n"
        "offset,card-1,2025-01-01T00:30:00+08:00,1\n"
        "before,card-1,2024-12-31T15:59:59Z,1\n"
        "west,card-1,2024-12-31T11:30:00-0500,1\n",
    )
    mapping = "format: csv\nkind: bike_trip\ndate_format: '%Y-%m-%dT%H:%M:%S%z'\n" + COLUMNS
    _, stored = await imported(town, path, mapping)
    days = {name: day for name, (_, _, day) in stored.items()}
    assert days == {"utc": "2025-01-01", "offset": "2025-01-01", "before": "2024-12-31", "west": "2025-01-01"}


@pytest.mark.parametrize(("zone", "day"), [("", "2024-12-31"), ("zone: UTC\n", "2025-01-01")])
async def test_a1_a_time_without_a_zone_takes_the_mappings_or_the_citys(
    town: City, tmp_path: Path, zone: str, day: str
) -> None:
    path = write_file(tmp_path, "id,member,day,n\na,card-1,2024-12-31 16:30,1\nb,card-1,2024-12-31,1\n")
    mapping = "format: csv\nkind: bike_trip\ndate_format: ['%Y-%m-%d %H:%M', '%Y-%m-%d']\n" + zone + COLUMNS
    _, stored = await imported(town, path, mapping)
    assert stored["a"][2] == day
    assert stored["b"][2] == "2024-12-31"  # a day without a time is not converted


async def test_a2_json_values_that_are_no_ids_are_refused(town: City, tmp_path: Path) -> None:
    rows = [
        {"id": None, "member": "card-1", "day": "2026-03-01", "n": 1},
        {"id": True, "member": "card-1", "day": "2026-03-01", "n": 1},
        {"id": 1.0, "member": "card-1", "day": "2026-03-01", "n": 1},
        {"id": ["a"], "member": "card-1", "day": "2026-03-01", "n": 1},
        {"id": "null-member", "member": None, "day": "2026-03-01", "n": 1},
        {"id": "true-member", "member": True, "day": "2026-03-01", "n": 1},
        {"id": "true-number", "member": "card-1", "day": "2026-03-01", "n": True},
        {"id": 17, "member": "card-1", "day": "2026-03-01", "n": 2.0},
    ]
    path = write_file(tmp_path, "\n".join(map(json.dumps, rows)), "rows.ndjson")
    report, stored = await imported(town, path, "format: ndjson\nkind: bike_trip\n" + COLUMNS)
    assert dict(report.refused) == {"invalid_record_id": 4, "invalid_account": 2, "invalid_quantity": 1}
    assert list(stored) == ["17"]
    assert [(row.line, row.record_id) for row in report.examples][4:6] == [(5, "null-member"), (6, "true-member")]


CHINESE = "志愿者编号,日期,分钟,单号\r\ncard-1,2026-03-01,90,a-1\r\n"
CHINESE_MAPPING = (
    "format: csv\nkind: volunteer_minutes\n"
    "columns: {record_id: 单号, account: 志愿者编号, occurred_on: 日期, quantity: 分钟}\n"
)


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "big5"])
async def test_a3_a_file_in_another_encoding_is_read_where_the_mapping_names_it(
    town: City, tmp_path: Path, encoding: str
) -> None:
    spelling = str.maketrans("单编号钟愿", "單編號鐘願") if encoding == "big5" else {}
    path = write_file(tmp_path, CHINESE.translate(spelling).encode(encoding))
    mapping = f"encoding: {encoding}\n" + CHINESE_MAPPING.translate(spelling)
    report, stored = await imported(town, path, mapping, VOLUNTEER)
    assert stored == {"a-1": ("volunteer_minutes", 90, "2026-03-01")}
    assert not report.refused


@pytest.mark.parametrize(
    ("encoding", "named"), [("gb18030", "gb18030"), ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be")]
)
async def test_a3_the_message_names_the_encoding_that_fits(
    town: City, tmp_path: Path, encoding: str, named: str
) -> None:
    path = write_file(tmp_path, CHINESE.encode(encoding))
    with pytest.raises(MappingInvalid, match=rf"not utf-8, it reads as {named}: write `encoding: {named}`"):
        await run_import(town, path, CHINESE_MAPPING, VOLUNTEER)
    with pytest.raises(MappingInvalid, match="it reads as utf-8"):
        await run_import(town, write_file(tmp_path, CHINESE), "encoding: gbk\n" + CHINESE_MAPPING, VOLUNTEER)


async def test_a3_a_mark_proves_the_encoding(town: City, tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        path = write_file(tmp_path, CHINESE.encode(encoding))
        report = await run_import(town, path, CHINESE_MAPPING, VOLUNTEER)
        assert dict(report.refused) == {"not_authorised": 1}
        with pytest.raises(FileUnreadable, match=f"begins with the mark of {encoding.removesuffix('-sig')}"):
            await run_import(town, path, "encoding: gbk\n" + CHINESE_MAPPING, VOLUNTEER)


async def test_a3_bytes_of_another_encoding_spoil_their_own_row(town: City, tmp_path: Path) -> None:
    path = write_file(
        tmp_path,
        b"id,member,day,n,note\na,card-1,2026-03-01,1,\xb1\xe0\nb,card-1,2026-03-01,1,x\n\xb1\xe0,card-1,2026-03-01,1,\n",
    )
    report, stored = await imported(town, path, "format: csv\nkind: bike_trip\n" + COLUMNS)
    assert set(stored) == {"a", "b"}
    (refused,) = report.examples
    assert (refused.line, refused.code, refused.column) == (4, "undecodable", "id")


@pytest.mark.parametrize(
    ("mark", "written", "seen"), [(";", '";"', "semicolons"), ("\t", "tab", "tabs"), ("|", '"|"', "bars")]
)
async def test_a4_another_delimiter_is_named_and_read(
    town: City, tmp_path: Path, mark: str, written: str, seen: str
) -> None:
    path = write_file(
        tmp_path, mark.join(["id", "member", "day", "n"]) + "\n" + mark.join(["a", "card-1", "2026-03-01", "7"])
    )
    mapping = "format: csv\nkind: bike_trip\n" + COLUMNS
    with pytest.raises(MappingInvalid) as refused:
        await run_import(town, path, mapping)
    assert f"the line has 3 {seen}: write `delimiter: {written}`" in str(refused.value)
    _, stored = await imported(town, path, mapping + f"delimiter: {written}\n")
    assert stored == {"a": ("bike_trip", 7, "2026-03-01")}


async def test_a5_hours_become_minutes_exactly_or_are_refused(town: City, tmp_path: Path) -> None:
    hours = {"a": "2", "b": "1.50", "c": "2.00", "d": "0.75", "e": "1.333", "f": "0", "g": "-1", "h": "1e3", "i": ""}
    path = write_file(
        tmp_path, "id,member,day,n\n" + "".join(f"{name},card-1,2026-03-01,{n}\n" for name, n in hours.items())
    )
    mapping = "format: csv\nkind: volunteer_minutes\nfactor: 60\n" + COLUMNS
    report, stored = await imported(town, path, mapping, VOLUNTEER)
    assert {name: quantity for name, (_, quantity, _) in stored.items()} == {"a": 120, "b": 90, "c": 120, "d": 45}
    assert dict(report.refused) == {"invalid_quantity": 5}
    assert "1.333 times 60 is not whole" in str(report.examples[0].message)


async def test_a6_rides_without_ids_take_one_from_several_columns(town: City, tmp_path: Path) -> None:
    lines = [f"card-1,2025-09-{1 + n // 20:02},{8 + n % 20 // 4:02}:{n % 4 * 15:02}" for n in range(60)]
    path = write_file(tmp_path, "bike,start date,start time\n" + "\n".join([*lines, lines[0]]) + "\n")
    mapping = (
        "format: csv\nkind: bike_trip\nquantity: 1\n"
        "columns: {record_id: [bike, start date, start time], account: bike, occurred_on: start date}\n"
    )
    report, stored = await imported(town, path, mapping)
    assert (report.rows, report.accepted, report.duplicates, report.refused.total()) == (61, 60, 1, 0)
    assert len(stored) == 60
    again = await run_import(town, path, mapping)
    assert (again.accepted, again.duplicates) == (0, 61)


async def test_a7_lines_around_the_table_and_a_constant_account(town: City, tmp_path: Path) -> None:
    path = write_file(
        tmp_path,
        "服务时长证明,,\n姓名：,（略）,编号 card-1\n\n单号,日期,分钟\n"
        "x-1,2026-03-01,60\nx-2,2026-03-02,30\n合计,,90\n审核：,,\n",
    )
    mapping = (
        "format: csv\nskip_lines: 3\nuntil: 合计\naccount: card-1\nkind: volunteer_minutes\n"
        "columns: {record_id: 单号, occurred_on: 日期, quantity: 分钟}\n"
    )
    with pytest.raises(MappingInvalid, match="line 4 has them: write `skip_lines: 3`"):
        await run_import(town, path, mapping.replace("skip_lines: 3\n", ""), VOLUNTEER)
    report, stored = await imported(town, path, mapping, VOLUNTEER)
    assert stored == {"x-1": ("volunteer_minutes", 60, "2026-03-01"), "x-2": ("volunteer_minutes", 30, "2026-03-02")}
    assert (report.rows, report.refused.total()) == (2, 0)


async def test_a8_spaces_around_a_cell_do_not_count(town: City, tmp_path: Path) -> None:
    path = write_file(
        tmp_path, "id , member,day,n\na,card-1 ,2026-03-01, 3\n b,　card-1, 2026-03-01 ,4\nc,card 1,2026-03-01,1\n"
    )
    report, stored = await imported(town, path, "format: csv\nkind: bike_trip\n" + COLUMNS)
    assert {name: quantity for name, (_, quantity, _) in stored.items()} == {"a": 3, "b": 4}
    assert dict(report.refused) == {"invalid_account": 1}


async def test_a9_dates_and_numbers_as_spreadsheets_write_them(town: City, tmp_path: Path) -> None:
    path = write_file(
        tmp_path,
        "id,member,day,n\n"
        "a,card-1,9/1/2025 00:00:25,3.0\n"
        'b,card-1,2025/9/1,"1,200"\n'
        "c,card-1,45757, 3\n"
        "d,card-1,2025年5月3日,1\n"
        "e,card-1,45757.75,1\n"
        "f,card-1,soon,1\n"
        'g,card-1,2025/9/1,"1,20"\n',
    )
    mapping = (
        "format: csv\nkind: bike_trip\nthousands: ','\n"
        "date_format: ['%m/%d/%Y %H:%M:%S', '%Y/%m/%d', '%Y年%m月%d日', excel]\n" + COLUMNS
    )
    report, stored = await imported(town, path, mapping)
    assert stored == {
        "a": ("bike_trip", 3, "2025-09-01"),
        "b": ("bike_trip", 1200, "2025-09-01"),
        "c": ("bike_trip", 3, "2025-04-10"),
        "d": ("bike_trip", 1, "2025-05-03"),
        "e": ("bike_trip", 1, "2025-04-10"),
    }
    assert [row[:4] for row in report.examples] == [
        (7, "f", "invalid_date", "day"),
        (8, "g", "invalid_quantity", "n"),
    ]


async def test_a9_a_refused_row_has_its_id_line_column_and_advice(town: City, tmp_path: Path) -> None:
    path = write_file(
        tmp_path,
        'id,member,day,n,note\na,card-1,2026-03-01,1,"two\nlines"\nb,card-1,2026-03-01,"1,200",\nc,card-1,1/3/2026,1,\n',
    )
    report, _ = await imported(town, path, "format: csv\nkind: bike_trip\n" + COLUMNS)
    assert [row[:4] for row in report.examples] == [
        (4, "b", "invalid_quantity", "n"),
        (5, "c", "invalid_date", "day"),
    ]
    assert 'write `thousands: ","`' in str(report.examples[0].message)
    assert report.summary() == [
        "1 refused as invalid_quantity, first line 4, column n:"
        ' for 1,200 write `thousands: ","`, and for 1,5 `decimal: ","`',
        "1 refused as invalid_date, first line 5, column day:"
        " the text fits no format in `date_format`; add one that reads it",
    ]


async def test_a11_words_for_kinds(town: City, tmp_path: Path) -> None:
    path = write_file(
        tmp_path,
        "id,member,day,n,类型\na,card-1,2026-03-01,1,骑行\nb,card-1,2026-03-01,1,公交 \nc,card-1,2026-03-01,1,其他\n",
    )
    mapping = (
        "format: csv\nkinds: {骑行: bike_trip, 公交: transit_trip}\n"
        "columns: {record_id: id, account: member, occurred_on: day, quantity: n, kind: 类型}\n"
    )
    report, stored = await imported(town, path, mapping)
    assert {name: kind for name, (kind, _, _) in stored.items()} == {"a": "bike_trip", "b": "transit_trip"}
    (refused,) = report.examples
    assert (refused.line, refused.record_id, refused.code, refused.column) == (4, "c", "kind_not_allowed", "类型")


async def test_a_workbook_is_read_like_a_csv_file(town: City, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for cells in (
        ["服务时长统计表"],
        [],
        ["单号", "志愿者编号", "日期", "小时"],
        [1001, "card-1", "2026-03-01", 1.5],
        ["x-2", "card-1", 46082, 2],
        [],
        ["x-3", "card-1", None, 2, None, "no day"],
        ["合计", None, None, 5.5],
    ):
        sheet.append(cells)
    sheet["C5"].number_format = "yyyy-mm-dd"
    book.create_sheet("other")
    path = tmp_path / "hours.xlsx"
    book.save(path)
    mapping = (
        "format: xlsx\nskip_lines: 2\nuntil: 合计\nkind: volunteer_minutes\nfactor: 60\n"
        "columns: {record_id: 单号, account: 志愿者编号, occurred_on: 日期, quantity: 小时}\n"
    )
    report, stored = await imported(town, path, mapping, VOLUNTEER)
    assert stored == {"1001": ("volunteer_minutes", 90, "2026-03-01"), "x-2": ("volunteer_minutes", 120, "2026-03-01")}
    assert [row[:4] for row in report.examples] == [(7, "x-3", "invalid_date", "日期")]
    with pytest.raises(MappingInvalid, match="no sheet hours; it has: Sheet, other"):
        await run_import(town, path, mapping + "sheet: hours\n", VOLUNTEER)


async def test_an_interrupted_import_of_rows_without_ids_repeats_nothing(
    town: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BATCH_MAX", 2)
    mapping = (
        "format: csv\nkind: bike_trip\nquantity: 1\ndate_format: iso\n"
        "columns: {record_id: [c, t], account: c, occurred_on: t}\n"
    )
    path = write_file(tmp_path, "c,t\n" + "".join(f"card-1,2026-03-01 08:{n:02}:00\n" for n in range(10)))
    await town.resident("wang").link("green-travel", "card-1")
    with before_commit(3, lose_database), pytest.raises(OSError, match="went away"):
        await run_import(town, path, mapping)
    report = await run_import(town, path, mapping)
    assert (report.accepted, report.duplicates) == (6, 4)
    assert len((await town.resident("wang").get("/v1/me/records?limit=200")).json()["data"]) == 10
