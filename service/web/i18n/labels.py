"""Names of codes and sentences about benefits in both languages, read from labels.toml once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from service.i18n import names
from service.web.i18n.text_tables import BilingualText, Texts, load_groups

_TEXTS = load_groups("service.web.i18n", "labels.toml")
SENTENCES = ("effect", "attribute", "attribute_none", "phrase")
"""Groups of labels.toml that are no names of codes."""


def _shared(pairs: Mapping[str, tuple[str, str]]) -> Texts:
    return MappingProxyType({code: BilingualText(*pair) for code, pair in pairs.items()})


LABELS: Mapping[str, Texts] = MappingProxyType(
    {
        **{group: texts for group, texts in _TEXTS.items() if group not in SENTENCES},
        "provider_kind": _shared(names.PROVIDER_KINDS),
        "service_kind": _shared(names.SERVICE_KINDS),
        "effect_kind": _shared(names.EFFECT_KINDS),
    }
)
"""Name of each code, by group and code. The API names the last three groups too, so they are defined there."""
EFFECTS: Texts = _TEXTS["effect"]
"""Sentence about each effect, a format string over its amounts; `minute[s]` is the plural that 1 does not take."""
ATTRIBUTES: Texts = _TEXTS["attribute"]
"""Sentence about each attribute of a baseline, a format string over its amount."""
ATTRIBUTES_NONE: Texts = _TEXTS["attribute_none"]
"""Sentence about an attribute that is 0 or false; attributes without one are left out then."""
ORDINARY_SERVICE: BilingualText = _TEXTS["phrase"]["ordinary_service"]
"""The baseline of a service in which no attribute is anything."""
ANY_COUNTERPART: BilingualText = _TEXTS["phrase"]["any_counterpart"]
"""Stands for the counterpart in a notice that is shown before one is chosen."""
