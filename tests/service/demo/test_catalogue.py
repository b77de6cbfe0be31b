"""The demonstration city: every file is valid, everything fits together, and what is pinned is there."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest
import yaml

from benefits.catalogue import schema
from benefits.rules import conditions, effects
from benefits.rules.vocabulary import ATTRIBUTES_OF_SERVICE, Scene, ServiceKind
from consent.documents import schema as documents_schema
from consent.documents.schema import NOTHING_IS_LOST, NoticeDocument

KINDS = tuple(kind for kind in schema.MODELS if kind != "issuers")
"""The kinds of which a single city has documents: it recognises no other city."""
EXTRA_CAPACITY_PERCENT_MAX = 20


def city(kind: str) -> dict[str, dict[str, Any]]:
    """The city's documents of a kind, by id."""
    text = (resources.files("service.demo") / "city" / f"{kind}.yaml").read_text(encoding="utf-8")
    documents = {document[schema.ID_MEMBER[kind]]: document for document in yaml.safe_load(text)}
    assert len(documents) == len(yaml.safe_load(text)), "an id is used twice"
    return documents


@pytest.mark.parametrize("kind", KINDS)
def test_every_document_is_valid_and_reads_back_the_same(kind: str) -> None:
    for document in city(kind).values():
        assert documents_schema.to_document(schema.read(kind, document)) == document


def test_everything_that_is_referred_to_exists() -> None:
    providers, services = city("providers"), city("services")
    assert {venue["provider_id"] for venue in city("venues").values()} == set(providers)
    assert {service["provider_id"] for service in services.values()} == set(providers)
    assert {benefit["service_id"] for benefit in city("benefits").values()} == set(services)
    for venue in (*city("venues").values(), *city("sources").values()):
        assert venue["client_id"] == venue.get("venue_id", venue.get("source_id"))


def test_every_scene_has_a_benefit() -> None:
    assert {benefit["scene"] for benefit in city("benefits").values()} == set(Scene)


def test_every_baseline_is_full_and_every_effect_improves_it() -> None:
    services = city("services")
    for service in services.values():
        assert set(service["baseline"]) >= ATTRIBUTES_OF_SERVICE[ServiceKind(service["kind"])], service["service_id"]
    for benefit in city("benefits").values():
        baseline = services[benefit["service_id"]]["baseline"]
        effect = effects.parse(benefit["effect"])
        assert effect.attribute in baseline, benefit["benefit_id"]
        assert effects.improves(effect, baseline), benefit["benefit_id"]
        if isinstance(effect, effects.ExtraWindow):
            assert effect.extra_capacity * 100 <= baseline["capacity"] * EXTRA_CAPACITY_PERCENT_MAX


def test_every_benefit_is_valid_now_and_assessed() -> None:
    benefits = city("benefits").values()
    assert all(benefit["valid"] == {"from": "2026-01-01", "until": "2028-12-31"} for benefit in benefits)
    assessed = [benefit["assessment_id"] for benefit in benefits]
    assessed += [source["onboarding"]["assessment_id"] for source in city("sources").values()]
    assert len(set(assessed)) == len(assessed)


@pytest.mark.parametrize(
    ("provider_id", "venue_id", "benefit_id", "condition", "effect"),
    [
        (
            "city-library",
            "city-library-main",
            "library-deposit",
            {"measure": "total", "at_least": 60},
            {"kind": "deposit_waiver", "up_to_fen": 10_000},
        ),
        (
            "riverside-parking",
            "riverside-parking-1",
            "parking-free-minutes",
            {"any": [{"measure": "total", "at_least": 100}, {"measure": "green_living", "at_least": 50}]},
            {"kind": "free_minutes", "minutes": 30},
        ),
        (
            "second-hospital",
            "second-hospital-desk",
            "checkup-window",
            {"all": [{"measure": "total", "at_least": 120}, {"measure": "social_responsibility", "at_least": 20}]},
            {"kind": "extra_window", "extra_capacity": 20},
        ),
    ],
)
def test_what_is_pinned(provider_id: str, venue_id: str, benefit_id: str, condition: Any, effect: Any) -> None:
    benefit = city("benefits")[benefit_id]
    assert city("venues")[venue_id]["provider_id"] == provider_id
    assert city("services")[benefit["service_id"]]["provider_id"] == provider_id
    assert conditions.parse(benefit["condition"]) == conditions.parse(condition)
    assert benefit["effect"] == effect


def test_what_is_pinned_of_services_and_sources() -> None:
    services = city("services")
    assert services["book-loan"]["baseline"] == {"price_fen": 0, "deposit_fen": 10_000, "period_days": 30, "items": 5}
    assert services["car-parking"]["baseline"]["free_minutes"] == 15
    assert (services["checkup"]["kind"], services["checkup"]["baseline"]["capacity"]) == ("elective_checkup", 200)
    assert city("benefits")["library-deposit"]["quota"] == {"per_resident": {"count": 1, "period": "day"}}
    assert {name: source["kinds"] for name, source in city("sources").items()} == {
        "green-travel": ["bike_trip", "transit_trip"],
        "volunteer-service": ["volunteer_minutes", "tree_planted"],
        "civic-life": ["community_meeting", "eco_course", "green_shop_month"],
    }


@pytest.mark.parametrize(
    ("notice_id", "purpose"), [("points-compute", "points.compute"), ("benefit-check", "benefit.check")]
)
def test_the_notices_name_the_counterpart_and_cost_nothing(notice_id: str, purpose: str) -> None:
    notice = documents_schema.parse_document(NoticeDocument, city("notices")[notice_id])
    assert notice.purpose == purpose
    for language, name in (("zh-CN", "市图书馆"), ("en", "City Library")):
        shown = documents_schema.render_notice_text(notice, "zh-CN" if language == "zh-CN" else "en", name)
        assert shown.count(name) >= 4
        assert NOTHING_IS_LOST[language] in shown
        assert "{" not in shown
