"""Refused tokens are logged and counted by reason, never with the token or the person, and a flood fills no disk."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import orjson
import pytest

from service.auth.access_tokens import Audience, TokenInvalid, TokenMissing
from service.auth.refusal_reasons import RefusalReason
from service.http import token_refusals
from service.observability import bounded_lines, metrics
from service.observability.logging import OURS, JsonLines
from tests.support.city import City

ROOT = Path(__file__).parents[3]
SUBJECT = "resident-of-the-refused-token"


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log of a process, in which refused requests have no lines."""
    caplog.set_level(logging.WARNING, OURS)
    return caplog


def lines_of(written: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [orjson.loads(JsonLines().format(record)) for record in written.records if record.name == OURS]


@pytest.mark.anyio
async def test_a_refused_token_is_logged_by_reason_without_the_token(
    shared_city: City, written: pytest.LogCaptureFixture
) -> None:
    token = shared_city.actor(Audience.RESIDENT, SUBJECT).token
    head, body, signature = token.split(".")
    expected = []
    for sent, audience, reason in (
        (f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}", "resident", RefusalReason.SIGNATURE),
        ("x.y.z", "resident", RefusalReason.MALFORMED),
        (token, "venue", RefusalReason.WRONG_ROLE),
    ):
        path = "/v1/me/points" if audience == "resident" else "/v1/venue/benefits"
        answer = await shared_city.client.get(path, headers={"Authorization": f"Bearer {sent}"})
        assert answer.status_code in (401, 403)
        expected.append((audience, str(reason), answer.headers["x-request-id"]))
    lines = lines_of(written)
    assert [(line["audience"], line["reason"], line["request_id"]) for line in lines] == expected
    text = orjson.dumps(lines).decode()
    assert SUBJECT not in text
    assert body not in text
    assert await shared_city.client.get("/v1/me/points") is not None
    assert len(lines_of(written)) == len(expected)  # without any token there is no line


def test_a_flood_of_refused_tokens_is_bounded_and_counted(written: pytest.LogCaptureFixture) -> None:
    def counted() -> float:
        return float(metrics.TOKENS_REFUSED.labels("venue", "expired")._value.get())

    before = counted()
    for _ in range(1_000):
        token_refusals.note("venue", TokenInvalid(RefusalReason.EXPIRED), {})
    token_refusals.note("venue", TokenMissing(RefusalReason.MISSING), {})
    token_refusals.note("venue", TokenInvalid(RefusalReason.TYP), {})
    assert counted() - before == 1_000
    assert [line["reason"] for line in lines_of(written)] == ["expired"] * bounded_lines.LINES_MAX + ["typ"]


def test_every_reason_is_documented() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*) \|", page.partition("### Refused tokens")[2].partition("\n## ")[0], re.M)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(RefusalReason)
