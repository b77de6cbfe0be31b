"""Pure rules of the two routes: usable balances, conditions, quota counters, answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import orjson

from loadtests.benchmarks.peers.common.catalogue import Benefit, Catalogue
from loadtests.benchmarks.peers.common.crypto import Keyring

NOT_APPLICABLE = b'{"applies":false}'
"""The one answer for every "no", to the byte."""
HOUR_MICROS = 3_600_000_000


class Balance(Protocol):
    """A stored balance: a raw row or an object of an ORM."""

    @property
    def total(self) -> int: ...
    @property
    def dimensions(self) -> str: ...
    @property
    def scheme_version(self) -> str: ...
    @property
    def timeline_sha256(self) -> str: ...
    @property
    def as_of(self) -> int: ...
    @property
    def valid_until(self) -> int | None: ...
    @property
    def covered_until(self) -> int | None: ...
    @property
    def covered_from(self) -> int | None: ...


class StoredBalance(NamedTuple):
    """A stored balance of a raw row. Days are `yyyymmdd`, `covered_until` and `covered_from` microseconds."""

    total: int
    dimensions: str
    scheme_version: str
    timeline_sha256: str
    as_of: int
    valid_until: int | None
    covered_until: int | None
    covered_from: int | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> StoredBalance:
        """Read the columns of a row by their names."""
        return cls(*(row[name] for name in cls._fields))


class Moment(NamedTuple):
    """An instant of the database clock in microseconds, with the city's civil day and hour."""

    micros: int
    day: date
    hour: int

    @property
    def day_number(self) -> int:
        """The civil day as `yyyymmdd`."""
        return day_number(self.day)


class Counter(NamedTuple):
    """A quota counter of a period: its key, the last day it is needed (`yyyymmdd`), and how many it admits at most."""

    key: str
    ends_on: int
    most: int


def moment(micros: int, zone: ZoneInfo) -> Moment:
    """Place an instant in the city's time."""
    local = datetime.fromtimestamp(micros / 1_000_000, UTC).astimezone(zone)
    return Moment(micros, local.date(), local.hour)


def day_number(day: date) -> int:
    """Return a civil day as `yyyymmdd`."""
    return day.year * 10_000 + day.month * 100 + day.day


def day_text(number: int | None) -> str | None:
    """Return `yyyy-mm-dd` of a day number."""
    return None if number is None else f"{number // 10_000:04}-{number // 100 % 100:02}-{number % 100:02}"


def is_usable(balance: Balance, catalogue: Catalogue, now: Moment) -> bool:
    """Return whether a stored balance of the current epoch may be used: schemes, expiry and consents still hold."""
    today = now.day_number
    return (
        balance.timeline_sha256 == catalogue.timeline_sha256
        and balance.scheme_version == catalogue.scheme_version(now.day.year)
        and balance.as_of <= today
        and (balance.valid_until is None or balance.valid_until > today)
        and (balance.covered_until is None or balance.covered_until > now.micros)
        and (balance.covered_from is None or balance.covered_from <= now.micros)
    )


def points_body(balance: Balance, now: Moment) -> dict[str, Any]:
    """Return the answer of `GET /v1/me/points`."""
    return {
        "total": balance.total,
        "dimensions": orjson.loads(balance.dimensions),
        "scheme_version": balance.scheme_version,
        "as_of": now.day.isoformat(),
        "valid_until": day_text(balance.valid_until),
    }


def measures(balance: Balance) -> dict[str, int]:
    """Return points by measure: the total and each dimension."""
    dimensions = {entry["dimension"]: entry["points"] for entry in orjson.loads(balance.dimensions)}
    return {"total": balance.total, **dimensions}


def applies(condition: Mapping[str, Any], have: Mapping[str, int]) -> bool:
    """Evaluate a condition: "at least", all of, any of."""
    if "all" in condition:
        return all(applies(part, have) for part in condition["all"])
    if "any" in condition:
        return any(applies(part, have) for part in condition["any"])
    return have.get(condition["measure"], 0) >= int(condition["at_least"])


def counters(keyring: Keyring, benefit: Benefit, subject: str, day: date) -> list[Counter]:
    """Return the counters that a redemption takes from: the resident's own, then the total."""
    quota, result = benefit.body.get("quota") or {}, []
    if own := quota.get("per_resident"):
        name, ends_on = _period(own["period"], day)
        key = keyring.blind_index("quota", name, subject, benefit.benefit_id)
        result.append(Counter(key, day_number(ends_on), own["count"]))
    if total := quota.get("total"):
        name, ends_on = _period(total["period"], day)
        result.append(Counter(f"{benefit.benefit_id}|{name}"[:96], day_number(ends_on), total["count"]))
    return result


def runs_until(benefit: Benefit, day: date) -> date:
    """Return the last day on which the redeemed benefit runs."""
    return day + timedelta(days=benefit.period_days)


def redemption_body(benefit: Benefit, redemption_id: str, ends_on: date) -> dict[str, Any]:
    """Return the answer of a redemption that applies."""
    return {
        "applies": True,
        "redemption_id": redemption_id,
        "benefit_id": benefit.benefit_id,
        "effect": benefit.body["effect"],
        "terms": benefit.body["terms"],
        "runs_until": ends_on.isoformat(),
    }


def normal_handle(typed: str) -> str:
    """Return a scanned or typed handle in its stored form."""
    return "".join(typed.replace("-", "").split()).lower()


def counter_keys(taken: Sequence[Counter]) -> str:
    """Return the JSON list of keys that a ticket remembers for a reversal."""
    return orjson.dumps([counter.key for counter in taken]).decode()


def _period(period: str, day: date) -> tuple[str, date]:
    """Return the name of the period a civil day is in, and its last day. Weeks begin on Monday."""
    if period == "day":
        return day.isoformat(), day
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return f"week-{monday.isoformat()}", monday + timedelta(days=6)
    if period == "month":
        following = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        return f"{day.year}-{day.month:02d}", following - timedelta(days=1)
    return str(day.year), date(day.year, 12, 31)
