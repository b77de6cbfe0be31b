"""Exit codes of `credit-easy`, numbered as in sysexits.h where it has the case, and the error of a failed start."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Reasons for which a command fails; docs/settings.md lists them for unit files.

    0 and 1 are not here: the command has done its work, and with 1 what it checked is not in order (`doctor`).
    """

    UNUSABLE = 2
    """Settings, files or arguments with which the command cannot run."""
    ROWS_REFUSED = 3
    """`import`: some rows were refused for a reason that lies in the file or the mapping."""
    NOTHING_TAKEN = 4
    """`import`: the file has rows, and none of them is a record now."""
    KEYS = 65
    """A key is not the one that this database was written with."""
    UNFORESEEN = 70
    """A mistake of the program."""
    ADDRESS = 71
    """The address or port cannot be listened on."""
    DATABASE_AWAY = 75
    """The database does not answer; the command may be tried again."""
    DATABASE_REFUSES = 77
    """The database refuses the connection: login, name of the database, TLS."""
    SCHEMA = 78
    """Migrations are missing or were edited."""


class StartFailed(Exception):
    """The service cannot start; the message is one line that names the setting, the reason and the remedy."""

    def __init__(self, code: ExitCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
