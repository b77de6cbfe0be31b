"""Factories of documents, persons and records with valid defaults."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from typing import Any

from consent import persons as people
from consent.crypto.blind_index import new_id
from consent.crypto.vault import new_data_key
from consent.database import queries
from consent.records import source_ids
from service.auth.access_tokens import Audience
from service.demo import seed
from tests.support.city import Actor, City

BENEFIT_DOCUMENT = next(
    document for document in seed.documents("benefits") if document["benefit_id"] == "library-deposit"
)
SERVICE_DOCUMENT = next(document for document in seed.documents("services") if document["service_id"] == "book-loan")


def both_languages(text: str, english: str) -> dict[str, str]:
    """Return a text of a document in Chinese and English."""
    return {"zh-CN": text, "en": english}


PROVIDER_DOCUMENT = {
    "provider_id": "new-provider",
    "kind": "hospital",
    "name": both_languages("某机构", "Some body"),
    "division": "2101",
}


def administrator(town: City, number: int = 1) -> Actor:
    """Return the administrator with this number; the first by default."""
    return town.actor(Audience.ADMINISTRATOR, f"admin-{number}", staff_id=f"admin-{number}")


def benefit_document(**members: Any) -> dict[str, Any]:
    """Return the demonstration's `library-deposit` as a new benefit `another-one`, with some members replaced."""
    return {**copy.deepcopy(BENEFIT_DOCUMENT), "benefit_id": "another-one", **members}


async def put_document(who: Actor, path: str, body: Any, tag: str | None) -> Any:
    """PUT a document with `tag` as If-Match, or without the header when it is None; return the response."""
    headers = who.headers({} if tag is None else {"If-Match": tag})
    return await who.town.client.put(path, json=body, headers=headers)


async def publish_document(town: City, kind: str, document_id: str, body: dict[str, Any]) -> str:
    """Draft, submit, review and approve a document by three persons; return its state."""
    author, approver, officer = (
        administrator(town),
        administrator(town, 2),
        town.actor(Audience.PRIVACY, "officer-9", staff_id="officer-9"),
    )
    known = await author.get(f"/v1/admin/{kind}/{document_id}")
    if known.status_code == 404:
        drafted = await author.post(f"/v1/admin/{kind}", body)
    else:
        drafted = await put_document(author, f"/v1/admin/{kind}/{document_id}", body, known.headers["etag"])
    assert drafted.status_code in (200, 201), drafted.text
    version, sha256 = drafted.json()["version"], drafted.json()["sha256"]
    path = f"/v1/admin/{kind}/{document_id}/versions/{version}"
    submitted = await author.post(f"{path}/submit")
    assert submitted.status_code == 200, submitted.text
    if submitted.json()["state"] == "in_review":
        review = f"/v1/privacy/reviews/{kind}.{document_id}.{version}/decision"
        assert (await officer.post(review, {"decision": "approve", "reason": "Read it."})).status_code == 200
    approved = await approver.post(f"{path}/approve", {"sha256": sha256})
    assert approved.status_code == 200, approved.text
    state: str = approved.json()["state"]
    return state


async def add_people_with_rides(town: City, count: int) -> list[str]:
    """Insert persons with a live consent for green travel and one record of 40 rides each; return their sorted ids."""
    at = await town.app_context.clock()
    given, expires = queries.to_micros(at - timedelta(days=30)), queries.to_micros(at + timedelta(days=300))
    year = (await town.today()).year - 1
    keyring = town.app_context.keyring
    day = queries.to_day_number(date(year, 6, 1))
    persons: list[tuple[Any, ...]] = []
    records: list[tuple[Any, ...]] = []
    for _ in range(count):
        person_id = new_id()
        wrapped = new_data_key(keyring, person_id)
        person = people.from_row(keyring, {"person_id": person_id, "epoch": 1, "wrapped_key": wrapped})
        persons.append((person_id, wrapped, person.seal("person", "sealed_subject", person_id, b"x")))
        record_id = new_id()
        records.append((person_id, record_id, source_ids.seal_id(person, record_id, record_id), day, given))
    async with queries.transaction():
        await queries.execute_many(
            "INSERT INTO person (person_id, epoch, events, last_leaf, wrapped_key, sealed_subject, created_at)"
            " VALUES ($1, 1, 0, '', $2, $3, 0)",
            persons,
        )
        await queries.execute_many(
            "INSERT INTO consent (person_id, consent_id, purpose, counterpart, notice_id, notice_version,"
            " notice_sha256, state, given_at, expires_at)"
            " VALUES ($1, $2, 'points.compute', 'green-travel', 'n', 1, 'h', 'given', $3, $4)",
            [(person[0], new_id(), given, expires) for person in persons],
        )
        await queries.execute_many(
            "INSERT INTO record (person_id, record_id, source_id, sealed_source_record_id, kind, quantity, occurred_on,"
            " received_at) VALUES ($1, $2, 'green-travel', $3, 'bike_trip', 40, $4, $5)",
            records,
        )
    return sorted(person[0] for person in persons)


async def live_a_residents_day(town: City) -> None:
    """Act as a resident and a venue: consent, delivery, points, redemption, reversal, withdrawal, erasure."""
    wu, venue = town.resident("wu"), town.venue()
    await wu.volunteer(7_200, "v-wu")
    await wu.consent_to_provider("city-library")
    for path in ("points", "points/explanation", "benefits", "consents", "access-log", "records", "messages"):
        assert (await wu.get(f"/v1/me/{path}")).status_code == 200, path
    assert (await wu.get("/v1/me/points")).json()["total"] == 63
    handle = (await wu.ticket())["handle"]
    assert (await venue.post("/v1/venue/checks", {"handle": handle})).json()["applies"] is True
    redeemed = await venue.post("/v1/venue/redemptions", {"handle": handle})
    assert redeemed.status_code == 201
    reversal = f"/v1/venue/redemptions/{redeemed.json()['redemption_id']}/reversal"
    assert (await venue.post(reversal, {"reason_code": "mistaken_scan"})).status_code == 200
    consents = (await wu.get("/v1/me/consents")).json()["data"]
    for consent in consents:
        assert (await wu.get(f"/v1/me/consents/{consent['consent_id']}/receipt")).status_code == 200
        assert (await wu.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")).status_code == 200
    assert (await wu.get("/v1/me/export")).status_code == 200
    assert (await town.client.delete("/v1/me", headers=wu.headers())).status_code == 200
