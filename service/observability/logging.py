"""Log lines: one JSON object a line on standard error, each of an event of a closed list.

No message, path or traceback of a library is written: any of them may contain input of a caller.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

import orjson

from service.observability.bounded_lines import WINDOW_SECONDS, BoundedLines
from service.observability.log_events import LogEvent

OURS = "credit_easy"
TEXT_MAX = 200
"""Characters of a library's template."""

_logger = logging.getLogger(OURS)
_lines: BoundedLines[tuple[LogEvent, tuple[str, ...]]] = BoundedLines()


def log_event(event: LogEvent, **fields: str | int) -> None:
    """Write a line of an event with its fields; a line of a bounded event may be left out, which is counted."""
    if event.bounded_by is not None:
        kind = tuple(str(fields.get(name, "")) for name in event.bounded_by)
        if not _lines.admit((event, kind)):
            return
    _logger.log(event.level, event, extra={"fields": fields})


def request_fields(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields by which a line and an answer belong together: `request_id`, and `trace_id` with traces."""
    state = scope.get("state", {})
    fields = {"request_id": str(state.get("request_id", ""))}
    if "trace_id" in state:
        fields["trace_id"] = str(state["trace_id"])
    return fields


def log_left_out() -> None:
    """Write a line for each kind of line of which some were left out since the last call."""
    for (event, kind), left_out in _lines.take_left_out().items():
        fields = dict(zip(event.bounded_by or (), kind, strict=True))
        log_event(LogEvent.LINES_LEFT_OUT, about=event.line_name, left_out=left_out, **fields)


async def keep_counting_left_out(every_seconds: float = WINDOW_SECONDS) -> NoReturn:
    """Write the numbers of lines left out every `every_seconds`, and once more when cancelled."""
    try:
        while True:
            await asyncio.sleep(every_seconds)
            log_left_out()
    finally:
        log_left_out()


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: ours by its event, a library's by its logger and template alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without a newline."""
        event, fields = record.msg, getattr(record, "fields", {})
        if not isinstance(event, LogEvent):
            event, fields = LogEvent.LIBRARY_MESSAGE, _library_fields(record)
        line: dict[str, str | int] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event.line_name,
            **{name: fields[name] for name in event.fields if name in fields},
        }
        return orjson.dumps(line).decode()


def _library_fields(record: logging.LogRecord) -> dict[str, str | int]:
    """Return the template of a record with arguments; one without may be filled already, and is not returned."""
    fields: dict[str, str | int] = {}
    if record.args:
        fields["text"] = str(record.msg).split("\n", 1)[0][:TEXT_MAX]
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        fields["error"] = type(error).__name__
        if error.__traceback__ is not None:
            fields["place"] = place_of(error)
    return fields


def place_of(error: BaseException) -> str:
    """Return the function and line number that raised an error, without the file; empty for an error never raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""


def configure(level: int = logging.INFO) -> None:
    """Write all log records to standard error as JSON lines: ours from `level`, those of libraries from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _logger.setLevel(level)
