"""Renamed providers and sources: spelling only, or another recipient; on the right day, once, for everybody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from consent.consents import recipient_changes
from consent.database import queries
from consent.documents import lifecycle, recipients
from consent.domain.document_kinds import Body, DocumentKind, Finding
from consent.domain.recipients import Recipient
from consent.models import StoredConsent
from service.auth.access_tokens import Audience
from service.jobs import background
from tests.factories import administrator, put_document
from tests.support.city import Actor, City, Resident, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]
LIBRARY, TRAVEL = "city-library", "green-travel"
NEW_NAME = {"zh-CN": "和平书屋", "en": "Peace Reading House"}
SPELLED = {"zh-CN": "市图书馆（总馆）", "en": "The City Library"}


def officer(town: City) -> Actor:
    return town.actor(Audience.PRIVACY, "officer-9", staff_id="officer-9")


async def submit_renamed(town: City, kind: str, document_id: str, **members: Any) -> str:
    """Draft and submit a version with other members; it must wait for an officer. Return the version's path."""
    author = administrator(town)
    known = (await author.get(f"/v1/admin/{kind}/{document_id}")).json()["document"]
    drafted = await put_document(author, f"/v1/admin/{kind}/{document_id}", {**known, **members}, "*")
    path = f"/v1/admin/{kind}/{document_id}/versions/{drafted.json()['version']}"
    submitted = await author.post(f"{path}/submit")
    assert (submitted.status_code, submitted.json()["state"]) == (200, "in_review"), submitted.text
    return path


def review_of(path: str) -> str:
    kind, document_id, _, version = path.removeprefix("/v1/admin/").split("/")
    return f"/v1/privacy/reviews/{kind}.{document_id}.{version}"


async def decide(town: City, path: str, recipient: str | None, decision: str = "approve") -> Any:
    body: dict[str, Any] = {"decision": decision, "reason": "Read it."}
    return await officer(town).post(
        f"{review_of(path)}/decision", body if recipient is None else {**body, "recipient": recipient}
    )


async def approve(town: City, path: str) -> None:
    approver = administrator(town, 2)
    sha256 = (await approver.get(path)).json()["sha256"]
    approved = await approver.post(f"{path}/approve", {"sha256": sha256})
    assert (approved.status_code, approved.json()["state"]) == (200, "in_force"), approved.text


async def rename(town: City, kind: str, document_id: str, recipient: str, **members: Any) -> None:
    path = await submit_renamed(town, kind, document_id, **members)
    assert (await decide(town, path, recipient)).status_code == 200
    await approve(town, path)


async def state_of(person: Resident, consent: dict[str, Any]) -> str:
    state: str = (await person.get(f"/v1/me/consents/{consent['consent_id']}")).json()["state"]
    return state


async def texts_about(person: Resident) -> list[str]:
    rows = (await person.get("/v1/me/messages", {"Accept-Language": "en"})).json()["data"]
    return [row["text"] for row in rows if "organisation" in row["text"]]


async def reader(town: City, subject: str = "wu") -> tuple[Resident, dict[str, Any]]:
    """Return a resident who has points for the library's benefit, and their consent to the library."""
    person = town.resident(subject)
    await person.volunteer(7_200, f"v-{subject}")
    return person, await person.consent_to_provider(LIBRARY)


async def applies(town: City, person: Resident) -> bool:
    """Report whether the library's benefit applies at its desk with a new ticket."""
    handle = (await person.ticket())["handle"]
    answer: bool = (await town.venue().post("/v1/venue/checks", {"handle": handle})).json()["applies"]
    return answer


@pytest.mark.both_engines
async def test_c18_a_provider_renamed_waits_and_spelling_only_keeps_its_consents(town: City) -> None:
    person, consent = await reader(town)
    path = await submit_renamed(town, "providers", LIBRARY, name=SPELLED)
    shown = (await officer(town).get(review_of(path))).json()
    assert shown["asks_recipient"] is True
    assert [(row["code"], row["rule"], row["severity"]) for row in shown["findings"]] == [
        ("name_changed", "R9", "flagged")
    ]
    assert (await decide(town, path, "spelling_only")).status_code == 200
    assert (await officer(town).get(review_of(path))).json()["recipient"] == "spelling_only"
    await approve(town, path)
    assert await applies(town, person)
    for _ in range(2):
        await background.run_cleanup(town.app_context)
    assert await state_of(person, consent) == "given"
    (text,) = await texts_about(person)
    assert "City Library is now written The City Library" in text
    assert await applies(town, person)


async def test_c18_another_recipient_ends_the_consents_on_that_day(town: City) -> None:
    person, consent = await reader(town)
    handle = (await person.ticket())["handle"]
    await rename(town, "providers", LIBRARY, "another_recipient", name=NEW_NAME)
    # No job has run: liveness is decided at each use.
    assert await state_of(person, consent) == "terminated"
    assert (await town.venue().post("/v1/venue/checks", {"handle": handle})).json() == {"applies": False}
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": handle})).json() == {"applies": False}
    needed = await person.post("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "city-library-main"})
    assert (needed.status_code, needed.json()["code"]) == (409, "consent_needed")
    benefits = (await person.get("/v1/me/benefits")).json()["data"]
    (loan,) = [row for row in benefits if row["benefit_id"] == "library-deposit"]
    assert loan["consent"] == "needed"
    for _ in range(2):
        await background.run_cleanup(town.app_context)
    assert await state_of(person, consent) == "terminated"
    (text,) = await texts_about(person)
    assert "another organisation" in text
    assert (await officer(town).post("/v1/privacy/verification")).json()["ok"] is True
    # A person who reads the new notice can agree to the new recipient, and is not asked a second time.
    again = await person.consent_to_provider(LIBRARY)
    await background.run_cleanup(town.app_context)
    assert await state_of(person, again) == "given"
    assert await applies(town, person)


async def test_c18_a_source_that_is_another_recipient_ends_links_records_and_points(town: City) -> None:
    person = town.resident("wang")
    consent = await person.link(TRAVEL, "bike-9001")
    await town.source().deliver(record("r-1", "bike-9001", quantity=100))
    assert await person.total() == 50
    await rename(town, "sources", TRAVEL, "another_recipient", name={"zh-CN": "出行服务社", "en": "Travel Service"})
    # The stored balance was computed under the consent that has ended; nobody may use it any more.
    assert await person.total() == 0
    assert await state_of(person, consent) == "terminated"
    late = await town.source().deliver(record("r-2", "bike-9001", quantity=100))
    assert late["results"][0]["code"] == "not_authorised"
    assert (await town.source().get("/v1/source/links?state=confirmed")).json()["data"] == []
    await background.run_cleanup(town.app_context)
    ended = (await town.source().get("/v1/source/links?state=ended&limit=200")).json()["data"]
    assert [row["account"] for row in ended].count("bike-9001") == 1
    assert (await person.get("/v1/me/records")).json()["data"] == []
    assert len(await texts_about(person)) == 1
    assert (await officer(town).post("/v1/privacy/verification")).json()["ok"] is True
    # A new consent needs a new proof of the account.
    assert (await person.consent_to_source(TRAVEL, "bike-9001"))["link"]["state"] == "pending"


async def test_a_notice_with_the_old_name_cannot_be_accepted_after_the_change(town: City) -> None:
    person, later = town.resident("wu"), town.resident("li")
    shown = await person.request_notice(purpose="benefit.check", provider_id=LIBRARY)
    respelled = await later.request_notice(purpose="benefit.check", provider_id=LIBRARY)
    await rename(town, "providers", LIBRARY, "another_recipient", name=NEW_NAME)
    for who, ticket in ((person, shown["ticket"]), (later, respelled["ticket"])):
        refused = await who.post("/v1/me/consents", {"ticket": ticket})
        assert (refused.status_code, refused.json()["code"]) == (409, "notice_changed")
        assert NEW_NAME["zh-CN"] in refused.json()["notice"]["body"]


@pytest.mark.parametrize("member", ["owner", "removed owner", "client"])
async def test_an_owner_or_a_client_is_part_of_what_people_agreed_to(town: City, member: str) -> None:
    if member == "client":
        path = await submit_renamed(town, "sources", TRAVEL, client_id="somebody-else")
    else:
        path = await submit_renamed(town, "providers", LIBRARY, owner_id="culture-bureau")
    if member == "removed owner":
        assert (await decide(town, path, "spelling_only")).status_code == 200
        await approve(town, path)
        author = administrator(town)
        body = (await author.get(f"/v1/admin/providers/{LIBRARY}")).json()["document"]
        body.pop("owner_id")
        drafted = await put_document(author, f"/v1/admin/providers/{LIBRARY}", body, "*")
        path = f"/v1/admin/providers/{LIBRARY}/versions/{drafted.json()['version']}"
        assert (await author.post(f"{path}/submit")).json()["state"] == "in_review"
    codes = {row["code"] for row in (await officer(town).get(review_of(path))).json()["findings"]}
    assert ("client_changed" if member == "client" else "owner_changed") in codes
    assert (await decide(town, path, None)).status_code == 422


async def test_the_decision_about_the_recipient_is_asked_for_where_it_is_needed_alone(town: City) -> None:
    path = await submit_renamed(town, "providers", LIBRARY, name=SPELLED)
    for recipient in (None, "somebody"):
        missing = await decide(town, path, recipient)
        assert (missing.status_code, missing.json()["code"]) == (422, "body_invalid")
        assert [error["pointer"] for error in missing.json()["errors"]] == ["/recipient"]
    assert (await decide(town, path, None, "refuse")).status_code == 200
    evidence = {"legal_basis": "本市条例。", "voluntary": True, "assessment_id": "PIA-2026-009"}
    onboarding = {**evidence, "independent_of_employer_landlord_school_penal": True}
    path = await submit_renamed(town, "sources", TRAVEL, onboarding=onboarding)
    assert (await decide(town, path, "spelling_only")).status_code == 422
    assert (await decide(town, path, None)).status_code == 200


async def pass_everything(kind: DocumentKind, body: Body) -> list[Finding]:
    """Stand in for the publication rules: the lifecycle alone is of interest."""
    return []


async def publish_at(
    kind: DocumentKind, body: dict[str, Any], recipient: Recipient, times: tuple[datetime, datetime]
) -> None:
    """Approve a version at the first instant, in force from the second, with an officer's decision."""
    at, begins = times
    document_id = body[f"{kind.removesuffix('s')}_id"]
    async with queries.transaction():
        drafted = await lifecycle.draft(kind, document_id, body, "a", at)
        await lifecycle.submit(kind, document_id, drafted.version, "a", at, pass_everything)
        await recipients.decide(drafted, recipient)
        submitted = await lifecycle.get(kind, document_id, drafted.version)
        if submitted.state == "in_review":
            submitted = await lifecycle.review(kind, document_id, drafted.version, "o", at)
        await lifecycle.approve(submitted, drafted.sha256, "b", at, begins)


async def test_scheduled_changes_take_effect_on_their_days_in_sequence(town: City) -> None:
    person, consent = await reader(town)
    at = await town.shift()
    provider = (await administrator(town).get(f"/v1/admin/providers/{LIBRARY}")).json()["document"]
    second, third = at + timedelta(days=2), at + timedelta(days=4)
    spelled, other = {**provider, "name": SPELLED}, {**provider, "name": NEW_NAME}
    await publish_at(DocumentKind.PROVIDERS, spelled, Recipient.SPELLING_ONLY, (at, second))
    await publish_at(DocumentKind.PROVIDERS, other, Recipient.ANOTHER_RECIPIENT, (at, third))
    await background.run_cleanup(town.app_context)
    assert (await texts_about(person), await state_of(person, consent)) == ([], "given")
    # Back to the old name: compared with the scheduled versions as well, it is a change.
    path = await submit_renamed(town, "providers", LIBRARY, name=provider["name"])
    assert (await decide(town, path, None)).status_code == 422
    assert (await decide(town, path, None, "refuse")).status_code == 200

    town.shift.by += timedelta(days=2, minutes=1)
    newcomer = town.resident("li")
    late = await newcomer.consent_to_provider(LIBRARY)
    await background.run_cleanup(town.app_context)
    assert (len(await texts_about(person)), len(await texts_about(newcomer))) == (1, 0)
    assert await state_of(person, consent) == "given"

    town.shift.by += timedelta(days=2)
    assert (await state_of(person, consent), await state_of(newcomer, late)) == ("terminated", "terminated")
    await background.run_cleanup(town.app_context)
    for who, given, messages in ((person, consent, 2), (newcomer, late, 1)):
        row = (await who.get(f"/v1/me/consents/{given['consent_id']}")).json()
        assert (row["state"], row["ended_at"][:10]) == ("terminated", third.date().isoformat())
        assert len(await texts_about(who)) == messages
    # Nothing is left to do, and the self-audit sees that.
    town.shift.by += timedelta(days=1, hours=1)
    await background.run_cleanup(town.app_context)
    assert await recipients.not_applied(await town.shift()) == []


@pytest.mark.both_engines
async def test_a_run_that_stops_in_the_middle_is_continued_once_for_each_person(town: City) -> None:
    people = [await reader(town, f"wu-{number}") for number in range(3)]
    await rename(town, "providers", LIBRARY, "spelling_only", name=SPELLED)
    await rename(town, "providers", LIBRARY, "another_recipient", name=NEW_NAME)
    at, keyring = await town.shift(), town.app_context.keyring
    runs = 0
    while await recipient_changes.apply(keyring, at, limit=1):
        runs += 1
    assert runs >= len(people)
    for person, consent in people:
        assert await state_of(person, consent) == "terminated"
        texts = await texts_about(person)
        assert len([text for text in texts if "another organisation" in text]) == 1
        assert len(texts) == len(set(texts))
    assert await StoredConsent.filter(counterpart=LIBRARY, state="given").count() == 0
    assert (await officer(town).post("/v1/privacy/verification")).json()["ok"] is True


@pytest.mark.both_engines
async def test_a_withdrawal_after_the_change_is_the_recorded_end(town: City) -> None:
    person, consent = await reader(town)
    await rename(town, "providers", LIBRARY, "another_recipient", name=NEW_NAME)
    answer = await person.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    assert (answer.status_code, answer.json()["state"]) == (200, "terminated")
    assert len(await texts_about(person)) == 1
    await background.run_cleanup(town.app_context)
    assert len(await texts_about(person)) == 1


async def test_a_name_that_changed_meanwhile_needs_a_new_submission(town: City) -> None:
    """Two versions are submitted against one name; the second is approved after the first."""
    author = administrator(town)
    known = (await author.get(f"/v1/admin/providers/{LIBRARY}")).json()["document"]
    quiet = await put_document(author, f"/v1/admin/providers/{LIBRARY}", {**known, "division": "210102"}, "*")
    path = f"/v1/admin/providers/{LIBRARY}/versions/{quiet.json()['version']}"
    state = (await author.post(f"{path}/submit")).json()["state"]
    if state == "in_review":
        assert (await decide(town, path, None)).status_code == 200
    await rename(town, "providers", LIBRARY, "another_recipient", name=NEW_NAME)
    approver = administrator(town, 2)
    refused = await approver.post(f"{path}/approve", {"sha256": quiet.json()["sha256"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


@pytest.mark.both_engines
async def test_the_self_audit_names_a_change_that_was_not_carried_out(town: City) -> None:
    person, _ = await reader(town)
    await rename(town, "providers", LIBRARY, "another_recipient", name=NEW_NAME)
    town.shift.by += timedelta(days=1, minutes=1)
    counts = []
    for _ in range(2):
        checks = (await officer(town).get("/v1/privacy/self-audit")).json()["data"]
        counts.append([row["found"] for row in checks if row["check"].startswith("changes of a recipient")])
        for _ in range(2):
            await background.run_cleanup(town.app_context)
    assert counts == [[1], [0]]
    assert len(await texts_about(person)) == 1
