"""Pages for approvers: the document in both languages, the signed-in name, the history, suspending with a reason."""

from __future__ import annotations

import pytest

from service.auth.access_tokens import Audience
from tests.factories import administrator
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = [pytest.mark.anyio]
DEPOSIT = "/admin/benefits/library-deposit"


async def test_a_document_is_read_in_both_languages_by_somebody_named(town: City) -> None:
    browser = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await browser.go(DEPOSIT)
    for text in (
        "Signed in: admin-1",
        "Borrow without a deposit",
        "免押金借阅",
        "The whole document",
        "中文",
        "Who did what",
    ):
        assert text in browser.text, text
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer")
    assert "Signed in: officer-1" in officer.text


async def test_a_suspension_needs_a_reason_that_stands_in_the_history(town: City) -> None:
    browser = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await browser.go(f"{DEPOSIT}/versions/1/suspend")
    assert "Restarting needs two people." in browser.text
    await browser.send("Reason; colleagues", reason="  ")
    assert browser.status == 422
    assert "Please give a reason" in browser.text
    await browser.send("Reason; colleagues", reason="A complaint is being examined.")
    assert "Suspended" in browser.text
    assert "A complaint is being examined." in browser.text
    steps = (await administrator(town).get("/v1/admin/benefits/library-deposit/versions/1/steps")).json()["data"]
    assert (steps[-1]["act"], steps[-1]["staff_id"], steps[-1]["reason"]) == (
        "suspend", "admin-1", "A complaint is being examined.",
    )  # fmt: skip


@pytest.mark.parametrize("ending", ["suspend", "retire"])
async def test_what_depends_on_a_version_is_named_while_it_is_in_force(town: City, ending: str) -> None:
    browser = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await browser.go(f"/admin/services/book-loan/versions/1/{ending}")
    assert "library-deposit" in browser.text
    await administrator(town).post("/v1/admin/services/book-loan/versions/1/suspend")
    await browser.go(f"/admin/services/book-loan/versions/1/{ending}")
    assert (browser.status, "library-deposit" in browser.text) == (200, False)


async def test_a_scheme_in_force_offers_no_suspension(town: City) -> None:
    browser = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await browser.go("/admin/schemes/2026.1")
    assert browser.status == 200
    assert not any(address.endswith("/suspend") for address, _ in browser.links)
    await browser.go(DEPOSIT)
    assert any(address.endswith("/suspend") for address, _ in browser.links)


async def test_the_api_suspends_without_a_body(town: City) -> None:
    answer = await administrator(town).post("/v1/admin/benefits/library-deposit/versions/1/suspend")
    assert answer.json()["state"] == "suspended"


async def test_an_officer_reads_a_review_in_both_languages(town: City) -> None:
    service = (await administrator(town).get("/v1/admin/services/book-loan")).json()["document"]
    body = {**service, "service_id": "another-loan"}
    await administrator(town).post("/v1/admin/services", body)
    submitted = await administrator(town).post("/v1/admin/services/another-loan/versions/1/submit")
    assert submitted.json()["state"] == "in_review"
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/reviews/services.another-loan.1")
    for text in ("The whole document", "中文", "馆"):
        assert text in officer.text, text
