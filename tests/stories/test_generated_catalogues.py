"""Generated catalogues by careless staff: no publication leaves a person without points worse off.

The officer approves every review and the second administrator reads nothing: only the publication rules refuse.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from benefits.catalogue import in_force
from benefits.catalogue.model import LiveBenefit
from benefits.publishing import document_checks
from benefits.rules import conditions, effects
from benefits.rules.conditions import MEASURES, AtLeast, Condition
from benefits.rules.effects import Baseline
from benefits.rules.vocabulary import BASELINE_DAYS, CAPACITY_SHARE_PERCENT_MAX, LOWER_IS_BETTER, Attribute, EffectKind
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import Conflict, Prohibited
from service.demo import seed
from service.settings import Settings
from tests.factories import BENEFIT_DOCUMENT, SERVICE_DOCUMENT
from tests.strategies import CONDITIONS, QUOTAS, SUPPRESSED_HEALTH_CHECKS, effect_documents
from tests.support import city
from tests.support.city import City
from tests.support.health_checks import patient_health_checks

Result = TypeVar("Result")
PROVIDER = next(document for document in seed.documents("providers") if document["provider_id"] == "city-library")
numbers = itertools.count()
ATTRIBUTES = ("price_fen", "deposit_fen", "period_days", "items", "capacity")
SERVICES = st.sampled_from(("first", "first", "second"))
BENEFITS = st.sampled_from(("b1", "b2", "b3"))


class Worlds(RuleBasedStateMachine):
    """State machine of services, benefits and time, with every act that the rules permit."""

    town: City
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"world{next(numbers)}"
        self.town.shift.by = timedelta(0)
        self.baselines: dict[str, list[tuple[datetime, Baseline]]] = {}
        at, _ = self.now()
        # The baselines of earlier runs are the history of other providers.
        provider = {**copy.deepcopy(PROVIDER), "provider_id": self.prefix}
        assert self.run_async(self.publish(DocumentKind.PROVIDERS, self.prefix, provider, at))
        for name in ("first", "second"):
            self.gives_everybody(name, dict.fromkeys(ATTRIBUTES, 100))

    def run_async(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    def now(self) -> tuple[datetime, date]:
        at = self.run_async(self.town.shift())
        return at, self.town.app_context.day_of(at)

    async def publish(self, kind: DocumentKind, document_id: str, body: dict[str, Any], begins: datetime) -> bool:
        """Past everybody who could say no but the gate."""
        at = await self.town.shift()
        today = self.town.app_context.day_of(at)
        gate = partial(document_checks.check, at=at, today=today)
        async with queries.transaction():
            drafted = await lifecycle.draft(kind, document_id, body, "careless-1", at)
            try:
                submitted, _ = await lifecycle.submit(kind, document_id, drafted.version, "careless-1", at, gate)
            except Prohibited:
                return False
            if submitted.state == "in_review":
                await lifecycle.review(kind, document_id, drafted.version, "careless-officer", at)
            await document_checks.require_passed(submitted, at, today)
            approved = await lifecycle.approve(drafted, drafted.sha256, "careless-2", at, max(at, begins))
            await document_checks.suspend_refused_benefits(approved, at, today)
        return True

    def gives_everybody(self, name: str, baseline: Baseline) -> None:
        service_id = f"{self.prefix}-{name}"
        at, _ = self.now()
        body = {
            **copy.deepcopy(SERVICE_DOCUMENT),
            "service_id": service_id,
            "provider_id": self.prefix,
            "baseline": baseline,
        }
        if self.run_async(self.publish(DocumentKind.SERVICES, service_id, body, at)):
            self.baselines.setdefault(service_id, []).append((at, baseline))

    @rule(name=SERVICES, attribute=st.sampled_from(ATTRIBUTES), by=st.sampled_from((-20, 10)))
    def changes_what_everybody_gets(self, name: str, attribute: str, by: int) -> None:
        """Mostly for the better."""
        last = self.baselines[f"{self.prefix}-{name}"][-1][1]
        step = -by if attribute in LOWER_IS_BETTER else by
        self.gives_everybody(name, {**last, attribute: max(0, int(last[attribute]) + step)})

    @rule(name=BENEFITS, service=SERVICES, condition=CONDITIONS, effect=effect_documents(), quota=QUOTAS)
    def offers_at_once(
        self, name: str, service: str, condition: Condition, effect: dict[str, Any], quota: dict[str, Any] | None
    ) -> None:
        self.offers(name, service, condition, self.addition(effect, quota), 0)

    @rule(name=BENEFITS, service=SERVICES, effect=effect_documents(), quota=QUOTAS)
    def offers_for_later(self, name: str, service: str, effect: dict[str, Any], quota: dict[str, Any] | None) -> None:
        self.offers(name, service, AtLeast("total", 60), self.addition(effect, quota), 9)

    @rule(name=BENEFITS, service=SERVICES, places=st.sampled_from((1, 5, 10, 20)))
    def offers_added_places(self, name: str, service: str, places: int) -> None:
        """Mostly with a quota that fits."""
        effect = {"kind": "extra_window", "extra_capacity": places}
        quota = {"total": {"count": min(places, 10), "period": "week"}}
        self.offers(name, service, AtLeast("total", 60), self.addition(effect, quota), 0)

    def addition(self, effect: dict[str, Any], quota: dict[str, Any] | None) -> dict[str, Any]:
        return {"effect": effect} if quota is None else {"effect": effect, "quota": quota}

    def offers(self, name: str, service: str, condition: Condition, addition: dict[str, Any], days: int) -> None:
        at, today = self.now()
        body = {
            **{member: value for member, value in copy.deepcopy(BENEFIT_DOCUMENT).items() if member != "quota"},
            "benefit_id": f"{self.prefix}-{name}",
            "service_id": f"{self.prefix}-{service}",
            "condition": conditions.to_document(condition),
            **addition,
            "valid": {
                "from": (today + timedelta(days=days)).isoformat(),
                "until": (today + timedelta(days=300)).isoformat(),
            },
        }
        self.run_async(self.publish(DocumentKind.BENEFITS, body["benefit_id"], body, at + timedelta(days=days)))

    @rule()
    def start_everything_again(self) -> None:
        async def again() -> None:
            at = await self.town.shift()
            today = self.town.app_context.day_of(at)
            for row in await queries.fetch_all(
                "SELECT document_id, version FROM document WHERE kind = 'benefits' AND state = 'suspended'"
            ):
                version = await lifecycle.get(DocumentKind.BENEFITS, row["document_id"], row["version"])
                for staff_id in ("careless-1", "careless-officer"):
                    try:
                        async with queries.transaction():
                            await document_checks.resume(version, staff_id, at, today)
                    except (Prohibited, Conflict):
                        continue

        self.run_async(again())

    @rule(days=st.sampled_from((1, 10, 10, BASELINE_DAYS + 1)))
    def time_passes(self, days: int) -> None:
        if self.town.shift.by < timedelta(days=700):
            self.town.shift.by += timedelta(days=days)

    def live(self) -> list[LiveBenefit]:
        at, today = self.now()
        return [
            benefit
            for benefit in self.run_async(in_force.load(at)).benefits(today)
            if benefit.benefit_id.startswith(self.prefix)
        ]

    @invariant()
    def all_that_is_in_force_keeps_the_rules(self) -> None:
        live = self.live()
        self.points_improve_something_and_worsen_nothing(live)
        self.what_everybody_gets_did_not_pay_for_it(live)
        self.nobody_is_displaced(live)
        self.nobody_takes_a_place_of_everybody(live)
        self.no_addition_is_above_its_limit(live)
        self.more_points_never_lose_a_benefit(live)

    def points_improve_something_and_worsen_nothing(self, live: list[LiveBenefit]) -> None:
        for benefit in live:
            assert effects.dominates(
                effects.apply(benefit.effect, benefit.service["baseline"]), benefit.service["baseline"]
            )

    def what_everybody_gets_did_not_pay_for_it(self, live: list[LiveBenefit]) -> None:
        at, _ = self.now()
        for benefit in live:
            history = self.baselines[benefit.service["service_id"]]
            assert history[-1][1] == benefit.service["baseline"]
            ended = [after for after, _ in history[1:]]
            for until, (_, before) in zip(ended, history, strict=False):
                if until > at - timedelta(days=BASELINE_DAYS):
                    for attribute in Attribute:
                        step = int(benefit.service["baseline"].get(attribute, 0)) - int(before.get(attribute, 0))
                        assert step <= 0 if attribute in LOWER_IS_BETTER else step >= 0

    def nobody_is_displaced(self, live: list[LiveBenefit]) -> None:
        taken: dict[str, int] = {}
        capacities = {benefit.service["service_id"]: benefit.service["baseline"]["capacity"] for benefit in live}
        for benefit in live:
            if benefit.body["effect"]["kind"] == EffectKind.EXTRA_WINDOW:
                service_id = benefit.service["service_id"]
                taken[service_id] = taken.get(service_id, 0) + benefit.body["effect"]["extra_capacity"]
        for service_id, places in taken.items():
            assert places * 100 <= capacities[service_id] * CAPACITY_SHARE_PERCENT_MAX

    def nobody_takes_a_place_of_everybody(self, live: list[LiveBenefit]) -> None:
        for benefit in live:
            if benefit.body["effect"]["kind"] == EffectKind.EXTRA_WINDOW:
                total = benefit.body["quota"]["total"]
                assert (total["period"], total["count"] <= benefit.body["effect"]["extra_capacity"]) == ("week", True)

    def no_addition_is_above_its_limit(self, live: list[LiveBenefit]) -> None:
        for benefit in live:
            for name in effects.amount_names(type(benefit.effect)):
                assert 1 <= getattr(benefit.effect, name) <= benefit.effect.limit

    def more_points_never_lose_a_benefit(self, live: list[LiveBenefit]) -> None:
        for benefit in live:
            applied = False
            for points in range(0, 1_001, 50):
                applies = benefit.rule.applies(dict.fromkeys(MEASURES, points))
                assert applies >= applied
                applied = applies
            assert not benefit.rule.applies({})


@contextmanager
def running(city_settings: Settings, folder: Path) -> Iterator[None]:
    with patient_health_checks(), asyncio.Runner() as runner:
        stack = AsyncExitStack()
        Worlds.runner = runner
        Worlds.town = runner.run(stack.enter_async_context(city.running_city(city_settings, folder)))
        try:
            yield
        finally:
            runner.run(stack.aclose())


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
def test_no_published_world_is_worse_for_anybody(city_settings: Settings, demo_folder: Path) -> None:
    with running(city_settings, demo_folder):
        chosen = settings(
            max_examples=5, stateful_step_count=15, deadline=None, suppress_health_check=SUPPRESSED_HEALTH_CHECKS
        )
        run_state_machine_as_test(Worlds, settings=chosen)


@pytest.mark.campaign
def test_no_published_world_is_worse_for_anybody_for_long(city_settings: Settings, demo_folder: Path) -> None:
    with running(city_settings, demo_folder):
        chosen = settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=SUPPRESSED_HEALTH_CHECKS
        )
        run_state_machine_as_test(Worlds, settings=chosen)
