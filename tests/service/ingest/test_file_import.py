"""A source's own file through the gate: mapped, streamed, reported, and safe to import twice."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from zlib import crc32

import pytest
import yaml

from consent.database import queries
from service.demo import seed
from service.ingest import file_import, lanes, text_rows
from service.ingest.cells import CellInvalid, Days
from service.ingest.mapping import MappingInvalid, parse_mapping
from service.ingest.report import RefusedRow
from tests.benefits.scoring.recount import recount
from tests.factories import administrator
from tests.support.city import City
from tests.support.imports import before_commit, lose_database, run_import, write_file

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]

ROOT = Path(__file__).parents[3]
WHOLE_EXPORT = ROOT.parent / "shared" / "data" / "bike-trips-2014.csv"
MAPPING = (ROOT / "service" / "demo" / "city" / "bike-trips.mapping.yaml").read_text(encoding="utf-8")
PLAIN = "format: csv\ncolumns: {record_id: id, account: who, occurred_on: day, quantity: n}\nkind: bike_trip\n"


async def test_rows_become_records_and_a_second_run_changes_nothing(town: City, tmp_path: Path) -> None:
    wang = town.resident("wang")
    await wang.link("green-travel", "w-1")
    path = write_file(
        tmp_path,
        "\ufeffid,who,day,n\n"
        "a,w-1,2025-03-01,4\n"
        "b,w-1,2025-03-02,6\n"
        "c,stranger,2025-03-02,6\n"
        "d,w-1,2025-13-02,6\n"
        "e,w-1,2099-01-01,6\n"
        "f,w-1,2025-03-03,0\n"
        "g,w-1,2025-03-03,six\n"
        "bad id,w-1,2025-03-03,1\n"
        "h,,2025-03-03,1\n"
        "i,w-1,2025-03-03\n"
        "j,w-1,2025-03-03,1,more\n"
        "a,w-1,2025-03-01,4\n"
        "a,w-1,2025-03-01,5\n"
        '"k ""q""",w-1,2025-03-03,1\n',
    )
    report = await run_import(town, path, PLAIN)
    assert (report.rows, report.accepted, report.duplicates) == (14, 2, 1)
    assert dict(report.refused) == {
        "not_authorised": 1,
        "invalid_date": 1,
        "in_future": 1,
        "invalid_quantity": 2,
        "invalid_record_id": 2,
        "invalid_account": 1,
        "malformed_row": 2,
        "conflict": 1,
    }
    named = {row[:3] for row in report.examples}
    assert {(5, "d", "invalid_date"), (4, "c", "not_authorised"), (9, "bad id", "invalid_record_id")} <= named
    assert RefusedRow(8, "g", "invalid_quantity", "n", "not a number above zero in ASCII digits") in report.examples
    assert await wang.total() == 5
    again = await run_import(town, path, PLAIN)
    assert (again.accepted, again.duplicates) == (0, 3)
    assert await wang.total() == 5


@pytest.mark.parametrize("later", [True, False])
async def test_of_two_rows_with_one_id_the_first_counts_for_any_account(
    town: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: bool
) -> None:
    monkeypatch.setattr(lanes, "BATCH_MAX", 4)
    accounts = [
        next(f"w-{n}" for n in range(9) if crc32(f"w-{n}".encode()) % file_import.LANES == lane) for lane in (0, 1)
    ]
    first, other = accounts if later else reversed(accounts)
    await town.resident("wang").link("green-travel", first)
    await town.resident("li").link("green-travel", other)
    fill = "".join(f"r-{number},{other},2025-03-01,1\n" for number in range(9))
    path = write_file(
        tmp_path,
        f"id,who,day,n\nsame,{first},2025-03-01,1\nsame,{other},2025-03-01,1\n{fill}same,{other},2025-03-01,1\n",
    )
    report = await run_import(town, path, PLAIN)
    assert (report.accepted, dict(report.refused)) == (10, {"conflict": 2})
    assert sorted(row.line for row in report.examples) == [3, 13]
    names = {
        record["source_record_id"] for record in (await town.resident("wang").get("/v1/me/records")).json()["data"]
    }
    assert names == {"same"}


async def test_a_mapping_filters_shifts_and_prefixes(town: City, tmp_path: Path) -> None:
    wang = town.resident("wang")
    await wang.link("green-travel", "bike-7")
    path = write_file(tmp_path, "id,bike,when,type\n1,7,01/02/24 08:00,Subscriber\n2,7,01/02/24 09:00,Customer\n")
    mapping = (
        "format: csv\ncolumns: {record_id: id, account: bike, occurred_on: when}\nkind: bike_trip\nquantity: 10\n"
        "account_prefix: bike-\ndate_format: '%m/%d/%y %H:%M'\nshift_days: 366\n"
        "where: {column: type, one_of: [Subscriber]}\n"
    )
    report = await run_import(town, path, mapping)
    assert (report.rows, report.filtered, report.accepted) == (2, 1, 1)
    (stored,) = (await wang.get("/v1/me/records")).json()["data"]
    assert (stored["occurred_on"], stored["quantity"]) == ("2025-01-02", 10)


async def test_ndjson_with_bad_lines(town: City, tmp_path: Path) -> None:
    await town.resident("wang").link("green-travel", "w-1")
    rows = [json.dumps({"id": "a", "who": "w-1", "day": "2025-01-01", "n": 2}), "", "{", "[1]", '{"id": "b"}', '"x"']
    report = await run_import(
        town, write_file(tmp_path, "\n".join(rows)), PLAIN.replace("format: csv", "format: ndjson")
    )
    assert (report.rows, report.accepted) == (5, 1)
    assert dict(report.refused) == {"malformed_row": 3, "invalid_account": 1}


async def test_a_line_that_is_too_long_is_one_bad_row(
    town: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_rows, "LINE_CHARACTERS_MAX", 200)
    await town.resident("wang").link("green-travel", "w-1")

    def row(name: str) -> str:
        return json.dumps({"id": name, "who": "w-1", "day": "2025-01-01", "n": 2})

    # The tail of a line that is cut would be a row of its own.
    start = '{"id": "long", "note": "'
    for end in ("", "\n" + row("after") + "\n"):
        tail = start + "z" * (200 - len(start)) + row("smuggled") + end
        fits = row("fits").ljust(199) + "\n"
        report = await run_import(
            town, write_file(tmp_path, fits + tail), PLAIN.replace("format: csv", "format: ndjson")
        )
        assert dict(report.refused) == {"line_too_long": 1}
        assert [row[:3] for row in report.examples] == [(2, "", "line_too_long")]
    stored = {
        record["source_record_id"] for record in (await town.resident("wang").get("/v1/me/records")).json()["data"]
    }
    assert stored == {"fits", "after"}


def test_long_texts_are_not_cached_as_days() -> None:
    days = Days(["%Y-%m-%d"], None, datetime.date)
    tracemalloc.start()
    try:
        for number in range(200):
            with pytest.raises(CellInvalid, match="date_format"):
                days.read(f"{number}{'9' * 60_000}")
        bytes_used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bytes_used < 2**20


async def test_binary_noise_is_reported_and_nothing_else(town: City, tmp_path: Path) -> None:
    path = write_file(tmp_path, b"id,who,day,n\n" + bytes(range(256)) * 40 + b"\nz,bike-607,2025-01-01,1\n")
    report = await run_import(town, path, PLAIN)
    assert report.accepted == 1
    assert sum(report.refused.values()) == report.rows - 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Input should be"),
        ("[", "cannot be read"),
        ("format: xml\ncolumns: {record_id: a, account: b, occurred_on: c}\nkind: k\nquantity: 1", "format"),
        (PLAIN + "surprise: 1", "surprise"),
        (PLAIN.replace("kind: bike_trip", ""), "name the kind once"),
        (PLAIN + "quantity: 1", "name the quantity once"),
        ("!!python/object/apply:os.system ['true']", "cannot be read"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(MappingInvalid, match=message):
        parse_mapping(text, "m.yaml")


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="this PyYAML has no parser in C")
def test_a_mapping_nested_without_end_is_refused_at_the_depth_limit_of_the_parser() -> None:
    """The parser in Python recurses instead, and works for seconds before that ends."""
    with pytest.raises(MappingInvalid, match="rides cannot be read: line 1: "):
        parse_mapping("a: &a " + "[" * 2_000 + "*a]", "rides")


async def test_a_missing_column_file_or_source_is_reported_before_the_import(town: City, tmp_path: Path) -> None:
    with pytest.raises(MappingInvalid, match="no column day, who"):
        await run_import(town, write_file(tmp_path, "id,n\n1,1\n"), PLAIN)
    with pytest.raises(MappingInvalid, match="no column"):
        await run_import(town, write_file(tmp_path, ""), PLAIN)
    with pytest.raises(LookupError, match="no source nobody"):
        await run_import(town, write_file(tmp_path, "id,who,day,n\n"), PLAIN, "nobody")
    with pytest.raises(OSError, match="absent"):
        await run_import(town, tmp_path / "absent.csv", PLAIN)


def rides(path: Path) -> Iterator[tuple[str, date]]:
    """(bike, day in 2014) of every ride, read without the importer."""
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            month, day, year = row["start_date"].split()[0].split("/")
            yield row["bike_id"], date(2000 + int(year), int(month), int(day))


async def test_every_linked_bike_has_the_points_that_an_independent_count_gives(town: City) -> None:
    year, today = await town.last_year(), await town.today()
    counted: dict[str, int] = {}
    for bike, day in rides(ROOT / "service" / "demo" / "city" / "bike-trips.csv"):
        assert (day.year, day.month) == (2014, 12)
        counted[bike] = counted.get(bike, 0) + 1
    linked = (await town.source().get("/v1/source/links?limit=200")).json()["data"]
    assert {link["account"] for link in linked} == {f"bike-{bike}" for bike in counted}
    for number in range(1, 13):
        who = town.resident(f"resident-{number}")
        export = (await who.get("/v1/me/export")).json()
        account = next(account["account"] for account in export["accounts"] if account["source_id"] == "green-travel")
        own = [record for record in export["records"] if record["kind"] == "bike_trip"]
        assert len(own) == counted[account.removeprefix("bike-")] <= 88
        assert all(record["occurred_on"].startswith(f"{year}-12") for record in own)
        deeds = [
            (record["record_id"], record["kind"], record["quantity"], date.fromisoformat(record["occurred_on"]))
            for record in export["records"]
        ]
        expected = recount(deeds, today)
        answer = (await who.get("/v1/me/points")).json()
        assert {dimension["dimension"]: dimension["points"] for dimension in answer["dimensions"]} == expected
        assert answer["total"] == sum(expected.values())
        lines = (await who.get("/v1/me/points/explanation")).json()["contributions"]
        assert sum(line["points"] for line in lines if line["kind"] == "bike_trip") == len(own) // 2


@pytest.mark.skipif(not WHOLE_EXPORT.exists(), reason="the whole export is not beside the project")
async def test_the_whole_export_imports_for_linked_bikes_alone(town: City) -> None:
    today = await town.today()
    shift = (date(await town.last_year(), 12, 1) - date(seed.RIDES_YEAR, 12, 1)).days
    counted: dict[str, int] = {}
    for bike, _ in rides(WHOLE_EXPORT):
        counted[bike] = counted.get(bike, 0) + 1
    assert (sum(counted.values()), len(counted), max(counted.values())) == (19_677, 592, 88)
    newcomers = [bike for bike in sorted(counted, key=lambda bike: -counted[bike]) if counted[bike] > 60][:4]
    linked = {
        link["account"].removeprefix("bike-")
        for link in (await town.source().get("/v1/source/links?limit=200")).json()["data"]
    }
    fresh = [bike for bike in newcomers if bike not in linked]
    for bike in fresh:
        await town.resident(f"rider-{bike}").link("green-travel", f"bike-{bike}")
    report = await run_import(town, WHOLE_EXPORT, MAPPING + f"shift_days: {shift}\n")
    assert report.rows == 19_677
    assert report.accepted == sum(counted[bike] for bike in fresh)
    assert report.duplicates == sum(counted[bike] for bike in linked)
    assert dict(report.refused) == {"not_authorised": 19_677 - report.accepted - report.duplicates}
    for bike in fresh:
        assert await town.resident(f"rider-{bike}").total() == counted[bike] // 2
    again = await run_import(town, WHOLE_EXPORT, MAPPING + f"shift_days: {shift}\n")
    assert (again.accepted, again.duplicates) == (0, report.accepted + report.duplicates)
    assert today


@pytest.mark.skipif(not WHOLE_EXPORT.exists(), reason="the whole export is not beside the project")
def test_the_demo_rides_are_a_part_of_the_whole_export() -> None:
    whole = set(WHOLE_EXPORT.read_text(encoding="utf-8").splitlines())
    part = (ROOT / "service" / "demo" / "city" / "bike-trips.csv").read_text(encoding="utf-8").splitlines()
    assert set(part) <= whole


async def test_of_two_rows_with_one_id_the_first_counts_in_any_lane(
    town: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BATCH_MAX", 3)
    monkeypatch.setattr(file_import, "READ_CHUNK_ROWS", 2)
    people = [town.resident(f"reader-{number}") for number in range(4)]
    for number, who in enumerate(people):
        await who.link("green-travel", f"w-{number}")
    names = [f"r-{number % 17}" for number in range(40)]
    lines = [f"{name},w-{number % 4},2025-03-01,{1 + number}" for number, name in enumerate(names)]
    report = await run_import(town, write_file(tmp_path, "id,who,day,n\n" + "\n".join(lines) + "\n"), PLAIN)
    assert (report.rows, report.accepted, report.duplicates) == (40, 17, 0)
    assert report.refused == {"conflict": 23}
    quantities = {}
    for who in people:
        for record in (await who.get("/v1/me/records?limit=200")).json()["data"]:
            quantities[record["source_record_id"]] = record["quantity"]
    assert quantities == {f"r-{number}": 1 + number for number in range(17)}
    again = await run_import(town, write_file(tmp_path, "id,who,day,n\n" + "\n".join(lines[:17]) + "\n"), PLAIN)
    assert (again.accepted, again.duplicates) == (0, 17)


@pytest.mark.both_engines
async def test_a_source_that_is_suspended_delivers_no_more(
    town: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BATCH_MAX", 2)
    # Running tasks have their turn before the next row is read.
    monkeypatch.setattr(file_import, "READ_CHUNK_ROWS", 1)
    wang = town.resident("wang")
    await wang.link("green-travel", "w-1")
    await town.resident("li").link("green-travel", "w-2")
    rows = "".join(f"r-{number},w-{1 + number % 2},2025-03-01,1\n" for number in range(40))
    path = write_file(tmp_path, "id,who,day,n\n" + rows)
    stored = 0

    async def suspend() -> None:
        nonlocal stored
        stop = await administrator(town).post("/v1/admin/sources/green-travel/versions/1/suspend")
        assert stop.status_code == 200
        stored = await records()

    async def records() -> int:
        row = await queries.fetch_one("SELECT count(*) AS n FROM record WHERE occurred_on = 20250301")
        assert row is not None
        return int(row["n"])

    with (
        before_commit(5, suspend),
        pytest.raises(file_import.ImportStopped, match="green-travel was suspended") as stopped,
    ):
        await run_import(town, path, PLAIN)
    assert 0 < stored < 40
    # A batch that was under way may have been a moment earlier.
    assert await records() == stopped.value.report.accepted <= stored + 2
    assert f"{stopped.value.report.accepted} rows were accepted" in str(stopped.value)


async def test_what_was_committed_before_a_failure_stays_and_the_rest_can_be_sent_again(
    town: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BATCH_MAX", 2)
    wang = town.resident("wang")
    await wang.link("green-travel", "w-1")
    path = write_file(tmp_path, "id,who,day,n\n" + "".join(f"r-{number},w-1,2025-03-01,1\n" for number in range(10)))
    with before_commit(3, lose_database), pytest.raises(OSError, match="went away"):
        await run_import(town, path, PLAIN)
    report = await run_import(town, path, PLAIN)
    assert (report.accepted, report.duplicates) == (6, 4)
