"""Changes of a stored record: who decided them, and the closed list of reasons that a source may give."""

from __future__ import annotations

from enum import StrEnum

OBJECTION_UPHELD = "objection_upheld"
"""The reason of a change that an officer decided upon an objection; no source may give it as its own."""
RESERVED_WORDS = frozenset({"objection", "officer", "upheld", "rejected", "privacy", "restored", "resident", "consent"})
"""Words of reasons that speak of a person's or an officer's act. From a source such a code would be untrue."""


class DecidedBy(StrEnum):
    """The side that decided a change of a record."""

    SOURCE = "source"
    OFFICER = "officer"


class RecordChange(StrEnum):
    """A change that may leave its person with fewer points."""

    CORRECTED = "corrected"
    RETRACTED = "retracted"


class SourceReason(StrEnum):
    """The reasons of a source for correcting or retracting a record, which its person reads in words."""

    COUNTED_WRONG = "counted_wrong"
    COUNTED_TWICE = "counted_twice"
    WRONG_DAY = "wrong_day"
    WRONG_KIND = "wrong_kind"
    WRONG_ACCOUNT = "wrong_account"
    SENT_BY_MISTAKE = "sent_by_mistake"
    NOT_COMPLETED = "not_completed"
    OTHER = "other"


def is_reserved(code: str) -> bool:
    """Report whether a reason code speaks of a person's or an officer's act."""
    return not RESERVED_WORDS.isdisjoint(code.split("_"))


def source_reason(code: str) -> SourceReason:
    """Return the reason of a source's code: OTHER for a code outside the list, whose words nobody must read.

    Raises:
        ValueError: the code is reserved.
    """
    if is_reserved(code):
        raise ValueError("this reason is not a source's to give")
    return SourceReason(code) if code in set(SourceReason) else SourceReason.OTHER
