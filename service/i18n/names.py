"""Names of the catalogue's closed words: (简体中文, English), from `names.toml`."""

from __future__ import annotations

from consent.kernel import bilingual

_TABLES = bilingual.load("service.i18n", "names.toml")
PROVIDER_KINDS = bilingual.pairs(_TABLES["provider_kinds"], "provider_kinds")
SERVICE_KINDS = bilingual.pairs(_TABLES["service_kinds"], "service_kinds")
EFFECT_KINDS = bilingual.pairs(_TABLES["effect_kinds"], "effect_kinds")
"""With the unit of the one amount that each has."""
DOMAINS = bilingual.pairs(_TABLES["domains"], "domains")
"""Subjects that texts must not have; the words that reveal each are in `benefits/publishing/words.toml`."""
