"""A check of a file: everything that an import does short of the database, and what was understood, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final

from consent.domain.records import RecordKind
from consent.records import intake
from consent.records.intake import DeliveredRecord
from service.ingest import file_import
from service.ingest.mapping import FileMapping
from service.ingest.report import ADVICE, ImportReport, RefusedRow
from service.ingest.row_reader import RowReader

FIRST_RECORDS: Final = 5
"""Records that a check prints, so that a person sees whether they are right."""
REFUSED_LINES: Final = 40
"""Refused rows that a check prints; the counts cover all."""
IDS_COMPARED_MAX: Final = 2_000_000
"""Ids that are compared with each other: about 150 MB of memory. The import itself compares all."""
ALL_KINDS: Final = frozenset(kind.value for kind in RecordKind)


@dataclass(slots=True)
class KindCount:
    """Records of one kind: their number, the sum of quantities, the first and the last day."""

    records: int = 0
    quantity: int = 0
    first_day: str = "9999-12-31"
    last_day: str = ""

    def add(self, record: DeliveredRecord) -> None:
        """Count a record."""
        self.records += 1
        self.quantity += record.quantity
        self.first_day, self.last_day = min(self.first_day, record.occurred_on), max(self.last_day, record.occurred_on)


@dataclass(slots=True)
class Preview:
    """The result of a check. `report.accepted` counts records that an import would send."""

    report: ImportReport = field(default_factory=ImportReport)
    first: list[tuple[int, DeliveredRecord]] = field(default_factory=list)
    kinds: dict[str, KindCount] = field(default_factory=dict)
    accounts: int = 0
    ids_compared: bool = True

    def lines(self) -> Iterator[str]:
        """Yield the lines to print."""
        report, refused = self.report, self.report.refused.total()
        yield f"{report.rows:,} rows: {report.accepted:,} records of {self.accounts:,} accounts, {refused:,} refused"
        if report.duplicates:
            yield f"  {report.duplicates:,} rows repeat a record and would change nothing"
        if report.filtered:
            yield f"  {report.filtered:,} rows are left out by `where`"
        for kind, count in sorted(self.kinds.items()):
            yield (
                f"  {kind}: {count.records:,} records, quantity {count.quantity:,} in all,"
                f" from {count.first_day} to {count.last_day}"
            )
        if self.first:
            yield "the first records:"
        for line, record in self.first:
            yield (
                f"  line {line}: id {record.record_id}, account {record.account}, {record.kind}, {record.quantity},"
                f" {record.occurred_on}"
            )
        if refused:
            yield "refused, by reason:"
        yield from (f"  {line}" for line in report.summary())
        if refused:
            yield "refused, by line:"
        for row in sorted(report.examples)[:REFUSED_LINES]:
            column = f", column {row.column}" if row.column else ""
            yield f"  line {row.line}, id {row.record_id or '(none)'}{column}: {row.code}"
        if not self.ids_compared:
            yield f"ids were compared for the first {IDS_COMPARED_MAX:,} records"


def check_file(path: Path, mapping: FileMapping, day_of: Callable[[datetime], date], now: datetime) -> Preview:
    """Read a whole file by a mapping and return what an import would send, without sending.

    Consents and links are not asked, nor which kinds the source may deliver.

    Raises:
        MappingInvalid, FileUnreadable, OSError: as `file_import.import_file`.
    """
    preview, today = Preview(), day_of(now)
    accounts: set[int] = set()
    contents: dict[int, int] = {}
    records = file_import.deliveries(file_import.read_rows(path, mapping), RowReader(mapping, day_of), preview.report)
    for line, record in records:
        refusal = intake.shape_refusal(record, ALL_KINDS, today)
        if refusal is not None:
            preview.report.refuse(RefusedRow(line, record.record_id, refusal.value, None, ADVICE.get(refusal)))
            continue
        key, content = hash(record.record_id), hash(record)
        known = contents.get(key)
        if known is None:
            if len(contents) < IDS_COMPARED_MAX:
                contents[key] = content
            else:
                preview.ids_compared = False
        elif known == content:
            preview.report.duplicates += 1
            continue
        else:
            conflict = intake.Refusal.CONFLICT
            preview.report.refuse(RefusedRow(line, record.record_id, conflict.value, None, ADVICE[conflict]))
            continue
        _count(preview, line, record, accounts)
    preview.accounts = len(accounts)
    return preview


def _count(preview: Preview, line: int, record: DeliveredRecord, accounts: set[int]) -> None:
    preview.report.accepted += 1
    accounts.add(hash(record.account))
    preview.kinds.setdefault(record.kind, KindCount()).add(record)
    if len(preview.first) < FIRST_RECORDS:
        preview.first.append((line, record))
