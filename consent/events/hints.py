"""Hints to the city's app: a resident who opted in has something unread. A hint never has a kind, a text or a count.

The row of a resident who opted in is the outbox: a message sets its hint in the message's own transaction, reading the
messages clears it, opting out deletes the row. The app polls and acknowledges, so that nothing is lost or told twice.
The messages of an hour share one hint id, which is visible from the next full hour on: an app that polls each minute
learns neither the minute nor the number of the messages. Until then the hint of an earlier hour stays unchanged.
SQL text: one statement sets a hint and keeps its hour; a page is a join with the persons whose subjects it opens; hints
are acknowledged by a list of ids (`queries.any_of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.database.paging import OLDEST, Cursor
from consent.events import ledger
from consent.models import AppHint, StoredMessage
from consent.persons import Person

VISIBLE_EVERY = timedelta(hours=1)
"""Hints become visible at full hours: long enough to hide the minute of a message, short enough for what has a day."""


class HintState(StrEnum):
    """The state of a hint: every one that is unread, or those alone that the app has not acknowledged."""

    UNREAD = "unread"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Hint:
    """A resident with something unread: the `sub` of their tokens, and the hour since which."""

    hint_id: str
    subject: str
    since: datetime


async def opted_in_at(person: Person) -> datetime | None:
    """Return the instant at which the person opted in, or None."""
    row = await AppHint.get_or_none(person_id=person.person_id)
    return None if row is None else queries.from_micros(row.opted_in_at)


async def opted_in_among(person_ids: list[str]) -> list[tuple[str, datetime]]:
    """Return those of the persons who opted in, with the instant."""
    rows = await queries.fetch_all(
        f"SELECT person_id, opted_in_at FROM app_hint WHERE {queries.any_of('person_id', 1)}",
        queries.array_param(person_ids),
    )
    return [(row["person_id"], queries.from_micros(row["opted_in_at"])) for row in rows]


async def opt_in(person: Person, at: datetime) -> None:
    """Allow hints about a person to the city's app from now on; changes nothing if they are allowed already.

    Runs in the caller's transaction and needs the person's row locked. A message from before counts as unread.
    """
    if await AppHint.exists(person_id=person.person_id):
        return
    await AppHint.create(person_id=person.person_id, opted_in_at=queries.to_micros(at))
    await ledger.append(person, "hints.allowed", {}, at)
    if await StoredMessage.exists(person_id=person.person_id):
        await set_for(person, at)


async def opt_out(person: Person, at: datetime) -> None:
    """Stop hints about a person to the city's app, and drop a waiting one; changes nothing if none are allowed.

    Runs in the caller's transaction and needs the person's row locked.
    """
    if await AppHint.filter(person_id=person.person_id).delete():
        await ledger.append(person, "hints.stopped", {}, at)


async def set_for(person: Person, at: datetime) -> None:
    """Set the hint of a person who opted in, in the transaction of the message.

    The first message of an hour sets an id that is visible from the next full hour on, which an acknowledgement of the
    one before does not cover; further messages of the hour change nothing. `since` is the hour of the first unread
    message, because the minute could tell what it is about.
    """
    hour = at.replace(minute=0, second=0, microsecond=0)
    # The condition leaves a row alone whose next hint still waits for its hour.
    await queries.execute(
        "UPDATE app_hint SET hint_id = COALESCE(next_hint_id, hint_id),"
        " acknowledged_at = CASE WHEN next_hint_id IS NULL THEN acknowledged_at END,"
        " next_hint_id = $1, next_from = $2, since = COALESCE(since, $3)"
        " WHERE person_id = $4 AND (next_from IS NULL OR next_from <> $2)",
        new_id(),
        queries.to_micros(hour + VISIBLE_EVERY),
        queries.to_micros(hour),
        person.person_id,
    )


async def clear(person: Person) -> None:
    """Drop the waiting hint of a person who is about to read their messages, in a transaction of its own.

    Call it before the messages are read: one that arrives in between is read and hinted, never lost.
    """
    if await AppHint.exists(person_id=person.person_id, since__isnull=False):
        await AppHint.filter(person_id=person.person_id).update(
            hint_id=None, since=None, acknowledged_at=None, next_hint_id=None, next_from=None
        )


async def list_waiting(
    keyring: Keyring, state: HintState, at: datetime, after: Cursor | None, limit: int
) -> list[Hint]:
    """Return the hints visible at `at`, the oldest first.

    `after` is (microseconds, id) of the last one already read.
    """
    new = " AND h.acknowledged_at IS NULL" if state is HintState.NEW else ""
    since, hint_id = after or OLDEST
    rows = await queries.fetch_all(
        "SELECT h.hint_id, h.since, p.person_id, p.epoch, p.wrapped_key, p.sealed_subject FROM ("
        "SELECT person_id, since, CASE WHEN next_from <= $1 THEN next_hint_id ELSE hint_id END AS hint_id,"
        " CASE WHEN next_from <= $1 THEN NULL ELSE acknowledged_at END AS acknowledged_at"
        " FROM app_hint WHERE since >= $2) h JOIN person p ON p.person_id = h.person_id"
        f" WHERE h.hint_id IS NOT NULL AND (h.since > $2 OR h.hint_id > $3){new} ORDER BY h.since, h.hint_id LIMIT $4",
        queries.to_micros(at),
        since,
        hint_id,
        limit,
    )
    return [
        Hint(
            row["hint_id"],
            persons.subject_in(persons.from_row(keyring, row), row["sealed_subject"]),
            queries.from_micros(row["since"]),
        )
        for row in rows
    ]


async def acknowledge(hint_ids: list[str], at: datetime) -> None:
    """Record that the app has passed these hints on; ids that wait no longer are ignored, so repeating is harmless."""
    ids, now = queries.array_param(hint_ids), queries.to_micros(at)
    await queries.execute(
        "UPDATE app_hint SET hint_id = next_hint_id, acknowledged_at = NULL, next_hint_id = NULL, next_from = NULL"
        f" WHERE {queries.any_of('next_hint_id', 1)} AND next_from <= $2",
        ids,
        now,
    )
    await queries.execute(
        f"UPDATE app_hint SET acknowledged_at = $1 WHERE {queries.any_of('hint_id', 2)} AND acknowledged_at IS NULL",
        now,
        ids,
    )
