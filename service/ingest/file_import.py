"""Import a source's own file through the consent gate, in transactions of BATCH_MAX rows.

A mapping describes how rows become records. A bad row is reported with its line and reason and affects no other row.
Memory does not grow with the file, except an .xlsx. Running the same file again stores nothing twice: the id of a
record comes from its row alone.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.records.intake import DeliveredRecord
from service.ingest import batch, text_rows
from service.ingest.batch import DeliveryContext
from service.ingest.lanes import Lanes
from service.ingest.mapping import FileMapping
from service.ingest.report import ImportReport, RefusedRow
from service.ingest.row_reader import RowReader
from service.ingest.table import BadRow, Row

LANES = 2
"""Batches committed concurrently, each of other accounts, while the next rows are read."""
READ_CHUNK_ROWS = 500
"""Rows read before the event loop runs the batches in progress."""
GC_THRESHOLD = 200_000
"""Allocations before a garbage collection while a file is read; Python's default of 700 took half of the time."""


class ImportStopped(Exception):
    """The source is no longer in force; `report` counts the rows committed before that."""

    def __init__(self, source_id: str, report: ImportReport) -> None:
        super().__init__(
            f"the source {source_id} was suspended, retired or changed hands; before that {report.accepted} rows were"
            f" accepted, {report.duplicates} were there already and {report.refused.total()} were refused"
        )
        self.report = report


async def import_file(
    context: DeliveryContext,
    path: Path,
    source_id: str,
    mapping: FileMapping,
    report: ImportReport,
    progress: Callable[[ImportReport], None] = lambda _: None,
) -> None:
    """Import a file for a source in force; `report` counts as it goes, `progress` is called after each committed batch.

    Raises:
        LookupError: no source of that id is in force.
        ImportStopped: the source was suspended, retired or changed during the import.
        MappingInvalid: the file lacks a column of the mapping.
        FileUnreadable: the file is not what the mapping says, or beyond a limit.
        OSError: the file cannot be read.
    """
    source = await lifecycle.in_force(DocumentKind.SOURCES, source_id, await context.clock())
    if source is None:
        raise LookupError(f"there is no source {source_id} in force")
    commit = partial(batch.commit, context, source)
    lanes = Lanes(1 if queries.is_sqlite() else LANES, commit, report, progress)
    with _rare_garbage_collection():
        try:
            async for part in _parts(read_rows(path, mapping), RowReader(mapping, context.day_of), report):
                for line, delivery in part:
                    await lanes.add(line, delivery)
            await lanes.finish()
        except batch.SourceNotInForce:
            await lanes.settle()
            raise ImportStopped(source_id, report) from None
        finally:
            await lanes.cancel()


def read_rows(path: Path, mapping: FileMapping) -> Iterator[Row | BadRow]:
    """Return the rows of a file in the mapping's format. Iterating raises what `import_file` says of the file."""
    if mapping.format == "xlsx":
        from service.ingest import workbook  # openpyxl takes a tenth of a second

        return workbook.workbook_rows(path, mapping)
    return (text_rows.csv_rows if mapping.format == "csv" else text_rows.ndjson_rows)(path, mapping)


def deliveries(
    rows: Iterator[Row | BadRow], reader: RowReader, report: ImportReport
) -> Iterator[tuple[int, DeliveredRecord]]:
    """Yield (line, record) of each row that is a record; `report` counts the rows and names the refused ones."""
    for row in rows:
        report.rows += 1
        if isinstance(row, BadRow):
            report.refuse(RefusedRow(row.line, "", row.reason, None, row.message))
            continue
        if reader.is_filtered(row):
            report.filtered += 1
            continue
        read = reader.read(row)
        if isinstance(read, RefusedRow):
            report.refuse(read)
        else:
            yield row.line, read


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
    rows: Iterator[Row | BadRow], reader: RowReader, report: ImportReport
) -> AsyncIterator[list[tuple[int, DeliveredRecord]]]:
    records = deliveries(rows, reader, report)
    while part := list(islice(records, READ_CHUNK_ROWS)):
        yield part
        await asyncio.sleep(0)  # let the batches in progress run
