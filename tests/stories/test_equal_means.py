"""Handle, short code, slip, binding and pass give a venue the same bytes for every "no".

Each but the pass has one list of statements for all reasons.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from consent.database import queries
from service.api.venue import handlers
from tests.stories.test_equal_refusals import recorded
from tests.support import means, offline
from tests.support.answers import PER_REQUEST_HEADERS
from tests.support.city import City, Resident
from tests.support.means import STANDARD_TERMS

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

Show = Callable[[City, Resident], Awaitable[dict[str, str]]]
Act = Callable[[City, Resident, dict[str, str]], Awaitable[None]]


async def by_handle(town: City, who: Resident) -> dict[str, str]:
    return {"handle": (await _ticket(who))["handle"]}


async def by_short_code(town: City, who: Resident) -> dict[str, str]:
    return {"short_code": (await _ticket(who))["short_code"]}


async def by_binding(town: City, who: Resident) -> dict[str, str]:
    _, token = await means.new_binding(town, who)
    return {"binding_token": token}


async def by_slip(town: City, who: Resident) -> dict[str, str]:
    return {"short_code": (await means.new_slip(who))["short_code"]}


async def _ticket(who: Resident) -> dict[str, str]:
    """A ticket that does not expire while a test runs."""
    ticket = await who.ticket()
    await queries.execute(
        "UPDATE ticket SET expires_at = expires_at + 3600000000 WHERE ticket_id = $1", ticket["ticket_id"]
    )
    return ticket


async def unknown(town: City, who: Resident, shown: dict[str, str]) -> None:
    for name, value in shown.items():
        shown[name] = "2" * len(value)


async def expired(town: City, who: Resident, shown: dict[str, str]) -> None:
    await queries.execute("UPDATE ticket SET expires_at = issued_at WHERE person_id IS NOT NULL")


async def withdrawn(town: City, who: Resident, shown: dict[str, str]) -> None:
    assert (await who.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200


async def quota_gone(town: City, who: Resident, shown: dict[str, str]) -> None:
    other = await who.ticket()
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": other["handle"]})).status_code == 201


async def erased(town: City, who: Resident, shown: dict[str, str]) -> None:
    assert (await who.delete("/v1/me")).status_code == 200


async def no_longer_eligible(town: City, who: Resident, shown: dict[str, str]) -> None:
    source = town.source("volunteer-service")
    path = "/v1/source/records/v-who.minutes/correction"
    assert (await source.post(path, {"quantity": 60, "reason_code": "counted_wrong"})).status_code == 200
    await who.get("/v1/me/points")  # the points are computed: see NO_STEP_SECONDS


MEANS: tuple[Show, ...] = (by_handle, by_short_code, by_slip, by_binding)
REASONS: tuple[Act, ...] = (unknown, expired, withdrawn, quota_gone, erased, no_longer_eligible)


@pytest.mark.parametrize("show", MEANS, ids=lambda show: show.__name__)
async def test_every_no_by_every_means_has_the_same_bytes_headers_and_statements(
    town: City, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "NO_STEP_SECONDS", 0.001)
    venue = town.venue()
    assert (await venue.post("/v1/venue/redemptions", {"handle": "x"})).content == STANDARD_TERMS
    seen: dict[str, tuple[Any, ...]] = {}
    for act in REASONS:
        who = town.resident(f"who-{act.__name__.replace('_', '-')}")
        await who.volunteer(7_200, "v-who")
        await who.consent_to_provider("city-library")
        shown = await show(town, who)
        await act(town, who, shown)
        with recorded(monkeypatch) as statements:
            answer = await venue.post("/v1/venue/redemptions", shown)
        headers = {name: value for name, value in answer.headers.items() if name not in PER_REQUEST_HEADERS}
        seen[act.__name__] = (answer.status_code, answer.content, headers, tuple(statements))
        await who.delete("/v1/me")
    expected = seen["unknown"]
    assert expected[:2] == (200, STANDARD_TERMS)
    assert {reason: answer for reason, answer in seen.items() if answer != expected} == {}


async def pass_unknown(town: City, who: Resident, shown: dict[str, str]) -> None:
    shown["pass"] = "CE1:NCFOXN"


async def pass_expired(town: City, who: Resident, shown: dict[str, str]) -> None:
    town.shift.by = timedelta(hours=25)


REASONS_OF_A_PASS: tuple[Act, ...] = (pass_unknown, withdrawn, quota_gone, erased, pass_expired)
"""Points that fall later are none: a pass stands for the day it was issued for."""


@pytest.mark.both_engines(everyday=False)
async def test_every_no_to_a_pass_has_the_bytes_and_headers_of_a_no_to_a_handle(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "NO_STEP_SECONDS", 0.001)
    venue, answers = town.venue(), {}
    for act in REASONS_OF_A_PASS:
        who = await means.reader(town, act.__name__.replace("_", "-"))
        shown = {"pass": (await offline.take_passes(who))[0].code(await offline.seconds(town))}
        await act(town, who, shown)
        answers[act.__name__] = await venue.post("/v1/venue/redemptions/pass", shown)
    answers["handle"] = await venue.post("/v1/venue/redemptions", {"handle": "f" * 32})
    seen = {
        reason: (
            answer.status_code,
            answer.content,
            {name: value for name, value in answer.headers.items() if name not in PER_REQUEST_HEADERS},
        )
        for reason, answer in answers.items()
    }
    assert seen["handle"][:2] == (200, STANDARD_TERMS)
    assert {reason: answer for reason, answer in seen.items() if answer != seen["handle"]} == {}


async def test_every_means_redeems_and_its_second_use_is_the_same_no(town: City) -> None:
    who, venue = town.resident("who"), town.venue()
    await who.volunteer(7_200, "v-who")
    await who.consent_to_provider("city-library")
    for day, show in enumerate(MEANS):
        town.shift.by = timedelta(days=day)
        shown = await show(town, who)
        assert (await venue.post("/v1/venue/redemptions", shown)).status_code == 201, show.__name__
        assert (await venue.post("/v1/venue/redemptions", shown)).content == STANDARD_TERMS, show.__name__
