"""More attempts at harm by administrators, merchants, sources and officers; each refused or sent to review."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import pytest

from service.auth.access_tokens import Audience
from tests.factories import (
    SERVICE_DOCUMENT,
    administrator,
    benefit_document,
    both_languages,
    publish_document,
    put_document,
)
from tests.support.city import City, record

pytestmark = pytest.mark.anyio
DEEP: dict[str, Any] = {"measure": "total", "at_least": 1}
for _ in range(8):
    DEEP = {"all": [DEEP]}
OUTPATIENT = {
    "service_id": "outpatient",
    "provider_id": "second-hospital",
    "kind": "elective_outpatient",
    "name": both_languages("门诊", "Outpatient care"),
    "baseline": {"price_fen": 5_000, "deposit_fen": 20_000},
    "evidence": "门诊大厅公示",
}

# (kind, document, code, rule, severity)
ATTEMPTS: list[tuple[str, dict[str, Any], str, str, str]] = [
    (
        "benefits",
        benefit_document(title=both_languages("急\u200b诊优先", "Quick")),
        "invisible_character",
        "R13",
        "refused",
    ),
    (
        "benefits",
        benefit_document(title=both_languages("ＥＭＥＲＧＥＮＣＹ ＲＯＯＭ", "Quick")),
        "prohibited_domain",
        "R13",
        "refused",
    ),
    (
        "benefits",
        benefit_document(title=both_languages("入 學 加 分", "Places")),
        "prohibited_domain",
        "R13",
        "refused",
    ),
    (
        "benefits",
        benefit_document(description=both_languages("普通", "Faster  JOB-INTERVIEW for members")),
        "prohibited_domain",
        "R13",
        "refused",
    ),
    (
        "benefits",
        benefit_document(terms=both_languages("列入黑名单者除外", "As usual")),
        "prohibited_domain",
        "R13",
        "flagged",
    ),
    (
        "benefits",
        benefit_document(offline_path=both_languages("光榮榜旁的窗口", "At the desk")),
        "public_labelling",
        "R13",
        "flagged",
    ),
    ("benefits", benefit_document(condition=DEEP), "too_deep", "R2", "refused"),
    (
        "benefits",
        benefit_document(condition={"any": [{"measure": "total", "at_least": 1}] * 65}),
        "too_many_parts",
        "R2",
        "refused",
    ),
    ("benefits", benefit_document(condition={"measure": "total", "at_least": 0}), "out_of_range", "R2", "refused"),
    (
        "benefits",
        benefit_document(condition={"measure": "total", "at_least": "60"}),
        "integer_expected",
        "R2",
        "refused",
    ),
    (
        "benefits",
        benefit_document(condition={"measure": "total", "at_least": True}),
        "integer_expected",
        "R2",
        "refused",
    ),
    (
        "benefits",
        benefit_document(condition={"measure": "consents", "at_least": 1}),
        "measure_unknown",
        "R2",
        "refused",
    ),
    ("benefits", benefit_document(condition={"all": []}), "empty", "R2", "refused"),
    ("benefits", benefit_document(effect={"kind": "fee_discount", "percent": 31}), "out_of_range", "R3", "refused"),
    (
        "benefits",
        benefit_document(effect={"kind": "deposit_waiver", "up_to_fen": 1, "surcharge_fen": 5}),
        "unknown_field",
        "R3",
        "refused",
    ),
    (
        "benefits",
        benefit_document(valid={"from": "２０２６-01-01", "until": "2027-12-31"}),
        "civil_day_expected",
        "form",
        "refused",
    ),
    ("benefits", benefit_document(offline_path=both_languages("无", "N/A")), "alternative_missing", "R14", "refused"),
    (
        "benefits",
        {k: v for k, v in benefit_document().items() if k != "need_based_alternative"},
        "missing",
        "R14",
        "refused",
    ),
    ("services", OUTPATIENT, "baseline_unlawful", "R4", "refused"),
    (
        "services",
        {**SERVICE_DOCUMENT, "service_id": "hotel-books", "provider_id": "riverside-hotel"},
        "service_not_of_provider",
        "R5",
        "refused",
    ),
    (
        "services",
        {**SERVICE_DOCUMENT, "service_id": "half", "baseline": {"price_fen": 0}},
        "baseline_incomplete",
        "R4",
        "flagged",
    ),
    ("services", {**SERVICE_DOCUMENT, "service_id": "other-name"}, "same_kind_another_name", "R4", "flagged"),
    (
        "providers",
        {"provider_id": "p1", "kind": "library", "name": both_languages("公安图书馆", "Police"), "division": "2101"},
        "prohibited_domain",
        "R13",
        "refused",
    ),
]


def id_of(kind: str, document: dict[str, Any]) -> str:
    return str(document[f"{kind.removesuffix('s')}_id"])


@pytest.mark.parametrize(
    ("kind", "document", "code", "rule", "severity"),
    ATTEMPTS,
    ids=[f"{number}-{attempt[2]}" for number, attempt in enumerate(ATTEMPTS)],
)
async def test_an_administrators_attempt(
    town: City, kind: str, document: dict[str, Any], code: str, rule: str, severity: str
) -> None:
    admin = administrator(town)
    drafted = await admin.post(f"/v1/admin/{kind}", document)
    findings = [(row["code"], row["rule"], row["severity"]) for row in drafted.json()["findings"]]
    assert (code, rule, severity) in findings, findings
    path = f"/v1/admin/{kind}/{id_of(kind, document)}/versions/1"
    submitted = await admin.post(f"{path}/submit")
    if severity == "refused":
        assert (submitted.status_code, submitted.json()["code"]) == (422, "prohibited")
    else:
        assert submitted.json()["state"] == "in_review"
    approved = await administrator(town, 2).post(f"{path}/approve", {"sha256": drafted.json()["sha256"]})
    assert approved.status_code in (409, 422)


async def test_a_shorter_loan_for_everybody_cannot_be_sold_back(town: City) -> None:
    shorter = copy.deepcopy(SERVICE_DOCUMENT)
    shorter["baseline"]["period_days"] = 7
    assert await publish_document(town, "services", "book-loan", shorter) == "in_force"
    back = benefit_document(effect={"kind": "longer_period", "days": 23})
    await administrator(town).post("/v1/admin/benefits", back)
    refused = await administrator(town).post("/v1/admin/benefits/another-one/versions/1/submit")
    assert [row["code"] for row in refused.json()["errors"]] == ["baseline_worsened"]
    renamed = {**shorter, "service_id": "borrowing"}
    assert await publish_document(town, "services", "borrowing", renamed) == "in_force"
    await administrator(town).post("/v1/admin/benefits", {**back, "benefit_id": "again", "service_id": "borrowing"})
    refused = await administrator(town).post("/v1/admin/benefits/again/versions/1/submit")
    assert "baseline_worsened" in [row["code"] for row in refused.json()["errors"]]


async def test_a_notice_cannot_quietly_say_something_else(town: City) -> None:
    admin = administrator(town)
    notice_id = (await admin.get("/v1/admin/notices?limit=1")).json()["data"][0]["id"]
    body = (await admin.get(f"/v1/admin/notices/{notice_id}")).json()["document"]
    quiet = copy.deepcopy({**body, "material": False})
    quiet["languages"]["en"]["recipients"] = "Anybody who asks."
    findings = (await put_document(admin, f"/v1/admin/notices/{notice_id}", quiet, "*")).json()["findings"]
    assert [(row["code"], row["pointer"]) for row in findings] == [("change_not_material", "/languages/en/recipients")]


async def test_a_ladder_of_thresholds_waits_for_an_officer(town: City) -> None:
    admin, states = administrator(town), []
    for number, at_least in enumerate((20, 40, 80)):
        body = benefit_document(benefit_id=f"rung-{number}", condition={"measure": "total", "at_least": at_least})
        await admin.post("/v1/admin/benefits", body)
        states.append((await admin.post(f"/v1/admin/benefits/rung-{number}/versions/1/submit")).json()["state"])
    assert states[-1] == "in_review"


async def test_schemes_work_forward_only(town: City) -> None:
    admin = administrator(town)
    version = (await admin.get("/v1/admin/schemes")).json()["data"][0]["id"]
    scheme = (await admin.get(f"/v1/admin/schemes/{version}")).json()["document"]
    year = (await town.today()).year
    lower = copy.deepcopy(scheme)
    lower["indicators"][0]["yearly_cap"] = 1
    for from_year, code in ((year, "scheme_backwards"), (2020, "scheme_backwards")):
        body = {**lower, "version": f"{from_year}.9", "from_year": from_year}
        findings = (await admin.post("/v1/admin/schemes", body)).json()["findings"]
        assert [(row["code"], row["rule"]) for row in findings] == [(code, "R1")]
        assert (await admin.post(f"/v1/admin/schemes/{from_year}.9/versions/1/submit")).status_code == 422
    following = {**scheme, "version": f"{year + 1}.1", "from_year": year + 1}
    assert await publish_document(town, "schemes", f"{year + 1}.1", following) == "scheduled"
    for act in ("suspend", "retire"):
        refused = await admin.post(
            f"/v1/admin/schemes/{version}/versions/1/{act}", {"from": f"{year}-01-01"} if act == "retire" else None
        )
        assert (refused.status_code, [row["rule"] for row in refused.json()["errors"]]) == (422, ["R1"])
    rival = {**following, "version": f"{year + 1}.2"}
    findings = (await admin.post("/v1/admin/schemes", rival)).json()["findings"]
    assert [row["code"] for row in findings] == ["scheme_overlap"]
    # One person can cancel a version that has not begun, and another version may take its year.
    assert (await admin.post(f"/v1/admin/schemes/{year + 1}.1/versions/1/suspend")).json() == {"state": "retired"}
    assert await publish_document(town, "schemes", f"{year + 1}.2", rival) == "scheduled"
    for number, harm in enumerate(({"points": -1, "units": 1}, {"points": 0, "units": 1}, {"points": 1, "units": 0})):
        negative = copy.deepcopy(following)
        negative["version"] = f"{year + 1}.{number + 10}"
        negative["indicators"][0]["tiers"] = [harm]
        findings = (await admin.post("/v1/admin/schemes", negative)).json()["findings"]
        assert {(row["rule"], row["severity"]) for row in findings} == {("R1", "refused")}


async def test_a_scheduled_scheme_is_public_with_its_changes(town: City) -> None:
    """A scheme is public from its approval on, with what changes and what does not (R16); a draft is not."""
    admin = administrator(town)
    version = (await admin.get("/v1/admin/schemes")).json()["data"][0]["id"]
    scheme = (await admin.get(f"/v1/admin/schemes/{version}")).json()["document"]
    year = (await town.today()).year + 1
    following = copy.deepcopy({**scheme, "version": f"{year}.1", "from_year": year})
    following["indicators"][0].update(yearly_cap=120, validity_months=36)
    del following["indicators"][4]
    assert (await admin.post("/v1/admin/schemes", following)).status_code == 201
    assert (await town.client.get(f"/v1/public/schemes/{year}.1")).status_code == 404
    assert await publish_document(town, "schemes", f"{year}.1", following) == "scheduled"
    rows = (await town.client.get("/v1/public/schemes")).json()["data"]
    assert [(row["version"], row["state"]) for row in rows] == [(version, "in_force"), (f"{year}.1", "scheduled")]
    answer = (await town.client.get(f"/v1/public/schemes/{year}.1")).json()
    assert (answer["state"], answer["scheme"], answer["changes"]["since"]) == ("scheduled", following, version)
    rides, courses = answer["changes"]["indicators"]
    assert (rides["kind"], rides["points"], rides["months_before"], rides["months_after"]) == (
        "bike_trip",
        "more",
        24,
        36,
    )
    assert (courses["kind"], courses["points"], courses["months_after"]) == ("eco_course", "removed", None)
    assert answer["ways"]["ecological_culture"] == ["reading_circle"]
    now = (await town.client.get("/v1/public/scheme")).json()
    assert (now["version"], now["state"], now["changes"]) == (version, "in_force", None)
    assert now["limits"]["ways_to_earn_min"] == 2
    for language, words in (("en", "more points for the same deeds"), ("zh-CN", "同样的行为得分更多")):
        page = await town.client.get("/scheme", headers={"accept-language": language, "accept": "text/html"})
        assert words in page.text


async def test_a_year_begins_at_the_citys_midnight(town: City) -> None:
    """Between the city's midnight and that of UTC, nobody changes how the year that has begun is scored."""
    admin, at = administrator(town), await town.app_context.clock()
    year = (await town.today()).year + 1
    version = (await admin.get("/v1/admin/schemes")).json()["data"][0]["id"]
    scheme = (await admin.get(f"/v1/admin/schemes/{version}")).json()["document"]
    town.shift.by = datetime(year, 1, 1, 0, 30, tzinfo=town.app_context.settings.city_zone) - at
    body = {**scheme, "version": f"{year}.1", "from_year": year}
    findings = (await administrator(town).post("/v1/admin/schemes", body)).json()["findings"]
    assert [row["code"] for row in findings] == ["scheme_backwards"]


async def test_a_merchants_attempts(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    ticket, venue = await wang.ticket(), town.venue()
    assert set(ticket) == {"ticket_id", "handle", "short_code", "qr_svg", "expires_at", "terms"}
    before = len((await wang.get("/v1/me/access-log?limit=200")).json()["data"])
    for handle in (ticket["ticket_id"], ticket["handle"][:-1], "v-wang", "wang", "*", "%"):
        assert (await venue.post("/v1/venue/checks", {"handle": handle})).content == b'{"applies":false}'
    assert len((await wang.get("/v1/me/access-log?limit=200")).json()["data"]) == before
    for path in ("/v1/venue/residents", "/v1/venue/points", "/v1/venue/checks?include=points", "/v1/me/points"):
        assert (await venue.get(path)).status_code in (403, 404, 405), path


async def test_a_sources_attempts(town: City) -> None:
    wang, source, stranger = town.resident("wang"), town.source(), town.source("civic-life")
    await wang.link("green-travel", "bike-9001")
    await source.deliver(record("ride", "bike-9001", quantity=20))
    other = await source.deliver(record("x", "bike-of-somebody"))
    assert other["results"][0]["code"] == "not_authorised"
    foreign_kind = await source.deliver(record("y", "bike-9001", "volunteer_minutes", 600))
    assert foreign_kind["results"][0]["code"] == "kind_not_allowed"
    for path in ("correction", "retraction"):
        body = {"reason_code": "x", **({"quantity": 1} if path == "correction" else {})}
        assert (await stranger.post(f"/v1/source/records/ride/{path}", body)).status_code == 404
    note = await source.post("/v1/source/records", {"records": [{**record("z", "bike-9001"), "note": "always late"}]})
    assert note.status_code == 422
    assert await wang.total() == 10


async def test_an_officers_attempts(town: City) -> None:
    officer = town.actor(Audience.PRIVACY, "officer-1")
    for path in ("consents", "consents?case=none", "residents?subject=wang", "consents/export", "records"):
        assert (await officer.get(f"/v1/privacy/{path}")).status_code in (400, 404, 422), path
    case = (await officer.post("/v1/privacy/cases", {"reason_code": "audit", "text": "Audit."})).json()["case_id"]
    many = await officer.post("/v1/privacy/samples", {"case": case, "size": 201})
    assert many.status_code == 422
    for path in ("/v1/privacy/consents", "/v1/privacy/records/x", "/v1/me/consents"):
        assert (await officer.delete(path)).status_code in (403, 404, 405), path
    for body in ({"grant": True}, {"points": 100}):
        assert (await officer.post("/v1/privacy/consents", body)).status_code in (404, 405)
