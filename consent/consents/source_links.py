"""The feeds of links that a source reads: the confirmed ones, and those that have ended until it acknowledges them.

SQL text: a statement joins the consent and the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consent import persons
from consent.consents import ended_links_of_erased
from consent.consents.account_links import open_account
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.domain.liveness import live_sql
from consent.kernel.errors import NotFound
from consent.models import AccountLink
from consent.persons import Person


@dataclass(frozen=True, slots=True)
class LinkForSource:
    """A link as its source sees it: the account in clear, `confirmed` or `ended`, and since when; no person."""

    link_id: str
    account: str
    state: str
    since: datetime


async def list_confirmed(
    keyring: Keyring, source_id: str, at: datetime, after: Cursor | None, limit: int
) -> list[LinkForSource]:
    """Return a source's confirmed links that a live consent covers, oldest first, after the cursor (since, link id)."""
    condition = (
        "l.state = 'confirmed' AND (l.since > $2 OR (l.since = $2 AND l.link_id > $3)) AND EXISTS (SELECT 1"
        f" FROM consent c WHERE c.person_id = l.person_id AND c.consent_id = l.consent_id AND {live_sql('$5', 'c')})"
        " ORDER BY l.since, l.link_id LIMIT $4"
    )
    return await _list(keyring, condition, source_id, *(after or paging.OLDEST), limit, queries.to_micros(at))


async def list_ended(keyring: Keyring, source_id: str, after: str, limit: int) -> list[LinkForSource]:
    """Return a source's ended links that it has not acknowledged, of erased persons too, by link id after `after`.

    Link ids are random: neither order nor cursor tells when on its day a consent ended.
    """
    condition = "l.state = 'ended' AND l.acknowledged_at IS NULL AND l.link_id > $2 ORDER BY l.link_id LIMIT $3"
    links = await _list(keyring, condition, source_id, after, limit)
    of_erased = [
        LinkForSource(ending.link_id, ending.account, "ended", ending.since)
        for ending in await ended_links_of_erased.list_for(keyring, source_id, after, limit)
    ]
    return sorted([*links, *of_erased], key=lambda link: link.link_id)[:limit]


async def _list(keyring: Keyring, condition: str, *values: object) -> list[LinkForSource]:
    rows = await queries.fetch_all(
        "SELECT l.person_id, l.link_id, l.sealed_account, l.state, l.since, p.wrapped_key, p.epoch"
        f" FROM account_link l JOIN person p ON p.person_id = l.person_id WHERE l.source_id = $1 AND {condition}",
        *values,
    )
    return [
        LinkForSource(
            row["link_id"],
            open_account(persons.from_row(keyring, row), row["link_id"], bytes(row["sealed_account"])),
            row["state"],
            queries.from_micros(row["since"]),
        )
        for row in rows
    ]


async def record_link_ending(keyring: Keyring, person: Person) -> None:
    """Copy the ended links that sources have not acknowledged, before the person's rows and key are deleted.

    Runs in the transaction of the erasure.
    """
    links = await AccountLink.filter(person_id=person.person_id, state="ended", acknowledged_at__isnull=True)
    await ended_links_of_erased.record(
        keyring, [(link, open_account(person, link.link_id, link.sealed_account)) for link in links]
    )


async def acknowledge_ending(source_id: str, link_id: str, at: datetime) -> None:
    """Record that the source has dealt with an ended link; repeating it is harmless.

    Raises:
        NotFound: the source has no ended link of this id.
    """
    if await ended_links_of_erased.acknowledge(source_id, link_id, at):
        return
    link = await AccountLink.filter(source_id=source_id, link_id=link_id).first()
    if link is None or link.state != "ended":
        raise NotFound("there is no ended link of this id")
    await AccountLink.filter(person_id=link.person_id, link_id=link_id, acknowledged_at__isnull=True).update(
        acknowledged_at=queries.to_micros(at)
    )
