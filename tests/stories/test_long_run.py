"""Years in a city within seconds: consents given, renewed, withdrawn and expired, records, quotas, messages, cleanup.

The application runs on a clock that is moved ten days at a time. Each simulated month its state is compared with a
calculator and a calendar that share no code with it.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from consent.database import queries
from consent.transparency import sequencer
from consent.transparency.logs import Log
from consent.verification import logs, retention
from service.jobs import background
from tests.benefits.scoring.recount import Deed, recount
from tests.support.city import City, Resident, record

pytestmark = [pytest.mark.anyio]

STEP = timedelta(days=10)
NOON_UTC = 4
"""Hour of the day at which it is noon in the city."""
SOURCES = {"green-travel": ("bike_trip", 20), "volunteer-service": ("volunteer_minutes", 900)}
BENEFIT = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
"""60 points in total, once a day for each resident, until the end of 2028."""
LAST_DAY = date(2028, 12, 31)
NEEDED = 60
RENEW = timedelta(days=90)
CHECKS = (
    retention.PRESENTATIONS,
    retention.LINK_CODES,
    retention.EXPIRED_CONSENTS,
    retention.LATE_LEAVES,
    retention.UNCOVERED_RECORDS,
    retention.UNCOVERED_USES,
)


@dataclass
class Grant:
    """A consent as the resident was told: its end by the calendar, and how it ended otherwise."""

    consent_id: str
    counterpart: str
    until: datetime
    state: str = "given"


@dataclass
class Life:
    """A resident, their consents in order, and the deeds that are stored under the live ones."""

    who: Resident
    name: str
    grants: list[Grant] = field(default_factory=list)
    deeds: dict[str, list[Deed]] = field(default_factory=dict)
    redeemed: int = 0

    def live(self, counterpart: str) -> Grant | None:
        """Return the given consent for a counterpart."""
        return next((g for g in self.grants if g.counterpart == counterpart and g.state == "given"), None)

    def pass_time(self, now: datetime) -> None:
        """End what has reached its end; deeds go with it."""
        for grant in self.grants:
            if grant.state == "given" and grant.until <= now:
                grant.state = "expired"
                self.deeds.pop(grant.counterpart, None)

    def points(self, today: date) -> int:
        """Return the total of a day."""
        return sum(recount([deed for deeds in self.deeds.values() for deed in deeds], today).values())


class Years:
    """A city whose residents act by chance while its clock is moved."""

    def __init__(self, town: City, chance: random.Random, people: int) -> None:
        self.town, self.chance = town, chance
        self.lives = [Life(town.resident(f"long-{number}"), f"long-{number}") for number in range(people)]
        self.records = 0

    async def month(self) -> None:
        """Let three steps of ten days pass, with acts in each, and compare everything."""
        for _ in range(3):
            self.town.shift.by += STEP
            now = await self.town.app_context.clock()
            for life in self.lives:
                life.pass_time(now)
                await self._act(life, now)
            await background.run_cleanup(self.town.app_context)
            await background.advance_logs(self.town.app_context)
        for life in self.lives:
            await self._compare(life)
        await self._compare_city()

    async def _act(self, life: Life, now: datetime) -> None:
        today = self.town.app_context.day_of(now)
        for source, (kind, most) in SOURCES.items():
            grant = life.live(source)
            renewable = grant is not None and grant.until - now <= RENEW
            if (grant is None and self.chance.random() < 0.5) or (renewable and self.chance.random() < 0.4):
                await self._consent(life, {"purpose": "points.compute", "source_id": source}, source)
            elif grant is not None and self.chance.random() < 0.02:
                await self._withdraw(life, grant)
            if life.live(source) and self.chance.random() < 0.7:
                await self._deliver(life, source, kind, most, today)
        if life.live("city-library") is None and self.chance.random() < 0.5:
            await self._consent(life, {"purpose": "benefit.check", "provider_id": "city-library"}, "city-library")
        await self._redeem(life, today)

    async def _consent(self, life: Life, body: dict[str, str], counterpart: str) -> None:
        account = {"account": f"{counterpart}-{life.name}"} if body["purpose"] == "points.compute" else {}
        shown = await life.who.request_notice(**body, **account)
        answer = await life.who.post("/v1/me/consents", {"ticket": shown["ticket"]})
        assert answer.status_code == 201, answer.text
        given = answer.json()
        if given.get("link"):
            confirmation = {"code": given["link"]["code"], **account}
            confirmed = await self.town.source(counterpart).post("/v1/source/links/confirm", confirmation)
            assert confirmed.status_code == 200, confirmed.text
        if previous := life.live(counterpart):
            previous.state = "terminated"
        life.grants.append(Grant(given["consent_id"], counterpart, datetime.fromisoformat(given["expires_at"])))

    async def _withdraw(self, life: Life, grant: Grant) -> None:
        answer = await life.who.post(f"/v1/me/consents/{grant.consent_id}/withdraw")
        assert answer.json()["state"] == "withdrawn", answer.text
        grant.state = "withdrawn"
        life.deeds.pop(grant.counterpart, None)

    async def _deliver(self, life: Life, source: str, kind: str, most: int, today: date) -> None:
        self.records += 1
        name, day = f"d-{self.records}", today - timedelta(days=self.chance.randint(0, 40))
        row = record(name, f"{source}-{life.name}", kind, self.chance.randint(1, most), day.isoformat())
        done = await self.town.source(source).deliver(row)
        assert done["accepted"] == 1, done
        life.deeds.setdefault(source, []).append((name, kind, row["quantity"], day))

    async def _redeem(self, life: Life, today: date) -> None:
        """Redeem twice in a row: once where points suffice and a consent lives, never twice a day."""
        applies = life.points(today) >= NEEDED and life.live("city-library") is not None and today <= LAST_DAY
        for expected in (applies, False):
            issued = await life.who.post("/v1/me/tickets", BENEFIT)
            assert (issued.status_code == 201) == expected, (issued.text, life.points(today), today)
            if expected:
                redemption = {"handle": issued.json()["handle"]}
                answer = await self.town.venue().post("/v1/venue/redemptions", redemption)
                assert answer.json()["applies"], answer.text
                life.redeemed += 1

    async def _compare(self, life: Life) -> None:
        now = await self.town.app_context.clock()
        assert await life.who.total() == life.points(self.town.app_context.day_of(now)), life.name
        stored: dict[str, str] = {}
        cursor = ""
        while True:
            page = (await life.who.get(f"/v1/me/consents?limit=200{cursor}")).json()
            stored |= {consent["consent_id"]: consent["state"] for consent in page["data"]}
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert stored == {grant.consent_id: grant.state for grant in life.grants}, life.name
        await self._compare_messages(life, now)

    async def _compare_messages(self, life: Life, now: datetime) -> None:
        """Require each reminder once, and no two messages about the points that expire on a day."""
        messages = []
        cursor = ""
        while True:
            page = (await life.who.get(f"/v1/me/messages?limit=200{cursor}")).json()
            messages += page["data"]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        announced = Counter(
            (
                message["kind"],
                message["facts"].get("counterpart"),
                message["facts"]["expires_on"],
                message["facts"]["days"],
            )
            for message in messages
            if message["kind"] in ("consent_ending", "points_expiring")
        )
        assert set(announced.values()) <= {1}, [key for key, times in announced.items() if times > 1]
        for grant in life.grants:
            for days in (90, 30, 7):
                # Ten days pass at a time: a reminder comes within a step, and may be overtaken by the next one.
                if grant.state == "given" and timedelta(days=days - 10) > grant.until - now > timedelta(days=days - 20):
                    reminded = [key for key in announced if key[:2] == ("consent_ending", grant.counterpart)]
                    assert (grant.until.date().isoformat(), days) in {key[2:] for key in reminded}, (days, grant)

    async def _compare_city(self) -> None:
        now = await self.town.app_context.clock()
        for check in CHECKS:
            assert await check.count(queries.to_micros(now - check.age)) == 0, check.name
        for log in Log:
            assert (await sequencer.head(log)).frozen is None
        old = queries.to_micros(now - timedelta(days=3))
        for table, column in (("ticket", "issued_at"), ("stored_answer", "created_at")):
            row = await queries.fetch_one(f"SELECT count(*) AS rows FROM {table} WHERE {column} < $1", old)
            assert row == {"rows": 0}, f"{table} is not cleaned up"
        counters = await queries.fetch_all("SELECT taken, ends_on FROM quota_use")
        assert all(0 <= counter["taken"] <= 1 for counter in counters)
        ended = queries.to_day_number(self.town.app_context.day_of(now) - timedelta(days=15))
        assert all(counter["ends_on"] >= ended for counter in counters)


async def simulated(town: City, months: int, people: int, verify_each: int, begin: date | None = None) -> None:
    """Let months pass, from tomorrow or `begin` on; verify logs, chains and sealed fields after so many of them."""
    # At noon, so that no civil day ends between two calls.
    now = datetime.now(UTC)
    begin = max(now.date() + timedelta(days=1), begin or date.min)
    town.shift.by = datetime.combine(begin, now.time().replace(hour=NOON_UTC), UTC) - now
    years = Years(town, random.Random(2026), people)
    settings = town.app_context.settings
    for month in range(1, months + 1):
        await years.month()
        if month % verify_each == 0 or month == months:
            reports = await logs.check_all(settings.keyring, settings.publisher)
            assert {name: report.fault for name, report in reports.items() if report.fault} == {}
    states = {grant.state for life in years.lives for grant in life.grants}
    assert {"given", "expired", "terminated"} <= states
    assert sum(life.redeemed for life in years.lives) > months


async def test_fifteen_months_and_the_end_of_a_benefit(town: City) -> None:
    await simulated(town, months=15, people=2, verify_each=12, begin=LAST_DAY - timedelta(days=400))


@pytest.mark.campaign
async def test_twelve_years_in_a_city(town: City) -> None:
    await simulated(town, months=144, people=12, verify_each=12)
