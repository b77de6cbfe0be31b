"""Rules about what everybody gets, compared with what everybody got before (R4)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules.context import PublicationContext
from benefits.rules import effects
from benefits.rules.effects import Baseline
from consent.domain.document_kinds import Finding, Severity


def worsened(baseline: Baseline, context: PublicationContext, pointer: str, severity: Severity) -> Iterator[Finding]:
    """Yield a finding for each attribute that was better within BASELINE_DAYS."""
    worse = {attribute for before in context.baselines for attribute in effects.worsened(baseline, before)}
    for attribute in sorted(worse):
        detail = "what everybody gets was better within the last 180 days"
        yield Finding("baseline_worsened", "R4", f"{pointer}/{attribute}", severity, detail)
