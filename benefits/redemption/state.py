"""Loading everything that decides about a shown handle: one query on PostgreSQL and SQLite, by key on Citus.

SQL text: the query joins tables of three packages. Each package says by a `Selection` what is read of its tables.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from benefits.balances import person_balance
from benefits.balances.stored import StoredBalance
from benefits.catalogue.limits import LIMITS_MAX
from benefits.redemption import quotas, tickets
from benefits.redemption.decision import CounterRow, PersonRow, RedemptionState, TicketRow
from consent.database import queries
from consent.database.selection import Selection
from consent.database.write_plan import Write
from consent.documents.change_number import CHANGES
from consent.domain.document_kinds import Body
from consent.domain.liveness import ConsentPeriod
from consent.records import gate, withholding

NO_PERSON = PersonRow(None, 0, "", b"", b"")
NO_TICKET = TicketRow(None, "", "", 0, None)
NO_CONSENT = ConsentPeriod(None, None)
COUNTERS_MAX = LIMITS_MAX
"""Counters of a ticket that are read: one for each limit of a benefit."""
LOADED = (*tickets.LOOKUP.columns, *gate.CHAIN.columns, *gate.GIVEN_CONSENT.columns, *person_balance.STORED.columns)
TICKET_END = 3 + len(tickets.LOOKUP.columns)
PERSON_END = TICKET_END + len(gate.CHAIN.columns)
CONSENT_END = PERSON_END + len(gate.GIVEN_CONSENT.columns)
BALANCE_END = CONSENT_END + len(person_balance.STORED.columns)
COUNTERS_END = BALANCE_END + 2 * COUNTERS_MAX
"""The index after the last column of each part of the row of `_load_sql`, whose first three are no part's."""


class AnswerStore(NamedTuple):
    """The caller's store of its answer, read by the query of the state and written by the plan of the redemption.

    `key` is the primary key of the stored answer; `selection` reads its row, whose first column is never NULL.
    `make_writes` returns the writes of an answer, given its terms (`redeem.BenefitTerms`; None for standard terms) and
    the instant.
    """

    key: str
    selection: Selection
    make_writes: Callable[[Any, datetime], list[Write]]


class Loaded(NamedTuple):
    """A state, and the row of an answer stored under the key before, or None."""

    state: RedemptionState
    answered: tuple[Any, ...] | None


async def load_state(
    handle_index: str, venue: Body | None, store: AnswerStore | None, *, in_transaction: bool = False
) -> Loaded:
    """Read everything that decides about a handle at a venue, as of one instant on PostgreSQL and SQLite.

    On Citus up to six queries read answer, ticket, counters, person and clock one after another, each by its
    distribution key; the matches of the commit's writes detect a change in between. `venue` is None if none is in force
    for the client.
    """
    provider_id = "" if venue is None else venue["provider_id"]
    if queries.is_citus():
        return await _load_distributed(handle_index, venue, provider_id, store)
    sql = _load_sql(queries.clock_sql(), None if store is None else store.selection)
    values = (handle_index, provider_id) if store is None else (handle_index, provider_id, store.key)
    row = await (queries.fetch_one(sql, *values) if in_transaction else queries.fetch_record(sql, *values))
    assert row is not None
    return _loaded(venue, tuple(row.values()))


@lru_cache(maxsize=8)
def _load_sql(clock: str, answer: Selection | None) -> str:
    counters = [quotas.counter_of("t", index) for index in range(COUNTERS_MAX)]
    counted = [column for counter in counters for column in counter.columns]
    columns = ", ".join((*LOADED, *counted, *(() if answer is None else answer.columns)))
    return (
        f"SELECT {clock} AS micros, {CHANGES} AS changes, {withholding.WITHHELD}, {columns}"
        " FROM (SELECT 1 AS present) AS always"
        f" {tickets.LOOKUP.join(handle_index='$1')}"
        f" {gate.CHAIN.join(person_id='t.person_id')}"
        f" {gate.GIVEN_CONSENT.join(person_id='p.person_id', counterpart='$2')}"
        f" {person_balance.STORED.join(person_id='t.person_id')}"
        f" {' '.join(counter.join() for counter in counters)}" + ("" if answer is None else f" {answer.join(key='$3')}")
    )


def _loaded(venue: Body | None, row: tuple[Any, ...]) -> Loaded:
    """Return the state of a row of `_load_sql`: clock, changes, withheld, LOADED, counters, answer."""
    micros, changes, withheld = row[:3]
    state = RedemptionState(
        venue,
        micros,
        changes,
        withheld,
        TicketRow._make(row[3:TICKET_END]),
        PersonRow._make(row[TICKET_END:PERSON_END]),
        ConsentPeriod._make(row[PERSON_END:CONSENT_END]),
        StoredBalance._make(row[CONSENT_END:BALANCE_END]),
        tuple(CounterRow._make(row[at : at + 2]) for at in range(BALANCE_END, COUNTERS_END, 2)),
    )
    answered = row[COUNTERS_END:]
    return Loaded(state, answered if answered and answered[0] is not None else None)


def _ticket_sql() -> str:
    columns = ", ".join((*tickets.LOOKUP.columns, "t.counters AS counters"))
    return f"SELECT {columns} FROM {tickets.LOOKUP.table} WHERE {tickets.LOOKUP.condition.format(handle_index='$1')}"


async def _load_distributed(
    handle_index: str, venue: Body | None, provider_id: str, store: AnswerStore | None
) -> Loaded:
    """`load_state` where ticket, person and answer are distributed by different keys; the clock is read last."""
    answered, person, consent, balance = None, NO_PERSON, NO_CONSENT, person_balance.NO_BALANCE
    counters: list[CounterRow] = []
    if store is not None:
        answered = await queries.fetch_one(store.selection.query(key="$1"), store.key)
    row = await queries.fetch_one(_ticket_sql(), handle_index)
    ticket = NO_TICKET
    if row is not None:
        *ticket_row, keys = row.values()
        ticket = TicketRow._make(ticket_row)
        counters = [await quotas.read_counter(key) for key in orjson.loads(keys)]
    if ticket.person_id is not None:
        columns = (*gate.CHAIN.columns, *gate.GIVEN_CONSENT.columns, *person_balance.STORED.columns)
        row = await queries.fetch_one(
            f"SELECT {', '.join(columns)} FROM {gate.CHAIN.table}"
            f" {gate.GIVEN_CONSENT.join(person_id='p.person_id', counterpart='$2')}"
            f" {person_balance.STORED.join(person_id='p.person_id')}"
            f" WHERE {gate.CHAIN.condition.format(person_id='$1')}",
            ticket.person_id,
            provider_id,
        )
        if row is not None:
            values = tuple(row.values())
            person, consent = PersonRow._make(values[:5]), ConsentPeriod._make(values[5:7])
            balance = StoredBalance._make(values[7:])
    now = await queries.fetch_one(
        f"SELECT {queries.clock_sql()} AS micros, {CHANGES} AS changes, {withholding.WITHHELD}"
    )
    assert now is not None
    state = RedemptionState(
        venue, now["micros"], now["changes"], now["withheld"], ticket, person, consent, balance, tuple(counters)
    )
    return Loaded(state, None if answered is None else tuple(answered.values()))
