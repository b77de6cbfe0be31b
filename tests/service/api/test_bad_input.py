"""Malformed requests: status, pointer and stable code; nothing is echoed, nothing is stored."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from service.api.routes import OPERATIONS
from service.auth.access_tokens import Audience
from service.http import problems
from service.http.bodies import BODY_BYTES_MAX
from tests.support import calls
from tests.support.city import Actor, City, record, row_counts

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]

CANARY = "canary-7f3a"
GOOD = {"purpose": "points.compute", "source_id": "green-travel", "account": "bike-9001", "language": "en"}


async def send(
    actor: Actor, path: str, content: bytes | str, media: str | None = "application/json", **headers: str
) -> httpx2.Response:
    """Send bytes as they are, to a path that takes a JSON body."""
    named = {"Idempotency-Key": "k", **headers, **({"Content-Type": media} if media else {})}
    return await actor.town.client.post(path, content=content, headers=actor.headers(named))


def text(**members: Any) -> str:
    return json.dumps({**GOOD, **members}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("content", "media", "status", "code", "pointers"),
    [
        ("", "application/json", 400, "malformed_json", None),
        ("{", "application/json", 400, "malformed_json", None),
        (b"\xff\xfe", "application/json", 400, "malformed_json", None),
        (b"\xef\xbb\xbf" + text().encode(), "application/json", 400, "malformed_json", None),
        ('{"purpose": NaN}', "application/json", 400, "malformed_json", None),
        ('{"purpose": Infinity}', "application/json", 400, "malformed_json", None),
        (text() + " {}", "application/json", 400, "malformed_json", None),
        (text()[:-1] + ', "language": "en"}', "application/json", 400, "duplicate_key", None),
        ("[" * 100_000, "application/json", 400, "too_deep", None),
        ("[" * 40 + "]" * 40, "application/json", 400, "too_deep", None),
        ('{"a":' * 40 + "1" + "}" * 40, "application/json", 400, "too_deep", None),
        (text(), "text/plain", 415, "not_json", None),
        (text(), None, 415, "not_json", None),
        (text(), "application/jsonp", 415, "not_json", None),
        (text(surprise=CANARY), "application/json", 422, "body_invalid", ["/surprise"]),
        (text(**{"a/b~c": 1}), "application/json", 422, "body_invalid", ["/a~1b~0c"]),
        (text(account=7), "application/json", 422, "body_invalid", ["/account"]),
        (text(account=None, source_id=["x"]), "application/json", 422, "body_invalid", ["/source_id"]),
        (text(account="bike 9001"), "application/json", 422, "body_invalid", ["/account"]),
        (text(account="bike-９００１"), "application/json", 422, "body_invalid", ["/account"]),
        (text(account="a" * 65), "application/json", 422, "body_invalid", ["/account"]),
        (text(account="a\u0000b"), "application/json", 422, "body_invalid", ["/account"]),
        (text(purpose="joint.punishment"), "application/json", 422, "body_invalid", ["/purpose"]),
        (text(language="fr"), "application/json", 422, "body_invalid", ["/language"]),
        (text(provider_id="city-library"), "application/json", 422, "body_invalid", [""]),
        ('"\\ud800"', "application/json", 422, "body_invalid", [""]),
        ("null", "application/json", 422, "body_invalid", [""]),
        ("[]", "application/json", 422, "body_invalid", [""]),
    ],
)  # fmt: skip
async def test_a_body_that_does_not_fit(
    shared_city: City, content: str | bytes, media: str | None, status: int, code: str, pointers: list[str] | None
) -> None:
    before = await row_counts()
    answer = await send(shared_city.resident("wang"), "/v1/me/consent-requests", content, media)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) >= {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["request_id"] == answer.headers["x-request-id"]
    if pointers is not None:
        assert [error["pointer"] for error in problem["errors"]] == pointers
        assert all(error["code"] and error["detail"] for error in problem["errors"])
    assert CANARY not in answer.text
    assert await row_counts() == before


FREE_TEXTS = [
    (Audience.RESIDENT, "/v1/me/objections", {"source_id": "green-travel", "reason_code": "missing"}, "statement"),
    (Audience.RESIDENT, "/v1/me/records/x/objections", {"reason_code": "other"}, "statement"),
    (
        Audience.RESIDENT,
        "/v1/me/complaints",
        {"benefit_id": "library-deposit", "venue_id": "city-library-main", "reason_code": "other"},
        "statement",
    ),
    (Audience.PRIVACY, "/v1/privacy/complaints/x/answer", {}, "answer"),
    (Audience.SOURCE, "/v1/source/objections/x/statement", {}, "statement"),
    (Audience.PRIVACY, "/v1/privacy/cases", {"reason_code": "audit"}, "text"),
    (Audience.PRIVACY, "/v1/privacy/reviews/x/decision", {"decision": "approve"}, "reason"),
    (Audience.PRIVACY, "/v1/privacy/objections/x/decision", {"decision": "rejected"}, "reason"),
    (Audience.PRIVACY, "/v1/privacy/records/x/restoration", {"case": "x"}, "reason"),
    (Audience.ADMINISTRATOR, "/v1/admin/providers/city-library/versions/1/suspend", {}, "reason"),
]
"""Every member of a body that a person writes in words: who sends it, where, the other members, its name."""
CALLERS = {
    Audience.RESIDENT: "wang",
    Audience.SOURCE: "green-travel",
    Audience.VENUE: "city-library-main",
    Audience.ADMINISTRATOR: "admin-1",
    Audience.PRIVACY: "officer-1",
}


@pytest.mark.parametrize(("audience", "path", "others", "member"), FREE_TEXTS)
async def test_a_control_character_in_words_is_refused_by_its_pointer(
    shared_city: City, audience: Audience, path: str, others: dict[str, str], member: str
) -> None:
    """PostgreSQL stores no NUL and answers it with an error."""
    before = await row_counts()
    actor = shared_city.actor(audience, CALLERS[audience])
    for words, code in (
        (f"{CANARY}\u0000b", "control_character"), ("a\u001bb", "control_character"), (" \n\t", "blank"),
        ("", "string_too_short"),
    ):  # fmt: skip
        answer = await actor.post(path, {**others, member: words})
        assert answer.status_code == 422, answer.text
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(f"/{member}", code)]
        assert CANARY not in answer.text
    assert await row_counts() == before


@pytest.mark.both_engines
async def test_words_with_line_breaks_are_stored_as_they_are(shared_city: City) -> None:
    officer = shared_city.actor(Audience.PRIVACY, "officer-1")
    words = "First line.\n\tSecond line 👨‍👩‍👧 \u200b“quoted”\r\n"
    case = await officer.post("/v1/privacy/cases", {"reason_code": "audit", "text": words})
    assert (await officer.get(case.headers["location"])).json()["text"] == words


NUL: tuple[tuple[Audience, str, dict[str, Any], int], ...] = (
    (Audience.RESIDENT, "/v1/me/consents", {"ticket": "a\u0000b"}, 422),
    (Audience.VENUE, "/v1/venue/checks", {"handle": "a\u0000b"}, 200),
    (Audience.VENUE, "/v1/venue/redemptions", {"handle": "a\u0000b"}, 200),
    (Audience.SOURCE, "/v1/source/links/confirm", {"code": "a\u0000b", "account": "x"}, 404),
    (Audience.SOURCE, "/v1/source/records", {"records": [{**record("r", "x"), "kind": "a\u0000b"}]}, 200),
    (Audience.ADMINISTRATOR, "/v1/admin/benefits/compose", {"document": {}, "choose": {"title": ["\u0000"]}}, 422),
    (Audience.ADMINISTRATOR, "/v1/admin/providers/findings", {"provider_id": "x1", "name": {"en": "\u0000"}}, 200),
    (Audience.ADMINISTRATOR, "/v1/admin/providers", {"provider_id": "nul-1", "name": {"en": "\u0000"}}, 201),
    (Audience.ADMINISTRATOR, "/v1/admin/catalogue/import", {"catalogue": {"notices": [{"a": "\u0000"}]}}, 422),
)  # fmt: skip
"""Calls with a NUL in a member, and the status of their answers."""


async def test_nul_in_any_other_member_is_no_error_of_ours(town: City) -> None:
    for audience, path, body, status in NUL:
        answer = await town.actor(audience, CALLERS[audience]).post(path, body)
        assert answer.status_code == status, (path, answer.text)


async def test_nul_in_a_query_parameter_is_no_error_of_ours(town: City) -> None:
    tokens, tried = calls.tokens_of(town), 0
    for operation in OPERATIONS:
        token = None if operation.audience is None else tokens[operation.audience]
        headers = {"Idempotency-Key": "k"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        for parameter in operation.query:
            path = calls.address(operation).partition("?")[0]
            body: dict[str, Any] = {} if operation.request is None else {"json": {}}
            answer = await town.client.request(
                operation.method, f"{path}?{parameter.name}=%00", headers=headers, **body
            )
            assert answer.status_code < 500, (operation.operation_id, parameter.name)
            tried += 1
    assert tried > 50


@pytest.mark.parametrize("quantity", ["1.0", "1e3", "1e400", '"5"', "true", "９", "null"])
async def test_a_quantity_is_an_integer_and_nothing_else(shared_city: City, quantity: str) -> None:
    before = await row_counts()
    body = json.dumps({"records": [record("r", "bike-607")]}).replace('"quantity": 1', f'"quantity": {quantity}')
    answer = await send(shared_city.source(), "/v1/source/records", body)
    assert answer.status_code in (400, 422)
    if answer.status_code == 422:
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/records/0/quantity"]
    assert await row_counts() == before


@pytest.mark.parametrize("quantity", [9_999_999_999_999_999_999, 10**400, -(10**30), 0, 1_000_001])
async def test_a_quantity_beyond_any_deed_is_refused_row_by_row(shared_city: City, quantity: int) -> None:
    done = await shared_city.source().deliver(record("r", "bike-607", quantity=quantity))
    assert done["results"] == [{"record_id": "r", "status": "refused", "code": "invalid_quantity"}]


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_of_two_megabytes_is_refused(shared_city: City, announced: bool) -> None:
    before = await row_counts()
    body = text(account="a" * (2 * BODY_BYTES_MAX)).encode()

    async def pieces() -> Any:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    wang = shared_city.resident("wang")
    answer = await shared_city.client.post(
        "/v1/me/consent-requests",
        content=body if announced else pieces(),
        headers=wang.headers({"Content-Type": "application/json", "Idempotency-Key": "k"}),
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert await row_counts() == before


async def test_a_charset_in_the_content_type_changes_nothing(shared_city: City) -> None:
    answer = await send(
        shared_city.resident("wang"), "/v1/me/consent-requests", text(), "application/json; charset=UTF-8"
    )
    assert answer.status_code == 201


async def test_more_than_1000_records_are_refused(shared_city: City) -> None:
    records = [record(f"r-{number}", "bike-607") for number in range(1_001)]
    answer = await shared_city.source().post("/v1/source/records", {"records": records})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/records"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "bad_limit"),
        ("limit=201", "bad_limit"),
        ("limit=-1", "bad_limit"),
        ("limit=１０", "bad_limit"),
        ("limit=1e1", "bad_limit"),
        ("cursor=%00", "bad_cursor"),
        ("cursor=x", "bad_cursor"),
        ("cursor=WyJ4Il0", "bad_cursor"),
        ("cursor=WzEsIlx1MDAwMCJd", "bad_cursor"),
        ("cursor=" + "A" * 600, "bad_cursor"),
    ],
)
async def test_an_unusable_page_is_refused(shared_city: City, query: str, code: str) -> None:
    answer = await shared_city.resident("resident-1").get(f"/v1/me/messages?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("day", ["2026-1-1", "2026-02-30", "２０２６-01-01", "20260101", "today"])
async def test_an_unusable_day_is_refused(shared_city: City, day: str) -> None:
    answer = await shared_city.venue().get(f"/v1/venue/redemptions?day={day}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_query")


DAYS_AT_THE_ENDS = ("0001-01-01", "1970-01-01", "9999-12-31")


@pytest.mark.parametrize("day", DAYS_AT_THE_ENDS)
async def test_b2_a_day_at_the_ends_of_the_calendar_is_no_error_of_ours(town: City, day: str) -> None:
    """Midnight of such a day, or the day after it, may be no instant of Python, PostgreSQL or 64 bits."""
    wang, officer = town.resident("wang"), town.actor(Audience.PRIVACY, "officer-1")
    source, admin = town.source(), town.actor(Audience.ADMINISTRATOR, "admin-1")
    await wang.link("green-travel", "bike-1")
    delivered = await source.deliver(
        record("r", "bike-1", occurred_on="2026-03-01"), record("end", "bike-1", occurred_on=day)
    )
    assert delivered["results"][1]["status"] in ("accepted", "refused")
    (consent,) = (await wang.get("/v1/me/consents")).json()["data"]
    record_id = (await wang.get("/v1/me/records")).json()["data"][0]["record_id"]
    case = (await officer.post("/v1/privacy/cases", {"reason_code": "audit", "text": "Audit."})).json()["case_id"]
    objection = {"reason_code": "wrong_day", "statement": "It was another day.", "claim": {"occurred_on": day}}
    benefit = {"benefit_id": "end-1", "valid": {"from": day, "until": day}}
    answers = [
        await officer.get(f"/v1/privacy/consents?case={case}&on={day}"),
        await town.venue().get(f"/v1/venue/redemptions?day={day}"),
        await wang.get(f"/v1/me/consents/{consent['consent_id']}?at={day}T00:00:00%2B14:00"),
        await wang.get(f"/v1/me/consents/{consent['consent_id']}?at={day}T23:59:59-12:00"),
        opened := await wang.post(f"/v1/me/records/{record_id}/objections", objection),
        await source.post("/v1/source/records/r/correction", {"occurred_on": day, "reason_code": "counted_wrong"}),
        await admin.post("/v1/admin/benefits/findings", benefit),
        await admin.post("/v1/admin/benefits", benefit),
        await admin.post("/v1/admin/benefits/library-deposit/versions/1/retire", {"from": day}),
    ]
    if opened.status_code == 201:
        ruling = {"decision": "upheld", "reason": "Shown.", "correction": {"occurred_on": day}}
        path = f"/v1/privacy/objections/{opened.json()['objection_id']}/decision"
        answers.append(await officer.post(path, ruling))
    for answer in answers:
        assert answer.status_code < 500, (str(answer.request.url), answer.text)


@pytest.mark.parametrize("part", ["%00", "%F0%9F%92%A9", "a%0Ab", "x" * 2_000, "..%2f..%2fetc", "'%20OR%201=1"])
async def test_an_invalid_name_in_a_path_answers_404(shared_city: City, part: str) -> None:
    answer = await shared_city.resident("resident-1").get(f"/v1/me/consents/{part}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/me/consent-requests", GOOD),
        ("/v1/me/consents", {"ticket": "x"}),
        ("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "city-library-main"}),
        ("/v1/me/objections", {"source_id": "green-travel", "reason_code": "missing", "statement": "x"}),
        ("/v1/me/records/x/objections", {"reason_code": "other", "statement": "x"}),
    ],
)
async def test_what_creates_needs_a_key(shared_city: City, path: str, body: dict[str, str]) -> None:
    wang = shared_city.resident("wang")
    for headers, code in (
        ({}, "idempotency_key_required"),
        ({"Idempotency-Key": ""}, "idempotency_key_required"),
        ({"Idempotency-Key": "a b"}, "bad_header"),
        ({"Idempotency-Key": "x" * 256}, "bad_header"),
    ):
        answer = await shared_city.client.post(path, json=body, headers=wang.headers(headers))
        assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_redeeming_needs_a_key_and_checking_does_not(shared_city: City) -> None:
    venue, body = shared_city.venue(), {"handle": "0" * 32}
    bare = await shared_city.client.post("/v1/venue/redemptions", json=body, headers=venue.headers())
    assert bare.json()["code"] == "idempotency_key_required"
    assert (await shared_city.client.post("/v1/venue/checks", json=body, headers=venue.headers())).status_code == 200


@pytest.mark.parametrize("members", [{"name": "王"}, {"id_number": "210102199001011234"}, {"subject": "wang"}])
async def test_no_venue_call_takes_a_person(shared_city: City, members: dict[str, str]) -> None:
    for path in ("/v1/venue/checks", "/v1/venue/redemptions"):
        answer = await shared_city.venue().post(path, {"handle": "0" * 32, **members})
        assert answer.status_code == 422
        assert next(iter(members.values())) not in answer.text


async def test_methods_and_paths_that_are_not_there(shared_city: City) -> None:
    wang = shared_city.resident("wang")
    wrong = await shared_city.client.put("/v1/me/points", headers=wang.headers())
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]
    for path in ("/nowhere", "/v1/public/nowhere", "/v1/me/points/", "/v1/me/nowhere"):
        absent = await wang.get(path)
        assert (absent.status_code, absent.json()["code"]) == (404, "not_found"), path


async def test_problems_speak_the_callers_language(shared_city: City) -> None:
    for accept, language in (
        ("zh-CN", "zh-CN"), ("en", "en"), ("en-GB,en;q=0.8,zh;q=0.5", "en"), ("zh-TW;q=0.9,en;q=0.2", "zh-CN"),
        ("fr", "zh-CN"), ("", "zh-CN"), ("en;q=0", "zh-CN"), ("en;q=nonsense", "zh-CN"), (",;q=,,", "zh-CN"),
    ):  # fmt: skip
        answer = await shared_city.client.get("/v1/me/points", headers={"Accept-Language": accept})
        assert answer.headers["content-language"] == language, accept
        assert answer.json()["title"] == (("Token needed") if language == "en" else "需要登录")


def test_every_code_has_its_words_and_only_says_what_is_allowed() -> None:
    for code, entry in problems.TABLE.items():
        assert code == code.lower()
        assert 400 <= entry.status < 600
        assert all((*entry.zh, *entry.en))
        assert "denied" not in " ".join(entry.en).lower()


async def test_every_role_is_refused_the_same_way_with_a_token_of_no_issuer(shared_city: City) -> None:
    for audience, path in ((Audience.RESIDENT, "/v1/me/points"), (Audience.VENUE, "/v1/venue/benefits")):
        answer = await Actor(shared_city, "x.y.z").get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid"), audience
        assert answer.headers["www-authenticate"].startswith("Bearer error=")
