"""A "no" at a venue is one answer for every reason: the same bytes, headers and statements; few checks a handle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from benefits.redemption import redeem
from consent.database import queries
from service.api.venue import handlers
from tests.support.answers import PER_REQUEST_HEADERS
from tests.support.city import City
from tests.support.refusals import REASONS, no_longer_eligible

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

PATHS = ("/v1/venue/checks", "/v1/venue/redemptions")
STANDARD_TERMS = b'{"applies":false}'


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The text of every statement, in order; of functions that call each other the outermost is recorded."""
    statements: list[str] = []
    depth = 0
    with monkeypatch.context() as patched:
        for name in ("fetch_all", "fetch_record", "execute", "execute_guarded"):
            original = getattr(queries, name)

            async def noted(sql: str, *values: Any, _original: Any = original, **options: Any) -> Any:
                nonlocal depth
                statements.extend([] if depth else [sql])
                depth += 1
                try:
                    return await _original(sql, *values, **options)
                finally:
                    depth -= 1

            patched.setattr(queries, name, noted)
        yield statements


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "NO_STEP_SECONDS", 0.001)


@pytest.mark.parametrize("path", PATHS)
async def test_every_reason_has_the_same_bytes_headers_and_statements(
    town: City, path: str, monkeypatch: pytest.MonkeyPatch, at_once: None
) -> None:
    venue = town.venue()
    assert (await venue.post(PATHS[0], {"handle": "x"})).content == STANDARD_TERMS  # the catalogue is read
    seen: dict[str, tuple[Any, ...]] = {}
    for reason, make in REASONS.items():
        handle = await make(town, f"r-{reason.replace('_', '-')}")
        if reason == "no_longer_eligible":
            await venue.post(PATHS[0], {"handle": handle})  # the points are computed: see NO_STEP_SECONDS
        with recorded(monkeypatch) as statements:
            answer = await venue.post(path, {"handle": handle})
        headers = {name: value for name, value in answer.headers.items() if name not in PER_REQUEST_HEADERS}
        seen[reason] = (answer.status_code, answer.content, headers, tuple(statements))
    expected = seen["unknown"]
    assert expected[:2] == (200, STANDARD_TERMS)
    assert len(expected[3]) == (2 if queries.supports_multi_table_writes() else 7)
    assert {reason: answer for reason, answer in seen.items() if answer != expected} == {}


@pytest.mark.both_engines(everyday=False)
@pytest.mark.parametrize("path", PATHS)
async def test_points_that_must_be_computed_for_a_no_do_not_show_in_its_bytes(
    town: City, path: str, at_once: None
) -> None:
    handle = await no_longer_eligible(town, "stale")
    stale, unknown = [await town.venue().post(path, {"handle": shown}) for shown in (handle, "f" * 32)]
    assert stale.content == unknown.content == STANDARD_TERMS
    assert stale.headers.keys() == unknown.headers.keys()


async def test_a_no_takes_a_whole_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a clock of the machine: what is slept adds up to a step with what was taken."""
    slept: list[float] = []
    moments = iter([100.012, 200.062])

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(handlers, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    monkeypatch.setattr(handlers, "asyncio", SimpleNamespace(sleep=sleep))
    for began in (100.0, 200.0):
        await handlers._until_next_step(began)
    assert slept == pytest.approx([0.038, 0.038])
    assert handlers.NO_STEP_SECONDS == 0.05


async def test_a_handle_is_checked_a_few_times_and_still_redeemed(town: City, at_once: None) -> None:
    who, venue = town.resident("checked"), town.venue()
    await who.volunteer(7_200, "v-checked")
    await who.consent_to_provider("city-library")
    body = {"handle": (await who.ticket())["handle"]}
    answers = [(await venue.post(PATHS[0], body)).json()["applies"] for _ in range(redeem.CHECKS_MAX + 2)]
    assert answers == [True] * redeem.CHECKS_MAX + [False, False]
    # In the database, so that the processes of a city count together.
    row = await queries.fetch_one("SELECT max(checks) AS checks FROM ticket")
    assert row == {"checks": redeem.CHECKS_MAX + 2}
    assert (await venue.post(PATHS[1], body)).status_code == 201
