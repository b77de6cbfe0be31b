"""A first mapping, guessed from a file: its format, encoding, delimiter, header, and the meaning of its columns.

A guess is written down for a person to read; nothing is imported by one that nobody has confirmed.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from service.ingest import encodings
from service.ingest.column_guess import ColumnGuess, guess_columns
from service.ingest.encodings import FileUnreadable
from service.ingest.table import name_of

ROWS_READ: Final = 1_000
"""Rows by which the columns are guessed."""
HEADER_ROWS: Final = 30
"""Rows among which the header is looked up."""
DELIMITERS: Final = (",", "\t", ";", "|")
TOTAL_WORDS: Final = ("合计", "总计", "小计", "Total", "Sum", "Grand total")
"""Begins of a line below the table."""


@dataclass(slots=True)
class FileShape:
    """The outer shape of a file: format, encoding, delimiter, lines above the header, its columns, and sample rows."""

    format: str
    encoding: str | None = None
    delimiter: str = ","
    sheet: str | None = None
    skip_lines: int = 0
    until: str | None = None
    columns: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed mapping as YAML text, and sentences about what a person must decide."""

    text: str
    doubts: list[str]


def guess_mapping(path: Path) -> Guess:
    """Guess the mapping of a file. Raises FileUnreadable, OSError."""
    shape = _shape(path)
    if len(shape.columns) < 2:
        raise FileUnreadable(f"{path.name} shows no table with named columns; write the mapping by hand")
    columns = guess_columns(path.name, shape.columns, shape.rows)
    return Guess(_as_yaml(path.name, shape, columns), columns.doubts)


def _shape(path: Path) -> FileShape:
    sample = encodings.read_sample(path)
    if sample.startswith(b"PK\x03\x04"):
        return _workbook_shape(path)
    encoding = encodings.guess_encoding(sample)
    if encoding is None:
        raise FileUnreadable(f"{path.name} is text in no known encoding")
    with encodings.open_text(
        path, None if encodings.marked_encoding(sample) else encodings.ENCODINGS[encoding]
    ) as file:
        text = file.read(encodings.SAMPLE_BYTES)
    written = None if encoding == "utf-8" or encodings.marked_encoding(sample) else encoding
    if text.lstrip().startswith("{"):
        return _ndjson_shape(text, written)
    return _csv_shape(text, written)


def _ndjson_shape(text: str, encoding: str | None) -> FileShape:
    objects = []
    for line in text.splitlines()[:-1] or text.splitlines():
        try:
            value = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            objects.append(value)
    columns = list(dict.fromkeys(name for row in objects for name in row))
    rows = [[row.get(name) for name in columns] for row in objects[:ROWS_READ]]
    return FileShape("ndjson", encoding, columns=columns, rows=rows)


def _csv_shape(text: str, encoding: str | None) -> FileShape:
    lines = text.splitlines(keepends=True)
    complete = lines[:-1] if len(text) >= encodings.SAMPLE_BYTES // 4 and len(lines) > 1 else lines
    tables = {delimiter: _parsed(complete, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: _regularity(tables[mark]))
    shape = FileShape("csv", encoding, delimiter)
    _find_table(shape, tables[delimiter])
    return shape


def _workbook_shape(path: Path) -> FileShape:
    from service.ingest import workbook

    names = workbook.sheet_names(path)
    shape = FileShape("xlsx", sheet=names[0] if len(names) > 1 else None)
    rows = [(values.line, list(values.cells)) for values in islice(workbook.sheet_values(path, None), ROWS_READ)]
    _find_table(shape, rows)
    return shape


def _parsed(lines: list[str], delimiter: str) -> list[tuple[int, list[Any]]]:
    """Return (first line, cells) of each row of a sample."""
    rows, first = [], 1
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for cells in reader:
            if cells:
                rows.append((first, list(cells)))
            first = reader.line_num + 1
    except csv.Error:
        pass
    return rows


def _regularity(rows: Sequence[tuple[int, list[Any]]]) -> float:
    """Return how many rows share the most frequent width above one, as a share, wider tables first among equals."""
    widths = Counter(len(cells) for _, cells in rows if len(cells) > 1)
    if not widths:
        return 0.0
    width, count = widths.most_common(1)[0]
    return count / len(rows) + width / 10_000


def _find_table(shape: FileShape, rows: list[tuple[int, list[Any]]]) -> None:
    """Set the header and the lines above it, and read the rows below it."""
    filled = [(line, cells, sum(cell not in (None, "") for cell in cells)) for line, cells in rows]
    widths = Counter(width for _, _, width in filled if width > 1)
    if not widths:
        return
    usual = widths.most_common(1)[0][0]
    for position, (line, cells, width) in enumerate(filled[:HEADER_ROWS]):
        texts = [name_of(cell) for cell in cells]
        named = [text for text in texts if text and not text.replace(".", "").replace("-", "").isdigit()]
        if width >= usual and len(named) == width == len(set(named)) and not texts[0].endswith((":", "：")):
            shape.skip_lines, shape.columns = line - 1, texts
            _read_rows(shape, rows[position + 1 : position + 1 + ROWS_READ])
            return


def _read_rows(shape: FileShape, rows: Sequence[tuple[int, list[Any]]]) -> None:
    """Add the rows below the header until a total line, whose word is set."""
    for _, cells in rows:
        first = name_of(next((cell for cell in cells if cell not in (None, "")), ""))
        total = next((word for word in TOTAL_WORDS if first.startswith(word)), None)
        if total is not None:
            shape.until = total
            break
        padded = [*cells, *[None] * len(shape.columns)][: len(shape.columns)]
        if any(cell not in (None, "") for cell in padded):
            shape.rows.append(padded)


def _quoted(text: str) -> str:
    """Return a text as YAML reads it back: JSON's quotes are YAML's."""
    return json.dumps(text, ensure_ascii=False)


def _as_yaml(name: str, shape: FileShape, columns: ColumnGuess) -> str:
    lines = [
        f"# Guessed from {name}. Read it, correct it, and check again:",
        "# credit-easy import FILE --check --mapping THIS_FILE",
        f"format: {shape.format}",
    ]
    if shape.encoding:
        lines.append(f"encoding: {shape.encoding}")
    if shape.delimiter != ",":
        lines.append(f"delimiter: {'tab' if shape.delimiter == chr(9) else _quoted(shape.delimiter)}")
    if shape.sheet:
        lines.append(f"sheet: {_quoted(shape.sheet)}")
    if shape.skip_lines:
        lines.append(f"skip_lines: {shape.skip_lines}")
    if shape.until:
        lines.append(f"until: {_quoted(shape.until)}")
    lines.append("columns:")
    for member, value in columns.columns.items():
        written = _quoted(value) if isinstance(value, str) else f"[{', '.join(map(_quoted, value))}]"
        lines.append(f"  {member}: {written}")
    lines += [f"{member}: {value}" for member, value in columns.constants.items()]
    lines += [f"# To decide: {doubt}" for doubt in columns.doubts]
    return "\n".join(lines) + "\n"
