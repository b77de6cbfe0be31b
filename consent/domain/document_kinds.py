"""The seven kinds of catalogue document, and what a gate says about one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from consent.kernel.faults import Values


class DocumentKind(StrEnum):
    """The seven kinds of catalogue document."""

    PROVIDERS = "providers"
    VENUES = "venues"
    SOURCES = "sources"
    SERVICES = "services"
    BENEFITS = "benefits"
    SCHEMES = "schemes"
    NOTICES = "notices"


class Severity(StrEnum):
    """What a finding does: a refusal nobody can approve, a flag that waits for an officer, or advice."""

    REFUSED = "refused"
    FLAGGED = "flagged"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the gate says about one field: a code, the guardrail's number, a JSON pointer, a sentence.

    `values` are the limits and closed words that the sentence names, for whoever says it in another language.
    """

    code: str
    rule: str
    pointer: str
    severity: Severity
    detail: str
    values: Values = field(default_factory=dict, compare=False)
