"""Findings of the publication rules in the reader's language; the texts are in `findings.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from consent.domain.document_kinds import Finding
from consent.kernel import bilingual
from consent.kernel.bilingual import Pair
from service.i18n import names

_TABLES = bilingual.load("service.i18n", "findings.toml")
RULES = bilingual.pairs(_TABLES["rules"], "rules")
"""The rules of docs/policy.md by their number, in one sentence each."""
CLAUSES = bilingual.pairs(_TABLES["clauses"], "clauses")
"""The law or plan that each rule comes from."""
RULE_TEXTS = bilingual.pairs(_TABLES["rule_texts"], "rule_texts")
"""Faults that a rule names, by the finding's code, or by `code:member` for the text of one member alone."""
FORM_TEXTS = bilingual.pairs(_TABLES["form_texts"], "form_texts")
"""Faults of form, by code: no rule can be applied before they are corrected."""
FALLBACK_TEXT = bilingual.pair(_TABLES["fallback"], "fallback")
"""The text of a code that has none of its own."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")
YEAR_MAX = 9_999
"""Numbers up to this may be years, which are written without a thousands separator."""
LABELS_OF_VALUES: Mapping[str, Mapping[str, Pair]] = MappingProxyType(
    {
        "provider": names.PROVIDER_KINDS,
        "offers": names.SERVICE_KINDS,
        "allowed": names.EFFECT_KINDS,
        "domain": names.DOMAINS,
    }
)
"""The names of the closed words in a finding's `values`, by the value's name."""


def localize(finding: Finding | Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return a finding as the API answers it: code, rule, pointer, severity, `marks`, and `detail` in the language."""
    members = asdict(finding) if isinstance(finding, Finding) else finding
    detail = detail_text(members["code"], members["pointer"], members.get("values", {}), language)
    answer = {**{name: members[name] for name in ("code", "rule", "pointer", "severity")}, "detail": detail}
    return {**answer, "marks": [dict(mark) for mark in members["marks"]]} if members.get("marks") else answer


def detail_text(code: str, pointer: str, values: Mapping[str, Any], language: str) -> str:
    """Return the sentences for a code: the fault, its reason, the next step.

    A text for `code:member`, with the last member of `pointer`, goes before the one for `code`. `values` are the limits
    and closed words that the text names; a name without a value is left blank.
    """
    english = language == "en"
    keys = (f"{code}:{pointer.rpartition('/')[2]}", code)
    text = next((table[key] for key in keys for table in (RULE_TEXTS, FORM_TEXTS) if key in table), FALLBACK_TEXT)
    named = {name: _value_text(name, value, english) for name, value in values.items()}
    return PLACEHOLDER.sub(lambda match: named.get(match[1], ""), text[english])


def _value_text(name: str, value: Any, english: bool) -> str:
    """A number with its thousands separator, closed words by their names; anything else unchanged."""
    if isinstance(value, int):
        return f"{value:,}" if value > YEAR_MAX else str(value)
    codes, labels = (value,) if isinstance(value, str) else tuple(value), LABELS_OF_VALUES.get(name, {})
    return (", " if english else "、").join(labels[code][english] if code in labels else str(code) for code in codes)
