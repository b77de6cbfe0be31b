"""The record of processing (PIPL 55, 56) and the self-audit, generated from the tables so that neither can be outdated.

Purpose, legal basis, retention and the removing job of each table are in `processing_register.toml`; the fields come
from the models.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from tortoise import Tortoise

from consent.database import queries
from consent.kernel import bilingual


@dataclass(frozen=True, slots=True)
class TableProcessing:
    """The purpose of a table, its legal basis, the time its rows stay, and the job that removes them."""

    purpose: str
    basis: str
    retention: str
    removed_by: str


REGISTER: Mapping[str, TableProcessing] = MappingProxyType(
    {
        table: TableProcessing(**members)
        for table, members in bilingual.load("service.compliance", "processing_register.toml").items()
    }
)
"""By table, from `processing_register.toml`; a table that is missing there stops the register with a KeyError."""


def register() -> list[dict[str, Any]]:
    """Return the register by table. Raises KeyError for a table without an entry in `processing_register.toml`."""
    tables = []
    for app in Tortoise.apps.values():
        for model in app.values():
            table = model._meta.db_table
            entry = REGISTER[table]
            tables.append(
                {
                    "table": table,
                    "what": inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
                    "purpose": entry.purpose,
                    "basis": entry.basis,
                    "kept": entry.retention,
                    "removed_by": entry.removed_by,
                    "fields": [
                        {"name": name, "protection": _protection(table, name)}
                        for name in model._meta.fields_db_projection.values()
                    ],
                }
            )
    return sorted(tables, key=lambda row: str(row["table"]))


def _protection(table: str, field: str) -> str:
    if table in ("farewell", "stored_answer") and field.startswith("sealed"):
        return "sealed under a key of the service"
    if field.startswith("sealed"):
        return "sealed under the person's key"
    if field.startswith("wrapped"):
        return "wrapped by a key outside the database"
    if field.endswith("_index") or field in ("scope", "quota_key"):
        return "keyed hash"
    if field == "person_id":
        return "random pseudonym"
    return "plain"


DAY_MICROS = 86_400_000_000
OFFICER_READS_A_DAY_MAX = 200
"""Nobody reads more than this in a day with attention; more is looked into. What waits for an officer, and what
says nothing of anybody, may be opened as often as they like."""
CHECKS: Mapping[str, tuple[str, timedelta]] = MappingProxyType(
    {
        "presentations kept too long": ("FROM presentation WHERE expires_at < $1", timedelta(days=2)),
        "link codes kept too long": ("FROM link_code WHERE expires_at < $1", timedelta(hours=1)),
        "answers kept too long": ("FROM stored_answer WHERE created_at < $1", timedelta(hours=49)),
        "tickets that still know their person": (
            "FROM ticket WHERE person_id IS NOT NULL AND issued_at < $1",
            timedelta(hours=25),
        ),
        "expired consents not written down": (
            "FROM consent WHERE state = 'given' AND expires_at < $1",
            timedelta(days=1),
        ),
        "ended links not acknowledged in time": (
            "FROM account_link WHERE state = 'ended' AND acknowledged_at IS NULL AND since < $1",
            timedelta(days=7),
        ),
        "leaves that wait too long": ("FROM outbox WHERE put_at < $1", timedelta(seconds=60)),
        "records without a live consent": (
            "FROM record r WHERE r.received_at < $1 AND NOT EXISTS (SELECT 1 FROM consent c"
            " WHERE c.person_id = r.person_id AND c.counterpart = r.source_id AND c.purpose = 'points.compute'"
            " AND c.state = 'given')",
            timedelta(0),
        ),
        "uses of points that no consent covered": (
            "FROM event e WHERE e.at < $1 AND e.kind IN ('ticket.issued', 'benefit.checked', 'benefit.redeemed')"
            " AND NOT EXISTS (SELECT 1 FROM consent c WHERE c.person_id = e.person_id AND c.purpose = 'benefit.check'"
            " AND c.given_at < e.at + 3600000000 AND c.expires_at > e.at"  # events of uses are kept by the hour
            " AND (c.ended_at IS NULL OR c.ended_at >= e.at))",
            timedelta(0),
        ),
        "officers who looked unusually often in a day": (
            "FROM (SELECT staff_id FROM oversight WHERE at < $1 AND what NOT LIKE '%.listed'"
            " AND what NOT IN ('self-audit.read', 'register.read', 'statistics.read')"
            f" GROUP BY staff_id, at / {DAY_MICROS}"
            f" HAVING count(*) > {OFFICER_READS_A_DAY_MAX}) busy",
            timedelta(0),
        ),
        "officers' looks without a case": (
            "FROM oversight WHERE at < $1 AND case_id IS NULL AND what LIKE 'consent%'",
            timedelta(0),
        ),
    }
)
"""What must never be found, each with how long ago it must have been to count."""


async def self_audit(at: datetime) -> list[tuple[str, int]]:
    """Each check and how many rows answer it badly."""
    found = []
    for check, (condition, age) in CHECKS.items():
        row = await queries.fetch_one(f"SELECT count(*) AS found {condition}", queries.to_micros(at - age))
        assert row is not None
        found.append((check, int(row["found"])))
    return found
