"""Points by month: the totals that `points.compute` gives on each month's last day."""

from __future__ import annotations

from datetime import date

from benefits.scoring import history
from consent.domain.records import RecordKind
from tests.benefits.scoring.test_points import TIMELINE, TODAY, compute, deed, released

TREES = (
    deed("a", RecordKind.TREE_PLANTED, 1, date(2024, 12, 31)),
    deed("b", RecordKind.TREE_PLANTED, 2, date(2026, 3, 1)),
    deed("c", RecordKind.TREE_PLANTED, 1, TODAY),
)


def test_each_month_has_the_points_of_its_last_day() -> None:
    rows = history.by_month(released(*TREES), TIMELINE, TODAY, 24)
    assert len(rows) == 24
    assert [rows[0].month, rows[-1].month] == ["2024-12", "2026-11"]
    assert [row.total for row in rows] == [compute(*TREES, on=row.on).total for row in rows]
    assert (rows[0].on, rows[14].on, rows[-1].on) == (date(2024, 12, 31), date(2026, 2, 28), TODAY)
    assert [row.total for row in (rows[0], rows[14], rows[15], rows[-1])] == [5, 5, 15, 20]


def test_months_before_the_first_scheme_are_left_out() -> None:
    rows = history.by_month(released(), TIMELINE, TODAY, 60)
    assert rows[0].month == "2024-01"
    assert {row.total for row in rows} == {0}


def test_a_year_ends_with_december() -> None:
    months = [row.month for row in history.by_month(released(), TIMELINE, date(2026, 1, 31), 3)]
    assert months == ["2025-11", "2025-12", "2026-01"]
