"""One-time tickets: an opaque handle for one venue and one benefit, valid for about a minute and a half.

The short code is derived from the ticket's id and the handle from the short code, each by a key, so that the database
has neither; they carry no person, points or threshold. A resident to whom the benefit does not apply gets none. SQL
text: tickets are issued at peak times, deleted redemptions are any number, and those to unlink need a join.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import orjson
from tortoise.expressions import Q

from benefits.catalogue.model import InForce
from benefits.errors import BenefitNotAvailable, BookingNeeded
from benefits.models import LastingTicket, Redemption, StoredTicket
from benefits.redemption import bookings, quotas
from benefits.redemption.decision import CivilTime, TicketKind, TicketRow
from benefits.redemption.eligibility import Choice, establish_eligibility
from consent.crypto.blind_index import (
    CODE_ALPHABET,
    CODE_LENGTH,
    IndexUse,
    blind_index,
    new_id,
    random_index,
)
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.database.selection import Selection
from consent.database.write_plan import Insert, OneOrNone, Update, Write
from consent.kernel.errors import NotFound
from consent.persons import Person
from consent.records import gate
from consent.records.gate import Use

LOOKUP = Selection(
    (
        "t.person_id AS person_id", "t.benefit_id AS benefit_id", "t.venue_id AS venue_id",
        "t.expires_at AS ticket_expires_at", "t.redemption_id AS redemption_id", "t.benefit_version AS benefit_version",
        "t.checks AS checks", "t.issued_at AS ticket_issued_at", "t.kind AS ticket_kind", "t.lasting_id AS lasting_id",
    ),
    "ticket t",
    "t.handle_index = {handle_index}",
)  # fmt: skip
"""The columns of `decision.TicketRow`, in its order."""
COUNT_CHECK = OneOrNone(Update("ticket", changes=("checks",), matches=("handle_index", "checks")))
"""A conflict where another check of the ticket was counted meanwhile."""
SPEND = Update(
    "ticket",
    changes=("redemption_id", "counters", "unlink_from"),
    matches=("handle_index", "person_id"),
    still_null=("redemption_id",),
)
"""Spend a ticket once: a conflict where it has a redemption already, or was deleted."""
USE = Insert(
    "ticket",
    (
        "handle_index", "ticket_id", "person_id", "benefit_id", "benefit_version", "venue_id", "issued_at",
        "expires_at", "redemption_id", "counters", "kind", "lasting_id",
    ),
)  # fmt: skip
"""A use of a binding: a ticket of its own, spent from the beginning, which a reversal needs for a day."""
INDEX_USE_OF_KIND = {TicketKind.SLIP: IndexUse.SLIP, TicketKind.BINDING: IndexUse.BINDING}
"""The index of the random value of a slip or binding, by its kind."""
TICKET_LIFETIME = timedelta(seconds=90)
"""Long enough to walk up to a counter, short enough that a photographed code is useless."""
ISSUE_ATTEMPTS = 3
"""Ids tried for a ticket: a short code that another ticket of the last 24 hours has is not issued again."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An issued ticket; the handle goes into the QR code, the short code is for reading out and typing."""

    ticket_id: str
    handle: str
    short_code: str
    expires_at: datetime


class TicketState(StrEnum):
    """States of a ticket as its resident sees it; `withdrawn` when its consent has ended before it was used."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class IssuedTicket:
    """A ticket as stored, for its resident; `runs_until` and `is_reversed` of its redemption, if there is one."""

    ticket_id: str
    handle: str
    short_code: str
    benefit_id: str
    venue_id: str
    expires_at: datetime
    state: TicketState
    runs_until: date | None = None
    delivered_on: date | None = None
    is_reversed: bool = False


async def issue(keyring: Keyring, person: Person, catalogue: InForce, choice: Choice, now: CivilTime) -> Ticket:
    """Issue a ticket for a benefit that applies to the (locked) person now, in the running transaction.

    Raises as `establish_eligibility`, BookingNeeded, and BenefitNotAvailable where a quota is used up.
    """
    benefit, _ = await establish_eligibility(person, catalogue, choice, now)
    benefit_id, venue_id = choice.benefit_id, choice.venue_id
    at = now.at
    if not await bookings.admits_ticket(person, benefit, venue_id, now):
        raise BookingNeeded("an unused booking of the session that is on comes first")
    counters = await quotas.open_counters(keyring, person, benefit)
    if counters is None:
        raise BenefitNotAvailable(quota_used=True)
    await gate.permit(person, benefit.provider_id, at, Use("ticket.issued", benefit.provider_id, benefit_id, "issued"))
    ticket_id, expires_at = await _unused_id(keyring), at + TICKET_LIFETIME
    handle = handle_of(keyring, ticket_id)
    await queries.execute(
        "INSERT INTO ticket (handle_index, ticket_id, person_id, benefit_id, benefit_version, venue_id, issued_at,"
        " expires_at, counters) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        index_of(keyring, handle),
        ticket_id,
        person.person_id,
        benefit_id,
        benefit.version,
        venue_id,
        now.micros,
        queries.to_micros(expires_at),
        counters_column(counters),
    )
    return Ticket(ticket_id, handle, short_code_of(keyring, ticket_id), expires_at)


async def _unused_id(keyring: Keyring) -> str:
    """Return the id of a new ticket whose short code no stored ticket has.

    After ISSUE_ATTEMPTS the last id is returned all the same; the unique key of `ticket` then refuses its insertion.
    """
    for _ in range(ISSUE_ATTEMPTS):
        ticket_id = new_id()
        if not await StoredTicket.exists(handle_index=index_of(keyring, handle_of(keyring, ticket_id))):
            break
    return ticket_id


async def read(keyring: Keyring, person: Person, ticket_id: str, at: datetime) -> IssuedTicket:
    """Return a ticket of this person; consents are not read.

    Raises:
        NotFound: no ticket of this person has the id (any more): tickets are deleted after a day.
    """
    handle = handle_of(keyring, ticket_id)
    row = await StoredTicket.get_or_none(handle_index=index_of(keyring, handle), person_id=person.person_id)
    if row is None:
        raise NotFound("there is no such ticket")
    expires_at = queries.from_micros(row.expires_at)
    unused = TicketState.EXPIRED if expires_at <= at else TicketState.OPEN
    code = short_code_of(keyring, ticket_id)
    issued = IssuedTicket(ticket_id, handle, code, row.benefit_id, row.venue_id, expires_at, unused)
    if row.redemption_id is None:
        return issued
    redemption = await Redemption.get_or_none(redemption_id=row.redemption_id)
    return replace(
        issued,
        state=TicketState.USED,
        runs_until=None
        if redemption is None or redemption.runs_until is None
        else queries.from_day_number(redemption.runs_until),
        delivered_on=None
        if redemption is None or redemption.delivered_on is None
        else queries.from_day_number(redemption.delivered_on),
        is_reversed=redemption is not None and redemption.state == "reversed",
    )


class Spending(NamedTuple):
    """A ticket that is spent: the index it is stored by, its row, and the instant (microseconds)."""

    handle_index: str
    row: TicketRow
    at: int


def spend_write(spending: Spending, redemption_id: str, counter_keys: Sequence[str]) -> tuple[str, Write]:
    """Return the write that spends a ticket for a redemption, and the index by which the spent one is stored.

    A ticket or slip that was spent or deleted meanwhile is a conflict. A use of a binding is inserted; the fence of the
    person's event makes it a conflict if the binding was stopped meanwhile.
    """
    handle_index, row, at = spending
    counters = counters_column(counter_keys)
    if row.kind != TicketKind.BINDING:
        # The 24 hours of a ticket run from its issue, those of a slip from now.
        unlink_from = row.issued_at if row.kind == TicketKind.TICKET else at
        return handle_index, Write(SPEND, (redemption_id, counters, unlink_from, handle_index, row.person_id))
    use_id = new_id()
    values = (use_id, use_id, row.person_id, row.benefit_id, row.benefit_version, row.venue_id, at, at, redemption_id,
              counters, row.kind, row.lasting_id)  # fmt: skip
    return use_id, Write(USE, values)


def count_check_write(handle_index: str, checks: int | None) -> Write:
    """Return the write that counts a check of a ticket; the same statement for a handle that no ticket has (None).

    A check of the same ticket meanwhile is a conflict.
    """
    return Write(COUNT_CHECK, ((checks or 0) + 1, handle_index, checks or 0, int(checks is not None)))


def counters_column(keys: Sequence[str]) -> str:
    """Return the value of `ticket.counters`: the keys of the quota counters as a JSON list."""
    return orjson.dumps(keys).decode()


def short_code_of(keyring: Keyring, ticket_id: str) -> str:
    """Return the short code of a ticket: CODE_LENGTH characters of CODE_ALPHABET."""
    number, code = int(blind_index(keyring, IndexUse.HANDLE, "short code", ticket_id), 16), ""
    for _ in range(CODE_LENGTH):
        number, letter = divmod(number, len(CODE_ALPHABET))
        code += CODE_ALPHABET[letter]
    return code


def handle_of(keyring: Keyring, ticket_id: str) -> str:
    """Return the handle of a ticket: 128 bits, 32 hex digits."""
    return _handle_of_code(keyring, short_code_of(keyring, ticket_id))


def _handle_of_code(keyring: Keyring, short_code: str) -> str:
    return blind_index(keyring, IndexUse.HANDLE, "handle", short_code)


def index_of(keyring: Keyring, handle: str) -> str:
    """Return the index by which the ticket of a handle is stored."""
    return blind_index(keyring, IndexUse.HANDLE, "index", handle)


def index_of_shown(keyring: Keyring, shown: str) -> str:
    """Return the index of a ticket under the current index key.

    `shown` is what was scanned or typed at the venue: the ticket's handle or its short code, as in `Scan.shown`.
    """
    # A handle has 32 characters, so that the length tells the two apart.
    return index_of(keyring, _handle_of_code(keyring, shown) if len(shown) == CODE_LENGTH else shown)


async def stored_index_of(keyring: Keyring, kind: TicketKind, shown: str) -> str:
    """Return the index by which a ticket is stored, under the current index key or during a rotation the other one.

    `shown` is a handle or a short code; the index of a slip's code and of a binding's token has no key. If no ticket
    has it, the index under the current key is returned. A rotation costs one query, for right and wrong codes alike;
    otherwise nothing is read.
    """
    if kind is not TicketKind.TICKET:
        return random_index(INDEX_USE_OF_KIND[kind], shown)
    if not keyring.other_index_keys:
        return index_of_shown(keyring, shown)
    indexes = [index_of_shown(each, shown) for each in keyring.each()]
    rows = await StoredTicket.filter(handle_index__in=indexes).values("handle_index")
    return str(rows[0]["handle_index"]) if rows else index_of_shown(keyring, shown)


async def delete_old(at: datetime) -> int:
    """Delete the tickets of hours that began 24 hours ago or earlier; return their number. A slip goes with its ticket.

    No redemption can be linked to a person for longer than that. A whole hour is deleted at once and its redemptions
    are inserted again in the order of their random ids: neither a time nor a row's position in the table links a
    redemption to an event in somebody's chain.
    """
    hour = at.replace(minute=0, second=0, microsecond=0)
    limit = queries.to_micros(hour - timedelta(hours=23))
    async with queries.transaction():
        spent = StoredTicket.filter(unlink_from__lt=limit, kind=TicketKind.SLIP)
        for row in await spent.values("person_id", "lasting_id"):
            await LastingTicket.filter(**row).delete()
        issued_before = Q(unlink_from__isnull=True, issued_at__lt=limit)
        deleted = await StoredTicket.filter(issued_before | Q(unlink_from__lt=limit)).delete()
        if not deleted:
            return 0
        await unlink_redemptions()
    return deleted


async def unlink_redemptions() -> None:
    """Write the redemptions again whose ticket or pass was deleted, in the order of their random ids.

    A redemption names its ticket or pass until then; from now on its own id stands in `handle_index`.
    """
    unlinked = await queries.fetch_all(
        "SELECT r.* FROM redemption r LEFT JOIN ticket t ON t.handle_index = r.handle_index"
        " LEFT JOIN offline_pass p ON p.pass_id = r.handle_index"
        " LEFT JOIN recognised_use u ON u.use_index = r.handle_index"
        " WHERE r.handle_index <> r.redemption_id AND t.handle_index IS NULL AND p.pass_id IS NULL"
        " AND u.use_index IS NULL"
    )
    unlinked.sort(key=lambda row: str(row["redemption_id"]))
    await queries.execute_many(
        "DELETE FROM redemption WHERE redemption_id = $1", [(row["redemption_id"],) for row in unlinked]
    )
    await Redemption.bulk_create([Redemption(**{**row, "handle_index": row["redemption_id"]}) for row in unlinked])


async def unlink_person(person_id: str) -> None:
    """Remove a person's id from all of their tickets."""
    await StoredTicket.filter(person_id=person_id).update(person_id=None)
