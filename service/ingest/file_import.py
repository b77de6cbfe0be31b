"""A source's own CSV or NDJSON file through the consent gate, ten thousand rows a transaction; safe to run again.

A mapping file says how the source's columns become records. A bad row is reported with its line and reason and spoils
no other. Memory stays flat whatever the file's size.
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
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO
from zlib import crc32

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consent.crypto.vault import Keyring
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.records.intake import BATCH_MAX, DeliveredRecord, DeliveryResult
from service.http.context import Clock
from service.ingest import batch

RECORD_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
LANES = 2
"""Batches under way at a time, each of other accounts, while the next rows are read."""
READ_CHUNK_ROWS = 500
"""Rows read before the batches under way have their turn."""
GC_THRESHOLD = 200_000
"""Objects made before Python looks for cycles among them, while a file is read."""
LINE_CHARACTERS_MAX = 65_536
"""A line longer than this is no row; the csv module is held to it too."""
DATE_CHARACTERS_MAX = 64
"""A longer text is no date, and is not kept as one."""
EXAMPLES_MAX = 20
"""Refused rows named in the report, of each reason; the counts are always whole."""


class MappingInvalid(Exception):
    """The mapping file does not fit; the message names the field."""


class ImportStopped(Exception):
    """The source is not in force any more; `report` has what was committed before."""

    def __init__(self, source_id: str, report: ImportReport) -> None:
        super().__init__(
            f"the source {source_id} was suspended, retired or changed hands; before that {report.accepted} rows were"
            f" accepted, {report.duplicates} were there already and {report.refused.total()} were refused"
        )
        self.report = report


class RowFilter(BaseModel):
    """Take only rows whose column has one of these values."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    column: str
    one_of: Annotated[list[str], Field(min_length=1)]


class ColumnNames(BaseModel):
    """Which of the file's columns hold what."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    record_id: str
    account: str
    occurred_on: str
    kind: str | None = None
    quantity: str | None = None


class FileMapping(BaseModel):
    """How a source's rows become records. `kind` and `quantity` are constants where no column holds them."""

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
    """What became of the rows. `examples` has (line, record id, reason) of refused rows."""

    rows: int = 0
    filtered: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str, str]] = field(default_factory=list)

    def refuse(self, line: int, record_id: str, reason: str) -> None:
        """Count a refused row."""
        self.refused[reason] += 1
        if self.refused[reason] <= EXAMPLES_MAX:
            self.examples.append((line, record_id, reason))

    def as_json(self) -> dict[str, Any]:
        """The report, JSON-ready."""
        return {
            "rows": self.rows,
            "filtered": self.filtered,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "refused": dict(self.refused),
            "examples": [{"line": line, "record_id": rid, "code": code} for line, rid, code in self.examples],
        }


def read_mapping(path: Path) -> FileMapping:
    """The mapping of a YAML or JSON file, or MappingInvalid."""
    try:
        return parse_mapping(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise MappingInvalid(f"{path.name} cannot be read: {type(error).__name__}") from None


def parse_mapping(text: str, name: str) -> FileMapping:
    """The mapping of a YAML or JSON text; `name` is what a MappingInvalid calls it."""
    try:
        mapping = FileMapping.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise MappingInvalid(f"{name}: {place}: {first['msg']}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise MappingInvalid(f"{name} cannot be read: {type(error).__name__}") from None
    if (mapping.kind is None) == (mapping.columns.kind is None):
        raise MappingInvalid(f"{name}: name the kind once, as a constant or as a column")
    if (mapping.quantity is None) == (mapping.columns.quantity is None):
        raise MappingInvalid(f"{name}: name the quantity once, as a constant or as a column")
    return mapping


async def import_file(
    keyring: Keyring,
    clock: Clock,
    today_of: Callable[[datetime], date],
    path: Path,
    source_id: str,
    mapping: FileMapping,
    progress: Callable[[ImportReport], None] = lambda _: None,
) -> ImportReport:
    """Import a file for a source in force; LookupError when there is none of that id, Stopped when it does not stay."""
    report = ImportReport()
    source = await lifecycle.in_force(DocumentKind.SOURCES, source_id, await clock())
    if source is None:
        raise LookupError(f"there is no source {source_id} in force")
    commit = partial(batch.commit, keyring, clock, today_of, source)
    lanes = _Lanes(1 if queries.is_sqlite() else LANES, commit, report, progress)
    with _seldom_collecting():
        try:
            async for part in _parts(path, mapping, report):
                for line, delivery in part:
                    await lanes.add(line, delivery)
            await lanes.finish()
        except batch.SourceNotInForce:
            await lanes.settle()
            raise ImportStopped(source_id, report) from None
        finally:
            await lanes.give_up()
    return report


@dataclass(slots=True)
class _Lane:
    """Rows of some of the accounts, one batch after another: two batches seldom wait for one person's lock."""

    rows: list[tuple[int, DeliveredRecord]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    under_way: asyncio.Future[list[DeliveryResult]] | None = None


class _Lanes:
    """Batches under way beside each other, each of other accounts but for rows that share a name with another's."""

    def __init__(
        self,
        count: int,
        commit: Callable[[list[DeliveredRecord]], Coroutine[Any, Any, list[DeliveryResult]]],
        report: ImportReport,
        progress: Callable[[ImportReport], None],
    ) -> None:
        self.lanes = [_Lane() for _ in range(count)]
        self.waiting: dict[str, _Lane] = {}
        """Where rows of a name wait to be sent: of two rows of one name the first is the one that counts."""
        self.commit, self.report, self.progress = commit, report, progress

    async def add(self, line: int, delivery: DeliveredRecord) -> None:
        """A row more; a full batch goes on its way once the one before it has arrived."""
        lane = self.waiting.get(delivery.record_id)
        if lane is None:
            lane = self.lanes[crc32(delivery.account.encode()) % len(self.lanes)]
            self.waiting[delivery.record_id] = lane
        lane.rows.append((line, delivery))
        if len(lane.rows) == BATCH_MAX:
            await self._start(lane)

    async def finish(self) -> None:
        """Send what is left and wait for all of it."""
        for lane in self.lanes:
            await self._start(lane)
        for lane in self.lanes:
            await self._arrived(lane)

    async def settle(self) -> None:
        """Wait for what is under way of a source that was stopped, so that what was committed is counted."""
        for lane in self.lanes:
            with suppress(batch.SourceNotInForce):
                await self._arrived(lane)

    async def give_up(self) -> None:
        """Stop what is under way: committed or not, it can be sent again."""
        left = [lane.under_way for lane in self.lanes if lane.under_way is not None]
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _start(self, lane: _Lane) -> None:
        await self._arrived(lane)
        ids = {delivery.record_id for _, delivery in lane.rows}
        for name in ids:
            del self.waiting[name]
        for other in self.lanes:
            # What was sent before comes first.
            if not ids.isdisjoint(other.ids):
                await self._arrived(other)
        lane.ids, lane.lines = ids, [line for line, _ in lane.rows]
        lane.under_way = asyncio.ensure_future(  # noqa: RUF006
            self.commit([delivery for _, delivery in lane.rows])
        )
        lane.rows = []

    async def _arrived(self, lane: _Lane) -> None:
        if lane.under_way is None:
            return
        for line, answer in zip(lane.lines, await lane.under_way, strict=True):
            if answer.status == "accepted":
                self.report.accepted += 1
            elif answer.status == "duplicate":
                self.report.duplicates += 1
            else:
                self.report.refuse(line, answer.record_id, str(answer.code))
        lane.under_way, lane.ids = None, set()
        self.progress(self.report)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for reference cycles seldom: rows make none, and looking for them was half of the work."""
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
            await asyncio.sleep(0)  # what is under way goes on


def _csv_rows(file: TextIO, mapping: FileMapping) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Each row with its line, or the reason why it is none."""
    csv.field_size_limit(LINE_CHARACTERS_MAX)
    reader = csv.DictReader(file)
    named = {
        *mapping.columns.model_dump(exclude_none=True).values(),
        *([mapping.where.column] if mapping.where else []),
    }
    if missing := named - set(reader.fieldnames or ()):
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
    """One row as a delivery."""
    columns = mapping.columns
    record_id, account = str(row.get(columns.record_id, "")), str(row.get(columns.account, ""))
    if not RECORD_ID.fullmatch(record_id):
        raise _RowInvalid("invalid_record_id")
    if not account.isascii() or not account.isprintable() or not 1 <= len(account) <= 64:
        raise _RowInvalid("invalid_account")
    when = str(row.get(columns.occurred_on, ""))
    day = _day(when, mapping.date_format, mapping.shift_days) if len(when) <= DATE_CHARACTERS_MAX else None
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
    """The civil day of a source's text, kept: a file has few days and many rows."""
    try:
        moment = datetime.strptime(text, date_format)  # noqa: DTZ007
        return (moment.date() + timedelta(days=shift_days)).isoformat()
    except (ValueError, OverflowError):
        return None
