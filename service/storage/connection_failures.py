"""Reasons for which a database cannot be opened, in words for an operator, and whether they can end by themselves.

No reason quotes the database's message or the URL: either may contain a password.
"""

from __future__ import annotations

import sqlite3
import ssl
from dataclasses import dataclass

import asyncpg
from tortoise.exceptions import OperationalError

from consent.database.migrate import MigrationsMissing

LOGIN_ERRORS = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError)
"""The server's answers to a wrong user or password, a line missing in pg_hba.conf, or no right to CONNECT."""


@dataclass(frozen=True, slots=True)
class ConnectionFailure:
    """A failed attempt to open the database. `heals`: the same settings may succeed later."""

    heals: bool
    reason: str


def explain(error: BaseException) -> ConnectionFailure | None:
    """Return the reason of an error raised while the database was opened; None for any other error.

    An unknown host name heals: in a cluster of containers the name appears when the database starts.
    """
    if isinstance(error, MigrationsMissing):
        return ConnectionFailure(heals=False, reason=str(error))
    causes = _chain(error)
    for cause in causes:
        if reason := _mistake(cause):
            return ConnectionFailure(heals=False, reason=reason)
    if any(isinstance(cause, OSError | asyncpg.PostgresError | asyncpg.InterfaceError) for cause in causes):
        name = type(causes[-1]).__name__
        return ConnectionFailure(heals=True, reason=f"the database does not answer ({name}); is it running?")
    return None


def _chain(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    # Tortoise 1.1.9 passes SQLite's error as an argument of its own, without `from`.
    return [*causes, *(inner for outer in causes for inner in outer.args if isinstance(inner, sqlite3.Error))]


def _mistake(error: BaseException) -> str | None:
    """Return the reason of an error that only other settings or an administrator can end."""
    if isinstance(error, asyncpg.InvalidPasswordError):
        return "the database refuses the password; correct the password, or the password file"
    if isinstance(error, LOGIN_ERRORS):
        return "the database does not let this user in; correct the user, its right to CONNECT, or pg_hba.conf"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return "the server has no database of this name; create it or correct the name"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the server's certificate does not verify; correct sslrootcert, the host name or the certificate"
    if isinstance(error, ssl.SSLError):
        return "TLS with the database fails; compare sslmode, sslcert and sslkey with the server's settings"
    # asyncpg 0.32 raises a plain ConnectionError, without an errno, where the server has TLS switched off.
    if type(error) is ConnectionError and "SSL" in str(error):
        return "the database speaks no TLS; switch it on there, or correct sslmode"
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return "the connection settings do not fit each other"
    if isinstance(error, sqlite3.DatabaseError):
        return "the SQLite file cannot be opened; is its folder there, writable, and the file a database?"
    if isinstance(error, OperationalError):
        return "the database refuses a statement; are its version and its rights right?"
    return None
