"""Log lines of refused requests: each has a reason, a flood of them is bounded, and none tells what a resident did."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.resident.routes import RESIDENT
from service.http.problems import STATUS
from service.observability import logging as logs
from service.observability.bounded_lines import LINES_MAX, WINDOW_SECONDS, BoundedLines
from service.observability.log_events import LogEvent
from service.observability.metrics import RESIDENT_ACTS
from tests.support.city import City

LEAVING = frozenset({"refuseConsent", "withdrawConsent", "withdrawAll", "eraseMe"})
"""Acts of which nobody may learn from a log, a metric or a trace."""


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """Return the lines of the service so far, as production formats them."""
    caplog.set_level(logging.INFO, logs.OURS)

    def lines() -> list[dict[str, Any]]:
        return [orjson.loads(logs.JsonLines().format(record)) for record in caplog.records if record.name == logs.OURS]

    return lines


@pytest.mark.anyio
async def test_every_refusal_of_the_api_has_the_code_of_its_answer(
    town: City, written: Callable[[], list[dict[str, Any]]]
) -> None:
    wang = town.resident("wang")
    consent = await wang.consent_to_source("green-travel", "bike-607")
    withdraw = f"/v1/me/consents/{consent['consent_id']}/withdraw"
    answers = [
        await town.client.get("/v1/me/points"),
        await town.client.get("/v1/me/points", headers={"Authorization": "Bearer x.y.z"}),
        await town.client.get("/v1/nothing"),
        await town.client.put("/v1/me/points"),
        await town.client.get("/healthz", headers={"Host": "elsewhere.example:1:2"}),
        await wang.get("/v1/me/messages?limit=0"),
        await wang.post("/v1/me/consents", {"presentation_id": "x"}),
        await wang.get("/v1/me/consents/unknown"),
        await wang.post(f"{withdraw}x"),
        await town.client.post("/v1/source/records", content=b"x" * (1024 * 1024 + 1), headers=town.source().headers()),
    ]
    refused = [answer for answer in answers if answer.status_code >= 400]
    assert len(refused) >= len(answers) - 1
    lines = {line["request_id"]: line for line in written() if line["event"] == "request_refused"}
    for answer in refused:
        line = lines[answer.headers["x-request-id"]]
        assert (line["status"], line["reason"]) == (answer.status_code, answer.json()["code"])


@pytest.mark.anyio
async def test_a_refused_page_and_a_repeated_refusal_have_a_reason(
    town: City, written: Callable[[], list[dict[str, Any]]]
) -> None:
    page = await town.client.get("/nothing-here", headers={"Accept": "text/html"})
    form = await town.client.post("/me/leave", data={"x": "y"})
    wang = town.resident("wang")
    first, again = [await wang.post("/v1/me/consents", {"purpose": "x"}, key="one-key-of-both") for _ in range(2)]
    lines = {line["request_id"]: line for line in written() if line["event"] == "request_refused"}
    for answer in (page, form, first, again):
        assert answer.status_code >= 400
        reason = lines[answer.headers["x-request-id"]]["reason"]
        assert reason in {*STATUS, "stale", "signed_out", "form_of_elsewhere"}


@pytest.mark.anyio
async def test_a_flood_of_refused_requests_writes_some_lines_and_their_number(
    town: City, written: Callable[[], list[dict[str, Any]]]
) -> None:
    sent = 3 * LINES_MAX
    for _ in range(sent):
        assert (await town.client.get("/v1/nothing")).status_code == 404
        assert (await town.client.get("/v1/me/points")).status_code == 401
    refused = [line["reason"] for line in written() if line["event"] == "request_refused"]
    assert sorted(refused) == ["not_found"] * LINES_MAX + ["token_missing"] * LINES_MAX
    logs.log_left_out()
    left_out = [line for line in written() if line["event"] == "lines_left_out"]
    assert {(line["about"], line["reason"], line["left_out"]) for line in left_out} == {
        ("request_refused", "not_found", sent - LINES_MAX),
        ("request_refused", "token_missing", sent - LINES_MAX),
    }
    logs.log_left_out()
    assert len([line for line in written() if line["event"] == "lines_left_out"]) == len(left_out)


def test_a_new_window_admits_lines_again_and_forgets_what_is_over() -> None:
    now = 0.0
    lines: BoundedLines[str] = BoundedLines(lambda: now)
    assert [lines.admit("kind") for _ in range(LINES_MAX + 5)] == [True] * LINES_MAX + [False] * 5
    assert lines.admit("other")
    now = WINDOW_SECONDS
    assert lines.admit("kind")
    assert lines.take_left_out() == {"kind": 5}
    now = 3 * WINDOW_SECONDS
    assert lines.take_left_out() == {}
    assert not lines._windows


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, WINDOW_SECONDS)), max_size=200))
def test_every_line_is_written_or_counted_and_never_more_than_the_bound(steps: list[tuple[str, float]]) -> None:
    now, admitted, left_out = 0.0, 0, 0
    lines: BoundedLines[str] = BoundedLines(lambda: now)
    times: dict[str, list[float]] = {}
    for kind, pause in steps:
        now += pause
        if lines.admit(kind):
            admitted += 1
            times.setdefault(kind, []).append(now)
    left_out = sum(lines.take_left_out().values())
    assert admitted + left_out == len(steps)
    for moments in times.values():
        # Two windows may meet, so that their lines are close together, but no three.
        for start in moments:
            assert len([moment for moment in moments if start <= moment < start + WINDOW_SECONDS]) <= 2 * LINES_MAX


@pytest.mark.anyio
async def test_numbers_of_lines_left_out_are_written_by_themselves_and_at_the_end(
    written: Callable[[], list[dict[str, Any]]],
) -> None:
    counting = asyncio.create_task(logs.keep_counting_left_out())
    await asyncio.sleep(0)
    for _ in range(LINES_MAX + 7):
        logs.log_event(LogEvent.CONNECTION_REFUSED, reason="too_slow")
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)
    (line,) = [line for line in written() if line["event"] == "lines_left_out"]
    assert (line["about"], line["reason"], line["left_out"]) == ("connection_refused", "too_slow", 7)


@pytest.mark.anyio
async def test_refused_acts_of_residents_are_one_operation(
    town: City, written: Callable[[], list[dict[str, Any]]]
) -> None:
    wang = town.resident("wang")
    for attempt in (
        wang.post("/v1/me/consents/nothing/withdraw"),
        wang.post("/v1/me/tickets", {"benefit_id": 1}),
        town.client.delete("/v1/me"),
    ):
        assert (await attempt).status_code >= 400
    lines = [line for line in written() if line["event"] == "request_refused"]
    assert [line["operation"] for line in lines] == ["residents_acts"] * 3
    assert not [line for line in lines if any(act in orjson.dumps(line).decode() for act in RESIDENT_ACTS)]


def test_no_reason_tells_that_somebody_tried_to_leave() -> None:
    """Each code with which a withdrawal, refusal or erasure can be refused is one that other acts have, too."""
    codes = {
        endpoint.operation.operation_id: set(endpoint.operation.errors)
        for endpoint in RESIDENT
        if endpoint.operation.operation_id in RESIDENT_ACTS
    }
    assert codes.keys() > LEAVING
    others = set().union(*(errors for act, errors in codes.items() if act not in LEAVING))
    for act in LEAVING:
        assert codes[act] <= others, act


@given(st.text(), st.lists(st.text(min_size=4), max_size=3), st.booleans())
def test_no_line_has_what_a_message_was_filled_with(message: str, filling: list[str], failed: bool) -> None:
    """Any record of a library: its arguments and the text of its error never get into the line."""
    secret = [f"canary{piece}" for piece in filling]
    error = ValueError("canary of the error")
    caught = (ValueError, error, None) if failed else None
    record = logging.LogRecord("lib", logging.WARNING, "x.py", 1, message.replace("canary", ""), tuple(secret), caught)
    line = logs.JsonLines().format(record)
    assert "\n" not in line
    assert "canary" not in line
    assert set(orjson.loads(line)) <= {"at", "level", "logger", "event", *LogEvent.LIBRARY_MESSAGE.fields}


@given(st.sampled_from(list(LogEvent)), st.dictionaries(st.text(), st.text(), max_size=4))
def test_a_line_has_the_fields_of_its_event_alone(event: LogEvent, extra: dict[str, str]) -> None:
    fields = {**{name: f"canary-{name}" for name in extra}, **dict.fromkeys(event.fields, "x")}
    record = logging.LogRecord(logs.OURS, event.level, "x.py", 1, event, (), None)
    record.fields = fields
    line = orjson.loads(logs.JsonLines().format(record))
    assert set(line) == {"at", "level", "logger", "event", *event.fields}


def test_the_text_of_a_library_is_left_out_where_it_may_be_filled_in() -> None:
    error = ValueError("canary")
    filled = logging.LogRecord("lib", logging.ERROR, "x.py", 1, "canary failed", (), (ValueError, error, None))
    template = logging.LogRecord("lib", logging.ERROR, "x.py", 1, "%s failed", ("canary",), None)
    lines = [orjson.loads(logs.JsonLines().format(record)) for record in (filled, template)]
    assert [line["event"] for line in lines] == ["library_message"] * 2
    assert [line.get("text") for line in lines] == [None, "%s failed"]
    assert "canary" not in str(lines)
