"""A resident's stored balance, while it may be used."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loadtests.benchmarks.peers.common import rules
from loadtests.benchmarks.peers.common.problems import Problem
from loadtests.benchmarks.peers.common.rules import Moment
from loadtests.benchmarks.peers.fastapi_sqlalchemy.models import CatalogueState, LogHead, Person, Snapshot, Subject
from loadtests.benchmarks.peers.fastapi_sqlalchemy.state import CLOCK, CatalogueCache


async def read_balance(
    session: AsyncSession, cache: CatalogueCache, subject_index: str, zone: ZoneInfo
) -> tuple[Snapshot, Moment]:
    """Return the balance of a subject under the current epoch, and the time.

    Raises Problem: not_computed (503) without a usable balance, records_withheld (503).
    """
    query = (
        select(CLOCK, CatalogueState.changes, LogHead.withheld, Snapshot)
        .select_from(CatalogueState)
        .join(LogHead, LogHead.log == "consent")
        .outerjoin(Subject, Subject.subject_index == subject_index)
        .outerjoin(Person, Person.person_id == Subject.person_id)
        .outerjoin(Snapshot, (Snapshot.person_id == Person.person_id) & (Snapshot.epoch == Person.epoch))
    )
    at, changes, withheld, balance = (await session.execute(query)).one()
    now = await cache.check(session, (at, changes, withheld), zone)
    if balance is None or not rules.is_usable(balance, cache.catalogue, now):
        raise Problem(503, "not_computed", 5)
    return balance, now
