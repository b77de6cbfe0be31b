"""The starter catalogue of `credit-easy init`, from an empty database to the first redemption."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.auth.access_tokens import Audience
from service.demo import seed
from service.deployment import city_folder
from service.deployment.identity_provider_metadata import guess_identity_provider
from service.deployment.plan import CityPlan, plan_database
from service.storage import database
from tests.factories import administrator
from tests.support import city, new_city

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def starter_catalogue(folder: Path, year: int) -> str:
    """Return the text that `init` writes for a city of division 2101 in a year."""
    plan = CityPlan(
        folder, "city.example", plan_database(None), guess_identity_provider(None), "/bin/true", year, "2101"
    )
    city_folder.write_city_folder(plan)
    return (folder / "starter-catalogue.yaml").read_text(encoding="utf-8")


async def test_the_starter_catalogue_passes_the_rules_and_ends_in_a_redemption(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path / 'city.sqlite3'}"
    await database.open_database(url)
    await database.migrate_all()
    await database.close_database()
    settings = replace(seed.settings_of(tmp_path / "keys"), database_url=url)
    async with city.running_city(settings, tmp_path / "keys") as town:
        year = (await town.today()).year
        text = starter_catalogue(tmp_path / "city", year)
        assert "{{" not in text
        officer = town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1")
        states = await new_city.publish_catalogue(
            new_city.Staff(administrator(town), officer, administrator(town, 2)), text
        )
        assert states["benefits/library-deposit"] == "submitted", "closed sentences need no reading"
        assert states["notices/points-compute"] == states["sources/volunteer-service"] == "in_review"
        answer = await new_city.redeem_first(
            town.resident("first-resident"), town.source("volunteer-service"), town.venue(), year - 1
        )
        assert answer["applies"] is True


def test_the_division_is_marked_where_nobody_named_it(tmp_path: Path) -> None:
    year = datetime.now(UTC).year
    assert "FILL IN: the city's division code" not in starter_catalogue(tmp_path / "named", year)
    plan = CityPlan(
        tmp_path / "city", "city.example", plan_database(None), guess_identity_provider(None), "/bin/true", year
    )
    city_folder.write_city_folder(plan)
    assert "FILL IN: the city's division code" in (tmp_path / "city" / "starter-catalogue.yaml").read_text()
