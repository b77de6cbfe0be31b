"""Undo: a link's code is shown again or reissued; a consent withdrawn by mistake is given again in two steps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consent.database import queries
from service.auth.access_tokens import Audience
from service.jobs import background
from tests.support.city import City, Resident, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def read(who: Resident, consent: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = (await who.get(f"/v1/me/consents/{consent['consent_id']}")).json()
    (listed,) = [
        row for row in (await who.get("/v1/me/consents")).json()["data"] if row["consent_id"] == consent["consent_id"]
    ]
    assert shown == listed
    return shown


async def stop(who: Resident, consent: dict[str, Any]) -> None:
    assert (await who.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")).status_code == 200


async def ask_again(who: Resident, consent: dict[str, Any]) -> dict[str, Any]:
    return await who.request_notice(
        purpose="points.compute", source_id=consent["source_id"], previous_consent_id=consent["consent_id"]
    )


async def agree(who: Resident, shown: dict[str, Any]) -> dict[str, Any]:
    answer = await who.post("/v1/me/consents", {"ticket": shown["ticket"]})
    assert answer.status_code == 201, answer.text
    given: dict[str, Any] = answer.json()
    return given


async def confirm(town: City, code: str, account: str) -> int:
    return (await town.source().post("/v1/source/links/confirm", {"code": code, "account": account})).status_code


async def test_a_code_is_shown_again_while_it_is_valid_to_its_owner_alone(town: City) -> None:
    wang, li = town.resident("wang"), town.resident("li")
    given = await wang.consent_to_source("green-travel", "bike-9001")
    shown = await read(wang, given)
    assert (shown["link"], shown["linked"]) == (given["link"], False)
    assert (await li.get(f"/v1/me/consents/{given['consent_id']}")).status_code == 404
    stored = await queries.fetch_all("SELECT * FROM link_code")
    assert all(given["link"]["code"].encode() not in bytes(row["sealed_code"]) for row in stored)
    assert await confirm(town, given["link"]["code"], "bike-9001") == 200
    shown = await read(wang, given)
    assert ("link" in shown, shown["linked"]) == (False, True)


@pytest.mark.both_engines
async def test_an_expired_code_is_reissued_without_another_consent(town: City) -> None:
    wang, li = town.resident("wang"), town.resident("li")
    given = await wang.consent_to_source("green-travel", "bike-9001")
    town.shift.by = timedelta(minutes=16)
    assert "link" not in await read(wang, given)
    reissued = await wang.post(f"/v1/me/consents/{given['consent_id']}/link-code")
    assert reissued.status_code == 201
    assert reissued.json()["code"] != given["link"]["code"]
    assert (await read(wang, given))["link"] == reissued.json()
    # The earlier code is invalid at any age; nobody else can reissue one; no new consent is needed.
    town.shift.by = timedelta(0)
    assert await confirm(town, given["link"]["code"], "bike-9001") == 404
    assert (await li.post(f"/v1/me/consents/{given['consent_id']}/link-code")).status_code == 404
    assert len((await wang.get("/v1/me/consents")).json()["data"]) == 1
    assert await confirm(town, reissued.json()["code"], "bike-9001") == 200
    assert (await wang.post(f"/v1/me/consents/{given['consent_id']}/link-code")).status_code == 404
    await stop(wang, given)
    assert (await wang.post(f"/v1/me/consents/{given['consent_id']}/link-code")).status_code == 404


async def test_a_notice_is_shown_again_as_it_was_until_it_is_answered(town: City) -> None:
    wang, li = town.resident("wang"), town.resident("li")
    shown = await wang.request_notice(purpose="points.compute", source_id="green-travel", account="bike-9001")
    path = f"/v1/me/consent-requests/{shown['request_id']}"
    assert (await wang.get(path)).json() == shown
    await li.consent_to_provider("city-library")
    assert (await li.get(path)).status_code == 404
    assert (await town.resident("nobody").get(path)).status_code == 404
    await agree(wang, shown)
    assert (await wang.get(path)).json()["code"] == "ticket_consumed"
    late = await wang.request_notice(purpose="benefit.check", provider_id="city-library")
    town.shift.by = timedelta(minutes=16)
    assert (await wang.get(f"/v1/me/consent-requests/{late['request_id']}")).json()["code"] == "ticket_expired"


@pytest.mark.both_engines
async def test_an_undone_withdrawal_needs_no_account_or_code_and_restores_no_records(town: City) -> None:
    wang, source = town.resident("wang"), town.source()
    given = await wang.link("green-travel", "bike-9001")
    await source.deliver(record("r", "bike-9001", quantity=40))
    assert await wang.total() == 20
    await stop(wang, given)
    assert (await read(wang, given))["undo_until"] > given["given_at"]
    shown = await ask_again(wang, given)
    assert shown["account"] == "bike-9001"
    assert await wang.total() == 0
    back = await agree(wang, shown)
    assert (back["previous_consent_id"], "link" in back) == (given["consent_id"], False)
    assert back["consent_id"] != given["consent_id"]
    # The old one is over for good, its link too; nothing that was computed or delivered under it is there.
    assert (await read(wang, given))["state"] == "withdrawn"
    assert await wang.total() == 0
    ended = (await source.get("/v1/source/links?state=ended&limit=200")).json()["data"]
    live = (await source.get("/v1/source/links?limit=200")).json()["data"]
    assert given["link"]["link_id"] in [link["link_id"] for link in ended]
    assert [link["account"] for link in live].count("bike-9001") == 1
    assert given["link"]["link_id"] not in [link["link_id"] for link in live]
    assert (await source.deliver(record("r", "bike-9001", quantity=40)))["accepted"] == 1
    assert await wang.total() == 20


async def release(town: City) -> None:
    """An officer decides that the contested account is not its first holder's."""
    officer = town.actor(Audience.PRIVACY, "officer-1")
    waiting = (await officer.get("/v1/privacy/reviews")).json()["data"]
    review = next(review for review in waiting if review["kind"] == "contested_link")
    decided = await officer.post(
        f"/v1/privacy/reviews/{review['review_id']}/decision", {"decision": "approve", "reason": "Not theirs."}
    )
    assert decided.status_code == 200, decided.text


@pytest.mark.both_engines
@pytest.mark.parametrize("since", ["late", "acknowledged", "claimed", "contested", "another account", "released"])
async def test_the_proof_is_reused_for_an_undo_alone(town: City, since: str) -> None:
    wang, source = town.resident("wang"), town.source()
    given = await wang.link("green-travel", "bike-9001")
    if since in ("contested", "released"):
        his = await town.resident("li").consent_to_source("green-travel", "bike-9001")
        assert await confirm(town, his["link"]["code"], "bike-9001") == 409
    if since == "released":
        await release(town)
    await stop(wang, given)
    if since == "late":
        town.shift.by = timedelta(minutes=15)
    if since == "acknowledged":
        assert (await source.post(f"/v1/source/links/{given['link']['link_id']}/acknowledge")).status_code == 200
    if since == "claimed":
        await town.resident("li").link("green-travel", "bike-9001")
    shown = await ask_again(wang, given)
    if since == "another account":
        shown = await wang.request_notice(
            purpose="points.compute",
            source_id="green-travel",
            account="bike-9002",
            previous_consent_id=given["consent_id"],
        )
    back = await agree(wang, shown)
    # One tap less all the same: the number is remembered; but the holder proves it again.
    assert back["link"]["state"] == "pending"
    assert (await read(wang, back))["linked"] is False


async def test_a_consent_that_names_no_earlier_one_needs_a_new_proof(town: City) -> None:
    wang = town.resident("wang")
    await stop(wang, await wang.link("green-travel", "bike-9001"))
    assert (await wang.consent_to_source("green-travel", "bike-9001"))["link"]["code"]


@pytest.mark.both_engines
async def test_a_number_that_nobody_proved_is_remembered_too(town: City) -> None:
    wang = town.resident("wang")
    given = await wang.consent_to_source("green-travel", "bike-9001")
    await stop(wang, given)
    shown = await ask_again(wang, given)
    assert shown["account"] == "bike-9001"
    back = await agree(wang, shown)
    assert back["link"]["code"] != given["link"]["code"]


async def test_only_a_consent_of_the_same_person_and_kind_is_restored(town: City) -> None:
    wang, li = town.resident("wang"), town.resident("li")
    given = await wang.link("green-travel", "bike-9001")
    await stop(wang, given)
    named = {"previous_consent_id": given["consent_id"], "language": "en"}
    for who, body in (
        (li, {"purpose": "points.compute", "source_id": "green-travel"}),
        (wang, {"purpose": "points.compute", "source_id": "volunteer-service"}),
        (wang, {"purpose": "benefit.check", "provider_id": "city-library"}),
    ):
        assert (await who.post("/v1/me/consent-requests", {**body, **named})).status_code == 404


async def undo(who: Resident, consent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = await who.post(f"/v1/me/withdrawals/{consent['consent_id']}/undo")
    return answer.status_code, answer.json()


@pytest.mark.both_engines
async def test_an_undone_withdrawal_brings_records_points_and_link_back(town: City) -> None:
    wang, source = town.resident("wang"), town.source()
    given = await wang.link("green-travel", "bike-9001")
    await source.deliver(record("r", "bike-9001", quantity=40), record("s", "bike-9001", quantity=20))
    before = (await wang.get("/v1/me/points/explanation")).json()
    await stop(wang, given)
    # Nothing is used meanwhile, and nothing is readable but one sealed copy.
    assert await wang.total() == 0
    assert (await wang.get("/v1/me/records")).json()["data"] == []
    assert (
        await queries.fetch_all(
            "SELECT * FROM record_index WHERE source_id = 'green-travel' AND person_id IN"
            " (SELECT person_id FROM withdrawal_copy)"
        )
        == []
    )
    (copy,) = await queries.fetch_all("SELECT * FROM withdrawal_copy")
    assert b"bike" not in bytes(copy["sealed"])
    town.shift.by = timedelta(hours=23)
    status, back = await undo(wang, given)
    assert status == 201, back
    assert (back["state"], back["previous_consent_id"], back["expires_at"]) == (
        "given",
        given["consent_id"],
        given["expires_at"],
    )
    after = (await wang.get("/v1/me/points/explanation")).json()
    assert after["contributions"] == before["contributions"]
    assert await queries.fetch_all("SELECT * FROM withdrawal_copy") == []
    # The source delivers and corrects as before; what it sent is known.
    live = (await source.get("/v1/source/links?limit=200")).json()["data"]
    assert [link["account"] for link in live].count("bike-9001") == 1
    assert (await source.deliver(record("r", "bike-9001", quantity=40)))["duplicates"] == 1
    assert (await source.deliver(record("t", "bike-9001", quantity=2)))["accepted"] == 1
    corrected = await source.post("/v1/source/records/s/correction", {"quantity": 10, "reason_code": "wrong_quantity"})
    assert corrected.status_code == 200, corrected.text
    assert (await undo(wang, given))[0] == 409
    receipt = await wang.get(f"/v1/me/consents/{back['consent_id']}/receipt")
    assert receipt.status_code == 200
    officer = town.actor(Audience.PRIVACY, "officer-1")
    assert (await officer.post("/v1/privacy/verification")).json()["ok"] is True


async def test_a_check_by_a_provider_is_undone_too(town: City) -> None:
    wang = town.resident("wang")
    given = await wang.consent_to_provider("city-library")
    await stop(wang, given)
    status, back = await undo(wang, given)
    assert (status, back["provider_id"]) == (201, "city-library")


async def test_a_code_that_waited_is_issued_again(town: City) -> None:
    wang = town.resident("wang")
    given = await wang.consent_to_source("green-travel", "bike-9001")
    await stop(wang, given)
    status, back = await undo(wang, given)
    assert status == 201
    assert back["link"]["code"] != given["link"]["code"]
    assert await confirm(town, back["link"]["code"], "bike-9001") == 200


@pytest.mark.parametrize("since", ["late", "claimed", "given again", "another person", "erased", "never withdrawn"])
async def test_an_undo_that_is_not_possible_changes_nothing(town: City, since: str) -> None:
    wang, li = town.resident("wang"), town.resident("li")
    given = await wang.link("green-travel", "bike-9001")
    await town.source().deliver(record("r", "bike-9001", quantity=40))
    if since != "never withdrawn":
        await stop(wang, given)
    expected = 404
    if since == "late":
        town.shift.by = timedelta(hours=24)
    if since == "claimed":
        await li.link("green-travel", "bike-9001")
        expected = 409
    if since == "given again":
        await agree(wang, await ask_again(wang, given))
        expected = 409
        assert await queries.fetch_all("SELECT * FROM withdrawal_copy") == []
    if since == "another person":
        await li.consent_to_provider("city-library")
    if since == "erased":
        assert (await wang.delete("/v1/me")).status_code == 200
        assert await queries.fetch_all("SELECT * FROM withdrawal_copy") == []
    if since == "never withdrawn":
        expected = 409
    status, _ = await undo(li if since == "another person" else wang, given)
    assert status == expected
    if since in ("late", "claimed"):
        assert await wang.total() == 0
        assert (await read(wang, given))["state"] == "withdrawn"


@pytest.mark.both_engines
async def test_an_account_that_an_officer_took_from_its_holder_stays_away(town: City) -> None:
    wang, li = town.resident("wang"), town.resident("li")
    given = await wang.link("green-travel", "bike-9001")
    await town.source().deliver(record("r", "bike-9001", quantity=40))
    his = await li.consent_to_source("green-travel", "bike-9001")
    assert await confirm(town, his["link"]["code"], "bike-9001") == 409
    await stop(wang, given)
    await release(town)
    status, problem = await undo(wang, given)
    assert (status, problem["code"]) == (409, "account_linked_elsewhere")
    assert await wang.total() == 0


async def test_copies_are_deleted_after_a_day(town: City) -> None:
    wang = town.resident("wang")
    await stop(wang, await wang.link("green-travel", "bike-9001"))
    town.shift.by = timedelta(hours=23, minutes=59)
    assert (await background.run_cleanup(town.app_context))["withdrawal_copies_deleted"] == 0
    town.shift.by = timedelta(hours=24, minutes=1)
    assert (await background.run_cleanup(town.app_context))["withdrawal_copies_deleted"] == 1
