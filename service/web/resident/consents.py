"""The resident's consents: what is allowed, to whom, until when, who used it; one tap to stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute, expect
from service.web.resident.access_log import together

PURPOSES = {"source_id": "points.compute", "provider_id": "benefit.check"}
"""What a consent for a source, and for a provider, is about."""
WAYS = {"show": "/me/show", "benefits": "/me/benefits"}
"""Where somebody may come from to be shown a notice, and goes back to; from anywhere else to their consents."""
USES_LOOKED_AT = 200
USES_SHOWN = 3


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
    uses: list[tuple[Mapping[str, Any], int]] = field(default_factory=list)
    """The last uses that this consent covered, with how often in the hour."""
    longer: bool = False
    """Whether there are earlier uses that were not looked at."""


async def consents(page: Page) -> Response:
    """Cards by source and provider; those that ended below."""
    return await _consents(page)


async def _consents(page: Page, unfit: str = "", status: int = 200) -> Response:
    """`unfit` is the source at whose card a number stands that cannot be one."""
    mine = await page.read_all("/v1/me/consents")
    given = {(_member(one), one[_member(one)]): one for one in reversed(mine) if one["state"] == "given"}
    live = dict(given)
    cards = [*await _sources(page), *await _providers(page)]
    for card in cards:
        card.live = live.pop((card.member, card.counterpart), None)
    cards += [Card(member, name, one.get("name", {}), one) for (member, name), one in live.items()]
    await _say_uses(page, cards)
    return page.render(
        "resident/consents.html",
        status,
        sources=[card for card in cards if card.member == "source_id"],
        providers=[card for card in cards if card.member == "provider_id"],
        ended=[one for one in mine if one["state"] != "given"],
        stopped=_stopped(mine, given),
        losing=[card for card in cards if card.live],
        unfit=unfit,
    )


def _stopped(mine: Iterable[Mapping[str, Any]], live: Container[tuple[str, str]]) -> list[Mapping[str, Any]]:
    """What was stopped a moment ago and not given anew, the latest of each, by its name."""
    found = {(_member(one), one[_member(one)]): one for one in reversed([*mine]) if "undo_until" in one}
    return [one for key, one in found.items() if key not in live and "name" in one]


async def _say_uses(page: Page, cards: Iterable[Card]) -> None:
    """Put the last uses on the cards: a computation used every source that was allowed by then."""
    found = await page.read("/v1/me/access-log", limit=USES_LOOKED_AT)
    for card in cards:
        if card.live is None:
            continue
        since = card.live["given_at"][: len("2026-01-01T00")]  # uses are kept by the hour
        covered = [
            one
            for one in found["data"]
            if one["at"] >= since and one["purpose"] == PURPOSES[card.member]
            and (card.member == "source_id" or one["organisation"] == card.counterpart)
        ]  # fmt: skip
        card.uses = together(covered)[:USES_SHOWN]
        card.longer = bool(found["next_cursor"])


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
    for one in await page.read_all("/v1/me/benefits"):
        card = cards.setdefault(one["provider_id"], Card("provider_id", one["provider_id"], one["provider"]))
        card.opens.append(one["title"])
    return list(cards.values())


def _member(consent: Mapping[str, Any]) -> str:
    return "source_id" if consent.get("source_id") else "provider_id"


async def ask(page: Page) -> Response:
    """Ask to be shown a notice. A stopped consent that is to be taken up again needs no number: it is remembered."""
    member = "source_id" if page.form.get("source_id") else "provider_id"
    body = {"purpose": PURPOSES[member], member: page.form.get(member, ""), "language": page.language}
    if page.form.get("previous"):
        body["previous_consent_id"] = page.form["previous"]
    elif member == "source_id":
        body["account"] = page.form.get("account", "").strip()
    reply = await page.ask("POST", "/v1/me/consent-requests", body, key=page.key)
    if reply.status == 422 and member == "source_id":
        return await _consents(page, body[member], 422)
    shown = expect(reply)
    then = page.form.get("then", "")
    return page.go(f"/me/consents/asked/{shown['request_id']}" + (f"?then={then}" if then in WAYS else ""))


async def notice(page: Page) -> Response:
    """The notice that was asked for, until it is answered."""
    reply = await page.ask("GET", f"/v1/me/consent-requests/{page.part('request_id')}")
    if reply.status in (409, 410):
        return page.go("/me/consents", "answered" if reply.status == 409 else "too_late")
    shown = expect(reply)
    title, *clauses = shown["notice"]["body"].strip().split("\n\n")
    return page.render(
        "resident/notice.html",
        shown=shown,
        title=title,
        clauses=[clause.partition("\n")[::2] for clause in clauses],
        then=page.query("then") if page.query("then") in WAYS else "",
    )


async def give(page: Page) -> Response:
    """Yes; and back to where the question came up, or to the code that proves the account."""
    given = await page.do("/v1/me/consents", {"ticket": page.form.get("ticket", "")})
    if given.get("link"):
        return page.go(f"/me/consents/{given['consent_id']}/code", "linked")
    way = WAYS.get(page.form.get("then", ""))
    if way is not None:
        return page.go(way, "allowed")
    return page.go("/me/consents", "taken_up" if await _after_a_stop(page, given) else "given")


async def _after_a_stop(page: Page, given: Mapping[str, Any]) -> bool:
    """Whether a consent for a source took up one that was stopped: its records are gone. A renewal loses none."""
    before = given.get("previous_consent_id")
    if not before or not given.get("source_id"):
        return False
    return bool((await page.read(f"/v1/me/consents/{before}"))["state"] == "withdrawn")


async def refuse(page: Page) -> Response:
    """No; it costs nothing."""
    await page.do("/v1/me/refusals", {"ticket": page.form.get("ticket", "")})
    return page.go(WAYS.get(page.form.get("then", ""), "/me/consents"), "refused")


async def code(page: Page) -> Response:
    """The code of an account that is not proven yet, or the way to a new one."""
    return page.render("resident/link_code.html", consent=await page.read(f"/v1/me/consents/{page.part('consent_id')}"))


async def new_code(page: Page) -> Response:
    """A new code; the consent stays as it is."""
    consent_id = page.part("consent_id")
    reply = await page.ask("POST", f"/v1/me/consents/{consent_id}/link-code", key=page.key)
    if reply.status == 404:  # typed meanwhile, or stopped: the page says which
        return page.go(f"/me/consents/{consent_id}/code")
    expect(reply)
    return page.go(f"/me/consents/{consent_id}/code", "new_code")


async def stop(page: Page) -> Response:
    """Stop one: at once, without a reason. The next page offers the way back."""
    await page.do(f"/v1/me/consents/{page.part('consent_id')}/withdraw")
    return page.go("/me/consents", "stopped")


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


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/consents", consents, ME),
    PageRoute("/me/consents/ask", ask, ME, "POST"),
    PageRoute("/me/consents/asked/{request_id}", notice, ME),
    PageRoute("/me/consents/give", give, ME, "POST"),
    PageRoute("/me/consents/refuse", refuse, ME, "POST"),
    PageRoute("/me/consents/stop-all", stop_all, ME, "POST"),
    PageRoute("/me/consents/{consent_id}", receipt, ME),
    PageRoute("/me/consents/{consent_id}/receipt.json", download, ME),
    PageRoute("/me/consents/{consent_id}/code", code, ME),
    PageRoute("/me/consents/{consent_id}/code", new_code, ME, "POST"),
    PageRoute("/me/consents/{consent_id}/stop", stop, ME, "POST"),
)
