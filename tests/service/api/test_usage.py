"""The report on use repeats the released figures: no second noise for a number, no budget of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from benefits.statistics.privacy_budget import REDEMPTIONS_PER_PERSON
from consent.database import queries
from tests.factories import add_people_with_rides, administrator
from tests.support.city import City

pytestmark = pytest.mark.anyio
ADDRESS = "/v1/admin/reports/usage"


async def report(town: City, by: str) -> dict[str, Any]:
    """Return the report by week, benefit or division."""
    answer = await administrator(town).get(f"{ADDRESS}?by={by}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def redeem(town: City, benefit_id: str, count: int) -> None:
    """Insert redemptions of the last finished week."""
    monday = await town.today() - timedelta(days=(await town.today()).weekday())
    day = queries.to_day_number(monday - timedelta(days=3))
    await queries.execute_many(
        "INSERT INTO redemption (redemption_id, handle_index, venue_id, benefit_id, benefit_version, day, hour,"
        " state, runs_until) VALUES ($1, $1, 'v', $2, 1, $3, 10, 'redeemed', $3)",
        [(f"{benefit_id}-{day}-{number}", benefit_id, day) for number in range(count)],
    )


async def test_each_number_is_the_released_one(town: City) -> None:
    await add_people_with_rides(town, 400)
    await redeem(town, "library-deposit", 3_000)
    await redeem(town, "market-gift", 2_000)
    by_week, by_benefit, by_division = [await report(town, by) for by in ("week", "benefit", "division")]
    public = (await town.client.get("/v1/public/statistics")).json()
    statistics = (await administrator(town).get("/v1/admin/statistics")).json()
    counted = {row["key"]: row["count"] for row in by_benefit["data"]}
    assert counted == {name: count for scene in statistics["redemptions"].values() for name, count in scene.items()}
    assert {row["key"]: row["count"] for row in by_division["data"]} == public["redemptions_by_division"]
    # All benefits are the city's, so the division and the whole are one number.
    assert [row["count"] for row in by_week["data"]] == list(public["redemptions_by_division"].values())
    assert by_week["data"][0]["key"] == public["first_day"]
    assert by_benefit["data"][0]["give_or_take"] == 210
    # A sum of noisy counts is further from the truth than each of them, and the report says how far.
    assert by_week["data"][0]["give_or_take"] == by_division["data"][0]["give_or_take"] > 600
    assert abs(by_week["data"][0]["count"] - 5_000) < 5_000
    assert next(row for row in by_benefit["data"] if row["key"] == "library-deposit")["name"]["en"]
    await redeem(town, "bike-deposit", 900)
    assert [await report(town, by) for by in ("week", "benefit", "division")] == [by_week, by_benefit, by_division]
    spent = (await town.client.get("/v1/public/privacy-budget")).json()
    assert {row["kind"]: row["releases"] for row in spent["by_kind"]}["redemptions"] == 1


async def test_weeks_are_listed_as_they_were_released(town: City) -> None:
    await add_people_with_rides(town, 400)
    await redeem(town, "library-deposit", 3_000)
    first = (await report(town, "week"))["data"]
    town.shift.by = timedelta(days=7)
    await redeem(town, "library-deposit", 100)
    later = (await report(town, "week"))["data"]
    assert later[0] == first[0]
    assert len(later) == 2
    assert later[0]["key"] < later[1]["key"]
    # One week in detail, with the numbers that it was released with.
    for row, by in ((later[0], "benefit"), (later[1], "division")):
        answer = (await administrator(town).get(f"{ADDRESS}?by={by}&week={row['key']}")).json()
        assert answer["first_day"] == row["key"]
    assert (await report(town, "benefit"))["first_day"] == later[1]["key"]


async def test_too_few_people_have_no_number(town: City) -> None:
    await redeem(town, "library-deposit", 3_000)
    for by in ("week", "benefit", "division"):
        rows = (await report(town, by))["data"]
        assert {(row["count"], row["too_few_people"]) for row in rows} == {(None, True)}, by
        assert not (await report(town, by))["synthetic"]


async def test_small_numbers_are_left_out(town: City) -> None:
    await add_people_with_rides(town, 400)
    counts = [row["count"] for row in (await report(town, "benefit"))["data"]]
    assert all(count is None or (count >= 20 and count % 10 == 0) for count in counts)
    assert None in counts
    assert REDEMPTIONS_PER_PERSON == 7


async def test_another_grouping_is_refused(shared_city: City) -> None:
    for query in ("by=person", "by=venue", "by=", "by=benefit&week=2001-01-01", "by=division&week=x", "by=week&week="):
        answer = await administrator(shared_city).get(f"{ADDRESS}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_query"), query
