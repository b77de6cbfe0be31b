"""A resident's own passes: those that can be used, and the end of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from benefits.models import OfflinePass
from benefits.redemption.offline_passes import status_list_steps
from consent.database import queries
from consent.events import ledger
from consent.persons import Person
from consent.records import past_uses


class UsablePasses(NamedTuple):
    """Passes of a person for one benefit at one venue that can be used: their number, and the end of the last one."""

    benefit_id: str
    venue_id: str
    issuer_id: str | None
    """The other city that has the venue; None for a venue of this city."""
    number: int
    expires_at: datetime


async def list_usable(person: Person, at: datetime) -> list[UsablePasses]:
    """Return the passes that are neither used, ended, stopped nor revoked at `at`, by benefit, city and venue."""
    rows = await _open(person, at)
    consents = {(row.provider_id, row.consent_given_at) for row in rows}
    covered = {
        consent for consent in consents if await past_uses.was_covered(person.person_id, consent[0], consent[1], at)
    }
    groups: dict[tuple[str, str, str], list[OfflinePass]] = {}
    for row in rows:
        if (row.provider_id, row.consent_given_at) in covered:
            groups.setdefault((row.benefit_id, row.issuer_id or "", row.venue_id), []).append(row)
    return [
        UsablePasses(
            benefit_id,
            venue_id,
            issuer_id or None,
            len(group),
            queries.from_micros(max(row.expires_at for row in group)),
        )
        for (benefit_id, issuer_id, venue_id), group in sorted(groups.items())
    ]


async def open_ids(person: Person, at: datetime) -> list[str]:
    """Return the ids of the passes that `stop` ends."""
    return [row.pass_id for row in await _open(person, at)]


async def stop(person: Person, ids: Sequence[str], at: datetime) -> None:
    """Revoke passes from the next step of the status lists on, and append their end to the person's events.

    Runs in the caller's transaction, which holds the person's lock and has recorded the tombstones. A stopped pass
    still counts as taken until it ends: a venue without a network may honour it.
    """
    if ids:
        await ledger.append(person, "pass.stopped", {"passes": len(ids)}, at)
        await _revoke(ids, at)


async def stop_again(ended: Sequence[tuple[str, str]], at: datetime) -> int:
    """Stop those of the passes (person id, pass id) that a restored copy of the database has as open; their number."""
    names = [name for _, name in ended]
    rows = await OfflinePass.filter(pass_id__in=names, revoked_from=None) if names else []
    ids = [row.pass_id for row in rows if (row.person_id, row.pass_id) in {*ended}]
    await _revoke(ids, at)
    return len(ids)


async def _open(person: Person, at: datetime) -> list[OfflinePass]:
    return await OfflinePass.filter(
        person_id=person.person_id, used_at=None, revoked_from=None, expires_at__gt=queries.to_micros(at)
    ).order_by("pass_id")


async def _revoke(ids: Sequence[str], at: datetime) -> None:
    revoked_from = queries.to_micros(status_list_steps.next_step(at))
    await OfflinePass.filter(pass_id__in=[*ids]).update(revoked_from=revoked_from)
