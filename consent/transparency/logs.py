"""Names of the two transparency logs."""

from __future__ import annotations

from enum import StrEnum


class Log(StrEnum):
    """The two transparency logs: what happened to people's data (commitments alone), and which rules bind."""

    CONSENT = "consent"
    POLICY = "policy"
