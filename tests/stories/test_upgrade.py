"""A city of version 0.1.0 after an upgrade: nothing is lost, what was begun can be finished, and both logs continue.

The fixtures in `tests/data/v0_1_0` are that version's database, keys and log folder, one for each engine. The clock
stands on the fixture's day, so that nothing expires with the calendar.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import rfc8785
from tortoise import Tortoise

from consent.database import queries
from service.auth.access_tokens import Audience
from tests.data.v0_1_0.api import digest_of
from tests.support import servers
from tests.support.city import Actor, City, Resident, record, running_city
from tests.support.upgraded import Upgraded, command, load, unpack

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

FIXTURES = Path(__file__).parent.parent / "data" / "v0_1_0"
KINDS = ("providers", "venues", "sources", "services", "benefits", "schemes", "notices", "issuers")
PUBLISHED_ROUNDS_MAX = 1_200
STANDARD_TERMS = b'{"applies":false}'
LIBRARY = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    """The fixture of one engine, upgraded once by the command that operators use; every test gets a copy."""
    folder = tmp_path_factory.mktemp("v0_1_0") / "city"
    unpack(FIXTURES / f"{request.param}.tar.gz", folder)
    expected = json.loads((FIXTURES / f"{request.param}.expected.json").read_text(encoding="utf-8"))
    url = None
    if request.param == "postgres":
        server: servers.Postgres = request.getfixturevalue("postgres")
        url = server.create()
        asyncio.run(load(url, (folder / "dump.sql").read_text(encoding="utf-8")))
    upgraded = Upgraded(folder, url, expected)
    upgraded.run("migrate")
    yield upgraded
    if url is not None:
        server.drop(url)


@pytest.fixture
def city(template: Upgraded, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Upgraded]:
    """A city of 0.1.0 after its upgrade, for one test alone."""
    folder = Path(shutil.copytree(template.folder, tmp_path / "city"))
    if template.database_url is None:
        yield replace(template, folder=folder)
        return
    server: servers.Postgres = request.getfixturevalue("postgres")
    url = server.create(servers.name_of(template.database_url))
    yield replace(template, folder=folder, database_url=url)
    server.drop(url)


def staff(town: City, number: int = 1) -> Actor:
    return town.actor(Audience.ADMINISTRATOR, f"admin-{number}")


def officer(town: City) -> Actor:
    return town.actor(Audience.PRIVACY, "officer-1")


async def read(who: Actor, path: str) -> Any:
    """The JSON of an answer 200."""
    answer = await who.get(path)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    return answer.json()


async def pages(who: Actor, path: str) -> list[Any]:
    """The rows of every page of a list."""
    rows: list[Any] = []
    cursor = ""
    while True:
        page = await read(who, f"{path}?limit=200{cursor}")
        rows += page["data"]
        if not page.get("next_cursor"):
            return rows
        cursor = f"&cursor={page['next_cursor']}"


async def send(who: Actor, path: str, body: Any = None, status: int = 200) -> Any:
    """The JSON of the answer to a POST, which must have the status."""
    answer = await who.post(path, body)
    assert answer.status_code == status, f"{path}: {answer.text}"
    return answer.json()


async def test_residents_and_venues_lose_nothing(city: Upgraded) -> None:
    async with running_city(city.settings, city.folder, shift=city.clock()) as town:
        for subject, before in city.expected["residents"].items():
            who = town.resident(subject)
            # First, since reading points is itself a use.
            assert len(await pages(who, "/v1/me/access-log")) == before["access_log"], subject
            points = await read(who, "/v1/me/points")
            assert {name: points[name] for name in before["points"]} == before["points"], subject
            explained = await read(who, "/v1/me/points/explanation")
            assert digest_of(explained["contributions"]) == before["contributions"], subject
            consents = [
                [row["consent_id"], row["state"], row["given_at"], row.get("ended_at")]
                for row in await pages(who, "/v1/me/consents")
            ]
            assert consents == before["consents"], subject
            assert digest_of(await pages(who, "/v1/me/records")) == before["records"], subject
            messages = await pages(who, "/v1/me/messages")
            assert [[row["message_id"], row["kind"]] for row in messages] == before["messages"], subject
            assert all(row["text"] for row in messages)
            objections = await pages(who, "/v1/me/objections")
            assert [[row["objection_id"], row["state"]] for row in objections] == before["objections"], subject
        for venue, before in city.expected["redemptions"].items():
            listed = await pages(town.venue(venue), "/v1/venue/redemptions")
            assert [row["redemption_id"] for row in listed] == before


async def test_staff_lose_nothing(city: Upgraded) -> None:
    async with running_city(city.settings, city.folder, shift=city.clock()) as town:
        admin, documents = staff(town), []
        for kind in KINDS:
            for row in await pages(admin, f"/v1/admin/{kind}"):
                for number in range(1, row["version"] + 1):
                    answer = await read(admin, f"/v1/admin/{kind}/{row['id']}/versions/{number}")
                    documents.append([kind, row["id"], answer["version"], answer["state"], answer["sha256"]])
        assert documents == city.expected["documents"]
        for sha256 in (row[4] for row in documents if row[3] == "in_force"):
            public = (await town.client.get(f"/v1/public/documents/{sha256}")).json()
            assert hashlib.sha256(rfc8785.dumps(public)).hexdigest() == sha256
        before, who = city.expected["officer"], officer(town)
        assert [row["case_id"] for row in await pages(who, "/v1/privacy/cases")] == before["cases"]
        reviews = (await read(who, "/v1/privacy/reviews"))["data"]
        assert [row["review_id"] for row in reviews] == before["reviews"]
        assert [row["objection_id"] for row in await pages(who, "/v1/privacy/objections")] == before["objections"]
        attempts = await pages(who, "/v1/privacy/refused-attempts")
        assert [row["attempt_id"] for row in attempts] == before["refused_attempts"]
        propagations = await pages(who, "/v1/privacy/propagations")
        assert [row["id"] for row in propagations] == before["propagations"]
        verified = await send(who, "/v1/privacy/verification")
        assert (verified["ok"], verified["first_fault"]) == (True, None)
        suspended = await staff(town, 9).get("/v1/admin/benefits")
        assert (suspended.status_code, suspended.json()["code"]) == (403, "suspended")


async def test_stored_answers_are_replayed(city: Upgraded) -> None:
    async with running_city(city.settings, city.folder, shift=city.clock()) as town:
        for stored in city.expected["stored_answers"]:
            who = town.actor(Audience(stored["audience"]), stored["subject"])
            headers = who.headers({"Idempotency-Key": stored["key"], "Content-Type": "application/json"})
            again = await town.client.post(stored["path"], content=stored["body"], headers=headers)
            assert (again.status_code, again.text) == (stored["status"], stored["answer"]), stored["path"]
            assert again.headers["Idempotency-Replayed"] == "true"
            other = await town.client.post(stored["path"], content=stored["body"] + " ", headers=headers)
            assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_old_receipts_verify(city: Upgraded, tmp_path: Path) -> None:
    jwks, logs = tmp_path / "jwks.json", city.expected["logs"]
    async with running_city(city.settings, city.folder, shift=city.clock()) as town:
        jwks.write_bytes((await town.client.get("/.well-known/jwks.json")).content)
        keys = {row["name"]: row["verifier_key"] for row in (await town.client.get("/v1/public/logs")).json()["data"]}
        assert keys == {name: log["verifier_key"] for name, log in logs.items()}
        for consent_id, before in city.expected["receipts"].items():
            now = await read(town.resident(before["subject"]), f"/v1/me/consents/{consent_id}/receipt")
            assert now["receipt"]["record_id"] == before["answer"]["receipt"]["record_id"] == consent_id
            assert now["receipt"]["state"] == before["answer"]["receipt"]["state"]
            assert now["log"] == before["answer"]["log"]
    answers = [row["answer"] for row in city.expected["receipts"].values()]
    refused = next(answer for answer in answers if answer["receipt"]["state"] == "refused")
    erased = city.expected["receipts_of_erasure"]["sun"]
    for name, answer, options in (("refused", refused, ["--log-key", keys["consent"]]), ("erased", erased, [])):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(answer), encoding="utf-8")
        command("verify-receipt", str(file), "--jwks", str(jwks), *options)


async def test_residents_finish_acts_begun_before(city: Upgraded) -> None:
    begun = city.expected
    async with running_city(city.settings, city.folder, shift=city.clock()) as town:
        # A code that was shown is typed, and a record delivered for the account.
        link, source = begun["pending_link"], town.source()
        confirmed = await send(source, "/v1/source/links/confirm", {"code": link["code"], "account": link["account"]})
        assert confirmed == {"link_id": link["link_id"], "state": "confirmed"}
        zhou = town.resident(link["subject"])
        assert (await source.deliver(record("zhou-1", link["account"], quantity=20)))["accepted"] == 1
        assert await zhou.total() == 10
        # A notice that was read is answered.
        shown = begun["unanswered_notice"]
        assert (await read(zhou, f"/v1/me/consent-requests/{shown['request_id']}"))["notice"] == shown["notice"]
        given = await send(zhou, "/v1/me/consents", {"ticket": shown["ticket"]}, 201)
        assert (given["state"], given["provider_id"]) == ("given", "city-library")
        # A ticket that was shown is checked, and redeemed once.
        ticket = begun["open_ticket"]
        venue, body = town.venue(ticket["venue_id"]), {"handle": ticket["handle"]}
        assert (await send(venue, "/v1/venue/checks", body))["applies"] is True
        assert (await send(venue, "/v1/venue/redemptions", body, 201))["applies"] is True
        assert (await venue.post("/v1/venue/redemptions", body)).content == STANDARD_TERMS
        # A consent that was stopped a moment ago is taken up again without another code.
        stopped, qian = begun["undo"], town.resident(begun["undo"]["subject"])
        asked = await qian.request_notice(
            purpose="points.compute", source_id=stopped["source_id"], previous_consent_id=stopped["consent_id"]
        )
        assert asked["account"] == stopped["account"]
        back = await send(qian, "/v1/me/consents", {"ticket": asked["ticket"]}, 201)
        assert (back["previous_consent_id"], "link" in back) == (stopped["consent_id"], False)


async def test_used_quotas_stay_used_until_a_reversal_or_the_next_day(city: Upgraded) -> None:
    clock = city.clock()
    async with running_city(city.settings, city.folder, shift=clock) as town:
        wang, li, venue = town.resident("wang"), town.resident("li"), town.venue()
        used = city.expected["redeemed_by_wang"]
        assert (await venue.post("/v1/venue/redemptions", {"handle": used["handle"]})).content == STANDARD_TERMS
        for who in (wang, li):
            again = await who.post("/v1/me/tickets", LIBRARY)
            assert (again.status_code, again.json()["code"]) == (409, "benefit_not_available")
        path = f"/v1/venue/redemptions/{used['redemption_id']}/reversal"
        assert (await send(venue, path, {"reason_code": "resident_asked"}))["state"] == "reversed"
        ticket = await wang.ticket()
        assert (await send(venue, "/v1/venue/redemptions", {"handle": ticket["handle"]}, 201))["applies"] is True
        assert (await li.post("/v1/me/tickets", LIBRARY)).status_code == 409
        clock.moment += timedelta(days=1)
        assert (await li.ticket())["handle"]


async def test_staff_and_sources_finish_acts_begun_before(city: Upgraded) -> None:
    hashes = {(kind, name): sha256 for kind, name, _, _, sha256 in city.expected["documents"]}
    objections = city.expected["objections"]
    async with running_city(city.settings, city.folder, shift=city.clock()) as town:
        first, second, who = staff(town), staff(town, 2), officer(town)
        benefits = "/v1/admin/benefits"
        resumed = await send(second, f"{benefits}/tool-deposit/versions/1/resume")
        morning = {"sha256": hashes["benefits", "readers-morning"]}
        own = await first.post(f"{benefits}/readers-morning/versions/1/approve", morning)
        assert (own.status_code, own.json()["code"]) == (403, "four_eyes")
        # Its texts were submitted before free sentences waited for an officer: nobody has read them yet.
        unread = await send(second, f"{benefits}/readers-morning/versions/1/approve", morning)
        review = {"decision": "approve", "reason": "It only adds."}
        await send(who, "/v1/privacy/reviews/benefits.readers-morning.1/decision", review)
        approved = await send(second, f"{benefits}/readers-morning/versions/1/approve", morning)
        assert unread == {"state": "in_review"}
        assert resumed == approved == {"state": "in_force"}
        decision = {"decision": "approve", "reason": "Voluntary, and of no employer."}
        await send(who, "/v1/privacy/reviews/sources.hill-gardens.1/decision", decision)
        gardens = {"sha256": hashes["sources", "hill-gardens"]}
        path = "/v1/admin/sources/hill-gardens/versions/1/approve"
        assert await send(second, path, gardens) == {"state": "in_force"}
        # An upheld objection takes the record back; the source is told, and so is the resident.
        wang = town.resident("wang")
        before = await wang.total()
        upheld = {"decision": "upheld", "reason": "The list was of somebody else."}
        await send(who, f"/v1/privacy/objections/{objections['stated']}/decision", upheld)
        assert await wang.total() == before - 15
        corrections = await pages(town.source("volunteer-service"), "/v1/source/corrections")
        assert [(row["record_id"], row["outcome"]) for row in corrections] == [("wang-tree_planted", "retracted")]
        # A record of before is known by the id that its source gave it.
        source, row = town.source(), record("wang-bike_trip", "green-9001", quantity=130, occurred_on="2025-05-20")
        sent = await source.deliver(row, {**row, "quantity": 7})
        assert [answer["status"] for answer in sent["results"]] == ["duplicate", "refused"]
        assert sent["results"][1]["code"] == "conflict"
        correction = {"quantity": 100, "reason_code": "counted_wrong"}
        await send(source, "/v1/source/records/wang-bike_trip/correction", correction)
        assert await wang.total() == before - 30
        ended = (await read(source, "/v1/source/links?state=ended"))["data"]
        assert ended
        for link in ended:
            await send(source, f"/v1/source/links/{link['link_id']}/acknowledge")
        assert (await read(source, "/v1/source/links?state=ended"))["data"] == []


async def test_no_record_id_is_stored_in_clear(city: Upgraded) -> None:
    """Residents read the ids that sources gave their records; the database has none of them, nor an account."""
    clear = set()
    async with running_city(city.settings, city.folder, shift=city.clock()) as town:
        for subject in city.expected["residents"]:
            clear |= {row["source_record_id"] for row in await pages(town.resident(subject), "/v1/me/records")}
        rows = [
            row
            for app in Tortoise.apps.values()
            for model in app.values()
            for row in await queries.fetch_all(f"SELECT * FROM {model._meta.db_table}")
        ]
    assert {"wang-bike_trip", "wang-tree_planted", "civic-2001.1"} <= clear
    values = [value for row in rows for value in row.values() if isinstance(value, (str, bytes, memoryview))]
    stored = b"\n".join(value.encode() if isinstance(value, str) else bytes(value) for value in values)
    if city.database_url is None:
        # The whole file, free pages included.
        stored += b"".join(path.read_bytes() for path in city.folder.glob("city.sqlite3*"))
    # Six digits occur by chance in a megabyte of random ids.
    assert not [name for name in clear if len(name) > 6 and name.encode() in stored]


async def act(town: City) -> None:
    """Do on the upgraded city what people do every day: take part, redeem, stop and leave."""
    venue, newcomer = town.venue(), town.resident("newcomer")
    await newcomer.volunteer(7_200, "volunteer-9100")
    assert await newcomer.total() == 63
    await newcomer.consent_to_provider("city-library")
    ticket = await newcomer.ticket()
    first = await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]}, key="newcomer")
    again = await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]}, key="newcomer")
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    await stop_one(town.resident("zhao"))
    li = town.resident("li")
    assert (await send(li, "/v1/me/withdrawals", {"scope": "all"}))["withdrawn"] == 7
    assert await li.total() == 0
    assert await pages(li, "/v1/me/records") == []
    wang = town.resident("wang")
    assert (await wang.delete("/v1/me")).status_code == 200
    for gone in (wang, town.resident("sun")):
        assert await pages(gone, "/v1/me/consents") == []


async def stop_one(zhao: Resident) -> None:
    """Withdraw a consent that was given under 0.1.0: its points and records are gone at once."""
    assert await zhao.total() == 63
    given = next(row for row in await pages(zhao, "/v1/me/consents") if row["purpose"] == "points.compute")
    assert (await send(zhao, f"/v1/me/consents/{given['consent_id']}/withdraw"))["state"] == "withdrawn"
    assert await zhao.total() == 0
    assert await pages(zhao, "/v1/me/records") == []


async def published(client: httpx2.AsyncClient, name: str, size: int) -> str:
    """The checkpoint of a log, once its tree is larger than `size`."""
    for _ in range(PUBLISHED_ROUNDS_MAX):
        note = (await client.get(f"/log/{name}/checkpoint")).text
        if int(note.splitlines()[1]) > size:
            return note
        await asyncio.sleep(0.05)
    raise AssertionError(f"the log {name} does not grow")


async def test_both_logs_are_sound_and_continue(city: Upgraded, tmp_path: Path) -> None:
    before = city.expected["logs"]
    assert city.run("verify-log").count(" ok") == 4
    async with running_city(city.settings, city.folder, shift=city.clock()) as town:
        for name, log in before.items():
            assert (await town.client.get(f"/log/{name}/checkpoint")).text == log["checkpoint"]
    growing = replace(city.settings, integrate_seconds=0.05)
    async with running_city(growing, city.folder, shift=city.clock()) as town:
        await act(town)
        body = (await read(staff(town), "/v1/admin/benefits/library-deposit"))["document"]
        drafted = await send(staff(town), "/v1/admin/benefits", {**body, "benefit_id": "readers-noon"}, 201)
        path = "/v1/admin/benefits/readers-noon/versions/1"
        # The texts are of 0.1.0: in force as they are, but a new document with them waits for an officer.
        assert (await send(staff(town), f"{path}/submit"))["state"] == "in_review"
        officer = town.actor(Audience.PRIVACY, "officer-9", staff_id="officer-9")
        review = "/v1/privacy/reviews/benefits.readers-noon.1/decision"
        await send(officer, review, {"decision": "approve", "reason": "Read it."})
        await send(staff(town, 2), f"{path}/approve", {"sha256": drafted["sha256"]})
        for name, log in before.items():
            await published(town.client, name, log["size"])
            proof = await town.client.get(f"/log/{name}/proof/consistency?from={log['size']}")
            assert proof.status_code == 200
    # A witness that has seen the last checkpoint of 0.1.0 accepts what followed.
    city.run("export-logs", str(tmp_path / "archive"))
    for name, log in before.items():
        seen = tmp_path / f"{name}.seen"
        seen.write_text(log["checkpoint"], encoding="utf-8")
        address = f"file://{tmp_path}/archive/log/{name}"
        noted = command("witness", address, "--log-key", log["verifier_key"], "--remembered", str(seen))
        assert int(noted.splitlines()[1]) > log["size"]
    assert city.run("verify-log").count(" ok") == 4
