"""Rows of a table from any kind of file: the header, the rows below it, and the line that ends them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from service.ingest.mapping import UNDECIDED, FileMapping, MappingInvalid

LINE_CHARACTERS_MAX: Final = 65_536
"""Characters of the longest line or CSV row that is read."""
HEADER_SEARCH_LINES: Final = 50
"""Lines after `skip_lines` among which a message searches the header."""
HEADER_CHARACTERS_NAMED: Final = 400
"""Characters of the file's own header that a message repeats."""


class Row(NamedTuple):
    """A row: its first line, counted from 1, and its cells by column; columns outside the mapping may be absent."""

    line: int
    cells: dict[str, Any]


class BadRow(NamedTuple):
    """A line that is no row: its number, the code of the reason, and what to do."""

    line: int
    reason: str
    message: str


class Values(NamedTuple):
    """The cells of a line of a table before the header gives them names."""

    line: int
    cells: Sequence[Any]


def name_of(cell: Any) -> str:
    """Return a cell of a header as a column's name: one space between words, none around them."""
    return " ".join(str(cell).replace("\ufeff", "").split()) if cell is not None else ""


def rows_of(
    lines: Iterator[Values | BadRow], mapping: FileMapping, hints: Sequence[str] = (), *, ragged: bool = False
) -> Iterator[Row | BadRow]:
    """Yield the rows below the header until the line that `until` names.

    `lines` begins with the header; `hints` are sentences for a header that lacks a column of the mapping. In a `ragged`
    table, a workbook's, a row has as many cells as it needs.

    Raises:
        MappingInvalid: the header lacks a column, or has it twice.
    """
    header = next(lines, None)
    if isinstance(header, BadRow):
        raise MappingInvalid(
            f"line {header.line}, which should name the columns, is no line of a table: {header.message}"
        )
    mapped = {name_of(name): name for name in mapping.column_names}
    names = [] if header is None else [name_of(cell) for cell in header.cells]
    if missing := [name for name in sorted(mapped) if name not in names]:
        raise MappingInvalid(_missing(missing, header, names, lines, (mapping, hints)))
    if twice := [name for name in sorted(mapped) if names.count(name) > 1]:
        raise MappingInvalid(f"the file has more than one column {', '.join(twice)}; rename one of them")
    columns = [(column, names.index(name)) for name, column in mapped.items()]
    width = len(names)
    for entry in lines:
        if isinstance(entry, BadRow):
            yield entry
            continue
        line, cells = entry
        if mapping.until is not None and _begins_with(cells, mapping.until):
            return
        if ragged:
            if all(cell in (None, "") for cell in cells):
                continue
            cells = [*cells, *[None] * (width - len(cells))]
        elif len(cells) < width or any(cells[width:]):
            yield BadRow(line, "malformed_row", f"{len(cells)} cells instead of {width}; see quotes and `delimiter`")
            continue
        yield Row(line, {column: cells[index] for column, index in columns})


def _begins_with(cells: Sequence[Any], text: str) -> bool:
    first = next((cell for cell in cells if cell not in (None, "")), "")
    return name_of(first).startswith(text)


def _missing(
    missing: list[str],
    header: Values | None,
    names: list[str],
    lines: Iterator[Values | BadRow],
    known: tuple[FileMapping, Sequence[str]],
) -> str:
    """Say which columns are missing, what is there, and what may help; `known` is the mapping and sentences for it."""
    mapping, hints = known
    if header is None:
        return f"the file has no column {', '.join(missing)}: it is empty"
    there = ", ".join(name for name in names if name)[:HEADER_CHARACTERS_NAMED]
    if UNDECIDED in missing:
        undecided = [field for field, column in mapping.columns if column == UNDECIDED]
        constant = "; or delete the line and write `account: THE_NUMBER` for all rows" * ("account" in undecided)
        return (
            f"columns.{', '.join(undecided)} of the mapping is not decided: write one of the file's columns in the"
            f" place of {UNDECIDED}{constant}. The file has: {there or 'nothing'}"
        )
    parts = [f"the file has no column {', '.join(missing)}", f"line {header.line} has: {there or 'nothing'}"]
    for name in missing:
        for near in difflib.get_close_matches(name, names, n=1, cutoff=0.8):
            parts.append(f"is {near} meant by {name}?")
    later = (entry for entry, _ in zip(lines, range(HEADER_SEARCH_LINES), strict=False) if isinstance(entry, Values))
    line = next((entry.line for entry in later if set(missing) <= {name_of(cell) for cell in entry.cells}), None)
    if line is not None:
        parts.append(f"line {line} has them: write `skip_lines: {line - 1}`")
    return "; ".join([*parts, *hints])


def delimiter_hint(line: str, delimiter: str) -> str | None:
    """Return advice where another delimiter occurs more often in a line, or None."""
    names = {";": 'delimiter: ";"', "\t": "delimiter: tab", "|": 'delimiter: "|"', ",": 'delimiter: ","'}
    words = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
    unquoted = re.sub(r'"[^"]*"', "", line)
    most = max(names, key=unquoted.count)
    count = unquoted.count(most)
    if most == delimiter or count <= unquoted.count(delimiter):
        return None
    return f"the line has {count} {words[most]}: write `{names[most]}`"
