"""Schemathesis over the whole API: a few requests an operation in the suite, minutes of all phases as a campaign."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest

from tests.support.deadlines import WAIT_SECONDS

pytestmark = pytest.mark.processes
MINUTES = float(os.environ.get("FUZZ_MINUTES", "10"))
"""Length of the campaign."""
VARIED = frozenset({"issueTicket", "redeemBenefit", "redeemPass"})
"""Operations that are prepared in several ways: by ticket, slip or binding, with a commitment, of another city."""
TURNS = 3
"""Requests to each of them."""


@pytest.mark.both_engines  # only PostgreSQL refuses NUL in a text, and a number beyond a column's bits
def test_schemathesis_finds_nothing_in_a_few_requests_to_every_operation(
    tmp_path: Path, empty_database_url: str
) -> None:
    from tests.fuzz import api, served_city  # a second's import, which no other test should wait for

    with served_city.serve_city(tmp_path, empty_database_url) as city:
        outcome = api.run(city, api.Extent(1, None, 1, ("fuzzing",)))
    assert not outcome.failures, api.report(outcome, 0)
    assert not outcome.errors, api.report(outcome, 0)
    assert len(outcome.answers) > 100
    assert len(outcome.successes) > 30


@pytest.mark.campaign
@pytest.mark.both_engines
def test_schemathesis_finds_nothing_in_minutes(tmp_path: Path, empty_database_url: str) -> None:
    from tests.fuzz import api, served_city

    with served_city.serve_city(tmp_path, empty_database_url) as city:
        outcome = api.run(city, api.Extent(2, round(MINUTES * 60), 100))
    assert not outcome.failures, api.report(outcome, MINUTES * 60)
    assert not outcome.errors, api.report(outcome, MINUTES * 60)
    assert not outcome.never_succeeded, api.report(outcome, MINUTES * 60)


def test_a_document_that_other_requests_need_is_never_suspended(tmp_path: Path) -> None:
    """The phase `coverage` sends the examples of the description, which name seeded documents."""
    from tests.fuzz import actors, api, served_city

    with served_city.serve_city(tmp_path) as city:
        outcome = api.run(city, api.Extent(1, None, 1, ("coverage",), ("suspendVersion",)))
        assert not outcome.failures, api.report(outcome, 0)
        assert sum(outcome.successes.values()) > 1, api.report(outcome, 0)
        with httpx2.Client(base_url=city.url, timeout=WAIT_SECONDS) as client:
            document = actors.Actors(city, client).read(actors.AUTHOR, "/v1/admin/benefits/library-deposit/versions/1")
    assert document["state"] == "in_force"


@pytest.mark.campaign
def test_data_too_large_to_be_read_counts_as_rejected(tmp_path: Path) -> None:
    from tests.fuzz import api, served_city

    with served_city.serve_city(tmp_path) as city:
        outcome = api.run(city, api.Extent(1, None, 1, ("coverage",), ("uploadOfflineUses",)))
    assert outcome.statuses[413], api.report(outcome, 0)
    assert not outcome.failures, api.report(outcome, 0)


def test_a_request_is_sent_again_while_the_service_is_unavailable() -> None:
    from tests.fuzz import unavailable

    headers = [{"retry-after": "0"}, {"retry-after": ["0"]}, {}]
    answers = [SimpleNamespace(status_code=503, headers=header) for header in headers]
    waiting, repeated = iter(answers), Counter[str]()
    last = unavailable.send_until_available(lambda: next(waiting), "GET /v1/me/points", repeated)
    assert (last, repeated) == (answers[2], {"GET /v1/me/points": 2}), "a 503 without Retry-After is a failure"
    assert unavailable.pause_of(SimpleNamespace(status_code=429, headers=headers[0])) is None


def test_every_prepared_request_succeeds(tmp_path: Path) -> None:
    """The operations that generated values do not reach, each by what its callers would do before."""
    from service import app as application
    from tests.fuzz import actors, prepared, served_city

    operations = {
        described["operationId"]: (method, path)
        for path, methods in application.document()["paths"].items()
        for method, described in methods.items()
        if "operationId" in described
    }
    with served_city.serve_city(tmp_path) as city, httpx2.Client(base_url=city.url, timeout=WAIT_SECONDS) as client:
        callers = actors.Actors(city, client)
        for name, prepare in prepared.PREPARATIONS.items():
            for turn in range(TURNS if name in VARIED else 1):
                request, (method, path) = prepare(callers), operations[name]
                headers = {"Idempotency-Key": f"{name}-{turn}", **request.headers}
                if request.caller is not None:
                    headers |= callers.authorised(request.caller)
                member = "json" if request.media_type == "application/json" else "data"
                body = {} if request.body is None else {member: request.body}
                url = path.format(**request.path)
                answer = client.request(method, url, params=dict(request.query), headers=headers, **body)
                assert answer.is_success, f"{name}: {answer.text}"
                if name in VARIED:
                    assert answer.status_code == 201, f"{name}: {answer.text}"
                if name == "readPresentationRequest":
                    assert answer.json()["verdict"]["applies"], answer.text
