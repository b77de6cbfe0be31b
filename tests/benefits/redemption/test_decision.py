"""Properties of the decision at a venue: never without everything it needs, monotone in points, the same each time."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.balances.stored import StoredBalance, is_usable
from benefits.catalogue.model import InForce, Offer
from benefits.redemption.decision import (
    BalanceNeeded,
    CivilTime,
    CounterRow,
    PersonRow,
    Redeem,
    RedemptionState,
    StandardTerms,
    TicketRow,
    decide,
)
from benefits.scoring import scheme
from benefits.scoring.scheme import Scheme, Timeline
from consent.domain.liveness import ConsentPeriod
from consent.kernel.errors import RecordsWithheld
from consent.kernel.instants import to_day_number, to_micros

AT = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
NOW = CivilTime(AT, to_micros(AT), date(2026, 11, 28), 17)
MINUTE = 60_000_000
TIMELINE = Timeline(tuple(Scheme.from_document(document) for document in scheme.shipped()))
DIVISION = "371082"
VENUE = {
    "venue_id": "library-main", "provider_id": "library", "client_id": "library-main", "division": DIVISION
}  # fmt: skip
NEEDED = 60
BODY = {
    "division": DIVISION,
    "condition": {"any": [{"measure": "total", "at_least": NEEDED}, {"measure": "green_living", "at_least": 30}]},
    "effect": {"kind": "longer_period", "days": 14},
    "valid": {"from": "2026-01-01", "until": "2026-12-31"},
    "quota": {"per_resident": {"count": 2, "period": "day"}, "total": {"count": 100, "period": "day"}},
    "terms": {"zh-CN": "免押金", "en": "No deposit"},
}
OFFER = Offer("deposit", 1, BODY, {"baseline": {"period_days": 30}}, {"provider_id": "library", "division": DIVISION})
CATALOGUE = InForce(TIMELINE, 7, AT - timedelta(days=1), None, (VENUE,), {"deposit": OFFER}, {"library-main": VENUE})


def stored(total: int = NEEDED, green_living: int = 0, **changes: Any) -> StoredBalance:
    dimensions = json.dumps([{"dimension": "green_living", "points": green_living, "cap": 100}])
    version = TIMELINE.version_for(NOW.today.year).version
    row = StoredBalance(3, version, TIMELINE.sha256, total, dimensions, to_day_number(NOW.today), None, None, 0)
    return row._replace(**changes)


def state(**changes: Any) -> RedemptionState:
    """A state in which the benefit applies, with changes."""
    whole = RedemptionState(
        VENUE,
        NOW.micros,
        7,
        0,
        TicketRow("p" * 32, "deposit", "library-main", NOW.micros + MINUTE, None, 1, issued_at=NOW.micros),
        PersonRow(3, 12, "a" * 64, b"", b""),
        ConsentPeriod(NOW.micros - MINUTE, NOW.micros + MINUTE),
        stored(),
    )
    return whole._replace(**changes)


def ticket(**changes: Any) -> TicketRow:
    return state().ticket._replace(**changes)


def test_it_applies_where_everything_is_as_it_must_be() -> None:
    verdict = decide(state(), CATALOGUE, NOW)
    assert isinstance(verdict, Redeem)
    assert (verdict.benefit.benefit_id, [limit.most for limit in verdict.benefit.limits]) == ("deposit", [2, 100])
    assert not verdict.benefit.limits[-1].per_resident


DAY = to_day_number(NOW.today)
NOTHING_OF_A_PERSON: dict[str, dict[str, Any]] = {
    "no ticket": {"ticket": TicketRow(None, "", "", 0, None)},
    "spent": {"ticket": ticket(redemption_id="r" * 32)},
    "cut off": {"ticket": ticket(person_id=None)},
    "of another venue": {"ticket": ticket(venue_id="elsewhere")},
    "of a benefit that ended": {"ticket": ticket(benefit_id="ended")},
    "expired now": {"ticket": ticket(expires_at=NOW.micros)},
    "erased": {"person": PersonRow(None, 0, "", b"", b"")},
    "no consent": {"consent": ConsentPeriod(None, None)},
    "consent expired now": {"consent": ConsentPeriod(NOW.micros - MINUTE, NOW.micros)},
    "consent not begun": {"consent": ConsentPeriod(NOW.micros + 1, NOW.micros + MINUTE)},
    "consent given after the ticket": {"ticket": ticket(issued_at=NOW.micros - 2 * MINUTE)},
    "venue of another provider": {"venue": {**VENUE, "provider_id": "other"}},
    "venue of another division": {"venue": {**VENUE, "division": "370100"}},
    "no venue": {"venue": None},
}
USED_POINTS: dict[str, dict[str, Any]] = {
    "too few points": {"balance": stored(NEEDED - 1)},
    "resident's quota full": {"taken": (2, 0)},
    "total quota full": {"taken": (0, 100)},
    "resident's counter full as loaded": {"counters": (CounterRow(2, DAY), CounterRow(0, DAY))},
    "total counter full as loaded": {"counters": (CounterRow(None, None), CounterRow(100, DAY))},
}
NO_BALANCE: dict[str, dict[str, Any]] = {
    "nothing stored": {"balance": stored(epoch=None)},
    "older epoch": {"balance": stored(epoch=2)},
    "newer epoch": {"balance": stored(epoch=4)},
    "other schemes": {"balance": stored(timeline_sha256="0" * 64)},
    "other version": {"balance": stored(scheme_version="2020.1")},
    "of tomorrow": {"balance": stored(as_of=DAY + 1)},
    "expired today": {"balance": stored(valid_until=DAY)},
    "a consent below it ended now": {"balance": stored(covered_until=NOW.micros)},
    "a consent below it begins later": {"balance": stored(covered_from=NOW.micros + 1)},
}


@pytest.mark.parametrize("changes", NOTHING_OF_A_PERSON.values(), ids=list(NOTHING_OF_A_PERSON))
def test_nothing_of_a_person_is_used_without_ticket_and_consent(changes: dict[str, Any]) -> None:
    assert decide(state(**changes), CATALOGUE, NOW) == StandardTerms(None)


@pytest.mark.parametrize("changes", USED_POINTS.values(), ids=list(USED_POINTS))
def test_standard_terms_by_points_or_quota_name_the_benefit_that_was_checked(changes: dict[str, Any]) -> None:
    verdict = decide(state(**changes), CATALOGUE, NOW)
    assert isinstance(verdict, StandardTerms)
    assert verdict.checked is not None


@pytest.mark.parametrize("changes", NO_BALANCE.values(), ids=list(NO_BALANCE))
def test_points_that_are_not_usable_are_computed_first(changes: dict[str, Any]) -> None:
    assert isinstance(decide(state(**changes), CATALOGUE, NOW), BalanceNeeded)
    assert not is_usable(changes["balance"], 3, TIMELINE, NOW.today, NOW.micros)


def anything() -> st.SearchStrategy[RedemptionState]:
    """States with any of their parts as it must be or otherwise."""
    changes = [*NOTHING_OF_A_PERSON.values(), *USED_POINTS.values(), *NO_BALANCE.values(), {"taken": (1, 99)}, {}]
    parts = st.lists(st.sampled_from(changes), max_size=3)
    return parts.map(lambda chosen: state(**{name: value for part in chosen for name, value in part.items()}))


@given(anything())
def test_all_handles_are_alike_while_records_are_frozen(any_state: RedemptionState) -> None:
    with pytest.raises(RecordsWithheld):
        decide(any_state._replace(withheld=1), CATALOGUE, NOW)


@given(anything())
def test_it_is_redeemed_only_where_everything_holds_and_the_same_each_time(any_state: RedemptionState) -> None:
    verdict = decide(any_state, CATALOGUE, NOW)
    assert decide(any_state, CATALOGUE, NOW) == verdict
    row, consent, balance = any_state.ticket, any_state.consent, any_state.balance
    redeemable = (
        any_state.venue == VENUE
        and row == ticket()
        and any_state.person.epoch is not None
        and consent.given_at is not None
        and consent.ends_at is not None
        and consent.given_at <= NOW.micros < consent.ends_at
        and is_usable(balance, any_state.person.epoch, TIMELINE, NOW.today, NOW.micros)
        and balance.total >= NEEDED
        and any_state.taken in (None, (1, 99))
        and (any_state.taken is not None or any_state.counters == ())
    )
    assert isinstance(verdict, Redeem) == redeemable


@given(st.integers(0, 200), st.integers(0, 100), st.integers(0, 200), st.integers(0, 100))
def test_more_points_never_turn_a_yes_into_a_no(total: int, green: int, more_total: int, more_green: int) -> None:
    fewer = decide(state(balance=stored(total, green)), CATALOGUE, NOW)
    more = decide(state(balance=stored(total + more_total, green + more_green)), CATALOGUE, NOW)
    assert isinstance(fewer, StandardTerms) or isinstance(more, Redeem)


@given(st.integers(0, 5), st.integers(95, 105))
def test_a_full_counter_is_never_taken_from(own: int, everybody: int) -> None:
    verdict = decide(state(taken=(own, everybody)), CATALOGUE, NOW)
    assert isinstance(verdict, Redeem) == (own < 2 and everybody < 100)


STALE: dict[str, dict[str, Any]] = {
    "yesterday's": {"counters": (CounterRow(2, DAY - 1), CounterRow(100, DAY - 1))},
    "of an older version": {
        "ticket": ticket(benefit_version=0),
        "counters": (CounterRow(2, DAY), CounterRow(100, DAY)),
    },
    "of a ticket from before counters were stored": {"counters": (CounterRow(None, None), CounterRow(None, None))},
}


@pytest.mark.parametrize("changes", STALE.values(), ids=list(STALE))
def test_counters_of_another_period_or_version_are_left_to_the_commit(changes: dict[str, Any]) -> None:
    assert isinstance(decide(state(**changes), CATALOGUE, NOW), Redeem)
    assert isinstance(decide(state(**changes, taken=(2, 0)), CATALOGUE, NOW), StandardTerms)
