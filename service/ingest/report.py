"""The report of an import or a check: counts of rows by result; refused rows with line, id, reason and advice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

EXAMPLES_MAX: Final = 20
"""Refused rows named in the report for each reason; the counts cover all."""
ID_CHARACTERS_MAX: Final = 64
"""Characters of an id that the report repeats; a longer text is none."""
NOT_AUTHORISED: Final = "not_authorised"
"""The reason that lies in no file: nobody with a live consent has linked the account."""


class RefusedRow(NamedTuple):
    """A refused row: its line, its id as far as it could be read, the reason's code, the column at fault, advice."""

    line: int
    record_id: str
    code: str
    column: str | None = None
    message: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the row as JSON values, without what is unknown."""
        return {name: value for name, value in self._asdict().items() if value is not None}


@dataclass(slots=True)
class ImportReport:
    """Counts of rows by result; `examples` names refused rows."""

    rows: int = 0
    filtered: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: list[RefusedRow] = field(default_factory=list)

    def refuse(self, row: RefusedRow) -> None:
        """Count a refused row by its reason and add it to the examples."""
        self.refused[row.code] += 1
        if self.refused[row.code] <= EXAMPLES_MAX:
            self.examples.append(row._replace(record_id=row.record_id[:ID_CHARACTERS_MAX]))

    @property
    def nothing_taken(self) -> bool:
        """True where the file has rows and none of them is a record now."""
        return self.rows > 0 and self.accepted + self.duplicates == 0

    @property
    def faults(self) -> int:
        """Rows that were refused for a reason that lies in the file or the mapping."""
        return self.refused.total() - self.refused[NOT_AUTHORISED]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "rows": self.rows,
            "filtered": self.filtered,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "refused": dict(self.refused.most_common()),
            "examples": [row.as_json() for row in self.examples],
        }

    def summary(self) -> list[str]:
        """Return a line for each reason with its count, its first line and what to do, the most frequent first."""
        first = {row.code: row for row in reversed(self.examples)}
        lines = []
        for code, count in self.refused.most_common():
            row = first[code]
            cell = f"line {row.line}" + (f", column {row.column}" if row.column else "")
            advice = row.message or ADVICE.get(code, "")
            lines.append(f"{count:,} refused as {code}, first {cell}" + (f": {advice}" if advice else ""))
        return lines


ADVICE: Final = {
    NOT_AUTHORISED: "nobody with a live consent has linked these accounts; nothing is to be done",
    "conflict": "an id is there with other content; correct a record through the API, or make the id from more columns",
    "in_future": "the day has not come yet; see `date_format` and `zone`",
    "invalid_date": "days before 2000 are a mistake of format; see `date_format`",
    "invalid_quantity": "a quantity is 1 to 1,000,000; see `factor`",
    "kind_not_allowed": "the source may not deliver this kind, or the person agreed to fewer kinds; see `kinds`",
}
"""Advice about a reason that the gate gives, without the column."""
