"""The quick canonical JSON of events is RFC 8785's, byte for byte."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.kernel.canonical_json import plain_json

NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
PLAIN = st.recursive(
    st.none() | st.text(max_size=40) | st.integers(-(2**53) + 1, 2**53 - 1),
    lambda inner: st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.dictionaries(NAMES, PLAIN, max_size=8))
def test_plain_json_is_canonical_json(document: dict[str, object]) -> None:
    assert plain_json(document) == rfc8785.dumps(document)  # type: ignore[arg-type]
