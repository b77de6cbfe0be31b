"""The rule for notices: a change in what is done with data asks everybody again (R9)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules.context import FLAGGED, PublicationContext
from consent.domain.document_kinds import Body, Finding

DATA_CLAUSES = ("purposes", "method", "data_kinds", "recipients", "retention_period", "sensitive_data")
"""Clauses of a notice whose change asks everybody again, unless an officer finds that only words changed (R9)."""


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield a finding for each clause on data that a version changes without asking everybody again."""
    if context.before is None or body["material"]:
        return
    for language in ("zh-CN", "en"):
        before, now = context.before["languages"][language], body["languages"][language]
        for clause in DATA_CLAUSES:
            if before[clause] != now[clause]:
                detail = "what is done with data reads otherwise now, and nobody would be asked again"
                yield Finding("change_not_material", "R9", f"/languages/{language}/{clause}", FLAGGED, detail)
