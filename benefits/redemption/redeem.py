"""Redemption of a benefit at a venue: exactly once for a ticket and for an idempotency key, within its quotas.

Load, decide, commit. `state.load_state` reads all that decides, `decision.decide` decides, and `write_plan.commit`
writes ticket, counters, redemption, event, leaf and stored answer, all or none. Each write matches the state that was
loaded: if that has changed, the commit is a conflict, nothing is written, and everything is loaded and decided again,
the last times under the person's row lock. Every reason for standard terms gives the venue the same bytes and leaves
one leaf in the log, by the same statements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any, NamedTuple

from benefits.balances import person_balance
from benefits.catalogue.in_force import CatalogueCache
from benefits.catalogue.model import InForce, LiveBenefit
from benefits.errors import VenueSuspended
from benefits.redemption import decision, quotas, tickets
from benefits.redemption.decision import (
    BalanceNeeded,
    CivilTime,
    Redeem,
    RedemptionState,
    StandardTerms,
    TicketKind,
)
from benefits.redemption.state import COUNTERS_MAX, AnswerStore, load_state
from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import queries, write_plan
from consent.database.write_plan import Insert, Plan, Write, WriteConflict
from consent.documents.change_number import still_unchanged
from consent.events.ledger import ChainHead
from consent.kernel.errors import NotFound
from consent.persons import Person
from consent.records import gate
from consent.records.gate import Use

OPTIMISTIC_ATTEMPTS = 4
"""Attempts without a lock. An ordinary redemption takes one; a process's first takes two (the catalogue is read), and
one whose points must be computed takes another."""
ATTEMPTS_MAX = 10
"""Under the person's lock only a counter, the catalogue or the same idempotency key can still change meanwhile."""
CHECKS_MAX = 5
"""R6a: checks of a handle that are answered. A desk needs one or two; hundreds would watch a person's points change."""
NO_USE = Use("benefit.checked", "no-provider-at-all", "no-benefit-at-all", "standard_terms")
"""The use that a decoy's event states: nothing is written of it, and it is as long as an ordinary one."""
REDEMPTION = Insert(
    "redemption",
    (
        "redemption_id", "handle_index", "venue_id", "benefit_id", "benefit_version", "day", "hour", "state",
        "runs_until",
    ),
)  # fmt: skip


class BenefitTerms(NamedTuple):
    """The answer "yes" to a venue: all that it needs to honour the benefit, without person or points.

    `redemption_id` and `runs_until` are None for a check.
    """

    benefit: LiveBenefit
    valid_until: datetime
    redemption_id: str | None = None
    runs_until: date | None = None

    @property
    def effect(self) -> Mapping[str, Any]:
        """The effect as the benefit's document states it."""
        effect: Mapping[str, Any] = self.benefit.body["effect"]
        return effect

    @property
    def terms(self) -> Mapping[str, str]:
        """The terms in both languages."""
        terms: Mapping[str, str] = self.benefit.body["terms"]
        return terms


class Outcome(NamedTuple):
    """The answer to a venue: `benefit_terms`, which is None for standard terms; or `answered`.

    `answered` is the row that was stored under the idempotency key before; then nothing was decided or written.
    """

    benefit_terms: BenefitTerms | None
    answered: tuple[Any, ...] | None = None


class Scan(NamedTuple):
    """Something shown at a venue, the venue's client, and `clock`: the city's time of an instant (µs).

    `kind` says what `shown` must be: a handle in lower case or a short code in upper case, the code of a slip in upper
    case, without spaces and hyphens; or the token of a binding.
    """

    keyring: Keyring
    client_id: str
    shown: str
    clock: Callable[[int], CivilTime]
    kind: TicketKind = TicketKind.TICKET


async def redeem(scan: Scan, catalogue: CatalogueCache, store: AnswerStore) -> Outcome:
    """Redeem the ticket of a handle and store the answer with it, in transactions of its own.

    Raises:
        VenueSuspended: no venue in force belongs to the client.
        RecordsWithheld: nothing may be used now; raised for every handle alike.
        WriteConflict: something changed during every attempt; nothing is written.
    """
    return await _Redemption(scan, catalogue, store).settle()


async def check(scan: Scan, catalogue: CatalogueCache) -> BenefitTerms | None:
    """Return the terms if the benefit of a handle applies now, else None; spends nothing. Raises as `redeem`.

    Leaves an event in the person's chain if their points were used to decide.
    """
    return (await _Redemption(scan, catalogue, None).settle()).benefit_terms


class _Redemption:
    """One scan, attempted until there is an outcome; without a store for the answer a check, which takes nothing."""

    __slots__ = ("catalogue", "handle_index", "person_id", "reads_counters", "scan", "store")

    def __init__(self, scan: Scan, catalogue: CatalogueCache, store: AnswerStore | None) -> None:
        self.scan, self.catalogue, self.store = scan, catalogue, store
        self.handle_index = ""
        self.person_id: str | None = None
        # A ticket names its counters, which are loaded with it. Those of today are read by key after a conflict alone:
        # a period ended or the benefit changed since the ticket was issued, or somebody else took the last place.
        self.reads_counters = False

    @property
    def is_check(self) -> bool:
        """True for a check."""
        return self.store is None

    async def settle(self) -> Outcome:
        """Attempt until there is an outcome; WriteConflict after ATTEMPTS_MAX attempts."""
        self.handle_index = await tickets.stored_index_of(self.scan.keyring, self.scan.kind, self.scan.shown)
        for attempt in range(ATTEMPTS_MAX):
            try:
                if attempt < OPTIMISTIC_ATTEMPTS:
                    outcome = await self._attempt(locked=False)
                else:
                    outcome = await self._attempt_locked()
            except (WriteConflict, *queries.RETRYABLE_ERRORS):
                self.reads_counters = True
                continue
            if outcome is not None:
                return outcome
        raise WriteConflict

    async def _attempt_locked(self) -> Outcome | None:
        async with queries.transaction():
            if self.person_id is not None:
                await persons.lock_many([self.person_id])
            return await self._attempt(locked=True)

    async def _attempt(self, *, locked: bool) -> Outcome | None:
        """Load, decide and commit once; None where the catalogue or the points had to be read before deciding.

        `locked` says that this runs in a transaction under the person's lock.
        """
        current = self.catalogue.current
        venue = None if current is None else current.venue_by_client.get(self.scan.client_id)
        loaded = await load_state(self.handle_index, venue, self.store, in_transaction=locked)
        if loaded.answered is not None:
            return Outcome(None, loaded.answered)
        now = self.scan.clock(loaded.state.micros)
        if current is None or not current.is_current(loaded.state.changes, now.at):
            await self.catalogue.refresh(now.at)
            return None
        if venue is None:
            raise VenueSuspended("no venue in force belongs to this client")
        self.person_id = loaded.state.ticket.person_id
        verdict = await self._decide(loaded.state, current, now)
        if isinstance(verdict, BalanceNeeded):
            # Erased since the state was loaded: the next load finds no person.
            with suppress(NotFound):
                person = _person(self.scan.keyring, loaded.state)
                await person_balance.compute_and_store(person, current.timeline, now.today, now.at)
            return None
        plan, benefit_terms = self._plan(loaded.state, verdict, now)
        await (write_plan.apply(plan) if locked else write_plan.commit(plan))
        return Outcome(benefit_terms)

    async def _decide(
        self, state: RedemptionState, catalogue: InForce, now: CivilTime
    ) -> Redeem | StandardTerms | BalanceNeeded:
        verdict = decision.decide(state, catalogue, now)
        # R17: a binding is there to redeem. To ask with it would be to watch a person's points for 90 days.
        if self.is_check and (state.ticket.kind == TicketKind.BINDING or (state.ticket.checks or 0) >= CHECKS_MAX):
            return StandardTerms()
        if self.scan.kind is not TicketKind.TICKET:
            return await self._decide_by_today(state, verdict, catalogue, now)
        if not self.reads_counters or not isinstance(verdict, Redeem) or not verdict.benefit.limits:
            return verdict
        keys = _counter_keys(self.scan.keyring, _person(self.scan.keyring, state), state, verdict)
        return decision.decide(state._replace(taken=await quotas.read_taken(keys)), catalogue, now)

    async def _decide_by_today(
        self,
        state: RedemptionState,
        verdict: Redeem | StandardTerms | BalanceNeeded,
        catalogue: InForce,
        now: CivilTime,
    ) -> Redeem | StandardTerms | BalanceNeeded:
        """Decide again by today's counters, which a ticket of weeks ago does not name.

        As many counters are read for every verdict, keys of nobody where there are fewer, so that a "no" does not tell
        by its statements that a quota was the reason.
        """
        keys: list[str] = []
        if isinstance(verdict, Redeem):
            keys = _counter_keys(self.scan.keyring, _person(self.scan.keyring, state), state, verdict)
        taken = await quotas.read_taken([*keys, *(new_id() for _ in range(COUNTERS_MAX - len(keys)))])
        if not isinstance(verdict, Redeem):
            return verdict
        return decision.decide(state._replace(taken=taken[: len(keys)]), catalogue, now)

    def _plan(
        self, state: RedemptionState, verdict: Redeem | StandardTerms, now: CivilTime
    ) -> tuple[Plan, BenefitTerms | None]:
        """Return the writes of a verdict, and the terms for the venue; None for standard terms.

        Always in this order, since each takes a lock that others wait for: person, answer, ticket, counters.
        """
        if isinstance(verdict, StandardTerms):
            return self._standard_terms(state, verdict, now), None
        person, valid_until = _person(self.scan.keyring, state), queries.from_micros(verdict.valid_until)
        if self.store is None:
            kind = "benefit.checked"
            benefit_terms = BenefitTerms(verdict.benefit, valid_until)
            writes = self._count_check(state)
        else:
            kind = "benefit.redeemed"
            benefit_terms = BenefitTerms(verdict.benefit, valid_until, new_id(), verdict.runs_until)
            writes = [
                *self.store.make_writes(benefit_terms, now.at),
                *self._redemption_writes(state, person, verdict, benefit_terms, now),
            ]
        use = _use(kind, verdict.benefit, "applies", state.ticket.lasting_id)
        permit = _permit(state, person, now, use)
        # The catalogue last, when every lock is granted: a change while this waited undoes the decision by the old one.
        return [*permit, *writes, still_unchanged(state.changes)], benefit_terms

    def _standard_terms(self, state: RedemptionState, verdict: StandardTerms, now: CivilTime) -> Plan:
        """Return the writes of a "no": the same statements for every reason, with an event where points were used."""
        head, use = None, NO_USE
        if verdict.checked is not None:
            head = _head(state, _person(self.scan.keyring, state))
            use = _use("benefit.checked", verdict.checked, "standard_terms", state.ticket.lasting_id)
        event = gate.standard_terms_writes(self.scan.keyring, head, now.at, use)
        return [*event, *self._count_check(state), *self._answer(None, now), still_unchanged(state.changes)]

    def _count_check(self, state: RedemptionState) -> list[Write]:
        return [tickets.count_check_write(self.handle_index, state.ticket.checks)] if self.is_check else []

    def _answer(self, benefit_terms: BenefitTerms | None, now: CivilTime) -> list[Write]:
        return [] if self.store is None else self.store.make_writes(benefit_terms, now.at)

    def _redemption_writes(
        self, state: RedemptionState, person: Person, verdict: Redeem, benefit_terms: BenefitTerms, now: CivilTime
    ) -> list[Write]:
        """Return the writes of ticket, redemption and counters.

        The total's counter comes last, because every redemption of the benefit in the city waits for its row.
        """
        assert benefit_terms.redemption_id is not None
        keys = _counter_keys(self.scan.keyring, person, state, verdict)
        spending = tickets.Spending(self.handle_index, state.ticket, now.micros)
        spent_index, spend = tickets.spend_write(spending, benefit_terms.redemption_id, keys)
        redemption = (
            benefit_terms.redemption_id, spent_index, state.ticket.venue_id, verdict.benefit.benefit_id,
            verdict.benefit.version, queries.to_day_number(now.today), now.hour, "redeemed",
            queries.to_day_number(verdict.runs_until),
        )  # fmt: skip
        return [
            spend,
            Write(REDEMPTION, redemption),
            *map(quotas.take_write, keys, verdict.benefit.limits),
        ]


def _use(kind: str, benefit: LiveBenefit, outcome: str, lasting_id: str | None) -> Use:
    return Use(kind, benefit.provider_id, benefit.benefit_id, outcome, lasting_id)


def _permit(state: RedemptionState, person: Person, now: CivilTime, use: Use) -> Plan:
    return gate.permit_writes(_head(state, person), state.consent, now.at, use)


def _head(state: RedemptionState, person: Person) -> ChainHead:
    return ChainHead(person, state.person.events, state.person.last_leaf)


def _person(keyring: Keyring, state: RedemptionState) -> Person:
    row = {"person_id": state.ticket.person_id, "epoch": state.person.epoch, "wrapped_key": state.person.wrapped_key}
    return persons.from_row(keyring, row)


def _counter_keys(keyring: Keyring, person: Person, state: RedemptionState, verdict: Redeem) -> list[str]:
    benefit = verdict.benefit
    subject = persons.subject_in(person, state.person.sealed_subject) if quotas.counts_residents(benefit) else ""
    return quotas.keys_of_subject(keyring, subject, benefit)
