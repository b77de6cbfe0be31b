"""Random samples of consents for audit: real rows without persons, so their limits are exact and not noisy (R8a).

SQL text: the state of consents at an instant is computed by set.
"""

from __future__ import annotations

from datetime import date, datetime

from consent.crypto.blind_index import ID_DIGITS, IndexUse, period_index
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.kernel.errors import SampleTooLarge, TooFewConsents
from consent.oversight.officers import ConsentForOfficer
from consent.oversight.people_counts import CONSENT_STATE, ConsentFilters, where_sql

SAMPLE_MAX = 200
"""Consents in one sample: enough for an audit, too few to copy the register."""
SAMPLE_SHARE = 10
"""R8a: a sample is at most a tenth of what fits, and so are all samples of a quarter together."""
SAMPLED_FROM_MIN = 200
"""R8a: the consents that must fit for a sample; a tenth of fewer would be somebody's neighbours."""


async def sample_consents(
    keyring: Keyring, filters: ConsentFilters, size: int, today: date, at: datetime
) -> list[ConsentForOfficer]:
    """Return up to `size` consents in their state at `at`, out of the tenth that this quarter's samples are drawn from.

    The tenth is chosen by the ids, which are random, from a point that the index key gives for the quarter. So the same
    question returns the same consents, and all samples of a quarter together show a tenth of all, under any filter, by
    any officer, under any number of cases.

    Raises:
        TooFewConsents: fewer than SAMPLED_FROM_MIN consents fit.
        SampleTooLarge: `size` is more than a tenth of those that fit.
    """
    where, values = where_sql(filters, 2)
    fitting = f"SELECT c.*, {CONSENT_STATE} AS state_then FROM consent c WHERE c.given_at <= $1{where}"
    if filters.state is not None:
        values.append(filters.state)
        fitting = f"SELECT * FROM ({fitting}) f WHERE f.state_then = ${len(values) + 1}"
    instant = queries.to_micros(at)
    counted = await queries.fetch_one(f"SELECT count(*) AS fitting FROM ({fitting}) s", instant, *values)
    if counted is None or counted["fitting"] < SAMPLED_FROM_MIN:
        raise TooFewConsents("fewer than 200 consents fit")
    if size * SAMPLE_SHARE > counted["fitting"]:
        raise SampleTooLarge("a sample is at most a tenth of what fits")
    first, end = _sampled_ids(keyring, today)
    low, high = len(values) + 2, len(values) + 3
    within = f"s.consent_id >= ${low} {'AND' if first < end else 'OR'} s.consent_id < ${high}"
    rows = await queries.fetch_all(
        f"SELECT * FROM ({fitting}) s WHERE {within} ORDER BY s.consent_id < ${low}, s.consent_id LIMIT ${high + 1}",
        instant,
        *values,
        first,
        end,
        size,
    )
    return [
        ConsentForOfficer(
            row["consent_id"],
            row["purpose"],
            row["counterpart"],
            row["state_then"],
            row["notice_id"],
            row["notice_version"],
            queries.from_micros(row["given_at"]),
            queries.from_micros(row["expires_at"]),
            None if row["ended_at"] is None else queries.from_micros(row["ended_at"]),
        )
        for row in rows
    ]


def _sampled_ids(keyring: Keyring, today: date) -> tuple[str, str]:
    """Return the first consent id of the quarter's tenth and the id after its last; ids continue from ff… with 00…."""
    number = (today.month - 1) // 3
    first_day = date(today.year, 3 * number + 1, 1)
    first = period_index(keyring, IndexUse.SAMPLE, first_day, f"{today.year}-{number + 1}")
    end = (int(first, 16) + 16**ID_DIGITS // SAMPLE_SHARE) % 16**ID_DIGITS
    return first, f"{end:0{ID_DIGITS}x}"
