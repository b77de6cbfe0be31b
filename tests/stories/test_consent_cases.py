"""CASES C1 to C16 as far as consents, links and the fence go, by number, over HTTP on both engines."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from benefits.catalogue import in_force as catalogue
from consent.consents import expiry, link_codes
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.records import source_ids
from service.demo import seed
from service.jobs import background
from tests.support.city import City, Resident, record, row_counts

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines, pytest.mark.cluster]

PROVIDER = {"purpose": "benefit.check", "provider_id": "city-library"}


async def new_notice(town: City, *, material: bool) -> lifecycle.Version:
    """Publish the next version of the notice for benefit checks."""
    current = await lifecycle.in_force(DocumentKind.NOTICES, "benefit-check", await queries.now())
    assert current is not None
    languages = {name: {**text, "method": text["method"] + " +"} for name, text in current.body["languages"].items()}
    body = {**current.body, "material": material, "languages": languages}
    async with queries.transaction():
        return await seed.publish(DocumentKind.NOTICES, "benefit-check", body, await queries.now())


async def consents(resident: Resident) -> list[dict[str, str]]:
    data: list[dict[str, str]] = (await resident.get("/v1/me/consents?limit=200")).json()["data"]
    return data


async def test_c1_a_material_change_between_notice_and_tap(town: City) -> None:
    wang = town.resident("wang")
    shown = await wang.request_notice(**PROVIDER)
    v2 = await new_notice(town, material=True)
    before = await row_counts()
    answer = await wang.post("/v1/me/consents", {"ticket": shown["ticket"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "notice_changed")
    assert answer.json()["notice"]["version"] == v2.version == shown["notice"]["version"] + 1
    assert answer.json()["notice"]["sha256"] == v2.sha256
    assert await row_counts() == before
    assert await consents(wang) == []
    again = await wang.request_notice(**PROVIDER)
    given = await wang.post("/v1/me/consents", {"ticket": again["ticket"]})
    assert (given.status_code, given.json()["notice_version"]) == (201, v2.version)


async def test_c2_a_change_that_is_not_material_leaves_the_notice_that_was_read(town: City) -> None:
    wang = town.resident("wang")
    shown = await wang.request_notice(**PROVIDER)
    await new_notice(town, material=False)
    given = await wang.post("/v1/me/consents", {"ticket": shown["ticket"]})
    assert given.status_code == 201
    assert given.json()["notice_sha256"] == shown["notice"]["sha256"]


async def test_c4_an_old_yes_sent_again_after_withdrawal(town: City) -> None:
    wang = town.resident("wang")
    shown = await wang.request_notice(**PROVIDER)
    given = await wang.post("/v1/me/consents", {"ticket": shown["ticket"]})
    await wang.post(f"/v1/me/consents/{given.json()['consent_id']}/withdraw")
    replay = await wang.post("/v1/me/consents", {"ticket": shown["ticket"]})
    assert (replay.status_code, replay.json()["code"]) == (409, "ticket_consumed")
    assert [consent["state"] for consent in await consents(wang)] == ["withdrawn"]
    assert (await wang.post("/v1/me/refusals", {"ticket": shown["ticket"]})).json()["code"] == "ticket_consumed"


async def test_c5_somebody_elses_ticket(town: City) -> None:
    wang, mallory = town.resident("wang"), town.resident("mallory")
    shown = await wang.request_notice(**PROVIDER)
    await mallory.request_notice(**PROVIDER)
    before = await row_counts()
    for path in ("/v1/me/consents", "/v1/me/refusals"):
        stolen = await mallory.post(path, {"ticket": shown["ticket"]})
        assert (stolen.status_code, stolen.json()["code"]) == (403, "ticket_of_another")
    after = await row_counts()
    assert {name for name in after if after[name] != before[name]} == {"refused_attempt", "outbox"}
    attempt = await queries.fetch_one("SELECT code, actor, door FROM refused_attempt ORDER BY at DESC LIMIT 1")
    assert attempt == {"code": "ticket_of_another", "actor": "", "door": "resident"}
    assert (await wang.post("/v1/me/consents", {"ticket": shown["ticket"]})).status_code == 201


async def test_a_forged_or_late_ticket(town: City) -> None:
    wang = town.resident("wang")
    shown = await wang.request_notice(**PROVIDER)
    ticket = shown["ticket"]
    for forged in ("x", ticket[:-1] + ("0" if ticket[-1] != "0" else "1"), "0" * 96, ticket.upper()):
        answer = await wang.post("/v1/me/consents", {"ticket": forged})
        assert (answer.status_code, answer.json()["code"]) == (422, "ticket_invalid")
    town.shift.by = timedelta(minutes=15, seconds=1)
    late = await wang.post("/v1/me/consents", {"ticket": ticket})
    assert (late.status_code, late.json()["code"]) == (410, "ticket_expired")


async def test_c7_before_and_after_a_withdrawal(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(4_800, "v-wang")
    assert await wang.total() == 50
    (given,) = await consents(wang)
    ended = await wang.post(f"/v1/me/consents/{given['consent_id']}/withdraw")
    assert ended.json()["withdrawn_at"] > given["given_at"]
    read = (await wang.get(f"/v1/me/consents/{given['consent_id']}")).json()
    assert (read["state"], read["ended_at"]) == ("withdrawn", ended.json()["withdrawn_at"])
    explained = (await wang.get("/v1/me/points/explanation")).json()
    assert (explained["total"], explained["contributions"]) == (0, [])


async def test_c9_expiry_needs_no_sweeper(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(4_800, "v-wang", await town.today())
    person_id = (await queries.fetch_all("SELECT person_id FROM consent ORDER BY given_at DESC LIMIT 1"))[0][
        "person_id"
    ]
    end = (await queries.fetch_all("SELECT max(expires_at) AS at FROM consent WHERE person_id = $1", person_id))[0][
        "at"
    ]
    town.shift.by = timedelta(days=367)
    assert [consent["state"] for consent in await consents(wang)] == ["expired"]
    assert await wang.total() == 0
    done = await town.source("volunteer-service").deliver(record("late", "v-wang", "volunteer_minutes", 60))
    assert done["results"][0]["code"] == "not_authorised"
    linked = (await town.source("volunteer-service").get("/v1/source/links?limit=200")).json()["data"]
    assert "v-wang" not in [link["account"] for link in linked]
    edge = queries.from_micros(end)
    from consent.domain.purposes import Purpose
    from consent.records.gate import covered

    counted = Purpose.POINTS_COMPUTE, "volunteer-service"
    assert await covered(person_id, *counted, edge - timedelta(microseconds=1))
    assert not await covered(person_id, *counted, edge)
    # The sweeper writes down what was so already.
    swept = await background.run_cleanup(town.app_context)
    assert swept["consents_expired"] > 0
    assert [consent["state"] for consent in await consents(wang)] == ["expired"]
    events = await queries.fetch_all("SELECT kind FROM event WHERE person_id = $1 ORDER BY number DESC", person_id)
    assert events[0]["kind"] == "consent.expired"
    ended = (await town.source("volunteer-service").get("/v1/source/links?state=ended&limit=200")).json()["data"]
    assert "v-wang" in [link["account"] for link in ended]
    assert (await background.run_cleanup(town.app_context))["consents_expired"] == 0


async def test_c10_withdrawn_stays_withdrawn(town: City) -> None:
    wang = town.resident("wang")
    consent = await wang.consent_to_provider("city-library")
    ended = await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    town.shift.by = timedelta(days=400)
    await background.run_cleanup(town.app_context)
    (row,) = await consents(wang)
    assert (row["state"], row["ended_at"]) == ("withdrawn", ended.json()["withdrawn_at"])
    again = await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    assert again.content == ended.content


async def test_an_expired_consent_that_is_withdrawn_says_expired(town: City) -> None:
    wang = town.resident("wang")
    consent = await wang.consent_to_provider("city-library")
    town.shift.by = timedelta(days=367)
    late = await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    assert late.json()["state"] == "expired"
    second = await wang.consent_to_provider("city-library")
    assert second["previous_consent_id"] == consent["consent_id"]


async def test_c11_somebody_elses_account(town: City) -> None:
    alice, mallory, source = town.resident("alice"), town.resident("mallory"), town.source()
    hers = await alice.link("green-travel", "bike-9001")
    await source.deliver(record("a-1", "bike-9001", quantity=40))
    his = await mallory.consent_to_source("green-travel", "bike-9001")
    assert await mallory.total() == 0
    # Without the holder's session at the source there is no confirmation; with it the first link stands.
    body = {"code": his["link"]["code"], "account": "bike-9001"}
    claim = await source.post("/v1/source/links/confirm", body, key="claim")
    retried = await source.post("/v1/source/links/confirm", body, key="claim")
    assert (retried.status_code, retried.content) == (409, claim.content)
    assert retried.headers["content-type"] == "application/problem+json"
    assert (claim.status_code, claim.json()["code"]) == (409, "account_linked_elsewhere")
    assert await alice.total() == 20
    assert await mallory.total() == 0
    kinds = {
        name: [message["kind"] for message in await who.messages()]
        for name, who in (("alice", alice), ("mallory", mallory))
    }
    assert kinds == {"alice": ["account_claimed"], "mallory": ["account_linked_elsewhere"]}
    reviews = await queries.fetch_all("SELECT state, standing_link_id FROM link_review")
    assert reviews == [{"state": "open", "standing_link_id": hers["link"]["link_id"]}]
    answers = set()
    for code, account in (
        (his["link"]["code"], "bike-9001"), ("ABCD2345", "bike-9001"), ("", "x"), (hers["link"]["code"], "bike-9001"),
    ):  # fmt: skip
        answer = await source.post("/v1/source/links/confirm", {"code": code or "A", "account": account})
        problem = {key: value for key, value in answer.json().items() if key != "request_id"}
        answers.add((answer.status_code, str(problem)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404


async def test_a_code_is_typed_as_people_type_and_dies_after_a_quarter_of_an_hour(town: City) -> None:
    wang = town.resident("wang")
    consent = await wang.consent_to_source("green-travel", "bike-9001")
    code = consent["link"]["code"]
    typed = f" {code[:4].lower()}-{code[4:].lower()} "
    town.shift.by = timedelta(minutes=16)
    late = await town.source().post("/v1/source/links/confirm", {"code": typed, "account": "bike-9001"})
    assert late.json()["code"] == "code_unknown"
    town.shift.by = timedelta(0)
    done = await town.source().post("/v1/source/links/confirm", {"code": typed, "account": "bike-9001"})
    assert done.status_code == 200
    town.shift.by = timedelta(minutes=16)
    assert await link_codes.delete_expired(await town.app_context.clock()) == 0


async def test_the_end_of_a_consent_says_what_it_removed(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(60, "v-wang")
    given = (await wang.get("/v1/me/consents")).json()["data"][0]["consent_id"]
    await wang.post(f"/v1/me/consents/{given}/withdraw")
    events = (await wang.get(f"/v1/me/consents/{given}/receipt")).json()["events"]
    assert [event["event"]["facts"].get("records_removed") for event in events] == [None, 1]


async def test_c12_of_two_sources_one_is_stopped(town: City) -> None:
    wang, venue = town.resident("wang"), town.venue()
    await wang.volunteer(4_800, "v-wang")
    await wang.link("green-travel", "bike-9001")
    await town.source().deliver(record("r", "bike-9001", quantity=40, occurred_on=f"{await town.last_year()}-01-09"))
    await wang.consent_to_provider("city-library")
    first = await wang.get("/v1/me/points")
    ticket = await wang.ticket()
    rides = next(consent for consent in await consents(wang) if consent.get("source_id") == "green-travel")
    await wang.post(f"/v1/me/consents/{rides['consent_id']}/withdraw")
    after = await wang.get("/v1/me/points", {"If-None-Match": first.headers["etag"]})
    assert (after.status_code, after.json()["total"]) == (200, 50)
    assert (await venue.post("/v1/venue/checks", {"handle": ticket["handle"]})).content == b'{"applies":false}'
    assert (await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]})).content == b'{"applies":false}'


async def test_c13_a_source_that_does_not_listen(town: City) -> None:
    wang = town.resident("wang")
    consent = await wang.link("green-travel", "bike-9001")
    await town.source().deliver(record("r", "bike-9001"))
    await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    assert (await wang.get("/v1/me/records")).json()["data"] == []
    index = source_ids.index_of(town.app_context.keyring, "green-travel")("r")
    assert await queries.fetch_all("SELECT record_id FROM record_index WHERE source_record_index = $1", index) == []
    link_id = consent["link"]["link_id"]
    first = await town.source().post(f"/v1/source/links/{link_id}/acknowledge")
    at = await queries.fetch_all("SELECT acknowledged_at FROM account_link WHERE link_id = $1", link_id)
    second = await town.source().post(f"/v1/source/links/{link_id}/acknowledge")
    assert first.content == second.content
    assert await queries.fetch_all("SELECT acknowledged_at FROM account_link WHERE link_id = $1", link_id) == at
    foreign = await town.source("volunteer-service").post(f"/v1/source/links/{link_id}/acknowledge")
    assert foreign.status_code == 404


async def test_c16_refusing_everything_loses_nothing(town: City) -> None:
    wang = town.resident("wang")
    catalogue_of_benefits = (await catalogue.load(await queries.now())).benefits(await town.today())
    for provider_id in {benefit.provider_id for benefit in catalogue_of_benefits}:
        shown = await wang.request_notice(purpose="benefit.check", provider_id=provider_id)
        refused = await wang.post("/v1/me/refusals", {"ticket": shown["ticket"]})
        assert (refused.status_code, refused.json()["state"]) == (201, "refused")
    for source_id in ("green-travel", "volunteer-service", "civic-life"):
        shown = await wang.request_notice(purpose="points.compute", source_id=source_id, account="x-1")
        assert (await wang.post("/v1/me/refusals", {"ticket": shown["ticket"]})).status_code == 201
    assert {consent["state"] for consent in await consents(wang)} == {"refused"}
    for path in ("points", "points/explanation", "benefits", "messages", "access-log", "records", "objections"):
        assert (await wang.get(f"/v1/me/{path}")).status_code == 200, path
    for benefit in (await wang.get("/v1/me/benefits")).json()["data"]:
        assert benefit["baseline"]
        assert benefit["need_based_alternative"]["zh-CN"]
        assert benefit["offline_path"]["en"]
    shown = await wang.request_notice(**PROVIDER)
    assert (await wang.post("/v1/me/consents", {"ticket": shown["ticket"]})).status_code == 201


async def test_one_live_consent_at_a_time(town: City) -> None:
    wang = town.resident("wang")
    first, second = await wang.request_notice(**PROVIDER), await wang.request_notice(**PROVIDER)
    answers = await asyncio.gather(
        *(wang.post("/v1/me/consents", {"ticket": notice["ticket"]}) for notice in (first, second))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "already_given"}


async def test_yes_no_and_yes_again_is_one_consent(town: City) -> None:
    wang = town.resident("wang")
    given = await wang.consent_to_provider("city-library")
    asked = {"purpose": "benefit.check", "provider_id": "city-library"}
    await wang.post("/v1/me/refusals", {"ticket": (await wang.request_notice(**asked))["ticket"]})
    again = await wang.post("/v1/me/consents", {"ticket": (await wang.request_notice(**asked))["ticket"]})
    assert (again.status_code, again.json()["code"]) == (409, "already_given")
    await wang.post(f"/v1/me/consents/{given['consent_id']}/withdraw")
    renewed = await wang.consent_to_provider("city-library")
    assert renewed["previous_consent_id"] == given["consent_id"]


async def test_a_refusal_does_not_end_a_consent(town: City) -> None:
    wang = town.resident("wang")
    consent = await wang.consent_to_provider("city-library")
    shown = await wang.request_notice(**PROVIDER)
    await wang.post("/v1/me/refusals", {"ticket": shown["ticket"]})
    assert (await wang.get(f"/v1/me/consents/{consent['consent_id']}")).json()["state"] == "given"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"purpose": "points.compute", "source_id": "nobody", "account": "x"}, 409, "not_in_force"),
        ({"purpose": "points.compute", "source_id": "green-travel"}, 422, "account_required"),
        ({**PROVIDER, "account": "x"}, 422, "account_forbidden"),
        ({"purpose": "benefit.check", "provider_id": "nobody"}, 409, "not_in_force"),
    ],
)
async def test_asking_for_what_cannot_be_asked(town: City, body: dict[str, str], status: int, code: str) -> None:
    before = await row_counts()
    answer = await town.resident("wang").post("/v1/me/consent-requests", {"language": "en", **body})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await row_counts() == before


async def test_another_persons_consent_is_not_there(town: City) -> None:
    wang, mallory = town.resident("wang"), town.resident("mallory")
    consent = await wang.consent_to_provider("city-library")
    await mallory.consent_to_provider("city-library")
    for call in (
        mallory.get(f"/v1/me/consents/{consent['consent_id']}"),
        mallory.post(f"/v1/me/consents/{consent['consent_id']}/withdraw"),
    ):
        answer = await call
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await wang.get(f"/v1/me/consents/{consent['consent_id']}")).json()["state"] == "given"


async def test_a_notice_is_shown_whole_in_both_languages(town: City) -> None:
    wang = town.resident("wang")
    for language, name in (("zh-CN", "市图书馆"), ("en", "City Library")):
        shown = await wang.request_notice(**{**PROVIDER, "language": language})
        assert name in shown["notice"]["body"]
        assert "{counterpart}" not in shown["notice"]["body"]
        assert all(shown["notice"]["fields"].values())


async def test_shown_notices_and_codes_that_nobody_used_are_deleted(town: City) -> None:
    wang = town.resident("wang")
    await wang.request_notice(purpose="points.compute", source_id="green-travel", account="bike-9001")
    await wang.consent_to_source("green-travel", "bike-9002")
    town.shift.by = timedelta(days=2)
    done = await background.run_cleanup(town.app_context)
    assert done["presentations_deleted"] > 0
    assert done["link_codes_deleted"] == 1
    assert await queries.fetch_all("SELECT * FROM presentation") == []
    assert await expiry.delete_old_presentations(await town.app_context.clock()) == 0
