"""Unlinkability: a redemption and a person, an erased person's events, a handle and the log's size."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from tortoise import Tortoise

from consent.database import queries
from consent.transparency import sequencer
from consent.transparency.logs import Log
from service.auth.access_tokens import Audience
from service.http import rate_limits
from service.jobs import background
from tests.support.city import City, Resident

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


async def redeemed(town: City, name: str) -> tuple[Resident, str]:
    """A resident who redeemed a ticket at the library, and the redemption's id."""
    who = town.resident(name)
    await who.volunteer(7_200, f"v-{name}")
    await who.consent_to_provider("city-library")
    done = await town.venue().post("/v1/venue/redemptions", {"handle": (await who.ticket())["handle"]})
    assert done.status_code == 201, done.text
    redemption_id: str = done.json()["redemption_id"]
    return who, redemption_id


async def everything(but: frozenset[str] = frozenset()) -> dict[str, list[dict[str, object]]]:
    """Every table's rows."""
    return {
        model._meta.db_table: await queries.fetch_all(f"SELECT * FROM {model._meta.db_table}")
        for app in Tortoise.apps.values()
        for model in app.values()
        if model._meta.db_table not in but
    }


async def test_after_24_hours_nothing_leads_from_a_redemption_to_a_person(town: City) -> None:
    for name in ("wang", "li", "zhao"):
        await redeemed(town, name)
    persons = {row["person_id"] for row in await queries.fetch_all("SELECT person_id FROM person")}
    before = await queries.fetch_all("SELECT * FROM redemption ORDER BY redemption_id")
    town.shift.by = timedelta(hours=25)
    await background.run_cleanup(town.app_context)
    assert await queries.fetch_all("SELECT * FROM ticket") == []
    after = await queries.fetch_all("SELECT * FROM redemption ORDER BY redemption_id")
    members = ("redemption_id", "venue_id", "benefit_id", "day", "hour", "state")
    assert [[row[member] for member in members] for row in after] == [
        [row[member] for member in members] for row in before
    ]
    values = {value for row in after for name, value in row.items() if name not in members}
    tables = await everything(frozenset({"redemption"}))
    # No value of a redemption stands in any row that has a person, or in any event, but for what all redemptions share.
    for table, rows in tables.items():
        for row in rows:
            mine = {value for value in row.values() if isinstance(value, str)}
            if mine & persons:
                assert not mine & {row["redemption_id"] for row in after}, table
                assert not mine & {value for value in values if isinstance(value, str)}, table
    # The place of a row in its table says nothing either: it is the order of random ids.
    place = "rowid" if queries.is_sqlite() else "ctid"
    stored = await queries.fetch_all(f"SELECT redemption_id FROM redemption ORDER BY {place}")
    assert [row["redemption_id"] for row in stored] == sorted(row["redemption_id"] for row in stored)


async def test_uses_are_written_down_by_the_hour(town: City) -> None:
    await background.advance_logs(town.app_context)
    who, _ = await redeemed(town, "wang")
    uses = "('points.computed', 'ticket.issued', 'benefit.checked', 'benefit.redeemed', 'benefit.reversed')"
    for row in await queries.fetch_all(f"SELECT at FROM event WHERE kind IN {uses}"):
        assert row["at"] % 3_600_000_000 == 0
    for entry in (await who.get("/v1/me/access-log")).json()["data"]:
        assert ":00:00" in entry["at"]
    # The outbox keeps real time: a leaf that waits too long is an alarm.
    waiting, waited = await sequencer.backlog(Log.CONSENT, await town.app_context.clock())
    assert waiting
    assert waited < sequencer.LATE_AFTER


async def test_after_an_erasure_only_leaf_hashes_stay(town: City) -> None:
    who, _ = await redeemed(town, "wang")
    row = await queries.fetch_one("SELECT person_id FROM person ORDER BY created_at DESC LIMIT 1")
    assert row is not None
    person_id = row["person_id"]
    events = await queries.fetch_all("SELECT leaf_hash, kind FROM event WHERE person_id = $1", person_id)
    await who.delete("/v1/me")
    for table, rows in (await everything()).items():
        assert person_id not in str(rows), table
    left = {row["leaf_hash"]: row["kind"] for row in await queries.fetch_all("SELECT * FROM erased_leaf")}
    assert {row["leaf_hash"]: row["kind"] for row in events}.items() <= left.items()
    (erasure,) = await queries.fetch_all("SELECT * FROM erasure")
    assert json.loads(erasure["event"])["facts"] == {"events": len(left) - 1}


@pytest.mark.both_engines(everyday=False)
@pytest.mark.database_owner
async def test_events_leave_with_their_person_alone(town: City) -> None:
    await redeemed(town, "wang")
    for statement in ("DELETE FROM event", "UPDATE event SET at = 1"):
        with pytest.raises(Exception, match="append only"):
            await queries.execute(statement)
    (person,) = await queries.fetch_all("SELECT person_id FROM person ORDER BY created_at DESC LIMIT 1")
    await queries.execute("DELETE FROM person WHERE person_id = $1", person["person_id"])
    with pytest.raises(Exception, match="append only"):
        await queries.execute("DELETE FROM event WHERE person_id = $1", person["person_id"])


async def test_a_reversal_returns_the_quota_whatever_became_of_the_person(town: City) -> None:
    who, redemption_id = await redeemed(town, "wang")
    taken = "SELECT quota_key, taken FROM quota_use WHERE taken > 0"
    assert await queries.fetch_all(taken)
    await who.delete("/v1/me")
    path = f"/v1/venue/redemptions/{redemption_id}/reversal"
    for _ in range(2):
        answer = await town.venue().post(path, {"reason_code": "not_delivered"})
        assert answer.status_code == 200
    assert await queries.fetch_all(taken) == []


@pytest.mark.both_engines(everyday=False)
async def test_the_size_of_the_log_does_not_tell_a_live_handle_from_another(town: City) -> None:
    zhao, venue = town.resident("zhao"), town.venue()
    await zhao.volunteer(7_200, "v-zhao")
    await zhao.consent_to_provider("city-library")
    live, later = (await zhao.ticket())["handle"], (await zhao.ticket())["handle"]

    async def leaves() -> int:
        await background.advance_logs(town.app_context)
        return (await sequencer.head(Log.CONSENT)).size

    grown = set()
    # Live, then redeemed, so that its quota is gone; one whose quota was used by the other; one that never was.
    for handle in (live, live, later, "f" * 32):
        for path in ("/v1/venue/checks", "/v1/venue/redemptions"):
            before = await leaves()
            await venue.post(path, {"handle": handle})
            grown.add(await leaves() - before)
    assert grown == {1}


async def test_attempts_at_another_audience_are_limited(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "clock", lambda: 1_800_000_020.0)  # a minute that does not end meanwhile
    town.app_context.limiter.rates["refused"] = 30
    source, statuses = town.source(), []
    for _ in range(40):
        statuses.append((await source.get("/v1/me/points")).status_code)
    assert (statuses.count(403), statuses.count(429)) == (30, 10)
    rows = await queries.fetch_all("SELECT actor FROM refused_attempt")
    assert {row["actor"] for row in rows} == {"green-travel"}
    assert len(rows) == 30


@pytest.mark.both_engines(everyday=False)
@pytest.mark.parametrize("number", ["100000000000000000000", "1e999", "9" * 400, "-1e999"])
async def test_numbers_too_large_are_refused_not_dropped(town: City, number: str) -> None:
    wang, source = town.resident("wang"), town.source("volunteer-service")
    await wang.volunteer(7_200, "v-wang")
    raw = f'{{"quantity":{number},"occurred_on":"2025-06-01","reason_code":"typo"}}'
    headers = source.headers({"Content-Type": "application/json"})
    path = "/v1/source/records/v-wang.minutes/correction"
    answer = await town.client.post(path, content=raw, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/quantity")
    assert await wang.total() == 63


@pytest.mark.both_engines(everyday=False)
async def test_a_row_that_was_no_deed_says_its_line(town: City) -> None:
    source = town.source("volunteer-service")
    lines = [
        "",
        '{"record_id":"n-1","account":"x","kind":"volunteer_minutes","quantity":1e999,"occurred_on":"2025-06-01"}',
        "",
        '{"record_id":"n-2","account":"x","kind":"volunteer_minutes","quantity":1,"occurred_on":"2025-06-01"}',
        "nonsense",
    ]
    answer = await town.client.post(
        "/v1/source/records",
        content="\n".join(lines),
        headers=source.headers({"Content-Type": "application/x-ndjson"}),
    )
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [(row["record_id"], row["code"], row.get("line")) for row in rows] == [
        (None, "body_invalid", 2), ("n-2", "not_authorised", None), (None, "malformed_json", 5),
    ]  # fmt: skip


@pytest.mark.both_engines(everyday=False)
async def test_rows_older_than_three_years_are_deleted(town: City) -> None:
    await redeemed(town, "wang")
    officer = town.actor(Audience.PRIVACY, "officer-1")
    await officer.post("/v1/privacy/cases", {"reason_code": "yearly_audit", "text": "The yearly audit."})
    for days, dropped in ((1_090, 0), (1_100, 1)):
        town.shift.by = timedelta(days=days)
        tidied = await background.run_cleanup(town.app_context)
        assert (tidied["redemptions_deleted"], tidied["oversight_deleted"]) == (dropped, dropped)
