"""The resident's consents as pages: what is allowed, to whom, until when, who used it, and the button to withdraw."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from consent.documents.schema import DOCUMENT_ID_PATTERN
from service.auth.access_tokens import Audience
from service.web.api_client import body_or_raise
from service.web.page import Page, PageRoute
from service.web.resident.access_log import group_equal_uses

PURPOSES = {"source_id": "points.compute", "provider_id": "benefit.check"}
"""The purpose of a consent, by the member that names its counterpart."""
SHOW, BENEFIT = "show", re.compile(rf"benefit:({DOCUMENT_ID_PATTERN})", re.ASCII)
"""Values of the form's field `then`: after the answer to a notice, choose a code, or read on about one benefit."""
USES_READ_MAX = 200
"""Newest uses that are read for the cards: one API page."""
ENDING_DAYS = 90
"""Days before its end from which a consent is listed as ending soon: the first reminder and the renewal come then."""
ENDED_SHOWN = 5
"""Newest decisions that have ended; the others unfold."""
USES_SHOWN = 3
"""Uses on one card."""
HOUR_PREFIX = len("2026-01-01T00")
"""Characters of a time down to its hour, as the access log stores uses."""


@dataclass(slots=True)
class OrganisationCard:
    """A source or provider with the person's live consent for it. `member` is `source_id` or `provider_id`."""

    member: str
    counterpart: str
    name: Mapping[str, str]
    live: Mapping[str, Any] | None = None
    points: int = 0
    """Points that the source's records give now."""
    kinds: list[str] = field(default_factory=list)
    """Kinds of records that the source delivers."""
    scene: str = ""
    """Scene of the provider's first benefit."""
    benefit_titles: list[Mapping[str, str]] = field(default_factory=list)
    """Titles of the provider's benefits, by language tag."""
    uses: list[tuple[Mapping[str, Any], int]] = field(default_factory=list)
    """The newest uses under this consent, each with its number in that hour."""
    has_earlier_uses: bool = False
    """True if there are older uses that were not read."""
    days_left: int = 0
    """Days until the live consent ends."""
    days: int = 0
    """Days that the live consent lasts in all."""


async def consents(page: Page) -> Response:
    """Show the consents that end soon, the active ones, those that have ended, and who else can be allowed."""
    return await _render_consents(page)


async def waiting_links(page: Page) -> list[Mapping[str, Any]]:
    """Return the live consents for sources whose account is not proven yet, newest first."""
    return [
        consent
        for consent in await page.read_all("/v1/me/consents")
        if consent["state"] == "given" and consent.get("linked") is False and "name" in consent
    ]


async def _render_consents(page: Page, invalid_source: str = "", status: int = 200) -> Response:
    """Render the consents; `invalid_source` is the source at whose card an account number was refused."""
    all_consents = await page.read_all("/v1/me/consents")
    live = {_counterpart(consent): consent for consent in reversed(all_consents) if consent["state"] == "given"}
    cards = [*await _source_cards(page), *await _provider_cards(page)]
    # Organisations that left the catalogue have a card as long as their consent is live.
    without_card = dict(live)
    for card in cards:
        card.live = without_card.pop((card.member, card.counterpart), None)
    cards += [
        OrganisationCard(member, counterpart, consent.get("name", {}), consent)
        for (member, counterpart), consent in without_card.items()
    ]
    await _add_uses(page, cards)
    now = await page.site.app_context.clock()
    for card in cards:
        if card.live:
            card.days_left = (datetime.fromisoformat(card.live["expires_at"]) - now).days
            card.days = (
                datetime.fromisoformat(card.live["expires_at"]) - datetime.fromisoformat(card.live["given_at"])
            ).days
    return page.render(
        "resident/consents.html",
        status,
        ending=[card for card in cards if card.live and card.days_left <= ENDING_DAYS],
        active=[card for card in cards if card.live and card.days_left > ENDING_DAYS],
        sources=[card for card in cards if card.member == "source_id" and not card.live],
        providers=[card for card in cards if card.member == "provider_id" and not card.live],
        ended=[consent for consent in all_consents if consent["state"] != "given"],
        withdrawn=_recently_withdrawn(all_consents, live),
        ended_shown=ENDED_SHOWN,
        invalid_source=invalid_source,
    )


def _recently_withdrawn(
    all_consents: Iterable[Mapping[str, Any]], live: Container[tuple[str, str]]
) -> list[Mapping[str, Any]]:
    """Return the newest consent of each counterpart that can still be undone and was not given again."""
    newest = {_counterpart(consent): consent for consent in reversed([*all_consents]) if "undo_until" in consent}
    return [consent for key, consent in newest.items() if key not in live and "name" in consent]


async def _add_uses(page: Page, cards: Iterable[OrganisationCard]) -> None:
    """Add the newest uses to each card with a live consent.

    A computation of points uses every source that was allowed at its time, so it is shown on each of their cards.
    """
    answer = await page.read("/v1/me/access-log", limit=USES_READ_MAX)
    for card in cards:
        if card.live is None:
            continue
        since = card.live["given_at"][:HOUR_PREFIX]
        covered = [
            use
            for use in answer["data"]
            if use["at"] >= since and use["purpose"] == PURPOSES[card.member]
            and (card.member == "source_id" or use["organisation"] == card.counterpart)
        ]  # fmt: skip
        card.uses = group_equal_uses(covered)[:USES_SHOWN]
        card.has_earlier_uses = bool(answer["next_cursor"])


async def _source_cards(page: Page) -> list[OrganisationCard]:
    explanation = await page.read("/v1/me/points/explanation")
    points = Counter[str]()
    for contribution in explanation["contributions"]:
        points[contribution["source_id"]] += contribution["points"]
    return [
        OrganisationCard(
            "source_id", source["source_id"], source["name"], points=points[source["source_id"]], kinds=source["kinds"]
        )
        for source in (await page.read("/v1/public/sources"))["data"]
    ]


async def _provider_cards(page: Page) -> list[OrganisationCard]:
    cards: dict[str, OrganisationCard] = {}
    for benefit in await page.read_all("/v1/me/benefits"):
        provider_id = benefit["provider_id"]
        card = cards.setdefault(provider_id, OrganisationCard("provider_id", provider_id, benefit["provider"]))
        card.benefit_titles.append(benefit["title"])
        card.scene = card.scene or benefit["scene"]
    return list(cards.values())


def _counterpart(consent: Mapping[str, Any]) -> tuple[str, str]:
    """Return the member that names the counterpart, and its id."""
    member = "source_id" if consent.get("source_id") else "provider_id"
    return member, consent[member]


async def request_notice(page: Page) -> Response:
    """Request the notice of a consent and redirect to it.

    To resume a withdrawn consent (`previous`) no account number is sent: the service still has the proven one.
    """
    member = "source_id" if page.form.get("source_id") else "provider_id"
    body = {"purpose": PURPOSES[member], member: page.form.get(member, ""), "language": page.language}
    if page.form.get("previous"):
        body["previous_consent_id"] = page.form["previous"]
    elif member == "source_id":
        body["account"] = page.form.get("account", "").strip()
    reply = await page.call_api("POST", "/v1/me/consent-requests", body, key=page.idempotency_key)
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY and member == "source_id":
        return await _render_consents(page, body[member], reply.status)
    request_id = body_or_raise(reply)["request_id"]
    then = page.form.get("then", "")
    return page.redirect(
        f"/me/consents/asked/{request_id}" + (f"?{urlencode({'then': then})}" if _return_path(then) else "")
    )


async def notice(page: Page) -> Response:
    """Show a requested notice with the two answers; once it is answered or expired, redirect to the consents."""
    reply = await page.call_api("GET", f"/v1/me/consent-requests/{page.path_param('request_id')}")
    if reply.status in (HTTPStatus.CONFLICT, HTTPStatus.GONE):
        return page.redirect("/me/consents", "answered" if reply.status == HTTPStatus.CONFLICT else "too_late")
    presentation = body_or_raise(reply)
    title, *clauses = presentation["notice"]["body"].strip().split("\n\n")
    return page.render(
        "resident/notice.html",
        presentation=presentation,
        title=title,
        clauses=[clause.partition("\n")[::2] for clause in clauses],
        then=page.query("then") if _return_path(page.query("then")) else "",
    )


async def give(page: Page) -> Response:
    """Give the consent; redirect to the link code if the account must be proven, else to where the notice came from."""
    consent = await page.submit("/v1/me/consents", {"ticket": page.form.get("ticket", "")})
    if consent.get("link"):
        return page.redirect(f"/me/consents/{consent['consent_id']}/code", "linked")
    if return_path := _return_path(page.form.get("then", "")):
        return page.redirect(return_path, "allowed")
    return page.redirect("/me/consents", "taken_up" if await _resumes_withdrawn(page, consent) else "given")


def _return_path(then: str) -> str:
    """Return the page where a notice was asked for; "" for any other text, so that no form leads elsewhere."""
    if then == SHOW:
        return "/me/show"
    benefit = BENEFIT.fullmatch(then)
    return f"/me/benefits/{benefit[1]}" if benefit else ""


async def _resumes_withdrawn(page: Page, consent: Mapping[str, Any]) -> bool:
    """Report whether the consent follows a withdrawn one of a source; then records were deleted, in a renewal not."""
    previous = consent.get("previous_consent_id")
    if not previous or not consent.get("source_id"):
        return False
    return bool((await page.read(f"/v1/me/consents/{previous}"))["state"] == "withdrawn")


async def refuse(page: Page) -> Response:
    """Refuse the consent; redirect to where the notice came from."""
    await page.submit("/v1/me/refusals", {"ticket": page.form.get("ticket", "")})
    return page.redirect(_return_path(page.form.get("then", "")) or "/me/consents", "refused")


async def link_code(page: Page) -> Response:
    """Show the code that proves an account, or the button for a new code."""
    consent = await page.read(f"/v1/me/consents/{page.path_param('consent_id')}")
    return page.render("resident/link_code.html", consent=consent)


async def reissue_link_code(page: Page) -> Response:
    """Issue a new link code; the consent stays."""
    consent_id = page.path_param("consent_id")
    reply = await page.call_api("POST", f"/v1/me/consents/{consent_id}/link-code", key=page.idempotency_key)
    # 404: the code was typed or the consent withdrawn meanwhile. The page shows which of them.
    if reply.status == HTTPStatus.NOT_FOUND:
        return page.redirect(f"/me/consents/{consent_id}/code")
    body_or_raise(reply)
    return page.redirect(f"/me/consents/{consent_id}/code", "new_code")


async def stop_form(page: Page) -> Response:
    """Show what stopping one consent changes and what it never changes, with both answers."""
    consent = await page.read(f"/v1/me/consents/{page.path_param('consent_id')}")
    if consent["state"] != "given":
        return page.redirect("/me/consents")
    count = 0
    if consent.get("source_id"):
        explanation = await page.read("/v1/me/points/explanation")
        count = sum(row["points"] for row in explanation["contributions"] if row["source_id"] == consent["source_id"])
    return page.render("resident/stop.html", consent=consent, count=count)


async def stop_all_form(page: Page) -> Response:
    """Show what stopping everything changes, with both answers."""
    live = [consent for consent in await page.read_all("/v1/me/consents") if consent["state"] == "given"]
    return page.render("resident/stop_all.html", live=live)


async def withdraw(page: Page) -> Response:
    """Withdraw one consent; the next page offers to undo it."""
    await page.submit(f"/v1/me/consents/{page.path_param('consent_id')}/withdraw")
    return page.redirect("/me/consents", "stopped")


async def undo(page: Page) -> Response:
    """Undo a withdrawal; records, points and link are there again."""
    await page.submit(f"/v1/me/withdrawals/{page.path_param('consent_id')}/undo")
    return page.redirect("/me/consents", "undone")


async def withdraw_all(page: Page) -> Response:
    """Withdraw every live consent."""
    await page.submit("/v1/me/withdrawals", {"scope": "all"})
    return page.redirect("/me/consents", "stopped_all")


async def receipt(page: Page) -> Response:
    """Show one consent with its signed receipt and its entries in the consent log."""
    consent_id = page.path_param("consent_id")
    return page.render(
        "resident/receipt.html",
        consent=await page.read(f"/v1/me/consents/{consent_id}"),
        receipt=await page.read(f"/v1/me/consents/{consent_id}/receipt"),
    )


async def download_receipt(page: Page) -> Response:
    """Send the receipt as a file that can be verified without this service."""
    consent_id = page.path_param("consent_id")
    return await page.download(f"/v1/me/consents/{consent_id}/receipt", f"receipt-{consent_id}.json")


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/consents", consents, ME),
    PageRoute("/me/consents/ask", request_notice, ME, "POST"),
    PageRoute("/me/consents/asked/{request_id}", notice, ME),
    PageRoute("/me/consents/give", give, ME, "POST"),
    PageRoute("/me/consents/refuse", refuse, ME, "POST"),
    PageRoute("/me/consents/stop-all", stop_all_form, ME),
    PageRoute("/me/consents/stop-all", withdraw_all, ME, "POST"),
    PageRoute("/me/consents/{consent_id}", receipt, ME),
    PageRoute("/me/consents/{consent_id}/receipt.json", download_receipt, ME),
    PageRoute("/me/consents/{consent_id}/code", link_code, ME),
    PageRoute("/me/consents/{consent_id}/code", reissue_link_code, ME, "POST"),
    PageRoute("/me/consents/{consent_id}/stop", stop_form, ME),
    PageRoute("/me/consents/{consent_id}/undo", undo, ME, "POST"),
    PageRoute("/me/consents/{consent_id}/stop", withdraw, ME, "POST"),
)
