"""Consents near their end: reminders, renewal in one step, sources with new kinds, ended links sent to their source."""

from __future__ import annotations

from datetime import timedelta

import pytest

from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from service.demo import seed
from service.jobs import background
from tests.support.city import City, Resident, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


async def reminders(who: Resident) -> list[int]:
    messages = (await who.get("/v1/me/messages?limit=200")).json()["data"]
    return sorted(message["facts"]["days"] for message in messages if message["kind"] == "consent_ending")


@pytest.mark.both_engines(everyday=False)
async def test_reminders_come_90_30_and_7_days_before_once_each(town: City) -> None:
    wang = town.resident("wang")
    await wang.consent_to_provider("city-library")
    expected: list[int] = []
    for before, days in ((100, None), (89, 90), (60, None), (29, 30), (6, 7), (1, None)):
        town.shift.by = timedelta(days=365 - before)
        await background.run_cleanup(town.app_context)
        await background.run_cleanup(town.app_context)
        expected += [days] if days else []
        assert await reminders(wang) == sorted(expected), before
    messages = (await wang.get("/v1/me/messages", {"Accept-Language": "en"})).json()["data"]
    assert any("Agree again to continue" in message["text"] for message in messages)


async def test_missed_reminders_are_sent_as_one(town: City) -> None:
    wang = town.resident("wang")
    await wang.consent_to_provider("city-library")
    town.shift.by = timedelta(days=363)
    await background.run_cleanup(town.app_context)
    assert await reminders(wang) == [7]


@pytest.mark.both_engines(everyday=False)
async def test_a_renewal_is_one_step_and_loses_nothing(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(4_800, "v-wang", await town.today())
    asked = {"purpose": "points.compute", "source_id": "volunteer-service", "account": "v-wang"}
    early = await wang.post("/v1/me/consents", {"ticket": (await wang.request_notice(**asked))["ticket"]})
    assert early.json()["code"] == "already_given"
    town.shift.by = timedelta(days=300)
    old = (await wang.get("/v1/me/consents")).json()["data"][0]
    renewed = await wang.post("/v1/me/consents", {"ticket": (await wang.request_notice(**asked))["ticket"]})
    assert renewed.status_code == 201
    assert renewed.json()["previous_consent_id"] == old["consent_id"]
    assert "link" not in renewed.json()
    states = {consent["consent_id"]: consent["state"] for consent in (await wang.get("/v1/me/consents")).json()["data"]}
    assert states == {old["consent_id"]: "terminated", renewed.json()["consent_id"]: "given"}
    assert await wang.total() == 50
    town.shift.by = timedelta(days=500)
    assert await wang.total() == 50
    linked = (await town.source("volunteer-service").get("/v1/source/links?limit=200")).json()["data"]
    assert "v-wang" in [link["account"] for link in linked]
    more = await town.source("volunteer-service").deliver(record("more", "v-wang", "volunteer_minutes", 60))
    assert more["accepted"] == 1
    await wang.post(f"/v1/me/consents/{renewed.json()['consent_id']}/withdraw")
    assert await wang.total() == 0


async def test_a_renewal_with_another_account_ends_nothing(town: City) -> None:
    wang = town.resident("wang")
    await wang.link("volunteer-service", "v-1")
    town.shift.by = timedelta(days=300)
    shown = await wang.request_notice(purpose="points.compute", source_id="volunteer-service", account="v-2")
    other = await wang.post("/v1/me/consents", {"ticket": shown["ticket"]})
    assert (other.status_code, other.json()["code"]) == (409, "already_given")
    assert [consent["state"] for consent in (await wang.get("/v1/me/consents")).json()["data"]] == ["given"]
    delivered = await town.source("volunteer-service").deliver(record("r", "v-1", "volunteer_minutes", 60))
    assert delivered["accepted"] == 1


@pytest.mark.both_engines(everyday=False)
async def test_a_renewal_before_the_account_was_proven_needs_the_account_again(town: City) -> None:
    wang = town.resident("wang")
    await wang.consent_to_source("volunteer-service", "v-typo")
    town.shift.by = timedelta(days=300)
    assert (await wang.link("volunteer-service", "v-1"))["link"]["state"] == "pending"
    source = town.source("volunteer-service")
    typo = await source.deliver(record("r", "v-typo", "volunteer_minutes", 60))
    assert typo["results"][0]["code"] == "not_authorised"
    assert (await source.deliver(record("r", "v-1", "volunteer_minutes", 60)))["accepted"] == 1


async def test_a_source_with_more_kinds_needs_a_new_consent_for_them(town: City) -> None:
    wang = town.resident("wang")
    at = await queries.now()
    current = await lifecycle.in_force(DocumentKind.SOURCES, "civic-life", at)
    assert current is not None
    await wang.link("civic-life", "c-1")
    async with queries.transaction():
        narrow = {**current.body, "kinds": ["community_meeting"]}
        await seed.publish(DocumentKind.SOURCES, "civic-life", narrow, await queries.now())
    li = town.resident("li")
    await li.link("civic-life", "c-2")
    async with queries.transaction():
        await seed.publish(DocumentKind.SOURCES, "civic-life", dict(current.body), await queries.now())
    source = town.source("civic-life")
    done = await source.deliver(
        record("w", "c-1", "eco_course"), record("l", "c-2", "eco_course"), record("m", "c-2", "community_meeting")
    )
    assert [(result["status"], result.get("code")) for result in done["results"]] == [
        ("accepted", None), ("refused", "kind_not_allowed"), ("accepted", None),
    ]  # fmt: skip
    shown = await li.request_notice(purpose="points.compute", source_id="civic-life", account="c-2")
    assert (await li.post("/v1/me/consents", {"ticket": shown["ticket"]})).status_code == 201
    wider = await source.deliver(record("l", "c-2", "eco_course"))
    assert wider["accepted"] == 1
    assert await li.total() == 4


async def test_a_source_hears_of_an_erasure_and_then_it_is_forgotten(town: City) -> None:
    wang, source = town.resident("wang"), town.source()
    await wang.link("green-travel", "bike-9001")
    await wang.delete("/v1/me")
    (ended,) = (await source.get("/v1/source/links?state=ended")).json()["data"]
    assert (ended["account"], ended["state"]) == ("bike-9001", "ended")
    rows = await queries.fetch_all("SELECT sealed_account FROM farewell")
    assert b"bike-9001" not in bytes(rows[0]["sealed_account"])
    assert (await town.source("civic-life").post(f"/v1/source/links/{ended['link_id']}/acknowledge")).status_code == 404
    for _ in range(2):
        assert (await source.post(f"/v1/source/links/{ended['link_id']}/acknowledge")).status_code == 200
    assert (await source.get("/v1/source/links?state=ended")).json()["data"] == []
    assert (await background.run_cleanup(town.app_context))["link_endings_deleted"] == 1


async def test_a_source_never_hears_of_an_account_that_was_not_proven(town: City) -> None:
    mallory = town.resident("mallory")
    await mallory.consent_to_source("green-travel", "bike-of-alice")
    await mallory.post("/v1/me/withdrawals", {"scope": "all"})
    assert (await town.source().get("/v1/source/links?state=ended")).json()["data"] == []
    await mallory.consent_to_source("green-travel", "bike-of-alice")
    await mallory.delete("/v1/me")
    assert (await town.source().get("/v1/source/links?state=ended")).json()["data"] == []
