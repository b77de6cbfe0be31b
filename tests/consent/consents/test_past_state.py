"""The state of a consent at any past instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.domain.grants import Grant, State
from consent.domain.purposes import Purpose
from tests.support.city import City

pytestmark = pytest.mark.both_engines

START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 400 * 24).map(lambda hours: START + timedelta(hours=hours))


@given(MOMENTS, st.one_of(st.none(), MOMENTS), MOMENTS)
def test_a_past_state_is_not_changed_by_later_events(
    given_at: datetime, withdrawn_at: datetime | None, asked: datetime
) -> None:
    expires_at = given_at + timedelta(days=90)
    if withdrawn_at is not None and not given_at <= withdrawn_at < expires_at:
        withdrawn_at = None
    before = Grant("c", Purpose.POINTS_COMPUTE, "s", State.GIVEN, given_at, expires_at, None)
    after = Grant(
        "c",
        Purpose.POINTS_COMPUTE,
        "s",
        State.WITHDRAWN if withdrawn_at else State.GIVEN,
        given_at,
        expires_at,
        withdrawn_at,
    )
    if asked < given_at:
        assert after.as_of(asked) is None
    elif withdrawn_at is not None and asked >= withdrawn_at:
        assert after.as_of(asked) is State.WITHDRAWN
    else:
        # Later events do not change the state of an earlier instant.
        assert after.as_of(asked) is before.state_at(asked)


@pytest.mark.anyio
async def test_c7_a_consent_as_of_before_and_after(town: City) -> None:
    wang = town.resident("wang")
    consent = (await wang.link("volunteer-service", "v-wang"))["consent_id"]
    path = f"/v1/me/consents/{consent}"
    town.shift.by = timedelta(minutes=2)
    ended = (await wang.post(f"{path}/withdraw")).json()["withdrawn_at"]
    town.shift.by = timedelta(minutes=3)
    whole = (await wang.get(path)).json()
    assert (whole["state"], whole["ended_at"]) == ("withdrawn", ended)
    before = (datetime.fromisoformat(ended) - timedelta(microseconds=1)).isoformat()
    then = (await wang.get(path, {})).json()
    assert then == whole
    for at, state in ((before, "given"), (ended, "withdrawn"), (whole["given_at"], "given")):
        answer = await town.client.get(path, params={"at": at}, headers=wang.headers())
        assert (answer.status_code, answer.json()["state"]) == (200, state), at
        assert ("ended_at" in answer.json()) == (state == "withdrawn")
    early = (datetime.fromisoformat(whole["given_at"]) - timedelta(microseconds=1)).isoformat()
    assert (await town.client.get(path, params={"at": early}, headers=wang.headers())).status_code == 404
    for wrong in (
        "yesterday",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2999-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
    ):
        answer = await town.client.get(path, params={"at": wrong}, headers=wang.headers())
        assert answer.status_code in (400, 404), wrong
