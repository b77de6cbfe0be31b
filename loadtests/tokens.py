"""Tokens of the load: minted for a demonstration folder, or read from a file that the operator provides.

The file has a JSON object a line: `{"door", "subject", "token"}`. Tokens of staff live five minutes, so a long run
against another deployment needs the file rewritten; it is read again when it changes.
"""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

from service.auth.access_tokens import STAFF_AUDIENCES, Audience
from service.demo import seed

FRESH_SECONDS = 240
"""Seconds that a minted token is used: less than the five minutes of a staff token."""


class Tokens:
    """Subjects and their tokens by audience."""

    def __init__(self, folder: Path | None, file: Path | None) -> None:
        """Raises ValueError without either."""
        if folder is None and file is None:
            raise ValueError("name --demo-folder or --tokens")
        self.issuer = None if folder is None else seed.issuer_of(folder)
        self.file, self.read_at = file, 0.0
        self.known: dict[Audience, dict[str, str]] = {}
        self.minted: dict[tuple[Audience, str], tuple[float, str]] = {}
        self.numbers = itertools.count(1)

    def subject(self, audience: Audience, fixed_subject: str | None = None) -> str:
        """Return a subject for the next user of an audience: `fixed_subject`, or an unused one."""
        if self.issuer is not None:
            return fixed_subject or f"load-{datetime.now(UTC):%H%M%S}-{next(self.numbers)}"
        subjects = list(self._file()[audience])
        if fixed_subject in subjects:
            return fixed_subject
        return subjects[next(self.numbers) % len(subjects)]

    def header(self, audience: Audience, subject: str) -> dict[str, str]:
        """The Authorization header of a subject."""
        if self.issuer is None:
            return {"Authorization": f"Bearer {self._file()[audience][subject]}"}
        now = datetime.now(UTC)
        since, token = self.minted.get((audience, subject), (0.0, ""))
        if now.timestamp() - since > FRESH_SECONDS:
            staff_id = subject if audience in STAFF_AUDIENCES else None
            token = self.issuer.mint(audience, subject, now=now, staff_id=staff_id)
            self.minted[audience, subject] = now.timestamp(), token
        return {"Authorization": f"Bearer {token}"}

    def _file(self) -> dict[Audience, dict[str, str]]:
        assert self.file is not None
        changed = self.file.stat().st_mtime
        if changed != self.read_at:
            self.known = {audience: {} for audience in Audience}
            for line in self.file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.known[Audience(row["door"])][row["subject"]] = row["token"]
            self.read_at = changed
        return self.known
