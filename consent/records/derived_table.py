"""A table computed from everybody's released records: what `gate.release_to_all` fills, checked before it is executed.

Pure. The SQL that scores is compiled elsewhere; here it is confined to what was released: it may read `subject`,
`released` and its own relations, and no table of the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")
RELEASED = frozenset({"subject", "released"})
"""`subject`: person_id, epoch, covered_until and covered_from of each person with a live consent. `released`: their
covered records."""
FILLED = ("person_id", "epoch", "covered_until", "covered_from")
"""Columns of a table by person that the gate fills from `subject`."""
RELATION = re.compile(r"(?:^|,)\s*([a-z][a-z0-9_]*) AS \(\s*SELECT\b")
SOURCE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+([A-Za-z_\"][\w.\"]*)", re.IGNORECASE)
COMMA_JOIN = re.compile(r"\bFROM\s+[a-z_]\w*(?:\s+(?:AS\s+)?[a-z_]\w*)?\s*,", re.IGNORECASE)
FORBIDDEN = re.compile(r";|--|/\*|\b(?:DELETE|TRUNCATE|DROP|ALTER|GRANT|COPY|CALL)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """A computation over the released records, and the table that receives a row of it for each person.

    `relations` are common table expressions over `released`, separated by commas; `joined` names by alias those that
    have a person_id and are joined to the persons; `columns` gives the SQL expression of each column. With `by_person`
    the table is keyed by person_id: the gate fills FILLED, an older row is replaced, and rows of persons who changed
    meanwhile are deleted. Without it no column may say whose the row is.

    Raises:
        ValueError: a name is no identifier, or a text reaches beyond what was released.
    """

    table: str
    relations: str
    joined: Mapping[str, str]
    columns: Mapping[str, str]
    by_person: bool

    def __post_init__(self) -> None:
        for name in (self.table, *self.joined, *self.joined.values(), *self.columns):
            if not IDENTIFIER.fullmatch(name):
                raise ValueError(f"{name!r} is not an identifier")
        own = set(RELATION.findall(self.relations))
        if not set(self.joined.values()) <= own:
            raise ValueError("a joined relation is not among the relations")
        for text in (self.relations, *self.columns.values()):
            if FORBIDDEN.search(text) or COMMA_JOIN.search(text) or not set(SOURCE.findall(text)) <= own | RELEASED:
                raise ValueError("derived tables are computed from what was released alone")
        if not self.by_person and any("person_id" in expression for expression in self.columns.values()):
            raise ValueError("a table without persons may not say whose a row is")

    def insert(self) -> str:
        """The statement that puts one row for each released person, to follow the relations."""
        columns = dict(self.columns)
        if self.by_person:
            columns = {**{name: f"s.{name}" for name in FILLED}, **columns}
            changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "person_id")
            existing = f"ON CONFLICT (person_id) DO UPDATE SET {changes}"
        else:
            existing = "ON CONFLICT DO NOTHING"
        joins = " ".join(
            f"LEFT JOIN {relation} {alias} ON {alias}.person_id = s.person_id"
            for alias, relation in self.joined.items()
        )
        # SQLite takes ON CONFLICT after a join for a join's condition, unless there is a WHERE.
        return (
            f"INSERT INTO {self.table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"
            f" FROM subject s {joins} WHERE true {existing}"
        )
