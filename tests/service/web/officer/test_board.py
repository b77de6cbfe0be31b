"""The officer's board: lanes by working day, overdue first, working days left."""

from __future__ import annotations

from datetime import date
from typing import Any

from consent.kernel.working_days import Calendar
from service.web.officer import board

FRIDAY = date(2026, 11, 27)
PLAIN = Calendar(frozenset(), frozenset())


def objection(decide_by: str, acknowledge_by: str = "2026-11-30", acknowledged: bool = True) -> dict[str, Any]:
    return {"decide_by": decide_by, "acknowledge_by": acknowledge_by, "acknowledged": acknowledged}


def test_what_is_overdue_stands_in_todays_lane_the_oldest_first() -> None:
    late = {"kind": "ended_link", "due_on": "2026-11-20"}
    lanes = board.lanes(FRIDAY, PLAIN, [objection("2026-11-27")], [late])
    assert [(task.kind, task.days_left) for task in lanes[0].tasks] == [("ended_link", -5), ("decide", 0)]
    assert len(lanes) == 1


def test_a_weekend_is_no_day_left() -> None:
    lanes = board.lanes(FRIDAY, PLAIN, [objection("2026-12-08", acknowledged=False)], [])
    task = lanes[1].tasks[0]
    assert (task.kind, task.due_on, task.days_left, task.used) == ("acknowledge", date(2026, 11, 30), 1, 6)


def test_three_days_have_lanes_and_the_rest_shares_one() -> None:
    lanes = board.lanes(FRIDAY, PLAIN, [objection(f"2026-12-0{day}") for day in range(1, 8)], [])
    assert [lane.day for lane in lanes] == [FRIDAY, date(2026, 12, 1), date(2026, 12, 2), date(2026, 12, 3), None]
    assert len(lanes[-1].tasks) == 4


def test_a_complaint_is_due_on_its_day() -> None:
    lanes = board.lanes(FRIDAY, PLAIN, [], [], [{"complaint_id": "c", "answer_by": "2026-11-30"}])
    assert [(task.kind, task.days_left) for task in lanes[1].tasks] == [("complaint", 1)]
