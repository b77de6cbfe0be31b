"""The resident's consents: what is allowed, to whom, until when, who used it; one tap to stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from service.identity import Door
from service.web.frame import Leaf, Page, expect

LIST_MAX = 200
PURPOSES = {"source_id": "points.compute", "provider_id": "benefit.check"}
"""What a consent for a source, and for a provider, is about."""


@dataclass(slots=True)
class Card:
    """One organisation, and what I have said to it. `member` is `source_id` or `provider_id`."""

    member: str
    counterpart: str
    name: Mapping[str, str]
    live: Mapping[str, Any] | None = None
    points: int = 0
    kinds: list[str] = field(default_factory=list)
    opens: list[Mapping[str, str]] = field(default_factory=list)
    """Titles of a provider's benefits."""
    used: Mapping[str, Any] | None = None
    """The last use of it in my access log."""


async def consents(page: Page) -> Response:
    """Cards by source and provider; those that ended below."""
    mine = (await page.read("/v1/me/consents", limit=LIST_MAX))["data"]
    live = {(_member(one), one[_member(one)]): one for one in reversed(mine) if one["state"] == "given"}
    cards = [*await _sources(page), *await _providers(page)]
    uses = (await page.read("/v1/me/access-log", limit=LIST_MAX))["data"]
    last = {one["organisation"]: one for one in reversed(uses)}
    for card in cards:
        card.live = live.pop((card.member, card.counterpart), None)
        card.used = last.get(card.counterpart)
    cards += [Card(member, name, one["name"], one) for (member, name), one in live.items()]
    return page.render(
        "resident/consents.html",
        sources=[card for card in cards if card.member == "source_id"],
        providers=[card for card in cards if card.member == "provider_id"],
        ended=[one for one in mine if one["state"] != "given"],
        stopped=next((card for card in cards if card.counterpart == page.query("again")), None),
        any_live=any(card.live for card in cards),
    )


async def _sources(page: Page) -> list[Card]:
    explained = await page.read("/v1/me/points/explanation")
    given = Counter[str]()
    for line in explained["contributions"]:
        given[line["source_id"]] += line["points"]
    return [
        Card("source_id", one["source_id"], one["name"], points=given[one["source_id"]], kinds=one["kinds"])
        for one in (await page.read("/v1/public/sources"))["data"]
    ]


async def _providers(page: Page) -> list[Card]:
    cards: dict[str, Card] = {}
    for one in (await page.read("/v1/me/benefits", limit=LIST_MAX))["data"]:
        card = cards.setdefault(one["provider_id"], Card("provider_id", one["provider_id"], one["provider"]))
        card.opens.append(one["title"])
    return list(cards.values())


def _member(consent: Mapping[str, Any]) -> str:
    return "source_id" if consent.get("source_id") else "provider_id"


async def ask(page: Page) -> Response:
    """Be shown a notice, and answer it."""
    member = "source_id" if page.form.get("source_id") else "provider_id"
    body = {"purpose": PURPOSES[member], member: page.form.get(member, ""), "language": page.language}
    if member == "source_id":
        body["account"] = page.form.get("account", "").strip()
    reply = await page.ask("POST", "/v1/me/consent-requests", body, key=page.key)
    if reply.status == 422:
        return page.go("/me/consents", "account_unfit")
    shown = expect(reply)
    title, *clauses = shown["notice"]["body"].strip().split("\n\n")
    return page.render(
        "resident/notice.html",
        shown=shown,
        title=title,
        clauses=[clause.partition("\n")[::2] for clause in clauses],
        member=member,
        counterpart=body[member],
    )


async def give(page: Page) -> Response:
    """Yes."""
    given = await page.do("/v1/me/consents", {"ticket": page.form.get("ticket", "")})
    if given.get("link"):
        # The code is said once, here; sending the same form again says it again.
        names = {one["source_id"]: one["name"] for one in (await page.read("/v1/public/sources"))["data"]}
        return page.render("resident/linking.html", given=given, source=names.get(given["source_id"], {}))
    return page.go("/me/consents", "given")


async def refuse(page: Page) -> Response:
    """No; it costs nothing."""
    await page.do("/v1/me/refusals", {"ticket": page.form.get("ticket", "")})
    return page.go("/me/consents", "refused")


async def stop(page: Page) -> Response:
    """Stop one: at once, without a reason. The next page offers to begin again."""
    consent_id = page.part("consent_id")
    await page.do(f"/v1/me/consents/{consent_id}/withdraw")
    stopped = await page.read(f"/v1/me/consents/{consent_id}")
    return page.go(f"/me/consents?again={stopped[_member(stopped)]}", "stopped")


async def stop_all(page: Page) -> Response:
    """Stop everything."""
    await page.do("/v1/me/withdrawals", {"scope": "all"})
    return page.go("/me/consents", "stopped_all")


async def receipt(page: Page) -> Response:
    """One consent with its receipt, and where it stands in the log."""
    consent_id = page.part("consent_id")
    return page.render(
        "resident/receipt.html",
        consent=await page.read(f"/v1/me/consents/{consent_id}"),
        receipt=await page.read(f"/v1/me/consents/{consent_id}/receipt"),
    )


async def download(page: Page) -> Response:
    """The receipt as a file, to be verified without this service."""
    consent_id = page.part("consent_id")
    reply = await page.ask("GET", f"/v1/me/consents/{consent_id}/receipt")
    expect(reply)
    name = f'attachment; filename="receipt-{consent_id}.json"'
    return Response(reply.raw, media_type="application/json", headers={"content-disposition": name})


ME = Door.RESIDENT
LEAVES = (
    Leaf("/me/consents", consents, ME),
    Leaf("/me/consents/ask", ask, ME, "POST"),
    Leaf("/me/consents/give", give, ME, "POST"),
    Leaf("/me/consents/refuse", refuse, ME, "POST"),
    Leaf("/me/consents/stop-all", stop_all, ME, "POST"),
    Leaf("/me/consents/{consent_id}", receipt, ME),
    Leaf("/me/consents/{consent_id}/receipt.json", download, ME),
    Leaf("/me/consents/{consent_id}/stop", stop, ME, "POST"),
)
