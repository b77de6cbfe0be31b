"""Lifecycle of consents over HTTP against a small model: the same state after any order of acts.

Two residents want the same accounts at the same source; time passes, the sweeper runs or does not.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from service.jobs import background
from service.settings import Settings
from tests.strategies import SUPPRESSED_HEALTH_CHECKS
from tests.support import city
from tests.support.city import City, Resident, record
from tests.support.health_checks import patient_health_checks

pytestmark = pytest.mark.both_engines

SOURCE, PROVIDER = "green-travel", "city-library"
PEOPLE, ACCOUNTS = st.sampled_from(["ann", "bo"]), st.sampled_from(["x", "y"])
RENEWABLE = timedelta(days=90)
Result = TypeVar("Result")
numbers = itertools.count()


@dataclass
class Consent:
    """A consent in the model."""

    person: str
    counterpart: str
    state: str
    given_at: datetime
    expires_at: datetime
    account: str | None = None
    linked: bool = False
    records: set[str] = field(default_factory=set)

    def state_at(self, at: datetime) -> str:
        return "expired" if self.state == "given" and at >= self.expires_at else self.state


class Lives(RuleBasedStateMachine):
    """Everything that people, a source and time can do to consents."""

    town: City
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"life{next(numbers)}"
        self.consents: dict[str, Consent] = {}
        self.codes: list[tuple[str, str, str, datetime]] = []
        self.town.shift.by = timedelta(0)

    def run_async(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    def who(self, person: str) -> Resident:
        return self.town.resident(f"{self.prefix}-{person}")

    def account(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def now(self) -> datetime:
        return self.run_async(self.town.shift())

    def live(self, person: str | None, counterpart: str) -> dict[str, Consent]:
        now = self.now()
        return {
            key: consent
            for key, consent in self.consents.items()
            if person in (None, consent.person)
            and consent.counterpart == counterpart
            and consent.state_at(now) == "given"
        }

    def holder(self, account: str) -> str | None:
        """Return the person with the account's link in the source's table: an expired link stays until the cleanup."""
        for consent in self.consents.values():
            if consent.account == account and consent.linked and consent.state == "given":
                return consent.person
        return None

    def end(self, consent: Consent, state: str) -> None:
        consent.state, consent.linked = state, False
        consent.records.clear()

    def drop_expired(self, person: str | None = None, counterpart: str | None = None) -> None:
        now = self.now()
        for consent in self.consents.values():
            meant = person in (None, consent.person) and counterpart in (None, consent.counterpart)
            if meant and consent.state == "given" and now >= consent.expires_at:
                self.end(consent, "expired")

    @rule(person=PEOPLE, counterpart=st.sampled_from([SOURCE, SOURCE, PROVIDER]), account=ACCOUNTS, yes=st.booleans())
    def answer(self, person: str, counterpart: str, account: str, yes: bool) -> None:
        who = self.who(person)
        if counterpart == SOURCE:
            asked = {"purpose": "points.compute", "source_id": SOURCE, "account": self.account(account)}
        else:
            asked = {"purpose": "benefit.check", "provider_id": PROVIDER}
        shown = self.run_async(who.request_notice(**asked))
        path = "/v1/me/consents" if yes else "/v1/me/refusals"
        answer = self.run_async(who.post(path, {"ticket": shown["ticket"]}))
        if not yes:
            assert answer.status_code == 201, answer.text
            body = answer.json()
            at = datetime.fromisoformat(body["given_at"])
            self.consents[body["consent_id"]] = Consent(person, counterpart, "refused", at, at)
            return
        old = next(iter(self.live(person, counterpart).values()), None)
        too_early = old is not None and self.now() < old.expires_at - RENEWABLE
        elsewhere = old is not None and old.linked and old.account != account
        if too_early or elsewhere:
            assert (answer.status_code, answer.json()["code"]) == (409, "already_given")
            return
        assert answer.status_code == 201, answer.text
        self.drop_expired(person, counterpart)
        body = answer.json()
        new = Consent(
            person,
            counterpart,
            "given",
            datetime.fromisoformat(body["given_at"]),
            datetime.fromisoformat(body["expires_at"]),
            account if counterpart == SOURCE else None,
        )
        if counterpart == SOURCE:
            # A code that nobody typed dies with the consent it was made for.
            self.codes = [code for code in self.codes if code[1] != person]
            if old is not None and old.linked:
                new.linked, new.records = True, set(old.records)
                assert "link" not in body
            else:
                expires = datetime.fromisoformat(body["link"]["code_expires_at"])
                self.codes.append((body["link"]["code"], person, account, expires))
        if old is not None:
            self.end(old, "terminated")
            assert body["previous_consent_id"] in self.consents
        self.consents[body["consent_id"]] = new

    @precondition(lambda self: self.codes)
    @rule(data=st.data(), typed=ACCOUNTS)
    def confirm(self, data: st.DataObject, typed: str) -> None:
        code, person, account, expires = data.draw(st.sampled_from(self.codes))
        answer = self.run_async(
            self.town.source(SOURCE).post("/v1/source/links/confirm", {"code": code, "account": self.account(typed)})
        )
        now = self.now()
        mine = next(iter(self.live(person, SOURCE).values()), None)
        if typed != account or now >= expires or mine is None:
            assert answer.status_code == 404, answer.text
        elif self.holder(account) is not None:
            assert (answer.status_code, answer.json()["code"]) == (409, "account_linked_elsewhere")
            self.codes.remove((code, person, account, expires))
        else:
            assert answer.status_code == 200, answer.text
            self.codes.remove((code, person, account, expires))
            mine.linked = True

    @rule(account=ACCOUNTS)
    def deliver(self, account: str) -> None:
        record_id = f"{self.prefix}-{next(numbers)}"
        today = self.run_async(self.town.today()).isoformat()
        done = self.run_async(
            self.town.source(SOURCE).deliver(record(record_id, self.account(account), occurred_on=today, quantity=2))
        )
        owner = next(
            (consent for consent in self.live(None, SOURCE).values() if consent.linked and consent.account == account),
            None,
        )
        if owner is None:
            assert done["results"][0]["code"] == "not_authorised"
        else:
            assert done["accepted"] == 1
            owner.records.add(record_id)

    @precondition(lambda self: self.consents)
    @rule(data=st.data(), by=PEOPLE)
    def withdraw(self, data: st.DataObject, by: str) -> None:
        consent_id = data.draw(st.sampled_from(list(self.consents)))
        answer = self.run_async(self.who(by).post(f"/v1/me/consents/{consent_id}/withdraw"))
        consent = self.consents[consent_id]
        if consent.person != by:
            assert answer.status_code == 404
            return
        assert answer.status_code == 200, answer.text
        self.drop_expired(by, consent.counterpart)
        if consent.state == "given":
            self.end(consent, "withdrawn")
            self.codes = [code for code in self.codes if consent.counterpart != SOURCE or code[1] != by]

    @rule(person=PEOPLE)
    def withdraw_everything(self, person: str) -> None:
        live = [*self.live(person, SOURCE).values(), *self.live(person, PROVIDER).values()]
        answer = self.run_async(self.who(person).post("/v1/me/withdrawals", {"scope": "all"}))
        assert answer.json() == {"withdrawn": len(live)}
        for consent in live:
            self.end(consent, "withdrawn")
            self.codes = [code for code in self.codes if consent.counterpart != SOURCE or code[1] != person]

    @rule(person=PEOPLE)
    def erase(self, person: str) -> None:
        assert self.run_async(self.who(person).delete("/v1/me")).status_code == 200
        self.consents = {key: consent for key, consent in self.consents.items() if consent.person != person}
        self.codes = [code for code in self.codes if code[1] != person]

    @rule(by=st.sampled_from([timedelta(minutes=16), timedelta(days=20), timedelta(days=280), timedelta(days=330)]))
    def time_passes(self, by: timedelta) -> None:
        if self.town.shift.by + by < timedelta(days=700):
            self.town.shift.by += by

    @precondition(lambda self: any(consent.state == "given" for consent in self.consents.values()))
    @rule(data=st.data(), seconds=st.sampled_from([-30, 1]))
    def time_passes_to_an_end(self, data: st.DataObject, seconds: int) -> None:
        """Just before or just after a consent ends."""
        ends = sorted(consent.expires_at for consent in self.consents.values() if consent.state == "given")
        by = data.draw(st.sampled_from(ends)) - self.now() + timedelta(seconds=seconds)
        if by > timedelta(0) and self.town.shift.by + by < timedelta(days=700):
            self.town.shift.by += by

    @rule()
    def somebody_tidies_up(self) -> None:
        self.run_async(background.run_cleanup(self.town.app_context))
        self.drop_expired()

    @invariant()
    def everybody_reads_the_truth(self) -> None:
        now = self.now()
        for person in ("ann", "bo"):
            who = self.who(person)
            mine = {key: consent for key, consent in self.consents.items() if consent.person == person}
            rows = self.run_async(who.get("/v1/me/consents?limit=200")).json()["data"]
            assert {row["consent_id"]: row["state"] for row in rows} == {
                key: row.state_at(now) for key, row in mine.items()
            }
            counted = self.run_async(who.get("/v1/me/points/explanation")).json()["contributions"]
            covered = [
                consent
                for consent in mine.values()
                if consent.counterpart == SOURCE and consent.state_at(now) == "given"
            ]
            assert len(counted) == sum(len(consent.records) for consent in covered)
            benefits = self.run_async(who.get("/v1/me/benefits?limit=200")).json()["data"]
            library = next(benefit for benefit in benefits if benefit["benefit_id"] == "library-deposit")
            given = bool(self.live(person, PROVIDER))
            assert (library["consent"] == "given") is given


@contextmanager
def running_town(city_settings: Settings, folder: Path) -> Iterator[None]:
    """A town on an event loop of its own."""
    with patient_health_checks(), asyncio.Runner() as runner:
        stack = AsyncExitStack()
        Lives.runner = runner
        Lives.town = runner.run(stack.enter_async_context(city.running_city(city_settings, folder)))
        try:
            yield
        finally:
            runner.run(stack.aclose())


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
def test_consents_follow_the_model_in_any_order_of_acts(city_settings: Settings, demo_folder: Path) -> None:
    with running_town(city_settings, demo_folder):
        run_state_machine_as_test(
            Lives,
            settings=settings(
                max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=SUPPRESSED_HEALTH_CHECKS
            ),
        )


@pytest.mark.campaign
def test_consents_follow_the_model_for_long(city_settings: Settings, demo_folder: Path) -> None:
    with running_town(city_settings, demo_folder):
        run_state_machine_as_test(
            Lives,
            settings=settings(
                max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=SUPPRESSED_HEALTH_CHECKS
            ),
        )
