"""The catalogue in force, read from its documents once and used while the catalogue's number of changes stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import rfc8785

READ_DOCUMENTS = """
SELECT kind, document_id, version, state, body, in_force_from, ended_at FROM document
 WHERE in_force_from IS NOT NULL AND kind IN ('schemes', 'providers', 'venues', 'services', 'benefits')
 ORDER BY kind, document_id, in_force_from, version
"""


class DocumentRow(NamedTuple):
    """A version of a document; times are microseconds since 1970."""

    kind: str
    document_id: str
    version: int
    state: str
    body: str
    in_force_from: int
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue in force."""

    venue_id: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class Benefit:
    """A benefit in force; `period_days` is how long it runs after a redemption."""

    benefit_id: str
    version: int
    provider_id: str
    body: Mapping[str, Any]
    period_days: int

    def valid_on(self, day: date) -> bool:
        """Return whether the benefit is offered on a civil day."""
        valid = self.body["valid"]
        return bool(valid["from"] <= day.isoformat() <= valid["until"])


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything in force, as of `changes`; it holds from `since` until before `until` (microseconds)."""

    changes: int
    since: int
    until: int | None
    venues: Mapping[str, Venue]
    benefits: Mapping[str, Benefit]
    scheme_versions: tuple[tuple[int, str], ...]
    timeline_sha256: str

    def is_current(self, changes: int, at: int) -> bool:
        """Return whether nothing has changed since."""
        return changes == self.changes and self.since <= at and (self.until is None or at < self.until)

    def scheme_version(self, year: int) -> str:
        """Return the scheme version of a civil year."""
        return [version for first, version in self.scheme_versions if first <= year][-1]


def compile_catalogue(rows: Iterable[DocumentRow], changes: int, at: int) -> Catalogue:
    """Compile the documents that bind at `at` (microseconds). `rows` are in the order of READ_DOCUMENTS."""
    documents = list(rows)
    latest = {(row.kind, row.document_id): row for row in documents if row.in_force_from <= at}
    bodies: dict[str, dict[str, Any]] = {}
    versions: dict[str, int] = {}
    for row in latest.values():
        if row.state == "approved" and (row.ended_at is None or row.ended_at > at):
            bodies.setdefault(row.kind, {})[row.document_id] = json.loads(row.body)
            if row.kind == "benefits":
                versions[row.document_id] = row.version
    moments = [
        moment
        for row in documents
        for moment in (row.in_force_from, row.ended_at)
        if moment is not None and moment > at
    ]
    schemes = sorted(bodies["schemes"].values(), key=lambda scheme: int(scheme["from_year"]))
    hashes = [_sha256(scheme) for scheme in schemes]
    return Catalogue(
        changes=changes,
        since=at,
        until=min(moments, default=None),
        venues={body["client_id"]: Venue(body["venue_id"], body["provider_id"]) for body in bodies["venues"].values()},
        benefits=_benefits(bodies, versions),
        scheme_versions=tuple((int(scheme["from_year"]), scheme["version"]) for scheme in schemes),
        timeline_sha256=_sha256({"schemes": hashes}),
    )


def _benefits(bodies: Mapping[str, Mapping[str, Any]], versions: Mapping[str, int]) -> dict[str, Benefit]:
    benefits = {}
    for benefit_id, body in bodies["benefits"].items():
        service = bodies["services"].get(body["service_id"])
        if service is not None and service["provider_id"] in bodies["providers"]:
            longer = body["effect"]["days"] if body["effect"]["kind"] == "longer_period" else 0
            period = int(service["baseline"].get("period_days") or 0) + longer
            benefits[benefit_id] = Benefit(benefit_id, versions[benefit_id], service["provider_id"], body, period)
    return benefits


def _sha256(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(dict(document))).hexdigest()
