"""Errors of a database that cannot serve now: connection lost, commit uncertain, read-only, full.

The retries, the pool and the answers all use this table. An error that is not in it is a mistake of ours.
Three groups: UNUSABLE_CONNECTION_ERRORS (repeat the request on another connection), UNAVAILABLE_ERRORS (answer 503),
unwritable (answer 503 to writes, keep reading). A read-only PostgreSQL is a standby and belongs to the first two: its
data may be old, so nothing is read from it either.
"""

from __future__ import annotations

import sqlite3
from typing import Final

import asyncpg
from tortoise.exceptions import DBConnectionError, OperationalError, TransactionManagementError

UNUSABLE_CONNECTION_ERRORS: Final = (
    DBConnectionError,
    ConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.DatabaseDroppedError,
    asyncpg.exceptions.IdleSessionTimeoutError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Errors after which a request needs another connection: this one is lost, or its server is read-only since a failover.
Its transaction is not committed, unless COMMIT itself raised the error. InternalClientError: asyncpg 0.32 raises it for
a statement between the server's last message and the end of the connection, and where every server is a standby."""
UNSENT_ERRORS: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.ReadOnlySQLTransactionError)
"""Errors of a statement that the driver did not send, or that the server refused: certainly nothing is committed."""


class CommitUncertain(Exception):
    """The connection was lost during COMMIT: the transaction may or may not be committed."""


UNAVAILABLE_ERRORS: Final = (
    *UNUSABLE_CONNECTION_ERRORS,
    CommitUncertain,
    OSError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.PostgresSystemError,
    asyncpg.exceptions.TransactionRollbackError,
)
"""Errors of a PostgreSQL that is unavailable, shutting down, read-only or full, or that chose this transaction as a
deadlock's victim."""

SQLITE_ERRORS: Final = (OperationalError, TransactionManagementError, sqlite3.Error)
"""Classes under which an error of SQLite arrives: Tortoise wraps those of statements, not those of COMMIT."""
SQLITE_WAITS: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""Results of SQLite where another connection has the lock."""
SQLITE_UNWRITABLE: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)
"""Results of SQLite where the file cannot be written or cannot be read."""
POSTGRES_UNWRITABLE: Final = (asyncpg.exceptions.DiskFullError, asyncpg.exceptions.PostgresSystemError)
"""Errors of a PostgreSQL whose disk is full or fails. It still answers queries."""


def is_unavailable(error: BaseException) -> bool:
    """Report whether an error means that the database cannot serve now; the same request may succeed later."""
    return isinstance(error, UNAVAILABLE_ERRORS) or sqlite_result(error) in (*SQLITE_WAITS, *SQLITE_UNWRITABLE)


def is_unwritable(error: BaseException) -> bool:
    """Report whether an error means that writes fail and reads may succeed: the disk is full, fails or is read-only."""
    return isinstance(error, POSTGRES_UNWRITABLE) or sqlite_result(error) in SQLITE_UNWRITABLE


def sqlite_result(error: BaseException) -> int | None:
    """Return the primary result code of an error of SQLite, also of one that Tortoise has wrapped; else None."""
    if isinstance(error, SQLITE_ERRORS[:2]) and error.args:
        # Tortoise 1.1.9 raises the driver's error as the argument of its own.
        error = error.args[0]
    code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
    # The lowest byte is the primary code; SQLITE_IOERR_WRITE, for one, adds where it happened.
    return None if code is None else code & 0xFF


class WriteState:
    """The state of writes in this process: `failed` is True from an unwritable error until a test write succeeds."""

    failed = False


WRITES: Final = WriteState()
"""Set by `note`, reset by `service.storage.write_probe` and where a database is opened."""


def note(error: BaseException) -> None:
    """Set `WRITES.failed` if an error means that the database is unwritable; call it with every error."""
    if is_unwritable(error):
        WRITES.failed = True
