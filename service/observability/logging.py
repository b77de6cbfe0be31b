"""What the process writes down: one JSON object a line on standard error, of named members only.

No message, path or traceback of a library passes as it is: any of them may hold what somebody sent.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson

MEMBERS = ("request_id", "operation", "status", "error", "place", "job")
"""What a log line may carry beside its time, level, logger and sentence."""
OURS = "credit_easy"


class JsonLines(logging.Formatter):
    """A record as one JSON object; of foreign loggers only who, how bad, and the type of the error."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, str | int] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name.split(".")[0] == OURS:
            line["event"] = str(record.msg)
            line.update({name: getattr(record, name) for name in MEMBERS if hasattr(record, name)})
        else:
            # The format string is the library's own; its arguments may be anybody's.
            line["event"] = str(record.msg).split("\n", 1)[0][:200] if record.args or record.exc_info else record.name
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return orjson.dumps(line).decode()


def configure(level: int = logging.INFO) -> None:
    """Send everything to standard error as JSON lines; libraries only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level)
