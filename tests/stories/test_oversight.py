"""Oversight that cannot be one person: officer and approver differ, refused drafts are counted, mistakes are none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consent.database import queries
from consent.oversight import staff
from service.auth.access_tokens import Audience
from tests.factories import (
    PROVIDER_DOCUMENT,
    SERVICE_DOCUMENT,
    administrator,
    benefit_document,
    both_languages,
    put_document,
)
from tests.support.browsing import Browser
from tests.support.city import Actor, City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def in_review(town: City) -> tuple[str, str]:
    """Return version path and hash of a first service, drafted and submitted by admin-1, which waits for an officer."""
    body = {**SERVICE_DOCUMENT, "service_id": "another-loan"}
    drafted = (await administrator(town).post("/v1/admin/services", body)).json()
    path = "/v1/admin/services/another-loan/versions/1"
    assert (await administrator(town).post(f"{path}/submit")).json()["state"] == "in_review"
    return path, drafted["sha256"]


async def refused_attempts(officer: Actor) -> list[tuple[str, str]]:
    rows = (await officer.get("/v1/privacy/refused-attempts")).json()["data"]
    return [(row["actor"], row["code"]) for row in rows]


async def draft_refusals(officer: Actor) -> dict[tuple[str, str, str], int]:
    rows = (await officer.get("/v1/privacy/draft-refusals")).json()["data"]
    return {(row["staff_id"], row["rule"], row["code"]): row["refusals"] for row in rows}


async def test_officer_and_approver_are_two_persons_whatever_their_roles(town: City) -> None:
    path, sha256 = await in_review(town)
    review = "/v1/privacy/reviews/services.another-loan.1/decision"
    both = town.actor(Audience.PRIVACY, "account-a", staff_id="person-7")
    assert (await both.post(review, {"decision": "approve", "reason": "The evidence fits."})).status_code == 200
    same = town.actor(Audience.ADMINISTRATOR, "account-b", staff_id="person-7")
    refused = await same.post(f"{path}/approve", {"sha256": sha256})
    assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    officer = town.actor(Audience.PRIVACY, "officer-1")
    assert ("person-7", "four_eyes") in await refused_attempts(officer)
    author = await administrator(town).post(f"{path}/approve", {"sha256": sha256})
    assert author.json()["code"] == "four_eyes"
    done = await administrator(town, 2).post(f"{path}/approve", {"sha256": sha256})
    assert done.json()["state"] == "in_force"
    steps = (await administrator(town).get(f"{path}/steps")).json()["data"]
    assert [(row["act"], row["staff_id"], row.get("reason")) for row in steps] == [
        ("draft", "admin-1", None),
        ("submit", "admin-1", None),
        ("review", "person-7", "The evidence fits."),
        ("approve", "admin-2", None),
    ]


async def test_refused_drafts_and_previews_are_counted_by_person_and_day(town: City) -> None:
    author, officer = administrator(town), town.actor(Audience.PRIVACY, "officer-1")
    surcharge = benefit_document(title=both_languages("失信被执行人", "Blacklist of debtors"))
    preview = await author.post("/v1/admin/benefits/findings", surcharge)
    refused = {(row["rule"], row["code"]) for row in preview.json()["findings"] if row["severity"] == "refused"}
    assert refused
    drafted = await author.post("/v1/admin/benefits", surcharge)
    await put_document(author, "/v1/admin/benefits/another-one", surcharge, drafted.headers.get("etag") or "*")
    counted = await draft_refusals(officer)
    assert counted == {("admin-1", rule, code): 3 for rule, code in refused}
    assert await refused_attempts(officer) == []
    await author.post("/v1/admin/benefits/another-one/versions/2/submit")
    assert await refused_attempts(officer) == [("admin-1", "prohibited")]


async def test_mistakes_of_order_and_form_are_no_refused_attempts(town: City) -> None:
    author, officer = administrator(town), town.actor(Audience.PRIVACY, "officer-1")
    await author.post("/v1/admin/providers", {**PROVIDER_DOCUMENT, "kind": "library"})
    service = {**SERVICE_DOCUMENT, "service_id": "early-loan", "provider_id": "new-provider"}
    drafted = await author.post("/v1/admin/services", service)
    (finding,) = [row for row in drafted.json()["findings"] if row["severity"] == "refused"]
    assert (finding["code"], finding["rule"], finding["pointer"]) == ("not_in_force", "form", "/provider_id")
    submitted = await author.post("/v1/admin/services/early-loan/versions/1/submit")
    assert (submitted.status_code, submitted.json()["code"]) == (422, "prohibited")
    assert await refused_attempts(officer) == []
    assert await draft_refusals(officer) == {}


@pytest.mark.both_engines
async def test_an_opened_editor_counts_no_refused_draft(town: City) -> None:
    """The editor of a new scheme begins with a year that no rule refuses."""
    browser = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await browser.go("/admin/schemes/new")
    assert browser.status == 200
    assert await draft_refusals(town.actor(Audience.PRIVACY, "officer-1")) == {}


async def test_all_findings_come_at_once(town: City) -> None:
    author = administrator(town)
    title = both_languages("失信被执行人", "Blacklist of debtors")
    faulty: dict[str, Any] = {**benefit_document(title=title, service_id="no-such-service"), "quota": {"total": 1}}
    reported = (await author.post("/v1/admin/benefits/findings", faulty)).json()["findings"]
    codes = {row["code"] for row in reported}
    assert {"not_in_force", "prohibited_domain"} < codes
    assert any(row["pointer"].startswith("/quota") for row in reported)


async def test_an_import_reports_every_finding_at_once(town: City) -> None:
    author = administrator(town)
    title = both_languages("失信被执行人", "Blacklist of debtors")
    whole = benefit_document(title=title)
    answer = await author.post("/v1/admin/catalogue/import", {"catalogue": {"benefits": [whole]}})
    assert answer.status_code == 201, answer.text
    (row,) = answer.json()["data"]
    assert "prohibited_domain" in [finding["code"] for finding in row["findings"]]
    broken = {**benefit_document(benefit_id="broken-one"), "quota": {"total": 1}}
    refused = await author.post("/v1/admin/catalogue/import", {"catalogue": {"benefits": [broken, whole]}})
    errors = {(error["pointer"].split("/")[3], error["code"]) for error in refused.json()["errors"]}
    assert ("1", "prohibited_domain") in errors
    assert any(place == "0" for place, _ in errors)


@pytest.mark.both_engines
async def test_b12_an_officers_read_appears_by_the_hour(town: City) -> None:
    wang, officer = town.resident("wang"), town.actor(Audience.PRIVACY, "officer-1")
    consent = await wang.consent_to_provider("city-library")
    opened = await officer.post("/v1/privacy/cases", {"reason_code": "audit", "text": "The yearly audit."})
    path = f"/v1/privacy/consents/{consent['consent_id']}?case={opened.json()['case_id']}"
    assert (await officer.get(path)).status_code == 200
    (entry,) = (await wang.get("/v1/me/access-log")).json()["data"]
    assert entry["at"].endswith(":00:00Z")


async def test_b14_suspended_staff_read_their_own_sentence(town: City) -> None:
    async with queries.transaction():
        await staff.suspend("admin-1", await queries.now())
    answer = await town.client.get("/v1/admin/benefits", headers=administrator(town).headers({"Accept-Language": "en"}))
    assert (answer.status_code, answer.json()["code"]) == (403, "suspended")
    assert answer.json()["detail"].startswith("Your access as a member of staff is suspended.")


@pytest.mark.parametrize("ending", ["retire", "suspend"])
@pytest.mark.parametrize(("kind", "document_id"), [("sources", "civic-life"), ("providers", "city-library")])
async def test_b10_consents_keep_the_last_name_of_what_has_ended(
    town: City, kind: str, document_id: str, ending: str
) -> None:
    wang = town.resident("wang")
    if kind == "sources":
        consent = await wang.consent_to_source(document_id, "member-1")
    else:
        consent = await wang.consent_to_provider(document_id)
    before = (await wang.get(f"/v1/me/consents/{consent['consent_id']}")).json()["name"]
    path = f"/v1/admin/{kind}/{document_id}/versions/1/{ending}"
    body = {"from": (await town.today()).isoformat()} if ending == "retire" else {}
    ended = await administrator(town).post(path, body)
    assert ended.status_code == 200, ended.text
    town.shift.by = timedelta(days=1)
    assert (await wang.get(f"/v1/me/consents/{consent['consent_id']}")).json()["name"] == before
    assert (await wang.get("/v1/me/consents")).json()["data"][0]["name"] == before
