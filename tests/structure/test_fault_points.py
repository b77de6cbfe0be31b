"""Fault points: every named place is reached by code, and no code of the packages arms one."""

from __future__ import annotations

from pathlib import Path

from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint

ROOT = Path(__file__).parents[2]
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for package in ("consent", "benefits", "service")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.name != "fault_points.py"
}


def test_every_point_has_a_place() -> None:
    text = "\n".join(SOURCES.values())
    assert [point for point in FaultPoint if f"reach(FaultPoint.{point.name})" not in text] == []


def test_no_code_of_the_service_arms_a_point() -> None:
    assert [path for path, text in SOURCES.items() if "fault_points.arm" in text or "import arm" in text] == []


def test_a_point_does_nothing_until_it_is_armed() -> None:
    reached: list[FaultPoint] = []
    fault_points.reach(FaultPoint.BEFORE_COMMIT)
    fault_points.arm(reached.append)
    try:
        fault_points.reach(FaultPoint.AFTER_COMMIT)
    finally:
        fault_points.arm(None)
    fault_points.reach(FaultPoint.BEFORE_COMMIT)
    assert reached == [FaultPoint.AFTER_COMMIT]
