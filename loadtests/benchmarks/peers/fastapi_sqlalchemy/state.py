"""The clock, the log's state and the catalogue in force, read through a session."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from loadtests.benchmarks.peers.common import rules
from loadtests.benchmarks.peers.common.catalogue import Catalogue, DocumentRow, compile_catalogue
from loadtests.benchmarks.peers.common.problems import Problem
from loadtests.benchmarks.peers.common.rules import Moment
from loadtests.benchmarks.peers.fastapi_sqlalchemy.models import CatalogueState, Document, LogHead

KINDS = ("schemes", "providers", "venues", "services", "benefits")
CLOCK = cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)


class CatalogueCache:
    """The catalogue in force, shared between requests and compared with the database's number of changes."""

    catalogue: Catalogue

    async def load(self, session: AsyncSession) -> None:
        """Read the catalogue. The number of changes is read first: a later change is then noticed."""
        at, changes = (await session.execute(select(CLOCK, CatalogueState.changes))).one()
        documents = await session.scalars(
            select(Document)
            .where(Document.kind.in_(KINDS), Document.in_force_from.is_not(None))
            .order_by(Document.kind, Document.document_id, Document.in_force_from, Document.version)
        )
        rows = (
            DocumentRow(
                document.kind,
                document.document_id,
                document.version,
                document.state,
                document.body,
                document.in_force_from,
                document.ended_at,
            )
            for document in documents
        )
        self.catalogue = compile_catalogue(rows, changes, at)

    async def read_now(self, session: AsyncSession, zone: ZoneInfo) -> Moment:
        """Return the database's time, with the catalogue up to date. Raises Problem 503 while nothing may be used."""
        query = select(CLOCK, CatalogueState.changes, LogHead.withheld).where(LogHead.log == "consent")
        at, changes, withheld = (await session.execute(query)).one()
        return await self.check(session, (at, changes, withheld), zone)

    async def check(self, session: AsyncSession, state: tuple[int, int, int], zone: ZoneInfo) -> Moment:
        """Bring the catalogue up to date with a state (microseconds, changes, withheld) and return its time.

        Raises Problem 503 while nothing may be used.
        """
        at, changes, withheld = state
        if withheld:
            raise Problem(503, "records_withheld", 5)
        if not self.catalogue.is_current(changes, at):
            await self.load(session)
        return rules.moment(at, zone)
