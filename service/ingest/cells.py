"""Values of cells: texts, ids, civil days and quantities as people write them. Pure; a bad cell raises CellInvalid.

A cell is a text of a CSV file, a value of JSON, or of a workbook: text, int, float, bool, datetime, time, None.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

RECORD_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
ACCOUNT: Final = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
"""The account of the HTTP call: printable ASCII without a space."""
SHORTENED: Final = re.compile(r"[0-9](\.[0-9]+)?[eE]\+[0-9]+")
"""A long number as a spreadsheet writes it after it has lost its last digits."""
ID_DIGITS: Final = 32
"""Hexadecimal digits of an id made from columns: 128 bits, so that two deeds of one source never share one."""
TEXT_MAX: Final = 64
"""Characters of the longest text that is read as a date or a number; bounds the cache of days."""
DAYS_CACHED: Final = 4096
"""Texts of days whose result is stored: a file has few days and many rows."""
EXCEL_BEGIN: Final = {"excel": datetime(1899, 12, 30), "excel_1904": datetime(1904, 1, 1)}  # noqa: DTZ001
"""Day 0 of each kind of serial number."""
EXCEL_SERIALS: Final = (Decimal(61), Decimal(100_000))
"""Serial numbers that are read: from March 1900, before which Excel has a day that never was, to 2173."""
EPOCH_SECONDS: Final = (946_684_800, 4_102_444_800)
"""Seconds since 1970 that are read: the years 2000 to 2099. Milliseconds taken for seconds are outside."""
NUMBER: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)
SPACES: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
DIRECTIVES_WITH_TIME: Final = ("%H", "%I", "%c", "%X", "%T", "%R")
WIDTHS: Final = {"%Y": "[0-9]{4}", "%j": "[0-9]{3}"} | {f"%{letter}": "[0-9]{2}" for letter in "ymdHIMS"}
"""Digits of each directive where nothing stands between two of them; `strptime` alone reads 2025111 as 1 November."""


class CellInvalid(Exception):
    """A cell cannot be read; `reason` is the code of the refusal, the message says what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def text_of(cell: Any) -> str:
    """Return a cell as trimmed text; empty for None, and for a float or a boolean, which are no texts.

    Raises:
        CellInvalid: bytes of the text are not of the file's encoding.
    """
    if isinstance(cell, str):
        text = cell.strip()
        if not text.isascii():
            text = text.strip("\ufeff\u200b").strip()
            if "\ufffd" in text:
                raise CellInvalid("undecodable", "the bytes are not of the file's encoding; name the right `encoding`")
        return text
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if _is_midnight(cell) else cell.isoformat()
    return ""


def id_from_cells(cells: Sequence[Any]) -> str:
    """Return the id that is the hash of several cells, of which none may be empty."""
    texts = [text_of(cell) for cell in cells]
    if not all(texts):
        raise CellInvalid("invalid_record_id", "the id is made from several columns, and one of them is empty")
    return hashed_id(texts)


def hashed_id(texts: Sequence[str]) -> str:
    """Return an id for texts: the first digits of SHA-256 over their JSON array, without spaces, in UTF-8."""
    encoded = json.dumps(list(texts), ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.sha256(encoded).hexdigest()[:ID_DIGITS]


def check_record_id(text: str) -> None:
    """Raise CellInvalid unless the text is a record id of the API."""
    if RECORD_ID.fullmatch(text):
        return
    if SHORTENED.fullmatch(text):
        message = "a spreadsheet has shortened the number and lost digits; export the column as text"
    elif text:
        message = "an id has 1 to 64 of A-Z a-z 0-9 . _ - ; write the column as a list, and the id is its hash"
    else:
        message = "there is no id"
    raise CellInvalid("invalid_record_id", message)


def check_account(text: str) -> None:
    """Raise CellInvalid unless the text is an account of the API."""
    if SHORTENED.fullmatch(text):
        raise CellInvalid("invalid_account", "a spreadsheet has shortened the number; export the column as text")
    if not ACCOUNT.fullmatch(text):
        raise CellInvalid("invalid_account", "an account has 1 to 64 characters of printable ASCII, without a space")


@dataclass(frozen=True, slots=True)
class _DateFormat:
    text: str
    with_time: bool
    pattern: re.Pattern[str] | None


class Days:
    """Reads the civil day of a cell by date formats in order; the first that fits counts.

    `zone` is that of times without one; None: they are the city's. `day_of` returns the city's civil day of a moment.
    """

    def __init__(
        self, formats: Sequence[str], zone: str | None, day_of: Callable[[datetime], date], shift_days: int = 0
    ) -> None:
        self._formats = [
            _DateFormat(text, any(directive in text for directive in DIRECTIVES_WITH_TIME), _fixed_widths(text))
            for text in formats
        ]
        self._zone = ZoneInfo(zone) if zone else None
        self._day_of, self._shift = day_of, timedelta(days=shift_days)
        self._cached = lru_cache(maxsize=DAYS_CACHED)(self._read_text)

    def read(self, cell: Any) -> str:
        """Return a cell's civil day as `YYYY-MM-DD`. Raises CellInvalid."""
        day: str | None
        if isinstance(cell, datetime):
            day = self._day(cell, with_time=not _is_midnight(cell))
        else:
            text = format(cell, ".15g") if isinstance(cell, float) else text_of(cell)
            day = self._cached(text) if 0 < len(text) <= TEXT_MAX else None
        if day is None:
            raise CellInvalid("invalid_date", "the text fits no format in `date_format`; add one that reads it")
        return day

    def _read_text(self, text: str) -> str | None:
        for date_format in self._formats:
            try:
                moment, with_time = _moment(text, date_format)
            except (ValueError, OverflowError):
                continue
            if day := self._day(moment, with_time):
                return day
        return None

    def _day(self, moment: datetime, with_time: bool) -> str | None:
        try:
            if moment.tzinfo is None and with_time and self._zone:
                moment = moment.replace(tzinfo=self._zone)
            day = moment.date() if moment.tzinfo is None else self._day_of(moment)
            return (day + self._shift).isoformat()
        except (ValueError, OverflowError):
            return None


def _moment(text: str, date_format: _DateFormat) -> tuple[datetime, bool]:
    """Return the moment of a text and whether it has a time of day. Raises ValueError, OverflowError."""
    name = date_format.text
    if name == "iso":
        if not re.match(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", text):
            raise ValueError(name)
        return datetime.fromisoformat(text), len(text) > 10
    if name in EXCEL_BEGIN:
        return _excel_moment(text, name)
    if name in ("epoch_seconds", "epoch_milliseconds"):
        return _epoch_moment(text, 1 if name == "epoch_seconds" else 1000), True
    if date_format.pattern and not date_format.pattern.fullmatch(text):
        raise ValueError(name)
    return datetime.strptime(text, name), date_format.with_time  # noqa: DTZ007


def _excel_moment(text: str, name: str) -> tuple[datetime, bool]:
    if not NUMBER.fullmatch(text):
        raise ValueError(name)
    serial = Decimal(text)
    if not EXCEL_SERIALS[0] <= serial <= EXCEL_SERIALS[1]:
        raise ValueError(name)
    seconds = round(serial % 1 * 86_400)
    return EXCEL_BEGIN[name] + timedelta(days=int(serial), seconds=seconds), seconds > 0


def _epoch_moment(text: str, in_a_second: int) -> datetime:
    if not NUMBER.fullmatch(text):
        raise ValueError(text)
    seconds = int(Decimal(text)) // in_a_second
    if not EPOCH_SECONDS[0] <= seconds < EPOCH_SECONDS[1]:
        raise ValueError(text)
    return datetime.fromtimestamp(seconds, UTC)


def _fixed_widths(date_format: str) -> re.Pattern[str] | None:
    """Return the pattern of a format in which two numbers touch, or None where they do not."""
    if not re.search(r"%[YmdHIMSyj]%[YmdHIMSyj]", date_format):
        return None
    parts = re.split(r"(%.)", date_format)
    pattern = [WIDTHS.get(part, ".+") if part.startswith("%") else re.escape(part) for part in parts]
    return re.compile("".join(pattern), re.ASCII)


def _is_midnight(moment: datetime) -> bool:
    return not (moment.hour or moment.minute or moment.second or moment.microsecond)


class Quantities:
    """Reads the quantity of a cell: the number, times `factor`, which must be whole."""

    def __init__(self, factor: Decimal = Decimal(1), thousands: str | None = None, decimal: str = ".") -> None:
        self._factor, self._thousands, self._decimal = factor, thousands, decimal
        self._plain = factor == 1
        mark = re.escape(thousands or ",")
        self._grouped = re.compile(rf"[0-9]{{1,3}}({mark}[0-9]{{3}})+(?![0-9])", re.ASCII)

    def read(self, cell: Any) -> int:
        """Return a cell's quantity. Raises CellInvalid."""
        text = repr(cell) if isinstance(cell, float) else text_of(cell)
        if self._plain and text.isascii() and text.isdecimal() and len(text) <= 9:
            return int(text)
        product = self._number(text) * self._factor
        if product % 1:
            raise CellInvalid(
                "invalid_quantity", f"{text[:TEXT_MAX]} times {self._factor} is not whole; correct it at the source"
            )
        return int(product)

    def _number(self, text: str) -> Decimal:
        if not text:
            raise CellInvalid("invalid_quantity", "there is no number")
        number = text.translate(SPACES)
        whole = self._grouped.match(number)
        if self._thousands and whole:
            number = whole[0].replace(self._thousands, "") + number[whole.end() :]
        if self._decimal == ",":
            if "." in number:
                raise CellInvalid("invalid_quantity", 'the mapping says that "," is the decimal mark')
            number = number.replace(",", ".")
        if not NUMBER.fullmatch(number):
            raise CellInvalid("invalid_quantity", self._advice(number))
        return Decimal(number)

    def _advice(self, number: str) -> str:
        if self._grouped.fullmatch(number) and not self._thousands:
            return 'for 1,200 write `thousands: ","`, and for 1,5 `decimal: ","`'
        if ":" in number:
            return "a time such as 1:30 is no number; export minutes or hours"
        if re.fullmatch(r"[0-9]+,[0-9]+", number):
            return 'for 1,5 write `decimal: ","`'
        return "not a number above zero in ASCII digits"
