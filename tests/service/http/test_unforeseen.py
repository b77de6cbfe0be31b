"""An error that no problem names: the client reads nothing of it, a developer who runs the test sees all of it."""

from __future__ import annotations

import pytest

from benefits.statistics import weekly_figures
from tests.support.city import City

pytestmark = pytest.mark.anyio


async def test_a_test_shows_the_error_behind_a_500(
    town: City, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(weekly_figures, "load_or_count", broken)
    answer = await town.client.get("/v1/public/statistics")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "broken on purpose" not in answer.text
    shown = capsys.readouterr().err
    assert "GET /v1/public/statistics was answered 500" in shown
    assert "RuntimeError: broken on purpose" in shown
    assert __file__ in shown
    page = await town.client.get("/figures", headers={"accept-language": "zh-CN"})
    assert page.status_code == 500
    assert "未保存任何内容，请稍后重试。" in page.text
    assert "request_id" not in page.text, "the page names the number itself"
