"""Hints to the city's app: opted in by the resident alone, nothing but "there is something", stopped by one call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consent.database import queries
from consent.events import hints
from consent.events.hints import HintState
from service.auth.access_tokens import Audience
from service.jobs import background
from tests.support.browsing import Browser
from tests.support.city import City, Resident, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def choose(me: Resident, city_app: bool) -> dict[str, Any]:
    answer = await me.replace("/v1/me/notifications", {"city_app": city_app})
    assert answer.status_code == 200, answer.text
    choice: dict[str, Any] = answer.json()
    return choice


async def waiting(town: City, query: str = "") -> list[dict[str, Any]]:
    answer = await town.city_app().get(f"/v1/app/hints{query}")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


async def next_hour(town: City) -> None:
    """Move the clock to ten minutes past the next full hour, at which hints become visible."""
    now = await town.app_context.clock()
    town.shift.by += now.replace(minute=10, second=0, microsecond=0) + timedelta(hours=1) - now


async def object_to_a_gap(me: Resident) -> None:
    """Cause a message: the resident says that a record is missing."""
    body = {"reason_code": "missing", "statement": "x", "source_id": "green-travel"}
    answer = await me.post("/v1/me/objections", body)
    assert answer.status_code == 201, answer.text


async def cause_message(town: City, me: Resident, account: str) -> None:
    """Cause a message: a record of the resident is corrected."""
    source = town.source()
    await source.deliver(record(f"{account}.1", account, quantity=10))
    answer = await source.post(
        f"/v1/source/records/{account}.1/correction", {"quantity": 8, "reason_code": "counted_wrong"}
    )
    assert answer.status_code == 200, answer.text


async def resident_with_hint(town: City, name: str) -> Resident:
    """A resident who opted in and has an unread message, of which the app may know."""
    me = town.resident(name)
    await me.link("green-travel", f"bike-{name}")
    await choose(me, True)
    await cause_message(town, me, f"bike-{name}")
    await next_hour(town)
    return me


async def test_nobody_is_hinted_who_did_not_opt_in(town: City) -> None:
    me = town.resident("wang")
    await me.link("green-travel", "bike-1")
    await cause_message(town, me, "bike-1")
    await next_hour(town)
    assert (await me.get("/v1/me/notifications")).json() == {"city_app": False, "opted_in_at": None}
    assert await waiting(town) == []


async def test_a_hint_says_who_and_since_which_hour_and_nothing_else(town: City) -> None:
    await resident_with_hint(town, "wang")
    (hint,) = await waiting(town)
    assert set(hint) == {"hint_id", "sub", "since"}
    assert hint["sub"] == "wang"
    assert hint["since"].endswith(":00:00Z")


async def test_reading_the_messages_ends_the_hint_and_the_next_message_begins_another(town: City) -> None:
    me = await resident_with_hint(town, "wang")
    (first,) = await waiting(town)
    messages = await me.messages()
    assert [row["kind"] for row in messages] == ["record_corrected"]
    assert await waiting(town) == []
    await object_to_a_gap(me)
    await next_hour(town)
    (second,) = await waiting(town)
    assert second["hint_id"] != first["hint_id"]


async def test_what_is_unread_when_somebody_opts_in_is_hinted(town: City) -> None:
    me = town.resident("wang")
    await me.link("green-travel", "bike-1")
    await cause_message(town, me, "bike-1")
    await choose(me, True)
    await next_hour(town)
    assert [hint["sub"] for hint in await waiting(town)] == ["wang"]


@pytest.mark.both_engines
async def test_a_badge_or_a_preview_reads_messages_without_ending_the_hint(town: City) -> None:
    me = await resident_with_hint(town, "wang")
    hints_before = await waiting(town)
    unread = (await me.get("/v1/me/messages?mark_read=false")).json()["data"]
    assert [row["kind"] for row in unread] == ["record_corrected", "link_confirmed"]
    assert await waiting(town) == hints_before
    assert (await me.get("/v1/me/messages?mark_read=no")).json()["code"] == "bad_query"
    await me.get("/v1/me/messages?mark_read=true")
    assert await waiting(town) == []


async def test_the_pages_end_a_hint_by_showing_the_messages_and_not_by_their_badge(town: City) -> None:
    await resident_with_hint(town, "wang")
    hints_before = await waiting(town)
    browser = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    for path in ("/me", "/me/mine"):
        await browser.go(path)
        assert await waiting(town) == hints_before, path
    await browser.go("/me/messages")
    assert await waiting(town) == []


async def test_polling_each_minute_tells_neither_the_minute_nor_the_number_of_messages(town: City) -> None:
    me = town.resident("wang")
    await choose(me, True)
    await next_hour(town)
    for _ in range(3):
        await object_to_a_gap(me)
        assert await waiting(town) == []
        town.shift.by += timedelta(minutes=1)
    await next_hour(town)
    (first,) = await waiting(town)
    # Until the full hour the app sees the same hint, acknowledged, with each further message.
    await town.city_app().post("/v1/app/hints/acknowledgements", {"hint_ids": [first["hint_id"]]})
    for _ in range(3):
        await object_to_a_gap(me)
        assert (await waiting(town), await waiting(town, "?state=new")) == ([first], [])
        town.shift.by += timedelta(minutes=1)
    await next_hour(town)
    (second,) = await waiting(town, "?state=new")
    assert second["hint_id"] != first["hint_id"]
    assert await waiting(town) == [second]
    # Nobody has polled between this message and the one before: its hint takes the place of the older one.
    await object_to_a_gap(me)
    await next_hour(town)
    await object_to_a_gap(me)
    (third,) = await waiting(town, "?state=new")
    assert third["hint_id"] not in {first["hint_id"], second["hint_id"]}
    assert third["since"] == first["since"]


async def test_a_hint_of_an_earlier_hour_is_read_together_with_the_next_one(town: City) -> None:
    me = await resident_with_hint(town, "wang")
    await object_to_a_gap(me)
    await me.get("/v1/me/messages")
    await next_hour(town)
    assert await waiting(town) == []


async def test_one_call_stops_it_and_withdraws_what_waits(town: City) -> None:
    me = await resident_with_hint(town, "wang")
    assert await choose(me, False) == {"city_app": False, "opted_in_at": None}
    assert await waiting(town) == []
    await object_to_a_gap(me)
    await next_hour(town)
    assert await waiting(town) == []
    export = (await me.get("/v1/me/export")).json()
    assert export["city_app_hints"] == []
    kinds = [row["event"]["kind"] for row in export["events"]]
    assert (kinds.count("hints.allowed"), kinds.count("hints.stopped")) == (1, 1)
    await background.advance_logs(town.app_context)


async def test_the_same_choice_again_changes_nothing(town: City) -> None:
    me = await resident_with_hint(town, "wang")
    before, chosen = await waiting(town), await choose(me, True)
    town.shift.by += timedelta(hours=3)
    assert await choose(me, True) == chosen
    assert await waiting(town) == before
    export = (await me.get("/v1/me/export")).json()
    assert export["city_app_hints"] == [{"opted_in_at": chosen["opted_in_at"]}]
    # Saying no stores nothing about somebody who was never here.
    stranger = town.resident("stranger")
    assert (await choose(stranger, False))["city_app"] is False
    assert (await stranger.get("/v1/me/export")).json()["events"] == []


@pytest.mark.both_engines
async def test_a_lost_poll_loses_nothing_and_an_acknowledged_hint_is_new_no_more(town: City) -> None:
    me, app = await resident_with_hint(town, "wang"), town.city_app()
    (hint,) = await waiting(town, "?state=new")
    assert await waiting(town, "?state=new") == [hint]
    for _ in range(2):
        body = {"hint_ids": [hint["hint_id"], "never-heard-of"]}
        acknowledged = await app.post("/v1/app/hints/acknowledgements", body)
        assert (acknowledged.status_code, acknowledged.json()) == (200, {"state": "acknowledged"})
    assert await waiting(town, "?state=new") == []
    assert await waiting(town) == [hint]
    # A message after the app's poll is not covered by its acknowledgement.
    await object_to_a_gap(me)
    await next_hour(town)
    await app.post("/v1/app/hints/acknowledgements", {"hint_ids": [hint["hint_id"]]})
    (again,) = await waiting(town, "?state=new")
    assert again["hint_id"] != hint["hint_id"]
    assert again["since"] == hint["since"]
    assert (await app.get("/v1/app/hints?state=read")).json()["code"] == "bad_query"


async def test_pages_of_hints_name_each_resident_once(town: City) -> None:
    names = {f"many-{number}" for number in range(5)}
    for name in names:
        await resident_with_hint(town, name)
    app, seen, cursor = town.city_app(), [], ""
    while True:
        answer = (await app.get(f"/v1/app/hints?limit=2{cursor}")).json()
        seen += [row["sub"] for row in answer["data"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert sorted(seen) == sorted(names)


async def test_an_erased_resident_is_hinted_no_more(town: City) -> None:
    me = await resident_with_hint(town, "wang")
    assert (await me.delete("/v1/me")).status_code == 200
    assert await waiting(town) == []
    assert (
        await hints.list_waiting(town.app_context.keyring, HintState.UNREAD, await town.app_context.clock(), None, 10)
        == []
    )


async def test_the_hint_of_a_refused_message_is_not_set(town: City) -> None:
    """A hint is written in the message's transaction: without the message there is none."""
    me = town.resident("wang")
    await choose(me, True)
    refused = await me.post(
        "/v1/me/objections", {"reason_code": "missing", "statement": "x", "source_id": "no-such-source"}
    )
    assert refused.status_code == 409, refused.text
    await next_hour(town)
    assert await waiting(town) == []


@pytest.mark.parametrize(("column", "index"), [("hint_id", "app_hint_by_id"), ("next_hint_id", "app_hint_by_next_id")])
async def test_hints_are_confirmed_by_their_ids_alone(town: City, column: str, index: str) -> None:
    """The ids that the app sends back have no person in them."""
    async with queries.transaction():
        if not queries.is_sqlite():
            await queries.execute("SET LOCAL enable_seqscan = off")  # it reads an empty table without any index
        explain = "EXPLAIN QUERY PLAN" if queries.is_sqlite() else "EXPLAIN"
        rows = await queries.fetch_all(f"{explain} SELECT * FROM app_hint WHERE {column} = 'x'")
    assert index in str(rows)
