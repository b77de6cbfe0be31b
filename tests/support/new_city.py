"""The steps of docs/how-to/start-a-city.md over HTTP: a catalogue from drafts to in force, and the first redemption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from tests.support.city import Actor, Resident, record

ORDER = ("schemes", "notices", "providers", "venues", "sources", "services", "benefits")
"""Kinds in the order of their references, as the how-to and the starter catalogue have them."""
ID_MEMBER = {kind: f"{kind[:-1]}_id" for kind in ORDER} | {"schemes": "version"}
MINUTES = 6_600
"""Minutes of volunteering in one year for POINTS under the starter scheme: docs/how-to/start-a-city.md."""
POINTS = 60
"""Points that the starter catalogue's benefit asks for."""


@dataclass(frozen=True)
class Staff:
    """Three persons: who drafts, who reviews, who approves."""

    editor: Actor
    officer: Actor
    approver: Actor


async def import_catalogue(staff: Staff, text: str) -> dict[str, dict[str, Any]]:
    """Import a catalogue in YAML as drafts; return the rows of the answer by `kind/id`."""
    headers = staff.editor.headers({"Idempotency-Key": "first-import", "Content-Type": "application/yaml"})
    answer = await staff.editor.town.client.post("/v1/admin/catalogue/import", content=text.encode(), headers=headers)
    assert answer.status_code == 201, answer.text
    return {row["id"]: row for row in answer.json()["data"]}


async def publish_catalogue(staff: Staff, text: str) -> dict[str, str]:
    """Import and publish a catalogue, kind by kind; return the state after submission by `kind/id`."""
    rows, states = await import_catalogue(staff, text), {}
    catalogue = yaml.safe_load(text)["catalogue"]
    assert list(catalogue) == list(ORDER)
    for kind, bodies in catalogue.items():
        for body in bodies:
            document_id = body[ID_MEMBER[kind]]
            states[f"{kind}/{document_id}"] = await publish(
                staff, kind, document_id, rows[f"{kind}/{document_id}"]["sha256"]
            )
    return states


async def publish(staff: Staff, kind: str, document_id: str, sha256: str) -> str:
    """Submit, review where the rules ask for it, and approve version 1; return the state after submission."""
    path = f"/v1/admin/{kind}/{document_id}/versions/1"
    submitted = await staff.editor.post(f"{path}/submit")
    assert submitted.status_code == 200, submitted.text
    state: str = submitted.json()["state"]
    if state == "in_review":
        review = f"/v1/privacy/reviews/{kind}.{document_id}.1/decision"
        decided = await staff.officer.post(review, {"decision": "approve", "reason": "Read as a whole."})
        assert decided.status_code == 200, decided.text
    approved = await staff.approver.post(f"{path}/approve", {"sha256": sha256})
    assert approved.json()["state"] == "in_force", approved.text
    return state


async def redeem_first(person: Resident, source: Actor, venue: Actor, year: int) -> dict[str, Any]:
    """Go from a consent to the first redemption of the starter catalogue's benefit; return the venue's answer."""
    consent = await person.consent_to_source("volunteer-service", "card-1")
    confirmed = await source.post("/v1/source/links/confirm", {"code": consent["link"]["code"], "account": "card-1"})
    assert confirmed.status_code == 200, confirmed.text
    delivered = await source.deliver(record("minutes-1", "card-1", "volunteer_minutes", MINUTES, f"{year}-03-05"))
    assert delivered["accepted"] == 1, delivered
    assert await person.total() == POINTS
    await person.consent_to_provider("city-library")
    handle = (await person.ticket())["handle"]
    redeemed = await venue.post("/v1/venue/redemptions", {"handle": handle})
    assert redeemed.status_code == 201, redeemed.text
    answer: dict[str, Any] = redeemed.json()
    return answer
