"""The effect of an officer's correction on points: an upheld objection never lowers them (R12)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from benefits.balances.person_balance import OWN_COMPUTATION
from benefits.scoring import comparison
from benefits.scoring.scheme import Timeline
from consent.kernel.errors import WouldLowerPoints
from consent.persons import Person
from consent.records import gate


@dataclass(frozen=True, slots=True)
class ChangedRecord:
    """A record with the civil day that it would get, and its quantity where that changes too."""

    record_id: str
    quantity: int | None
    occurred_on: date


async def require_no_loss(
    person: Person, changed: ChangedRecord, timeline: Timeline, today: date, at: datetime
) -> None:
    """Compare the person's points with and without the change on every day from today on; an event records the use.

    Runs in the caller's transaction, before the change.

    Raises:
        WouldLowerPoints: on some day the total or a dimension has fewer points with the change.
        RecordsWithheld: nothing may be used.
    """
    before = await gate.release(person, at, OWN_COMPUTATION)
    records = tuple(
        replace(record, occurred_on=changed.occurred_on, quantity=changed.quantity or record.quantity)
        if record.record_id == changed.record_id
        else record
        for record in before.records
    )
    if comparison.first_loss(before, replace(before, records=records), timeline, today) is not None:
        raise WouldLowerPoints("on another day the record gives fewer points")
