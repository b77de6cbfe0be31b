"""The administrator's API: document lifecycle, four eyes, diff, suspension, export and import."""

from __future__ import annotations

import copy
import inspect
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from benefits.catalogue import schema
from benefits.publishing import document_checks
from benefits.publishing import rules as publication_rules
from benefits.publishing.rules import benefits as benefit_rules
from benefits.rules import conditions, effects
from benefits.scoring import scheme
from consent.database import queries
from consent.documents import schema as documents_schema
from service.auth.access_tokens import Audience
from service.http import json_io
from service.i18n import findings
from tests.factories import (
    BENEFIT_DOCUMENT,
    SERVICE_DOCUMENT,
    administrator,
    benefit_document,
    publish_document,
    put_document,
)
from tests.support.city import City, row_counts

pytestmark = pytest.mark.anyio


@pytest.mark.both_engines(everyday=False)
async def test_a_benefit_from_draft_to_the_counter(town: City) -> None:
    admin_1, two = administrator(town), administrator(town, 2)
    drafted = await admin_1.post("/v1/admin/benefits", benefit_document())
    assert drafted.status_code == 201, drafted.text
    assert {**drafted.json(), "sha256": "", "findings": []} == {
        "id": "another-one", "version": 1, "state": "draft", "sha256": "", "findings": [],
    }  # fmt: skip
    path = "/v1/admin/benefits/another-one/versions/1"
    assert (await admin_1.post(f"{path}/submit")).json()["state"] == "submitted"
    public = [row["benefit_id"] for row in (await town.client.get("/v1/public/benefits?limit=200")).json()["data"]]
    assert "another-one" not in public
    own = await admin_1.post(f"{path}/approve", {"sha256": drafted.json()["sha256"]})
    assert (own.status_code, own.json()["code"]) == (403, "four_eyes")
    other = await two.post(f"{path}/approve", {"sha256": "0" * 64})
    assert (other.status_code, other.json()["code"]) == (409, "changed")
    assert (await two.post(f"{path}/approve", {"sha256": drafted.json()["sha256"]})).json() == {"state": "in_force"}
    public = [row["benefit_id"] for row in (await town.client.get("/v1/public/benefits?limit=200")).json()["data"]]
    assert "another-one" in public
    listed = (await admin_1.get("/v1/admin/benefits?state=in_force&limit=200")).json()["data"]
    assert "another-one" in [row["id"] for row in listed]
    assert (await admin_1.post("/v1/admin/benefits", benefit_document())).status_code == 409


async def test_a_provider_names_what_depends_on_it_also_through_its_services(shared_city: City) -> None:
    admin = administrator(shared_city)
    depending = (await admin.get("/v1/admin/providers/city-library/dependents")).json()["data"]
    assert {("venues", "city-library-main"), ("services", "book-loan"), ("benefits", "library-deposit")} <= {
        (row["kind"], row["id"]) for row in depending
    }
    assert (await admin.get("/v1/admin/providers/nobody/dependents")).status_code == 404


async def test_the_gate_speaks_the_readers_language(town: City) -> None:
    admin = administrator(town)
    await admin.post(
        "/v1/admin/benefits", benefit_document(offline_path={"zh-CN": "无", "en": "none"}, effect={"kind": "bribe"})
    )
    path = "/v1/admin/benefits/another-one/versions/1/submit"
    texts = {}
    for language in ("zh-CN", "en"):
        answer = await admin.town.client.post(path, headers=admin.headers({"Accept-Language": language}))
        texts[language] = [row["detail"] for row in answer.json()["errors"]]
    assert texts["en"] == ["Effects are a closed list, each of which only adds. Choose one of the list."]
    assert texts["zh-CN"] == ["权益内容只能是清单中的几种，每一种都只增不减。请从清单中选择。"]


def test_every_code_of_the_gate_has_its_sentence() -> None:
    modules = Path(publication_rules.__path__[0]).glob("*.py")
    judged = inspect.getsource(document_checks) + "".join(path.read_text(encoding="utf-8") for path in modules)
    written = set(re.findall(r'Finding\("(\w+)"', judged)) | {
        f"condition_{code}" for code in benefit_rules.LINT_DETAILS
    }
    # A code may have a text for each member or language alone.
    assert written <= {key.partition(":")[0] for key in findings.RULE_TEXTS}
    rules = set(re.findall(r'"(R[0-9]+)"', judged))
    assert rules <= set(findings.RULES)


def test_every_fault_of_a_document_has_its_sentence() -> None:
    """Error codes of our parsers, and pydantic's codes that the models can produce."""
    sources = "".join(inspect.getsource(module) for module in (schema, conditions, effects, scheme, documents_schema))
    own = set(re.findall(r'PydanticCustomError\(\s*"(\w+)"', sources))
    own |= set(re.findall(r'(?:ConditionInvalid|EffectInvalid)\([^,]+, "(\w+)"', sources))
    own |= {"missing", "unknown_field", "enum", "int_type", "bool_type", "string_type", "string_pattern_mismatch"}
    own |= {"string_too_long", "greater_than_equal", "less_than_equal", "tuple_type", "too_short", "too_long"}
    assert own <= {*findings.RULE_TEXTS, *findings.FORM_TEXTS}


@pytest.mark.parametrize("texts", [findings.RULE_TEXTS, findings.FORM_TEXTS], ids=["rule", "form"])
def test_a_sentence_says_the_same_in_both_languages(texts: Mapping[str, tuple[str, str]]) -> None:
    for chinese, english in texts.values():
        assert chinese.endswith("。")
        assert english.endswith("."), chinese
        assert set(re.findall(r"\{\w+\}", chinese)) == set(re.findall(r"\{\w+\}", english))


async def test_a_finding_names_its_limit_and_a_malformed_document_names_no_rule(town: City) -> None:
    admin = administrator(town)
    broken = benefit_document(
        effect={"kind": "fee_discount", "percent": 50},
        scene="",
        quota={"per_resident": {"count": "x", "period": "day"}},
    )
    for language, limit in (("en", "1 to 30 percent"), ("zh-CN", "1% 到 30%")):
        answer = await town.client.post(
            "/v1/admin/benefits/findings", json=broken, headers=admin.headers({"Accept-Language": language})
        )
        findings = {row["pointer"]: row for row in answer.json()["findings"]}
        assert limit in findings["/effect/percent"]["detail"]
        assert findings["/effect/percent"]["rule"] == "R3"
        assert {findings["/scene"]["rule"], findings["/quota/per_resident/count"]["rule"]} == {"form"}
        assert "nput should" not in answer.text
        if language == "zh-CN":
            assert not re.search(r"[A-Za-z]{5}", "".join(row["detail"] for row in findings.values()))


async def test_editing_needs_what_was_read_and_leaves_what_is_in_force(town: City) -> None:
    admin = administrator(town)
    path = "/v1/admin/benefits/library-deposit"
    read = await admin.get(path)
    tag, before = read.headers["etag"], read.json()
    changed = {**before["document"], "quota": {"per_resident": {"count": 2, "period": "day"}}}
    assert (await put_document(admin, path, changed, None)).json()["code"] == "precondition_required"
    assert (await put_document(admin, path, changed, '"1-0"')).json()["code"] == "precondition_failed"
    edited = await put_document(admin, path, changed, tag)
    assert (edited.status_code, edited.json()["version"], edited.json()["state"]) == (200, 2, "draft")
    assert (await put_document(admin, path, changed, tag)).status_code == 412
    assert (await admin.get(f"{path}/versions/1")).json()["state"] == "in_force"
    differences = (await admin.get(f"{path}/diff?from=1&to=2")).json()["data"]
    assert {row["pointer"].split("/")[1] for row in differences} == {"quota"}
    moved = await put_document(admin, path, {**changed, "benefit_id": "x1"}, edited.headers["etag"])
    assert moved.status_code == 422
    assert (
        await put_document(admin, "/v1/admin/benefits/nobody", {**changed, "benefit_id": "nobody"}, "*")
    ).status_code == 404


async def test_b10_an_editor_of_a_draft_cannot_approve_it(town: City) -> None:
    admin_1, two, three = administrator(town), administrator(town, 2), administrator(town, 3)
    path = "/v1/admin/benefits/library-deposit"
    body = (await admin_1.get(path)).json()["document"]
    first = await put_document(
        admin_1, path, {**body, "assessment_id": "PIA-2026-900"}, (await admin_1.get(path)).headers["etag"]
    )
    second = await put_document(two, path, {**body, "assessment_id": "PIA-2026-901"}, first.headers["etag"])
    version, sha256 = f"{path}/versions/3", second.json()["sha256"]
    await two.post(f"{version}/submit")
    for who in (admin_1, two, town.actor(Audience.ADMINISTRATOR, "another-account", staff_id="admin-1")):
        refused = await who.post(f"{version}/approve", {"sha256": sha256})
        assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    assert (await three.post(f"{version}/approve", {"sha256": sha256})).json()["state"] == "in_force"
    assert (await admin_1.get(f"{path}/versions/1")).json()["state"] == "superseded"
    attempts = await queries.fetch_all("SELECT code FROM refused_attempt WHERE code = 'four_eyes'")
    assert len(attempts) == 3


async def test_one_person_suspends_and_two_resume(town: City) -> None:
    admin_1, two = administrator(town), administrator(town, 2)
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    path = "/v1/admin/benefits/library-deposit/versions/1"
    assert (await admin_1.post(f"{path}/suspend")).json() == {"state": "suspended"}
    gone = await wang.post("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "city-library-main"})
    assert gone.status_code == 404
    assert (await admin_1.post(f"{path}/suspend")).status_code == 409
    assert (await admin_1.post(f"{path}/resume")).json() == {"state": "resume_requested"}
    assert (await admin_1.post(f"{path}/resume")).json()["code"] == "four_eyes"
    assert (await two.post(f"{path}/resume")).json() == {"state": "in_force"}
    assert (await wang.ticket())["handle"]
    day = (await town.today() + timedelta(days=3)).isoformat()
    assert (await admin_1.post(f"{path}/retire", {"from": day})).json() == {"state": "in_force"}
    town.shift.by = timedelta(days=4)
    assert (await admin_1.get("/v1/admin/benefits/library-deposit")).json()["state"] == "retired"


@pytest.mark.both_engines(everyday=False)
async def test_b14_nothing_goes_live_by_one_person_or_unread(town: City) -> None:
    admin = administrator(town)
    source = (await admin.get("/v1/admin/sources/green-travel")).json()["document"]
    drafted = await admin.post("/v1/admin/sources", {**source, "source_id": "new-source", "client_id": "new-source"})
    path = "/v1/admin/sources/new-source/versions/1"
    assert (await admin.post(f"{path}/submit")).json()["state"] == "in_review"
    early = await administrator(town, 2).post(f"{path}/approve", {"sha256": drafted.json()["sha256"]})
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    forced = {
        **source,
        "source_id": "third",
        "client_id": "third",
        "onboarding": {**source["onboarding"], "voluntary": False},
    }
    findings = (await admin.post("/v1/admin/sources", forced)).json()["findings"]
    assert [(row["code"], row["rule"], row["severity"]) for row in findings] == [
        ("name_new", "R9", "flagged"),
        ("not_voluntary", "R11", "flagged"),
    ]
    service = {
        **SERVICE_DOCUMENT,
        "service_id": "second-loan",
        "kind": "reading_room",
        "baseline": {"price_fen": 0, "capacity": 9},
    }
    await admin.post("/v1/admin/services", service)
    assert (await admin.post("/v1/admin/services/second-loan/versions/1/submit")).json()["state"] == "in_review"


@pytest.mark.both_engines(everyday=False)
async def test_a_worse_baseline_stops_the_benefits_that_stand_on_it(town: City) -> None:
    worse = copy.deepcopy(SERVICE_DOCUMENT)
    worse["baseline"]["deposit_fen"] = 20_000
    assert await publish_document(town, "services", "book-loan", worse) == "in_force"
    admin = administrator(town)
    assert (await admin.get("/v1/admin/benefits/library-deposit")).json()["state"] == "suspended"
    drafted = await admin.post("/v1/admin/benefits", benefit_document())
    refused = await admin.post("/v1/admin/benefits/another-one/versions/1/submit")
    assert drafted.status_code == 201
    assert [(row["code"], row["rule"]) for row in refused.json()["errors"]] == [("baseline_worsened", "R4")]
    officer = town.actor(Audience.PRIVACY, "officer-9", staff_id="officer-9")
    (review,) = (await officer.get("/v1/privacy/reviews")).json()["data"]
    assert (review["kind"], review["about"]) == ("stopped_document", "benefits/library-deposit")
    # Two administrators cannot start it again while the ground is worse than it was.
    for number in (1, 2):
        again = await administrator(town, number).post("/v1/admin/benefits/library-deposit/versions/1/resume")
        assert (again.status_code, again.json()["code"]) == (422, "prohibited")
    moved = {
        **copy.deepcopy(SERVICE_DOCUMENT),
        "provider_id": "city-bikes",
        "kind": "bike_hire",
        "baseline": {"price_fen": 1},
    }
    findings = (await put_document(admin, "/v1/admin/services/book-loan", moved, "*")).json()["findings"]
    assert {"service_moved", "baseline_worsened"} <= {row["code"] for row in findings}
    path = f"/v1/privacy/reviews/{review['review_id']}/decision"
    ended = await officer.post(path, {"decision": "refuse", "reason": "The deposit was doubled."})
    assert ended.status_code == 200
    assert (await admin.get("/v1/admin/benefits/library-deposit")).json()["state"] == "retired"
    assert (await officer.get("/v1/privacy/reviews")).json()["data"] == []
    town.shift.by = timedelta(days=1)
    renamed = {**worse, "service_id": "borrowing"}
    findings = (await admin.post("/v1/admin/services", renamed)).json()["findings"]
    assert {row["code"] for row in findings} >= {"same_kind_another_name", "baseline_worsened"}


async def test_a_worse_baseline_stops_future_benefits_too(town: City) -> None:
    admin, beginning = administrator(town), await town.today() + timedelta(days=9)
    later = benefit_document(valid={"from": beginning.isoformat(), "until": "2099-12-31"})
    later["valid"]["until"] = (beginning + timedelta(days=300)).isoformat()
    assert await publish_document(town, "benefits", "another-one", later) == "scheduled"
    worse = copy.deepcopy(SERVICE_DOCUMENT)
    worse["baseline"]["deposit_fen"] = 20_000
    assert await publish_document(town, "services", "book-loan", worse) == "in_force"
    assert (await admin.get("/v1/admin/benefits/another-one")).json()["state"] == "suspended"
    town.shift.by = timedelta(days=10)
    offered = (await town.client.get("/v1/public/benefits?limit=200")).json()["data"]
    assert not {"another-one", "library-deposit"} & {row["benefit_id"] for row in offered}
    # An officer who agrees to what was asked before does not agree for the gate.
    officer = town.actor(Audience.PRIVACY, "officer-9", staff_id="officer-9")
    for review in (await officer.get("/v1/privacy/reviews")).json()["data"]:
        path = f"/v1/privacy/reviews/{review['review_id']}/decision"
        refused = await officer.post(path, {"decision": "approve", "reason": "Why not?"})
        assert (refused.status_code, refused.json()["code"]) == (422, "prohibited")


async def test_a_provider_stays_what_it_is(town: City) -> None:
    """Else a library with its benefits could become something that benefits may not touch."""
    admin = administrator(town)
    body = (await admin.get("/v1/admin/providers/city-library")).json()["document"]
    drafted = await put_document(admin, "/v1/admin/providers/city-library", {**body, "kind": "hospital"}, "*")
    assert [(row["code"], row["rule"]) for row in drafted.json()["findings"]] == [("provider_changed", "R5")]


async def test_nobody_takes_over_the_calls_of_another(town: City) -> None:
    admin = administrator(town)
    venue = (await admin.get("/v1/admin/venues/city-library-main")).json()["document"]
    source = (await admin.get("/v1/admin/sources/green-travel")).json()["document"]
    for kind, document in (("venues", {**venue, "venue_id": "aaa"}), ("sources", {**source, "source_id": "aaa"})):
        findings = (await admin.post(f"/v1/admin/{kind}", document)).json()["findings"]
        assert [(row["code"], row["severity"]) for row in findings] == [
            ("client_taken", "refused"),
            ("name_new", "flagged"),
        ]
        assert (await admin.post(f"/v1/admin/{kind}/aaa/versions/1/submit")).status_code == 422
    moved = await put_document(
        admin, "/v1/admin/venues/city-library-main", {**venue, "client_id": "somebody-else"}, "*"
    )
    assert [(row["code"], row["severity"]) for row in moved.json()["findings"]] == [("venue_moved", "flagged")]
    path = f"/v1/admin/venues/city-library-main/versions/{moved.json()['version']}"
    assert (await admin.post(f"{path}/submit")).json()["state"] == "in_review"


@pytest.mark.both_engines(everyday=False)
async def test_a_catalogue_is_exported_and_imported_with_the_same_hashes(town: City) -> None:
    admin = administrator(town)
    exported = (await admin.get("/v1/admin/catalogue/export")).json()
    assert {kind: len(all_) for kind, all_ in exported["catalogue"].items()}["benefits"] >= 11
    again = await admin.post("/v1/admin/catalogue/import", exported)
    assert (again.status_code, again.json()["data"]) == (201, [])
    assert again.json()["unchanged"] == sum(map(len, exported["catalogue"].values()))
    text = await admin.get("/v1/admin/catalogue/export?format=yaml")
    assert text.headers["content-type"].startswith("application/yaml")
    headers = admin.headers({"Content-Type": "application/yaml"})
    yaml_back = await town.client.post("/v1/admin/catalogue/import", content=text.content, headers=headers)
    assert (yaml_back.json()["data"], yaml_back.json()["unchanged"]) == ([], again.json()["unchanged"])
    exported["catalogue"] = {"benefits": [benefit_document(), {**BENEFIT_DOCUMENT, "assessment_id": "PIA-2026-555"}]}
    imported = (await admin.post("/v1/admin/catalogue/import", exported)).json()
    assert [(row["id"], row["version"], row["state"]) for row in imported["data"]] == [
        ("benefits/another-one", 1, "draft"), ("benefits/library-deposit", 2, "draft"),
    ]  # fmt: skip


async def test_a_citys_catalogue_of_22_departments_and_38_policies_comes_in_at_once(town: City) -> None:
    admin = administrator(town)
    provider = (await admin.get("/v1/admin/providers/city-library")).json()["document"]
    providers = [{**copy.deepcopy(provider), "provider_id": f"department-{number}"} for number in range(22)]
    policies = [benefit_document(benefit_id=f"policy-{number}") for number in range(38)]
    text = yaml.safe_dump({"catalogue": {"providers": providers, "benefits": policies}}, allow_unicode=True)
    headers = admin.headers({"Content-Type": "application/yaml"})
    answer = await town.client.post("/v1/admin/catalogue/import", content=text.encode(), headers=headers)
    assert answer.status_code == 201, answer.text
    assert {row["state"] for row in answer.json()["data"]} == {"draft"}
    assert len(answer.json()["data"]) == 60
    again = await town.client.post("/v1/admin/catalogue/import", content=text.encode(), headers=headers)
    assert (again.json()["data"], again.json()["unchanged"]) == ([], 60)


@pytest.mark.both_engines(everyday=False)
async def test_rolling_back_is_a_new_version_through_the_same_gate(town: City) -> None:
    admin = administrator(town)
    first = (await admin.get("/v1/admin/benefits/library-deposit")).json()
    softer = {**first["document"], "condition": {"measure": "total", "at_least": 50}}
    assert await publish_document(town, "benefits", "library-deposit", softer) == "in_force"
    back = (await admin.get("/v1/admin/benefits/library-deposit/versions/1")).json()["document"]
    assert await publish_document(town, "benefits", "library-deposit", back) == "in_force"
    now = (await admin.get("/v1/admin/benefits/library-deposit")).json()
    assert (now["version"], now["sha256"], now["state"]) == (3, first["sha256"], "in_force")
    # A document that was lawful is checked again: its baseline has become worse meanwhile.
    worse = copy.deepcopy(SERVICE_DOCUMENT)
    worse["baseline"]["deposit_fen"] = 20_000
    assert await publish_document(town, "services", "book-loan", worse) == "in_force"
    await put_document(admin, "/v1/admin/benefits/library-deposit", back, "*")
    assert (await admin.post("/v1/admin/benefits/library-deposit/versions/4/submit")).status_code == 422


REFUSED_IMPORTS = (
    ('{"catalogue":{"benefits":[{"benefit_id":"x1"}]}}', "application/json", 422),
    ('{"catalogue":{"residents":[]}}', "application/json", 422),
    ('{"catalogue":{"benefits":[]},"published":true}', "application/json", 422),
    ('{"catalogue":{"benefits":[NaN]}}', "application/json", 400),
    ('{"catalogue":{},"catalogue":{}}', "application/json", 400),
    ("\ufeff{}", "application/json", 400),
    ('{"catalogue":' + "[" * 10_000 + "]" * 10_000 + "}", "application/json", 400),
    ("catalogue: &a {benefits: *a}", "application/yaml", 400),
    ("catalogue: !!python/object/apply:os.system ['true']", "application/yaml", 400),
    ("catalogue: {}\ncatalogue: {}", "application/yaml", 400),
    ("catalogue: {benefits: [.nan]}", "application/yaml", 422),
    ("catalogue: " + "[" * 5_000, "application/yaml", 400),
    ("x" * 2_000_000, "application/yaml", 413),
)
"""Content of an import, its media type and the status of its answer."""


@pytest.mark.both_engines(everyday=False)
async def test_b11_an_import_is_whole_or_nothing(town: City) -> None:
    before = await row_counts()
    for content, media, status in REFUSED_IMPORTS:
        headers = administrator(town).headers({"Content-Type": media})
        answer = await town.client.post("/v1/admin/catalogue/import", content=content.encode(), headers=headers)
        assert answer.status_code == status, (content[:80], answer.text)
        if status == 422:
            assert all(error["pointer"] or error["code"] for error in answer.json()["errors"])
        assert await row_counts() == before, content[:80]


async def test_numbers_that_canonical_json_cannot_represent_are_refused(town: City) -> None:
    for number in ("1e999", str(2**60), "9" * 40):
        raw = json.dumps(benefit_document()).replace('"at_least": 60', f'"at_least": {number}')
        raw = raw if number in raw else raw[:-1] + f', "more": {number}}}'
        headers = administrator(town).headers({"Content-Type": "application/json", "Idempotency-Key": number})
        answer = await town.client.post("/v1/admin/benefits", content=raw, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "body_invalid"), number


async def test_a_version_is_read_against_what_is_in_force_whatever_lies_between(town: City) -> None:
    admin = administrator(town)
    path = "/v1/admin/benefits/library-deposit"
    read = await admin.get(path)
    harmful = {**read.json()["document"], "quota": {"per_resident": {"count": 1, "period": "year"}}}
    tag = read.headers["etag"]
    for _ in range(12):
        tag = (await put_document(admin, path, harmful, tag)).headers["etag"]
    newest = (await admin.get(path)).json()
    assert (newest["version"], newest["state"], newest["in_force_version"]) == (13, "draft", 1)
    assert (await admin.get(f"{path}/versions/5")).json()["in_force_version"] == 1
    changes = (await admin.get(f"{path}/versions/13/changes")).json()
    assert changes["beside"] == {"id": "library-deposit", "version": 1, "state": "in_force"}
    assert [row["pointer"] for row in changes["data"]] == ["/quota/per_resident/period"]
    # The version in force is compared with the one before it: there was none.
    assert (await admin.get(f"{path}/versions/1/changes")).json() == {"beside": None, "data": []}


async def test_where_nothing_is_in_force_a_draft_is_read_against_the_last_that_differs(town: City) -> None:
    admin = administrator(town)
    path = "/v1/admin/benefits/another-one"
    tag = "*"
    await admin.post("/v1/admin/benefits", benefit_document())
    for number in (900, 901, 901):
        await put_document(admin, path, benefit_document(assessment_id=f"PIA-2026-{number}"), tag)
    assert (await admin.get(path)).json()["in_force_version"] is None
    changes = (await admin.get(f"{path}/versions/4/changes")).json()
    assert changes["beside"] == {"id": "another-one", "version": 2, "state": "draft"}
    assert [row["pointer"] for row in changes["data"]] == ["/assessment_id"]


async def test_a_new_scheme_is_read_against_the_one_it_follows(town: City) -> None:
    admin = administrator(town)
    version = (await admin.get("/v1/admin/schemes")).json()["data"][0]["id"]
    scheme = (await admin.get(f"/v1/admin/schemes/{version}")).json()["document"]
    following = copy.deepcopy({**scheme, "version": "2090.1", "from_year": 2090})
    following["indicators"][1]["yearly_cap"] += 5
    await admin.post("/v1/admin/schemes", following)
    changes = (await admin.get("/v1/admin/schemes/2090.1/versions/1/changes")).json()
    assert changes["beside"]["id"] == version
    assert [row["pointer"] for row in changes["data"]] == ["/from_year", "/indicators/1/yearly_cap", "/version"]


BAD_IDS = ["Bad Id !!", "a/b", "..", "ab?c=1", "new", "findings", "", None, 7, "a", "x" * 64, "ａｂ", "-ab", "a.b"]


@pytest.mark.parametrize("name", BAD_IDS, ids=str)
async def test_an_id_that_no_path_can_contain_is_refused(shared_city: City, name: Any) -> None:
    admin = administrator(shared_city)
    refused = await admin.post("/v1/admin/benefits", benefit_document(benefit_id=name))
    assert (refused.status_code, refused.json()["code"]) == (422, "body_invalid")
    assert [row["pointer"] for row in refused.json()["errors"]] == ["/benefit_id"]
    assert refused.json()["errors"][0]["detail"].endswith((".", "。"))
    imported = await admin.post(
        "/v1/admin/catalogue/import", {"catalogue": {"benefits": [benefit_document(benefit_id=name)]}}
    )
    assert imported.status_code == 422


async def test_a_scheme_is_addressed_by_its_version(shared_city: City) -> None:
    admin = administrator(shared_city)
    for name, status in (("2091.1", 201), ("..", 422), ("2091.1/x", 422), ("new", 422)):
        assert (await admin.post("/v1/admin/schemes", {"version": name})).status_code == status


async def test_a_draft_can_be_discarded(town: City) -> None:
    admin, path = administrator(town), "/v1/admin/benefits/another-one/versions/1"
    drafted = await admin.post("/v1/admin/benefits", benefit_document())
    assert (await administrator(town, 2).post(f"{path}/discard")).json() == {"state": "discarded"}
    assert (await admin.get(path)).json()["state"] == "discarded"
    assert (await admin.post(f"{path}/submit")).status_code == 409
    assert (await admin.post(f"{path}/discard")).status_code == 409
    steps = await queries.fetch_all("SELECT act, staff_id FROM document_step WHERE document_id = 'another-one'")
    assert [(row["act"], row["staff_id"]) for row in steps] == [("draft", "admin-1"), ("discard", "admin-2")]
    assert (await admin.get("/v1/admin/benefits?state=discarded")).json()["data"][0]["id"] == "another-one"
    # A submitted version is not a draft, and its next version may follow.
    again = await put_document(admin, "/v1/admin/benefits/another-one", benefit_document(), "*")
    assert again.json()["version"] == 2
    assert drafted.json()["sha256"] == again.json()["sha256"]
    await admin.post("/v1/admin/benefits/another-one/versions/2/submit")
    assert (await admin.post("/v1/admin/benefits/another-one/versions/2/discard")).status_code == 409


async def test_nothing_ends_before_today(town: City) -> None:
    admin, path = administrator(town), "/v1/admin/benefits/library-deposit/versions/1/retire"
    today = await town.today()
    for day, code in (((today - timedelta(days=1)).isoformat(), "in_the_past"), ("2026-02-30", "invalid_date")):
        refused = await admin.post(path, {"from": day})
        assert refused.status_code == 422
        assert [(row["pointer"], row["code"]) for row in refused.json()["errors"]] == [("/from", code)]
    assert (await admin.post(path, {"from": today.isoformat()})).json() == {"state": "retired"}


@pytest.mark.both_engines
async def test_a_list_names_documents_and_their_versions_that_are_not_over(town: City) -> None:
    admin, path = administrator(town), "/v1/admin/benefits/library-deposit"
    body = (await admin.get(path)).json()["document"]
    await put_document(admin, path, {**body, "title": {"zh-CN": "新名", "en": "A new name"}}, "*")
    rows = {row["id"]: row for row in (await admin.get("/v1/admin/benefits?limit=200")).json()["data"]}
    row = rows["library-deposit"]
    assert (row["version"], row["state"], row["in_force_version"]) == (2, "draft", 1)
    assert row["others"] == [{"version": 1, "state": "in_force"}]
    assert row["name"] == body["title"]
    for version in (
        (await admin.get("/v1/admin/notices")).json()["data"],
        (await admin.get("/v1/admin/venues")).json()["data"],
    ):
        assert version[0]["name"]["en"]
    await admin.post(f"{path}/versions/1/suspend")
    assert "resume_requested" not in (await admin.get(f"{path}/versions/1")).json()
    await admin.post(f"{path}/versions/1/resume")
    assert (await admin.get(f"{path}/versions/1")).json()["resume_requested"] is True
    await administrator(town, 2).post(f"{path}/versions/1/resume")
    assert "resume_requested" not in (await admin.get(f"{path}/versions/1")).json()


async def test_findings_of_a_worse_baseline_name_the_benefits_it_stops(town: City) -> None:
    admin = administrator(town)
    worse = copy.deepcopy(SERVICE_DOCUMENT)
    worse["baseline"]["deposit_fen"] = 20_000
    findings = (await admin.post("/v1/admin/services/findings", worse)).json()["findings"]
    stopped = [row for row in findings if row["code"] == "benefit_would_stop"]
    assert stopped
    assert {row["severity"] for row in stopped} == {"advice"}
    assert "library-deposit" in " ".join(row["detail"] for row in stopped)
    same = (await admin.post("/v1/admin/services/findings", SERVICE_DOCUMENT)).json()["findings"]
    assert "benefit_would_stop" not in [row["code"] for row in same]


async def test_the_versions_of_a_document_are_listed_newest_first(town: City) -> None:
    admin, path = administrator(town), "/v1/admin/benefits/library-deposit"
    read = await admin.get(path)
    await put_document(admin, path, {**read.json()["document"], "terms": {"zh-CN": "二", "en": "Two"}}, "*")
    first = (await admin.get(f"{path}/versions?limit=1")).json()
    assert [(row["version"], row["state"]) for row in first["data"]] == [(2, "draft")]
    second = (await admin.get(f"{path}/versions?limit=1&cursor={first['next_cursor']}")).json()
    assert [(row["version"], row["state"]) for row in second["data"]] == [(1, "in_force")]
    assert second["data"][0]["document"] == read.json()["document"]
    assert second["data"][0]["in_force_from"] == read.json()["in_force_from"]
    assert second["next_cursor"] is None
    for number in (-(2**62), 0, 2**62):
        cursor = json_io.encode_cursor((number,))
        assert (await admin.get(f"{path}/versions?cursor={cursor}")).status_code == 200
    assert (await admin.get(f"{path}/versions?cursor=x")).json()["code"] == "bad_cursor"
    assert (await admin.get("/v1/admin/benefits/nothing/versions")).status_code == 404
