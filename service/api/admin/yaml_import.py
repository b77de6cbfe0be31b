"""A catalogue in YAML as JSON: plain values alone, no anchors, no tags, no dates, no repeated keys."""

from __future__ import annotations

from typing import Any

import orjson
import yaml

from service.http.problems import Problem


class _Plain(yaml.SafeLoader):
    """Refuses what JSON has not, before anything is built from it."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse anchors and aliases: a few lines of them unfold to gigabytes."""
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


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def to_json(raw: bytes) -> bytes:
    """The YAML text as JSON. Problems malformed_json (also for what JSON cannot say) and too_deep."""
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Problem("malformed_json")
    try:
        # The loader is a SafeLoader that takes less.
        return orjson.dumps(yaml.load(raw.decode("utf-8"), _Plain))  # noqa: S506
    except RecursionError:
        raise Problem("too_deep") from None
    except (yaml.YAMLError, UnicodeDecodeError, orjson.JSONEncodeError, ValueError, TypeError):
        raise Problem("malformed_json") from None
