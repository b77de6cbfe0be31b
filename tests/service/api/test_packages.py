"""Packages of documents: one hash for review and approval, the rules of single documents, every one or none."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pytest

from benefits.publishing import packages as package_rules
from consent.database import queries
from consent.documents import packages
from consent.documents.lifecycle import Version
from service.auth.access_tokens import Audience
from tests.factories import BENEFIT_DOCUMENT, SERVICE_DOCUMENT, administrator, both_languages, put_document
from tests.support.city import Actor, City, row_counts
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]
PACKAGES = "/v1/admin/packages"
PROVIDER = {
    "provider_id": "hill-library",
    "kind": "library",
    "name": both_languages("山丘图书馆", "Hill Library"),
    "division": "2101",
}
VENUE = {
    "venue_id": "hill-library-desk",
    "provider_id": "hill-library",
    "name": both_languages("山丘图书馆服务台", "Hill Library, desk"),
    "division": "210102",
    "client_id": "hill-library-desk",
}
SERVICE = {**SERVICE_DOCUMENT, "service_id": "hill-loan", "provider_id": "hill-library"}
BENEFIT = {**copy.deepcopy(BENEFIT_DOCUMENT), "benefit_id": "hill-deposit", "service_id": "hill-loan"}
PARTNER = (("benefits", BENEFIT), ("services", SERVICE), ("venues", VENUE), ("providers", PROVIDER))
"""A partner's documents, each before what it names: a package has no order."""


def officer_of(town: City, number: int = 1) -> Actor:
    return town.actor(Audience.PRIVACY, f"officer-{number}", staff_id=f"officer-{number}")


async def draft(town: City, *documents: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Draft documents as the first administrator; return how a package names them."""
    named = []
    for kind, document in documents:
        drafted = await administrator(town).post(f"/v1/admin/{kind}", document)
        assert drafted.status_code == 201, drafted.text
        named.append({"kind": kind, "id": drafted.json()["id"], "version": drafted.json()["version"]})
    return named


async def submit(town: City, named: list[dict[str, Any]]) -> dict[str, Any]:
    """Submit a package as the first administrator; return it."""
    answer = await administrator(town).post(PACKAGES, {"documents": named})
    assert answer.status_code == 201, answer.text
    package: dict[str, Any] = answer.json()
    return package


async def test_documents_are_locked_in_one_order_however_they_are_named(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two submissions at once that name the same documents do not wait for each other."""
    named, locked, write = await draft(town, *PARTNER), list[str](), packages._write_as_decided

    async def noted(member: Version, at: datetime) -> None:
        locked.append(member.document_id)
        await write(member, at)

    monkeypatch.setattr(packages, "_write_as_decided", noted)
    orders = []
    for documents in (named, named[::-1]):
        locked.clear()
        await submit(town, documents)
        orders.append(locked[: len(named)])
    assert orders[0] == orders[1]


@pytest.mark.both_engines
async def test_overlapping_submissions_at_once_are_one_package(town: City) -> None:
    named, author = await draft(town, *PARTNER), administrator(town)
    orders = [named, named[::-1]] * 3
    answers = await asyncio.gather(*(author.post(PACKAGES, {"documents": documents}) for documents in orders))
    assert {answer.status_code for answer in answers} <= {201, 409}, [answer.text for answer in answers]
    rows = await queries.fetch_all("SELECT state FROM document_package")
    assert [row["state"] for row in rows].count("open") == 1


async def pass_review(town: City, package: dict[str, Any], sha256: str | None = None) -> Any:
    """Pass the review of a package as a privacy officer; return the response."""
    return await officer_of(town).post(
        f"/v1/privacy/reviews/package.{package['package_id']}/decision",
        {"decision": "approve", "reason": "I read all four.", "sha256": sha256 or package["sha256"]},
    )


async def approve(town: City, package: dict[str, Any], number: int = 2) -> Any:
    """Approve a package as an administrator, the second by default; return the response."""
    return await administrator(town, number).post(
        f"{PACKAGES}/{package['package_id']}/approve", {"sha256": package["sha256"]}
    )


async def states(town: City, named: list[dict[str, Any]]) -> set[str]:
    """Return the states of documents."""
    paths = [f"/v1/admin/{member['kind']}/{member['id']}/versions/{member['version']}" for member in named]
    return {(await administrator(town).get(path)).json()["state"] for path in paths}


@pytest.mark.both_engines
async def test_a_new_partner_goes_live_by_one_submission_one_review_and_one_approval(town: City) -> None:
    named = await draft(town, *PARTNER)
    package = await submit(town, named)
    assert [row["kind"] for row in package["documents"]] == ["providers", "venues", "services", "benefits"]
    assert package["state"] == "in_review"
    assert not [
        row for document in package["documents"] for row in document["findings"] if row["severity"] == "refused"
    ]
    early = await approve(town, package)
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    listed = (await officer_of(town).get("/v1/privacy/reviews")).json()["data"]
    assert [row["review_id"] for row in listed if row["kind"] == "package"] == [f"package.{package['package_id']}"]
    assert "hill" not in {row["about"] for row in listed if row["kind"] == "document"}
    review = (await officer_of(town).get(f"/v1/privacy/reviews/package.{package['package_id']}")).json()
    assert review["sha256"] == package["sha256"]
    assert [row["id"] for row in review["documents"]] == [row["id"] for row in package["documents"]]
    assert [finding for row in review["documents"] for finding in row["findings"]]
    assert (await pass_review(town, package)).status_code == 200
    assert (await approve(town, package, 1)).json()["code"] == "four_eyes"
    approved = await approve(town, package)
    assert approved.json() == {"package_id": package["package_id"], "state": "approved"}
    assert await states(town, named) == {"in_force"}
    offered = (await town.client.get("/v1/public/benefits?limit=200")).json()["data"]
    assert "hill-deposit" in {row["benefit_id"] for row in offered}
    again = await approve(town, package)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    steps = await administrator(town).get("/v1/admin/services/hill-loan/versions/1/steps")
    assert [row["act"] for row in steps.json()["data"]] == ["draft", "submit", "review", "approve"]
    assert steps.json()["data"][2]["reason"] == "I read all four."


async def test_a_refused_document_refuses_the_package_and_names_its_place(town: City) -> None:
    bad = {**copy.deepcopy(BENEFIT), "effect": {"kind": "deposit_waiver", "up_to_fen": 99_999_999}}
    named = await draft(town, *PARTNER[1:], ("benefits", bad))
    before = await row_counts()
    answer = await administrator(town).post(PACKAGES, {"documents": named})
    assert (answer.status_code, answer.json()["code"]) == (422, "prohibited")
    assert {error["pointer"].split("/")[2] for error in answer.json()["errors"]} == {"3"}
    assert all(error["rule"] for error in answer.json()["errors"])
    assert await states(town, named) == {"draft"}
    after = await row_counts()
    assert {name for name in after if after[name] != before[name]} <= {"refused_attempt", "outbox"}


async def test_what_a_package_does_not_have_must_be_in_force(town: City) -> None:
    named = await draft(town, ("services", SERVICE), ("benefits", BENEFIT))
    answer = await administrator(town).post(PACKAGES, {"documents": named})
    assert answer.status_code == 422
    assert [(row["code"], row["pointer"]) for row in answer.json()["errors"]] == [
        ("not_in_force", "/documents/0/provider_id")
    ]


@pytest.mark.both_engines
async def test_a_changed_document_voids_review_and_approval(town: City) -> None:
    named = await draft(town, *PARTNER)
    package = await submit(town, named)
    assert (await pass_review(town, package)).status_code == 200
    path = "/v1/admin/benefits/hill-deposit"
    changed = {**copy.deepcopy(BENEFIT), "condition": {"measure": "total", "at_least": 80}}
    edited = await put_document(administrator(town), path, changed, "*")
    assert edited.status_code == 200, edited.text
    refused = await approve(town, package)
    assert (refused.status_code, refused.json()["code"]) == (409, "changed")
    read = (await administrator(town).get(f"{PACKAGES}/{package['package_id']}/documents")).json()
    assert (read["state"], read["changed"]) == ("submitted", True)
    renewed = [{**member, "version": 2} if member["kind"] == "benefits" else member for member in named]
    second = await submit(town, renewed)
    assert second["sha256"] != package["sha256"]
    assert second["state"] == "in_review"
    assert (await administrator(town).get(f"{PACKAGES}/{package['package_id']}/documents")).json()[
        "state"
    ] == "recalled"
    old_hash = await pass_review(town, second, package["sha256"])
    assert (old_hash.status_code, old_hash.json()["code"]) == (409, "changed")
    assert (await approve(town, second)).status_code == 409
    assert (await pass_review(town, second)).status_code == 200
    assert (await approve(town, second)).json()["state"] == "approved"


async def test_a_document_of_a_package_is_not_decided_alone(town: City) -> None:
    named = await draft(town, *PARTNER)
    package = await submit(town, named)
    review = await officer_of(town).post(
        "/v1/privacy/reviews/services.hill-loan.1/decision", {"decision": "approve", "reason": "Only this one."}
    )
    assert (review.status_code, review.json()["code"]) == (409, "conflict")
    assert (await pass_review(town, package)).status_code == 200
    for document in package["documents"]:
        path = f"/v1/admin/{document['kind']}/{document['id']}/versions/1"
        alone = await administrator(town, 2).post(f"{path}/approve", {"sha256": document["sha256"]})
        assert (alone.status_code, alone.json()["code"]) in {(409, "conflict"), (422, "prohibited")}, alone.text
        assert (await administrator(town).post(f"{path}/discard")).status_code == 409
    assert await states(town, named) == {"submitted"}


async def test_four_eyes_are_two_persons_for_every_document(town: City) -> None:
    named = await draft(town, *PARTNER[:3])
    drafted = await administrator(town, 2).post("/v1/admin/providers", PROVIDER)
    named.append({"kind": "providers", "id": "hill-library", "version": drafted.json()["version"]})
    package = await submit(town, named)
    author = town.actor(Audience.PRIVACY, "admin-2", staff_id="admin-2")
    decision = {"decision": "approve", "reason": "Mine.", "sha256": package["sha256"]}
    mine = await author.post(f"/v1/privacy/reviews/package.{package['package_id']}/decision", decision)
    assert (mine.status_code, mine.json()["code"]) == (403, "four_eyes")
    assert (await pass_review(town, package)).status_code == 200
    assert (await approve(town, package)).json()["code"] == "four_eyes"
    as_officer = town.actor(Audience.ADMINISTRATOR, "officer-1", staff_id="officer-1")
    both_roles = await as_officer.post(f"{PACKAGES}/{package['package_id']}/approve", {"sha256": package["sha256"]})
    assert both_roles.json()["code"] == "four_eyes"
    assert await states(town, named) == {"submitted"}
    attempts = (await officer_of(town).get("/v1/privacy/refused-attempts")).json()["data"]
    assert {row["what"] for row in attempts[:3]} == {"approvePackage", "decideReview"}
    assert (await approve(town, package, 3)).json()["state"] == "approved"


@pytest.mark.both_engines
async def test_an_officer_returns_all_of_it_and_one_person_recalls_it(town: City) -> None:
    named = await draft(town, *PARTNER)
    package = await submit(town, named)
    path = f"/v1/privacy/reviews/package.{package['package_id']}"
    without = await officer_of(town).post(f"{path}/decision", {"decision": "refuse", "reason": "No evidence."})
    assert (without.status_code, without.json()["errors"][0]["pointer"]) == (422, "/sha256")
    body = {"decision": "refuse", "reason": "No evidence.", "sha256": package["sha256"]}
    assert (await officer_of(town).post(f"{path}/decision", body)).status_code == 200
    assert await states(town, named) == {"draft"}
    decided = (await officer_of(town).get(path)).json()
    assert (decided["state"], decided["decision"], decided["reason"]) == ("decided", "refuse", "No evidence.")
    assert (await officer_of(town).post(f"{path}/decision", body)).status_code == 409
    second = await submit(town, named)
    assert second["sha256"] == package["sha256"]
    assert (await administrator(town, 3).post(f"{PACKAGES}/{second['package_id']}/recall")).status_code == 200
    assert await states(town, named) == {"draft"}
    listed = (await administrator(town).get(PACKAGES)).json()["data"]
    assert [row["state"] for row in listed] == ["recalled", "returned"]
    assert (await administrator(town).get(f"{PACKAGES}?state=open")).json()["data"] == []
    acts = (await administrator(town).get("/v1/admin/activity?act=recall")).json()["data"]
    assert {row["staff_id"] for row in acts} == {"admin-3"}


async def test_a_worse_baseline_in_a_package_is_refused_as_alone(town: City) -> None:
    """A version is never its own predecessor: the ratchet compares it with what is in force."""
    current = (await administrator(town).get("/v1/admin/services/book-loan")).json()["document"]
    worse = {**current, "baseline": {**current["baseline"], "deposit_fen": 30_000, "items": 2}}
    answer = await put_document(administrator(town), "/v1/admin/services/book-loan", worse, "*")
    version = answer.json()["version"]
    reported = await administrator(town).post("/v1/admin/services/findings", worse)
    package = await submit(town, [{"kind": "services", "id": "book-loan", "version": version}])
    alone = {(row["code"], row["rule"]) for row in reported.json()["findings"]}
    assert {(row["code"], row["rule"]) for row in package["documents"][0]["findings"]} == alone
    assert alone


async def test_a_ladder_inside_a_package_is_seen(town: City) -> None:
    ladder = [
        ("benefits", {**copy.deepcopy(BENEFIT), "benefit_id": f"hill-{points}", "condition": condition})
        for points in (60, 90, 120)
        for condition in ({"measure": "total", "at_least": points},)
    ]
    package = await submit(town, await draft(town, *PARTNER[1:], *ladder))
    reported = {row["code"] for document in package["documents"] for row in document["findings"]}
    assert "threshold_ladder" in reported


async def test_a_document_without_its_shape_is_refused_and_breaks_no_other_check(town: City) -> None:
    shapeless = {"service_id": "hill-loan", "provider_id": "hill-library"}
    named = await draft(town, ("benefits", BENEFIT), ("services", shapeless), *PARTNER[2:])
    answer = await administrator(town).post(PACKAGES, {"documents": named})
    assert (answer.status_code, answer.json()["code"]) == (422, "prohibited"), answer.text
    assert {row["pointer"].split("/")[2] for row in answer.json()["errors"]} == {"0", "1"}
    assert await states(town, named) == {"draft"}


async def test_a_new_name_of_an_organisation_is_submitted_on_its_own(town: City) -> None:
    provider = (await administrator(town).get("/v1/admin/providers/city-library")).json()["document"]
    provider["name"]["en"] = "Library of the whole city"
    drafted = await put_document(administrator(town), "/v1/admin/providers/city-library", provider, "*")
    named = [{"kind": "providers", "id": "city-library", "version": drafted.json()["version"]}]
    answer = await administrator(town).post(PACKAGES, {"documents": named})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert await states(town, named) == {"draft"}


@pytest.mark.parametrize(
    ("documents", "status", "code"),
    [
        ([], 422, "body_invalid"),
        ([{"kind": "people", "id": "x", "version": 1}], 422, "body_invalid"),
        ([{"kind": "benefits", "id": "absent", "version": 1}], 404, "not_found"),
        ([{"kind": "benefits", "id": "library-deposit", "version": 1}], 409, "conflict"),
        ([{"kind": "benefits", "id": "library-deposit", "version": 1}] * 2, 422, "body_invalid"),
        ([{"kind": "benefits", "id": f"b{number}", "version": 1} for number in range(51)], 422, "body_invalid"),
        ([{"kind": "benefits", "id": "x", "version": 10**12}], 422, "body_invalid"),
    ],
)
async def test_a_package_that_fits_nothing_is_refused(
    town: City, documents: list[dict[str, Any]], status: int, code: str
) -> None:
    answer = await administrator(town).post(PACKAGES, {"documents": documents})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def waits_for_a_lock() -> bool:
    """Report whether a transaction of this database waits for another one; on SQLite a second one always does."""
    if queries.is_sqlite():
        return True
    row = await queries.fetch_one(
        "SELECT count(*) AS waiting FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    return row is not None and row["waiting"] > 0


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("ending", "reader"),
    [
        ("approve", "administrator"),
        ("recall", "administrator"),
        ("return", "administrator"),
        ("recall", "officer"),
        ("return", "officer"),
    ],
)
async def test_a_read_that_began_before_a_decision_does_not_undo_it(
    town: City, monkeypatch: pytest.MonkeyPatch, ending: str, reader: str
) -> None:
    """The check of a read writes states and writes them back, and the decision arrives between read and check."""
    named = await draft(town, *PARTNER)
    package = await submit(town, named)
    path = f"{PACKAGES}/{package['package_id']}"
    review = f"/v1/privacy/reviews/package.{package['package_id']}"
    if ending == "approve":
        assert (await pass_review(town, package)).status_code == 200
    has_read, may_check, check = asyncio.Event(), asyncio.Event(), package_rules.check

    async def check_late(members: Sequence[Version], at: datetime, today: date, issuer: str) -> Any:
        if not has_read.is_set():
            has_read.set()
            await may_check.wait()
        return await check(members, at, today, issuer)

    async def decide() -> Any:
        if ending == "approve":
            return await approve(town, package)
        if ending == "recall":
            return await administrator(town, 3).post(f"{path}/recall")
        body = {"decision": "refuse", "reason": "No evidence.", "sha256": package["sha256"]}
        return await officer_of(town).post(f"{review}/decision", body)

    monkeypatch.setattr(package_rules, "check", check_late)
    read = administrator(town).get(f"{path}/documents") if reader == "administrator" else officer_of(town).get(review)
    reading = asyncio.create_task(read)
    async with asyncio.timeout(WAIT_SECONDS):
        while not (has_read.is_set() or reading.done()):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        assert has_read.is_set(), reading.result().text
        deciding = asyncio.create_task(decide())
        try:
            while not (deciding.done() or await waits_for_a_lock()):  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
        finally:
            may_check.set()
        answers = await asyncio.gather(reading, deciding)
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    assert await states(town, named) == ({"in_force"} if ending == "approve" else {"draft"})


@pytest.mark.both_engines
async def test_other_divisions_decide_nothing(town: City) -> None:
    package = await submit(town, await draft(town, *PARTNER))
    elsewhere = {"divisions": ["2102"]}
    other = town.actor(Audience.ADMINISTRATOR, "admin-8", staff_id="admin-8", **elsewhere)
    for path, body in (("approve", {"sha256": package["sha256"]}), ("recall", None)):
        answer = await other.post(f"{PACKAGES}/{package['package_id']}/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "other_division")
    officer = town.actor(Audience.PRIVACY, "officer-8", staff_id="officer-8", **elsewhere)
    decision = {"decision": "approve", "reason": "Not mine.", "sha256": package["sha256"]}
    answer = await officer.post(f"/v1/privacy/reviews/package.{package['package_id']}/decision", decision)
    assert (answer.status_code, answer.json()["code"]) == (403, "other_division")
