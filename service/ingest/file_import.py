"""Import a source's own CSV or NDJSON file through the consent gate, in transactions of BATCH_MAX rows.

A mapping file describes how columns become records. A bad row is reported with its line and reason and affects no
other row. Memory does not grow with the file. Running the same file again stores nothing twice.
"""

from __future__ import annotations

import asyncio
import csv
import gc
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO
from zlib import crc32

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.records.intake import BATCH_MAX, DeliveredRecord, DeliveryResult
from service.ingest import batch
from service.ingest.batch import DeliveryContext

RECORD_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C ends at a nesting of 1,000; that in Python works for seconds on some kilobytes of brackets."""
LANES = 2
"""Batches committed concurrently, each of other accounts, while the next rows are read."""
READ_CHUNK_ROWS = 500
"""Rows read before the event loop runs the batches in progress."""
GC_THRESHOLD = 200_000
"""Allocations before a garbage collection while a file is read; Python's default of 700 took half of the time."""
LINE_CHARACTERS_MAX = 65_536
"""Characters of the longest line that is read as a row; also the csv module's field limit."""
DATE_CHARACTERS_MAX = 64
"""Characters of the longest text that is parsed as a date; bounds the cache of `_day`."""
EXAMPLES_MAX = 20
"""Refused rows named in the report for each reason; the counts cover all."""


class MappingInvalid(Exception):
    """The mapping file is not valid; the message names the field."""


class ImportStopped(Exception):
    """The source is no longer in force; `report` counts the rows committed before that."""

    def __init__(self, source_id: str, report: ImportReport) -> None:
        super().__init__(
            f"the source {source_id} was suspended, retired or changed hands; before that {report.accepted} rows were"
            f" accepted, {report.duplicates} were there already and {report.refused.total()} were refused"
        )
        self.report = report


class RowFilter(BaseModel):
    """Take only rows whose `column` has one of the values in `one_of`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    column: str
    one_of: Annotated[list[str], Field(min_length=1)]


class ColumnNames(BaseModel):
    """The file's column for each member of a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    record_id: str
    account: str
    occurred_on: str
    kind: str | None = None
    quantity: str | None = None


class FileMapping(BaseModel):
    """The mapping from a source's rows to records. `kind` and `quantity` are constants where no column has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal["csv", "ndjson"]
    columns: ColumnNames
    kind: str | None = None
    quantity: int | None = None
    account_prefix: str = ""
    date_format: str = "%Y-%m-%d"
    shift_days: int = 0
    where: RowFilter | None = None


@dataclass(slots=True)
class ImportReport:
    """Counts of rows by result. `examples` has (line, record id, reason) of refused rows."""

    rows: int = 0
    filtered: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str, str]] = field(default_factory=list)

    def refuse(self, line: int, record_id: str, reason: str) -> None:
        """Count a refused row by its reason and add it to the examples."""
        self.refused[reason] += 1
        if self.refused[reason] <= EXAMPLES_MAX:
            self.examples.append((line, record_id, reason))

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "rows": self.rows,
            "filtered": self.filtered,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "refused": dict(self.refused),
            "examples": [{"line": line, "record_id": rid, "code": code} for line, rid, code in self.examples],
        }


def read_mapping(path: Path) -> FileMapping:
    """Read the mapping of a YAML or JSON file. Raises MappingInvalid."""
    try:
        return parse_mapping(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise MappingInvalid(f"{path.name} cannot be read: {type(error).__name__}") from None


def parse_mapping(text: str, name: str) -> FileMapping:
    """Parse the mapping of a YAML or JSON text. Raises MappingInvalid, whose message begins with `name`."""
    try:
        mapping = FileMapping.model_validate(YAML_LOADER(text).get_single_data())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise MappingInvalid(f"{name}: {place}: {first['msg']}") from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise MappingInvalid(f"{name} cannot be read: {type(error).__name__}") from None
    if (mapping.kind is None) == (mapping.columns.kind is None):
        raise MappingInvalid(f"{name}: name the kind once, as a constant or as a column")
    if (mapping.quantity is None) == (mapping.columns.quantity is None):
        raise MappingInvalid(f"{name}: name the quantity once, as a constant or as a column")
    return mapping


async def import_file(
    context: DeliveryContext,
    path: Path,
    source_id: str,
    mapping: FileMapping,
    progress: Callable[[ImportReport], None] = lambda _: None,
) -> ImportReport:
    """Import a file for a source in force and return the report; `progress` is called after each committed batch.

    Raises:
        LookupError: no source of that id is in force.
        ImportStopped: the source was suspended, retired or changed during the import.
        MappingInvalid: the file lacks a column of the mapping.
        OSError: the file cannot be read.
    """
    report = ImportReport()
    source = await lifecycle.in_force(DocumentKind.SOURCES, source_id, await context.clock())
    if source is None:
        raise LookupError(f"there is no source {source_id} in force")
    commit = partial(batch.commit, context, source)
    lanes = _Lanes(1 if queries.is_sqlite() else LANES, commit, report, progress)
    with _rare_garbage_collection():
        try:
            async for part in _parts(path, mapping, report):
                for line, delivery in part:
                    await lanes.add(line, delivery)
            await lanes.finish()
        except batch.SourceNotInForce:
            await lanes.settle()
            raise ImportStopped(source_id, report) from None
        finally:
            await lanes.cancel()
    return report


@dataclass(slots=True)
class _Lane:
    """Rows of some accounts, in batches one after another: two lanes rarely wait for the same person's lock."""

    rows: list[tuple[int, DeliveredRecord]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    task: asyncio.Future[list[DeliveryResult]] | None = None


class _Lanes:
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
                self.report.refuse(line, answer.record_id, str(answer.code))
        lane.task, lane.ids = None, set()
        self.progress(self.report)


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Collect garbage rarely: rows make no reference cycles, and collections took half of the time."""
    before = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _parts(
    path: Path, mapping: FileMapping, report: ImportReport
) -> AsyncIterator[list[tuple[int, DeliveredRecord]]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = _csv_rows(file, mapping) if mapping.format == "csv" else _ndjson_rows(file)
        deliveries = _deliveries(rows, mapping, report)
        while part := list(islice(deliveries, READ_CHUNK_ROWS)):
            yield part
            await asyncio.sleep(0)  # let the batches in progress run


def _csv_rows(file: TextIO, mapping: FileMapping) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield each row with its line number, or the reason for which it is not a row."""
    csv.field_size_limit(LINE_CHARACTERS_MAX)
    reader = csv.DictReader(file)
    named = {
        *mapping.columns.model_dump(exclude_none=True).values(),
        *([mapping.where.column] if mapping.where else []),
    }
    try:
        columns = set(reader.fieldnames or ())
    except csv.Error:
        raise MappingInvalid("the file's first line is too long or no line of a CSV file") from None
    if missing := named - columns:
        raise MappingInvalid(f"the file has no column {', '.join(sorted(missing))}")
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num, "malformed_row"
            continue
        yield reader.line_num, "malformed_row" if None in row or None in row.values() else row


def _ndjson_rows(file: TextIO) -> Iterator[tuple[int, dict[str, Any] | str]]:
    number = 0
    while line := file.readline(LINE_CHARACTERS_MAX + 1):
        number += 1
        if len(line) > LINE_CHARACTERS_MAX:
            while line and not line.endswith(("\n", "\r")):
                line = file.readline(LINE_CHARACTERS_MAX)
            yield number, "line_too_long"
            continue
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except ValueError:
            row = None
        yield number, row if isinstance(row, dict) else "malformed_row"


def _deliveries(
    rows: Iterator[tuple[int, dict[str, Any] | str]], mapping: FileMapping, report: ImportReport
) -> Iterator[tuple[int, DeliveredRecord]]:
    for line, row in rows:
        report.rows += 1
        if isinstance(row, str):
            report.refuse(line, "", row)
            continue
        if mapping.where and str(row.get(mapping.where.column)) not in mapping.where.one_of:
            report.filtered += 1
            continue
        try:
            yield line, delivery_of(row, mapping)
        except _RowInvalid as error:
            report.refuse(line, "", error.reason)


class _RowInvalid(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def delivery_of(row: dict[str, Any], mapping: FileMapping) -> DeliveredRecord:
    """Return a row as a delivery. Raises _RowInvalid with the reason."""
    columns = mapping.columns
    record_id, account = str(row.get(columns.record_id, "")), str(row.get(columns.account, ""))
    if not RECORD_ID.fullmatch(record_id):
        raise _RowInvalid("invalid_record_id")
    if not account.isascii() or not account.isprintable() or not 1 <= len(account) <= 64:
        raise _RowInvalid("invalid_account")
    occurred_on = str(row.get(columns.occurred_on, ""))
    short = len(occurred_on) <= DATE_CHARACTERS_MAX
    day = _day(occurred_on, mapping.date_format, mapping.shift_days) if short else None
    if day is None:
        raise _RowInvalid("invalid_date")
    quantity = mapping.quantity
    if columns.quantity is not None:
        text = str(row.get(columns.quantity, ""))
        if not text.isascii() or not text.isdecimal() or len(text) > 9:
            raise _RowInvalid("invalid_quantity")
        quantity = int(text)
    kind = mapping.kind or str(row.get(columns.kind or "", ""))
    return DeliveredRecord(record_id, mapping.account_prefix + account, kind, quantity or 0, day)


@lru_cache(maxsize=4096)
def _day(text: str, date_format: str, shift_days: int) -> str | None:
    """The civil day of a source's text, or None; cached because a file has few days and many rows."""
    try:
        moment = datetime.strptime(text, date_format)  # noqa: DTZ007
        return (moment.date() + timedelta(days=shift_days)).isoformat()
    except (ValueError, OverflowError):
        return None
