"""Conversion of a catalogue in YAML to JSON: plain values, no anchors, no tags, no dates, no repeated keys. Pure."""

from __future__ import annotations

from typing import Any

import orjson
import yaml

from service.http.problems import Problem


class _JsonLikeLoader(yaml.SafeLoader):
    """A SafeLoader that refuses YAML features without a JSON equivalent before it builds any value."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse anchors and aliases: a few lines of nested ones expand to gigabytes."""
        ahead = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(ahead, yaml.AliasEvent) or getattr(ahead, "anchor", None) is not None:
            raise yaml.YAMLError("anchors and aliases are not taken")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Refuse a repeated key."""
        names = [key.value for key, _ in node.value]
        if len(set(names)) != len(names):
            raise yaml.YAMLError("a key is there twice")
        return super().construct_mapping(node, deep)


_JsonLikeLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def to_json(raw: bytes) -> bytes:
    """Return UTF-8 YAML as JSON bytes.

    Problem malformed_json for text that is not YAML or has no JSON equivalent, too_deep for nesting beyond Python's
    recursion limit.
    """
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Problem("malformed_json")
    try:
        # Safe: the loader is a SafeLoader with further restrictions.
        return orjson.dumps(yaml.load(raw.decode("utf-8"), _JsonLikeLoader))  # noqa: S506
    except RecursionError:
        raise Problem("too_deep") from None
    except (yaml.YAMLError, UnicodeDecodeError, orjson.JSONEncodeError, ValueError, TypeError):
        raise Problem("malformed_json") from None
