"""Suspended members of staff: their tokens are refused from the next request on. Operators suspend and resume them."""

from __future__ import annotations

from datetime import datetime

from consent.database import queries
from consent.events import ledger
from consent.models import StaffSuspension

OPERATOR = "operator"
"""Recorded as the actor: an operator works on the command line and has no staff id."""


async def is_suspended(staff_id: str) -> bool:
    """Report whether a member of staff is suspended now."""
    return await StaffSuspension.exists(staff_id=staff_id)


async def suspend(staff_id: str, at: datetime) -> bool:
    """Suspend a member of staff and record it in the consent log; return False when they were suspended before.

    Needs a transaction.
    """
    changed = await StaffSuspension(staff_id=staff_id, since=queries.to_micros(at)).insert_if_absent()
    if changed:
        await ledger.record_officer_read(OPERATOR, None, f"staff.suspended {staff_id}", at)
    return changed


async def resume(staff_id: str, at: datetime) -> bool:
    """End a suspension and record it in the consent log; return False when there was none. Needs a transaction."""
    changed = await StaffSuspension.filter(staff_id=staff_id).delete()
    if changed:
        await ledger.record_officer_read(OPERATOR, None, f"staff.resumed {staff_id}", at)
    return bool(changed)
