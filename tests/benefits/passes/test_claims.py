"""The tolerance for clocks is the same for a pass, which venues check alone, and for the consent behind it."""

from __future__ import annotations

from benefits.passes.claims import LEEWAY_SECONDS
from consent.records.past_uses import CLOCKS_DIFFER


def test_a_pass_that_verifies_is_not_refused_for_its_consents_beginning() -> None:
    assert CLOCKS_DIFFER.total_seconds() == LEEWAY_SECONDS
