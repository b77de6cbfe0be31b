"""Ended links of erased persons, until their sources acknowledge them; sealed under the service's key."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from consent.crypto import vault
from consent.crypto.vault import CellAddress, Keyring
from consent.database import queries
from consent.models import AccountLink, LinkEnding

ENDING_KEY = "farewell"
"""The use of the service's key for these rows."""


class EndedLink(NamedTuple):
    """An ended link of an erased person: its id, the account in clear, and the time of its end."""

    link_id: str
    account: str
    since: datetime


async def record(keyring: Keyring, ended: Iterable[tuple[AccountLink, str]]) -> None:
    """Store copies of ended links, each with its account, in the transaction of the erasure."""
    cipher = vault.service_cipher(keyring, ENDING_KEY)
    await LinkEnding.bulk_create(
        [
            LinkEnding(
                link_id=link.link_id,
                source_id=link.source_id,
                sealed_account=vault.seal(cipher, _cell_of(link.link_id), account.encode()),
                since=link.since,
            )
            for link, account in ended
        ]
    )


async def list_for(keyring: Keyring, source_id: str, after: str, limit: int) -> list[EndedLink]:
    """Return a source's ended links that it has not acknowledged, by link id after `after`."""
    endings = (
        await LinkEnding.filter(link_id__gt=after, source_id=source_id, acknowledged_at__isnull=True)
        .order_by("link_id")
        .limit(limit)
    )
    return [
        EndedLink(
            ending.link_id,
            vault.open_service(keyring, ENDING_KEY, _cell_of(ending.link_id), ending.sealed_account).decode(),
            queries.from_micros(ending.since),
        )
        for ending in endings
    ]


async def acknowledge(source_id: str, link_id: str, at: datetime) -> bool:
    """Record that the source has dealt with an ended link; return False if no erased person had one of this id."""
    acknowledged_at = queries.to_micros(at)
    return bool(await LinkEnding.filter(source_id=source_id, link_id=link_id).update(acknowledged_at=acknowledged_at))


async def delete_acknowledged() -> int:
    """Delete the ended links of erased persons that their sources have acknowledged; return their number."""
    return await LinkEnding.filter(acknowledged_at__isnull=False).delete()


async def seal_again(keyring: Keyring, link_id: str, sealed_account: bytes) -> None:
    """Seal the account of an ended link under the current index key."""
    account = vault.open_service(keyring, ENDING_KEY, _cell_of(link_id), sealed_account)
    sealed = vault.seal(vault.service_cipher(keyring, ENDING_KEY), _cell_of(link_id), account)
    await LinkEnding.filter(link_id=link_id).update(sealed_account=sealed)


def _cell_of(link_id: str) -> CellAddress:
    return CellAddress("farewell", "sealed_account", "", link_id)
