"""Complaints as pages: from a ticket to the officer's written answer, without scripts."""

from __future__ import annotations

import pytest

from consent.domain.complaints import OPEN_COMPLAINTS_MAX
from service.auth.access_tokens import Audience
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio


async def test_a_complaint_goes_from_a_ticket_to_its_answer(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await me.go("/me/complaints/new?benefit=library-deposit&venue=city-library-main")
    assert "Borrow without a deposit" in me.text
    await me.send("What happened?", reason_code="asked_for_points", statement="They wanted to see my number.")
    assert "We have your complaint." in me.text
    assert "Answer by" in me.text
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/complaints")
    (path,) = [href for href, words in officer.links if words == "I was asked to show my points"]
    await officer.go(path)
    assert "Benefit Borrow without a deposit" in officer.text
    assert "They wanted to see my number." in officer.text
    assert "City Library, main building" in officer.text
    assert "Borrow without a deposit" in officer.text
    assert "city-library-main" not in officer.text
    assert "wang" not in officer.text
    await officer.send("Answer, in writing", answer="")
    assert (officer.status, "Please write an answer" in officer.text) == (422, True)
    await officer.send("Answer, in writing", answer="Nobody may ask that. The library was told.")
    assert "No complaints are waiting." in officer.text
    # Her first page says what waits, until she has read it.
    await me.go("/me")
    assert "complaint" in me.text.partition("Next benefit")[0]
    await me.go("/me/messages")
    await me.go("/me")
    assert "complaint" not in me.text.partition("Next benefit")[0]
    await me.go("/me/complaints")
    assert "Nobody may ask that. The library was told." in me.text


async def test_a_complaint_without_a_place_keeps_what_was_typed(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "li")
    await me.go("/me/complaints/new")
    await me.send("What happened?", about="", reason_code="other", statement="They laughed.")
    assert me.status == 422
    assert "Choose the benefit and the venue." in me.text
    assert "They laughed." in me.text


async def test_no_reason_is_chosen_before_the_person_chooses(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "li")
    await me.go("/me/complaints/new?benefit=library-deposit&venue=city-library-main")
    assert " checked required" not in me.html
    await me.send("What happened?", statement="They laughed.")
    assert me.status == 422
    assert "Choose what happened." in me.text
    assert "Choose the benefit and the venue." not in me.text
    assert "They laughed." in me.text


async def test_one_complaint_too_many_says_why_and_keeps_what_was_typed(town: City) -> None:
    wang = town.resident("wang")
    about = {"benefit_id": "library-deposit", "venue_id": "city-library-main", "reason_code": "other"}
    for _ in range(OPEN_COMPLAINTS_MAX):
        await wang.post("/v1/me/complaints", about)
    page = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await page.go("/me/complaints/new?benefit=library-deposit&venue=city-library-main")
    await page.send("Send", reason_code="other", statement="They wanted to see my points.")
    assert page.status == 409
    assert "20 of your complaints wait for an answer" in page.text
    assert "They wanted to see my points." in page.html


async def test_a_use_in_the_activity_leads_to_the_form(town: City) -> None:
    wang = town.resident("wang")
    await wang.link("volunteer-service", "vol-1")
    await wang.consent_to_provider("city-library")
    await town.source("volunteer-service").deliver(
        {"record_id": "v-1", "account": "vol-1", "kind": "volunteer_minutes", "quantity": 12_000,
         "occurred_on": f"{await town.last_year()}-06-01"}
    )  # fmt: skip
    ticket = await wang.post("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "city-library-main"})
    assert ticket.status_code == 201, ticket.text
    me = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await me.go("/me/accesses")
    assert ("/me/complaints/new?benefit=library-deposit", "Complain") in me.links
