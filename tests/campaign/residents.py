"""Residents with their sources and venues as clients: each chooses its acts by a random number generator of its own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from service.auth.access_tokens import Audience
from tests.campaign.calls import Caller
from tests.campaign.expected import Expected, Redeemed
from tests.support.city import record

SOURCES = {"green-travel": ("bike_trip", 200), "volunteer-service": ("volunteer_minutes", 12_000)}
"""Sources that residents link, with a record that alone reaches a cap, so that points suffice for every benefit."""
BENEFITS = (
    ("library-deposit", "city-library-main", "city-library"),
    ("parking-free-minutes", "riverside-parking-1", "riverside-parking"),
    ("checkup-window", "second-hospital-desk", "second-hospital"),
    ("park-tour-discount", "forest-park-gate", "forest-park"),
    ("bike-deposit", "city-bikes-kiosk", "city-bikes"),
)
"""(benefit, venue, provider): once a day, without a quota, 20 a week for all, twice a week, once a day."""
VENUES = tuple(venue for _, venue, _ in BENEFITS)
FIRST_YEAR = 2025
"""Year of the records."""


class Violation(Exception):
    """An answer that contradicts what was acknowledged before."""


def require(condition: bool, message: str) -> None:
    """Raise Violation unless a condition holds."""
    if not condition:
        raise Violation(message)


class ResidentClient:
    """One resident and the sources and venues that serve them; acts one after another."""

    def __init__(self, caller: Caller, redeemed: Redeemed, subject: str, chance: random.Random) -> None:
        self.caller, self.redeemed, self.subject, self.chance = caller, redeemed, subject, chance
        self.me = (Audience.RESIDENT, subject)
        self.expected = Expected()
        self.numbers = self.lives = 0
        self.stopping = False
        self.clock_moves = False
        """True while codes may have expired and consents may lie ahead of the service's clock."""
        self.sources = SOURCES
        self.begun: dict[str, list[dict[str, Any]]] = {}
        """By source: records that were sent by a client that did not wait for the answer."""
        self.next_acts: list[str] = []
        """Acts to come before those that are chosen, by the name of their method."""

    @property
    def planted(self) -> list[str]:
        """Values that no log line, leaf, metric or error may contain."""
        return [self.subject, *(self._account(source) for source in SOURCES), f"{self.subject}.r"]

    def _account(self, source: str) -> str:
        return f"{source}-{self.subject}"

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _key(self) -> str:
        return f"{self.subject}-{self._number()}"

    async def settle_in(self) -> None:
        """Consent to both sources and every provider, with enough records for every benefit."""
        for source, (kind, quantity) in SOURCES.items():
            await self.consent_to_source(source)
            await self._deliver(source, [self.new_record(source, kind, quantity)])
        for _, _, provider in BENEFITS:
            await self.consent_to_provider(provider)

    async def run(self) -> None:
        """Act until `stopping`, and finish what is due."""
        while not self.stopping or self.next_acts:
            await self.act()

    async def act(self) -> None:
        """Choose an act and carry it out to its end."""
        if self.next_acts:
            await getattr(self, self.next_acts.pop(0))()
            return
        acts: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (8, self.deliver),
            (8, self.redeem),
            (2, self.redeem_twice),
            (2, self.race_withdrawal),
            (2, self.withdraw_source),
            (2, self.withdraw_provider),
            (1, self.withdraw_all),
            (1, self.erase),
            (2, self.object),
            (1, self.refuse),
            (2, self.reuse_key),
        ]
        (act,) = self.chance.choices([act for _, act in acts], [weight for weight, _ in acts])
        await act()

    async def consent_to_source(self, source: str, previous: str | None = None) -> None:
        """Consent to a source and prove the account; `previous` undoes a withdrawal."""
        body = {"purpose": "points.compute", "source_id": source, "account": self._account(source), "language": "en"}
        if previous is not None:
            body["previous_consent_id"] = previous
        consent = await self._consent(body)
        if consent is None:
            return
        self.expected.consents[consent["consent_id"]] = ("points.compute", source, "given")
        if consent.get("link") and not await self._confirm(source, consent["link"]["code"]):
            require(self.clock_moves, "a right code was refused")
            return
        self.expected.linked[source] = self._account(source)

    async def _confirm(self, source: str, code: str) -> bool:
        body = {"code": code, "account": self._account(source)}
        answer = await self.caller.write((Audience.SOURCE, source), "/v1/source/links/confirm", body, self._key())
        return answer.status_code == 200

    async def consent_to_provider(self, provider: str) -> None:
        """Consent to the checks of a provider."""
        consent = await self._consent({"purpose": "benefit.check", "provider_id": provider, "language": "zh-CN"})
        if consent is not None:
            self.expected.consents[consent["consent_id"]] = ("benefit.check", provider, "given")

    async def _consent(self, body: dict[str, Any]) -> dict[str, Any] | None:
        shown = await self.caller.write(self.me, "/v1/me/consent-requests", body, self._key())
        require(shown.status_code == 201, f"a notice was refused: {shown.text}")
        given = await self.caller.write(self.me, "/v1/me/consents", {"ticket": shown.json()["ticket"]}, self._key())
        if self.clock_moves and given.status_code in (409, 410):  # the ticket has expired, or a consent lies ahead
            return None
        require(given.status_code == 201, f"a consent was refused: {given.text}")
        consent: dict[str, Any] = given.json()
        return consent

    async def refuse(self) -> None:
        """Refuse a notice of the hotel, to which nobody consents here."""
        body = {"purpose": "benefit.check", "provider_id": "riverside-hotel", "language": "en"}
        shown = await self.caller.write(self.me, "/v1/me/consent-requests", body, self._key())
        refused = await self.caller.write(self.me, "/v1/me/refusals", {"ticket": shown.json()["ticket"]}, self._key())
        if refused.status_code == 201:
            self.expected.consents[refused.json()["consent_id"]] = ("benefit.check", "riverside-hotel", "refused")

    def new_record(self, source: str, kind: str, quantity: int) -> dict[str, Any]:
        """Return a record of this resident that nobody has sent."""
        day = f"{FIRST_YEAR}-{self.chance.randint(1, 12):02d}-{self.chance.randint(1, 28):02d}"
        return record(f"{self.subject}.r{self._number()}", self._account(source), kind, quantity, day)

    async def deliver(self) -> None:
        """Deliver one to four records for a linked account, once in a while one of them twice."""
        source = self.chance.choice(list(SOURCES))
        kind, _ = SOURCES[source]
        rows = [self.new_record(source, kind, self.chance.randint(1, 9)) for _ in range(self.chance.randint(1, 4))]
        if self.chance.random() < 0.2:
            rows.append(rows[0])
        await self._link_if_needed(source)
        await self._deliver(source, rows)

    async def deliver_begun(self) -> None:
        """Send again the records of a client that was gone; each is stored once."""
        for source, rows in self.begun.items():
            await self._link_if_needed(source)
            await self._deliver(source, rows)
        self.begun = {}

    async def _link_if_needed(self, source: str) -> None:
        if source not in self.expected.linked:
            await self.consent_to_source(source)

    async def _deliver(self, source: str, rows: list[dict[str, Any]]) -> None:
        answer = await self.caller.write((Audience.SOURCE, source), "/v1/source/records", {"records": rows})
        require(answer.status_code == 200, f"a delivery was refused: {answer.text}")
        by_id = self.expected.records.setdefault(source, {})
        for row, result in zip(rows, answer.json()["results"], strict=True):
            if result["status"] == "refused" and self.clock_moves and result["code"] == "not_authorised":
                continue  # the consent lies ahead of the clock
            require(result["status"] in ("accepted", "duplicate"), f"a record was {result}")
            by_id[row["record_id"]] = (row["kind"], row["quantity"], row["occurred_on"])

    async def _ticket(self, benefit: str, venue: str, provider: str) -> str | None:
        """Return a handle; None when the quota is used up. Consents first where something is missing."""
        if provider not in self.expected.live("benefit.check"):
            await self.consent_to_provider(provider)
        for source, (kind, quantity) in SOURCES.items():
            await self._link_if_needed(source)
            if not any(most >= quantity for _, most, _ in self.expected.records.get(source, {}).values()):
                await self._deliver(source, [self.new_record(source, kind, quantity)])
        body = {"benefit_id": benefit, "venue_id": venue}
        issued = await self.caller.write(self.me, "/v1/me/tickets", body, self._key())
        if issued.status_code == 409:
            return None
        require(issued.status_code == 201, f"a ticket was refused: {issued.text}")
        handle: str = issued.json()["handle"]
        return handle

    async def _redeem(self, venue: str, handle: str, key: str) -> str | None:
        answer = await self.caller.write((Audience.VENUE, venue), "/v1/venue/redemptions", {"handle": handle}, key)
        require(answer.status_code in (200, 201), f"a redemption was refused: {answer.text}")
        if not answer.json()["applies"]:
            return None
        redemption_id: str = answer.json()["redemption_id"]
        self.redeemed.done[redemption_id] = (venue, key, "redeemed")
        self.redeemed.handles[redemption_id] = handle
        return redemption_id

    async def redeem(self) -> None:
        """Redeem a benefit; one in six is taken back."""
        benefit, venue, provider = self.chance.choice(BENEFITS)
        reverse = self.chance.random() < 1 / 6
        handle = await self._ticket(benefit, venue, provider)
        if handle is None:
            return
        redemption_id = await self._redeem(venue, handle, self._key())
        if redemption_id is None or not reverse:
            return
        path = f"/v1/venue/redemptions/{redemption_id}/reversal"
        body = {"reason_code": "mistaken_scan"}
        answer = await self.caller.write((Audience.VENUE, venue), path, body, self._key())
        if answer.status_code == 200:
            self.redeemed.done[redemption_id] = (*self.redeemed.done[redemption_id][:2], "reversed")

    async def redeem_twice(self) -> None:
        """Send a handle under one key three times and under another key, all at once: one redemption at most."""
        benefit, venue, provider = self.chance.choice(BENEFITS)
        first, second = self._key(), self._key()
        handle = await self._ticket(benefit, venue, provider)
        if handle is None:
            return
        outcomes = await asyncio.gather(*(self._redeem(venue, handle, key) for key in (first, first, second, first)))
        require(len({outcome for outcome in outcomes if outcome}) <= 1, "a ticket was redeemed twice")
        require(len({outcomes[0], outcomes[1], outcomes[3]}) == 1, "one key had two answers")

    async def race_withdrawal(self) -> None:
        """Redeem while the provider's consent is withdrawn; once that is acknowledged no ticket applies."""
        _, venue, provider = BENEFITS[1]
        handles = [await self._ticket(*BENEFITS[1]) for _ in range(2)]
        consent_id = self.expected.live("benefit.check").get(provider)
        if consent_id is None or None in handles:
            return
        first, second = (str(handle) for handle in handles)
        await asyncio.gather(self._redeem(venue, first, self._key()), self._withdraw(consent_id))
        require(await self._redeem(venue, second, self._key()) is None, "points were used after a withdrawal")

    async def _withdraw(self, consent_id: str) -> None:
        answer = await self.caller.write(self.me, f"/v1/me/consents/{consent_id}/withdraw", None)
        require(answer.status_code == 200 and answer.json()["state"] == "withdrawn", f"not withdrawn: {answer.text}")
        self.expected.end(consent_id)

    async def withdraw_source(self) -> None:
        """Withdraw a source's consent; half of the time undo it."""
        undone = self.chance.random() < 0.5
        for source, consent_id in sorted(self.expected.live("points.compute").items())[:1]:
            await self._withdraw(consent_id)
            if undone:
                await self.consent_to_source(source, consent_id)

    async def withdraw_provider(self) -> None:
        """Withdraw a provider's consent."""
        live = sorted(self.expected.live("benefit.check").values())
        if live:
            await self._withdraw(self.chance.choice(live))

    async def withdraw_all(self) -> None:
        """Withdraw everything."""
        answer = await self.caller.write(self.me, "/v1/me/withdrawals", {"scope": "all"})
        require(answer.status_code == 200, f"withdrawing everything was refused: {answer.text}")
        for consent_id in list(self.expected.consents):
            self.expected.end(consent_id)

    async def erase(self) -> None:
        """Erase this resident, who then begins again."""
        answer = await self.caller.write(self.me, "/v1/me", None, method="DELETE")
        require(answer.status_code == 200, f"an erasure was refused: {answer.text}")
        self.expected = Expected()
        self.lives += 1

    async def object(self) -> None:
        """Object to a missing record."""
        if "green-travel" not in self.expected.linked:
            return
        body = {"source_id": "green-travel", "reason_code": "missing", "statement": f"x {self.subject}"}
        answer = await self.caller.write(self.me, "/v1/me/objections", body, self._key())
        if answer.status_code == 201:
            self.expected.objections.add(answer.json()["objection_id"])

    async def reuse_key(self) -> None:
        """Send another body under a key that was used: refused, without an effect."""
        key = self._key()
        body = {"purpose": "benefit.check", "provider_id": "riverside-hotel", "language": "en"}
        await self.caller.write(self.me, "/v1/me/consent-requests", body, key)
        again = await self.caller.write(self.me, "/v1/me/consent-requests", {**body, "language": "zh-CN"}, key)
        require((again.status_code, again.json()["code"]) == (422, "idempotency_key_reused"), "a key took two bodies")
