"""Sentences of a paper slip in both languages, from `slip.toml`."""

from __future__ import annotations

from consent.kernel import bilingual

SLIP_TEXTS = bilingual.by_language(bilingual.load("service.i18n", "slip.toml")["slip"], "slip")
"""Sentences by name and language; those with braces are filled in."""
