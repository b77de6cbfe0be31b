"""The result of a check, and what every check may use."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service import settings
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report. A failure and a warning have a `remedy`: what to do first."""

    state: str
    """`ok`, `warning`, `failed` or `not checked`."""
    text: str = ""
    remedy: str = ""

    def line(self, name: str) -> str:
        """Return the result as a line."""
        return ": ".join(part for part in (f"{name:18} {self.state}", self.text, self.remedy) if part)


def ok(text: str = "") -> CheckResult:
    """Return a result after which nothing needs to be done."""
    return CheckResult("ok", text)


def warning(text: str, remedy: str) -> CheckResult:
    """Return a result with which the service runs, but worse than it could."""
    return CheckResult("warning", text, remedy)


def failed(text: str, remedy: str) -> CheckResult:
    """Return a result with which the service does not serve, or not safely."""
    return CheckResult("failed", text, remedy)


def not_checked(needs: str) -> CheckResult:
    """Return the result of a check that needs something for which an earlier check failed."""
    return CheckResult("not checked", f"needs {needs}")


@dataclass(slots=True)
class Examination:
    """The settings that could be read, by their names in `settings.READERS`, and the state of the database."""

    usable: Mapping[str, Any]
    faults: Sequence[str] = ()
    demo: Settings | None = None
    """The demonstration's settings, where its folder is examined in place of the environment."""
    key_files: Mapping[str, Path] = field(default_factory=dict)
    """Files that hold secrets, by setting."""
    opened: bool = False
    """Set by the check of the database, once it is open."""
    migrated: bool = False
    """Set by the check of the migrations, once none is missing."""

    @property
    def settings(self) -> Settings | None:
        """The settings as a whole, None where one is unusable."""
        if self.demo is not None or self.faults:
            return self.demo
        return settings.read(os.environ)


Check = Callable[[Examination], Awaitable[list[CheckResult]]]
"""A check returns at least one result. An error that it raises is a mistake of the check."""
