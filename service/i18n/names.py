"""Names of the catalogue's closed words: (简体中文, English), from `names.toml`."""

from __future__ import annotations

from consent.kernel import bilingual

_TABLES = bilingual.load("service.i18n", "names.toml")
PROVIDER_KINDS = bilingual.pairs(_TABLES["provider_kinds"], "provider_kinds")
SERVICE_KINDS = bilingual.pairs(_TABLES["service_kinds"], "service_kinds")
EFFECT_KINDS = bilingual.pairs(_TABLES["effect_kinds"], "effect_kinds")
"""Kinds of effect, each named together with the unit of its amount."""
DOMAINS = bilingual.pairs(_TABLES["domains"], "domains")
"""Uses that a catalogue text must not be about; the words that reveal each are in `benefits/publishing/words.toml`."""
