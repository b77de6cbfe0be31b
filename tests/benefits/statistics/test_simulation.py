"""B13: a sweep of thresholds and two runs around one newcomer reveal no single person."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from benefits.balances import batch
from benefits.catalogue import in_force
from benefits.rules import conditions
from benefits.rules.compiled import Rule
from benefits.scoring.scheme import Scheme
from benefits.statistics import population, simulation
from consent.consents import live
from consent.database import queries
from consent.domain.grants import State
from consent.oversight import people_counts
from consent.oversight.people_counts import ConsentFilters
from consent.records.gate import Part
from service.auth.access_tokens import Audience
from service.jobs import background
from tests.factories import add_people_with_rides, administrator, benefit_document
from tests.support.city import City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


async def drafted(town: City, benefit_id: str, at_least: int) -> str:
    body = benefit_document(benefit_id=benefit_id, condition={"measure": "green_living", "at_least": at_least})
    assert (await administrator(town).post("/v1/admin/benefits", body)).status_code == 201
    return f"/v1/admin/benefits/{benefit_id}/versions/1/simulate"


async def ran(town: City, path: str) -> dict[str, Any]:
    answer = await administrator(town).post(path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_b13_no_sweep_and_no_newcomer_shows_a_person(town: City) -> None:
    await add_people_with_rides(town, 400)
    seen = [await ran(town, await drafted(town, f"sweep-{at_least}", at_least)) for at_least in range(1, 41, 3)]
    assert {answer["population"] for answer in seen} == {seen[0]["population"]}
    # Give or take 20 is nineteen of twenty; 150 is all but one in a billion.
    assert seen[0]["population"] % 10 == 0
    assert abs(seen[0]["population"] - 400) < 180
    # Thresholds are taken in tens, and one question has one answer, so that between two tens nothing can be read.
    by_ten: dict[int, set[Any]] = {}
    for at_least, answer in zip(range(1, 41, 3), seen, strict=True):
        by_ten.setdefault(-(-at_least // 10), set()).add(answer["applies"])
        assert answer["by_division"] == {"2101": answer["applies"]}
        assert answer["applies"] is None or answer["applies"] % 10 == 0
    assert all(len(figures) == 1 for figures in by_ten.values())
    budget = (await town.client.get("/v1/public/privacy-budget")).json()
    assert next(row["releases"] for row in budget["by_kind"] if row["kind"] == "simulations") == len(by_ten)
    # A newcomer this week changes nothing: the population is frozen.
    before = await ran(town, await drafted(town, "newcomer", 10))
    wang = town.resident("wang")
    await wang.link("green-travel", "bike-9001")
    await town.source().deliver({"record_id": "r", "account": "bike-9001", "kind": "bike_trip", "quantity": 80,
                                 "occurred_on": f"{await town.last_year()}-06-01"})  # fmt: skip
    assert await wang.total() == 40
    assert await ran(town, "/v1/admin/benefits/newcomer/versions/1/simulate") == before
    for _ in range(18):
        await ran(town, "/v1/admin/benefits/newcomer/versions/1/simulate")
    spent = await administrator(town).post("/v1/admin/benefits/newcomer/versions/1/simulate")
    assert (spent.status_code, spent.json()["code"]) == (429, "budget_spent")
    assert 0 < int(spent.headers["Retry-After"]) <= 7 * 86_400


async def test_frozen_points_name_nobody_and_go_after_the_week(town: City) -> None:
    await add_people_with_rides(town, 30)
    recent = queries.to_day_number(await town.today() - timedelta(days=60))
    await queries.execute("UPDATE record SET occurred_on = $1 WHERE kind = 'bike_trip'", recent)
    wang = town.resident("wang")
    await wang.volunteer(600, "v-wang")
    await ran(town, await drafted(town, "some", 10))
    await ran(town, await drafted(town, "more", 20))
    rows = await queries.fetch_all("SELECT * FROM frozen_points")
    persons = {row["person_id"] for row in await queries.fetch_all("SELECT person_id FROM person")}
    assert rows
    assert not persons & {value for row in rows for value in row.values() if isinstance(value, str)}
    assert set(rows[0]) == {"week", "place", "synthetic", *population.MEASURES, *population.KINDS}
    covered = "SELECT DISTINCT person_id FROM consent WHERE purpose = 'points.compute' AND state = 'given'"
    assert len(rows) == len(await queries.fetch_all(covered))
    assert Counter(row["bike_trip"] for row in rows)[40] >= 30
    assert {row["synthetic"] for row in rows} == {0}
    # A counted person has one entry a week in the access log; a person who joins later has none.
    counted = [row["text"] for row in (await wang.get("/v1/me/access-log")).json()["data"] if "试算" in row["text"]]
    assert len(counted) == 1
    late = town.resident("late")
    await late.volunteer(600, "v-late")
    assert (await late.get("/v1/me/access-log")).json()["data"] == []
    town.shift.by = timedelta(days=8)
    assert (await background.run_cleanup(town.app_context))["simulations_deleted"] > len(rows)
    assert await queries.fetch_all("SELECT * FROM frozen_points") == []


async def test_a_scheme_is_compared_with_the_one_before_it(town: City) -> None:
    admin, year = administrator(town), (await town.today()).year
    ids = await add_people_with_rides(town, 120)
    recent = queries.to_day_number(await town.today() - timedelta(days=60))
    for places, rides in ((ids[:50], 30), (ids[50:80], 300), (ids[80:], 120)):
        for person in places:
            await queries.execute(
                "UPDATE record SET quantity = $2, occurred_on = $3 WHERE person_id = $1", person, rides, recent
            )
    version = (await admin.get("/v1/admin/schemes")).json()["data"][0]["id"]
    document = (await admin.get(f"/v1/admin/schemes/{version}")).json()["document"]
    document |= {"version": f"{year + 1}.1", "from_year": year + 1}
    rides = document["indicators"][0]
    # A first tier worth half as much, and a higher cap: the 50 lose, the 30 gain, 60 for 120 rides stay 60.
    rides["tiers"] = [{"up_to": 60, "units": 4, "points": 1}, {"units": 4, "points": 3}]
    rides["yearly_cap"] = 190
    document["dimensions"][0]["cap"] -= 1
    assert (await admin.post("/v1/admin/schemes", document)).status_code == 201
    path = f"/v1/admin/schemes/{year + 1}.1/versions/1/simulate"
    report = await ran(town, path)
    lowers = ["bike_trip", document["dimensions"][0]["dimension"]]
    assert report["scheme"] == {"gain": None, "less": None, "same": None, "lowers": lowers}
    assert (report["population"], report["applies"], report["too_few_people"]) == (None, None, True)
    week = population.week_of(await town.today())
    current = (await in_force.timeline(await town.app_context.clock())).version_for(year)
    exact = await simulation.count_shifts(current, Scheme.from_document(document), week, False)
    people = (await simulation.count_people(week, False)).cells["people"]
    assert (exact.cells["gain"], exact.per_person, sum(exact.cells.values())) == (30, 1, people)
    # Some residents of the demonstration, who are not among the 120, lose as well.
    assert 50 <= exact.cells["less"] <= 50 + people - 120
    assert 40 <= exact.cells["same"] <= 40 + people - 120
    # All schemes have one budget: another draft is not another twenty questions.
    assert (await admin.post("/v1/admin/schemes", {**document, "version": f"{year + 1}.2"})).status_code == 201
    for _ in range(19):
        assert await ran(town, path.replace("1/versions", "2/versions"))
    spent = await admin.post(path)
    assert (spent.status_code, spent.json()["code"]) == (429, "budget_spent")


async def test_a_frozen_row_depends_on_its_own_person_alone(town: City) -> None:
    """One person more changes one row: only then does the noise of one person hide that person."""
    random = Random(8)
    ids = await add_people_with_rides(town, 97)
    recent = queries.to_day_number(await town.today() - timedelta(days=60))
    for person in ids:
        rides = random.choice((1, 2, 3, random.randrange(1, 10**6)))
        await queries.execute(
            "UPDATE record SET quantity = $2, occurred_on = $3 WHERE person_id = $1", person, rides, recent
        )
    columns = ", ".join((*population.MEASURES, *population.KINDS))

    async def frozen() -> Counter[tuple[Any, ...]]:
        await queries.execute("DELETE FROM frozen_points")
        async with queries.transaction():
            await population.freeze(await town.today(), await town.app_context.clock())
        return Counter(tuple(row.values()) for row in await queries.fetch_all(f"SELECT {columns} FROM frozen_points"))

    before = await frozen()
    await add_people_with_rides(town, 1)
    after = await frozen()
    assert not before - after
    assert sum((after - before).values()) == 1
    rows = await queries.fetch_all("SELECT * FROM frozen_points")
    assert all(len(str(row[kind]).rstrip("0")) <= 2 for row in rows for kind in population.KINDS)
    assert len({row["bike_trip"] for row in rows}) > 20


async def test_several_first_questions_of_a_week_count_everybody_once(town: City) -> None:
    await add_people_with_rides(town, 60)
    paths = [await drafted(town, f"first-{number}", 10) for number in range(4)]
    answers = await asyncio.gather(*(ran(town, path) for path in paths))
    assert {answer["population"] for answer in answers} == {answers[0]["population"]}
    used = await queries.fetch_all("SELECT kind FROM use_for_all")
    assert [row["kind"] for row in used] == ["points.counted"]


async def test_points_are_not_counted_after_the_consent(town: City) -> None:
    """Points in the snapshot of a person whose consent has expired are counted in no figure."""
    ids = await add_people_with_rides(town, 30)
    at = await town.app_context.clock()
    await batch.compute_part(Part(0, 1), town.app_context.clock, town.app_context.day_of)
    await queries.execute(
        "UPDATE consent SET expires_at = $1 WHERE person_id < $2", queries.to_micros(at - timedelta(days=1)), ids[12]
    )
    async with queries.transaction():
        await population.freeze(await town.today(), at)
    covered = await queries.fetch_one(
        "SELECT count(DISTINCT person_id) AS persons FROM consent WHERE purpose = 'points.compute' AND state = 'given'"
        " AND expires_at > $1", queries.to_micros(at),
    )  # fmt: skip
    assert covered is not None
    assert len(await queries.fetch_all("SELECT 1 FROM frozen_points")) == covered["persons"]


async def agree(count: int, people: int) -> None:
    """Generated conditions over people: request path, traced path and bulk path, row by row."""
    random = Random(12)
    caps = [200] * 5
    rows = []
    for place in range(people):
        points = [random.choice((0, random.randint(0, cap), cap)) for cap in caps]
        rows.append((20_000_101, place, sum(points), *points))
    marks = ", ".join(f"${number}" for number in range(1, 9))
    async with queries.transaction():
        await queries.execute_many(
            f"INSERT INTO frozen_points (week, place, {', '.join((*population.MEASURES, *population.KINDS))})"
            f" VALUES ({marks}{', 0' * len(population.KINDS)})",
            rows,
        )
    drawn = [generated(random, 3) for _ in range(count)]
    rules = [Rule(condition) for condition in drawn]
    columns = ", ".join(
        f"({simulation.condition_sql(condition)}) AS c{number}" for number, condition in enumerate(drawn)
    )
    bulk = await queries.fetch_all(f"SELECT place, {columns} FROM frozen_points WHERE week = 20000101 ORDER BY place")
    for row, (_, _, *points) in zip(bulk, rows, strict=True):
        have = dict(zip(population.MEASURES, points, strict=True))
        for number, condition in enumerate(drawn):
            rule = rules[number]
            decided = rule.decide(have)
            expected = decided.applies
            assert bool(row[f"c{number}"]) is expected
            if number % 20 == row["place"] % 20:
                assert traced(condition, iter(rule.lines(decided))) is expected


def generated(random: Random, depth: int) -> conditions.Condition:
    if depth == 0 or random.random() < 0.3:
        measure = random.choice(population.MEASURES)
        return conditions.AtLeast(measure, random.randint(1, 1_000 if measure == "total" else 200))
    parts = tuple(generated(random, depth - 1) for _ in range(random.randint(1, 3)))
    return random.choice((conditions.All, conditions.Any))(parts)


def traced(condition: conditions.Condition, lines: Iterator[conditions.ConditionLine]) -> bool:
    """The verdict that a person reads from the lines alone, in the condition's own order."""
    if isinstance(condition, conditions.AtLeast):
        return next(lines).met
    verdicts = [traced(part, lines) for part in condition.parts]
    return all(verdicts) if isinstance(condition, conditions.All) else any(verdicts)


async def test_b12_three_ways_to_decide_agree(opened: str) -> None:
    await agree(400, 300)


@pytest.mark.campaign
async def test_b12_for_10_000_people(opened: str) -> None:
    await agree(400, 10_000)


@pytest.mark.both_engines(everyday=False)
async def test_a_dry_run_names_no_person(town: City) -> None:
    admin, path = administrator(town), "/v1/admin/benefits/library-deposit/versions/1/dry-run"
    poor = (await admin.post(path, {"points": {"green_living": 10}})).json()
    assert poor["applies"] is False
    assert poor["terms"] == poor["baseline"]
    assert [line["met"] for line in poor["conditions"]].count(False) >= 1
    rich = (await admin.post(path, {"points": {"green_living": 100, "social_responsibility": 100}})).json()
    assert rich["applies"] is True
    assert rich["terms"]["deposit_fen"] < rich["baseline"]["deposit_fen"]
    assert (await admin.post(path, {"points": {"green_living": -1}})).status_code == 422
    assert (await admin.post(path, {"points": {"honesty": 1}})).status_code == 422
    assert (await admin.post(path, {"subject": "wang"})).status_code == 422


@pytest.mark.both_engines(everyday=False)
async def test_a_simulation_that_is_not_possible_is_refused(town: City) -> None:
    admin = administrator(town)
    assert (await admin.post("/v1/admin/services/book-loan/versions/1/simulate")).status_code == 404
    assert (await admin.post("/v1/admin/benefits/nobody/versions/1/simulate")).status_code == 404
    await admin.post("/v1/admin/benefits", benefit_document(benefit_id="odd", condition={"not": {"measure": "total"}}))
    assert (await admin.post("/v1/admin/benefits/odd/versions/1/simulate")).status_code == 409
    text = json.dumps((await admin.get("/v1/admin/benefits/odd")).json())
    assert "not" in text


async def objected(town: City, count: int) -> None:
    await queries.execute_many(
        "INSERT INTO objection (objection_id, person_id, source_id, reason_code, state, opened_at, decide_by,"
        " sealed_statement) VALUES ($1, $1, 'green-travel', 'not_mine', 'open', 1, 20300101, $2)",
        [(f"o-{number}-{count}", b"") for number in range(count)],
    )


async def test_before_any_scheme_there_is_nothing_to_simulate(town: City) -> None:
    path = await drafted(town, "early", 10)
    await queries.execute("UPDATE document SET state = 'draft', in_force_from = NULL WHERE kind = 'schemes'")
    version = (await administrator(town).get("/v1/admin/schemes")).json()["data"][0]["id"]
    for refused in (path, f"/v1/admin/schemes/{version}/versions/1/simulate"):
        answer = await administrator(town).post(refused)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_released_figures_are_frozen_and_never_small(town: City) -> None:
    monday = await town.today() - timedelta(days=(await town.today()).weekday())
    last_week = queries.to_day_number(monday - timedelta(days=3))

    async def redeemed(benefit_id: str, count: int) -> None:
        await queries.execute_many(
            "INSERT INTO redemption (redemption_id, handle_index, venue_id, benefit_id, benefit_version, day, hour,"
            " state, runs_until) VALUES ($1, $1, 'v', $2, 1, $3, 10, 'redeemed', $3)",
            [(f"{benefit_id}-{number}-{count}", benefit_id, last_week) for number in range(count)],
        )

    await add_people_with_rides(town, 400)
    await redeemed("library-deposit", 3_000)
    await redeemed("market-gift", 2_000)
    await objected(town, 900)
    first = (await town.client.get("/v1/public/statistics")).json()
    assert first["last_day"] == (monday - timedelta(days=1)).isoformat()
    # Noise above 20 times its scale comes once in 500 million counts.
    assert abs(first["redemptions"]["library"] - 3_000) < 1_500
    assert abs(first["redemptions"]["shopping"] - 2_000) < 1_500
    assert all(count is None or count % 10 == 0 for count in first["redemptions"].values())
    assert (first["give_or_take"]["redemptions"], first["too_few_people"]) == (210, False)
    # The sum of a division's eleven noisy counts is further from the truth than one of them.
    sums = first["give_or_take_of_sums"]
    assert sums["scenes"]["library"] == 210
    assert sums["divisions"]["2101"] == sums["total"] > 600
    path, officer = "/v1/admin/statistics", town.actor(Audience.PRIVACY, "officer", staff_id="officer-1")
    by_benefit = (await administrator(town).get(path)).json()
    assert by_benefit["last_day"] == first["last_day"]
    assert list(first["redemptions_by_division"]) == ["2101"]
    assert by_benefit["give_or_take"] == 210
    # By benefit, a scene that is left out takes its benefits with it.
    for scene, counts in by_benefit["redemptions"].items():
        assert first["redemptions"][scene] is not None or set(counts.values()) <= {None}
    objections = (await officer.get("/v1/privacy/statistics")).json()
    about = {(row["source_id"], row["reason_code"], row["state"]): row["count"] for row in objections["data"]}
    assert abs(about["green-travel", "not_mine", "open"] - 900) < 600
    await redeemed("bike-deposit", 500)
    await objected(town, 60)
    assert (await administrator(town).get(path)).json() == by_benefit
    assert (await officer.get("/v1/privacy/statistics")).json() == objections
    assert (await town.client.get("/v1/public/statistics")).json() == first
    spent = (await town.client.get("/v1/public/privacy-budget")).json()
    assert {row["kind"]: row["spent_milli_epsilon"] for row in spent["by_kind"] if row["spent_milli_epsilon"]} == {
        "population": 150, "redemptions": 100, "live_consents": 50, "objections": 100, "complaints": 50,
    }  # fmt: skip
    town.shift.by = timedelta(days=7)
    assert (await town.client.get("/v1/public/statistics")).json() != first


async def test_a_person_with_many_consents_or_objections_counts_as_few(town: City) -> None:
    """The counts bound what one person adds, or their noise would hide less than is promised."""
    at = await town.app_context.clock()
    (person, *_) = await add_people_with_rides(town, 1)
    before = (await live.count_by_purpose(at)).cells["points.compute"]
    given, expires = queries.to_micros(at - timedelta(days=1)), queries.to_micros(at + timedelta(days=300))
    await queries.execute_many(
        "INSERT INTO consent (person_id, consent_id, purpose, counterpart, notice_id, notice_version, notice_sha256,"
        " state, given_at, expires_at) VALUES ($1, $2, 'points.compute', $2, 'n', 1, 'h', 'given', $3, $4)",
        [(person, f"{number:032x}", given, expires) for number in range(30)],
    )
    assert (await live.count_by_purpose(at)).cells["points.compute"] == before + 4
    zone = town.app_context.settings.city_zone
    counts = await people_counts.count_consents(ConsentFilters(), await town.today(), zone, at)
    # Three of the thirty-one, each in the cell of its state and in that of its day and state.
    others = await queries.fetch_one(
        "SELECT sum(CASE WHEN consents > 3 THEN 3 ELSE consents END) AS counted FROM"
        " (SELECT count(*) AS consents FROM consent GROUP BY person_id) of_person"
    )
    assert others is not None
    assert sum(counts.cells.values()) == 2 * others["counted"]
    assert sum(counts.cells[state] for state in State) == others["counted"]
    assert len(counts.cells) == 367 * 5
    await queries.execute_many(
        "INSERT INTO objection (objection_id, person_id, source_id, reason_code, state, opened_at, decide_by,"
        " sealed_statement) VALUES ($1, 'p', 'gone-source', 'not_mine', 'open', 1, 20300101, $2)",
        [(f"many-{number}", b"") for number in range(30)],
    )
    objections = await people_counts.count_objections(["green-travel"])
    assert objections.cells["|not_mine|open"] == 3
    assert sum(objections.cells.values()) == 3
