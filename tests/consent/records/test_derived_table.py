"""Derived tables are computed from what was released alone, and those without persons name none."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from benefits.scoring import scheme, sql
from benefits.scoring.scheme import Scheme, Timeline
from consent.records.derived_table import DerivedTable

TIMELINE = Timeline(tuple(Scheme.from_document(document) for document in scheme.shipped()))
SCORED = sql.scoring(TIMELINE, date(2026, 11, 28), sql.POSTGRESQL)
PLAN: dict[str, Any] = {
    "table": "snapshot",
    "relations": SCORED,
    "joined": {"g": "scored"},
    "columns": {"total": sql.total()},
    "by_person": True,
}


def test_the_compiled_scheme_reads_what_was_released() -> None:
    insert = DerivedTable(**PLAN).insert()
    assert insert.startswith(
        "INSERT INTO snapshot (person_id, epoch, covered_until, covered_from, total) SELECT s.person_id"
    )
    assert "LEFT JOIN scored g ON g.person_id = s.person_id" in insert


@pytest.mark.parametrize(
    "change",
    [
        {"table": "snapshot; DROP TABLE person"},
        {"table": "public.person"},
        {"columns": {"total) SELECT 1 --": "0"}},
        {"columns": {"total": "(SELECT count(*) FROM record)"}},
        {"columns": {"total": "0; DELETE FROM person"}},
        {"joined": {"g": "person"}},
        {"joined": {"g g": "scored"}},
        {"relations": SCORED + ", spied AS (SELECT person_id FROM person)"},
        {"relations": SCORED + ", spied AS (SELECT released.person_id FROM released, person)"},
        {"relations": SCORED + ", spied AS (SELECT r.person_id FROM released r JOIN consent c ON true)"},
        {"relations": SCORED + ', spied AS (SELECT person_id FROM "person")'},
        {"by_person": False, "columns": {"total": "s.person_id"}},
    ],
    ids=str,
)
def test_what_reaches_beyond_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"identifier|released|relation|whose"):
        DerivedTable(**{**PLAN, **change})


def test_a_table_without_persons_has_no_column_of_one() -> None:
    insert = DerivedTable(**{**PLAN, "table": "frozen_points", "by_person": False}).insert()
    assert "s.person_id" not in insert.partition(" FROM ")[0]
