"""Messages to a person whose objection was not answered in time: by an officer, or by the source that was asked.

Each message is sent once. The self-audit and a metric show the same objections to officers and operators.
"""

from __future__ import annotations

from datetime import date, datetime

from consent import persons
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.events import messages
from consent.events.messages import MessageKind
from consent.kernel.errors import NotFound
from consent.models import StoredObjection

MESSAGES_MAX = 500
"""Messages of each kind in one run; the next run sends the rest."""
DECISION, ANSWER = 1, 2
"""Values of `overdue_notice`: the person knows that the decision, or the source's answer, is late."""


async def send(keyring: Keyring, today: date, at: datetime, limit: int = MESSAGES_MAX) -> int:
    """Send the messages whose deadline was yesterday or earlier; return their number.

    Each message is a transaction of its own, with the person's row locked.
    """
    before = queries.to_day_number(today)
    decisions = StoredObjection.filter(state="open", decide_by__lt=before, overdue_notice__lt=DECISION)
    answers = StoredObjection.filter(
        asked_at__isnull=False, answered_at__isnull=True, answer_by__lt=before, overdue_notice__lt=ANSWER
    )
    sent = 0
    for late, deadline in ((decisions, DECISION), (answers, ANSWER)):
        for row in await late.order_by("decide_by").limit(limit).values("person_id", "objection_id"):
            sent += await _send(keyring, (row["person_id"], row["objection_id"]), deadline, at)
    return sent


async def _send(keyring: Keyring, key: tuple[str, str], deadline: int, at: datetime) -> bool:
    person_id, objection_id = key
    async with queries.transaction():
        try:
            person = await persons.lock(keyring, person_id)
        except NotFound:
            return False
        objection = StoredObjection.filter(person_id=person_id, objection_id=objection_id, overdue_notice__lt=deadline)
        waiting = objection.filter(state="open") if deadline == DECISION else objection.filter(answered_at__isnull=True)
        # Several processes may send at once, and an officer may decide: only the UPDATE that changes the row sends.
        if not await waiting.update(overdue_notice=deadline):
            return False
        (row,) = await StoredObjection.filter(person_id=person_id, objection_id=objection_id).values()
        facts: dict[str, str | int | None] = {"objection_id": objection_id}
        if deadline == DECISION:
            facts["due_on"] = queries.from_day_number(row["decide_by"]).isoformat()
            await messages.add(person, MessageKind.OBJECTION_OVERDUE, facts, at)
        else:
            due_on = queries.from_day_number(row["answer_by"]).isoformat()
            facts |= {"source_id": row["source_id"], "due_on": due_on}
            await messages.add(person, MessageKind.ANSWER_OVERDUE, facts, at)
    return True
