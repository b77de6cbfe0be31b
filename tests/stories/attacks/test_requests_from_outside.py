"""Attacks by the request itself: addresses, hosts, origins, methods, media, sizes, log lines (API4, API7, API8)."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch
from urllib.parse import quote

import httpx2
import pytest
import uvicorn

from benefits.statistics import weekly_figures
from service.api.routes import OPERATIONS
from service.auth.access_tokens import Audience
from service.http import middleware, problems, rate_limits
from service.http.bodies import BODY_BYTES_MAX
from service.observability import bounded_lines, log_events
from service.observability import logging as logs
from service.runtime.server import OPTIONS
from service.settings import Settings
from tests.support import calls, city
from tests.support.city import City

pytestmark = pytest.mark.anyio


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute that does not end while a test counts in it."""
    monkeypatch.setattr(rate_limits, "clock", lambda: 1_800_000_020.0)


@contextmanager
def log_lines() -> Iterator[io.StringIO]:
    """Collect the lines that the service logs, in the format of production."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    ours = logging.getLogger(logs.OURS)
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        ours.removeHandler(handler)
        ours.setLevel(level)


def through_uvicorn(town: City, peer: str, trusted: str) -> httpx2.AsyncClient:
    """Return a client whose requests reach the application through uvicorn, sent by `peer`."""
    app = town.client._transport.app  # type: ignore[attr-defined]
    config = uvicorn.Config(app, forwarded_allow_ips=trusted, lifespan="off", **OPTIONS)  # type: ignore[arg-type]
    config.load()
    transport = httpx2.ASGITransport(app=config.loaded_app, client=(peer, 50_000))
    return httpx2.AsyncClient(transport=transport, base_url="http://city.test")


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_a_forwarded_address_counts_from_a_trusted_proxy_alone(
    city_settings: Settings, demo_folder: Path, noon: None
) -> None:
    """A client that could choose its address would have any number of rate limits, or use up another's."""
    async with city.running_city(city_settings, demo_folder, {**city.UNLIMITED, "address": 3}) as town:

        async def statuses(peer: str, *addresses: str) -> list[int]:
            async with through_uvicorn(town, peer, "192.0.2.1") as client:
                return [
                    (await client.get("/v1/public/scheme", headers={"X-Forwarded-For": address})).status_code
                    for address in addresses
                ]

        assert await statuses("203.0.113.9", *(f"198.51.100.{number}" for number in range(4))) == [200] * 3 + [429]
        assert await statuses("203.0.113.10", "198.51.100.0") == [200], "nobody's limit is used up by a made-up address"
        assert await statuses("192.0.2.1", *(f"198.51.100.{number}" for number in range(4))) == [200] * 4
        assert await statuses("192.0.2.1", *["198.51.100.77"] * 4) == [200] * 3 + [429]
        # An entry that the client wrote before the proxy's is not believed.
        assert await statuses("192.0.2.1", *(f"198.51.100.{n}, 198.51.100.88" for n in range(4))) == [200] * 3 + [429]


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_nobody_can_lock_another_out(city_settings: Settings, demo_folder: Path, noon: None) -> None:
    """Wrong attempts are counted against the one who makes them: never the name in a token that was not accepted."""
    few = {**city.UNLIMITED, "resident": 3, "venue": 3, "refused": 3}
    async with city.running_city(city_settings, demo_folder, few) as town:
        good = town.resident("resident-1")
        head, body, signature = good.token.split(".")
        for _ in range(10):
            for forged in (f"{head}.{body}.{signature[::-1]}", f"{head}.{body}."):
                answer = await town.client.get("/v1/me/points", headers={"Authorization": f"Bearer {forged}"})
                assert answer.status_code == 401
        assert (await good.get("/v1/me/points")).status_code == 200
        # A valid token at the wrong calls uses up its own owner's attempts, and no call of the audience attacked.
        attacker = town.resident("resident-2")
        codes = [(await attacker.get("/v1/venue/benefits")).status_code for _ in range(5)]
        assert codes == [403, 403, 403, 429, 429]
        assert (await town.venue().get("/v1/venue/benefits")).status_code == 200
        assert (await good.get("/v1/me/points")).status_code == 200
        assert (await town.resident("resident-3").get("/v1/venue/benefits")).status_code == 403


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_every_limit_answers_with_retry_after(city_settings: Settings, demo_folder: Path, noon: None) -> None:
    few = {**city.UNLIMITED, **{audience.value: 1 for audience in Audience}}
    async with city.running_city(city_settings, demo_folder, few) as town:
        for audience, token in calls.tokens_of(town).items():
            operation = next(
                operation for operation in OPERATIONS if operation.audience is audience and operation.method == "GET"
            )
            answers = [await calls.call(town, operation, token) for _ in range(2)]
            assert answers[0].status_code != 429, audience
            assert (answers[1].status_code, answers[1].headers.get("retry-after")) == (429, "40"), audience


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_another_host_is_refused(city_settings: Settings, demo_folder: Path) -> None:
    """A foreign Host would end up in links and caches."""
    settings = dataclasses.replace(city_settings, allowed_hosts=("city.test", "*.city.example"))
    async with city.running_city(settings, demo_folder) as town:
        for host in ("city.test", "CITY.TEST", "city.test:8443", "a.city.example"):
            assert (await town.client.get("/v1/public/scheme", headers={"host": host})).status_code == 200, host
        for host in (
            "evil.example",
            "city.test.evil.example",
            "evilcity.example",
            "",
            "city.test@evil.example",
            "[::1]",
        ):
            answer = await town.client.get("/v1/public/scheme", headers={"host": host})
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_header"), host
        # Other headers that name a host change nothing that is sent.
        for name in ("x-forwarded-host", "x-host", "forwarded", "x-original-host"):
            answer = await town.client.get("/", headers={name: "evil.example", "accept": "text/html"})
            assert "evil.example" not in answer.text + str(answer.headers)


async def test_no_other_origin_may_read_an_answer(shared_city: City) -> None:
    """The list of allowed origins is exact: empty."""
    token = calls.tokens_of(shared_city)[Audience.RESIDENT]
    for origin in ("https://evil.example", "null", "http://city.test", "http://city.test.evil.example"):
        for method, path in (("GET", "/v1/me/points"), ("GET", "/v1/public/scheme"), ("OPTIONS", "/v1/me/points")):
            headers = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization",
                "Authorization": f"Bearer {token}",
            }
            answer = await shared_city.client.request(method, path, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert method == "GET" or answer.status_code == 405


async def test_every_call_takes_its_methods_alone_and_names_them(shared_city: City) -> None:
    tokens = calls.tokens_of(shared_city)
    by_path: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, set()).add(operation.method)
    for operation in OPERATIONS:
        headers = {} if operation.audience is None else {"Authorization": f"Bearer {tokens[operation.audience]}"}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - by_path[
            operation.path
        ]:
            answer = await shared_city.client.request(method, calls.address(operation), headers=headers)
            seen = (answer.status_code, answer.json()["code"])
            allowed = set(re.split(r",\s*", answer.headers.get("allow", "")))
            if operation.operation_id in ("composeTexts", "findFaults") and method in ("GET", "PUT"):
                assert answer.status_code in (404, 415)  # of a document with the id `compose` or `findings`
                continue
            if operation.operation_id in ("redeemPass", "uploadOfflineUses") and method == "GET":
                assert answer.status_code == 404  # of a redemption with the id `pass` or `offline`
                continue
            if operation.operation_id == "printSlip" and method == "DELETE":
                assert answer.status_code == 404  # of a slip with the id `….pdf`
                continue
            assert seen == (405, "method_not_allowed"), (method, operation.path, seen)
            assert by_path[operation.path] <= allowed, (method, operation.path, allowed)


async def test_every_body_is_json_of_a_limited_size(shared_city: City) -> None:
    tokens = calls.tokens_of(shared_city)
    for operation in OPERATIONS:
        if operation.request is None:
            continue
        assert operation.audience is not None
        headers = {"Authorization": f"Bearer {tokens[operation.audience]}", "Idempotency-Key": "k"}
        for media in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "text/xml",
            "",
            "text/json",
        ):
            answer = await shared_city.client.request(
                operation.method, calls.address(operation), content=b"{}", headers={**headers, "Content-Type": media}
            )
            assert (answer.status_code, answer.json()["code"]) == (415, "not_json"), (operation.operation_id, media)
        answer = await shared_city.client.request(
            operation.method,
            calls.address(operation),
            content=b'"' + b"x" * BODY_BYTES_MAX + b'"',
            headers={**headers, "Content-Type": "application/json"},
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large"), operation.operation_id


async def test_every_answer_has_the_security_headers(shared_city: City) -> None:
    """Successes, refusals and what is not there: every operation, with its token and without."""
    tokens = calls.tokens_of(shared_city)
    for operation in OPERATIONS:
        if operation.method != "GET":
            continue
        for token in (None, None if operation.audience is None else tokens[operation.audience]):
            answer = await calls.call(shared_city, operation, token)
            for name, value in middleware.SECURITY_HEADERS.items():
                assert answer.headers.get(name) == value, (operation.operation_id, name)
            assert "cache-control" in answer.headers
            if answer.status_code >= 400:
                assert answer.headers["cache-control"] == "no-store", operation.operation_id
            assert not {"server", "x-powered-by"} & set(answer.headers)
    assert set(middleware.SECURITY_HEADERS) >= {
        "strict-transport-security",
        "content-security-policy",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
    }


async def test_no_answer_with_a_persons_data_is_stored_by_a_cache(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(600, "v-wang")
    for operation in OPERATIONS:
        if operation.audience is not None and operation.method == "GET":
            answer = await calls.call(town, operation, calls.tokens_of(town)[operation.audience])
            control = answer.headers["cache-control"]
            assert control == "no-store" or control == "private, no-cache", (operation.operation_id, control)


ODD: Final = (
    'x\n{"level":"info","event":"forged"}',
    "x\r\nforged",
    "x\u2028forged",
    "x\x1b[31mforged",
    "x\x00forged",
    '"}\n{"event":"forged',
)


async def test_no_request_writes_a_log_line_of_its_own(town: City) -> None:
    with log_lines() as stream, patch.object(bounded_lines, "LINES_MAX", 1_000):
        for odd in ODD:
            escaped = f"/v1/me/consents/{quote(odd, safe='')}"
            await town.client.get(escaped, headers={"Authorization": f"Bearer {town.resident('wang').token}"})
            await town.client.get("/v1/me/messages", params={"cursor": odd, "limit": odd})
            await town.client.post("/v1/me/tickets", content=odd.encode(), headers={"Content-Type": "application/json"})
            await town.client.request(f"X{len(odd)}FORGED", "/v1/me/points")
            for name in (
                "User-Agent",
                "X-Request-Id",
                "Idempotency-Key",
                "Authorization",
                "traceparent",
                "Accept-Language",
            ):
                await town.client.get("/v1/me/points", headers={name: odd.encode().hex()})
    lines = stream.getvalue().splitlines()
    assert len(lines) >= 5 * len(ODD)
    for line in lines:
        parsed = json.loads(line)
        assert set(parsed) <= {"at", "level", "logger", "event", *log_events.FIELDS}
        assert "forged" not in line.lower()


PARAMETERS: Final = frozenset(
    {
        *("kind", "id", "version", "sha256", "name", "level", "index", "case", "case_id", "consent_id", "request_id"),
        *("correction_id", "link_id", "objection_id", "record_id", "redemption_id", "review_id", "at", "cursor", "day"),
        *("division", "end", "format", "from", "leaf_hash", "limit", "notice_version", "on", "provider_id", "purpose"),
        *("scene", "size", "source_id", "start", "state", "to", "benefit_id", "code", "epoch", "months", "ticket_id"),
        *("complaint_id", "number", "act", "binding_id", "booking_id", "by", "mark_read", "package_id", "slip_id"),
        *("staff_id", "until", "week"),
    }
)
"""Every parameter of a path or query. None is a person, an account, a handle or a text somebody wrote; a `code` is
one of the published error codes, a `staff_id` names a member of staff, and ids of tickets, slips and bindings cannot be
presented."""


def test_no_address_contains_data_of_a_person() -> None:
    """Addresses are stored by browsers, proxies and access logs; handles, codes, accounts and texts are in bodies."""
    named = {name for operation in OPERATIONS for name in re.findall(r"\{(\w+)", operation.path)}
    named |= {query.name for operation in OPERATIONS for query in operation.query}
    assert named == PARAMETERS
    assert OPTIONS["access_log"] is False


async def test_an_error_of_ours_shows_no_trace(shared_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret of the database at /srv/city/keyring.json")

    monkeypatch.setattr(weekly_figures, "load_or_count", broken)
    with log_lines() as stream:
        answer = await shared_city.client.get("/v1/public/statistics")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    for text in (answer.text, stream.getvalue()):
        assert "secret" not in text
        assert "Traceback" not in text
        assert ".py" not in text
    assert set(answer.json()) == {"type", "title", "status", "detail", "code", "request_id"}


def test_no_text_of_a_problem_has_a_placeholder() -> None:
    for code, entry in problems.TABLE.items():
        for text in (*entry.zh, *entry.en):
            assert "{" not in text, code
            assert "%s" not in text, code
