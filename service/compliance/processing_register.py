"""The record of processing (PIPL 55, 56) and the self-audit: generated from the tables, so that neither can lag behind.

Each table says why it is there, how long its rows stay and which job removes them; the fields come from the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from tortoise import Tortoise

from consent.database import queries


@dataclass(frozen=True, slots=True)
class TableProcessing:
    """Why a table is there and how long its rows stay."""

    purpose: str
    basis: str
    kept: str
    removed_by: str


CONSENT, DUTY, NONE = "separate consent (PIPL 13, 23)", "duty to prove handling (PIPL 55, 56)", "no personal data"
UNTIL_STOPPED = "until the consent is withdrawn or expires, or the person is erased"
WITH_PERSON = "until the person is erased"
THREE_YEARS = "three years"
APPENDED = "the operator, with the triggers off; none is three years old before 2029"

REGISTER: Mapping[str, TableProcessing] = MappingProxyType(
    {
        "person": TableProcessing("knowing whose consents these are", CONSENT, WITH_PERSON, "erasure"),
        "subject": TableProcessing("finding a person by their token", CONSENT, WITH_PERSON, "erasure"),
        "presentation": TableProcessing(
            "proof of what was shown", CONSENT, "a day", "housekeeping: presentations_dropped"
        ),
        "consent": TableProcessing("what is allowed", DUTY, WITH_PERSON, "erasure"),
        "event": TableProcessing("what happened to a person's data", DUTY, WITH_PERSON, "erasure"),
        "erasure": TableProcessing("proof of an erasure", NONE, THREE_YEARS, APPENDED),
        "erased_leaf": TableProcessing("something behind every leaf of the log", NONE, THREE_YEARS, APPENDED),
        "expired_leaf": TableProcessing("something behind every leaf of the log", NONE, "for good", "none"),
        "outbox": TableProcessing("leaves on their way to a log", DUTY, "a minute", "sequencer"),
        "refused_attempt": TableProcessing("what was tried and refused", DUTY, THREE_YEARS, APPENDED),
        "account_link": TableProcessing("whose account it is at a source", CONSENT, WITH_PERSON, "erasure"),
        "farewell": TableProcessing(
            "telling a source that a link has ended, after an erasure",
            DUTY,
            "until acknowledged",
            "housekeeping: farewells_dropped",
        ),
        "correction": TableProcessing(
            "telling a source what was decided about its record",
            DUTY,
            "until acknowledged",
            "housekeeping: corrections_dropped",
        ),
        "staff_suspension": TableProcessing("keeping suspended staff out", DUTY, "until resumed", "the operator"),
        "link_code": TableProcessing("proving an account", CONSENT, "15 minutes", "housekeeping: link_codes_dropped"),
        "linked_account": TableProcessing("accepting records", CONSENT, UNTIL_STOPPED, "withdrawal, sweep, erasure"),
        "link_review": TableProcessing(
            "settling two claims on one account", DUTY, THREE_YEARS, "housekeeping: old_dropped"
        ),
        "record": TableProcessing("computing one's own points", CONSENT, UNTIL_STOPPED, "withdrawal, sweep, erasure"),
        "record_key": TableProcessing("taking a record once", CONSENT, UNTIL_STOPPED, "withdrawal, sweep, erasure"),
        "message": TableProcessing("telling a person", DUTY, WITH_PERSON, "erasure"),
        "objection": TableProcessing("deciding objections", DUTY, WITH_PERSON, "erasure"),
        "catalogue_state": TableProcessing("seeing that the rules have changed", NONE, "for good", "none"),
        "document": TableProcessing("the rules", NONE, "for good", "none"),
        "document_step": TableProcessing("four eyes (staff ids)", DUTY, "for good", "none"),
        "log_entry": TableProcessing("transparency (commitments alone)", NONE, "for good", "none"),
        "log_tile": TableProcessing("transparency (hashes)", NONE, "for good", "none"),
        "log_head": TableProcessing("transparency (signed roots)", NONE, "for good", "none"),
        "officer_case": TableProcessing("why an officer looks", DUTY, THREE_YEARS, "housekeeping: old_dropped"),
        "oversight": TableProcessing("what an officer looked at (staff ids)", DUTY, THREE_YEARS, APPENDED),
        "use_for_all": TableProcessing("showing everybody a use of all records", NONE, THREE_YEARS, APPENDED),
        "snapshot": TableProcessing("one's own points, stored", CONSENT, UNTIL_STOPPED, "withdrawal, erasure"),
        "ticket": TableProcessing("showing a benefit", CONSENT, "24 hours", "housekeeping: tickets_cut_off"),
        "redemption": TableProcessing("a venue's day", NONE, THREE_YEARS, "housekeeping: redemptions_dropped"),
        "frozen_points": TableProcessing(
            "simulations of benefits and schemes, without persons", NONE, "a week", "housekeeping: simulations_dropped"
        ),
        "released_figures": TableProcessing("figures for everybody", NONE, "for good", "none"),
        "simulation_run": TableProcessing(
            "the budget of simulations", NONE, "a week", "housekeeping: simulations_dropped"
        ),
        "quota_use": TableProcessing(
            "keeping quotas", CONSENT, "a day past the period", "housekeeping: quotas_dropped"
        ),
        "stored_answer": TableProcessing(
            "answering a retry alike", CONSENT, "48 hours", "housekeeping: answers_dropped"
        ),
    }
)


def register() -> list[dict[str, Any]]:
    """The register, by table. KeyError for a table that nobody has described."""
    found = []
    for app in Tortoise.apps.values():
        for model in app.values():
            table = model._meta.db_table
            one = REGISTER[table]
            found.append(
                {
                    "table": table,
                    "what": (model.__doc__ or "").strip(),
                    "purpose": one.purpose,
                    "basis": one.basis,
                    "kept": one.kept,
                    "removed_by": one.removed_by,
                    "fields": [
                        {"name": name, "protection": _protection(table, name)} for name in model._meta.fields_map
                    ],
                }
            )
    return sorted(found, key=lambda row: str(row["table"]))


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
