"""Cells as people write them: every reading has one value, and what has none is refused with advice."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import cells
from service.ingest.cells import CellInvalid, Days, Quantities

CITY = ZoneInfo("Asia/Shanghai")


def day_of(at: datetime) -> date:
    return at.astimezone(CITY).date()


def days(*formats: str, zone: str | None = None, shift: int = 0) -> Days:
    return Days(formats, zone, day_of, shift)


@pytest.mark.parametrize(
    ("formats", "text", "day"),
    [
        (("%Y-%m-%d",), "2025-03-01", "2025-03-01"),
        (("%d/%m/%Y %H:%M",), "04/01/2012 00:20", "2012-01-04"),
        (("%m/%d/%Y %I:%M %p",), "9/1/2025 11:59 PM", "2025-09-01"),
        (("%Y/%m/%d", "%m/%d/%Y"), "9/1/2025", "2025-09-01"),
        (("%Y年%m月%d日",), "2025年5月3日", "2025-05-03"),
        (("%Y%m%d",), "20250503", "2025-05-03"),
        (("%Y-%m",), "2025-05", "2025-05-01"),
        (("iso",), "2022-05-01 00:55:46.521000+00:00", "2022-05-01"),
        (("iso",), "2022-05-01T16:00:00Z", "2022-05-02"),
        (("iso",), "20220501", "2022-05-01"),
        (("excel",), "45757", "2025-04-10"),
        (("excel",), "45757.99999999", "2025-04-11"),
        (("excel_1904",), "44295", "2025-04-10"),
        (("epoch_seconds",), "1735660800", "2025-01-01"),
        (("epoch_seconds", "epoch_milliseconds"), "1735660799000", "2024-12-31"),
        (("%Y-%m-%dT%H:%M:%S%z",), "2024-12-31T16:30:00Z", "2025-01-01"),
    ],
)
def test_a_date_in_each_format(formats: tuple[str, ...], text: str, day: str) -> None:
    assert days(*formats).read(text) == day


@pytest.mark.parametrize(
    ("formats", "text"),
    [
        (("%Y-%m-%d",), "2025-02-29"),
        (("%Y-%m-%d",), ""),
        (("%Y%m%d",), "2025111"),
        (("%Y-%m-%d",), "2025-03-01" + " " * 10 + "x"),
        (("iso",), "2025-W01-1"),
        (("iso",), "noon"),
        (("excel",), "60"),
        (("excel",), "20250503"),
        (("excel",), "-1"),
        (("epoch_seconds",), "1735660800000"),
        (("epoch_milliseconds",), "1735660800"),
        (("%Y-%m-%d",), None),
        (("%Y-%m-%d",), True),
    ],
)
def test_what_is_no_date_in_the_formats_is_refused(formats: tuple[str, ...], text: object) -> None:
    with pytest.raises(CellInvalid) as refused:
        days(*formats).read(text)
    assert refused.value.reason == "invalid_date"


def test_a_workbooks_moment_has_the_mappings_zone_unless_it_is_a_day() -> None:
    evening, midnight = datetime(2024, 12, 31, 16, 30), datetime(2024, 12, 31)  # noqa: DTZ001
    assert days("iso").read(evening) == "2024-12-31"
    assert days("iso", zone="UTC").read(evening) == "2025-01-01"
    assert days("iso", zone="Asia/Tokyo").read(midnight) == "2024-12-31"


def test_a_shift_of_days_and_its_end() -> None:
    assert days("%Y-%m-%d", shift=366).read("2024-01-01") == "2025-01-01"
    with pytest.raises(CellInvalid):
        days("%Y-%m-%d", shift=10**7).read("2024-01-01")


@given(st.datetimes(datetime(2000, 1, 3), datetime(2090, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_a_moment_is_on_the_citys_day_whatever_zone_it_is_written_in(at: datetime) -> None:
    moment = at.astimezone(UTC)
    expected = moment.astimezone(CITY).date().isoformat()
    assert days("iso").read(moment.isoformat()) == expected
    assert days("%Y-%m-%d %H:%M:%S", zone="UTC").read(moment.strftime("%Y-%m-%d %H:%M:%S")) == expected


@pytest.mark.parametrize(
    ("cell", "options", "quantity"),
    [
        ("2", {}, 2),
        (" 3 ", {}, 3),
        ("3.0", {}, 3),
        (3, {}, 3),
        (2.0, {}, 2),
        ("2.00", {"factor": Decimal(60)}, 120),
        ("1.50", {"factor": Decimal(60)}, 90),
        ("0.1", {"factor": Decimal(60)}, 6),
        ("30", {"factor": Decimal("0.5")}, 15),
        ("1,200", {"thousands": ","}, 1200),
        ("1,200,000.5", {"thousands": ",", "factor": Decimal(2)}, 2_400_001),
        ("1.200,5", {"thousands": ".", "decimal": ",", "factor": Decimal(2)}, 2401),
        ("1\u00a0200", {"thousands": " "}, 1200),
        ("2,5", {"decimal": ",", "factor": Decimal(60)}, 150),
        ("12", {"thousands": ","}, 12),
    ],
)
def test_a_quantity_as_it_is_written(cell: object, options: dict[str, object], quantity: int) -> None:
    assert Quantities(**options).read(cell) == quantity  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "options", "advice"),
    [
        ("", {}, "there is no number"),
        (None, {}, "there is no number"),
        (True, {}, "there is no number"),
        ("1,200", {}, 'write `thousands: ","`'),
        ("1,20", {"thousands": ","}, 'write `decimal: ","`'),
        ("1,2000", {"thousands": ","}, 'write `decimal: ","`'),
        ("1.5", {}, "1.5 times 1 is not whole"),
        ("1.333", {"factor": Decimal(60)}, "1.333 times 60 is not whole"),
        ("2.5", {"decimal": ","}, 'that "," is the decimal mark'),
        ("1:30", {}, "export minutes or hours"),
        ("-3", {}, "not a number above zero"),
        ("１２", {}, "not a number above zero"),
        ("1e3", {}, "not a number above zero"),
        ("9" * 40, {}, "not a number above zero"),
        (1e300, {}, "not a number above zero"),
        (float("nan"), {}, "not a number above zero"),
    ],
)
def test_what_is_no_quantity_says_what_to_write(cell: object, options: dict[str, object], advice: str) -> None:
    with pytest.raises(CellInvalid) as refused:
        Quantities(**options).read(cell)  # type: ignore[arg-type]
    assert advice in str(refused.value)
    assert refused.value.reason == "invalid_quantity"


@given(st.integers(1, 10**6), st.integers(0, 3), st.sampled_from(["1", "60", "0.5", "0.25"]))
def test_a_product_is_exact_or_refused(number: int, places: int, factor: str) -> None:
    written = Decimal(number).scaleb(-places)
    product = written * Decimal(factor)
    if product % 1:
        with pytest.raises(CellInvalid):
            Quantities(Decimal(factor)).read(format(written, "f"))
    else:
        assert Quantities(Decimal(factor)).read(format(written, "f")) == product


def test_the_id_of_several_cells_is_the_documented_hash() -> None:
    # sha256 of ["bike-7","2025-09-01","08:15"] in UTF-8, as docs/how-to/import-a-file.md says
    assert cells.id_from_cells([" bike-7", "2025-09-01", "08:15"]) == cells.hashed_id(["bike-7", "2025-09-01", "08:15"])
    assert cells.hashed_id(["bike-7", "2025-09-01", "08:15"]) == "73702c269fe04a3ffb5dc865e6be0b76"
    assert cells.hashed_id(["骑行", "1"]) == "94134aeb9a563bb3df75536ef687b2aa"
    with pytest.raises(CellInvalid, match="one of them is empty"):
        cells.id_from_cells(["bike-7", "", "08:15"])


@given(st.lists(st.text(min_size=1), min_size=2, max_size=4), st.lists(st.text(min_size=1), min_size=2, max_size=4))
def test_other_cells_give_another_id(first: list[str], second: list[str]) -> None:
    assert (cells.hashed_id(first) == cells.hashed_id(second)) == (first == second)
    cells.check_record_id(cells.hashed_id(first))


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "there is no id"),
        ("a/b", "the id is its hash"),
        ("1.23457E+17", "export the column as text"),
        ("x" * 65, "1 to 64"),
    ],
)
def test_an_id_that_is_none_says_what_to_do(text: str, advice: str) -> None:
    with pytest.raises(CellInvalid, match=advice):
        cells.check_record_id(text)


@pytest.mark.parametrize("text", ["", "a b", "卡1", "1.2E+17", "x" * 65, "a\tb"])
def test_an_account_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CellInvalid) as refused:
        cells.check_account(text)
    assert refused.value.reason == "invalid_account"
