"""Rows of CSV and NDJSON files, read a line at a time; a bad line spoils itself alone."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TextIO

import orjson

from service.ingest import encodings
from service.ingest.mapping import FileMapping
from service.ingest.table import LINE_CHARACTERS_MAX, BadRow, Row, Values, delimiter_hint, rows_of

ROW_LINES_MAX: Final = 200
"""Lines of the longest CSV row. A quotation mark that is never closed would take all rows below it otherwise."""


class _Unclosed(Exception):
    """A quoted cell does not end within ROW_LINES_MAX lines, LINE_CHARACTERS_MAX characters or the file."""


class _TooLong(Exception):
    """A line has more than LINE_CHARACTERS_MAX characters; the rest of it is skipped."""


class Lines:
    """The lines of a text file, which the CSV reader takes one by one, and which can be given back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._returned: deque[str] = deque()
        self._taken: list[str] = []
        self._characters = 0
        self.number = 0
        """The number of the last line that was taken."""

    @property
    def first(self) -> int:
        """The number of the first line of the row in progress."""
        return self.number - len(self._taken) + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._file.readline(LINE_CHARACTERS_MAX + 1)
        if not line:
            if self._taken:
                raise _Unclosed
            raise StopIteration
        self.number += 1
        self._taken.append(line)
        if len(line) > LINE_CHARACTERS_MAX:
            _skip_rest(self._file, line)
            self._taken[-1] = line + "\n"  # given back, it ends here
            raise _TooLong
        self._characters += len(line)
        if len(self._taken) > ROW_LINES_MAX or self._characters > LINE_CHARACTERS_MAX:
            raise _Unclosed
        return line

    def end_row(self) -> None:
        """Forget the lines of the row that was read."""
        self._taken.clear()
        self._characters = 0

    def give_back(self, after: int) -> None:
        """Give back all lines of the row in progress after its first `after`; they are read again."""
        again = self._taken[after:]
        self._returned.extendleft(reversed(again))
        self.number -= len(again)
        self.end_row()


def csv_rows(path: Path, mapping: FileMapping) -> Iterator[Row | BadRow]:
    """Yield the rows of a CSV file. Raises MappingInvalid, FileUnreadable, OSError."""
    with encodings.open_text(path, mapping.encoding) as file:
        yield from rows_of(csv_values(file, mapping), mapping, _hints(path, mapping))


def csv_values(file: TextIO, mapping: FileMapping) -> Iterator[Values | BadRow]:
    """Yield each line of a table in an open file, or the reason for which it is none."""
    csv.field_size_limit(LINE_CHARACTERS_MAX)
    lines = Lines(file)
    for _ in range(mapping.skip_lines):
        with suppress(_TooLong):
            next(lines, "")
        lines.end_row()
    reader = csv.reader(lines, delimiter=mapping.delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_Unclosed, csv.Error):
            first = lines.first
            lines.give_back(after=1)
            yield _unclosed(first)
            continue
        except _TooLong:
            first, alone = lines.first, lines.first == lines.number
            lines.give_back(after=1)
            yield _too_long(first) if alone else _unclosed(first)
            continue
        first = lines.first
        lines.end_row()
        if cells:
            yield Values(first, cells)


def _unclosed(line: int) -> BadRow:
    return BadRow(line, "malformed_row", "a quotation mark is not closed; double it, or remove it")


def _too_long(line: int) -> BadRow:
    return BadRow(line, "line_too_long", f"more than {LINE_CHARACTERS_MAX:,} characters")


def _hints(path: Path, mapping: FileMapping) -> list[str]:
    """Return what the bytes of the file tell about its encoding and delimiter, where the mapping says otherwise."""
    sample = encodings.read_sample(path)
    declared = mapping.encoding or encodings.marked_encoding(sample) or "utf-8"
    guessed = encodings.guess_encoding(sample)
    hints = []
    text = _decoded(sample, declared)
    if guessed and _decoded(sample, guessed) != text:
        hints.append(f"the file is not {declared}, it reads as {guessed}: write `encoding: {guessed}`")
        text = _decoded(sample, guessed)
    above = text.splitlines()[mapping.skip_lines : mapping.skip_lines + 1]
    if above and (hint := delimiter_hint(above[0], mapping.delimiter)):
        hints.append(hint)
    return hints


def _decoded(sample: bytes, encoding: str) -> str:
    """Return a sample as text, without its mark and without a character that its end cuts."""
    return sample.decode(encodings.ENCODINGS[encoding], "replace").removeprefix("\ufeff").removesuffix("\ufffd")


def ndjson_rows(path: Path, mapping: FileMapping) -> Iterator[Row | BadRow]:
    """Yield the rows of an NDJSON file. Raises FileUnreadable, OSError."""
    with encodings.open_text(path, mapping.encoding) as file:
        yield from ndjson_lines(file)


def ndjson_lines(file: TextIO) -> Iterator[Row | BadRow]:
    """Yield the object of each line of an open file that is not blank."""
    number = 0
    while line := file.readline(LINE_CHARACTERS_MAX + 1):
        number += 1
        if len(line) > LINE_CHARACTERS_MAX:
            _skip_rest(file, line)
            yield _too_long(number)
        elif line.strip():
            row = _object(line)
            yield Row(number, row) if row is not None else BadRow(number, "malformed_row", "the line is no JSON object")


def _skip_rest(file: TextIO, line: str) -> None:
    """Read on to the end of a line that is too long."""
    while line and not line.endswith(("\n", "\r")):
        line = file.readline(LINE_CHARACTERS_MAX)


def _object(line: str) -> dict[str, Any] | None:
    try:
        row = orjson.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
