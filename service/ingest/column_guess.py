"""The meaning of a table's columns, guessed from their names and from what is in them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from consent.domain.records import RecordKind
from service.ingest import cells
from service.ingest.cells import CellInvalid, Days, Quantities
from service.ingest.mapping import UNDECIDED

DATE_FORMATS: Final = (
    "iso",
    "%Y-%m-%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y年%m月%d日",
    "%Y.%m.%d",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%m/%d/%y %H:%M",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%Y%m%d",
    "excel",
    "epoch_seconds",
    "epoch_milliseconds",
)
"""Formats that are tried, in this order."""
READ_SHARE: Final = 0.8
"""The share of a column's cells that must be dates or numbers; the rest are faults that a check names."""
KIND_WORDS_MAX: Final = 30
"""Different words of a column of kinds at most."""
NAMES: Final = {
    "record_id": (
        r"(trip|ride|rental|record|order|shift|transaction|log)[ _-]*(id|no|number)$|^id$"
        r"|流水号|订单号|单号|记录编号|记录号"
    ),
    "account": (
        r"account|(member|user|volunteer|rider|person|bike)[ _-]*(id|no|number)|card|^bike"
        r"|(志愿者|会员|用户|读者|学员)(编号|号|id)|账号|卡号|证号|编号"
    ),
    "begin": r"start|begin|开始|出发",
    "occurred_on": r"date|day|日期|时间",
    "quantity": r"hours?|minutes?|quantity|count|时长|小时|分钟|数量|次数|时数",
    "kind": r"kind|category|type|类型|类别|种类|项目",
}
"""Words in a column's name by the member of a record they suggest."""
HOURS: Final = re.compile(r"hour|小时|时数|\(h\)|（h）", re.I)
KIND_WORDS: Final = {
    RecordKind.BIKE_TRIP: r"bike|cycl|ride|骑行|单车|自行车",
    RecordKind.TRANSIT_TRIP: r"transit|metro|bus|公交|地铁|轨道",
    RecordKind.VOLUNTEER_MINUTES: r"volunt|志愿|义工|志工",
    RecordKind.TREE_PLANTED: r"tree|植树",
    RecordKind.COMMUNITY_MEETING: r"meeting|议事|会议",
    RecordKind.ECO_COURSE: r"course|课程|讲座",
    RecordKind.READING_CIRCLE: r"reading|读书",
    RecordKind.BATTERY_RETURNED: r"batter|电池",
    RecordKind.ITEM_REPAIRED: r"repair|维修|修理",
}
"""Words by the kind of record they suggest. A kind may be missing: then only its own name is read as it, and a column
with another word for it is not guessed as the column of kinds."""


@dataclass(slots=True)
class ColumnGuess:
    """Columns by member of a record, constants as YAML writes them, and what a person must decide."""

    columns: dict[str, str | list[str]] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    values: tuple[Any, ...]
    formats: tuple[str, ...]

    @property
    def texts(self) -> list[str]:
        return [_text(value) for value in self.values]


def guess_columns(file_name: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> ColumnGuess:
    """Guess the columns of a table from its name, its columns' names and sample rows."""
    guess = ColumnGuess()
    columns = []
    for index, name in enumerate(names):
        values = tuple(row[index] for row in rows)
        if name and names.count(name) == 1 and any(map(_text, values)):
            columns.append(_Column(name, values, _date_formats(values)))
    dated = [column for column in columns if column.formats]
    day = _first_named(dated, "begin") or _first_named(dated, "occurred_on") or next(iter(dated), None)
    if day is not None:
        guess.columns["occurred_on"] = day.name
        _write_dates(guess, day)
    else:
        guess.columns["occurred_on"] = UNDECIDED
        guess.doubts.append(f"no column reads as a date: write it in the place of {UNDECIDED}, and its date_format")
    others = [column for column in columns if not column.formats]
    kind = _first_named([column for column in others if _kind_words(column)], "kind")
    identifiers = [column for column in others if column is not kind]
    record_id = _first_named([column for column in identifiers if _is_unique(column)], "record_id")
    account = _first_named(
        [column for column in identifiers if column is not record_id and _is_account(column)], "account"
    )
    _write_account(guess, account)
    _write_record_id(guess, record_id, [account, day, *dated], columns)
    _write_quantity(guess, [column for column in identifiers if column not in (record_id, account)])
    _write_kind(guess, kind, f"{file_name} {' '.join(names)}")
    order = ("record_id", "account", "occurred_on", "kind", "quantity")
    guess.columns = {member: guess.columns[member] for member in order if member in guess.columns}
    return guess


def _text(value: Any) -> str:
    try:
        return str(value) if isinstance(value, float) else cells.text_of(value)
    except CellInvalid:
        return ""


def _first_named(columns: Iterable[_Column], member: str) -> _Column | None:
    """Return the first column whose name suggests the member."""
    pattern = re.compile(NAMES[member], re.I)
    return next((column for column in columns if pattern.search(column.name)), None)


def _date_formats(values: Sequence[Any]) -> tuple[str, ...]:
    """Return the fewest formats that read nearly all values, or none where they are no dates."""
    waiting = [value for value in values if _text(value)][:200]
    enough, formats = len(waiting) * (1 - READ_SHARE), []
    while waiting:
        counts = {name: sum(_reads(value, name) for value in waiting) for name in DATE_FORMATS if name not in formats}
        best = max(counts, key=lambda name: counts[name])
        if counts[best] == 0:
            break
        formats.append(best)
        waiting = [value for value in waiting if not _reads(value, best)]
    return tuple(formats) if len(waiting) <= enough else ()


def _reads(value: Any, name: str) -> bool:
    if not isinstance(value, datetime) and name == "excel" and not 36_526 <= _number(value) <= 60_000:
        return False  # a number of a smaller or larger size is a count or an id
    try:
        day = Days((name,), None, lambda at: at.date()).read(value)
    except CellInvalid:
        return False
    return "2000" <= day[:4] <= "2099"


def _number(value: Any) -> Decimal:
    text = _text(value)
    return Decimal(text) if cells.NUMBER.fullmatch(text) else Decimal(-1)


def _is_unique(column: _Column) -> bool:
    texts = column.texts
    return all(cells.RECORD_ID.fullmatch(text) for text in texts) and len(set(texts)) == len(texts)


def _is_account(column: _Column) -> bool:
    texts = [text for text in column.texts if text]
    return len(texts) >= len(column.values) * READ_SHARE and all(cells.ACCOUNT.fullmatch(text) for text in texts)


def _kind_words(column: _Column) -> dict[str, RecordKind]:
    """Return the kind that each word of the column suggests; empty where a word suggests none."""
    words = {text for text in column.texts if text}
    if not 1 <= len(words) <= KIND_WORDS_MAX:
        return {}
    kinds = {word: _kind_in(word) for word in sorted(words)}
    return {word: kind for word, kind in kinds.items() if kind is not None} if all(kinds.values()) else {}


def _kind_in(text: str) -> RecordKind | None:
    if text in set(RecordKind):
        return RecordKind(text)
    return next((kind for kind, words in KIND_WORDS.items() if re.search(words, text, re.I)), None)


def _write_dates(guess: ColumnGuess, day: _Column) -> None:
    texts = [value for value in day.values if not isinstance(value, datetime) and _text(value)]
    formats = [name for name in day.formats if any(_reads(value, name) for value in texts)]
    if formats:
        written = ", ".join(json.dumps(name, ensure_ascii=False) for name in formats)
        guess.constants["date_format"] = f"[{written}]"
    for name in formats:
        swapped = re.sub(r"^%([md])/%([md])", r"%\2/%\1", name)
        read = [value for value in texts if _reads(value, name)]
        if swapped != name and all(_reads(value, swapped) for value in read):
            guess.doubts.append(f"{day.name}: {name} or {swapped}? No date of the sample tells day and month apart")
    if any(re.search(r"Z$|[+-]\d\d:?\d\d$", _text(value)) for value in texts):
        guess.doubts.append(f"{day.name} states its time zone; each moment becomes the city's civil day")
    elif any(":" in _text(value) or "T" in _text(value) for value in day.values):
        guess.doubts.append(f"{day.name} has times without a zone; if they are not the city's, write e.g. `zone: UTC`")


def _write_account(guess: ColumnGuess, account: _Column | None) -> None:
    guess.columns["account"] = UNDECIDED if account is None else account.name
    if account is None:
        guess.doubts.append(
            "no column reads as an account, the number of a rider or member: write its name in the place of"
            f" {UNDECIDED}. Where the whole file is of one account, delete that line and write `account: THE_NUMBER`."
            " Without accounts a file cannot be imported: its records would be nobody's"
        )
    elif re.search("bike", account.name, re.I):
        guess.doubts.append(f"{account.name} is a bike, not a person: is there a column with the rider's account?")


def _write_record_id(
    guess: ColumnGuess, record_id: _Column | None, first: Sequence[_Column | None], columns: Sequence[_Column]
) -> None:
    """Write the column of ids, or the fewest columns whose values together differ in every row."""
    if record_id is not None:
        guess.columns["record_id"] = record_id.name
        return
    chosen = list(dict.fromkeys(column for column in first if column is not None and all(column.texts)))
    for column in [*(column for column in columns if re.search(r"time|时间|start|开始", column.name, re.I)), *columns]:
        rows = list(zip(*(chosen_column.texts for chosen_column in chosen), strict=True))
        if chosen and len(set(rows)) == len(rows):
            break
        if column not in chosen and all(column.texts):
            chosen.append(column)
    guess.columns["record_id"] = [column.name for column in chosen[:10]]
    guess.doubts.append("no column reads as an id: it is made from several; take those that never change for a deed")


def _write_quantity(guess: ColumnGuess, columns: Sequence[_Column]) -> None:
    def decimal_of(column: _Column) -> str | None:
        values = [value for value in column.values if _text(value)]
        counts = {mark: sum(_is_number(value, mark) for value in values) for mark in (".", ",")}
        best = max(counts, key=lambda mark: counts[mark])
        return best if counts[best] >= len(values) * READ_SHARE else None

    quantity = _first_named((column for column in columns if decimal_of(column)), "quantity")
    if quantity is None:
        guess.constants["quantity"] = "1"
        return
    guess.columns["quantity"] = quantity.name
    if HOURS.search(quantity.name):
        guess.constants["factor"] = "60"
        guess.doubts.append(f"{quantity.name} is read as hours: 1 becomes 60 minutes")
    if decimal_of(quantity) == ",":
        guess.constants["decimal"] = '","'
    elif any(re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", text) for text in quantity.texts):
        guess.constants["thousands"] = '","'


def _is_number(value: Any, decimal: str) -> bool:
    try:
        Quantities(Decimal(1_000_000), "." if decimal == "," else ",", decimal).read(value)
    except CellInvalid:
        return False
    return True


def _write_kind(guess: ColumnGuess, kind: _Column | None, text: str) -> None:
    if kind is not None:
        guess.columns["kind"] = kind.name
        words = _kind_words(kind)
        if any(word != meant.value for word, meant in words.items()):
            pairs = (f"{json.dumps(word, ensure_ascii=False)}: {meant.value}" for word, meant in words.items())
            guess.constants["kinds"] = f"{{{', '.join(pairs)}}}"
        if len(set(words.values())) > 1 and "factor" in guess.constants:
            guess.doubts.append("factor counts for every kind: take hours and other kinds apart with `where`")
        return
    meant = _kind_in(text)
    if meant is None:
        guess.constants["kind"] = UNDECIDED
        guess.doubts.append(f"the kind of record, in the place of {UNDECIDED}: {', '.join(sorted(RecordKind))}")
    else:
        guess.constants["kind"] = meant.value
        guess.doubts.append(f"every row is taken as {meant.value}")
