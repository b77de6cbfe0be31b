"""The state that a resident's acknowledged calls imply, and the points that an independent calculator gives for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from tests.benefits.scoring.recount import recount


@dataclass
class Expected:
    """Consents by id as (purpose, counterpart, state), accounts and records by source, ids of objections."""

    consents: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    linked: dict[str, str] = field(default_factory=dict)
    records: dict[str, dict[str, tuple[str, int, str]]] = field(default_factory=dict)
    """By source: the source's record id → (kind, quantity, day)."""
    objections: set[str] = field(default_factory=set)

    def live(self, purpose: str) -> dict[str, str]:
        """Return consent ids by counterpart, of the given consents for a purpose."""
        return {
            counterpart: consent_id
            for consent_id, (for_purpose, counterpart, state) in self.consents.items()
            if state == "given" and for_purpose == purpose
        }

    def end(self, consent_id: str) -> None:
        """Apply a withdrawal: the link ends, and records of that source are deleted."""
        purpose, counterpart, state = self.consents[consent_id]
        if state != "given":
            return
        self.consents[consent_id] = (purpose, counterpart, "withdrawn")
        if purpose == "points.compute":
            self.linked.pop(counterpart, None)
            self.records.pop(counterpart, None)

    def points(self, on: date) -> int:
        """Return the total of a civil day by `recount`."""
        deeds = [
            (record_id, kind, quantity, date.fromisoformat(day))
            for rows in self.records.values()
            for record_id, (kind, quantity, day) in rows.items()
        ]
        return sum(recount(deeds, on).values())


@dataclass
class Redeemed:
    """Redemptions of all residents: id → (venue, idempotency key, state); keys → handle of what was answered no."""

    done: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    handles: dict[str, str] = field(default_factory=dict)
    """Redemption id → the handle that was spent."""
