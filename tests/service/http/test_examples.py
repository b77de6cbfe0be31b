"""Examples of the OpenAPI document are requests that work and answers that come.

With `WRITE_EXAMPLES=1` the story writes its answers to `service/api/examples.json`; the requests there are the source.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import jsonschema_rs
import pytest

from service import app
from service.api.routes import OPERATIONS
from service.auth.access_tokens import Audience
from tests.factories import administrator
from tests.support.calls import EXAMPLES
from tests.support.city import Actor, City

FILE = Path(__file__).parents[3] / "service" / "api" / "examples.json"
ROWS_MAX = 2
"""Rows of a list in an example."""
LONG_CHARS = 400
"""Characters of a text in an example."""
EXAMPLED = [name for name in EXAMPLES if name in {operation.operation_id for operation in OPERATIONS}]


@cache
def document() -> jsonschema_rs.Registry:
    """Return the OpenAPI document as schemas refer to it."""
    return jsonschema_rs.Registry([("urn:document", app.document())], draft=jsonschema_rs.Draft202012)


def described(name: str) -> tuple[str, Mapping[str, Any]]:
    """Return an operation's place in the OpenAPI document, as a JSON Pointer in a URI, and its description."""
    return next(
        (f"/paths/{quote(path.replace('/', '~1'), safe='~')}/{method}", call)
        for path, methods in app.document()["paths"].items()
        for method, call in methods.items()
        if call["operationId"] == name
    )


def test_every_body_has_an_example() -> None:
    with_body = {operation.operation_id for operation in OPERATIONS if operation.request is not None}
    assert with_body <= {name for name, example in EXAMPLES.items() if "request" in example}
    assert set(EXAMPLES) == set(EXAMPLED)


@pytest.mark.parametrize("name", EXAMPLED)
def test_an_example_fits_its_schema_and_is_published(name: str) -> None:
    pointer, call = described(name)
    for place, example in EXAMPLES[name].items():
        body = call["requestBody"] if place == "request" else call["responses"][place]
        assert body["content"]["application/json"]["example"] == example
        inside = "requestBody" if place == "request" else f"responses/{place}"
        schema = f"urn:document#{pointer}/{inside}/content/application~1json/schema"
        validator = jsonschema_rs.Draft202012Validator({"$ref": schema}, registry=document())
        assert [fault.message for fault in validator.iter_errors(example)] == []


class Story:
    """Sends examples in the order of the main job and notes every answer by operation and status."""

    def __init__(self, town: City) -> None:
        self.town, self.answers = town, {name: dict(example) for name, example in EXAMPLES.items()}
        self.sent: list[tuple[str, str, Any]] = []

    async def send(self, who: Actor | None, name: str, path: str = "", **members: Any) -> Any:
        """Send an operation's example with some members replaced; return the body of the answer, which must be 2xx."""
        operation = next(operation for operation in OPERATIONS if operation.operation_id == name)
        body = EXAMPLES.get(name, {}).get("request")
        headers = {"Idempotency-Key": f"key-{len(self.sent)}", "Accept-Language": "en"}
        answer: httpx2.Response = await self.town.client.request(
            operation.method,
            path or operation.path,
            headers=headers if who is None else who.headers(headers),
            json=None if body is None else {**body, **members},
        )
        assert answer.is_success, (name, answer.text)
        self.sent.append((name, str(answer.status_code), answer.json()))
        return answer.json()


async def play(story: Story) -> None:
    """Go from a notice to a redemption, an objection, an officer's case and a draft."""
    town = story.town
    wang, bikes, library = town.resident("wang"), town.source(), town.venue()
    await points_of(story, wang, bikes)
    shown = await wang.request_notice(purpose="benefit.check", provider_id="city-library")
    assert (await wang.post("/v1/me/consents", {"ticket": shown["ticket"]})).status_code == 201
    await story.send(wang, "listMyBenefits", "/v1/me/benefits?scene=library")
    ticket = await story.send(wang, "issueTicket")
    await story.send(library, "readVenue")
    await story.send(library, "listVenueBenefits")
    await story.send(library, "checkBenefit", handle=ticket["handle"])
    redeemed = await story.send(library, "redeemBenefit", handle=ticket["handle"])
    await story.send(library, "redeemBenefit", handle=ticket["handle"])
    await story.send(library, "uploadOfflineUses")
    await story.send(library, "listRedemptions")
    await story.send(library, "reverseRedemption", f"/v1/venue/redemptions/{redeemed['redemption_id']}/reversal")
    binding = await story.send(wang, "requestBinding")
    await story.send(library, "createBinding", code=binding["code"])
    await story.send(wang, "listBindings")
    await story.send(wang, "stopBinding", f"/v1/me/bindings/{binding['binding_id']}")
    await story.send(wang, "issuePasses")
    await story.send(wang, "issueSlip")
    await story.send(wang, "listSlips")
    await objection_of(story, wang, bikes)
    complaint = await story.send(wang, "complain")
    await story.send(wang, "listComplaints")
    await story.send(wang, "listMessages")
    await story.send(wang, "listAccesses")
    await story.send(wang, "withdrawAll", scope="all")
    await staff_of(story, complaint["complaint_id"])
    for name in ("listSources", "listSchemes", "listProhibitedUses", "listErrors"):
        await story.send(None, name)
    await story.send(None, "listBenefits", "/v1/public/benefits?scene=library")
    await story.send(None, "readError", "/v1/public/errors/not_found")


async def points_of(story: Story, wang: Actor, bikes: Actor) -> None:
    """Consent to a source, confirm the account, deliver a record and read the points."""
    day = f"{await story.town.last_year()}-06-01"
    shown = await story.send(wang, "requestConsent")
    await story.send(wang, "readConsentRequest", f"/v1/me/consent-requests/{shown['request_id']}")
    consent = await story.send(wang, "giveConsent", ticket=shown["ticket"])
    await story.send(bikes, "confirmLink", code=consent["link"]["code"])
    await story.send(bikes, "listLinks")
    record = EXAMPLES["deliverRecords"]["request"]["records"][0]
    await story.send(bikes, "deliverRecords", records=[{**record, "quantity": 130, "occurred_on": day}])
    for name in ("listConsents", "readPoints", "explainPoints", "supposePoints", "listRecords"):
        await story.send(wang, name)
    await story.send(wang, "readConsent", f"/v1/me/consents/{consent['consent_id']}")
    await story.send(wang, "readReceipt", f"/v1/me/consents/{consent['consent_id']}/receipt")


async def objection_of(story: Story, wang: Actor, bikes: Actor) -> None:
    """Object to a record, and let its source state its side and an officer read it."""
    (row,) = (await wang.get("/v1/me/records")).json()["data"]
    objection = await story.send(wang, "objectToRecord", f"/v1/me/records/{row['record_id']}/objections")
    await story.send(wang, "listObjections")
    await story.send(bikes, "listSourceObjections")
    await story.send(bikes, "stateAboutObjection", f"/v1/source/objections/{objection['objection_id']}/statement")


async def staff_of(story: Story, complaint_id: str) -> None:
    """Open a case and answer a complaint as an officer; draft, read and submit a benefit as an administrator."""
    officer = story.town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1")
    await story.send(officer, "openCase")
    await story.send(officer, "listCases")
    await story.send(officer, "listOpenObjections")
    await story.send(officer, "listOpenComplaints")
    await story.send(officer, "answerComplaint", f"/v1/privacy/complaints/{complaint_id}/answer")
    admin = administrator(story.town)
    await story.send(admin, "findFaults", "/v1/admin/benefits/findings")
    await story.send(admin, "createDocument", "/v1/admin/benefits")
    path = "/v1/admin/benefits/readers-600"
    await story.send(admin, "readCatalogueDocument", path)
    await story.send(admin, "listDocuments", "/v1/admin/benefits?state=draft")
    await story.send(admin, "submitVersion", f"{path}/versions/1/submit")
    await story.send(admin, "listSteps", f"{path}/versions/1/steps")


def shortened(value: Any) -> Any:
    """Return an answer with few rows and short texts, as an example shows it."""
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value[:ROWS_MAX]]
    return value[:LONG_CHARS] if isinstance(value, str) else value


def shape(value: Any) -> Any:
    """Return the members of a value, and of the first row of its lists; values that come and go are left out."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.mark.anyio
async def test_examples_are_sent_and_their_answers_come(town: City) -> None:
    story = Story(town)
    await play(story)
    if os.environ.get("WRITE_EXAMPLES"):
        for name, status, answer in story.sent:
            story.answers.setdefault(name, {})[status] = shortened(answer)
        text = json.dumps(dict(sorted(story.answers.items())), ensure_ascii=False, indent=2)
        FILE.write_text(text + "\n", encoding="utf-8")
        return
    different = [
        (name, status)
        for name, status, answer in story.sent
        if shape(EXAMPLES[name].get(status)) != shape(shortened(answer))
    ]
    assert different == []
