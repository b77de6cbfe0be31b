"""Reads of consents across persons: the person of a consent, and how many consents are live.

SQL text: the rule of a live consent is an SQL condition shared with every other query (`liveness.live_sql`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from consent.database import queries
from consent.domain.exact_counts import ExactCounts
from consent.domain.liveness import live_sql
from consent.domain.purposes import COUNTED_PER_PERSON, Purpose


async def stored_as_given(consents: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those among thousands of (person id, consent id) that are stored as `given`, expired or not.

    The person id is empty in tombstones of earlier versions. Only for those are all given consents read: the key of the
    table begins with the person.
    """
    unnamed = [consent_id for person_id, consent_id in consents if not person_id]
    known = [(person_id, consent_id) for person_id, consent_id in consents if person_id]
    of_person = queries.any_of("person_id", 2)
    return [
        *await _given(unnamed, "", ()),
        *(await _given([consent_id for _, consent_id in known], f" AND {of_person}", {person for person, _ in known})),
    ]


async def _given(consent_ids: Sequence[str], condition: str, persons: Collection[str]) -> list[tuple[str, str]]:
    if not consent_ids:
        return []
    values = (queries.array_param(consent_ids), *((queries.array_param(persons),) if persons else ()))
    rows = await queries.fetch_all(given_sql(condition), *values)
    return [(row["person_id"], row["consent_id"]) for row in rows]


def given_sql(condition: str) -> str:
    """Return the query of given consents by parameter $1, their ids, and a further condition on their persons."""
    # SQLite would look up each person with each consent, 25 million pairs: the sign keeps the column out of the index.
    column = "+consent_id" if condition and queries.is_sqlite() else "consent_id"
    named = queries.any_of(column, 1)
    return f"SELECT person_id, consent_id FROM consent WHERE state = 'given' AND {named}{condition}"


async def count_by_purpose(at: datetime) -> ExactCounts:
    """Count the consents that are live at `at`, by purpose, at most COUNTED_PER_PERSON of a person and purpose."""
    rows = await queries.fetch_all(
        f"SELECT purpose, sum(CASE WHEN consents > {COUNTED_PER_PERSON} THEN {COUNTED_PER_PERSON} ELSE consents END)"
        " AS counted FROM (SELECT person_id, purpose, count(*) AS consents FROM consent"
        f" WHERE {live_sql('$1')} GROUP BY person_id, purpose) of_person GROUP BY purpose",
        queries.to_micros(at),
    )
    counted = {row["purpose"]: int(row["counted"]) for row in rows}
    cells = {str(purpose): counted.get(purpose, 0) for purpose in Purpose}
    return ExactCounts(cells, COUNTED_PER_PERSON * len(Purpose))


async def count_people(at: datetime) -> ExactCounts:
    """Count the people who have a consent that is live at `at`, in the cell `people`."""
    row = await queries.fetch_one(
        f"SELECT count(DISTINCT person_id) AS people FROM consent WHERE {live_sql('$1')}", queries.to_micros(at)
    )
    assert row is not None
    return ExactCounts({"people": int(row["people"])}, 1)
