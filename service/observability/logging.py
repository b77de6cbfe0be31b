"""Log lines: one JSON object a line on standard error, with named members only.

No message, path or traceback of a library is written: any of them may contain input of a caller.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson

MEMBERS = ("request_id", "operation", "status", "error", "reason", "audience", "left_out", "place", "job")
"""Members a log line may have in addition to time, level, logger and event."""
OURS = "credit_easy"


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object; for other loggers than ours only logger, level, event and error type."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without a newline."""
        line: dict[str, str | int] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name.split(".")[0] == OURS:
            line["event"] = str(record.msg)
            line.update({name: getattr(record, name) for name in MEMBERS if hasattr(record, name)})
        else:
            # The format string is a constant of the library; its arguments may contain input of a caller.
            line["event"] = str(record.msg).split("\n", 1)[0][:200] if record.args or record.exc_info else record.name
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return orjson.dumps(line).decode()


def configure(level: int = logging.INFO) -> None:
    """Write all log records to standard error as JSON lines: ours from `level`, those of libraries from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level)
