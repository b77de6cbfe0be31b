"""My points in one round trip: the same answer as the long way, and never one that something has overtaken."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from benefits.balances import person_balance
from benefits.balances.person_balance import LoadedBalance
from consent.database import queries
from tests.factories import administrator, benefit_document, publish_document
from tests.support.city import City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


class Statements:
    """Return the number of statements sent to the database since the last call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for name in ("fetch_all", "execute", "fetch_record"):
            monkeypatch.setattr(queries, name, self.counted(getattr(queries, name)))

    def counted(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(sql: str, *values: object) -> Any:
            self.count += 1
            return await work(sql, *values)

        return counted

    def since(self) -> int:
        count, self.count = self.count, 0
        return count


async def test_a_second_read_is_one_statement_and_the_same_answer(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    wang, nobody = town.resident("wang"), town.resident("nobody")
    await wang.volunteer(7_200, "v-wang")
    first = await wang.get("/v1/me/points")
    await nobody.get("/v1/me/points")
    statements = Statements(monkeypatch)
    again = await wang.get("/v1/me/points")
    # On SQLite `fetch_record` is `fetch_one`, which is `fetch_all`: counted twice.
    once = 2 if queries.is_sqlite() else 1
    assert statements.since() == once
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    unchanged = await town.client.get("/v1/me/points", headers=wang.headers({"If-None-Match": first.headers["etag"]}))
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (await nobody.get("/v1/me/points")).json()["total"] == 0
    # Any act on the catalogue makes the next request read it again, once.
    statements.since()
    await administrator(town).post("/v1/admin/benefits", benefit_document())
    statements.since()
    assert (await wang.get("/v1/me/points")).content == first.content
    assert statements.since() > once
    assert (await wang.get("/v1/me/points")).content == first.content
    assert statements.since() == once


async def test_nothing_that_has_ended_is_read(town: City) -> None:
    wang, admin = town.resident("wang"), administrator(town)
    consent = await wang.link("volunteer-service", "v-wang")
    await town.source("volunteer-service").deliver(
        {"record_id": "r", "account": "v-wang", "kind": "volunteer_minutes", "quantity": 600,
         "occurred_on": f"{await town.last_year()}-12-31"}
    )  # fmt: skip
    assert [await wang.total(), await wang.total()] == [10, 10]
    # A scheme that begins on 1 January is the one that is named from then on.
    year = (await town.today()).year + 1
    version = (await admin.get("/v1/admin/schemes")).json()["data"][0]["id"]
    scheme = copy.deepcopy((await admin.get(f"/v1/admin/schemes/{version}")).json()["document"])
    scheme |= {"version": f"{year}.1", "from_year": year}
    assert await publish_document(town, "schemes", f"{year}.1", scheme) == "scheduled"
    assert [await wang.total(), await wang.total()] == [10, 10]
    midnight = datetime(year, 1, 1, tzinfo=town.app_context.settings.city_zone)
    for moment, named in ((midnight - timedelta(seconds=1), version), (midnight, f"{year}.1")):
        town.shift.by = moment - await queries.now()
        for _ in range(2):
            body = (await town.resident("wang").get("/v1/me/points")).json()
            assert (body["scheme_version"], body["total"]) == (named, 10)
    town.shift.by = timedelta(0)
    assert [await wang.total(), await wang.total()] == [10, 10]
    await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    assert await wang.total() == 0


async def test_somebody_erased_after_the_load_has_no_points(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    load = person_balance.load_balance

    async def load_then_erase(subject_index: str) -> LoadedBalance:
        loaded = await load(subject_index)
        assert (await wang.delete("/v1/me")).status_code == 200
        return loaded

    with monkeypatch.context() as patch:
        patch.setattr(person_balance, "load_balance", load_then_erase)
        answer = await wang.get("/v1/me/points")
    assert (answer.status_code, answer.json()["total"]) == (200, 0)
    unknown = await town.resident("nobody").get("/v1/me/points")
    assert (answer.content, answer.headers["etag"]) == (unknown.content, unknown.headers["etag"])
