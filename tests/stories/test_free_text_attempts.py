"""Harm in free texts and names, by the ids of the second list of attempts: none goes live unread."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import PROVIDER_DOCUMENT, administrator, benefit_document, both_languages
from tests.support.city import City

pytestmark = pytest.mark.anyio
FREE_TEXTS: dict[str, tuple[str, str, str]] = {
    "ADV-51": (
        "terms",
        "60 分以下的客人须另交 20 元清洁费，并在场外等候",
        "Guests below 60 pay 20 yuan more and wait outside",
    ),
    "ADV-52": (
        "terms",
        "所有借书者须先开通信易+并授权全部来源",
        "Everybody who borrows must first join and authorise all sources",
    ),
    "ADV-53": ("terms", "失信居民照常排在最后", "Defaulters queue at the same gate, behind everybody"),
    "ADV-54": (
        "terms",
        "标准条款",
        "Not only employers but also lenders may ask; without doubt useful for hiring",
    ),
    "ADV-57": ("description", "标准", "bаnned guests excluded; B1acklisted; d3faulters"),
    "ADV-58": ("description", "shixin renyuan bu canjia", "Standard"),
    "ADV-59": (
        "terms",
        "每月领取者姓名与照片张贴于大厅公告栏",
        "Names and photographs of those who used it are posted on the notice board",
    ),
    "ADV-60": ("terms", "请向店员出示积分页面并报出分数", "Show the clerk your points page and say your points"),
    "ADV-61": ("terms", "仅限男性；限 35 岁以下；外地人不参与", "Men only, under 35, locals only"),
    "other venue in English": (
        "offline_path",
        "没有智能手机也可以办理：请到市图书馆总馆，由工作人员现场办理。",
        "You do not need a smartphone. The staff will do it for you at City Bikes kiosk.",
    ),
    "other number in English": ("terms", "每人每天限用 1 次。", "You can use it twice a day."),
    "one word more": ("terms", "仅限男性本人使用。", "It is for your own use only."),
    "digits of another width": ("terms", "每人每天限用 １ 次。", "You can use it once a day."),
}
"""Member and texts by the id of the attempt."""


@pytest.mark.parametrize("attempt", FREE_TEXTS)
async def test_a_free_text_is_not_live_before_an_officer_read_it(town: City, attempt: str) -> None:
    member, chinese, english = FREE_TEXTS[attempt]
    admin = administrator(town)
    drafted = await admin.post("/v1/admin/benefits", benefit_document(**{member: both_languages(chinese, english)}))
    path = "/v1/admin/benefits/another-one/versions/1"
    submitted = await admin.post(f"{path}/submit")
    if submitted.status_code == 200:
        assert submitted.json()["state"] == "in_review", submitted.text
        assert "free_text" in {row["code"] for row in submitted.json()["findings"]}
    else:
        assert (submitted.status_code, submitted.json()["code"]) == (422, "prohibited"), submitted.text
    early = await administrator(town, 2).post(f"{path}/approve", {"sha256": drafted.json()["sha256"]})
    assert early.status_code in (409, 422)
    public = (await town.client.get("/v1/public/benefits?limit=200")).json()["data"]
    assert "another-one" not in [row["benefit_id"] for row in public]


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("providers", {**PROVIDER_DOCUMENT, "name": both_languages("建设银行网点", "Construction Bank branch")}),
        ("providers", {**PROVIDER_DOCUMENT, "name": both_languages("清风书屋", "Breeze Books")}),
        (
            "venues",
            {
                "venue_id": "new-provider",
                "provider_id": "city-library",
                "client_id": "new-desk",
                "division": "210102",
                "name": both_languages("某处", "Somewhere"),
            },
        ),
    ],
    ids=["ADV-62", "a harmless provider", "a venue"],
)
async def test_a_new_name_is_not_in_force_before_an_officer_read_it(
    town: City, kind: str, document: dict[str, Any]
) -> None:
    admin = administrator(town)
    await admin.post(f"/v1/admin/{kind}", document)
    submitted = await admin.post(f"/v1/admin/{kind}/new-provider/versions/1/submit")
    if submitted.status_code == 200:
        assert submitted.json()["state"] == "in_review"
        assert "name_new" in {row["code"] for row in submitted.json()["findings"]}
    else:
        assert submitted.json()["code"] == "prohibited"


async def test_a_renamed_venue_is_read_again(town: City) -> None:
    admin = administrator(town)
    read = await admin.get("/v1/admin/venues/city-library-main")
    renamed = {**read.json()["document"], "name": both_languages("市图书馆总馆", "City Library, new hall")}
    headers = admin.headers({"If-Match": read.headers["etag"]})
    drafted = await town.client.put("/v1/admin/venues/city-library-main", json=renamed, headers=headers)
    assert [(row["code"], row["pointer"]) for row in drafted.json()["findings"]] == [("name_changed", "/name/en")]
    path = f"/v1/admin/venues/city-library-main/versions/{drafted.json()['version']}"
    assert (await admin.post(f"{path}/submit")).json()["state"] == "in_review"
