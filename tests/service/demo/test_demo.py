"""The demonstration city: real rides, a benefit in every scene, somebody for whom each applies and somebody not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from benefits.catalogue import in_force
from benefits.rules.vocabulary import Scene
from benefits.scoring import points, scheme
from benefits.scoring.scheme import Scheme, Timeline
from consent.database import queries
from consent.domain.document_kinds import DocumentKind
from consent.domain.records import Record, RecordKind, Released
from service.auth.access_tokens import Audience
from service.demo import seed
from service.storage import database
from tests.support.city import City
from tests.support.seeding import seed_database

pytestmark = pytest.mark.anyio

RESIDENTS = [f"resident-{number}" for number in range(1, 13)]


async def test_every_scene_has_a_benefit_that_applies_to_some_and_not_to_all(shared_city: City) -> None:
    applies: dict[str, set[bool]] = {}
    scenes = set()
    for subject in RESIDENTS:
        for benefit in (await shared_city.resident(subject).get("/v1/me/benefits?limit=200")).json()["data"]:
            applies.setdefault(benefit["benefit_id"], set()).add(benefit["applies"])
            scenes.add(benefit["scene"])
            assert benefit["venues"], benefit["benefit_id"]
    assert scenes == set(Scene)
    assert {benefit for benefit, seen in applies.items() if True not in seen} == set()
    assert applies["library-deposit"] == applies["checkup-window"] == {True, False}


async def test_the_deeds_that_bring_them_there_are_of_one_finished_year(shared_city: City) -> None:
    rows = await queries.fetch_all("SELECT DISTINCT occurred_on / 10000 AS year FROM record")
    assert [row["year"] for row in rows] == [await shared_city.last_year()]


@pytest.mark.slow
async def test_a_city_founded_in_the_year_of_a_second_scheme_has_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scheme.shipped()[0]
    this_year = datetime.now(UTC).year
    both = [{**first, "from_year": this_year - 1}, {**first, "from_year": this_year, "version": f"{this_year}.2"}]
    monkeypatch.setattr(scheme, "shipped", lambda: both)
    settings = seed.settings_of(tmp_path)
    await seed_database(settings)
    await database.open_database(settings.database_url)
    try:
        timeline = await in_force.timeline(await queries.now())
    finally:
        await database.close_database()
    assert [version.from_year for version in timeline.schemes] == [this_year - 1, this_year]


async def test_what_the_contract_pins_is_there(shared_city: City) -> None:
    public = {
        benefit["benefit_id"]: benefit
        for benefit in (await shared_city.client.get("/v1/public/benefits?limit=200")).json()["data"]
    }
    library, parking, checkup = (public[name] for name in ("library-deposit", "parking-free-minutes", "checkup-window"))
    assert library["condition"] == {"measure": "total", "at_least": 60}
    assert (library["effect"], library["baseline"]["deposit_fen"]) == (
        {"kind": "deposit_waiver", "up_to_fen": 10_000},
        10_000,
    )
    assert (library["baseline"]["period_days"], library["baseline"]["items"]) == (30, 5)
    assert parking["condition"] == {
        "any": [{"measure": "total", "at_least": 100}, {"measure": "green_living", "at_least": 50}]
    }
    assert (parking["effect"], parking["baseline"]["free_minutes"]) == ({"kind": "free_minutes", "minutes": 30}, 15)
    assert checkup["condition"] == {
        "all": [{"measure": "total", "at_least": 120}, {"measure": "social_responsibility", "at_least": 20}]
    }
    assert (checkup["effect"], checkup["baseline"]["capacity"]) == ({"kind": "extra_window", "extra_capacity": 20}, 200)
    sources = {
        source["source_id"]: source for source in (await shared_city.client.get("/v1/public/sources")).json()["data"]
    }
    assert {name: set(source["kinds"]) for name, source in sources.items()} == {
        "green-travel": {"bike_trip", "transit_trip"},
        "volunteer-service": {"volunteer_minutes", "tree_planted"},
        "civic-life": {"community_meeting", "eco_course", "green_shop_month"},
    }


async def test_scenes_and_divisions_choose_public_benefits(shared_city: City) -> None:
    async def chosen(query: str) -> set[str]:
        answer = await shared_city.client.get(f"/v1/public/benefits?limit=200&{query}")
        return {benefit["benefit_id"] for benefit in answer.json()["data"]}

    everything = await chosen("")
    library = await chosen("scene=library")
    assert "library-deposit" in library
    assert "parking-free-minutes" in everything - library
    assert await chosen("division=21") == await chosen("division=2101") == everything
    assert await chosen("division=4403") == set()
    assert (await shared_city.client.get("/v1/public/benefits?scene=nothing")).status_code == 400


async def test_every_demonstration_document_went_through_its_lifecycle(shared_city: City) -> None:
    """Every document was drafted, submitted and approved by two; every consent and link has its event."""
    for kind in DocumentKind:
        rows = await queries.fetch_all(
            "SELECT document_id, version FROM document WHERE kind = $1 AND state != 'draft'", kind
        )
        assert rows or kind is DocumentKind.ISSUERS, kind  # a single city recognises no other
        for row in rows:
            steps = await queries.fetch_all(
                "SELECT act, staff_id FROM document_step WHERE kind = $1 AND document_id = $2 ORDER BY number",
                kind,
                row["document_id"],
            )
            acts = {step["act"]: step["staff_id"] for step in steps}
            assert acts["draft"] != acts["approve"]
            assert set(acts) >= {"draft", "submit", "approve"}
    counts = await queries.fetch_one(
        "SELECT (SELECT count(*) FROM consent) AS consents,"
        " (SELECT count(*) FROM event WHERE kind = 'consent.given') AS given,"
        " (SELECT count(*) FROM outbox) AS leaves, (SELECT count(*) FROM event) AS events"
    )
    assert counts is not None
    assert counts["consents"] == counts["given"] > 0
    assert counts["leaves"] >= counts["events"]


async def test_seeding_a_seeded_city_changes_nothing(shared_city: City) -> None:
    assert await seed.seed(shared_city.app_context) is False


async def test_a_draft_waits_that_is_refused_for_one_clear_reason(shared_city: City) -> None:
    draft = (
        await shared_city.actor(Audience.ADMINISTRATOR, "admin-1").get("/v1/admin/benefits/checkup-half-price")
    ).json()
    assert draft["state"] == "draft"
    refused = await shared_city.actor(Audience.ADMINISTRATOR, "admin-1").post(
        "/v1/admin/benefits/findings", draft["document"]
    )
    (only,) = refused.json()["findings"]
    assert (only["rule"], only["severity"], only["pointer"]) == ("R3", "refused", "/effect/percent")


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 11, 26), date(2027, 12, 31), date(2028, 2, 29)])
def test_one_resident_has_63_points_whatever_the_day_the_city_begins(today: date) -> None:
    (resident_9,) = [resident for resident in seed.documents("residents") if resident["subject"] == "resident-9"]
    year = today.year - 1
    deeds = [
        Record(
            f"{source_id}.{number}",
            source_id,
            RecordKind(row["kind"]),
            row["quantity"],
            date.fromisoformat(f"{year}-{row['day']}"),
        )
        for source_id, rows in resident_9["records"].items()
        for number, row in enumerate(rows)
    ]
    deeds += [
        Record(
            ride.record_id, "green-travel", RecordKind(ride.kind), ride.quantity, date.fromisoformat(ride.occurred_on)
        )
        for ride in seed.rides_by_bike(year)[resident_9["accounts"]["green-travel"]]
    ]
    timeline = Timeline(tuple(Scheme.from_document(document) for document in scheme.shipped()))
    assert points.compute(Released("p", "points.compute", 1, tuple(deeds)), timeline, today).total == 63


async def test_an_officer_read_every_name_and_baseline_and_no_benefit(shared_city: City) -> None:
    rows = await queries.fetch_all(
        "SELECT DISTINCT kind, document_id, staff_id FROM document_step WHERE act = 'review'"
    )
    assert {row["staff_id"] for row in rows} == {seed.OFFICER}
    read = {(row["kind"], row["document_id"]) for row in rows}
    for kind in (DocumentKind.PROVIDERS, DocumentKind.VENUES, DocumentKind.SOURCES, DocumentKind.SERVICES):
        documents = seed.documents(kind)
        assert {(kind, document[f"{kind[:-1]}_id"]) for document in documents} <= read, kind
    assert DocumentKind.BENEFITS not in {kind for kind, _ in read}
