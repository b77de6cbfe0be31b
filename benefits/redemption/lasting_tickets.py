"""Slips and bindings of a person: tickets that live for weeks, with their list, their end and their erasure.

The venue shows a random value. `ticket` has its index, by which every redemption finds it; `lasting_ticket` has the
person's side. A slip or binding has a row in both, or waits for its code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from benefits.catalogue.model import InForce
from benefits.models import BindingCode, LastingTicket, StoredTicket
from benefits.redemption.decision import CivilTime, TicketKind
from benefits.redemption.eligibility import Choice
from consent.crypto.blind_index import new_id
from consent.database import queries
from consent.domain.liveness import ConsentPeriod, began_under
from consent.domain.purposes import Purpose
from consent.events import ledger
from consent.events.ledger import Event
from consent.kernel.errors import Conflict, NotFound
from consent.kernel.instants import rfc3339
from consent.persons import Person
from consent.records import gate

LIVE_MAX = 10
"""Slips, or bindings, that one person may have at a time: more than a household's cars, too few to hand out."""
USES_READ_MAX = 200
"""Newest uses of a person that are searched for those of their slips and bindings."""


class LastingState(StrEnum):
    """States for the resident: the code waits to be typed; in use; ended with its consent, its benefit or its time."""

    WAITING = "waiting"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class OwnLastingTicket:
    """A slip or binding as its resident sees it; `code` while it can be typed, that of a slip as long as it lives.

    `is_spent` is True for a slip that was redeemed.
    """

    lasting_id: str
    kind: TicketKind
    benefit_id: str
    venue_id: str
    created_at: datetime
    valid_until: datetime
    state: LastingState
    code: str | None
    code_expires_at: datetime | None
    is_spent: bool = False


async def create(
    person: Person, kind: TicketKind, choice: Choice, now: CivilTime, valid_until: datetime, code: str
) -> str:
    """Store a slip or binding for the chosen benefit and venue with its code; return its id.

    Runs in the caller's transaction, which holds the person's lock.

    Raises:
        Conflict: the person has LIVE_MAX of this kind.
    """
    living = LastingTicket.filter(person_id=person.person_id, kind=kind, valid_until__gt=now.micros)
    if await living.count() >= LIVE_MAX:
        raise Conflict(f"you have {LIVE_MAX} {kind}s; stop one first")
    lasting_id = new_id()
    await LastingTicket.create(
        person_id=person.person_id,
        lasting_id=lasting_id,
        kind=kind,
        benefit_id=choice.benefit_id,
        venue_id=choice.venue_id,
        created_at=now.micros,
        valid_until=queries.to_micros(valid_until),
        sealed_code=person.seal("lasting_ticket", "sealed_code", lasting_id, code.encode()),
    )
    return lasting_id


async def attach(person: Person, row: LastingTicket, handle_index: str, benefit_version: int) -> None:
    """Make a slip or binding redeemable by the value whose index this is, in the caller's transaction."""
    await LastingTicket.filter(person_id=person.person_id, lasting_id=row.lasting_id).update(handle_index=handle_index)
    await StoredTicket.create(
        handle_index=handle_index,
        ticket_id=row.lasting_id,
        person_id=person.person_id,
        benefit_id=row.benefit_id,
        benefit_version=benefit_version,
        venue_id=row.venue_id,
        issued_at=row.created_at,
        expires_at=row.valid_until,
        kind=row.kind,
        lasting_id=row.lasting_id,
        unlink_from=row.valid_until,
    )


async def list_for(person: Person, kind: TicketKind, catalogue: InForce, now: CivilTime) -> list[OwnLastingTicket]:
    """Return the person's slips or bindings, the newest first, without bindings whose code nobody typed in time."""
    rows = await LastingTicket.filter(person_id=person.person_id, kind=kind).order_by("-created_at", "lasting_id")
    periods = await gate.live_periods(person, Purpose.BENEFIT_CHECK, now.at)
    shown = [
        _own_lasting_ticket(person, row, _state(row, catalogue, periods, now)) for row in rows if not _lapsed(row, now)
    ]
    handles = [row.handle_index for row in rows if row.handle_index is not None and kind is TicketKind.SLIP]
    spent = await StoredTicket.filter(handle_index__in=handles, redemption_id__isnull=False).values("lasting_id")
    spent_ids = {row["lasting_id"] for row in spent} if handles else set()
    return [replace(own, is_spent=True, code=None) if own.lasting_id in spent_ids else own for own in shown]


async def get(person: Person, kind: TicketKind, lasting_id: str) -> LastingTicket:
    """Return a slip or binding of this person; NotFound for any other id."""
    row = await LastingTicket.get_or_none(person_id=person.person_id, lasting_id=lasting_id, kind=kind)
    if row is None:
        raise NotFound(f"there is no such {kind}")
    return row


def _lapsed(row: LastingTicket, now: CivilTime) -> bool:
    """Report whether the code of a binding was never typed in its time."""
    return row.handle_index is None and row.code_expires_at is not None and row.code_expires_at <= now.micros


def _state(
    row: LastingTicket, catalogue: InForce, periods: Mapping[str, ConsentPeriod], now: CivilTime
) -> LastingState:
    benefit = catalogue.benefit(row.benefit_id, now.today)
    period = None if benefit is None else periods.get(benefit.provider_id)
    if row.valid_until <= now.micros or not began_under(period, row.created_at):
        return LastingState.ENDED
    return LastingState.WAITING if row.handle_index is None else LastingState.ACTIVE


def _own_lasting_ticket(person: Person, row: LastingTicket, state: LastingState) -> OwnLastingTicket:
    shows_code = state is not LastingState.ENDED and row.sealed_code is not None
    return OwnLastingTicket(
        row.lasting_id,
        TicketKind(row.kind),
        row.benefit_id,
        row.venue_id,
        queries.from_micros(row.created_at),
        queries.from_micros(row.valid_until),
        state,
        code_of(person, row) if shows_code else None,
        None if row.code_expires_at is None or not shows_code else queries.from_micros(row.code_expires_at),
    )


def code_of(person: Person, row: LastingTicket) -> str:
    """Return the code of a slip, or of a binding that waits."""
    assert row.sealed_code is not None
    return person.open("lasting_ticket", "sealed_code", row.lasting_id, bytes(row.sealed_code)).decode()


async def stop(person: Person, row: LastingTicket, at: datetime) -> None:
    """Delete a slip or binding, so that it is unknown from the commit on, and append its end to the person's events.

    Runs in the caller's transaction, which holds the person's lock and has recorded the tombstone. The event makes a
    redemption that was decided before a conflict.
    """
    facts = {"benefit_id": row.benefit_id, "venue_id": row.venue_id, "lasting_id": row.lasting_id}
    await ledger.append(person, f"{row.kind}.stopped", facts, at)
    await discard(person.person_id, [row])


async def stop_again(person: Person, lasting_id: str, at: datetime) -> bool:
    """Stop a slip or binding that a restored copy of the database has again; return False where it has none."""
    row = await LastingTicket.get_or_none(person_id=person.person_id, lasting_id=lasting_id)
    if row is not None:
        await stop(person, row, at)
    return row is not None


async def stored_among(ids: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those of the slips and bindings (person id, id) that are stored."""
    names = {lasting_id for _, lasting_id in ids}
    if not names:
        return []
    rows = await LastingTicket.filter(
        person_id__in=[*{person_id for person_id, _ in ids}], lasting_id__in=[*names]
    ).values("person_id", "lasting_id")
    return [(row["person_id"], row["lasting_id"]) for row in rows]


async def erase_all(person_id: str) -> None:
    """Delete every slip and binding of a person, in the transaction of their erasure."""
    await discard(person_id, await LastingTicket.filter(person_id=person_id))


async def discard(person_id: str, rows: Sequence[LastingTicket]) -> None:
    """Delete slips and bindings of a person with their codes, in the caller's transaction."""
    ids = [row.lasting_id for row in rows]
    handles = [row.handle_index for row in rows if row.handle_index is not None]
    if not ids:
        return
    # A slip that was redeemed leaves its ticket for the rest of the 24 hours, without which it could not be reversed.
    await StoredTicket.filter(handle_index__in=handles, redemption_id__isnull=True).delete()
    await BindingCode.filter(person_id=person_id, lasting_id__in=ids).delete()
    await LastingTicket.filter(person_id=person_id, lasting_id__in=ids).delete()


async def delete_old(at: datetime) -> int:
    """Delete slips and bindings a day after their end, and codes that nobody typed in time; return their number."""
    micros = queries.to_micros(at)
    lapsed = await BindingCode.filter(expires_at__lte=micros).values("person_id", "lasting_id")
    deleted = await BindingCode.filter(expires_at__lte=micros).delete()
    for row in lapsed:
        await LastingTicket.filter(**row, handle_index__isnull=True).delete()
    day_ago = queries.to_micros(at - timedelta(days=1))
    return int(deleted) + int(await LastingTicket.filter(valid_until__lte=day_ago).delete())


async def export(person: Person) -> list[dict[str, str | None]]:
    """Return every slip and binding of the person as JSON-ready values."""
    rows = await LastingTicket.filter(person_id=person.person_id).order_by("created_at", "lasting_id")
    return [
        {
            "id": row.lasting_id,
            "kind": row.kind,
            "benefit_id": row.benefit_id,
            "venue_id": row.venue_id,
            "created_at": rfc3339(queries.from_micros(row.created_at)),
            "valid_until": rfc3339(queries.from_micros(row.valid_until)),
            "code": None if row.sealed_code is None else code_of(person, row),
        }
        for row in rows
    ]


async def uses_of(person: Person) -> dict[str, list[Event]]:
    """Return the redemptions among the person's newest uses that were made by a slip or binding, by its id."""
    uses: dict[str, list[Event]] = {}
    for event in await ledger.events_of(person, ("benefit.redeemed",), 2**62, USES_READ_MAX):
        if lasting_id := event.facts.get("lasting_id"):
            uses.setdefault(lasting_id, []).append(event)
    return uses
