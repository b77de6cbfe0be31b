"""Attempts at harm in words, ADV-51 to ADV-63, ADV-69, ADV-74 and ADV-75, over HTTP: refused, or read by an officer."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from service.auth.access_tokens import Audience
from tests.factories import PROVIDER_DOCUMENT, administrator, benefit_document, both_languages
from tests.support.city import City

pytestmark = pytest.mark.anyio

# (number, kind, changed members, codes of findings that must be there, refused)
ATTEMPTS: list[tuple[str, str, dict[str, Any], set[str], bool]] = [
    (
        "ADV-51",
        "benefits",
        {
            "terms": both_languages(
                "60 分以下的客人须另交 20 元清洁费，并在场外等候", "Guests below 60 pay 20 yuan more and wait outside"
            )
        },
        {"surcharge_or_wait", "prohibited_domain"},
        False,
    ),
    (
        "ADV-52",
        "benefits",
        {
            "terms": both_languages(
                "所有借书者须先开通信易+并授权全部来源",
                "Everybody who borrows must first join and authorise all sources",
            )
        },
        {"forced_joining"},
        False,
    ),
    (
        "ADV-53",
        "benefits",
        {"terms": both_languages("失信居民照常排在最后", "Defaulters queue at the same gate, behind everybody")},
        {"prohibited_domain", "surcharge_or_wait"},
        False,
    ),
    (
        "ADV-54",
        "benefits",
        {
            "terms": both_languages(
                "标准条款", "Not only employers but also lenders may ask; without doubt useful for hiring"
            )
        },
        {"prohibited_domain"},
        False,
    ),
    (
        "ADV-55",
        "benefits",
        {
            "title": both_languages("疫苗接种与产检建档优先", "Vaccination and maternity registration first"),
            "description": both_languages(
                "CT、核磁共振、抽血化验提前，家庭医生签约优先", "CT, MRI and blood tests earlier, family doctor first"
            ),
        },
        {"prohibited_domain"},
        True,
    ),
    (
        "ADV-56",
        "benefits",
        {"title": both_languages("失业金与最低生活保障金快办", "Unemployment and living allowance faster")},
        {"prohibited_domain"},
        True,
    ),
    (
        "ADV-57",
        "benefits",
        {"description": both_languages("标准", "bаnned guests excluded; B1acklisted; d3faulters")},
        {"prohibited_domain", "people_shut_out"},
        False,
    ),
    (
        "ADV-58",
        "benefits",
        {"description": both_languages("shixin renyuan bu canjia", "Standard")},
        {"prohibited_domain"},
        False,
    ),
    (
        "ADV-59",
        "benefits",
        {
            "terms": both_languages(
                "每月领取者姓名与照片张贴于大厅公告栏",
                "Names and photographs of those who used it are posted on the notice board",
            )
        },
        {"public_posting"},
        False,
    ),
    (
        "ADV-60",
        "benefits",
        {
            "terms": both_languages(
                "请向店员出示积分页面并报出分数", "Show the clerk your points page and say your points"
            )
        },
        {"score_shown"},
        False,
    ),
    (
        "ADV-61",
        "benefits",
        {"terms": both_languages("仅限男性；限 35 岁以下；外地人不参与", "Men only, under 35, locals only")},
        {"personal_limits"},
        False,
    ),
    (
        "ADV-62",
        "providers",
        {"kind": "retailer", "name": both_languages("建设银行网点", "Construction Bank branch")},
        {"kind_in_name"},
        False,
    ),
    ("ADV-63", "benefits", {"benefit_id": "not-for-laolai-blacklist"}, {"prohibited_domain"}, False),
    (
        "ADV-69",
        "providers",
        {"name": both_languages("和平派出所治安停车", "Heping parking")},
        {"kind_in_name"},
        False,
    ),
    (
        "ADV-75",
        "sources",
        {"name": both_languages("交通违法学习登记", "Traffic offence lessons")},
        {"kind_in_name"},
        False,
    ),
]
SOURCE = {
    "source_id": "lessons",
    "category": "civic",
    "kinds": ["eco_course"],
    "division": "2101",
    "client_id": "lessons",
    "onboarding": {
        "legal_basis": "个人信息主体的单独同意",
        "voluntary": True,
        "independent_of_employer_landlord_school_penal": True,
        "assessment_id": "PIA-2026-299",
    },
}


def document_of(kind: str, changed: dict[str, Any]) -> dict[str, Any]:
    if kind == "benefits":
        return benefit_document(**changed)
    if kind == "providers":
        return {**PROVIDER_DOCUMENT, "provider_id": "another-provider", **changed}
    return {**copy.deepcopy(SOURCE), **changed}


@pytest.mark.parametrize(
    ("number", "kind", "changed", "codes", "refused"), ATTEMPTS, ids=[attempt[0] for attempt in ATTEMPTS]
)
async def test_an_attempt_in_words(
    town: City, number: str, kind: str, changed: dict[str, Any], codes: set[str], refused: bool
) -> None:
    document = document_of(kind, changed)
    document_id = document[f"{kind.removesuffix('s')}_id"]
    drafted = await administrator(town).post(f"/v1/admin/{kind}", document)
    findings = drafted.json()["findings"]
    assert codes <= {row["code"] for row in findings}, (number, findings)
    for row in findings:
        for mark in row.get("marks", []):
            text = document
            for part in row["pointer"].split("/")[1:]:
                text = text[part]
            assert str(text)[mark["start"] : mark["end"]] == mark["text"]
    submitted = await administrator(town).post(f"/v1/admin/{kind}/{document_id}/versions/1/submit")
    if refused:
        assert (submitted.status_code, submitted.json()["code"]) == (422, "prohibited")
        assert any(row.get("marks") for row in submitted.json()["errors"])
    else:
        assert submitted.json()["state"] == "in_review", submitted.text
        officer = town.actor(Audience.PRIVACY, "officer-1")
        review = (await officer.get(f"/v1/privacy/reviews/{kind}.{document_id}.1")).json()
        assert any(row.get("marks") for row in review["findings"] if row["code"] in codes)


async def test_adv_74_a_notice_that_says_the_opposite_waits_with_its_finding(town: City) -> None:
    admin = administrator(town)
    notice_id = (await admin.get("/v1/admin/notices?limit=1")).json()["data"][0]["id"]
    body = copy.deepcopy((await admin.get(f"/v1/admin/notices/{notice_id}")).json()["document"])
    body["notice_id"] = "opposite"
    for language, text in (
        ("zh-CN", "但是您将无法办理借书证，急诊与入学也会靠后。"),
        ("en", " But you will not get a library card, and emergency care and school come later."),
    ):
        body["languages"][language]["consequences_of_refusal"] += text
    findings = (await admin.post("/v1/admin/notices", body)).json()["findings"]
    pointers = {row["pointer"] for row in findings if row["code"] == "notice_contradicts"}
    assert pointers == {f"/languages/{language}/consequences_of_refusal" for language in ("zh-CN", "en")}
    submitted = await admin.post("/v1/admin/notices/opposite/versions/1/submit")
    assert submitted.json()["state"] == "in_review"
