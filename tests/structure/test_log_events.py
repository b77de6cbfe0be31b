"""Log lines: a closed list of events in code and in the docs, written in one way, with nothing about a person."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path

from service.observability.log_events import FIELDS, REQUEST_FIELDS, LogEvent
from tests.structure import syntax

ROOT = Path(__file__).parents[2]
WRITER = "service/observability/logging.py"
NOT_IN_A_LINE = re.compile(
    r"person|subject|account|name|path|query|url|agent|header|body|address|ip|code|handle|token|key"
)
"""Parts of names of what no line may have."""
ALLOWED = {"exit_code"}
CHOOSING = {
    "service/http/middleware.py": (LogEvent.REQUEST_REFUSED, LogEvent.REQUEST_FAILED),
    "service/storage/health_monitor.py": (LogEvent.DATABASE_READ_ONLY, LogEvent.DATABASE_UNAVAILABLE),
}
"""Modules that choose an event first and write its line later."""


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of `log_event`, and its place."""
    for package in ("consent", "benefits", "service"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            for node in syntax.walk(ast.parse(text)) if "log_event(" in text else ():
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "log_event":
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_one_module_alone_uses_the_logging_of_python() -> None:
    for package in ("consent", "benefits", "service"):
        for path in (ROOT / package).rglob("*.py"):
            if path.relative_to(ROOT).as_posix() != WRITER:
                assert "getLogger" not in path.read_text(encoding="utf-8"), path


def test_every_call_gives_fields_of_its_event() -> None:
    written, chosen = set(), set()
    for place, call in calls():
        if not isinstance(call.args[0], ast.Attribute):
            chosen.add(place.partition(":")[0])
            continue
        event = LogEvent[call.args[0].attr]
        written.add(event)
        for keyword in call.keywords:
            if keyword.arg is not None:
                assert keyword.arg in event.fields, place
            elif isinstance(keyword.value, ast.Call):
                assert getattr(keyword.value.func, "id", "") == "request_fields", place
                assert set(REQUEST_FIELDS) <= set(event.fields), place
    assert chosen == CHOOSING.keys()
    others = {event for events in CHOOSING.values() for event in events} | {LogEvent.LIBRARY_MESSAGE}
    assert written | others == set(LogEvent)
    assert not written & others


def test_lines_that_requests_cause_are_bounded_by_fields_of_theirs() -> None:
    for event in LogEvent:
        if "request_id" in event.fields:
            assert event.bounded_by is not None, event
        assert set(event.bounded_by or ()) <= set(event.fields) & set(LogEvent.LINES_LEFT_OUT.fields), event


def test_no_field_can_be_a_person_or_a_piece_of_a_request() -> None:
    assert [field for field in FIELDS if field not in ALLOWED and NOT_IN_A_LINE.search(field)] == []


def test_the_page_lists_every_event() -> None:
    page = (ROOT / "docs" / "log-events.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \| (.+) \|$", page, re.M)
    assert rows == [
        (
            event.line_name,
            logging.getLevelName(event.level).lower(),
            ", ".join(f"`{field}`" for field in event.fields) or "none",
            "no"
            if event.bounded_by is None
            else ", ".join(f"`{field}`" for field in event.bounded_by) or "all together",
            event.meaning,
        )
        for event in LogEvent
    ]
