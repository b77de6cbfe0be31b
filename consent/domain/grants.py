"""Consents as values: their states, how long they and their codes live, and the state at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from consent.domain.liveness import has_ended
from consent.domain.purposes import Purpose

LIFE_MONTHS_MAX = 12
"""R9: no consent lasts longer than twelve months; after that the person is asked again."""
PRESENTATION_LIFE = timedelta(minutes=15)
"""The time in which a shown notice may be answered: enough to read it, short enough to prove it was just read."""
LINK_CODE_LIFE = timedelta(minutes=15)
"""The time in which the code may be typed into the source's app; a new consent request shows a new code."""

PROOF_LIFE = timedelta(minutes=15)
"""The time after a withdrawal in which a new consent may reuse the proof of the account.
Equal to the life of a code, so that no proof is older than a code that could have been typed."""
UNDO_LIFE = timedelta(hours=24)
"""The time after a withdrawal in which it can be undone: a night to think it over, and well within the 7 days in which
everything that came under the consent is deleted."""


class State(StrEnum):
    """States of a consent. All but GIVEN are terminal: coming back is a new consent that names the old."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent as stored: one purpose, one counterpart, one notice version."""

    consent_id: str
    purpose: Purpose
    counterpart: str
    state: State
    given_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    recipient_changed_at: datetime | None = None
    """The first instant after `given_at` at which the counterpart is another recipient, past or scheduled."""

    def state_at(self, at: datetime) -> State:
        """Return the state at `at`: a grant past its end has ended, also while its row still says `given`."""
        if self.state is not State.GIVEN or not has_ended(self.ends_at, at):
            return self.state
        return self._own_end()

    @property
    def ends_at(self) -> datetime:
        """The instant at which a given consent ends by itself: its life is over, or somebody else would receive it."""
        if self.recipient_changed_at is None:
            return self.expires_at
        return min(self.expires_at, self.recipient_changed_at)

    def _own_end(self) -> State:
        return State.EXPIRED if self.ends_at == self.expires_at else State.TERMINATED

    def as_of(self, at: datetime) -> State | None:
        """Return the state at a past or future `at`, as far as known now; None before it was given."""
        if at < self.given_at:
            return None
        if self.ended_at is None or at >= self.ended_at:
            return self.state_at(at)
        return self._own_end() if has_ended(self.ends_at, at) else State.GIVEN


def end_of_life(given_at: datetime, months: int) -> datetime:
    """Return the same moment `months` later (1 to 12) in UTC; a day that the month lacks becomes its last day."""
    if not 1 <= months <= LIFE_MONTHS_MAX:
        raise ValueError(f"a consent lasts 1 to {LIFE_MONTHS_MAX} months")
    moment = given_at.astimezone(UTC)
    month_index = moment.month - 1 + months
    year, month = moment.year + month_index // 12, month_index % 12 + 1
    day = moment.day
    while True:
        try:
            return moment.replace(year=year, month=month, day=day)
        except ValueError:
            day -= 1
