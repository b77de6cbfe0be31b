"""The eight kinds of catalogue document, its body, and the findings of the publication rules about one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from consent.kernel.faults import Values

Body = Mapping[str, Any]
"""The content of a catalogue document as JSON, without version and state; each kind has its schema."""


class DocumentKind(StrEnum):
    """The eight kinds of catalogue document."""

    PROVIDERS = "providers"
    VENUES = "venues"
    SOURCES = "sources"
    SERVICES = "services"
    BENEFITS = "benefits"
    SCHEMES = "schemes"
    NOTICES = "notices"
    ISSUERS = "issuers"
    """Other cities whose passes count here (R19)."""


class Severity(StrEnum):
    """The effect of a finding: a refusal nobody can approve, a flag that waits for an officer, or advice."""

    REFUSED = "refused"
    FLAGGED = "flagged"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text, counted in characters (code points) from its start; `end` is the index after the last one."""

    start: int
    end: int
    text: str
    """The characters between them, as they stand in the text."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about one field: a code, the number of its rule in docs/policy.md, a JSON pointer, a sentence.

    `values` are the limits and closed vocabularies that the sentence names, so that it can be translated. `marks` are
    the words of the member's text that the finding is about, by place; empty for findings about anything else.
    """

    code: str
    rule: str
    pointer: str
    severity: Severity
    detail: str
    values: Values = field(default_factory=dict, compare=False)
    marks: tuple[Mark, ...] = field(default=(), compare=False)
