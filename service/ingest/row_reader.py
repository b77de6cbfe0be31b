"""Reads rows as records by a mapping. Pure; a row that does not fit is returned as a refusal and raises nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from consent.domain.records import RecordKind
from consent.records.intake import DeliveredRecord
from service.ingest import cells
from service.ingest.cells import CellInvalid, text_of
from service.ingest.mapping import FileMapping
from service.ingest.report import RefusedRow
from service.ingest.table import Row

KINDS: Final = frozenset(kind.value for kind in RecordKind)


class RowReader:
    """Reads rows by one mapping; `day_of` returns the city's civil day of a moment."""

    def __init__(self, mapping: FileMapping, day_of: Callable[[datetime], date]) -> None:
        self._mapping, self._columns = mapping, mapping.columns
        self._id_columns = mapping.id_columns
        self._days = cells.Days(mapping.date_format, mapping.zone, day_of, mapping.shift_days)
        self._quantities = cells.Quantities(mapping.factor, mapping.thousands, mapping.decimal)
        self._accepted_words = frozenset(mapping.where.one_of) if mapping.where else frozenset()

    def is_filtered(self, row: Row) -> bool:
        """Report whether the mapping's filter leaves the row out."""
        where = self._mapping.where
        if where is None:
            return False
        cell = row.cells.get(where.column)
        return (cell.strip() if isinstance(cell, str) else _json_text(cell)) not in self._accepted_words

    def read(self, row: Row) -> DeliveredRecord | RefusedRow:
        """Return a row as a record, or the reason for which it is none, with its id as far as it can be read."""
        record_id, column = "", ", ".join(self._id_columns)
        columns = self._columns
        try:
            if isinstance(columns.record_id, str):
                record_id = text_of(row.cells.get(columns.record_id))
                cells.check_record_id(record_id)
            else:
                record_id = cells.id_from_cells([row.cells.get(name) for name in self._id_columns])
            column = columns.account or "account"
            account = self._account(row.cells)
            column = columns.occurred_on or "occurred_on"
            day = self._mapping.occurred_on or self._days.read(row.cells.get(columns.occurred_on or ""))
            column = columns.quantity or "quantity"
            quantity = self._mapping.quantity or self._quantities.read(row.cells.get(columns.quantity or ""))
            column = columns.kind or "kind"
            kind = self._kind(row.cells)
        except CellInvalid as fault:
            return RefusedRow(row.line, record_id, fault.reason, column, str(fault))
        return DeliveredRecord(record_id, account, kind, quantity, day)

    def _account(self, row: dict[str, Any]) -> str:
        name = self._columns.account
        own = self._mapping.account if name is None else text_of(row.get(name))
        if not own:
            raise CellInvalid("invalid_account", "there is no account")
        account = self._mapping.account_prefix + own
        cells.check_account(account)
        return account

    def _kind(self, row: dict[str, Any]) -> str:
        if self._mapping.kind is not None:
            return self._mapping.kind.value
        text = text_of(row.get(self._columns.kind or ""))
        if self._mapping.kinds:
            kind = self._mapping.kinds.get(text)
            if kind is None:
                message = "`kinds` has no such word; add it, or leave its rows out with `where`"
                raise CellInvalid("kind_not_allowed", message)
            return kind.value
        if text not in KINDS:
            raise CellInvalid("kind_not_allowed", "no kind of records; say with `kinds` what the words stand for")
        return text


def _json_text(cell: Any) -> str:
    """Return a value of JSON or of a workbook as the filter's list writes it: true, false, null, numbers."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return text_of(cell) if isinstance(cell, int | datetime) else str(cell)
