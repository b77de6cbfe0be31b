"""Rows of an .xlsx workbook, read with openpyxl a row at a time, after the file was measured against limits.

An .xlsx is a ZIP archive of XML files. `zipfile` unpacks no more of a file than the archive declares, so the declared
sizes bound the work. openpyxl is imported here alone, and only when a workbook is read.
"""

from __future__ import annotations

import errno
import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from service.ingest.encodings import FileUnreadable
from service.ingest.mapping import FileMapping, MappingInvalid
from service.ingest.table import BadRow, Row, Values, rows_of

FILE_BYTES_MAX: Final = 64 * 2**20
"""Bytes of the file. A sheet has at most 1,048,576 rows, which take about 40 MB; more comes as CSV."""
UNPACKED_BYTES_MAX: Final = 512 * 2**20
"""Bytes of all parts of the workbook, unpacked; 1,000,000 rows of six columns are about 300 MB."""
STRINGS_BYTES_MAX: Final = 128 * 2**20
"""Bytes of the table of texts, unpacked: openpyxl holds it in memory, as about three times as much."""
PARTS_MAX: Final = 2_000
"""Files in the archive; a workbook of one table has about ten."""
ROW_BYTES_MAX: Final = 4 * 2**20
"""Bytes of XML from the end of one row to the end of the next: openpyxl holds a row in memory."""
ROWS_MAX: Final = 1_048_576
"""Rows of a sheet, as in Excel."""
SMALL_PART_BYTES_MAX: Final = 8 * 2**20
"""Bytes of any other part that openpyxl reads at once: styles, list of sheets, relations."""
CHUNK_BYTES: Final = 2**16
CHUNK_ROWS: Final = 500
ROW_TAG: Final = re.compile(rb"</?(?:\w{1,9}:)?row[ />]")
STRING_TAG: Final = re.compile(rb"</?(?:\w{1,9}:)?si[ />]")
BOUNDARY_BYTES_MAX: Final = 16
"""Bytes of the longest tag of ROW_TAG and of `<!DOCTYPE`, which two pieces may share."""
READ_AT_ONCE: Final = re.compile(r"xl/(styles|workbook)\.xml|\[Content_Types\]\.xml|docProps/.*|.*\.rels|xl/theme/.*")


def workbook_rows(path: Path, mapping: FileMapping) -> Iterator[Row | BadRow]:
    """Yield the rows of the mapping's sheet, or of the first. Raises MappingInvalid, FileUnreadable, OSError."""
    yield from rows_of(islice(sheet_values(path, mapping.sheet), mapping.skip_lines, None), mapping, ragged=True)


def sheet_names(path: Path) -> list[str]:
    """Return the names of a workbook's sheets. Raises FileUnreadable, OSError."""
    book = _open(path)
    try:
        return [str(sheet.title) for sheet in book.worksheets]
    finally:
        book.close()


def sheet_values(path: Path, sheet: str | None) -> Iterator[Values]:
    """Yield every row of a sheet with its number, empty ones included.

    Raises:
        FileUnreadable: no workbook, protected by a password, or beyond a limit.
        MappingInvalid: the workbook has no sheet of that name.
    """
    book = _open(path)
    try:
        names = [str(entry.title) for entry in book.worksheets]
        if sheet is not None and sheet not in names:
            raise MappingInvalid(f"the workbook has no sheet {sheet}; it has: {', '.join(names)}")
        if not names:
            raise FileUnreadable(f"{path.name} has no sheet with a table")
        chosen = book[sheet if sheet is not None else names[0]]
        chosen.reset_dimensions()  # a file may state fewer rows than it has
        for line, cells in enumerate(_in_chunks(path, chosen.iter_rows(values_only=True)), start=1):
            if line > ROWS_MAX:
                raise FileUnreadable(f"{path.name} has more than {ROWS_MAX:,} rows")
            yield Values(line, [_value(cell) for cell in cells])
    finally:
        book.close()


def _in_chunks(path: Path, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield rows while openpyxl's warnings about what it leaves out (colours, checks of input) are not printed."""
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                chunk = list(islice(rows, CHUNK_ROWS))
        except Exception as error:  # openpyxl and expat raise many types on a damaged file
            raise FileUnreadable(f"{path.name} is damaged: {type(error).__name__}; save it again, or as CSV") from None
        if not chunk:
            return
        yield from chunk


def _open(path: Path) -> Any:
    """Return the workbook, opened for reading row by row, after `_measure`."""
    import openpyxl

    _measure(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except Exception as error:
        if isinstance(error, OSError) and not _is_wrong_offset(error):
            raise
        raise FileUnreadable(f"{path.name} is damaged: {type(error).__name__}; save it again, or as CSV") from None


def _is_wrong_offset(error: OSError) -> bool:
    """Report whether a part would begin before the file does: zipfile seeks there, which the system refuses."""
    return error.errno == errno.EINVAL


def _measure(path: Path) -> None:
    """Raise FileUnreadable where a file is no workbook or beyond a limit; reads every sheet once, in pieces."""
    if path.stat().st_size > FILE_BYTES_MAX:
        raise FileUnreadable(f"{path.name} is larger than {FILE_BYTES_MAX // 2**20} MiB; export it as CSV")
    with path.open("rb") as file:
        if file.read(4) == b"\xd0\xcf\x11\xe0":
            raise FileUnreadable(f"{path.name} is an old Excel file (.xls) or has a password; save it as .xlsx or CSV")
    try:
        with zipfile.ZipFile(path) as archive:
            _measure_archive(path.name, archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise FileUnreadable(f"{path.name} is no .xlsx workbook ({type(error).__name__})") from None
    except OSError as error:
        if not _is_wrong_offset(error):
            raise
        raise FileUnreadable(f"{path.name} is damaged: its beginning is missing; save it again, or as CSV") from None


def _measure_archive(name: str, archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if "xl/workbook.xml" not in archive.namelist():
        raise FileUnreadable(f"{name} is no .xlsx workbook; for CSV write `format: csv`")
    if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_BYTES_MAX:
        raise FileUnreadable(
            f"{name} unpacks to more than {UNPACKED_BYTES_MAX // 2**20} MiB or {PARTS_MAX:,} parts; export it as CSV"
        )
    texts = _parts_of(archive, "[Content_Types].xml", b"sharedStrings+xml", "PartName")
    sheets = _parts_of(archive, "xl/_rels/workbook.xml.rels", b"/worksheet", "Target")
    for part in parts:
        if part.filename in texts and part.file_size > STRINGS_BYTES_MAX:
            raise FileUnreadable(f"{name} has more than {STRINGS_BYTES_MAX // 2**20} MiB of texts; export it as CSV")
        if READ_AT_ONCE.fullmatch(part.filename) and part.file_size > SMALL_PART_BYTES_MAX:
            raise FileUnreadable(f"{name}: {part.filename} is larger than {SMALL_PART_BYTES_MAX // 2**20} MiB")
        boundary = ROW_TAG if part.filename in sheets else STRING_TAG if part.filename in texts else None
        if boundary or part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as file:
                _measure_part(f"{name}: {part.filename}", file, boundary if part.file_size > ROW_BYTES_MAX else None)


def _parts_of(archive: zipfile.ZipFile, listing: str, kind: bytes, attribute: str) -> set[str]:
    """Return the names of the parts that a list of the workbook gives a kind: openpyxl reads these, however named."""
    if listing not in archive.namelist() or archive.getinfo(listing).file_size > SMALL_PART_BYTES_MAX:
        return set()
    elements = [tag for tag in re.findall(rb"<[^>]*>", archive.read(listing)) if kind in tag]
    names = (re.search(attribute.encode() + rb"\s*=\s*[\"']([^\"']*)", tag) for tag in elements)
    targets = (match[1].decode("utf-8", "replace") for match in names if match)
    return {target.removeprefix("/") if target.startswith("/") else f"xl/{target}" for target in targets}


def _measure_part(name: str, file: IO[bytes], boundary: re.Pattern[bytes] | None) -> None:
    """Refuse entities, by which a small file becomes a large one, and an endless row or text between boundaries.

    A large part may have no comment either: a boundary inside one would count.
    """
    waiting, tail = 0, b""
    while chunk := file.read(CHUNK_BYTES):
        window = tail + chunk
        if b"<!DOCTYPE" in window or b"<!ENTITY" in window or (not tail and b"\x00" in chunk[:64]):
            raise FileUnreadable(f"{name} is not as Excel writes it; save it again, or as CSV")
        if boundary is not None:
            if b"<!" in window:
                raise FileUnreadable(f"{name} is not as Excel writes it; save it again, or as CSV")
            last = max((match.end() for match in boundary.finditer(window)), default=-1)
            waiting = waiting + len(chunk) if last < 0 else len(window) - last
            if waiting > ROW_BYTES_MAX:
                raise FileUnreadable(f"{name} has a row or text of more than {ROW_BYTES_MAX // 2**20} MiB")
        tail = chunk[-BOUNDARY_BYTES_MAX:]


def _value(cell: Any) -> Any:
    """Return a cell's value as a text, a whole number, a moment or None; a number as Excel shows it, with 15 digits."""
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 10**15 else format(cell, ".15g")
    if isinstance(cell, bool) or cell is None:
        return None if cell is None else str(cell).upper()
    if isinstance(cell, time | timedelta):
        return str(cell)
    if isinstance(cell, datetime | int | str):
        return cell
    return str(cell)
