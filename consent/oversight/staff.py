"""Staff who are suspended: their tokens are refused from the next request on. Operators suspend and resume."""

from __future__ import annotations

from datetime import datetime

from consent.database import queries
from consent.events import ledger

OPERATOR = "operator"


async def is_suspended(staff_id: str) -> bool:
    """Whether this member of staff is suspended now."""
    return await queries.fetch_one("SELECT 1 AS known FROM staff_suspension WHERE staff_id = $1", staff_id) is not None


async def suspend(staff_id: str, at: datetime) -> bool:
    """Suspend a member of staff; whether they were not before. Leaves an entry in the log. In a transaction."""
    changed = await queries.execute(
        "INSERT INTO staff_suspension (staff_id, since) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        staff_id,
        queries.to_micros(at),
    )
    if changed:
        await ledger.record_officer_read(OPERATOR, None, f"staff.suspended {staff_id}", at)
    return bool(changed)


async def resume(staff_id: str, at: datetime) -> bool:
    """Let a suspended member of staff in again; whether they were suspended. In a transaction."""
    changed = await queries.execute("DELETE FROM staff_suspension WHERE staff_id = $1", staff_id)
    if changed:
        await ledger.record_officer_read(OPERATOR, None, f"staff.resumed {staff_id}", at)
    return bool(changed)
