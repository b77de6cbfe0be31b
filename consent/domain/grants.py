"""Consents: their states, the transitions between them, and what a consent covers at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from consent.domain.purposes import Purpose

LIFE_MONTHS_MAX = 12
"""R9: no consent lasts longer than twelve months without being asked anew."""
PRESENTATION_LIFE = timedelta(minutes=15)
"""How long a shown notice may be answered; long enough to read it, short enough to prove it was just read."""
LINK_CODE_LIFE = timedelta(minutes=15)
"""How long the code may be typed into the source's app; a new consent request shows a new one."""

UNDO_LIFE = timedelta(minutes=15)
"""How long after a withdrawal a new consent may rest on the account's proof of before: a slip of the finger, no more.
As long as a code, so that no proof is older than one that could have been typed."""


class State(StrEnum):
    """States of a consent. All but GIVEN are terminal: coming back is a new consent that names the old."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    TERMINATED = "terminated"


ENDINGS = frozenset({State.WITHDRAWN, State.EXPIRED, State.TERMINATED})


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

    def state_at(self, at: datetime) -> State:
        """The state as it must be said at `at`: a grant past its end is expired whether or not anybody tidied up."""
        if self.state is State.GIVEN and at >= self.expires_at:
            return State.EXPIRED
        return self.state

    def as_of(self, at: datetime) -> State | None:
        """The state as it was, or will be unless something happens, at `at`; None before there was one."""
        if at < self.given_at:
            return None
        if self.ended_at is None or at >= self.ended_at:
            return self.state_at(at)
        return State.EXPIRED if at >= self.expires_at else State.GIVEN

    def covers(self, purpose: Purpose, counterpart: str, at: datetime) -> bool:
        """Whether the grant permits this use now. Exactly at `expires_at` it no longer does."""
        return self.purpose is purpose and self.counterpart == counterpart and self.state_at(at) is State.GIVEN


def end_of_life(given_at: datetime, months: int) -> datetime:
    """The same moment `months` later (1 to 12); the 29th of February becomes the 28th. UTC."""
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
