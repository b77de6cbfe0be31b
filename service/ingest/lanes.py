"""Lanes of batches that are committed concurrently while the next rows are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from consent.records.intake import BATCH_MAX, DeliveredRecord, DeliveryResult
from service.ingest import batch
from service.ingest.report import ImportReport, RefusedRow


@dataclass(slots=True)
class _Lane:
    """Rows of some accounts, in batches one after another: two lanes rarely wait for the same person's lock."""

    rows: list[tuple[int, DeliveredRecord]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    task: asyncio.Future[list[DeliveryResult]] | None = None


class Lanes:
    """Lanes of batches that are committed concurrently.

    A lane has the rows of its accounts. A row whose record id waits in another lane joins that lane, because the first
    row of an id is the one that counts.
    """

    def __init__(
        self,
        count: int,
        commit: Callable[[list[DeliveredRecord]], Coroutine[Any, Any, list[DeliveryResult]]],
        report: ImportReport,
        progress: Callable[[ImportReport], None],
    ) -> None:
        self.lanes = [_Lane() for _ in range(count)]
        self.waiting: dict[str, _Lane] = {}
        """The lane in which rows of a record id wait to be sent."""
        self.commit, self.report, self.progress = commit, report, progress

    async def add(self, line: int, delivery: DeliveredRecord) -> None:
        """Add a row; start a full batch once the batch before it in the lane is committed."""
        lane = self.waiting.get(delivery.record_id)
        if lane is None:
            lane = self.lanes[crc32(delivery.account.encode()) % len(self.lanes)]
            self.waiting[delivery.record_id] = lane
        lane.rows.append((line, delivery))
        if len(lane.rows) == BATCH_MAX:
            await self._start(lane)

    async def finish(self) -> None:
        """Commit the remaining rows of every lane and wait for them."""
        for lane in self.lanes:
            await self._start(lane)
        for lane in self.lanes:
            await self._arrived(lane)

    async def settle(self) -> None:
        """Wait for the batches in progress of a source that was stopped, so that committed rows are counted."""
        for lane in self.lanes:
            with suppress(batch.SourceNotInForce):
                await self._arrived(lane)

    async def cancel(self) -> None:
        """Cancel the batches in progress; committed or not, their rows can be sent again."""
        left = [lane.task for lane in self.lanes if lane.task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _start(self, lane: _Lane) -> None:
        await self._arrived(lane)
        ids = {delivery.record_id for _, delivery in lane.rows}
        for name in ids:
            del self.waiting[name]
        for other in self.lanes:
            # A batch with a row of the same id must be committed before this one.
            if not ids.isdisjoint(other.ids):
                await self._arrived(other)
        lane.ids, lane.lines = ids, [line for line, _ in lane.rows]
        lane.task = asyncio.ensure_future(  # noqa: RUF006
            self.commit([delivery for _, delivery in lane.rows])
        )
        lane.rows = []

    async def _arrived(self, lane: _Lane) -> None:
        if lane.task is None:
            return
        for line, answer in zip(lane.lines, await lane.task, strict=True):
            if answer.status == "accepted":
                self.report.accepted += 1
            elif answer.status == "duplicate":
                self.report.duplicates += 1
            else:
                self.report.refuse(RefusedRow(line, answer.record_id, str(answer.code)))
        lane.task, lane.ids = None, set()
        self.progress(self.report)
