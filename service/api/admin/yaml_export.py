"""A catalogue as YAML that `yaml_import` reads back as the same values. Pure."""

from __future__ import annotations

import re
from typing import Any

import yaml

from service.api.admin.yaml_import import NUMBER

BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks of YAML 1.1 that JSON does not know. PyYAML 6 writes them as they are; readers fold them into spaces."""


class _Dumper(yaml.SafeDumper):
    """Writes texts with such breaks in double quotes, where they are escaped, and texts that read as numbers too.

    PyYAML leaves `0E0` without quotes, since YAML 1.1 wants a point in a number; the import reads 0.
    """


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = '"' if BREAKS.search(value) or NUMBER.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def from_document(document: Any) -> str:
    """Return a document of plain values as YAML, with its members in their order."""
    text: str = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
    return text
