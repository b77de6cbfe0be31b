"""The closed list of log events: name, level, fields, meaning. docs/log-events.md has the same table.

No field holds a person, a code, a token, an address of a client, or a path or query of a request. Lines that requests
can cause are bounded (`bounded_by`), so that nobody can fill a disk with them.
"""

from __future__ import annotations

import logging
from enum import Enum, unique
from typing import Final

REQUEST_FIELDS: Final = ("request_id", "trace_id")
"""Fields of every line about a request; `trace_id` only where traces are sent."""


@unique
class LogEvent(Enum):
    """A kind of log line. Its name in lower case is the line's `event`."""

    # Requests
    REQUEST_REFUSED = (
        logging.INFO,
        (*REQUEST_FIELDS, "operation", "status", "reason"),
        ("reason",),
        "A request was answered 400 to 499. `reason` is the problem's code; residents' decisions share one operation.",
    )
    REQUEST_FAILED = (
        logging.ERROR,
        (*REQUEST_FIELDS, "operation", "status", "reason"),
        ("reason",),
        "A request was answered 500 to 599; another line with its `request_id` has the cause.",
    )
    TOKEN_REFUSED = (
        logging.WARNING,
        (*REQUEST_FIELDS, "audience", "reason"),
        ("audience", "reason"),
        "A token was refused; operations.md, Refused tokens, lists the reasons.",
    )
    CONNECTION_REFUSED = (
        logging.INFO,
        ("reason",),
        ("reason",),
        "A connection was refused (a problem's code) or closed: `too_slow`, or `displaced` by a new client.",
    )
    DEPENDENCY_UNAVAILABLE = (
        logging.ERROR,
        (*REQUEST_FIELDS, "error"),
        ("error",),
        "A request was answered 503, because the database, a disk or a key set did not serve it.",
    )
    COMMIT_UNCERTAIN = (
        logging.ERROR,
        (*REQUEST_FIELDS, "error"),
        ("error",),
        "The connection was lost during COMMIT; the request was answered 503 `outcome_unknown`.",
    )
    UNFORESEEN = (
        logging.ERROR,
        (*REQUEST_FIELDS, "error", "place"),
        ("place",),
        "A mistake of the program, answered 500. Report the line; `place` is a function and a line number.",
    )
    SIGN_IN_TOO_LONG = (
        logging.ERROR,
        REQUEST_FIELDS,
        (),
        "The identity provider's tokens do not fit into cookies, so nobody can sign in: let it issue shorter ones.",
    )
    LINES_LEFT_OUT = (
        logging.INFO,
        ("about", "left_out", "audience", "reason", "error", "place", "signal"),
        None,
        "So many lines of the event `about` were left out in the last minute; the other fields are theirs.",
    )

    # Database, logs and jobs
    DATABASE_AWAY_AT_START = (
        logging.WARNING,
        (),
        None,
        "The database does not answer; every request is answered 503 until it does.",
    )
    PUBLIC_URL_NOT_SET = (
        logging.WARNING,
        (),
        None,
        "Passes of other cities count here, but CREDIT_EASY_PUBLIC_URL is not set: each request's Host decides.",
    )
    DATABASE_NOT_OPENED = (
        logging.ERROR,
        ("reason",),
        None,
        "The database cannot be opened, for the reason in `reason`; repeated once a minute.",
    )
    DATABASE_UNAVAILABLE = (
        logging.ERROR,
        (),
        None,
        "The database stopped to answer; its connections are closed. The service connects by itself.",
    )
    DATABASE_READ_ONLY = (
        logging.ERROR,
        (),
        None,
        "The server takes no writes, as a standby; the service looks for the primary by itself.",
    )
    DATABASE_REPLACED = (
        logging.ERROR,
        (),
        None,
        "The database may be another one, as after a restore; it is prepared before it serves.",
    )
    WRITE_AHEAD_LOG_NOT_EMPTIED = (
        logging.ERROR,
        ("error",),
        None,
        "SQLite's write-ahead log still has what was erased; tried again within a minute.",
    )
    LOG_FROZEN = (
        logging.ERROR,
        ("log",),
        None,
        "A transparency log is frozen; runbooks/alerts.md, Log frozen.",
    )
    LOG_EPOCH_BEGUN = (
        logging.WARNING,
        ("log", "epoch"),
        None,
        "A transparency log began a new epoch, because published leaves are lost; runbooks/new-log-epoch.md.",
    )
    LOG_LATE = (
        logging.ERROR,
        ("log",),
        None,
        "Leaves of a transparency log wait too long; runbooks/alerts.md, Log late.",
    )
    LOG_FOLDER_UNFIT = (
        logging.ERROR,
        ("reason",),
        None,
        "The log folder is another one or lacks the last checkpoint; this process does not sequence.",
    )
    LOGS_NOT_ADVANCED = (
        logging.ERROR,
        ("error",),
        None,
        "A round of the sequencer failed; tried again after the pause between two rounds.",
    )
    COPY_CAUGHT_UP = (
        logging.ERROR,
        (),
        None,
        "The database was an older copy; withdrawals and erasures since then were replayed.",
    )
    TOMBSTONES_NOT_REPLAYED = (
        logging.ERROR,
        ("error",),
        None,
        "Withdrawals and erasures could not be compared with the database; tried again in the next round.",
    )
    JOB_FAILED = (
        logging.ERROR,
        ("job", "error"),
        None,
        "A job of the cleanup failed; the others ran, and it is tried again in a minute.",
    )
    CLEANUP_FAILED = (
        logging.ERROR,
        ("error",),
        None,
        "The cleanup could not begin, usually because the database is away; tried again in a minute.",
    )
    MEASURING_FAILED = (
        logging.ERROR,
        ("error",),
        None,
        "Gauges could not be measured, for example of a folder that is not mounted; tried again in seconds.",
    )

    # Key sets of identity providers
    KEY_SET_NOT_FETCHED = (
        logging.WARNING,
        ("host", "error"),
        None,
        "The identity provider's keys could not be fetched; the last ones are used for a day.",
    )
    KEY_SET_EMPTY = (
        logging.WARNING,
        ("host",),
        None,
        "The identity provider publishes no acceptable key; its tokens are refused.",
    )
    KEY_SET_AMBIGUOUS = (
        logging.WARNING,
        (),
        None,
        "Two different keys of a key set have one `kid`; both are ignored.",
    )

    # Traces and metrics
    TELEMETRY_NOT_SENT = (
        logging.WARNING,
        ("signal", "error"),
        ("signal",),
        "The collector did not take traces or metrics; requests are served all the same. Is it running?",
    )

    # Processes
    WORKER_ENDED = (
        logging.ERROR,
        ("exit_code",),
        None,
        "A worker ended without being told to; another one is started.",
    )
    WORKER_REPLACED = (
        logging.INFO,
        (),
        None,
        "At SIGHUP a new worker serves in the place of an old one.",
    )
    WORKER_NOT_REPLACED = (
        logging.ERROR,
        (),
        None,
        "At SIGHUP a new worker did not start; the old ones continue. Its own line says why.",
    )
    RELOAD_IGNORED = (
        logging.WARNING,
        (),
        None,
        "SIGHUP came to a `serve` of one process, which cannot replace itself: restart it, or use two workers.",
    )
    PARENT_DIED = (
        logging.ERROR,
        (),
        None,
        "The parent process died; this process ends as by SIGTERM.",
    )
    COUNTS_NOT_SHARED = (
        logging.WARNING,
        (),
        None,
        "There is no space for the metrics that workers share; each counts for itself.",
    )
    LIBRARY_MESSAGE = (
        logging.WARNING,
        ("text", "error", "place"),
        None,
        "A warning of the library `logger`. `text` is the library's template, without what it was filled with.",
    )

    def __init__(self, level: int, fields: tuple[str, ...], bounded_by: tuple[str, ...] | None, meaning: str) -> None:
        self.level, self.fields, self.meaning = level, fields, meaning
        self.bounded_by = bounded_by
        """Fields whose values, from closed lists, are counted apart; None: requests do not cause such lines."""

    @property
    def line_name(self) -> str:
        """The line's `event`."""
        return self.name.lower()


FIELDS: Final = tuple(dict.fromkeys(field for event in LogEvent for field in event.fields))
"""Every field that a log line may have in addition to `at`, `level`, `logger` and `event`."""
