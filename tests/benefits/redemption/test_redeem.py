"""A redemption by either executor of its plan: the same rows, and nothing where something changes in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from benefits.redemption import redeem
from consent.database import queries, write_plan
from consent.database.write_plan import Plan, WriteConflict
from consent.verification import logs
from tests.factories import administrator
from tests.support.city import City

pytestmark = pytest.mark.anyio

ROWS = {
    "redemption": "benefit_id, benefit_version, venue_id, day, state, runs_until, reversal_reason",
    "quota_use": "quota_key, taken, ends_on",
    "event": "number, kind, at",
}
REDEEMED = "benefit.redeemed"
STANDARD_TERMS = b'{"applies":false}'


@pytest.fixture(params=["single", "stepwise"])
def executor(request: pytest.FixtureRequest, town: City, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each executor on PostgreSQL; SQLite has one."""
    if request.param == "stepwise" and not queries.is_sqlite():
        monkeypatch.setattr(queries, "supports_multi_table_writes", lambda: False)
    elif request.param == "single" and queries.is_sqlite():
        pytest.skip("SQLite has no statement that writes several tables")
    assert town
    return str(request.param)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Outcome of each commit of a plan without a lock, in order."""
    outcomes: list[str] = []
    original = write_plan.commit

    async def noted(plan: Plan) -> None:
        try:
            await original(plan)
        except WriteConflict:
            outcomes.append("conflict")
            raise
        outcomes.append("written")

    monkeypatch.setattr(write_plan, "commit", noted)
    return outcomes


def before_commit(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[Any]]) -> None:
    """Do something once, after the first state was loaded and before its plan is committed."""
    original, done = write_plan.commit, list[bool]()

    async def late(plan: Plan) -> None:
        if not done:
            done.append(True)
            await act()
        await original(plan)

    monkeypatch.setattr(write_plan, "commit", late)


async def ready(town: City, name: str = "wu") -> tuple[Any, str]:
    who = town.resident(name)
    await who.volunteer(7_200, f"v-{name}")
    await who.consent_to_provider("city-library")
    return who, (await who.ticket())["handle"]


async def rows() -> dict[str, list[dict[str, Any]]]:
    contents = {}
    for table, columns in ROWS.items():
        where = f" WHERE kind = '{REDEEMED}'" if table == "event" else ""
        contents[table] = await queries.fetch_all(f"SELECT {columns} FROM {table}{where}")
    return contents


async def assert_nothing_redeemed() -> None:
    assert await queries.fetch_all("SELECT 1 AS one FROM redemption") == []
    assert await queries.fetch_all("SELECT 1 AS one FROM quota_use WHERE taken > 0") == []
    assert await queries.fetch_all(f"SELECT 1 AS one FROM event WHERE kind = '{REDEEMED}'") == []
    assert await queries.fetch_all("SELECT 1 AS one FROM ticket WHERE redemption_id IS NOT NULL") == []


async def test_both_executors_leave_the_same_rows(
    town: City, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, handle = await ready(town)
    venue = town.venue()
    first = await venue.post("/v1/venue/redemptions", {"handle": handle}, key="one")
    assert first.status_code == 201
    assert commits == ["written"]
    single = await rows()
    again = await venue.post("/v1/venue/redemptions", {"handle": handle}, key="one")
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    other_body = await venue.post("/v1/venue/redemptions", {"handle": "0" * 32}, key="one")
    assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_key_reused")
    assert commits == ["written"]
    reversed_ = await venue.post(
        f"/v1/venue/redemptions/{first.json()['redemption_id']}/reversal", {"reason_code": "mistaken_scan"}
    )
    assert reversed_.status_code == 200
    async with queries.transaction():
        for table in ("redemption", "quota_use", "ticket"):
            await queries.execute(f"DELETE FROM {table}")
    monkeypatch.setattr(queries, "supports_multi_table_writes", lambda: False)
    handle = (await town.resident("wu").ticket())["handle"]
    other = await venue.post("/v1/venue/redemptions", {"handle": handle})
    assert {**other.json(), "redemption_id": ""} == {**first.json(), "redemption_id": ""}
    stepwise = await rows()
    assert stepwise["redemption"] == single["redemption"]
    assert stepwise["quota_use"] == single["quota_use"]
    assert [row["kind"] for row in stepwise["event"]] == [REDEEMED, REDEEMED]
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    assert {name: report.fault for name, report in reports.items()} == dict.fromkeys(reports)


async def test_a_redemption_shows_in_the_access_log_once(town: City, executor: str) -> None:
    who, handle = await ready(town)
    await town.venue().post("/v1/venue/redemptions", {"handle": handle})
    uses = (await who.get("/v1/me/access-log")).json()["data"]
    assert [use["outcome"] for use in uses if use["what"] == "library-deposit"] == ["applies", "issued"]


async def test_every_reason_for_standard_terms_is_one_commit_and_one_leaf(
    town: City, executor: str, commits: list[str]
) -> None:
    who, spent = await ready(town)
    open_handle = (await who.ticket())["handle"]
    venue, other_venue = town.venue(), town.venue("riverside-parking-1")
    assert (await venue.post("/v1/venue/redemptions", {"handle": spent})).status_code == 201
    stranger, foreign = await ready(town, "chen")
    ended = await ready(town, "li")
    await ended[0].post("/v1/me/withdrawals", {"scope": "all"})
    for asked, handle in (
        (venue, "0" * 32),
        (venue, spent),
        (venue, ended[1]),
        (other_venue, foreign),
        # The day's quota is full, which is read with the ticket.
        (venue, open_handle),
    ):
        commits.clear()
        leaves = await count("outbox")
        answer = await asked.post("/v1/venue/redemptions", {"handle": handle})
        assert (answer.status_code, answer.content) == (200, STANDARD_TERMS)
        assert commits == ["written"]
        assert await count("outbox") == leaves + 1
    assert (await stranger.get("/v1/me/points")).status_code == 200


async def test_a_last_place_taken_since_the_load_is_a_conflict_and_then_standard_terms(
    town: City, executor: str, commits: list[str]
) -> None:
    who, spent = await ready(town)
    handle = (await who.ticket())["handle"]
    venue = town.venue()
    assert (await venue.post("/v1/venue/redemptions", {"handle": spent})).status_code == 201
    # A ticket from before tickets named their counters: the load cannot read them.
    await queries.execute("UPDATE ticket SET counters = '[]' WHERE redemption_id IS NULL")
    commits.clear()
    answer = await venue.post("/v1/venue/redemptions", {"handle": handle})
    assert (answer.status_code, answer.content) == (200, STANDARD_TERMS)
    assert commits == ["conflict", "written"]


async def count(table: str) -> int:
    row = await queries.fetch_one(f"SELECT count(*) AS counted FROM {table}")
    assert row is not None
    return int(row["counted"])


async def test_points_are_computed_where_the_stored_ones_are_not_usable(town: City, executor: str) -> None:
    _, handle = await ready(town)
    # A delivery raises the epoch: what is stored was computed before it.
    await town.source("volunteer-service").deliver(
        {"record_id": "more", "account": "v-wu", "kind": "volunteer_minutes", "quantity": 60,
         "occurred_on": f"{await town.last_year()}-12-31"}
    )  # fmt: skip
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": handle})).status_code == 201


async def test_a_benefit_suspended_after_the_ticket_does_not_apply(town: City, executor: str) -> None:
    _, handle = await ready(town, "chen")
    assert (await administrator(town).post("/v1/admin/benefits/library-deposit/versions/1/suspend")).status_code == 200
    for path in ("/v1/venue/checks", "/v1/venue/redemptions"):
        assert (await town.venue().post(path, {"handle": handle})).content == STANDARD_TERMS
    await assert_nothing_redeemed()


async def test_a_withdrawal_between_load_and_commit_undoes_all_of_it(
    town: City, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, handle = await ready(town)
    consents = (await who.get("/v1/me/consents")).json()["data"]
    provider = next(consent["consent_id"] for consent in consents if consent["purpose"] == "benefit.check")

    async def withdraw() -> None:
        assert (await who.post(f"/v1/me/consents/{provider}/withdraw")).status_code == 200

    before_commit(monkeypatch, withdraw)
    scanned = await town.venue().post("/v1/venue/redemptions", {"handle": handle})
    assert scanned.content == STANDARD_TERMS
    await assert_nothing_redeemed()


async def test_a_change_of_the_catalogue_between_load_and_commit_undoes_all_of_it(
    town: City, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, handle = await ready(town)

    async def suspend() -> None:
        answer = await administrator(town).post("/v1/admin/benefits/library-deposit/versions/1/suspend")
        assert answer.status_code == 200

    before_commit(monkeypatch, suspend)
    scanned = await town.venue().post("/v1/venue/redemptions", {"handle": handle})
    assert scanned.content == STANDARD_TERMS
    await assert_nothing_redeemed()


@pytest.mark.parametrize("awaited", ["person", "ticket"])
async def test_what_is_suspended_while_the_statement_waits_undoes_all_of_it(
    town: City, commits: list[str], awaited: str
) -> None:
    if queries.is_sqlite():
        pytest.skip("SQLite has one writer: nothing waits inside a statement")
    _, handle = await ready(town)
    other = await asyncpg.connect(town.app_context.settings.database_url.replace("postgres://", "postgresql://", 1))
    holding = other.transaction()
    await holding.start()
    assert await other.fetch(f"SELECT 1 FROM {awaited} WHERE person_id = (SELECT person_id FROM ticket) FOR UPDATE")
    scanning = asyncio.create_task(town.venue().post("/v1/venue/redemptions", {"handle": handle}))
    for _ in range(200):
        if await other.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):
            break
        await asyncio.sleep(0.02)
    suspended = await administrator(town).post("/v1/admin/benefits/library-deposit/versions/1/suspend")
    assert suspended.status_code == 200
    assert not scanning.done()
    await holding.rollback()
    await other.close()
    assert (await scanning).content == STANDARD_TERMS
    assert commits == ["conflict", "written"]
    await assert_nothing_redeemed()


async def test_a_state_that_keeps_changing_is_settled_under_the_persons_lock(
    town: City, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, handle = await ready(town)
    attempts = 0

    async def always_late(plan: Plan) -> None:
        nonlocal attempts
        attempts += 1
        raise WriteConflict

    monkeypatch.setattr(write_plan, "commit", always_late)
    answer = await town.venue().post("/v1/venue/redemptions", {"handle": handle}, key="one")
    assert answer.status_code == 201
    assert attempts == redeem.OPTIMISTIC_ATTEMPTS
    again = await town.venue().post("/v1/venue/redemptions", {"handle": handle}, key="one")
    assert again.content == answer.content
    assert (await who.get("/v1/me/points")).status_code == 200


async def test_a_commit_that_never_succeeds_is_unavailable_and_writes_nothing(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, handle = await ready(town)

    async def conflict(plan: Plan) -> None:
        raise WriteConflict

    monkeypatch.setattr(write_plan, "commit", conflict)
    monkeypatch.setattr(write_plan, "apply", conflict)
    answer = await town.venue().post("/v1/venue/redemptions", {"handle": handle})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    monkeypatch.undo()
    await assert_nothing_redeemed()


async def test_many_handles_of_one_person_at_once_keep_the_chain_whole(town: City, executor: str) -> None:
    who = town.resident("wu")
    await who.volunteer(7_200, "v-wu")
    await who.consent_to_provider("city-library")
    venue, handles = town.venue(), [(await who.ticket())["handle"] for _ in range(12)]
    answers = await asyncio.gather(*(venue.post("/v1/venue/redemptions", {"handle": handle}) for handle in handles))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]  # one a day
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    assert reports["chains"].fault is None
