"""Texts that the page tests expect in both languages, and the sign-in that several of them share."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from service.auth.access_tokens import Audience
from service.demo import seed
from tests.pages.browser import Visitor
from tests.support.processes import Process

TEXTS = {
    "zh-CN": {
        "read": "查看告知书：绿色出行",
        "agree": "同意",
        "points": "我有 63 分",
        "ask": "允许市图书馆核验资格",
        "show": "出示代码",
        "applies": "已核销",
        "standard": "按标准条款办理",
        "stop": "停止：绿色出行",
        "stop_now": "停止",
        "stopped": "已停止，立即生效",
        "none": "我有 0 分",
        "object": "提出异议",
        "verify": "立即验证",
        "sound": "两个日志和每个人的事件链都完好",
        "gate": "不符合规则，无法提交审批",
        "honour": "核销",
    },
    "en": {
        "read": "Read the notice: Green Travel",
        "agree": "I agree",
        "points": "I have 63 points",
        "ask": "Allow City Library to check eligibility",
        "show": "Show the code",
        "applies": "Redeemed",
        "standard": "Standard terms apply",
        "stop": "Stop: Green Travel",
        "stop_now": "Stop",
        "stopped": "Stopped.",
        "none": "I have 0 points",
        "object": "Object",
        "verify": "Verify now",
        "sound": "both logs and every person's chain are sound",
        "gate": "This breaks a rule and cannot be approved",
        "honour": "Redeem",
    },
}


def deliver(city: Process, folder: Path, code: str, account: str, trips: int) -> None:
    """Confirm the link code as the bike-share's own app does, and deliver rides."""
    now = datetime.now(UTC)
    token = seed.issuer_of(folder).mint(Audience.SOURCE, "green-travel", now=now)
    with httpx2.Client(base_url=city.base, headers={"authorization": f"Bearer {token}"}) as source:
        confirmed = source.post("/v1/source/links/confirm", json={"code": code, "account": account})
        assert confirmed.status_code == 200, confirmed.text
        record = {
            "record_id": f"{account}.1",
            "account": account,
            "kind": "bike_trip",
            "quantity": 2 * trips,
            "occurred_on": f"{now.year - 1}-06-01",
        }
        assert source.post("/v1/source/records", json={"records": [record]}).json()["accepted"] == 1


def sign_in_with_points(me: Visitor, city: Process, folder: Path, language: str) -> None:
    """Sign in as a new resident and get 63 points from bike trips."""
    texts, name = TEXTS[language], secrets.token_hex(4)
    me.sign_in(Audience.RESIDENT, f"person-{name}").check()
    me.go("/me/consents")
    me.page.fill("#account-green-travel", f"bike-{name}")
    me.press(texts["read"]).check()
    me.press(texts["agree"], exact=True).check()
    deliver(city, folder, me.page.inner_text(".link-code .typed").strip(), f"bike-{name}", 63)
    me.go("/me")
    assert texts["points"] in me.text
