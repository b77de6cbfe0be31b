"""The mapping file: it says how the rows of a source's own file become records.

docs/how-to/import-a-file.md explains every field. All values are read as text, so that `account: 0123` stays `0123`.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from consent.domain.records import QUANTITY_MAX, RecordKind
from consent.kernel.civil_day import parse_civil_day
from service.ingest.encodings import ENCODINGS

DATE_WORDS = frozenset({"iso", "excel", "excel_1904", "epoch_seconds", "epoch_milliseconds"})
"""Date formats with a name: RFC 3339, the serial numbers of the two kinds of Excel files, and seconds since 1970."""
DATE_FORMATS_MAX = 10
"""Each format costs a try for each new text; a file with more has several tables in it."""
ID_COLUMNS_MAX = 10
"""Columns that together make a record id; rows that need more to differ are the same deed."""
SKIP_LINES_MAX = 1_000
"""Lines above the table; a larger number is a mistake, because nothing below would be read."""
FACTOR_MAX = Decimal(1_000_000)
"""The largest factor: above it every quantity is out of range."""
DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
"""Names of delimiters that are easily lost in a YAML file."""
THOUSANDS = frozenset({",", ".", " ", "'", "’", "，"})
"""Marks between thousands; a space stands for every kind of space."""
SAMPLE_MOMENT = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
"""A moment that a date format must write and read again."""


class MappingInvalid(Exception):
    """The mapping does not fit itself or the file; the message names the field and what to write."""


def _as_format_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_decimal(value: object) -> object:
    """Return a decimal number of ASCII digits; pydantic itself would also take infinities and exponents."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        raise ValueError("write a number such as 60 or 0.5")
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError("write a number such as 60 or 0.5") from None


Column = Annotated[str, Field(min_length=1, max_length=200)]
Kind = Annotated[RecordKind, Field(strict=False)]


class RowFilter(BaseModel):
    """Take only rows whose `column` has one of the values in `one_of`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    column: Column
    one_of: Annotated[list[str], Field(min_length=1)]


class ColumnNames(BaseModel):
    """The file's column for each member of a record; a list of columns is hashed into one id."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    record_id: Column | Annotated[list[Column], Field(min_length=1, max_length=ID_COLUMNS_MAX)]
    account: Column | None = None
    occurred_on: Column | None = None
    kind: Column | None = None
    quantity: Column | None = None


class FileMapping(BaseModel):
    """The mapping from a source's rows to records: `columns` for what differs by row, constants for what does not."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal["csv", "ndjson", "xlsx"]
    encoding: str | None = None
    delimiter: str = ","
    sheet: str | None = None
    skip_lines: Annotated[int, Field(ge=0, le=SKIP_LINES_MAX)] = 0
    until: Annotated[str, Field(min_length=1)] | None = None
    columns: ColumnNames
    account: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    account_prefix: Annotated[str, Field(max_length=63)] = ""
    occurred_on: str | None = None
    date_format: Annotated[
        tuple[str, ...], BeforeValidator(_as_format_list), Field(min_length=1, max_length=DATE_FORMATS_MAX)
    ] = ("%Y-%m-%d",)
    zone: str | None = None
    shift_days: int = 0
    kind: Kind | None = None
    kinds: dict[str, Kind] = Field(default_factory=dict)
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)] | None = None
    factor: Annotated[Decimal, BeforeValidator(_as_decimal), Field(gt=0, le=FACTOR_MAX)] = Decimal(1)
    thousands: str | None = None
    decimal: Literal[".", ","] = "."
    where: RowFilter | None = None

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is not None and value.lower() not in ENCODINGS:
            raise ValueError("write one of " + ", ".join(sorted(ENCODINGS)))
        return None if value is None else ENCODINGS[value.lower()]

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        value = DELIMITERS.get(value, value)
        if len(value) != 1 or value in '"\r\n' or value.isalnum():
            raise ValueError("write one character, or tab, comma, semicolon, pipe")
        return value

    @field_validator("date_format")
    @classmethod
    def _dates_can_be_read(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for text in formats:
            if text not in DATE_WORDS:
                _check_date_format(text)
        return formats

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (KeyError, OSError, ValueError):
                raise ValueError("write a time zone such as Asia/Shanghai or UTC") from None
        return value

    @field_validator("occurred_on")
    @classmethod
    def _civil_day(cls, value: str | None) -> str | None:
        if value is not None and parse_civil_day(value) is None:
            raise ValueError("write a day such as 2025-05-03")
        return value

    @field_validator("thousands")
    @classmethod
    def _known_mark(cls, value: str | None) -> str | None:
        if value is not None and value not in THOUSANDS:
            raise ValueError("write one of , . ' ’ ， or a space, in quotes")
        return value

    @model_validator(mode="after")
    def _fits_itself(self) -> Self:
        for name in ("account", "occurred_on", "kind", "quantity"):
            if (getattr(self, name) is None) == (getattr(self.columns, name) is None):
                raise ValueError(f"name the {name} once, as a constant or as a column")
        if self.kinds and self.columns.kind is None:
            raise ValueError("kinds needs columns.kind, the column with the words")
        if self.thousands == self.decimal:
            raise ValueError("thousands and decimal are the same mark")
        given = self.model_fields_set
        for name, formats in (
            ("encoding", {"csv", "ndjson"}),
            ("delimiter", {"csv"}),
            ("skip_lines", {"csv", "xlsx"}),
            ("until", {"csv", "xlsx"}),
            ("sheet", {"xlsx"}),
        ):
            if name in given and self.format not in formats:
                raise ValueError(f"{name} belongs to the format {' or '.join(sorted(formats))}")
        return self

    @property
    def id_columns(self) -> tuple[str, ...]:
        """The columns of the record id."""
        names = self.columns.record_id
        return (names,) if isinstance(names, str) else tuple(names)

    @property
    def column_names(self) -> frozenset[str]:
        """Every column that is read."""
        others = (self.columns.account, self.columns.occurred_on, self.columns.kind, self.columns.quantity)
        filtered = (self.where.column,) if self.where else ()
        return frozenset((*self.id_columns, *(name for name in others if name is not None), *filtered))


def _check_date_format(text: str) -> None:
    """Raise ValueError unless the format reads the month and year of a moment that it wrote."""
    if "%Z" in text:
        raise ValueError("%Z reads no time zone; use %z for +08:00, or write the letters, such as UTC, and `zone`")
    try:
        moment = datetime.strptime(SAMPLE_MOMENT.strftime(text), text)  # noqa: DTZ007
    except (ValueError, re.error):
        raise ValueError(
            f"{text} is no date format; write one such as %Y-%m-%d, or {', '.join(sorted(DATE_WORDS))}"
        ) from None
    if (moment.year, moment.month) != (SAMPLE_MOMENT.year, SAMPLE_MOMENT.month):
        raise ValueError(f"{text} has no year or no month")


YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C ends at a nesting of 1,000; that in Python works for seconds on some kilobytes of brackets."""


class _TextLoader(YAML_LOADER):  # type: ignore[misc]
    """Reads every scalar but null as text, and refuses a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for key, count in keys.items():
            if count > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


_NULL = "tag:yaml.org,2002:null"
_TextLoader.yaml_implicit_resolvers = {
    first: nulls
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if (nulls := [(tag, pattern) for tag, pattern in resolvers if tag == _NULL])
}


UNDECIDED = "CHOOSE"
"""Stands in a guessed mapping where a person has to write a column or a kind of record."""


def read_mapping(path: Path) -> FileMapping:
    """Read the mapping of a YAML or JSON file. Raises MappingInvalid."""
    try:
        return parse_mapping(path.read_text(encoding="utf-8-sig"), path.name)
    except FileNotFoundError:
        raise MappingInvalid(
            f"{path} does not exist; `credit-easy import FILE --check --mapping {path}` writes a first one"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MappingInvalid(f"{path.name} cannot be read: {type(error).__name__}") from None


def parse_mapping(text: str, name: str) -> FileMapping:
    """Parse the mapping of a YAML or JSON text. Raises MappingInvalid, whose message begins with `name`."""
    try:
        document = _TextLoader(text).get_single_data()
        if isinstance(document, dict) and document.get("kind") == UNDECIDED:
            kinds = ", ".join(sorted(RecordKind))
            raise MappingInvalid(f"{name}: `kind` is not decided: write one of {kinds} in the place of {UNDECIDED}")
        return FileMapping.model_validate(document)
    except ValidationError as error:
        raise MappingInvalid(f"{name}: {'; '.join(_sentences(error))}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise MappingInvalid(f"{name} cannot be read: {line}{error.problem}") from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise MappingInvalid(f"{name} cannot be read: {type(error).__name__}") from None


def _sentences(error: ValidationError) -> list[str]:
    """Return each fault as `field: message`, without pydantic's names of the alternatives of a union."""
    sentences = []
    for fault in error.errors(include_input=False, include_url=False):
        member = ".".join(str(part) for part in fault["loc"] if not re.search(r"\W|constrained", str(part)))
        message = fault["msg"].removeprefix("Value error, ")
        if member:
            sentences.append(f"{member}: {message}")
        else:
            sentences.append(message)
    return sentences
