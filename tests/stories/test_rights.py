"""Everything about me, taken along or ended; and no canary in any log, metric or table in clear."""

from __future__ import annotations

import hashlib
import json
import logging

import pytest
from tortoise import Tortoise

from consent.database import queries
from service.api.public import transparency
from service.compliance import verify_receipt
from service.jobs import background
from service.observability import log_events, metrics
from service.observability import logging as logs
from tests.support.city import City, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def lived_in(town: City, subject: str, account: str) -> str:
    """A resident who did everything once; the handle of their ticket."""
    who = town.resident(subject)
    await who.volunteer(7_200, account)
    await who.consent_to_provider("city-library")
    ticket = await who.ticket()
    await town.venue().post("/v1/venue/redemptions", {"handle": ticket["handle"]})
    await who.post(
        "/v1/me/objections", {"source_id": "civic-life", "reason_code": "missing", "statement": "canary-words"}
    )
    handle: str = ticket["handle"]
    return handle


async def test_the_export_has_everything(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    await lived_in(town, "canary-subject", "canary-account")
    mine = (await town.resident("canary-subject").get("/v1/me/export")).json()
    assert mine["subject"] == "canary-subject"
    assert {consent["counterpart"] for consent in mine["consents"]} == {"volunteer-service", "city-library"}
    assert [account["account"] for account in mine["accounts"]] == ["canary-account"]
    assert [record["source_record_id"] for record in mine["records"]] == ["canary-account.minutes"]
    assert (
        mine["points"]["total"],
        sum(contribution["points"] for contribution in mine["points"]["contributions"]),
    ) == (63, 63)
    assert [message["kind"] for message in mine["messages"]] == ["objection_opened", "link_confirmed"]
    assert [objection["statement"] for objection in mine["objections"]] == ["canary-words"]
    kinds = [event["event"]["kind"] for event in mine["events"]]
    assert {"consent.given", "ticket.issued", "benefit.redeemed", "objection.opened", "points.computed"} <= set(kinds)
    assert [event["event"]["number"] for event in mine["events"]] == list(range(1, len(kinds) + 1))
    assert {event["proof"] for event in mine["events"]} == {None}
    await background.advance_logs(town.app_context)
    monkeypatch.setattr(transparency, "PROOFS_AT_ONCE", 2)
    mine = (await town.resident("canary-subject").get("/v1/me/export")).json()
    (verifier_key,) = [
        log["verifier_key"]
        for log in (await town.client.get("/v1/public/logs")).json()["data"]
        if log["name"] == "consent"
    ]
    proven = [event for event in mine["events"] if event["proof"] is not None]
    assert len(proven) == len(kinds)
    for event in proven:
        leaf_hash = hashlib.sha256(b"\x00" + verify_receipt.leaf_bytes(event["event"], event["salt"])).digest()
        assert verify_receipt.check_proof(leaf_hash, event["proof"], [verifier_key]) >= len(kinds)
    nobody = (await town.resident("nobody").get("/v1/me/export")).json()
    assert (nobody["consents"], nobody["records"]) == ([], [])


@pytest.mark.both_engines
async def test_erasure_leaves_nothing_that_can_be_read(town: City) -> None:
    await lived_in(town, "canary-subject", "canary-account")
    who = town.resident("canary-subject")
    person = (await queries.fetch_all("SELECT person_id FROM person ORDER BY created_at DESC LIMIT 1"))[0]["person_id"]
    erased = await who.delete("/v1/me")
    assert (erased.status_code, list(erased.json())) == (200, ["erased_at", "receipt", "jws"])
    jwks = (await town.client.get("/.well-known/jwks.json")).json()
    assert verify_receipt.verify(erased.json(), jwks, None) == ["the receipt is signed by a key of the JWKS"]
    (event,) = erased.json()["receipt"]["events"]
    await background.advance_logs(town.app_context)
    proven = await town.client.get("/log/consent/proof/inclusion", params={"leaf_hash": event["leaf_hash"]})
    assert proven.status_code == 200
    for app in Tortoise.apps.values():
        for model in app.values():
            if "person_id" in model._meta.fields_map:
                left = await queries.fetch_all(f"SELECT 1 FROM {model._meta.db_table} WHERE person_id = $1", person)
                assert left == [], model._meta.db_table
    assert (await who.get("/v1/me/consents")).json()["data"] == []
    assert (await who.get("/v1/me/export")).json()["consents"] == []
    again = await who.delete("/v1/me")
    assert (again.status_code, list(again.json())) == (200, ["erased_at"])
    late = await town.source("volunteer-service").deliver(record("x", "canary-account", "volunteer_minutes", 60))
    assert late["results"][0]["code"] == "not_authorised"


async def test_an_account_is_free_again_after_an_erasure(town: City) -> None:
    await town.resident("one").link("green-travel", "bike-9001")
    await town.resident("one").delete("/v1/me")
    consent = await town.resident("two").link("green-travel", "bike-9001")
    assert consent["state"] == "given"


async def test_no_canary_in_any_table_log_or_metric(town: City, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    handle = await lived_in(town, "canary-subject", "canary-account")
    shown = await town.resident("canary-subject").get("/v1/me/consents/canary-path")
    assert shown.status_code == 404
    await town.client.get("/v1/me/points?x=canary-query", headers={"Authorization": "Bearer canary-token"})
    words = ("subject", "account", "words", "path", "query", "token")
    canaries = (*(f"canary-{word}" for word in words), handle, handle.upper())
    for app in Tortoise.apps.values():
        for model in app.values():
            for row in await queries.fetch_all(f"SELECT * FROM {model._meta.db_table}"):
                text = " ".join(
                    bytes(value).decode("latin-1") if isinstance(value, bytes) else str(value) for value in row.values()
                )
                assert not [canary for canary in canaries if canary in text], model._meta.db_table
    formatter = logs.JsonLines()
    ours = [formatter.format(record) for record in caplog.records if record.name.startswith(logs.OURS)]
    assert ours
    for line in ours:
        assert set(json.loads(line)) <= {"at", "level", "logger", "event", *log_events.FIELDS}
        assert "canary" not in line
        assert handle not in line
    assert not [canary for canary in canaries if canary in metrics.text().decode()]


def test_a_log_line_of_a_library_has_its_logger_and_level_and_no_input() -> None:
    try:
        raise ValueError("canary")
    except ValueError as error:
        record_of = logging.LogRecord(
            "lib", logging.ERROR, "x.py", 1, "failed for %s", ("canary",), (type(error), error, None)
        )
    line = json.loads(logs.JsonLines().format(record_of))
    assert (line["logger"], line["event"]) == ("lib", "library_message")
    assert (line["text"], line["error"]) == ("failed for %s", "ValueError")
    assert "canary" not in json.dumps(line)
